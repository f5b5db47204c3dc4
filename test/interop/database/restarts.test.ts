/** What clients that were there before find when they come back, after a restart of our server too (ovsdb-server(7) section 4.1.15). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Peer } from '@weft/jsonrpc/peer';
import type { Json } from '@weft/ovsdb/json';
import { column, database, integer, map, string, table } from '@weft/ovsdb/schema';
import { DatabaseService } from '@weft/ovsdb-server/service';
import { SqliteStore } from '@weft/ovsdb-server/store/sqlite';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { connectTo } from './c-server.ts';

const schema = database('D', '1.0.0', {
  T: table(
    { name: column(string()), n: column(integer()), status: map(string(), string(), { ephemeral: true }) },
    { isRoot: true },
  ),
  U: table({ seen: column(string(), { ephemeral: true }) }, { isRoot: true }),
});

let folder: string;
let service: DatabaseService;
let client: Peer;
let told: Json[];

async function start(): Promise<void> {
  service = await DatabaseService.create({ rundir: folder, tls: undefined, log: () => {}, onFatal: () => {} });
  await service.addDatabase(join(folder, 'db'));
  await service.addRemote(`punix:${join(folder, 'sock')}`);
  service.start();
  told = [];
  client = await connectTo(join(folder, 'sock'), (_, params) => told.push(params as Json));
}
async function stop(): Promise<void> {
  client.close();
  await service.close();
}
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weft-restarts-'));
  SqliteStore.create(join(folder, 'db'), schema);
  await start();
});
afterEach(async () => {
  await stop();
  rmSync(folder, { recursive: true, force: true });
});

const transact = (...operations: Json[]): Promise<Json> => client.call('transact', ['D', ...operations]);
const since = async (id: Json, requests: Json): Promise<readonly Json[]> =>
  (await client.call('monitor_cond_since', ['D', JSON.stringify(requests), requests, id])) as readonly Json[];
const nothing = '00000000-0000-0000-0000-000000000000';

it('a client that missed nothing is sent nothing, unless it may have seen what was not stored', async () => {
  const row = { name: 'a', status: ['map', [['state', 'ACTIVE']]] };
  await transact({ op: 'insert', table: 'T', uuid: '00000000-0000-4000-8000-000000000001', row });
  const [, id] = await since(nothing, { T: [{}] });
  await stop();
  await start();

  expect(await since(id!, { T: [{ columns: ['name', 'n'] }] })).toEqual([true, id, {}]);
  // No row of it could have been seen.
  expect(await since(id!, { U: [{}] })).toEqual([true, id, {}]);
  const initial = { '00000000-0000-4000-8000-000000000001': { initial: { name: 'a' } } };
  expect(await since(id!, { T: [{ columns: ['name', 'status'] }] })).toEqual([false, id, { T: initial }]);

  // What became of it since is known.
  await transact({ op: 'update', table: 'T', where: [], row: { n: 1, status: row.status } });
  const [, later] = told.at(-1) as Json[];
  await transact({ op: 'update', table: 'T', where: [], row: { n: 2 } });
  const [found, , updates] = await since(later!, { T: [{ columns: ['n', 'status'] }] });
  expect([found, updates]).toEqual([true, { T: { '00000000-0000-4000-8000-000000000001': { modify: { n: 2 } } } }]);
});

it('a row that holds nothing that is stored is there again', async () => {
  await transact({ op: 'insert', table: 'U', row: { seen: 'now' } }, { op: 'insert', table: 'U', row: {} });
  await stop();
  await start();
  const select = { op: 'select', table: 'U', where: [], columns: ['_uuid', 'seen'] };
  expect(JSON.stringify(await transact(select)).match(/"seen":""/g)).toHaveLength(2);
});

it('a client that changed its condition, and comes back, is not told how a row changed that it never had', async () => {
  const other = await connectTo(join(folder, 'sock'));
  const write = (...operations: Json[]): Promise<Json> => other.call('transact', ['D', ...operations]);
  const becomes = (n: number): Json => ({ op: 'update', table: 'T', where: [['name', '==', 'a']], row: { n } });
  await write({ op: 'insert', table: 'T', row: { name: 'a', n: 1 } });
  const showing = (n: number): Json => ({ T: [{ columns: ['name', 'n'], where: [['n', '==', n]] }] });
  await since(nothing, showing(7));
  await write(becomes(2));
  const id = JSON.stringify(showing(7));
  await client.call('monitor_cond_change', [id, id, { T: [{ where: [['n', '==', 1]] }] }]);
  const [, last, updates] = told.at(-1) as Json[];
  expect(updates).toEqual({});
  client.close();
  await write(becomes(1));
  client = await connectTo(join(folder, 'sock'));
  const [found, , missed] = await since(last!, showing(1));
  expect(found).toBe(true);
  expect(JSON.stringify(missed)).toContain('"insert":{"name":"a","n":1}');
  other.close();
});
