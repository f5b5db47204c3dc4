/** A `select` of many rows leaves in pieces: it need not fit into one string, others are served meanwhile, and a client that does not read gets no more. */
import type { Duplex } from 'node:stream';
import { PassThrough } from 'node:stream';
import { canonicalText, type Json } from '@weft/ovsdb/json';
import { column, database, integer, string, table } from '@weft/ovsdb/schema';
import { schemaToJson } from '@weft/ovsdb/schema-json';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CServer, startCServer } from './c-server.ts';
import { startWeftServer, type WeftServer } from './weft-server.ts';

const schema = database('Zoo', '1.0.0', {
  Animal: table({ name: column(string()), n: column(integer()) }, { isRoot: true }),
});
const count = 5000;

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
