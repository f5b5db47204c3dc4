/** One pair of a large map costs a copy of the map, and no more looks at it, whoever asks what has changed. */
import { expect, it } from 'vitest';
import type { Atom } from './atom.ts';
import { datumsEqual } from './datum.ts';
import { difference } from './diff.ts';
import { differingKeys } from './differing-keys.ts';
import { mutate, parseMutations } from './mutation.ts';
import { map, string, table } from './schema.ts';

const schema = table({ notes: map(string(), string()) });
const type = schema.columns.notes!.type;

function apply(
  before: ReadonlyMap<Atom, Atom>,
  mutator: string,
  argument: readonly string[][] | string,
): Map<Atom, Atom> {
  const json = typeof argument === 'string' ? argument : ['map', argument];
  const [mutation] = parseMutations('T', schema, [['notes', mutator, json]]);
  return mutate(mutation!, before) as Map<Atom, Atom>;
}

const before: ReadonlyMap<Atom, Atom> = new Map([
  ['b', '1'],
  ['d', '2'],
  ['f', '3'],
]);

it('pairs are inserted where they belong', () => {
  const next = apply(before, 'insert', [
    ['g', '6'],
    ['a', '4'],
    ['e', '5'],
    ['d', 'stays'],
  ]);
  expect([...next]).toEqual([
    ['a', '4'],
    ['b', '1'],
    ['d', '2'],
    ['e', '5'],
    ['f', '3'],
    ['g', '6'],
  ]);
  expect([...differingKeys(before, next)].sort()).toEqual(['a', 'e', 'g']);
});

/** A map that nobody may go through any more. */
function sealed(of: Map<Atom, Atom>): void {
  const refuse = (): never => {
    throw new Error('gone through');
  };
  for (const name of ['keys', 'values', 'entries', 'forEach', Symbol.iterator]) {
    Object.defineProperty(of, name, { value: refuse });
  }
}

it.each([
  ['insert', [['c', '9']], new Map([['c', '9']])],
  ['delete', 'd', new Map([['d', '2']])],
] as const)('after %s, nobody goes through the maps to see what has changed', (mutator, argument, changed) => {
  const old = new Map(before);
  const next = apply(old, mutator, argument as string);
  sealed(old);
  sealed(next);
  expect(datumsEqual(old, next)).toBe(false);
  expect(difference(type, old, next)).toEqual(changed);
  // Neither do those who ask the other way round.
  expect(differingKeys(next, old)).toEqual([...changed.keys()]);
});
