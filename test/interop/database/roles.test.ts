/**
 * Role-based access control (ovsdb-server(7) sections 3.2 and 4.1.3; ovn-sb(5), RBAC_Role and RBAC_Permission): clients with roles, with and without a
 * certificate, may do the same to both servers, and are refused in the same words.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeAuthority, makeCertificate } from '@weft/jsonrpc/testing-pki';
import type { Json } from '@weft/ovsdb/json';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cPrograms, ourPrograms, type Programs, runDuring } from './run-during.ts';

const many = (key: Json, value?: Json): Json => ({
  type: { key, min: 0, max: 'unlimited', ...(value === undefined ? {} : { value }) },
});
const schema = {
  name: 'S',
  version: '1.0.0',
  tables: {
    T: {
      isRoot: true,
      columns: {
        name: { type: 'string' },
        n: { type: 'integer' },
        owner: { type: 'string' },
        owners: many('string'),
        ids: many('string', 'string'),
        words: many('string'),
      },
    },
    Other: { isRoot: true, columns: { name: { type: 'string' } } },
    Global: { isRoot: true, columns: { connections: many({ type: 'uuid', refTable: 'Connection' }) } },
    Connection: { columns: { target: { type: 'string' }, role: { type: 'string' } } },
    RBAC_Role: {
      isRoot: true,
      columns: {
        name: { type: 'string' },
        permissions: many('string', { type: 'uuid', refTable: 'RBAC_Permission', refType: 'weak' }),
      },
    },
    RBAC_Permission: {
      isRoot: true,
      columns: {
        table: { type: 'string' },
        authorization: many('string'),
        insert_delete: { type: 'boolean' },
        update: many('string'),
      },
    },
  },
};

const set = (...members: Json[]): Json => ['set', members];
const map = (...pairs: Json[][]): Json => ['map', pairs];
const uuid = (n: number): string => `0000000${n}-0000-4000-8000-000000000000`;
const insert = (table: string, row: Json): Json => ({ op: 'insert', table, row });
/** The permissions of each role, and the port on which its clients with a certificate connect. */
const roles = [
  { role: 'anyone', port: 6641, authorization: '', insertDelete: true, update: set('n', 'words') },
  {
    role: 'owner',
    port: 6642,
    authorization: set('owner', 'owners', 'ids:owner'),
    insertDelete: true,
    update: set('n', 'owner'),
  },
  { role: 'writer', port: 6643, authorization: 'owner', insertDelete: false, update: set() },
  { role: 'unknown', port: 6644 },
];
const rows = [
  { name: 'mine', owner: 'client' },
  { name: 'ours', owners: set('client', 'other') },
  { name: 'known', ids: map(['owner', 'client']) },
  { name: 'theirs', owner: 'other', owners: 'other', ids: map(['owner', 'other'], ['k', 'client']) },
];
const contents: Json[] = [
  ...rows.map((row) => insert('T', row as unknown as Json)),
  insert('Other', { name: 'x' }),
  ...roles.flatMap(({ role, port, authorization, insertDelete, update }, i) => [
    ...[`pssl:${port}:127.0.0.1`, `punix:${role}.sock`].flatMap((target, k) => [
      { ...(insert('Connection', { target, role }) as object), 'uuid-name': `c${i}${k}` },
      insert('Global', { connections: ['named-uuid', `c${i}${k}`] }),
    ]),
    ...(update === undefined
      ? []
      : [
          {
            ...(insert('RBAC_Permission', {
              table: 'T',
              authorization,
              insert_delete: insertDelete,
              update,
            }) as object),
            uuid: uuid(i),
          },
          insert('RBAC_Role', { name: role, permissions: map(['T', ['uuid', uuid(i)]]) }),
        ]),
  ]),
] as Json[];

const where = (name: string): Json => [['name', '==', name]];
const operations: Json[] = [
  insert('T', {}),
  insert('T', { owner: 'client' }),
  insert('T', { owners: 'client', n: 5 }),
  insert('Other', {}),
  { op: 'delete', table: 'Other', where: [] },
  { op: 'delete', table: 'Other', where: [false] },
  { op: 'update', table: 'Other', where: [], row: { name: 'y' } },
  { op: 'select', table: 'Other', where: [], columns: ['name'] },
  { op: 'update', table: 'Other', where: [false], row: { name: 'y' } },
  { op: 'mutate', table: 'Other', where: [false], mutations: [] },
  { op: 'delete', table: 'T', where: [] },
  { op: 'delete', table: 'T', where: [false] },
  { op: 'update', table: 'T', where: [false], row: { name: 'y' } },
  { op: 'mutate', table: 'T', where: [false], mutations: [['owners', 'insert', 'x']] },
  { op: 'mutate', table: 'T', where: [], mutations: [] },
  ...rows.map(({ name }) => ({ op: 'update', table: 'T', where: where(name), row: { n: 7 } })),
  ...['mine', 'theirs'].flatMap((name) => [
    { op: 'update', table: 'T', where: where(name), row: { n: 7, words: 'w' } },
    { op: 'update', table: 'T', where: where(name), row: {} },
    { op: 'mutate', table: 'T', where: where(name), mutations: [['n', '+=', 1]] },
    { op: 'mutate', table: 'T', where: where(name), mutations: [['words', 'insert', 'w']] },
    { op: 'mutate', table: 'T', where: where(name), mutations: [['ids', 'insert', map(['k', 'v'])]] },
    { op: 'delete', table: 'T', where: where(name) },
  ]),
] as Json[];

let folder: string;
let ours: Programs;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weft-roles-'));
  makeAuthority(folder, 'ca', 'test-ca');
  for (const name of ['server', 'client']) makeCertificate(folder, name);
  ours = await ourPrograms();
});
afterAll(() => rmSync(folder, { recursive: true }));

const path = (name: string): string => join(folder, name);
const keys = (name: string): string =>
  `--private-key=${path(`${name}.key`)} --certificate=${path(`${name}.pem`)} --ca-cert=${path('ca.pem')}`;

/** What each transaction of one operation is answered at `remote`, what is in T when all have been, and what the roles say to a conversion. */
function answers(programs: Programs, remote: string, way: 'direct' | 'relay' = 'direct'): string[] {
  // Nothing that is done stays; but what a relay sends on is to be seen.
  const end = way === 'direct' ? [{ op: 'abort' }] : [];
  const select = { op: 'select', table: 'T', where: [], columns: ['name', 'n', 'words', 'ids'], sort: ['name'] };
  const transactions = [...operations, select as Json].map((operation) => JSON.stringify(['S', operation, ...end]));
  writeFileSync(path('transactions'), transactions.join('\n'));
  const connect = (command: string): string => `ovsdb-client --timeout=20 ${keys('client')} ${command} ${remote}`;
  const options = ['--remote=db:S,Global,connections', ...keys('server').split(' ')];
  // A relay listens when it has seen its source.
  const listens = `until ${connect('list-dbs')} >/dev/null 2>&1; do sleep 0.1; done`;
  writeFileSync(path('schema'), JSON.stringify(schema));
  const convert = `${connect('convert')} ${path('schema')} 2>&1 | grep -o RBAC.*`;
  const client = `${listens}; while read -r t || [ -n "$t" ]; do ${connect('transact')} "$t"; done < ${path('transactions')}; ${convert}`;
  const relay = `${programs.server.join(' ')} relay:S:unix:FOLDER/source --unixctl=none -vconsole:off -vsyslog:off ${options.join(' ')}`;
  const viaRelay = `${relay} --run="sh FOLDER/../client"`;
  writeFileSync(path('client'), client.replaceAll('FOLDER', '$OVS_RUNDIR'));
  const output = runDuring({
    folder,
    programs,
    schema,
    contents,
    options: way === 'direct' ? options : ['--remote=punix:FOLDER/source'],
    command: way === 'direct' ? client : viaRelay,
  });
  return output
    .trimEnd()
    .split('\n')
    .map((line) => line.replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'uuid'));
}

const said = (answers: readonly string[]): string[] =>
  answers.map((answer, i) => `${JSON.stringify(operations[i])} ${answer}`);

it.each([
  ...roles.map(({ role, port }) => [role, `ssl:127.0.0.1:${port}`]),
  // Without a certificate nobody is anybody.
  ['anyone', 'unix:FOLDER/anyone.sock'],
])('the role %s, at %s', (_, remote) => {
  const [theirs, mine] = [answers(cPrograms, remote!), answers(ours, remote!)];
  expect(said(mine)).toEqual(said(theirs));
  expect(theirs.length).toBe(operations.length + 2);
  expect(theirs.at(-1)).toContain('only the root role may convert databases');
});

it.each([
  ['owner', 'ssl:127.0.0.1:6642'],
  ['anyone', 'unix:FOLDER/anyone.sock'],
])('the role %s, at %s of a relay, whose source knows no roles', (_, remote) => {
  const [theirs, mine] = [answers(cPrograms, remote, 'relay'), answers(ours, remote, 'relay')];
  expect(said(mine)).toEqual(said(theirs));
  expect(theirs.length).toBe(operations.length + 2);
  expect(theirs.at(-1)).toContain('only the root role may convert databases');
});
