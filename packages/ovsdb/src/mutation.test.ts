import { expect, it } from 'vitest';
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
