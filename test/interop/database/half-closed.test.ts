/** A client that says that it will say nothing more (`nc -N`, `shutdown(2)`) gets the answers to what it has said, whole, however long they are. */
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { JsonFramer } from '@weft/jsonrpc/framer';
import { isObject, type Json } from '@weft/ovsdb/json';
import { column, database, integer, string, table } from '@weft/ovsdb/schema';
import { schemaToJson } from '@weft/ovsdb/schema-json';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CServer, startCServer } from './c-server.ts';
import { startWeftServer, type WeftServer } from './weft-server.ts';

const schema = database('Zoo', '1.0.0', {
  Animal: table({ name: column(string()), n: column(integer()) }, { isRoot: true }),
});

let ours: WeftServer;
let theirs: CServer;
beforeAll(async () => {
  ours = await startWeftServer([schema]);
  theirs = await startCServer(schemaToJson(schema));
  const rows = Array.from({ length: 10_000 }, (_, n) => ({
    op: 'insert',
    table: 'Animal',
    row: { name: `${n}${'x'.repeat(300)}`, n },
  }));
  for (const server of [ours, theirs]) {
    const peer = await server.connect();
    await peer.call('transact', ['Zoo', ...rows]);
    peer.close();
  }
});
afterAll(async () => {
  await ours.stop();
  await theirs.stop();
});

const select = ['transact', ['Zoo', { op: 'select', table: 'Animal', where: [], columns: ['_uuid', 'name'] }]] as const;
const dump = ['monitor', ['Zoo', 'm', { Animal: [{}] }]] as const;

/** Sends requests and nothing more; returns what comes until the server ends the connection, as ids and lengths. */
async function ask(path: string, requests: string): Promise<(readonly [Json, number])[]> {
  const socket = connect({ path, allowHalfOpen: true });
  socket.end(requests);
  const messages: Json[] = [];
  new JsonFramer((message) => messages.push(message)).push(Buffer.from(await text(socket)));
  return messages.map((message) => [isObject(message) ? message.id! : null, JSON.stringify(message).length]);
}

const texts = (requests: readonly (readonly [string, Json])[]): string =>
  requests.map(([method, params], id) => JSON.stringify({ id, method, params })).join('');

it.each([
  ['one long answer', [select]],
  ['a dump', [dump]],
  [
    'several long answers, and short ones after and between them',
    [select, ['echo', []], select, dump, select, ['echo', []]],
  ],
  ['more than the server sends before the client reads', Array.from({ length: 10 }, () => select)],
] as const)('%s', { timeout: 60_000 }, async (_, requests) => {
  const expected = await ask(theirs.socket, texts(requests));
  expect(expected).toHaveLength(requests.length);
  expect(await ask(ours.socket, texts(requests))).toEqual(expected);
});

it('a write that ends where the system ends what it hands over at once, and goes on to the end', async () => {
  const write = texts([['transact', ['Zoo', { op: 'insert', table: 'Animal', row: { n: -1 } }]]]);
  const full = `${write.slice(0, -1).padEnd(65_535)}}`;
  const expected = await ask(theirs.socket, full);
  expect(expected).toHaveLength(1);
  expect(await ask(ours.socket, full)).toEqual(expected);
});
