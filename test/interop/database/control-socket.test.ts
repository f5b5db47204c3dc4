/**
 * The commands of ovsdb-server(1), "RUNTIME MANAGEMENT COMMANDS", given by the C ovs-appctl to our server and to the C server: the same answers, the same
 * errors, the same exit status.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Json } from '@weft/ovsdb/json';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { buildServer } from './build-server.ts';
import { connectTo } from './c-server.ts';

const schema = {
  name: 'S',
  version: '1.0.0',
  tables: {
    T: {
      isRoot: true,
      columns: {
        i: { type: 'integer' },
        s: { type: 'string' },
        o: { type: { key: 'integer', min: 0 } },
        m: { type: { key: 'string', value: 'integer', min: 0, max: 'unlimited' } },
        r: { type: { key: 'string', min: 0, max: 'unlimited' } },
      },
    },
  },
};

interface Server {
  readonly folder: string;
  readonly process: ChildProcess;
}

let weft: readonly string[];
beforeAll(async () => {
  weft = [process.execPath, await buildServer()];
});

let servers: readonly [theirs: Server, ours: Server];
beforeEach(async () => {
  servers = [await start(['ovsdb-tool'], ['ovsdb-server']), await start(weft, weft)];
});
afterEach(async () => {
  for (const { folder, process: child } of servers) {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode === null && child.signalCode === null) {
      child.kill();
      await ended;
    }
    rmSync(folder, { recursive: true });
  }
});

/** A server of one database, S, in a folder with the files of others. */
async function start(
  [tool = '', ...toolArgs]: readonly string[],
  [program = '', ...args]: readonly string[],
): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-control-'));
  for (const name of ['S', 'Z']) {
    writeFileSync(join(folder, 'schema'), JSON.stringify({ ...schema, name }));
    for (const copy of ['', '2'])
      execFileSync(tool, [...toolArgs, 'create', join(folder, `${name}${copy}.db`), join(folder, 'schema')]);
  }
  const options = [
    `--remote=punix:${join(folder, 'sock')}`,
    `--unixctl=${join(folder, 'ctl')}`,
    `--log-file=${join(folder, 'log')}`,
    '-vPATTERN:file:%m',
    '-vconsole:off',
    '-vsyslog:off',
  ];
  const child = spawn(program, [...args, join(folder, 'S.db'), ...options], { stdio: 'ignore' });
  (await connectTo(join(folder, 'sock'))).close();
  return { folder, process: child };
}

function appctl({ folder }: Server, command: readonly string[]): string {
  const args = command.map((arg) => arg.replaceAll('FOLDER', folder));
  const { stdout, stderr, status } = spawnSync('ovs-appctl', ['-t', join(folder, 'ctl'), ...args], {
    encoding: 'utf8',
  });
  return `${stdout}${stderr}exit ${status}`.replaceAll(folder, 'FOLDER');
}

type Command = readonly [name: string, ...args: string[]];
const of = (name: string, ...args: string[]): Command => [`ovsdb-server/${name}`, ...args];
/** With too few and too many arguments. */
const miscounted = (name: string, least: number, most: number): Command[] =>
  [least - 1, most + 1].filter((n) => n >= 0).map((n): Command => [name, ...new Array<string>(n).fill('x')]);

it.each<[string, Command[]]>([
  [
    'databases',
    [
      of('list-dbs'),
      of('add-db', 'FOLDER/Z.db'),
      of('list-dbs'),
      of('add-db', 'FOLDER/Z.db'),
      of('add-db', 'FOLDER/missing.db'),
      of('add-db', 'relay:Q'),
      of('add-db', 'relay:'),
      ...['Z', '_Server', 'None'].flatMap((name) => [of('get-db-storage-status', name), of('compact', name)]),
      of('compact'),
      of('remove-db', 'None'),
      of('remove-db', '_Server'),
      of('remove-db', 'Z'),
      of('remove-db', 'Z'),
      of('list-dbs'),
      of('add-db', 'FOLDER/Z2.db'),
      // The C server ends when a database is removed after one of these.
      of('add-db', 'FOLDER/Z.db'),
      of('add-db', 'FOLDER/S2.db'),
      of('add-db', 'relay:S:unix:FOLDER/nowhere'),
    ],
  ],
  [
    'remotes',
    [
      of('list-remotes'),
      of('add-remote', 'punix:FOLDER/second'),
      of('add-remote', 'punix:FOLDER/second'),
      of('add-remote', 'db:S,T,r'),
      ...['db:S,T,x', 'db:S,X,r', 'db:Q,T,r', 'db:S,T', 'db:S', 'db:', 'nonsense', 'unix:FOLDER/nowhere'].map(
        (remote) => of('add-remote', remote),
      ),
      of('list-remotes'),
      of('remove-remote', 'punix:FOLDER/second'),
      of('remove-remote', 'punix:FOLDER/second'),
      of('remove-remote', 'db:S,T,r'),
      of('list-remotes'),
      of('reconnect'),
    ],
  ],
  [
    'an active-backup pair',
    [
      of('sync-status'),
      of('get-active-ovsdb-server'),
      of('connect-active-ovsdb-server'),
      of('set-active-ovsdb-server', 'unix:FOLDER/nowhere'),
      of('get-active-ovsdb-server'),
      of('set-sync-exclude-tables', 'S:T'),
      of('get-sync-exclude-tables'),
      of('connect-active-ovsdb-server'),
      of('sync-status'),
      of('disconnect-active-ovsdb-server'),
      of('sync-status'),
      ...['1000', '0', '-5', 'x', '5x', ''].map((interval) => of('set-active-ovsdb-server-probe-interval', interval)),
    ],
  ],
  [
    'logs',
    [
      ...['foo', 'foo:dbg', 'a b', 'console:loud', 'PATTERN:', 'PATTERN', 'PATTERN:foo:x', 'FACILITY:foo'].map(
        (spec): Command => ['vlog/set', spec],
      ),
      ...['', 'dbg', 'ANY:file:off', 'file', 'FACILITY:local3', 'PATTERN:file:%p %m'].map(
        (spec): Command => ['vlog/set', spec],
      ),
      ['vlog/set', 'syslog:off', 'x'],
      ...['disable', 'enable'].flatMap((word): Command[] => [
        [`vlog/${word}-rate-limit`],
        [`vlog/${word}-rate-limit`, 'foo'],
      ]),
      ['vlog/close'],
      ['vlog/reopen'],
      of('tlog-list'),
      of('tlog-set', 'S:T', 'on'),
      of('tlog-list'),
      of('tlog-set', 'S:T', 'off'),
      of('tlog-list'),
      ...['S:X', 'Q:T', 'S', 'S:'].map((place) => of('tlog-set', place, 'on')),
      of('tlog-set', 'S:T', 'maybe'),
    ],
  ],
  [
    'the rest, and wrong numbers of arguments',
    [
      ...['on', 'off', 'On', ''].map((word) => of('memory-trim-on-compaction', word)),
      ['nonsense'],
      ['cluster/status', 'S'],
      ...[
        'list-dbs',
        'list-remotes',
        'reconnect',
        'sync-status',
        'tlog-list',
        'perf-counters-clear',
        'perf-counters-show',
      ].flatMap((name) => miscounted(`ovsdb-server/${name}`, 0, 0)),
      ...['connect-active', 'disconnect-active', 'get-active'].flatMap((name) =>
        miscounted(`ovsdb-server/${name}-ovsdb-server`, 0, 0),
      ),
      ...[
        'add-db',
        'remove-db',
        'add-remote',
        'remove-remote',
        'get-db-storage-status',
        'memory-trim-on-compaction',
      ].flatMap((name) => miscounted(`ovsdb-server/${name}`, 1, 1)),
      ...miscounted('ovsdb-server/compact', 0, 1),
      ...miscounted('ovsdb-server/tlog-set', 2, 2),
      ...miscounted('ovsdb-server/set-active-ovsdb-server', 1, 1),
      ...[
        'memory/show',
        'vlog/list',
        'vlog/list-pattern',
        'vlog/close',
        'vlog/reopen',
        'version',
        'list-commands',
      ].flatMap((name) => miscounted(name, 0, 0)),
    ],
  ],
])('%s', (_, commands) => {
  const [theirs, ours] = servers;
  for (const command of commands) expect(appctl(ours, command), command.join(' ')).toBe(appctl(theirs, command));
});

it('a relay that has not seen its source yet can be removed, and its name is taken', () => {
  const [, ours] = servers;
  const relay = 'relay:Q:unix:FOLDER/nowhere';
  expect(appctl(ours, of('add-db', relay))).toBe('exit 0');
  expect(appctl(ours, of('add-db', relay))).toContain('ovsdb error: Q: duplicate database name');
  expect(appctl(ours, of('remove-db', 'Q'))).toBe('exit 0');
  expect(appctl(ours, of('add-db', relay))).toBe('exit 0');
});

it('list-commands has the commands of the C server, but for those that docs/database.md names', () => {
  const names = (server: Server): string[] =>
    appctl(server, ['list-commands'])
      .split('\n')
      .slice(1, -1)
      .map((line) => line.trim().split(' ')[0]!);
  const [theirs, ours] = servers.map(names);
  const absent = ['coverage/read-counter', 'coverage/show', 'ovsdb-server/disable-monitor-cond'];
  expect(ours).toEqual(theirs!.filter((name) => !absent.includes(name)));
});

it('memory/show has names and counts, of cells and monitors among others', () => {
  for (const text of servers.map((server) => appctl(server, ['memory/show']))) {
    expect(text).toMatch(/^([\w-]+:\d+ )+[\w-]+:\d+\nexit 0$/);
    expect(text).toMatch(/\bcells:\d+ .*\bmonitors:0\b/);
    const counts = text.split('\n')[0]!.split(' ');
    expect(counts).toEqual(counts.toSorted());
  }
});

it('tlog-set: the log tells what transactions do to a table', async () => {
  const transactions: Json[][] = [
    [
      {
        op: 'insert',
        table: 'T',
        row: {
          i: 5,
          s: 'a b',
          o: 3,
          m: [
            'map',
            [
              ['k', 1],
              ['l m', 2],
            ],
          ],
          r: ['set', ['x', 'y z']],
        },
      },
    ],
    [{ op: 'update', table: 'T', where: [], row: { i: 5 } }],
    [
      { op: 'update', table: 'T', where: [], row: { i: 6, s: 'word', r: 'one' } },
      { op: 'comment', comment: 'x' },
    ],
    [
      { op: 'insert', table: 'T', row: {} },
      { op: 'delete', table: 'T', where: [['i', '==', 6]] },
    ],
    [{ op: 'insert', table: 'T', row: {} }, { op: 'abort' }],
  ];
  const logs: string[][] = [];
  for (const server of servers) {
    appctl(server, of('tlog-set', 'S:T', 'on'));
    const peer = await connectTo(join(server.folder, 'sock'));
    for (const operations of transactions) await peer.call('transact', ['S', ...operations]);
    peer.close();
    appctl(server, of('tlog-set', 'S:T', 'off'));
    appctl(server, ['vlog/close']);
    const lines = readFileSync(join(server.folder, 'log'), 'utf8').match(/table:T,.*/g) ?? [];
    // The order of columns is up to the server, and so are versions and uuids.
    logs.push(
      lines.map((line) =>
        line
          .replaceAll(/(?<=_(uuid|version):)[0-9a-f-]{36}/g, '')
          .split(/,(?=\w+:)/)
          .sort()
          .join(','),
      ),
    );
  }
  expect(logs[1]!.toSorted()).toEqual(logs[0]!.toSorted());
  expect(logs[0]!.length).toBe(4);
});
