import fc from 'fast-check';
import { expect, it } from 'vitest';
import { differingRange } from './datum.ts';
import { symmetricDifference } from './diff.ts';
import { mutate, parseMutations } from './mutation.ts';
import { parseSchema } from './schema-json.ts';

const table = parseSchema({
  name: 'S',
  version: '1.0.0',
  tables: { T: { columns: { ratio: { type: 'real' }, reals: { type: { key: 'real', min: 0, max: 'unlimited' } } } } },
}).tables.T!;

it.each([
  ['*=', 0, -1.5],
  ['*=', -1.5, 0],
  ['/=', 0, -1.5],
  ['*=', -1e-200, 1e-200],
])('%s never makes a zero that is not zero (%d, %d)', (mutator, value, operand) => {
  const [scalar, set] = parseMutations('T', table, [
    ['ratio', mutator, operand],
    ['reals', mutator, operand],
  ]);
  expect(mutate(scalar!, value)).toBe(0);
  expect(mutate(set!, [value])).toEqual([0]);
});

it('inserts and deletes members as a set does, and says where the result differs', () => {
  const integers = fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { maxLength: 20 });
  fc.assert(
    fc.property(integers, integers, fc.constantFrom('insert', 'delete'), (held, members, mutator) => {
      const before = held.toSorted((a, b) => a - b);
      const [mutation] = parseMutations('T', table, [['reals', mutator, ['set', members]]]);
      const after = mutate(mutation!, before) as readonly number[];
      const expected =
        mutator === 'insert' ? [...new Set([...held, ...members])] : held.filter((atom) => !members.includes(atom));
      expect(after).toEqual(expected.sort((a, b) => a - b));
      // Copies are compared, not remembered.
      const range = differingRange([...before], [...after]);
      for (let i = 0; i < 2; i++) {
        expect(differingRange(before, after)).toEqual(range);
        expect(differingRange(after, before)).toEqual({ start: range.start, endA: range.endB, endB: range.endA });
      }
      const changed = [...before, ...after].filter((atom) => before.includes(atom) !== after.includes(atom));
      expect(symmetricDifference(before, after)).toEqual(changed.sort((a, b) => a - b));
    }),
    { seed: 1 },
  );
});
