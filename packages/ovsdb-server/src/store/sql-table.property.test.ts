/** Of a changed row only the columns that changed are written to its SQL table: after any history the tables are what memory is. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Json, JsonObject } from '@weft/ovsdb/json';
import { column, database, integer, map, optional, real, set, string, table } from '@weft/ovsdb/schema';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Database } from '../database.ts';
import { openSqlite } from './load-sqlite.ts';
import { unused } from './sql-table.ts';
import { SqliteStore } from './sqlite.ts';

/** Each with a few values; the first is the default. */
const values: { readonly [column: string]: readonly Json[] } = {
  name: ['', "it's", '"'],
  number: [0, 7, -3],
  real: [0, 0.5],
  optional: [['set', []], 'x', "'"],
  set: [['set', []], 'a', ['set', ['a', 'b']]],
  some: [0, ['set', [1, 2]], 3],
  map: [
    ['map', []],
    ['map', [['k', "v'"]]],
  ],
  passing: ['', 'gone'],
};
const schema = database('D', '1.0.0', {
  T: table(
    {
      name: column(string()),
      number: column(integer()),
      real: column(real()),
      optional: optional(string()),
      set: set(string()),
      some: set(integer(), { min: 1 }),
      map: map(string(), string()),
      passing: column(string(), { ephemeral: true }),
    },
    { isRoot: true },
  ),
});

const row = fc.record(
  Object.fromEntries(Object.entries(values).map(([name, choice]) => [name, fc.constantFrom(...choice)])),
  { requiredKeys: [] },
) as fc.Arbitrary<JsonObject>;
/** Few, so that rows come again under the uuid of one that went. */
const uuid = fc.integer({ min: 0, max: 2 }).map((n) => `00000000-0000-4000-8000-00000000000${n}`);
const where = (of: string): Json => [['_uuid', '==', ['uuid', of]]];
const operation: fc.Arbitrary<Json> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(uuid, row).map(([of, values]) => ({ op: 'insert', table: 'T', uuid: of, row: values })),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(uuid, row).map(([of, values]) => ({ op: 'update', table: 'T', where: where(of), row: values })),
  },
  { weight: 1, arbitrary: uuid.map((of) => ({ op: 'delete', table: 'T', where: where(of) })) },
  {
    weight: 1,
    arbitrary: uuid.map((of) => ({
      op: 'mutate',
      table: 'T',
      where: where(of),
      mutations: [
        ['number', '+=', 1],
        ['set', 'insert', 'c'],
        ['number', '+=', 1],
      ],
    })),
  },
);
/** A transaction, or the background work gets time. */
const step = fc.oneof(
  { weight: 4, arbitrary: fc.array(operation, { minLength: 1, maxLength: 2 }) },
  fc.constant('write' as const),
);

function contents(db: Database): string[] {
  const t = db.tables.get('T')!;
  return [...t.rows()].map((each) => `${each._uuid} ${t.text.object(each, t.persistentColumns, false)}`).sort();
}

describe('SQL tables', () => {
  it('have the defaults of what an insert leaves out', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-tables-'));
    const file = join(folder, 'db');
    try {
      SqliteStore.create(file, schema);
      const db = await Database.open(SqliteStore.open(file));
      db.transact([{ op: 'insert', table: 'T', row: { name: 'a' } }], { ownsLock: () => true }, () => {});
      await db.close();
      const sql = openSqlite(file, {});
      const rows = sql.prepare('SELECT name, number, real, optional, "set", some, map FROM T').raw().all();
      sql.close();
      expect(rows).toEqual([['a', 0, 0, null, '[]', '[0]', '{}']]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('are what memory is', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-tables-'));
    let files = 0;
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 60, maxLength: 120 }), async (steps) => {
          const file = join(folder, `db${files++}`);
          SqliteStore.create(file, schema);
          const due: (() => void)[] = [];
          const later = (callback: () => void) => void due.push(callback);
          const scheduler = { after: (_: number, callback: () => void) => later(callback), soon: later };
          const db = await Database.open(SqliteStore.open(file, { scheduler }));
          for (const each of steps) {
            if (each === 'write') while (due.length > 0) due.shift()!();
            else {
              db.transact(each, { ownsLock: () => true }, () => {});
              db.flush();
            }
          }
          const before = contents(db);
          // Closing leaves the tables only.
          await db.close();
          const again = await Database.open(SqliteStore.open(file));
          expect(contents(again)).toEqual(before);
          await again.close();
        }),
        { seed: 1, numRuns: 40 },
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 60_000);
});

it('SQLite’s own names are taken by none, however many tables want a name', () => {
  const taken = new Set<string>();
  const names = ['T_sqlite_x', 'sqlite_x', 'SQLITE_X', 't_sqlite_x_2'].map((name) => unused(name, taken));
  expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length);
  expect(names.filter((name) => /^sqlite_/i.test(name))).toEqual([]);
});
