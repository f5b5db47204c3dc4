import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { column, database, string, table } from '@weft/ovsdb/schema';
import { expect, it } from 'vitest';
import { convert } from '../convert.ts';
import { Database } from '../database.ts';
import { SqliteStore } from './sqlite.ts';

const schemas = ['1.0.0', '2.0.0'].map((version) =>
  database('D', version, { T: table({ name: column(string()) }, { isRoot: true }) }),
);

it('a database that is converted back and forth has no wal that grows with each conversion', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-conversions-'));
  const file = join(folder, 'db');
  SqliteStore.create(file, schemas[0]!);
  const due: (() => void)[] = [];
  const scheduler = {
    after: (_ms: number, work: () => void) => due.push(work),
    soon: (work: () => void) => due.push(work),
  };
  const db = await Database.open(SqliteStore.open(file, { scheduler, walBytes: 100_000 }));
  const insert = Array.from({ length: 500 }, (_, i) => ({ op: 'insert', table: 'T', row: { name: `row ${i}` } }));
  db.transact(insert, { ownsLock: () => true }, () => {});
  db.flush();
  let conversions = 0;
  let length = 0;
  const beginsAnew = (): boolean => {
    const before = length;
    const schema = schemas[++conversions % 2]!;
    db.replace(schema, convert(db.tables, schema));
    for (let work = due.shift(); work !== undefined; work = due.shift()) work();
    length = statSync(`${file}-wal`).size;
    return length < before;
  };
  try {
    await expect.poll(beginsAnew, { timeout: 10_000, interval: 10 }).toBe(true);
    expect(conversions).toBeGreaterThan(1);
  } finally {
    await db.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
