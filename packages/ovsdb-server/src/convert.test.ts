import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { column, database, string, table } from '@weft/ovsdb/schema';
import { expect, it } from 'vitest';
import { convert } from './convert.ts';
import { Database } from './database.ts';
import { SqliteStore } from './store/sqlite.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const schemaOf = (version: string) =>
  database('D', version, { T: table({ name: column(string()) }, { isRoot: true, indexes: [['name']] }) });

it('of the tables that a database was loaded with nothing is kept when it has been converted', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-convert-'));
  const file = join(folder, 'db');
  SqliteStore.create(file, schemaOf('1.0.0'));
  try {
    let db = await Database.open(SqliteStore.open(file));
    const insert = { op: 'insert', table: 'T', row: { name: 'a' } };
    db.transact([insert], { ownsLock: () => true }, () => {});
    await db.close();
    db = await Database.open(SqliteStore.open(file));
    const loaded = new WeakRef(db.tables.get('T')!);
    const next = schemaOf('2.0.0');
    db.replace(next, convert(db.tables, next));
    expect(db.tables.get('T')?.size).toBe(1);
    await expect
      .poll(() => {
        collectGarbage();
        return loaded.deref() === undefined;
      })
      .toBe(true);
    await db.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
