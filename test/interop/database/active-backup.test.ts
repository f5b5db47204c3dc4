/** Active-backup pairs (ovsdb-server(1)): ours follows ours and the C server, and the C server follows ours; a backup that takes over keeps all. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Peer } from '@weft/jsonrpc/peer';
import { canonicalText, isArray, isObject, type Json, jsonText } from '@weft/ovsdb/json';
import { column, database, integer, table } from '@weft/ovsdb/schema';
import { parseSchema, schemaToJson } from '@weft/ovsdb/schema-json';
import { SqliteStore } from '@weft/ovsdb-server/store/sqlite';
import { afterEach, expect, it } from 'vitest';
import { startCServer } from './c-server.ts';
import { fuzzSchema, Random, TransactionGenerator } from './random-transactions.ts';
import { startWeftServer } from './weft-server.ts';

const run = promisify(execFile);

interface Member {
  readonly socket: string;
  connect(): Promise<Peer>;
  follow(remote: string, excluded?: string): Promise<void>;
  takeOver(): Promise<void>;
  status(): Promise<string>;
  /** Serves an empty database more. */
  addOther(): Promise<void>;
  removeOther(): Promise<void>;
}

const other = database('Other', '1.0.0', { T: table({ c: column(integer()) }) });

let cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
  cleanups = [];
});

const start = {
  weft: async (): Promise<Member> => {
    const server = await startWeftServer([parseSchema(fuzzSchema)]);
    cleanups.push(server.stop);
    const { replication } = server.service;
    return {
      socket: server.socket,
      connect: () => server.connect(),
      follow: async (remote, excluded = '') => {
        replication.exclude(excluded);
        replication.active = remote;
        replication.connect();
      },
      takeOver: async () => replication.disconnect(),
      status: async () => replication.status(),
      addOther: async () => {
        const file = join(server.folder, 'other.db');
        SqliteStore.create(file, other);
        await server.service.addDatabase(file);
      },
      removeOther: async () => void (await server.service.removeDatabase(other.name)),
    };
  },
  C: async (): Promise<Member> => {
    const server = await startCServer(fuzzSchema as unknown as Json);
    cleanups.push(server.stop);
    const appctl = async (command: string, ...args: string[]): Promise<string> =>
      (await run('ovs-appctl', ['-t', `${server.folder}/ctl`, `ovsdb-server/${command}`, ...args])).stdout.trim();
    return {
      socket: server.socket,
      connect: () => server.connect(),
      follow: async (remote, excluded = '') => {
        if (excluded !== '') await appctl('set-sync-exclude-tables', excluded);
        await appctl('set-active-ovsdb-server', remote);
        await appctl('connect-active-ovsdb-server');
      },
      takeOver: async () => void (await appctl('disconnect-active-ovsdb-server')),
      status: () => appctl('sync-status'),
      addOther: async () => {
        const [file, schema] = [join(server.folder, 'other.db'), join(server.folder, 'other.ovsschema')];
        writeFileSync(schema, jsonText(schemaToJson(other)));
        await run('ovsdb-tool', ['create', file, schema]);
        await appctl('add-db', file);
      },
      removeOther: async () => void (await appctl('remove-db', other.name)),
    };
  },
};

const tables = Object.entries(fuzzSchema.tables).map(([table, { columns }]) => ({
  op: 'select',
  table,
  where: [],
  // Ephemeral columns and -0 aside, which the C server keeps in its own way.
  columns: ['_uuid', ...Object.keys(columns).filter((column) => column !== 'temporary' && column !== 'ratio')],
}));

async function dump(peer: Peer): Promise<string> {
  const results = await peer.call('transact', ['Fuzz', ...tables]);
  return (results as readonly Json[])
    .map((result) => (isObject(result) && isArray(result.rows) ? result.rows.map(canonicalText).sort() : []).join('\n'))
    .join('\n\n');
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('it never came to that');
}

it.each([
  ['weft', 'weft'],
  ['C', 'weft'],
  ['weft', 'C'],
] as const)('%s active, %s backup', async (activeKind, backupKind) => {
  const active = await start[activeKind]();
  const backup = await start[backupKind]();
  const writer = await active.connect();
  const generator = new TransactionGenerator(new Random(7));
  const write = async (n: number): Promise<void> => {
    for (let i = 0; i < n; i++) await writer.call('transact', ['Fuzz', ...generator.transaction()]);
  };
  const stranger = await backup.connect();
  await stranger.call('transact', ['Fuzz', { op: 'insert', table: 'Few', row: { name: 'not at the active one' } }]);
  stranger.close();

  await write(60);
  await backup.follow(`unix:${active.socket}`);
  await until(async () => (await backup.status()).includes('replicating'));
  expect(await backup.status()).toBe(`state: backup\nreplicating: unix:${active.socket}\ndatabase: Fuzz`);
  await write(120);
  const reader = await backup.connect();
  const contents = await dump(writer);
  await until(async () => (await dump(reader)) === contents);

  const insert = { op: 'insert', table: 'Few', row: { name: 'mine' } };
  const refusal = 'insert operation not allowed when database server is in read only mode';
  expect(JSON.stringify(await reader.call('transact', ['Fuzz', insert]))).toContain(refusal);
  await expect(reader.call('lock', ['l'])).rejects.toThrow('lock and unlock methods not allowed');
  reader.close();

  await backup.takeOver();
  expect(await backup.status()).toBe('state: active');
  const next = await backup.connect();
  expect(await dump(next)).toBe(contents);
  await next.call('transact', ['Fuzz', { op: 'delete', table: 'Few', where: [] }]);
  expect(JSON.stringify(await next.call('transact', ['Fuzz', insert]))).toContain('uuid');
  for (const peer of [writer, next]) peer.close();
});

it('leaves out tables, finds its active server again, and says what does not fit', async () => {
  const active = await start.weft();
  const backup = await start.weft();
  const writer = await active.connect();
  const row = (table: string, name: string): Json => ({ op: 'insert', table, row: { name } });
  await writer.call('transact', ['Fuzz', row('Few', 'one')]);
  await backup.follow(`unix:${active.socket}.not-yet`, 'Fuzz:Few');
  await until(async () => (await backup.status()) === `state: backup\nconnecting: unix:${active.socket}.not-yet`);
  await backup.follow(`unix:${active.socket}`, 'Fuzz:Few');
  await until(async () => (await backup.status()).endsWith('database: Fuzz\nexclude: Fuzz:Few'));
  const reader = await backup.connect();
  expect(await dump(reader)).not.toContain('one');
  await expect(backup.follow(`unix:${active.socket}`, 'Few')).rejects.toThrow('"Few": expected DB:TABLE');
  for (const peer of [writer, reader]) peer.close();
});

it.each(['weft', 'C'] as const)('a %s backup names no database that it serves no more', async (kind) => {
  const [active, backup] = [await start.weft(), await start[kind]()];
  for (const server of [active, backup]) await server.addOther();
  await backup.follow(`unix:${active.socket}`);
  const head = `state: backup\nreplicating: unix:${active.socket}\ndatabase: `;
  await until(async () => [`${head}Fuzz, Other`, `${head}Other, Fuzz`].includes(await backup.status()));
  await backup.removeOther();
  expect(await backup.status()).toBe(`${head}Fuzz`);
});

it.each(['weft', 'C'] as const)(
  'a weft backup comes back to a %s active server that ended its connection',
  async (kind) => {
    const active = await start[kind]();
    const backup = await start.weft();
    await backup.follow(`unix:${active.socket}`);
    await until(async () => (await backup.status()).includes('replicating'));
    // Who changes its part ends its connections.
    await active.follow(`unix:${active.socket}.nobody`);
    await active.takeOver();
    const writer = await active.connect();
    await writer.call('transact', ['Fuzz', { op: 'insert', table: 'Few', row: { name: 'later' } }]);
    const reader = await backup.connect();
    const contents = await dump(writer);
    await until(async () => (await dump(reader)) === contents);
    for (const peer of [writer, reader]) peer.close();
  },
);

it.each(['weft', 'C'] as const)(
  'a %s backup that was away takes a row that has come back with another immutable value',
  async (kind) => {
    const active = await start.weft();
    const backup = await start[kind]();
    const writer = await active.connect();
    const root = 'Root';
    const uuid = '11111111-1111-4111-8111-111111111111';
    const insert = (fixed: string): Json => ({
      op: 'insert',
      table: root,
      uuid,
      row: { name: 'x', words: 'x', fixed },
    });
    const shown = async (): Promise<string> => {
      // Whoever changes its part ends its connections.
      const reader = await backup.connect();
      const select = { op: 'select', table: root, where: [], columns: ['fixed'] };
      const result = await reader.call('transact', ['Fuzz', select]);
      reader.close();
      return JSON.stringify(result);
    };
    await writer.call('transact', ['Fuzz', insert('first')]);
    await backup.follow(`unix:${active.socket}`);
    await until(async () => (await shown()).includes('first'));
    await backup.takeOver();
    await writer.call('transact', ['Fuzz', { op: 'delete', table: root, where: [] }]);
    await writer.call('transact', ['Fuzz', insert('second')]);
    await backup.follow(`unix:${active.socket}`);
    await until(async () => (await shown()).includes('second'));
    writer.close();
  },
);

it.each([
  ['C', 'tcp'],
  ['weft', 'tcp'],
  // Our way to connect that a mute server keeps from being connected.
  ['weft', 'ws'],
] as const)('makes one attempt at a time, however often it is told to connect: %s, %s', async (program, method) => {
  let [came, gone] = [0, 0];
  const mute = createServer((stream) => {
    came++;
    stream.on('error', () => {}).on('close', () => gone++);
    stream.resume();
  });
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => new Promise((resolve) => mute.close(() => resolve())));
  const { port } = mute.address() as AddressInfo;
  const backup = await start[program]();
  // To be told what it is to leave out makes a backup begin again, too.
  for (let i = 1; i <= 5; i++) {
    await backup.follow(method === 'ws' ? `ws://127.0.0.1:${port}` : `tcp:127.0.0.1:${port}`);
    await until(async () => came >= i);
  }
  await until(async () => came - gone === 1);
});
