import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { column, database, string, table } from '@weft/ovsdb/schema';
import { expect, it } from 'vitest';
import { Database } from '../database.ts';
import { openSqlite } from './load-sqlite.ts';
import { SqliteStore } from './sqlite.ts';

const schema = database('D', '1.0.0', { T: table({ name: column(string()) }, { isRoot: true }) });
const never = { after: () => {}, soon: () => {} };
const descriptors = (): number => readdirSync('/proc/self/fd').length;

it('of a file that cannot be loaded nothing stays open, and it is left as it is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-damaged-'));
  const file = join(folder, 'db');
  try {
    SqliteStore.create(file, schema);
    const insert = { op: 'insert', table: 'T', row: { name: 'a' } };
    const db = await Database.open(SqliteStore.open(file));
    db.transact([insert], { ownsLock: () => true }, () => {});
    await db.close();
    const sqlite = openSqlite(file, {});
    sqlite.exec('ALTER TABLE T RENAME TO elsewhere');
    sqlite.close();
    const before = descriptors();
    const attempt = (): Promise<string> =>
      Database.open(SqliteStore.open(file, { scheduler: never })).then(
        () => 'opened',
        (error: Error) => error.message,
      );
    const first = await attempt();
    expect(first).toContain('no such table');
    const log = readFileSync(`${file}-log`);
    for (let i = 0; i < 5; i++) expect(await attempt()).toBe(first);
    expect(descriptors()).toBe(before);
    expect(readFileSync(`${file}-log`)).toEqual(log);
    const repaired = openSqlite(file, {});
    repaired.exec('ALTER TABLE elsewhere RENAME TO T');
    repaired.close();
    const again = await Database.open(SqliteStore.open(file));
    expect(again.tables.get('T')?.size).toBe(1);
    await again.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
