/** A `where` looks at as few rows as the best of its clauses allows, and finds what a scan finds. */
import { allHold, parseCondition } from '@weft/ovsdb/condition';
import type { Json } from '@weft/ovsdb/json';
import { boolean, column, integer, map, optional, set, string, table } from '@weft/ovsdb/schema';
import fc from 'fast-check';
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
    [
      'notes',
      new Map([
        ['kind', 'animal'],
        ['name', `name${i}`],
        [`only ${i}`, ''],
      ]),
    ],
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
        ['notes', '!=', ['map', [['name', 'name4']]]],
      ],
      size,
    ],
    ['of a map with a common key and a rare value', [['notes', 'includes', ['map', [['name', 'name4']]]]], 1],
    ['of a map with common keys and common values', [['notes', 'includes', ['map', [['kind', 'animal']]]]], size],
    [
      'of a map with a common pair and a rare key',
      [
        [
          'notes',
          'includes',
          [
            'map',
            [
              ['kind', 'animal'],
              ['only 7', ''],
            ],
          ],
        ],
      ],
      1,
    ],
  ])('%s', (_, json, looked) => {
    const where = parseCondition('Animal', schema, json);
    const candidates = [...animals.candidates(where)];
    expect(candidates).toHaveLength(looked);
    const wanted = [...animals.rows()].filter((row) => allHold(where, row));
    expect(new Set(animals.matching(where))).toEqual(new Set(wanted));
  });
});

it('finds what a scan finds, whatever has been changed since the indexes were built', () => {
  const word = fc.constantFrom('a', 'b', 'c', 'd');
  const notes = fc.uniqueArray(fc.tuple(word, word), { selector: ([key]) => key, maxLength: 3 });
  const change = fc.record({ row: fc.nat(39), notes: fc.option(notes, { nil: undefined }), where: notes });
  fc.assert(
    fc.property(fc.array(change, { minLength: 50, maxLength: 200 }), (changes) => {
      const table = new MemoryTable('Animal', schema, newUuid);
      const uuids = Array.from({ length: 40 }, () => newUuid());
      for (const [i, uuid] of uuids.entries()) {
        table.replace(uuid, table.text.make(uuid, [['notes', new Map([['a', 'abcd'[i % 4]!]])]]));
      }
      for (const { row, notes, where } of changes) {
        const uuid = uuids[row]!;
        table.replace(uuid, notes && table.text.make(uuid, [['notes', new Map(notes)]]));
        for (const relation of ['includes', '==']) {
          const condition = parseCondition('Animal', schema, [['notes', relation, ['map', where]]]);
          const wanted = [...table.rows()].filter((each) => allHold(condition, each));
          expect(new Set(table.matching(condition))).toEqual(new Set(wanted));
        }
      }
    }),
    { numRuns: 30 },
  );
});
