/** What is left of a database that is served no more: nothing, whoever is still connected. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { column, database, string, table } from '@weft/ovsdb/schema';
import { expect, it } from 'vitest';
import { startWeftServer } from './weft-server.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

it('a client that wrote to it last, and has nothing more to say, keeps nothing of it', async () => {
  const schemaOf = (name: string) =>
    database(name, '1.0.0', { T: table({ name: column(string()) }, { isRoot: true }) });
  const server = await startWeftServer([schemaOf('Stays'), schemaOf('Goes')]);
  try {
    const client = await server.connect();
    await client.call('set_db_change_aware', [true]);
    const gone = new WeakRef(server.service.server.database('Goes')!);
    await client.call('monitor_cond', ['Goes', 'm', { T: [{}] }]);
    await client.call('transact', ['Goes', { op: 'insert', table: 'T', row: { name: 'a' } }]);
    expect(await server.service.removeDatabase('Goes')).toBe(true);
    await expect
      .poll(() => {
        collectGarbage();
        return gone.deref() === undefined;
      })
      .toBe(true);
    expect(await client.call('list_dbs', [])).toEqual(['Stays', '_Server']);
    client.close();
  } finally {
    await server.stop();
  }
});
