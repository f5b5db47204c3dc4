/** What is done about references when a transaction commits follows from what it changed, not from how many references there are. */
import { column, database, map, optional, ref, set, string, table } from '@weft/ovsdb/schema';
import { expect, it, vi } from 'vitest';
import { Database } from './database.ts';
import { MemoryStore } from './store/memory.ts';

const count = 1000;
const schema = database('Zoo', '1.0.0', {
  Animal: table({ name: column(string()) }, { isRoot: true }),
  Cage: table(
    {
      animals: set(ref('Animal', 'weak')),
      foods: map(ref('Animal', 'weak'), string()),
      places: map(string(), ref('Animal', 'weak')),
      first: optional(ref('Animal', 'weak')),
    },
    { isRoot: true },
  ),
});

const uuids = Array.from({ length: count + 2 }, (_, i) => `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`);
const reference = (i: number) => ['uuid', uuids[i]!];

async function open() {
  const db = await Database.open(new MemoryStore(schema));
  const transact = (...operations: object[]): void => {
    db.transact(operations as never, { ownsLock: () => true }, (results) => expect(results).not.toContain('error'));
    db.flush();
  };
  const all = Array.from({ length: count }, (_, i) => i);
  transact(...all.map((i) => ({ op: 'insert', table: 'Animal', uuid: uuids[i], row: { name: `${i}` } })), {
    op: 'insert',
    table: 'Cage',
    row: {
      animals: ['set', all.map(reference)],
      foods: ['map', all.map((i) => [reference(i), `${i}`])],
      places: ['map', all.map((i) => [`${i}`, reference(i)])],
      first: reference(0),
    },
  });
  const animals = db.tables.get('Animal')!;
  const cage = () =>
    [...db.tables.get('Cage')!.rows()][0] as unknown as {
      readonly animals: readonly string[];
      readonly foods: ReadonlyMap<string, string>;
      readonly places: ReadonlyMap<string, string>;
      readonly first: string | undefined;
    };
  return { transact, animals, cage };
}

it('a row that goes is taken from what refers to it weakly, and the others are not looked for', async () => {
  const { transact, animals, cage } = await open();
  const looks = vi.spyOn(animals, 'get');
  transact({ op: 'delete', table: 'Animal', where: [['name', '==', '0']] });
  expect(looks.mock.calls.length).toBeLessThan(10);
  expect(cage().animals).toEqual(uuids.slice(1, count));
  expect([...cage().foods.keys()]).toEqual(uuids.slice(1, count));
  expect([...cage().places.values()].sort()).toEqual(uuids.slice(1, count));
  expect(cage().first).toBeUndefined();
});

it('a new weak reference is looked for, and the others are not', async () => {
  const { transact, animals, cage } = await open();
  const looks = vi.spyOn(animals, 'get');
  transact(
    { op: 'insert', table: 'Animal', uuid: uuids[count], row: { name: 'new' } },
    {
      op: 'mutate',
      table: 'Cage',
      where: [],
      mutations: [
        ['animals', 'insert', ['set', [reference(count), reference(count + 1)]]],
        [
          'foods',
          'insert',
          [
            'map',
            [
              [reference(count), 'x'],
              [reference(count + 1), 'y'],
            ],
          ],
        ],
        [
          'places',
          'insert',
          [
            'map',
            [
              ['a', reference(count)],
              ['b', reference(count + 1)],
            ],
          ],
        ],
      ],
    },
  );
  expect(looks.mock.calls.length).toBeLessThan(20);
  expect(cage().animals).toEqual(uuids.slice(0, count + 1));
  expect(cage().foods.size).toBe(count + 1);
  expect(cage().places.has('a')).toBe(true);
  expect(cage().places.has('b')).toBe(false);
});

it('all of them may go at once', async () => {
  const { transact, cage } = await open();
  transact({ op: 'delete', table: 'Animal', where: [] });
  expect(cage()).toMatchObject({ animals: [], foods: new Map(), places: new Map(), first: undefined });
});
