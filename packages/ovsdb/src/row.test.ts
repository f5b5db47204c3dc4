import { expect, it } from 'vitest';
import { rowFactory } from './row.ts';
import { column, integer, set, string, table } from './schema.ts';

it('builds rows from some values, whatever the columns are called', () => {
  const make = rowFactory(table({ name: column(string()), constructor: column(integer()), toString: set(string()) }));
  expect(Object.entries(make('u', { name: 'a', other: 5 }))).toEqual([
    ['_uuid', 'u'],
    ['name', 'a'],
    ['constructor', 0],
    ['toString', []],
  ]);
  expect(make('u', { constructor: 7 }).constructor).toBe(7);
});
