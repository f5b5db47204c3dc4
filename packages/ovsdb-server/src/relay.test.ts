/** What only a source can show that breaks off at the right moment: our relay against one that is played. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@weft/jsonrpc/connect';
import type { RequestId } from '@weft/jsonrpc/message';
import { Peer } from '@weft/jsonrpc/peer';
import type { Json } from '@weft/ovsdb/json';
import { column, database, string, table } from '@weft/ovsdb/schema';
import { schemaToJson } from '@weft/ovsdb/schema-json';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DatabaseService } from './service.ts';

const schema = schemaToJson(
  database('Played', '1.0.0', { Thing: table({ name: column(string()) }, { isRoot: true }) }),
) as unknown as Json;
const first = '00000000-0000-0000-0000-000000000001';
const second = '00000000-0000-0000-0000-000000000002';
const row = '00000000-0000-0000-0000-00000000000a';

interface Call {
  readonly peer: Peer;
  readonly method: string;
  readonly params: readonly Json[];
  readonly id: RequestId;
}

let folder: string;
let connections: Peer[];
let calls: Call[];
let onCall: () => void;
let cleanups: (() => Promise<void> | void)[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-relay-'));
  connections = [];
  calls = [];
  onCall = () => {};
  cleanups = [() => rmSync(folder, { recursive: true, force: true })];
});
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

/** The next request that the relay makes, on any connection. */
async function next(method: string): Promise<Call> {
  while (calls.length === 0) {
    await new Promise<void>((resolve) => {
      onCall = resolve;
    });
  }
  const call = calls.shift()!;
  expect(call.method).toBe(method);
  return call;
}
const answer = ({ peer, id }: Call, result: Json): void => peer.reply(id, result);
const sleep = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function startRelay(): Promise<() => Promise<Peer>> {
  const source = createServer((socket) => {
    const peer: Peer = new Peer(socket, {
      onRequest: (method, params, id) => {
        if (method === 'set_db_change_aware') return;
        calls.push({ peer, method, params, id });
        onCall();
      },
      onClose: () => {
        connections = connections.filter((other) => other !== peer);
      },
    });
    connections.push(peer);
  });
  await new Promise<void>((resolve) => source.listen(join(folder, 'source.sock'), resolve));
  cleanups.push(() => void source.close());
  const service = await DatabaseService.create({ rundir: folder, tls: undefined, log: () => {}, onFatal: () => {} });
  cleanups.push(() => service.close());
  await service.addDatabase(`relay:Played:unix:${folder}/source.sock`);
  await service.addRemote(`punix:${folder}/relay.sock`);
  return async () => {
    const peer = new Peer(await connect({ kind: 'unix', path: join(folder, 'relay.sock') }));
    cleanups.push(() => peer.close());
    await peer.call('set_db_change_aware', [true]);
    return peer;
  };
}

/** Answers up to the monitor, whose request is returned. */
async function lead(): Promise<Call> {
  answer(await next('monitor'), {});
  answer(await next('get_schema'), schema);
  return next('monitor_cond_since');
}

it('has one connection at a time, also after one that broke while the relay was catching up', async () => {
  await startRelay();
  answer(await next('monitor'), {});
  (await next('get_schema')).peer.close();
  answer(await lead(), [false, first, {}]);
  // Longer than the wait before another attempt.
  await sleep(2500);
  expect(connections.length).toBe(1);
  expect(calls).toEqual([]);
}, 20_000);

it('sends what its clients write once it hears what that changes', async () => {
  const client = await startRelay();
  answer(await lead(), [false, first, {}]);
  const near = await client();
  // Answers to what came before.
  for (let served: Json = []; !JSON.stringify(served).includes('Played'); ) served = await near.call('list_dbs', []);
  connections[0]!.close();
  const monitor = await lead();
  const insert = { op: 'insert', table: 'Thing', row: { name: 'x' } };
  const done = near.call('transact', ['Played', insert]);
  await near.call('echo', []);
  await sleep(100);
  expect(calls).toEqual([]);
  answer(monitor, [true, first, {}]);
  const transact = await next('transact');
  transact.peer.notify('update3', ['relay', second, { Thing: { [row]: { insert: { name: 'x' } } } }]);
  answer(transact, [{ uuid: ['uuid', row] }]);
  await done;
  expect(await near.call('transact', ['Played', { op: 'select', table: 'Thing', where: [] }])).toMatchObject([
    { rows: [{ name: 'x' }] },
  ]);
}, 20_000);

it('reads on from a client whose long transaction went with the database', async () => {
  const client = await startRelay();
  answer(await lead(), [false, first, {}]);
  const near = await client();
  for (let served: Json = []; !JSON.stringify(served).includes('Played'); ) served = await near.call('list_dbs', []);
  connections[0]!.close();
  const watch = await next('monitor');
  // More than the relay keeps for a source that is not there: it does not read what comes after.
  const long = near.call('transact', ['Played', { op: 'comment', comment: 'x'.repeat(9 << 20) }, { op: 'commit' }]);
  const failed = long.catch((error: unknown) => error);
  const echo = near.call('echo', ['after it']);
  await sleep(500);
  answer(watch, {});
  answer(await next('get_schema'), { ...(schema as object), version: '2.0.0' });
  answer(await next('monitor_cond_since'), [false, second, {}]);
  expect(String(await failed)).toContain('canceled');
  expect(await echo).toEqual(['after it']);
}, 20_000);
