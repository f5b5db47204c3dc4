/** RFC 7047 section 5.2.6 with `_version`: who read a row can make sure that it is still as it was. The C server does the same. */
import type { Peer } from '@weft/jsonrpc/peer';
import type { Json } from '@weft/ovsdb/json';
import { parseSchema } from '@weft/ovsdb/schema-json';
import { afterEach, expect, it } from 'vitest';
import { startCServer } from './c-server.ts';
import { schema, select, three, update, uuid, wait } from './operations.ts';
import { startWeftServer } from './weft-server.ts';

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

it.each([
  ['the C server', () => startCServer(schema as unknown as Json)],
  ['our server', () => startWeftServer([parseSchema(schema)])],
])('%s: a wait for a _version holds until the row changes', async (_, start) => {
  const server = await start();
  cleanups.push(server.stop);
  const peer: Peer = await server.connect();
  cleanups.push(async () => peer.close());
  const transact = async (...operations: Json[]): Promise<readonly Json[]> =>
    (await peer.call('transact', [schema.name, ...operations])) as readonly Json[];
  await transact(...three);
  const first: Json = [['_uuid', '==', uuid(1)]];
  const [read] = (await transact(select(first, ['_version']))) as [{ readonly rows: readonly [{ _version: Json }] }];
  const [{ _version: version }] = read.rows;
  const holds = (until: string, rows: Json): Json => wait({ where: first, columns: ['_version', 'i'], until, rows });
  const asRead: Json = [{ _version: version, i: 1 }];
  const failed = { error: 'timed out', details: '"where" clause test failed' };

  expect(await transact(holds('==', asRead))).toEqual([{}]);
  expect(await transact(holds('!=', asRead))).toEqual([failed]);
  expect(await transact(holds('==', [{ i: 1 }]))).toEqual([failed]);
  expect(await transact(holds('==', asRead), update({ s: 'changed' }, first))).toEqual([{}, { count: 1 }]);
  expect(await transact(holds('==', asRead))).toEqual([failed]);
  expect(await transact(holds('!=', asRead))).toEqual([{}]);
});
