/** A `where` looks at as few rows as the best of its clauses allows, and finds what a scan finds. */
import { allHold, parseCondition } from '@weft/ovsdb/condition';
import type { Json } from '@weft/ovsdb/json';
import { boolean, column, integer, map, optional, set, string, table } from '@weft/ovsdb/schema';
import { describe, expect, it } from 'vitest';
import { MemoryTable } from './memory-table.ts';
import { newUuid } from './new-uuid.ts';

const schema = table({
  name: column(string()),
  tame: column(boolean()),
  legs: column(integer()),
  keeper: optional(string()),
  tags: set(string()),
  notes: map(string(), string()),
});

const size = 1000;
const animals = new MemoryTable('Animal', schema, newUuid);
for (let i = 0; i < size; i++) {
  const row = animals.text.make(newUuid(), [
    ['name', `name${i}`],
    ['tame', i % 2 === 0],
    ['legs', i % 5],
    ['keeper', i % 2 === 0 ? `keeper${i}` : undefined],
    ['tags', ['all', `tag${i}`]],
    ['notes', new Map([['name', `name${i}`]])],
  ]);
  animals.replace(row._uuid, row);
}
const [first] = animals.rows();

describe('rows that are looked at:', () => {
  it.each<readonly [string, Json, number]>([
    [
      'of a common value and a rare one',
      [
        ['tame', '==', true],
        ['name', '==', 'name4'],
      ],
      1,
    ],
    [
      'of a rare value and a common one',
      [
        ['name', '==', 'name4'],
        ['tame', '==', true],
      ],
      1,
    ],
    ['of a set with a common member and a rare one', [['tags', 'includes', ['set', ['all', 'tag4']]]], 1],
    [
      'of a common value and a uuid',
      [
        ['tame', '==', true],
        ['_uuid', '==', ['uuid', first!._uuid]],
      ],
      1,
    ],
    [
      'of what is nowhere',
      [
        ['tags', 'includes', 'all'],
        ['keeper', '==', 'nobody'],
      ],
      0,
    ],
    ['of a common value, no more than there are', [['tame', '==', true]], size],
    [
      'of no rare value',
      [
        ['legs', '==', 3],
        ['tame', '==', true],
      ],
      size / 5,
    ],
    [
      'of what no index can tell',
      [
        ['legs', '<', 1],
        ['notes', 'includes', ['map', [['name', 'name4']]]],
      ],
      size,
    ],
  ])('%s', (_, json, looked) => {
    const where = parseCondition('Animal', schema, json);
    const candidates = [...animals.candidates(where)];
    expect(candidates).toHaveLength(looked);
    const wanted = [...animals.rows()].filter((row) => allHold(where, row));
    expect(new Set(animals.matching(where))).toEqual(new Set(wanted));
  });
});
