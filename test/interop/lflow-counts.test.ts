/** Random matches like those of ACLs: ours never take more flows than ovn-controller's. `WEFT_FUZZ_SEED` and `WEFT_FUZZ_MATCHES` choose others, and more. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { LflowOracle } from './lflow-oracle.ts';
import { compareWithOracle } from './lflow-ours.ts';

const seed = Number(process.env.WEFT_FUZZ_SEED ?? 1);
const count = Number(process.env.WEFT_FUZZ_MATCHES ?? 30);

const oracle = new LflowOracle();
beforeAll(() => oracle.start(), 60_000);
afterAll(() => oracle.stop());

const small = fc.nat({ max: 5 });
const address = fc.tuple(small, small, small).map((octets) => `10.${octets.join('.')}`);
const network = fc.tuple(small, fc.constantFrom('0.0/16', '1.0/24')).map(([octet, rest]) => `10.${octet}.${rest}`);
const setOf = (member: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(member, { minLength: 1, maxLength: 4 }).map((members) => `{${members.join(', ')}}`);
const port = fc.integer({ min: 78, max: 85 });
const leaf = fc.oneof(
  fc.tuple(fc.constantFrom('ip4.src', 'ip4.dst'), setOf(fc.oneof(address, network))).map((it) => it.join(' == ')),
  fc.tuple(fc.constantFrom('tcp.dst', 'udp.dst'), setOf(port.map(String))).map((it) => it.join(' == ')),
  fc.tuple(port, fc.integer({ min: 90, max: 2000 })).map(([low, high]) => `tcp.dst >= ${low} && tcp.dst <= ${high}`),
  fc.tuple(fc.constantFrom('<', '>=', '!='), port).map(([relop, value]) => `tcp.src ${relop} ${value}`),
  fc.tuple(small, fc.nat({ max: 1 })).map(([bit, value]) => `reg0[${bit}] == ${value}`),
  fc.constantFrom(
    'inport == {"lp1", "lp2"}',
    'eth.dst == 00:00:00:00:00:01',
    'ct.est',
    '!ct.new',
    'ip6',
    'icmp4.type == 8',
  ),
);
const joined = (operand: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom(' && ', ' || '), fc.array(operand, { minLength: 2, maxLength: 3 }))
    .map(([operator, operands]) => operands.map((each) => `(${each})`).join(operator));
const match = fc.oneof(leaf, joined(leaf), joined(fc.oneof(leaf, joined(leaf))));

it('random matches take no more flows than with ovn-controller', async () => {
  const more: string[] = [];
  let compared = 0;
  for (const text of fc.sample(match, { seed, numRuns: count })) {
    // One at a time: flows that two rows share would count for one of them only.
    const [comparison] = await compareWithOracle(oracle, [{ match: text, actions: 'next;' }]);
    if (comparison === undefined || comparison.theirError !== undefined) continue;
    compared++;
    expect(comparison.ourError, text).toBeUndefined();
    const { ours, theirs } = comparison;
    if (ours.length > theirs.length) more.push(`${text}: ${ours.length} flows, ovn-controller ${theirs.length}`);
  }
  expect(more).toEqual([]);
  expect(compared).toBeGreaterThan(count / 2);
}, 600_000);
