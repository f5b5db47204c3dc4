/** Integers of 64 bits, which a double does not hold, in what the store writes and reads: contents, log, schema. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Json } from '@weft/ovsdb/json';
import { parseSchema } from '@weft/ovsdb/schema-json';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Database } from '../database.ts';
import { wholeText } from '../pieces.ts';
import type { Scheduler } from './scheduler.ts';
import { SqliteStore } from './sqlite.ts';

const least = -(2n ** 63n);
const greatest = 2n ** 63n - 1n;
/** Half way between two doubles. */
const odd = 9007199254740993n;

const schema = parseSchema({
  name: 'D',
  version: '1.0.0',
  tables: {
    T: {
      isRoot: true,
      columns: {
        i: { type: { key: { type: 'integer', minInteger: least + 1n, maxInteger: greatest } } },
        e: { type: { key: { type: 'integer', enum: ['set', [0, odd, odd + 2n]] } } },
        s: { type: { key: 'integer', min: 0, max: 'unlimited' } },
        m: { type: { key: 'integer', value: 'integer', min: 0, max: 'unlimited' } },
        r: { type: 'real' },
      },
    },
  },
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-long-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function transact(db: Database, operation: Json): string {
  let answer = '';
  db.transact([operation], { ownsLock: () => true }, (results) => {
    answer = wholeText(results);
  });
  db.flush();
  return answer;
}

const idle: Scheduler = { after: () => {}, soon: () => {} };
const all = { op: 'select', table: 'T', where: [], columns: ['i', 'e', 's', 'm', 'r'] };
const row = { i: greatest, e: odd, s: ['set', [least, odd]], m: ['map', [[odd, least]]], r: 2 ** 60 };
const mutations: Json[] = [
  ['i', '-=', 1],
  ['s', 'insert', odd + 2n],
  ['m', 'insert', ['map', [[least, odd]]]],
  // A real is written like an integer, too.
  ['r', '*=', 10],
];

it('survive a kill and an end in good order', async () => {
  const file = join(folder, 'db');
  SqliteStore.create(file, schema);
  const db = await Database.open(SqliteStore.open(file, { scheduler: idle }));
  transact(db, { op: 'insert', table: 'T', row });
  transact(db, { op: 'mutate', table: 'T', where: [], mutations });
  const expected = transact(db, all);
  expect(expected).toContain(String(greatest - 1n));
  expect(expected).toContain(String(odd + 2n));

  const killed = join(folder, 'killed');
  for (const suffix of ['', '-wal', '-log', '-log2']) cpSync(file + suffix, killed + suffix);
  await db.close();
  for (const found of [killed, file]) {
    const again = await Database.open(SqliteStore.open(found, { scheduler: idle }));
    expect(again.schema).toEqual(schema);
    expect(transact(again, all)).toBe(expected);
    await again.close();
  }
});
