/** Strings that are no UTF-8: the client is told, as by the C server, and keeps its connection. */
import { canonicalText, type Json } from '@weft/ovsdb/json';
import { parseSchema } from '@weft/ovsdb/schema-json';
import { afterEach, expect, it } from 'vitest';
import { startCServer } from './c-server.ts';
import { RawClient } from './raw-client.ts';
import { startWeftServer } from './weft-server.ts';

const schema = {
  name: 'D',
  version: '1.0.0',
  tables: {
    T: {
      isRoot: true,
      columns: {
        name: { type: 'string' },
        words: { type: { key: 'string', min: 0, max: 'unlimited' } },
        pairs: { type: { key: 'string', value: 'string', min: 0, max: 'unlimited' } },
        brief: { type: { key: { type: 'string', maxLength: 3 }, min: 0, max: 1 } },
      },
    },
  },
};

/** Bytes in a string, as latin1 text. */
const faults = [
  ...['\xff', 'ab\xffcd', '\xc0\x80', '\xc1\xbf', '\xed\xa0\x80', '\xed\xa0\x80\xed\xb0\x80', '\xf4\x90\x80\x80'],
  ...['\xe2\x82', '\xe2\x82x', '\xf0\x9f\x98', '\x80', '\xc3', '\xe0\x80\x80', '\xf8\x88\x80\x80\x80', '\xfe', '\xc3('],
  ...['\xf0\x80\x80\x80', '\xe2(\xa1', '\xc3\xa9\xff', '\\udc00', 'x\\udfff\\udc00', '\\ud83d\\ude00\\ude00'],
];
const insert = (row: string): string => `{"op":"insert","table":"T","row":${row}}`;
const operations = [
  ...faults.map((bytes) => insert(`{"name":"${bytes}"}`)),
  insert('{"words":["set",["a","\xff"]]}'),
  insert('{"pairs":["map",[["a","\xff"]]]}'),
  insert('{"pairs":["map",[["\xff","\xfe"]]]}'),
  insert('{"brief":"\xff\xff\xff\xff"}'),
  '{"op":"update","table":"T","where":[],"row":{"name":"\xff"}}',
  '{"op":"mutate","table":"T","where":[],"mutations":[["words","insert","\xff"]]}',
  '{"op":"select","table":"T","where":[["name","==","\xff"]]}',
  '{"op":"wait","table":"T","where":[],"columns":["name"],"until":"==","rows":[{"name":"\xff"}]}',
  '{"op":"comment","comment":"\xff"}',
];

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** The answers to the operations, each in a transaction of its own after which a sound one follows. */
async function answers(socket: string): Promise<string[]> {
  const client = new RawClient(socket);
  cleanups.push(() => client.close());
  const heard: string[] = [];
  for (const operation of operations) {
    const params = `["D",${operation},{"op":"comment","comment":"sound"}]`;
    client.send(Buffer.from(`{"id":1,"method":"transact","params":${params}}`, 'latin1'));
    heard.push((await client.take()).map((json) => canonicalText(json)).join());
    expect(client.closed, operation).toBe(false);
  }
  client.send(
    Buffer.from(
      '{"id":2,"method":"monitor_cond","params":["D","m",{"T":[{"where":[["name","==","\xff"]]}]}]}',
      'latin1',
    ),
  );
  return [...heard, canonicalText((await client.take()) as Json)];
}

/** Null members mean the same as none. */
const plain = (texts: readonly string[]): string[] =>
  texts.map((text) => text.replaceAll(/,?"(?:error|result)":null,?/g, ''));

it('are refused where they stand', async () => {
  const c = await startCServer(schema as unknown as Json);
  cleanups.push(c.stop);
  const weft = await startWeftServer([parseSchema(schema)]);
  cleanups.push(weft.stop);
  const [theirs, ours] = [plain(await answers(c.socket)), plain(await answers(weft.socket))];
  for (const [i, operation] of operations.entries()) expect(ours[i], operation).toBe(theirs[i]);
  expect(ours).toEqual(theirs);
  expect(ours[0]).toContain('constraint violation');
  expect(ours.at(-1)).toContain('not a valid UTF-8 string: invalid UTF-8 sequence 0xff');
});
