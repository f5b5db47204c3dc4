/**
 * A `select` of many rows leaves in pieces, as a dump does: it need not fit into one string, others are served meanwhile, and a client that does not read gets
 * no more. One that says that it will say nothing more gets the answers to what it has said, whole.
 */
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { JsonFramer } from '@weft/jsonrpc/framer';
import { canonicalText, isObject, type Json } from '@weft/ovsdb/json';
import { column, database, integer, string, table } from '@weft/ovsdb/schema';
import { schemaToJson } from '@weft/ovsdb/schema-json';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CServer, startCServer } from './c-server.ts';
import { startWeftServer, type WeftServer } from './weft-server.ts';

const schema = database('Zoo', '1.0.0', {
  Animal: table({ name: column(string()), n: column(integer()) }, { isRoot: true }),
});
const count = 10_000;

let ours: WeftServer;
let theirs: CServer;
beforeAll(async () => {
  ours = await startWeftServer([schema]);
  theirs = await startCServer(schemaToJson(schema));
  const rows = Array.from({ length: count }, (_, n) => ({
    op: 'insert',
    table: 'Animal',
    row: { name: `é${n}${'x'.repeat(300)}`, n },
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

/** Without what each server chooses itself. */
const shown = (answer: Json): string => canonicalText(answer).replace(/\["uuid","[^"]*"\]/g, 'UUID');

it('shows what the C server shows, between what other operations say', async () => {
  const select = { op: 'select', table: 'Animal', where: [], sort: ['n'] };
  const operations: Json[] = [
    { op: 'select', table: 'Animal', where: [['n', '<', 2]], columns: ['n'], sort: ['n'] },
    select,
    { op: 'insert', table: 'Animal', row: { n: -1 } },
    { ...select, columns: ['_uuid', 'n'] },
    { op: 'delete', table: 'Animal', where: [['n', '==', -1]] },
  ];
  const answers: string[] = [];
  for (const server of [ours, theirs]) {
    const peer = await server.connect();
    answers.push(shown(await peer.call('transact', ['Zoo', ...operations])));
    peer.close();
  }
  expect(answers[0]).toBe(answers[1]);
  expect(answers[0]!.match(/é/g)!.length).toBe(count);
});

it('is owed a client that does not read, which is not asked what else it wants', async () => {
  const before = ours.service.server.counters.requests;
  // What it is sent goes nowhere.
  const stream = new PassThrough({ highWaterMark: 1 }) as Duplex;
  const written: number[] = [];
  stream._write = (chunk: Buffer, _encoding, done) => {
    written.push(chunk.length);
    setTimeout(done, 60_000).unref();
  };
  const session = ours.service.server.accept(stream);
  const request = (id: number): string =>
    JSON.stringify({ id, method: 'transact', params: ['Zoo', { op: 'select', table: 'Animal', where: [] }] });
  const chunk = Array.from({ length: 50 }, (_, id) => request(id)).join('');
  stream.emit('data', Buffer.from(chunk));
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  // Of the first answers some fit into what it may be owed.
  expect(ours.service.server.counters.requests - before).toBeLessThan(5);
  expect(session.peer.queuedBytes).toBeLessThan(6 << 20);
  session.peer.close(new Error('the test is over'));
});

it('is answered in order, however many are asked for at once', async () => {
  const peer = await ours.connect();
  const order: number[] = [];
  const operations = (n: number): Json => ({
    op: 'select',
    table: 'Animal',
    where: n % 2 === 0 ? [] : [['n', '==', n]],
  });
  await Promise.all(
    Array.from({ length: 10 }, async (_, n) => {
      const [result] = (await peer.call('transact', ['Zoo', operations(n)])) as readonly { readonly rows: Json[] }[];
      expect(result!.rows.length).toBe(n % 2 === 0 ? count : 1);
      order.push(n);
    }),
  );
  expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  peer.close();
});

const selectAll = [
  'transact',
  ['Zoo', { op: 'select', table: 'Animal', where: [], columns: ['_uuid', 'name'] }],
] as const;
const dump = ['monitor', ['Zoo', 'm', { Animal: [{}] }]] as const;

/** Sends requests and nothing more, as `nc -N` does; returns what comes until the server ends the connection, as ids and lengths. */
async function ask(path: string, requests: string): Promise<(readonly [Json, number])[]> {
  const socket = connect({ path, allowHalfOpen: true });
  socket.end(requests);
  const messages: Json[] = [];
  new JsonFramer((message) => messages.push(message)).push(Buffer.from(await text(socket)));
  return messages.map((message) => [isObject(message) ? message.id! : null, JSON.stringify(message).length]);
}

const texts = (requests: readonly (readonly [string, Json])[]): string =>
  requests.map(([method, params], id) => JSON.stringify({ id, method, params })).join('');

describe('a client that says nothing more is answered whole:', () => {
  it.each([
    ['one long answer', [selectAll]],
    ['a dump', [dump]],
    [
      'several long answers, and short ones after and between them',
      [selectAll, ['echo', []], selectAll, dump, selectAll, ['echo', []]],
    ],
    ['more than the server sends before the client reads', Array.from({ length: 10 }, () => selectAll)],
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
});
