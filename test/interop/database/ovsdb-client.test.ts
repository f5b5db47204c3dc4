/** Every command of ovsdb-client(1), in every format, says the same of our server and of the C server that hold the same. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Peer } from '@weft/jsonrpc/peer';
import { canonicalText, type Json } from '@weft/ovsdb/json';
import { schemaToJson } from '@weft/ovsdb/schema-json';
import { nb } from '@weft/schemas/nb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCServer } from './c-server.ts';
import { startWeftServer } from './weft-server.ts';

interface Side {
  readonly name: 'C' | 'weft';
  readonly remote: string;
  readonly peer: Peer;
  readonly stop: () => Promise<void>;
}

const db = nb.name;
let folder: string;
let sides: Side[];
const started: ChildProcess[] = [];

const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const insert = (table: string, n: number, row: { readonly [column: string]: Json }): Json => ({
  op: 'insert',
  table,
  uuid: uuid(n),
  row,
});
const refer = (...numbers: number[]): Json => ['set', numbers.map((n) => ['uuid', uuid(n)])];

/** One value of each kind of column, and strings that every format has to quote. */
const contents: readonly Json[] = [
  insert('Logical_Switch_Port', 1, {
    name: 'p1',
    addresses: ['set', ['dynamic', '00:00:00:00:00:01 "x", <&>']],
    tag: 7,
  }),
  insert('Logical_Switch_Port', 2, {
    name: 'é\n',
    up: true,
    options: [
      'map',
      [
        ['a', 'b'],
        ['c d', ''],
      ],
    ],
  }),
  insert('ACL', 3, { priority: 1001, direction: 'to-lport', match: 'ip4 && tcp', action: 'allow-related', log: true }),
  insert('Logical_Switch', 4, { name: 's1', ports: refer(1, 2), acls: refer(3) }),
  insert('Logical_Switch', 5, { name: '', other_config: ['map', [['subnet', '10.0.0.0/24']]] }),
];

async function start(): Promise<Side[]> {
  const c = await startCServer(schemaToJson(nb));
  const weft = await startWeftServer([nb]);
  return [
    { name: 'C', remote: `unix:${c.socket}`, peer: await c.connect(), stop: c.stop },
    { name: 'weft', remote: weft.remote, peer: await weft.connect(), stop: weft.stop },
  ];
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weft-ovsdb-client-'));
  sides = await start();
  for (const { peer } of sides) await peer.call('transact', [db, ...contents]);
});

afterAll(async () => {
  for (const child of started) child.kill('SIGKILL');
  for (const { peer, stop } of sides ?? []) {
    peer.close();
    await stop();
  }
  rmSync(folder, { recursive: true, force: true });
});

interface Running {
  /** What it has written so far, standard error too. */
  readonly text: () => string;
  readonly child: ChildProcess;
  readonly exit: Promise<number | null>;
}

/** `input` is a file: restore wants to seek. */
function run(args: readonly string[], input = '/dev/null'): Running {
  const stdin = openSync(input, 'r');
  const child = spawn('ovsdb-client', ['--timeout=60', '-vconsole:off', ...args], { stdio: [stdin, 'pipe', 'pipe'] });
  closeSync(stdin);
  started.push(child);
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (part: string) => (text += part));
  return { text: () => text, child, exit: new Promise((resolve) => child.once('close', resolve)) };
}

/** Versions of rows are each server's own, and so is the order of rows, which are lines or, in JSON, members of `data`. */
function normal(text: string): string {
  const lines = text.replaceAll(/(?!00000000)[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f-]{21}/g, 'version').split('\n');
  const parsed = lines.map((line) => {
    if (!/^\{.*\}$/.test(line)) return line;
    const json = JSON.parse(line) as { readonly data?: readonly Json[] };
    return canonicalText({ ...json, data: (json.data ?? []).map(canonicalText).sort() });
  });
  return parsed.sort().join('\n');
}

/** Runs a command against both; `$` stands for the remote. Its exit status and text, which are the same. */
async function same(
  args: readonly string[],
  shown: (text: string) => string = normal,
  input = '/dev/null',
): Promise<string> {
  const said: string[] = [];
  for (const { remote } of sides) {
    const command = run(
      args.map((arg) => (arg === '$' ? remote : arg)),
      input,
    );
    const status = await command.exit;
    said.push(`${status}: ${shown(command.text().replaceAll(remote, 'REMOTE'))}`);
  }
  expect(said[1], args.join(' ')).toBe(said[0]);
  return said[0]!;
}

const formats = ['table', 'list', 'csv', 'json', 'html'].map((format) => `--format=${format}`);
const styles = [
  [],
  ...formats.map((format) => [format]),
  ...['string', 'bare', 'json'].map((data) => [`--data=${data}`]),
  ['--no-headings'],
  ['--no-headings', '--format=csv', '--data=bare'],
  ['--pretty', '--format=json'],
];

describe('commands that show', () => {
  it.each([
    ['list-dbs', '$'],
    ['list-tables', '$', db],
    ['list-columns', '$', db],
    ['list-columns', '$', db, 'Logical_Switch_Port'],
    ['dump', '$', db],
    ['dump', '$', db, 'Logical_Switch'],
    ['dump', '$', db, 'Logical_Switch', 'name', 'ports', 'other_config'],
  ])('%s %s %s %s %s %s %s', async (...args) => {
    for (const style of styles) {
      const text = await same([...style, ...args.filter((arg) => arg !== undefined)]);
      expect(text).toMatch(/^0: /);
    }
  });

  it('the schema, its version and its checksum', async () => {
    const canonical = (text: string): string => canonicalText(JSON.parse(text) as Json);
    expect(await same(['get-schema', '$', db], canonical)).toContain('Logical_Switch');
    expect(await same(['--pretty', 'get-schema', '$', db], canonical)).toContain('Logical_Switch');
    expect(await same(['get-schema-version', '$', db])).toContain('7.0.0');
    await same(['get-schema-cksum', '$', db]);
    const file = (name: string, members: { readonly [name: string]: Json }): string => {
      const path = join(folder, name);
      writeFileSync(path, JSON.stringify({ ...(schemaToJson(nb) as { readonly [name: string]: Json }), ...members }));
      return path;
    };
    expect(await same(['needs-conversion', '$', file('same', {})])).toContain('no');
    expect(await same(['needs-conversion', '$', file('newer', { version: '9.9.9' })])).toContain('yes');
  });

  it('what is not there', async () => {
    for (const args of [
      ['get-schema', '$', 'None'],
      ['get-schema-version', '$', 'None'],
      ['list-tables', '$', 'None'],
      ['dump', '$', 'None'],
      ['dump', '$', db, 'None'],
      ['dump', '$', db, 'Logical_Switch', 'none'],
      ['monitor', '$', 'None', 'T'],
      ['monitor', '$', db, 'None'],
      ['monitor', '$', db, 'Logical_Switch', 'none'],
      ['backup', '$', 'None'],
      ['transact', '$', '["None"]'],
      ['query', '$', '5'],
      ['needs-conversion', '$', '/nowhere'],
    ])
      expect(await same(args), args.join(' ')).toMatch(/^1: /);
  });
});

it('transact and query', async () => {
  const select = { op: 'select', table: 'ACL', where: [], columns: ['priority', 'match', 'log', 'label'] };
  const scratch: Json = { op: 'insert', table: 'Address_Set', uuid: uuid(9), row: { name: 'scratch' } };
  for (const operations of [
    [select],
    [{ ...select, where: [['nothing', '==', 1]] }],
    [scratch, { op: 'abort' }],
    [{ op: 'mutate', table: 'ACL', where: [], mutations: [['priority', '+=', 1]] }, select],
  ]) {
    await same(['query', '$', JSON.stringify([db, ...operations])]);
    await same(['transact', '$', JSON.stringify([db, ...operations])]);
  }
  // What a query does is undone.
  await same(['query', '$', JSON.stringify([db, scratch])]);
  await same(['transact', '$', JSON.stringify([db, scratch])]);
  await same(['dump', '$', db, 'Address_Set']);
  await same(['transact', '$', JSON.stringify([db, { op: 'delete', table: 'Address_Set', where: [] }])]);
});

/** What a command that goes on says of the same changes on either side; `done` says when it has said everything. */
async function watch(
  args: readonly string[],
  steps: readonly { readonly operations: readonly Json[]; readonly until: RegExp }[],
): Promise<void> {
  const said: string[] = [];
  for (const { remote, peer } of sides) {
    const command = run(args.map((arg) => (arg === '$' ? remote : arg)));
    for (const { operations, until } of steps) {
      if (operations.length > 0) await peer.call('transact', [db, ...operations]);
      while (!until.test(command.text()) && command.child.exitCode === null)
        await new Promise((resolve) => setTimeout(resolve, 10));
    }
    command.child.kill();
    await command.exit;
    // The ids of transactions are each server's own.
    said.push(normal(command.text()).replaceAll(/(?<=last transaction id: |last_id: ).*/g, 'id'));
  }
  expect(said[1], args.join(' ')).toBe(said[0]);
}

describe('commands that monitor', () => {
  const changes = (name: string): Json[] => [
    {
      op: 'update',
      table: 'Logical_Switch',
      where: [['name', '==', 's1']],
      row: { other_config: ['map', [['k', name]]] },
    },
    { op: 'insert', table: 'Logical_Switch', uuid: uuid(20), row: { name: `end-${name}` } },
  ];
  const undo = [{ op: 'delete', table: 'Logical_Switch', where: [['name', 'includes', 'end-x']] }];
  const steps = [
    { operations: [], until: /s1/ },
    { operations: changes('x'), until: /end-x/ },
  ];
  const reset = async (): Promise<void> => {
    for (const { peer } of sides) await peer.call('transact', [db, ...undo]);
  };

  it.each([
    ['monitor', '$', db, 'Logical_Switch'],
    ['monitor', '$', db, 'Logical_Switch', 'name,other_config'],
    ['monitor', '$', db, 'Logical_Switch', 'name', '!initial,other_config'],
    ['monitor', '$', db, 'ALL'],
    ['monitor-cond', '$', db, '[["name","!=","nobody"]]', 'Logical_Switch', 'name,other_config'],
    ['monitor-cond', '$', db, '[true]', 'Logical_Switch', 'name,ports'],
    ['monitor-cond-since', '$', db, uuid(0), '[["name","!=","nobody"]]', 'Logical_Switch', 'name,other_config'],
    ['monitor-cond-since', '$', db, '[true]', 'Logical_Switch', 'name'],
  ])('%s %s %s %s %s %s %s', async (...args) => {
    const words = args.filter((arg) => arg !== undefined);
    for (const style of [[], ['--format=csv'], ['--format=list'], ['--no-headings', '--data=json']]) {
      await watch([...style, ...words], steps);
      await reset();
    }
  });
});

it('locks, steals and unlocks', async () => {
  const said: string[] = [];
  for (const { remote } of sides) {
    const lines: string[] = [];
    const until = async (command: Running, text: RegExp): Promise<void> => {
      while (!text.test(command.text()) && command.child.exitCode === null)
        await new Promise((resolve) => setTimeout(resolve, 10));
    };
    const first = run(['lock', remote, 'l']);
    await until(first, /locked/);
    const second = run(['lock', remote, 'l']);
    await until(second, /false/);
    const thief = run(['steal', remote, 'l']);
    await until(first, /stolen/);
    await until(thief, /locked/);
    thief.child.kill();
    await thief.exit;
    await until(first, /stolen[\s\S]*locked/);
    for (const command of [first, second, thief]) lines.push(command.text());
    // It says nothing by itself.
    const other = run(['-vjsonrpc:console:dbg', 'unlock', remote, 'm']);
    await until(other, /received error/);
    lines.push(/error=.*/.exec(other.text())?.[0] ?? 'no error');
    other.child.kill();
    await other.exit;
    for (const command of [first, second]) {
      command.child.kill();
      await command.exit;
    }
    said.push(lines.join('\n--\n'));
  }
  expect(said[1]).toBe(said[0]);
});

it('waits, backs up, restores and converts', async () => {
  await same(['wait', '$', db, 'connected']);
  await same(['wait', '$', 'None', 'removed']);
  // The date of a backup is that of its making.
  const records = (text: string): string =>
    canonicalText(
      text
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .map((line) => ({ ...(JSON.parse(line) as { readonly [name: string]: Json }), _date: 0 })),
    );
  const backup = await same(['backup', '$', db], records);
  expect(backup).toContain('s1');
  const { remote } = sides[0]!;
  const saved = run(['backup', remote, db]);
  await saved.exit;
  const snapshot = join(folder, 'snapshot');
  writeFileSync(snapshot, saved.text());
  // Restored rows are new rows.
  const nameless = (text: string): string => normal(text.replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, 'row'));
  const before = await same(['dump', '$', db], nameless);
  await same(['transact', '$', JSON.stringify([db, { op: 'delete', table: 'Logical_Switch', where: [] }])]);
  expect(await same(['restore', '$', db], normal, snapshot)).toMatch(/^0: /);
  expect(await same(['dump', '$', db], nameless)).toBe(before);
  const other = join(folder, 'other');
  const schema = schemaToJson(nb) as { readonly version: string; readonly tables: { readonly [name: string]: Json } };
  const { Static_MAC_Binding: _, ...tables } = schema.tables;
  writeFileSync(other, JSON.stringify({ ...schema, version: '7.1.0', tables }));
  // A backup of another schema needs force, and leaves out what has no place.
  await same(['convert', '$', other]);
  await same(['get-schema-version', '$', db]);
  await same(['list-tables', '$', db]);
  await same(['restore', '$', db], normal, snapshot);
  await same(['--force', 'restore', '$', db], normal, snapshot);
  await same(['dump', '$', db], nameless);
  await same(['wait', '$', db, 'connected']);
});
