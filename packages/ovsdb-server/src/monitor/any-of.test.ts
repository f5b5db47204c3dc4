/** One test for many clauses: the same answer as clause by clause, and no more work for more of them. */
import { allHold, anyHolds, type Clause, parseCondition } from '@weft/ovsdb/condition';
import type { Datum } from '@weft/ovsdb/datum';
import type { Json } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import { column, integer, map, optional, real, set, string, type TableSchema, table } from '@weft/ovsdb/schema';
import { decodeDatum } from '@weft/ovsdb/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryTable } from '../memory-table.ts';
import { newUuid } from '../new-uuid.ts';
import { AnyOf } from './any-of.ts';
import { TableFilter } from './filter.ts';

const schema: TableSchema = table({
  name: column(string()),
  legs: column(integer()),
  weight: optional(real()),
  keeper: optional(string()),
  tags: set(string()),
  sizes: set(integer()),
  notes: map(string(), string()),
  ages: map(integer(), integer()),
});

const word = fc.constantFrom('a', 'b', 'c', 'd');
const number = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.constant(2n ** 60n));
const few = <T>(of: fc.Arbitrary<T>) =>
  fc.uniqueArray(of, { maxLength: 3 }).map((atoms): Json => ['set', atoms as Json[]]);
const pairs = (of: fc.Arbitrary<Json>) =>
  fc.uniqueArray(fc.tuple(of, of), { maxLength: 3, selector: ([key]) => key }).map((all): Json => ['map', all]);
const none = fc.constant<Json>(['set', []]);

/** Values of each column; and what `where` may compare with, which may be of another size. */
const values: {
  readonly [name: string]: { readonly value: fc.Arbitrary<Json>; readonly functions: readonly string[] };
} = {
  name: { value: word, functions: ['==', '!=', 'includes', 'excludes'] },
  legs: { value: number, functions: ['==', '!=', '<', '<=', '>=', '>', 'includes', 'excludes'] },
  weight: { value: fc.oneof(none, fc.integer({ min: 0, max: 3 })), functions: ['==', '!=', 'includes', 'excludes'] },
  keeper: { value: fc.oneof(none, word), functions: ['==', '!=', 'includes', 'excludes'] },
  tags: { value: few(word), functions: ['==', '!=', 'includes', 'excludes'] },
  sizes: { value: few(number), functions: ['==', '!=', 'includes', 'excludes'] },
  notes: { value: pairs(word), functions: ['==', '!=', 'includes', 'excludes'] },
  ages: { value: pairs(number), functions: ['==', '!=', 'includes', 'excludes'] },
};

const clause = fc.oneof(
  ...Object.entries(values).map(([name, { value, functions }]) =>
    fc.tuple(fc.constant(name), fc.constantFrom(...functions), value),
  ),
  fc.tuple(fc.constant('weight'), fc.constantFrom('<', '<=', '>=', '>'), fc.integer({ min: 0, max: 3 })),
) as fc.Arbitrary<Json>;

const row = fc
  .record(Object.fromEntries(Object.entries(values).map(([name, { value }]) => [name, value])))
  .map((json) =>
    Object.fromEntries(
      Object.entries(json).map(([name, value]) => [name, decodeDatum(schema.columns[name]!.type, value)]),
    ),
  ) as unknown as fc.Arbitrary<Row>;

const read = (of: Row, name: string): Datum => of[name];
const clausesOf = (where: Json): Clause[] => parseCondition('Animal', schema, where) as Clause[];

it('says what the clauses say one by one', () => {
  fc.assert(
    fc.property(fc.array(clause, { minLength: 1, maxLength: 6 }), fc.array(row, { minLength: 1 }), (where, rows) => {
      const clauses = clausesOf(where);
      const anyOf = new AnyOf(clauses, read);
      for (const each of rows) {
        expect(anyOf.holds(each)).toBe(anyHolds(clauses, each));
        if (anyOf.always) expect(anyOf.holds(each)).toBe(true);
      }
    }),
    { numRuns: 2000 },
  );
});

it('is asked of all rows for which it holds, whatever the indexes are', () => {
  const rows = fc.array(row, { minLength: 40, maxLength: 60 });
  fc.assert(
    fc.property(fc.array(clause, { minLength: 1, maxLength: 4 }), rows, (where, all) => {
      const animals = new MemoryTable('Animal', schema, newUuid);
      for (const each of all) {
        const made = animals.text.make(newUuid(), Object.entries(each));
        animals.replace(made._uuid, made);
      }
      const condition = parseCondition('Animal', schema, where);
      const oneHolds = [...animals.rows()].filter((each) => anyHolds(condition, each));
      expect(new Set(new TableFilter(animals, condition).rows())).toEqual(new Set(oneHolds));
      const allTrue = [...animals.rows()].filter((each) => allHold(condition, each));
      expect(new Set(animals.matching(condition))).toEqual(new Set(allTrue));
    }),
    { numRuns: 300 },
  );
});

it('knows conditions that hold for every row', () => {
  const always = (...where: Json[]): boolean => new AnyOf(clausesOf(where), read).always;
  expect(always(['name', '!=', 'a'], ['name', '!=', 'b'])).toBe(true);
  expect(always(['name', '!=', 'a'], ['name', '!=', 'a'])).toBe(false);
  expect(always(['tags', 'includes', ['set', []]])).toBe(true);
  expect(always(['tags', 'excludes', 'a'], ['tags', 'excludes', 'b'])).toBe(false);
});

/** How often the value of a row is looked into, or compared, by a test that fails. */
function looks(where: readonly Json[], name: string, value: Datum): number {
  let count = 0;
  const counting: ProxyHandler<object> = {
    get(target, key) {
      count++;
      const member: unknown = Reflect.get(target, key);
      return typeof member === 'function' ? (member as (...args: unknown[]) => unknown).bind(target) : member;
    },
  };
  // A number that counts how often it is compared.
  const number = {
    valueOf: () => {
      count++;
      return value;
    },
  };
  const object = typeof value === 'object' ? new Proxy(value, counting) : number;
  const anyOf = new AnyOf(clausesOf(where), read);
  expect(anyOf.holds({ _uuid: '', [name]: object as unknown as Datum } as Row)).toBe(false);
  return count;
}

describe('a test of 2,000 clauses looks no further than one of 20:', () => {
  const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);
  const rows: { readonly [what: string]: readonly [string, Datum, (i: number) => Json] } = {
    'a set that includes two members, one of them common': [
      'tags',
      ['all', 'x', 'y'],
      (i) => ['tags', 'includes', ['set', ['all', `t${i}`]]],
    ],
    'a set as a whole': ['tags', ['all', 'x'], (i) => ['tags', '==', ['set', ['all', `t${i}`]]]],
    'pairs of a map': [
      'notes',
      new Map([
        ['kind', 'k'],
        ['name', 'x'],
      ]),
      (i) => [
        'notes',
        'includes',
        [
          'map',
          [
            ['kind', 'k'],
            ['name', `n${i}`],
          ],
        ],
      ],
    ],
    'a map as a whole': ['notes', new Map([['name', 'x']]), (i) => ['notes', '==', ['map', [['name', `n${i}`]]]]],
    'what excludes something common': ['tags', ['all', 'x'], (i) => ['tags', 'excludes', ['set', ['all', `t${i}`]]]],
    limits: ['legs', 5_000, (i) => ['legs', '<', i]],
  };
  it.each(Object.entries(rows))('%s', (_, [name, value, clauseOf]) => {
    expect(looks(numbers(2_000).map(clauseOf), name, value)).toBe(looks(numbers(20).map(clauseOf), name, value));
  });
});
