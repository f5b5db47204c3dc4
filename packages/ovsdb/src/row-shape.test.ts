import { expect, it } from 'vitest';
import { rowFactory, rowShape } from './row-shape.ts';
import { column, integer, map, optional, set, string, table } from './schema.ts';

/** Has a meaning of its own in a literal. */
const odd = '__proto__';

const { make, copy } = rowShape(
  table({
    name: column(string()),
    class: column(integer()),
    [odd]: set(string()),
    constructor: map(string(), string()),
    maybe: optional(integer()),
  }),
);

it('makes rows with the defaults of all columns, in their order', () => {
  const row = make('u');
  expect(Object.entries(row)).toEqual([
    ['_uuid', 'u'],
    ['name', ''],
    ['class', 0],
    [odd, []],
    ['constructor', new Map()],
    ['maybe', undefined],
  ]);
  expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
});

it('makes copies that have all values, and change by themselves', () => {
  const row = make('u');
  row.name = 'a';
  row[odd] = ['x'];
  const other = copy(row);
  expect(Object.entries(other)).toEqual(Object.entries(row));
  other.name = 'b';
  other[odd] = ['y'];
  expect([row.name, row[odd]]).toEqual(['a', ['x']]);
  expect(Object.entries(copy(other))).toEqual(Object.entries(other));
});

it('builds rows from some values, whatever the columns are called', () => {
  const build = rowFactory(table({ name: column(string()), constructor: column(integer()), toString: set(string()) }));
  expect(Object.entries(build('u', { name: 'a', other: 5 }))).toEqual([
    ['_uuid', 'u'],
    ['name', 'a'],
    ['constructor', 0],
    ['toString', []],
  ]);
  expect(build('u', { constructor: 7 }).constructor).toBe(7);
});
