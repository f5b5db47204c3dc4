/** What survives the failure of the machine cannot be seen by killing a process: here it is seen that the system is asked for it, before the answer. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { column, database, string, table } from '@weft/ovsdb/schema';
import { expect, it, vi } from 'vitest';
import { Database } from '../database.ts';
import { SqliteStore } from './sqlite.ts';

const synced = vi.hoisted(() => vi.fn());
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  return {
    ...fs,
    fdatasyncSync: (fd: number) => {
      fs.fdatasyncSync(fd);
      synced();
    },
  };
});

const schema = database('Durable', '1.0.0', { T: table({ name: column(string()) }, { isRoot: true }) });

it('a durable commit is on the disk before its answer, with all that came before it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-durable-'));
  const file = join(folder, 'db');
  SqliteStore.create(file, schema);
  const db = await Database.open(SqliteStore.open(file));
  const syncsBeforeAnswer = (...operations: object[]): number => {
    synced.mockClear();
    let before = -1;
    db.transact(operations as never, { ownsLock: () => true }, () => {
      before = synced.mock.calls.length;
    });
    db.flush();
    return before;
  };
  const insert = { op: 'insert', table: 'T', row: { name: 'x' } };
  const commit = { op: 'commit', durable: true };
  try {
    // The first makes sure that nothing of a server before this one comes back.
    syncsBeforeAnswer(insert);
    expect(syncsBeforeAnswer(insert)).toBe(0);
    expect(syncsBeforeAnswer(insert, { op: 'commit', durable: false })).toBe(0);
    expect(syncsBeforeAnswer(insert, commit)).toBe(1);
  } finally {
    await db.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
