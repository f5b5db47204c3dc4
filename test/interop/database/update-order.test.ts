/**
 * Initial contents and updates name tables in the order of their names, as the C server's do, whatever the order of the request and of the operations.
 * It matters to the Python IDL: a row that refers to another row of the same update is filed in an index under that row or under its bare uuid, depending on
 * which comes first, and an index that has both kinds fails from then on.
 */
import { isArray, isObject, type Json } from '@weft/ovsdb/json';
import { parseSchema } from '@weft/ovsdb/schema-json';
import { afterEach, expect, it } from 'vitest';
import { type CServer, startCServer } from './c-server.ts';
import { RawClient } from './raw-client.ts';
import { startWeftServer, type WeftServer } from './weft-server.ts';

const names = ['Delta', 'Alpha', 'Zeta', 'Mu', 'beta', 'Alpha_2'];
const schema = {
  name: 'D',
  version: '1.0.0',
  tables: Object.fromEntries(
    names.map((name) => [name, { isRoot: true, columns: { y: { type: 'integer' }, b: { type: 'string' } } }]),
  ),
};

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

/** Several orders: the rotations, and their reverses. */
const orders = names.flatMap((_, i) => {
  const rotated = [...names.slice(i), ...names.slice(0, i)];
  return [rotated, rotated.toReversed()];
});

/** What a client of this server is told: the tables of the initial contents, and of each update. */
async function told(server: CServer | WeftServer, method: string): Promise<string[][]> {
  const writer = new RawClient(server.socket);
  const client = new RawClient(server.socket);
  stops.unshift(
    () => writer.close(),
    () => client.close(),
  );
  const insert = async (tables: readonly string[]): Promise<void> => {
    const operations = tables.map((table) => ({ op: 'insert', table, row: { y: 1, b: 'x' } }));
    writer.send(JSON.stringify({ id: 1, method: 'transact', params: ['D', ...operations] }));
    await writer.take();
  };
  await insert(names);
  const heard: string[][] = [];
  const hear = async (): Promise<void> => {
    for (const message of await client.take()) {
      if (!isObject(message)) throw new Error('no message');
      const part = message.method === undefined ? message.result : message.params;
      const updates: Json | undefined = isArray(part) ? part.at(-1) : part;
      if (!isObject(updates)) throw new Error(`no updates: ${JSON.stringify(message)}`);
      heard.push(Object.keys(updates));
    }
  };
  for (const [i, order] of orders.entries()) {
    const requests = Object.fromEntries(order.map((table) => [table, [{ columns: ['y', 'b'] }]]));
    const since = method === 'monitor_cond_since' ? ['00000000-0000-0000-0000-000000000000'] : [];
    client.send(JSON.stringify({ id: i, method, params: ['D', i, requests, ...since] }));
    await hear();
    await insert(order);
    await hear();
    await insert(order.slice(3));
    await hear();
    client.send(JSON.stringify({ id: i, method: 'monitor_cancel', params: [i] }));
    await client.take();
  }
  return heard;
}

for (const method of ['monitor_cond', 'monitor_cond_since']) {
  it(`${method}: tables in the order of their names`, async () => {
    const c = await startCServer(schema);
    stops.push(() => c.stop());
    const weft = await startWeftServer([parseSchema(schema)]);
    stops.push(() => weft.stop());
    const expected = await told(c, method);
    expect(expected).toEqual(expected.map((tables) => tables.toSorted()));
    expect(await told(weft, method)).toEqual(expected);
  });
}
