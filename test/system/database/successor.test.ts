/** Who wants a file that is served: a server that is to take over from one that ends, and commands that write. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Peer } from '@weft/jsonrpc/peer';
import type { Json } from '@weft/ovsdb/json';
import { column, database, integer, string, table } from '@weft/ovsdb/schema';
import { SqliteStore } from '@weft/ovsdb-server/store/sqlite';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { buildServer } from '../../interop/database/build-server.ts';
import { ServerProcess } from './server-process.ts';

const schema = database('D', '1.0.0', {
  T: table({ name: column(string()), n: column(integer()) }, { isRoot: true }),
});

let program: string;
let folder: string;
let file: string;
let servers: ServerProcess[];
beforeAll(async () => {
  program = await buildServer();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-successor-'));
  file = join(folder, 'db');
  servers = [];
  SqliteStore.create(file, schema);
});
afterEach(async () => {
  for (const server of servers) await server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function serve(name: string): ServerProcess {
  const server = new ServerProcess(program, [file], join(folder, name));
  servers.push(server);
  return server;
}

const insert = (name: string): Json => ['D', { op: 'insert', table: 'T', row: { name } }];
async function namesIn(peer: Peer): Promise<string[]> {
  const select = { op: 'select', table: 'T', where: [], columns: ['_uuid', 'name'] };
  const [{ rows }] = (await peer.call('transact', ['D', select])) as unknown as [{ rows: { name: string }[] }];
  return rows.map(({ name }) => name).sort();
}

it('a server that waits until another one ends has what that one had, and loses nothing when it is killed', async () => {
  const first = serve('first.sock');
  const client = await first.connect();
  await client.call('transact', insert('by the first') as Json[]);
  const second = serve('second.sock');
  await sleep(1000);
  await first.kill('SIGTERM');
  const next = await second.connect();
  await next.call('transact', insert('by the second') as Json[]);
  expect(existsSync(`${file}-log`)).toBe(true);
  await second.kill('SIGKILL');
  const third = await serve('third.sock').connect();
  expect(await namesIn(third)).toEqual(['by the first', 'by the second']);
});

it('no command writes between two commits of a busy server', async () => {
  const server = serve('busy.sock');
  const client = await server.connect();
  let done = false;
  let transactions = 0;
  const rows = Array.from({ length: 50 }, () => ({ op: 'insert', table: 'T', row: { name: 'x'.repeat(3000) } }));
  const writing = (async () => {
    for (; !done; transactions++) {
      await client.call('transact', ['D', ...rows]);
      // The tables follow in between.
      await sleep(transactions % 100 === 0 ? 1200 : 5);
    }
  })();
  const errors: string[] = [];
  const args = [program, 'transact', file, JSON.stringify(insert('by the command'))];
  await promisify(execFile)(process.execPath, args).catch(({ stderr }: { stderr: string }) => errors.push(stderr));
  done = true;
  await writing;
  expect(errors).toEqual([`weft-ovsdb: I/O error: ${file}: the file is in use\n`]);
  await server.kill('SIGKILL');
  const after = await serve('after.sock').connect();
  expect(await namesIn(after)).toHaveLength(50 * transactions);
}, 60_000);
