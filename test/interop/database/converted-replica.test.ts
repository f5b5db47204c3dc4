/** A replica goes on while its database gains and loses columns and tables, at either server. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Json, jsonText } from '@weft/ovsdb/json';
import { column, database, integer, map, string, table } from '@weft/ovsdb/schema';
import { schemaToJson } from '@weft/ovsdb/schema-json';
import { Replica } from '@weft/ovsdb-client/replica';
import { until } from '@weft/ovsdb-client/testing';
import { expect, it } from 'vitest';
import { startCServer } from './c-server.ts';
import { startWeftServer } from './weft-server.ts';

const small = database('Growing', '1.0.0', {
  Thing: table({ name: column(string()) }, { isRoot: true, indexes: [['name']] }),
});
const large = database('Growing', '2.0.0', {
  Thing: table(
    { name: column(string()), size: column(integer()), labels: map(string(), string()) },
    { isRoot: true, indexes: [['name']] },
  ),
  Extra: table({ name: column(string()) }, { isRoot: true }),
});

it.each([
  ['ovsdb-server', () => startCServer(schemaToJson(small) as unknown as Json)],
  ['weft-ovsdb', () => startWeftServer([small])],
] as const)('on %s', { timeout: 60_000 }, async (_, start) => {
  const server = await start();
  const remote = `unix:${server.socket}`;
  const convert = async (schema: typeof small | typeof large): Promise<void> => {
    const file = join(server.folder, 'to.ovsschema');
    writeFileSync(file, jsonText(schemaToJson(schema) as unknown as Json));
    await promisify(execFile)('ovsdb-client', ['--timeout=20', 'convert', remote, file]);
  };
  const backoff = { minMs: 50, maxMs: 200, random: Math.random };
  const replica = new Replica({ schema: large, remotes: remote, backoff, conditions: { Thing: [['size', '<', 10]] } });
  replica.start();
  const insert = (name: string): Promise<unknown> =>
    replica.retry(
      (txn) => {
        for (const row of replica.table('Thing').rows()) if (row.name === name) return;
        txn.insert('Thing', { name, size: 7, labels: new Map([['of', name]]) });
        if (replica.serverTables?.has('Extra')) txn.insert('Extra', { name });
      },
      { repeatable: true },
    );
  const things = (): string[] =>
    [...replica.table('Thing').rows()]
      .map(({ name, size, labels }) => `${name} ${size} ${labels.get('of') ?? '-'}`)
      .sort();
  const whenItHas = async (columns: number): Promise<void> => {
    await until(() => replica.serverTables?.get('Thing')?.size === columns, 'the other schema');
    await replica.synced();
  };
  try {
    await replica.synced();
    await insert('a');
    expect(things()).toEqual(['a 0 -']);
    await convert(large);
    await whenItHas(3);
    await insert('b');
    expect([things(), replica.table('Extra').size]).toEqual([['a 0 -', 'b 7 b'], 1]);
    await convert(small);
    await whenItHas(1);
    await insert('c');
    expect([things(), replica.table('Extra').size]).toEqual([['a 0 -', 'b 0 -', 'c 0 -'], 0]);
  } finally {
    replica.close();
    await server.stop();
  }
});
