/** Texts that are changed by chance, most of them wrong. `WEFT_FUZZ_SEED` and `WEFT_FUZZ_TEXTS` choose others, and more. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mutatedActions, mutatedMatch } from './lflow-mutations.ts';
import { LflowOracle, type OracleFlow } from './lflow-oracle.ts';
import { type Comparison, compareWithOracle } from './lflow-ours.ts';

const seed = Number(process.env.WEFT_FUZZ_SEED ?? 1);
const count = Number(process.env.WEFT_FUZZ_TEXTS ?? 1500);

const oracle = new LflowOracle();
beforeAll(() => oracle.start(), 60_000);
afterAll(() => oracle.stop());

async function compare(texts: fc.Arbitrary<string>, flow: (text: string) => OracleFlow): Promise<Comparison[]> {
  const all = [...new Set(fc.sample(texts, { seed, numRuns: count }))].map(flow);
  const compared: Comparison[] = [];
  for (let i = 0; i < all.length; i += 400) compared.push(...(await compareWithOracle(oracle, all.slice(i, i + 400))));
  return compared;
}

const told = ({ flow, ours, theirs, ourError, theirError }: Comparison): string =>
  `${flow.match} | ${flow.actions}\n  C: ${theirError ?? theirs.join('\n     ')}\n  W: ${ourError ?? ours.join('\n     ')}`;

/** What ovn-controller takes, and we do not (docs/logical-flows.md). */
const refused =
  /can only be matched whole|value sets|only be compared with 0 and 1|expecting logical switch port|^Syntax error at `;' expecting `;'|Invalid numeric constant|for port range|range high should|^Invalid value for|^Syntax error at `;' expecting `\)'/;

/** What is taken by one only, and wrong texts that the two complain of in other words. */
function sorted(compared: readonly Comparison[]): { readonly onlyOne: string[]; readonly otherWords: string[] } {
  const differing = compared.filter(({ ourError, theirError }) => ourError !== theirError);
  const both = differing.filter(({ ourError, theirError }) => ourError !== undefined && theirError !== undefined);
  return {
    onlyOne: differing.filter((each) => !both.includes(each) && !refused.test(each.ourError ?? '')).map(told),
    // With a variable in it, a text loses its spaces there before it is read.
    otherWords: both.filter(({ flow }) => !`${flow.match}${flow.actions}`.includes('^')).map(told),
  };
}

it('matches are taken or refused alike, nearly always in the same words', async () => {
  const compared = await compare(mutatedMatch, (match) => ({ match, actions: 'next;' }));
  const { onlyOne, otherWords } = sorted(compared);
  expect(onlyOne).toEqual([]);
  expect(otherWords.length, otherWords.join('\n')).toBeLessThan(compared.length / 100);
  // As in lflow.test.ts: a port that is elsewhere, what ovn-controller ignores, and what it negates wrongly.
  const known = /"lp3"|ip\.(dscp|ecn)|!.*(frag|mcast)|(frag|mcast).*(!=|== ?(0|\{))|ip\.frag *<|ct_state|vlan\.pcp/;
  const more = compared.filter(
    ({ flow, ours, theirs }) =>
      !known.test(flow.match) &&
      (ours.length > theirs.length || (ours.length === theirs.length && ours.join() !== theirs.join())),
  );
  expect(more.filter(({ theirError }) => theirError === undefined).map(told)).toEqual([]);
}, 600_000);

it('so are actions, and they become the same', async () => {
  const compared = await compare(mutatedActions, (actions) => ({ match: 'ip4 && tcp', actions }));
  const { onlyOne, otherWords } = sorted(compared);
  expect(onlyOne).toEqual([]);
  expect(otherWords.length, otherWords.join('\n')).toBeLessThan(compared.length / 50);
  const other = compared.filter(
    ({ ours, theirs, ourError }) => ourError === undefined && ours.join() !== theirs.join(),
  );
  expect(other.filter(({ theirError }) => theirError === undefined).map(told)).toEqual([]);
}, 600_000);
