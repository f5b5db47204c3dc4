/**
 * The commands of ovsdb-server(1), "RUNTIME MANAGEMENT COMMANDS", given by the C ovs-appctl to our server and to the C server: the same answers, the same
 * errors, the same exit status.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonRpcError } from '@weft/jsonrpc/peer';
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
        w: { type: { key: { type: 'uuid', refTable: 'T', refType: 'weak' }, min: 0, max: 'unlimited' } },
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
      of('add-db', 'FOLDER/./Z.db'),
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
        'disable-monitor-cond',
        'get-sync-exclude-tables',
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
      ...['set-active-ovsdb-server', 'set-active-ovsdb-server-probe-interval'].flatMap((name) =>
        miscounted(`ovsdb-server/${name}`, 1, 1),
      ),
      // Without arguments it ends the C server.
      of('set-sync-exclude-tables', 'x', 'y'),
      ...miscounted('coverage/read-counter', 1, 1),
      ['coverage/read-counter', 'none'],
      ...[
        'memory/show',
        'coverage/show',
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
  const [theirs, ours] = servers;
  const relay = of('add-db', 'relay:Z:unix:FOLDER/nowhere');
  const file = of('add-db', 'FOLDER/Z.db');
  const remove = of('remove-db', 'Z');
  for (const command of [relay, relay, file]) expect(appctl(ours, command), command[1]).toBe(appctl(theirs, command));
  // The C server takes them.
  for (const none of ['relay:Q:', 'relay:Q:,']) expect(appctl(ours, of('add-db', none))).toContain('invalid syntax');
  // The C server dies of that.
  expect(appctl(ours, remove)).toBe('exit 0');
  expect(appctl(ours, file)).toBe('exit 0');
  expect(appctl(ours, relay)).toContain('ovsdb error: Z: duplicate database name');
});

it('list-commands', () => {
  const [theirs, ours] = servers.map((server) => appctl(server, ['list-commands']));
  expect(ours).toBe(theirs);
});

it('memory/show counts what the C server counts, in every state', async () => {
  /** Monitors aside: the C server counts those once that see the same. */
  const usage = (server: Server): string =>
    appctl(server, ['memory/show'])
      .split('\n')[0]!
      .replaceAll(/ ?(txn-history|[a-z]+-kB):\d+/g, '')
      .trim();
  const peers = await Promise.all(servers.map(({ folder }) => connectTo(join(folder, 'sock'))));
  const same = (): void => expect(usage(servers[1])).toBe(usage(servers[0]));
  const all = (method: string, ...params: Json[]): Promise<Json[]> =>
    Promise.all(peers.map((peer) => peer.call(method, params)));
  same();
  await all('monitor', 'S', 1, { T: [{}] });
  same();
  const id = '11111111-0000-4000-8000-000000000000';
  const row = {
    i: 5,
    m: [
      'map',
      [
        ['k', 1],
        ['l', 2],
      ],
    ],
    r: ['set', ['x', 'y', 'z']],
  };
  await all('transact', 'S', { op: 'insert', table: 'T', uuid: id, row }, { op: 'insert', table: 'T', row: {} });
  same();
  await all('transact', 'S', { op: 'update', table: 'T', where: [], row: { o: 7, w: ['uuid', id] } });
  same();
  const wait = { op: 'wait', table: 'T', where: [], columns: ['i'], until: '==', rows: [] };
  for (const peer of peers) peer.call('transact', ['S', wait]).catch(() => {});
  await all('echo');
  same();
  expect(usage(servers[1])).toBe('atoms:33 cells:36 monitors:1 n-weak-refs:1 sessions:1 triggers:1');
  for (const peer of peers) peer.close();
  await expect.poll(() => usage(servers[0])).not.toContain('sessions');
  await expect.poll(() => usage(servers[1])).toBe(usage(servers[0]));
});

it('coverage/show has the form of the C server, and tells what happens here', { timeout: 30_000 }, async () => {
  const form =
    /^Event coverage, avg rate over last: 5 seconds, last minute, last hour, {2}hash=[0-9a-f]{8}:\n(\S{1,24} +\d+\.\d\/sec +\d+\.\d{3}\/sec +\d+\.\d{4}\/sec {3}total: \d+\n)+\d+ events never hit\nexit 0$/;
  // The C server adds up what it has counted some seconds after its start.
  for (const server of servers) {
    await expect.poll(() => appctl(server, ['coverage/show']), { timeout: 15_000, interval: 500 }).toMatch(form);
  }
  const [, ours] = servers;
  const requests = (): number => Number.parseInt(appctl(ours, ['coverage/read-counter', 'ovsdb_request']), 10);
  const before = requests();
  const peer = await connectTo(join(ours.folder, 'sock'));
  for (let i = 0; i < 3; i++) await peer.call('list_dbs', []);
  peer.close();
  expect(requests()).toBe(before + 3);
  // Clearing the other counters leaves these alone.
  appctl(ours, of('perf-counters-clear'));
  expect(requests()).toBe(before + 3);
  expect(appctl(ours, of('perf-counters-show'))).toContain('requests: 0\n');
});

it('disable-monitor-cond: clients are disconnected, and find plain monitors only', async () => {
  const heard: Json[][] = [];
  for (const server of servers) {
    const socket = join(server.folder, 'sock');
    const old = await connectTo(socket);
    await old.call('monitor_cond', ['S', 1, { T: [{ where: [false] }] }]);
    const outputs = [appctl(server, of('disable-monitor-cond'))];
    await expect.poll(() => old.closed).toBe(true);
    const peer = await connectTo(socket);
    const attempt = (method: string, ...params: Json[]): Promise<Json> =>
      peer.call(method, params).catch((error: JsonRpcError) => error.error);
    const since = '00000000-0000-0000-0000-000000000000';
    heard.push([
      ...outputs,
      await attempt('monitor_cond', 'S', 1, { T: [{}] }),
      await attempt('monitor_cond_since', 'S', 1, { T: [{}] }, since),
      await attempt('monitor', 'S', 1, { T: [{}] }),
      await attempt('monitor_cond_change', 'S', 1, { T: [{ where: [true] }] }).then((answer) => typeof answer),
      appctl(server, of('disable-monitor-cond')),
    ]);
    peer.close();
  }
  expect(heard[1]).toEqual(heard[0]);
});

it('exit ends it, without arguments', async () => {
  for (const args of [['--cleanup'], ['x', 'y'], []]) {
    const [theirs, ours] = servers.map((server) => appctl(server, ['exit', ...args]));
    expect(ours).toBe(theirs);
  }
  for (const { process: child } of servers) await expect.poll(() => child.exitCode).toBe(0);
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
