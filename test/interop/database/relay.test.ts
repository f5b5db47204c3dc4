/** Relays: ours of our server, ours of the C server, and the C server's of ours. */
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Peer } from '@weft/jsonrpc/peer';
import type { Json, JsonObject } from '@weft/ovsdb/json';
import { database } from '@weft/ovsdb/schema';
import { schemaToJson } from '@weft/ovsdb/schema-json';
import { DatabaseService } from '@weft/ovsdb-server/service';
import { SqliteStore } from '@weft/ovsdb-server/store/sqlite';
import { nb } from '@weft/schemas/nb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { connectTo, startCServer } from './c-server.ts';
import { RawClient } from './raw-client.ts';
import { startWeftServer } from './weft-server.ts';

const run = promisify(execFile);
const nbctl = async (remote: string, ...args: string[]): Promise<string> =>
  (await run('ovn-nbctl', [`--db=${remote}`, '--no-leader-only', '--timeout=20', ...args])).stdout;
const zero = '00000000-0000-0000-0000-000000000000';
const request = { Logical_Switch: [{ columns: ['name'] }] };

let folder: string;
let cleanups: (() => Promise<void> | void)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-relay-'));
});
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
  cleanups = [];
  rmSync(folder, { recursive: true, force: true });
});

const sources = {
  weft: async () => {
    const server = await startWeftServer([nb]);
    cleanups.push(server.stop);
    return `unix:${server.socket}`;
  },
  C: async () => {
    const server = await startCServer(schemaToJson(nb));
    cleanups.push(server.stop);
    return `unix:${server.socket}`;
  },
};

const relays = {
  weft: async (source: string): Promise<DatabaseService> => {
    const service = await DatabaseService.create({ rundir: folder, tls: undefined, log: () => {}, onFatal: () => {} });
    cleanups.push(() => service.close());
    await service.addDatabase(`relay:OVN_Northbound:${source}`);
    await service.addRemote(`punix:${folder}/relay.sock`);
    return service;
  },
  C: async (source: string) => {
    const args = [
      `relay:OVN_Northbound:${source}`,
      `--remote=punix:${folder}/relay.sock`,
      `--unixctl=${folder}/relay.ctl`,
      '-vconsole:off',
    ];
    const child = spawn('ovsdb-server', args, { stdio: 'ignore' });
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    cleanups.push(async () => {
      child.kill();
      await exited;
    });
  },
};

/** Resolves when the relay has its database. */
async function relaySettled(): Promise<void> {
  for (let names: readonly string[] = []; !names.includes('OVN_Northbound'); ) {
    // A server disconnects clients when a database comes.
    const peer = await connectTo(`${folder}/relay.sock`);
    names = (await peer.call('list_dbs', []).catch(() => [])) as readonly string[];
    peer.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe.each([
  ['weft', 'weft'],
  ['C', 'weft'],
  ['weft', 'C'],
] as const)('source %s, relay %s', (source, relay) => {
  it('shows what the source has, and forwards what is written', async () => {
    const remote = await sources[source]();
    await nbctl(remote, 'ls-add', 'before');
    await relays[relay](remote);
    const near = `unix:${folder}/relay.sock`;
    await relaySettled();
    await run('ovsdb-client', ['--timeout=20', 'wait', near, 'OVN_Northbound', 'connected']);
    expect(await nbctl(near, '--bare', '--columns=name', 'list', 'Logical_Switch')).toBe('before\n');

    const told: Json[] = [];
    const watcher = await connectTo(`${folder}/relay.sock`, (_, params) => told.push(params));
    const [, , initial] = (await watcher.call('monitor_cond_since', ['OVN_Northbound', 'm', request, zero])) as [
      boolean,
      string,
      Json,
    ];
    expect(JSON.stringify(initial)).toContain('before');

    await nbctl(near, 'ls-add', 'through');
    expect(await nbctl(remote, '--bare', '--columns=name', 'find', 'Logical_Switch', 'name=through')).toBe('through\n');
    await watcher.call('echo', []);
    expect(JSON.stringify(told)).toContain('through');

    // A transaction's updates come before its reply.
    const results = await watcher.call('transact', [
      'OVN_Northbound',
      { op: 'insert', table: 'Logical_Switch', row: { name: 'own' } },
    ]);
    expect(JSON.stringify(results)).toContain('uuid');
    expect(JSON.stringify(told)).toContain('own');

    if (relay === 'weft') {
      // One that waits at the source can be cancelled (RFC 7047 section 4.1.4). The C server 3.1 never answers one that was, so the relay does.
      const until = {
        op: 'wait',
        table: 'Logical_Switch',
        where: [['name', '==', 'never']],
        columns: ['name'],
        until: '==',
      };
      const outcome = new Promise<string>((resolve) => {
        const id = watcher.request(
          'transact',
          ['OVN_Northbound', { ...until, rows: [{ name: 'never' }] }, { op: 'commit', durable: false }],
          (result) => resolve(JSON.stringify(result)),
          (error) => resolve(error.message),
        );
        void watcher.call('echo', []).then(() => watcher.notify('cancel', [id]));
      });
      expect(await outcome).toBe('canceled');
    }
    watcher.close();
    if (relay === 'weft' && source === 'weft') {
      const { rows } = (
        (await (async () => {
          const server = await connectTo(`${folder}/relay.sock`);
          const answer = await server.call('transact', [
            '_Server',
            {
              op: 'select',
              table: 'Database',
              where: [['name', '==', 'OVN_Northbound']],
              columns: ['model', 'connected', 'leader'],
            },
          ]);
          server.close();
          return answer;
        })()) as unknown as { readonly rows: Json }[]
      )[0]!;
      expect(rows).toEqual([{ model: 'relay', connected: true, leader: false }]);
    }
  });
});

/** A way to a source that can be shut. */
async function doorTo(remote: string): Promise<{ remote: string; open(): Promise<void>; shut(): Promise<void> }> {
  const path = join(folder, 'door.sock');
  const streams = new Set<Socket>();
  const listener = createServer((near) => {
    const far = createConnection(remote.slice('unix:'.length));
    for (const stream of [near, far]) streams.add(stream.on('error', () => {}));
    near.pipe(far);
    far.pipe(near);
  });
  const open = () => new Promise<void>((resolve) => listener.listen(path, resolve));
  const shut = () =>
    new Promise<void>((resolve) => {
      listener.close(() => resolve());
      for (const stream of streams) stream.destroy();
      streams.clear();
    });
  await open();
  cleanups.push(shut);
  return { remote: `unix:${path}`, open, shut };
}

describe.each(['weft', 'C'] as const)('the relay of %s', (relay) => {
  it('reads by itself; what may write waits for the source', async () => {
    const source = await sources.weft();
    await nbctl(source, 'ls-add', 'one');
    const door = await doorTo(source);
    await relays[relay](door.remote);
    await relaySettled();
    const wait = ['--timeout=20', 'wait', `unix:${folder}/relay.sock`, 'OVN_Northbound'];
    await run('ovsdb-client', [...wait, 'connected']);
    const near = await connectTo(`${folder}/relay.sock`);
    await door.shut();
    // The source may only be starting again: clients that insist on a connected database stay, and others come.
    expect(await nbctl(`unix:${folder}/relay.sock`, '--bare', '--columns=name', 'list', 'Logical_Switch')).toBe(
      'one\n',
    );
    const select = { op: 'select', table: 'Logical_Switch', where: [], columns: ['name'] };
    const insert = { op: 'insert', table: 'Logical_Switch', row: { name: 'two' } };
    const transact = (...operations: Json[]): Promise<Json> => near.call('transact', ['OVN_Northbound', ...operations]);
    const comment = { op: 'comment', comment: 'x' };
    expect(await transact(select, comment)).toEqual([{ rows: [{ name: 'one' }] }, {}]);
    expect(await transact(select, { op: 'abort' })).toMatchObject([{ rows: [{ name: 'one' }] }, { error: 'aborted' }]);
    let inserted: Json | undefined;
    const answer = transact(insert, select).then((results) => {
      inserted = results;
    });
    expect(await transact(select)).toEqual([{ rows: [{ name: 'one' }] }]);
    expect(inserted).toBeUndefined();
    await door.open();
    await answer;
    expect(inserted).toMatchObject([{ uuid: ['uuid', expect.any(String)] }, { rows: expect.any(Array) }]);
    expect(await nbctl(source, '--bare', '--columns=name', 'find', 'Logical_Switch', 'name=two')).toBe('two\n');
    near.close();
  });
});

describe('our relay', () => {
  it('stays with a source where another database comes, and comes back to one that is converted', async () => {
    const source = await startWeftServer([nb]);
    cleanups.push(source.stop);
    await relays.weft(source.remote);
    await relaySettled();
    const near = `unix:${folder}/relay.sock`;
    const { sessions } = source.service.server;
    await expect.poll(() => [...sessions].map(({ changeAware }) => changeAware)).toEqual([true]);
    const [followed] = sessions;
    const other = join(source.folder, 'other.db');
    SqliteStore.create(other, database('Other', '1.0.0', {}));
    await source.service.addDatabase(other);
    await nbctl(source.remote, 'ls-add', 'later');
    const listed = () => nbctl(near, '--bare', '--columns=name', 'list', 'Logical_Switch').catch(() => '');
    await expect.poll(listed).toBe('later\n');
    expect([...sessions]).toEqual([followed]);

    const schema = schemaToJson(nb) as { readonly version: string };
    const client = await source.connect();
    await client.call('convert', [nb.name, { ...schema, version: '99.0.0' }]);
    client.close();
    const version = async () =>
      (await run('ovsdb-client', ['get-schema-version', near]).catch(() => ({ stdout: '' }))).stdout;
    await expect.poll(version, { timeout: 10_000 }).toBe('99.0.0\n');
    expect(await listed()).toBe('later\n');
  });
});

describe('our relay', () => {
  it('answers once what waited for a source that comes back with another schema', async () => {
    const source = await startWeftServer([nb]);
    cleanups.push(source.stop);
    const door = await doorTo(source.remote);
    const { server } = await relays.weft(door.remote);
    await relaySettled();
    await expect.poll(() => [...source.service.server.sessions].map(({ changeAware }) => changeAware)).toEqual([true]);
    const client = new RawClient(`${folder}/relay.sock`);
    await door.shut();
    client.send('{"id":0,"method":"set_db_change_aware","params":[true]}');
    client.send(
      `{"id":1,"method":"transact","params":["${nb.name}",{"op":"insert","table":"Copp","row":{"name":"x"}}]}`,
    );
    await expect.poll(() => [...server.sessions].map(({ waitingCount }) => waitingCount)).toEqual([1]);
    const converter = await source.connect();
    const schema = schemaToJson(nb) as JsonObject;
    await converter.call('convert', [nb.name, { ...schema, version: '99.0.0' }]);
    converter.close();
    await door.open();
    await expect.poll(() => server.database(nb.name)?.schema.version, { timeout: 10_000 }).toBe('99.0.0');
    const answers = (await client.take()) as JsonObject[];
    expect(answers.map(({ id, error }) => [id, error])).toEqual([
      [0, null],
      [1, 'canceled'],
    ]);
    client.close();
  });
});

describe('our relay that is removed', () => {
  it('says nothing of the database that comes in its place', async () => {
    const service = await relays.weft(await sources.weft());
    await relaySettled();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      await service.removeDatabase(nb.name);
      const file = join(folder, 'own.db');
      SqliteStore.create(file, nb);
      await service.addDatabase(file);
      vi.advanceTimersByTime(60_000);
      const [row] = [...service.server.database('_Server')!.tables.get('Database')!.rows()].filter(
        ({ name }) => name === nb.name,
      );
      expect(row).toMatchObject({ model: 'standalone', connected: true });
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('our relay of two relays', () => {
  it('leaves the one that says that it is not connected', { timeout: 30_000 }, async () => {
    // As relays do that have lost their own source for long.
    const [stale, good] = [await startWeftServer([nb]), await startWeftServer([nb])];
    for (const server of [stale, good]) cleanups.push(server.stop);
    await nbctl(stale.remote, 'ls-add', 'old');
    await nbctl(good.remote, 'ls-add', 'good');
    stale.service.server.setConnected('OVN_Northbound', false);
    await relays.weft(`${stale.remote},${good.remote}`);
    await relaySettled();
    const near = `unix:${folder}/relay.sock`;
    const listed = () => nbctl(near, '--bare', '--columns=name', 'list', 'Logical_Switch').catch(() => '');
    await expect.poll(listed, { timeout: 20_000 }).toBe('good\n');
    stale.service.server.setConnected('OVN_Northbound', true);
    good.service.server.setConnected('OVN_Northbound', false);
    await expect.poll(listed, { timeout: 20_000 }).toBe('old\n');
  });
});

describe.each(['weft', 'C'] as const)('a source of %s without conditional monitors', (kind) => {
  it('is followed all the same', async () => {
    let source: string;
    if (kind === 'weft') {
      const server = await startWeftServer([nb]);
      cleanups.push(server.stop);
      server.service.server.disableConditionalMonitors();
      source = server.remote;
    } else {
      const server = await startCServer(schemaToJson(nb));
      cleanups.push(server.stop);
      await run('ovs-appctl', ['-t', join(server.folder, 'ctl'), 'ovsdb-server/disable-monitor-cond']);
      source = `unix:${server.socket}`;
    }
    await nbctl(
      source,
      'ls-add',
      'old',
      '--',
      'ls-add',
      'changed',
      '--',
      'set',
      'Logical_Switch',
      'changed',
      'other_config:a=b',
    );
    await relays.weft(source);
    await relaySettled();
    const near = `unix:${folder}/relay.sock`;
    const listed = () => nbctl(near, '--bare', '--columns=name,other_config,external_ids', 'list', 'Logical_Switch');
    await expect.poll(listed).toContain('changed\na=b\n');
    const told: string[] = [];
    const watcher = await connectTo(`${folder}/relay.sock`, (_, params) => told.push(JSON.stringify(params[1])));
    await watcher.call('monitor_cond', ['OVN_Northbound', 'm', { Logical_Switch: [{}] }]);
    await nbctl(
      near,
      'ls-del',
      'old',
      '--',
      'ls-add',
      'new',
      '--',
      'set',
      'Logical_Switch',
      'changed',
      'external_ids:c=d',
    );
    expect((await listed()).split(/\n+/).filter(Boolean).sort()).toEqual(['a=b', 'c=d', 'changed', 'new']);
    await watcher.call('echo', []);
    // Of what a row keeps, nobody is told.
    expect(told.join()).toContain('{"modify":{"external_ids":["map",[["c","d"]]],"_version":');
    watcher.close();
  });
});

interface SlowSource {
  readonly remote: string;
  readonly waiting: (() => void)[];
  /** Those who follow it. */
  readonly peers: Peer[];
  /** They get the schema then. */
  ready: Promise<void>;
  /** The last transactions that they said they had seen. */
  readonly seen: Json[];
}

const someId = zero.replace('0', '1');

/** A source that answers transactions when it is told to, but at once the ones without operations. */
async function slowSource(): Promise<SlowSource> {
  const path = join(folder, 'source.sock');
  const source: SlowSource = { remote: `unix:${path}`, waiting: [], peers: [], ready: Promise.resolve(), seen: [] };
  const { waiting, peers } = source;
  const listener = createServer((stream) => {
    const peer = new Peer(stream, {
      onRequest: (method, params, id) => {
        if (method === 'get_schema') void source.ready.then(() => peer.reply(id, schemaToJson(nb)));
        else if (method === 'monitor') peer.reply(id, {});
        else if (method === 'monitor_cond_since') {
          source.seen.push(params[3]!);
          peer.reply(id, [false, someId, {}]);
        } else if (params.length === 1) peer.reply(id, []);
        else waiting.push(() => peer.reply(id, [params[1]!]));
      },
    });
    peers.push(peer);
  });
  await new Promise<void>((resolve) => listener.listen(path, resolve));
  cleanups.push(() => {
    for (const peer of peers) peer.close();
    listener.close();
  });
  return source;
}

describe('our relay', () => {
  it('takes on what the source executes at once, however much', async () => {
    const server = await startWeftServer([nb]);
    cleanups.push(server.stop);
    await relays.weft(`unix:${server.socket}`);
    await relaySettled();
    const near = await connectTo(`${folder}/relay.sock`);
    const count = 3000;
    const answers = await Promise.all(
      Array.from({ length: count }, (_, i) =>
        near.call('transact', [
          'OVN_Northbound',
          { op: 'insert', table: 'Address_Set', row: { name: `set${i}`, addresses: 'x'.repeat(4000) } },
        ]),
      ),
    );
    expect(answers.filter((answer) => JSON.stringify(answer).includes('uuid'))).toHaveLength(count);
    near.close();
  });

  it('takes on 1,000 that wait at the source, and refuses more', async () => {
    const { remote, waiting } = await slowSource();
    await relays.weft(remote);
    await relaySettled();
    const near = await connectTo(`${folder}/relay.sock`);
    const send = () =>
      near.call('transact', ['OVN_Northbound', { op: 'commit', durable: false }]).then(
        () => 'done',
        (error: Error) => error.message,
      );
    const answers = Array.from({ length: 1100 }, send);
    for (const refused of await Promise.all(answers.slice(1000))) expect(refused).toContain('resources exhausted');
    expect(waiting).toHaveLength(1000);
    for (const answer of waiting.splice(0)) answer();
    for (const answer of await Promise.all(answers.slice(0, 1000))) expect(answer).toBe('done');
    // There is room again.
    const last = send();
    while (waiting.length === 0) await near.call('echo', []);
    waiting.pop()?.();
    expect(await last).toBe('done');
    near.close();
  });

  const megabyte = { op: 'comment', comment: 'x'.repeat(1 << 20) };

  /** Sends the relay 60 MB from one client, and resolves when it has had time to read all that it wants to: with their answers, and how many it has read. */
  async function flood({
    server,
  }: DatabaseService): Promise<{ readonly answers: Promise<Json[]>; readonly read: number }> {
    const [near, other] = [await connectTo(`${folder}/relay.sock`), await connectTo(`${folder}/relay.sock`)];
    cleanups.push(() => [near, other].forEach((peer) => void peer.close()));
    const write = (): Promise<Json> => near.call('transact', [nb.name, { op: 'commit', durable: false }, megabyte]);
    const answers = Promise.all(Array.from({ length: 60 }, write));
    const waiting = (): number => Math.max(...[...server.sessions].map(({ waitingCount }) => waitingCount));
    await expect.poll(waiting, { timeout: 20_000 }).toBeGreaterThan(4);
    for (let i = 0; i < 300; i++) await other.call('echo', []);
    return { answers, read: waiting() };
  }

  it('reads no more of a client than its source does, and some megabytes', async () => {
    const { remote, waiting, peers } = await slowSource();
    const relay = await relays.weft(remote);
    await relaySettled();
    for (const peer of peers) peer.hold();
    const { answers, read } = await flood(relay);
    expect(read).toBeLessThan(20);
    for (const peer of peers) peer.release();
    const timer = setInterval(() => {
      for (const answer of waiting.splice(0)) answer();
    }, 5);
    await answers.finally(() => clearInterval(timer));
  });

  it('reads no more than some megabytes of a client that writes while there is no source', async () => {
    const door = await doorTo(await sources.weft());
    const relay = await relays.weft(door.remote);
    await relaySettled();
    await door.shut();
    const { answers, read } = await flood(relay);
    expect(read).toBeLessThan(20);
    await door.open();
    expect(await answers).toHaveLength(60);
  });

  it('asks its source for what came after the last transaction that it has seen', async () => {
    const source = await slowSource();
    await relays.weft(source.remote);
    await relaySettled();
    source.peers.shift()?.close();
    await expect.poll(() => source.seen, { timeout: 10_000 }).toEqual([zero, someId]);
  });

  it('sends in order what came before and after there was a source again', async () => {
    const source = await slowSource();
    const { server } = await relays.weft(source.remote);
    await relaySettled();
    const near = await connectTo(`${folder}/relay.sock`);
    const answered: Json[] = [];
    const write = async (name: string): Promise<void> => {
      answered.push(await near.call('transact', [nb.name, { op: 'insert', table: 'Copp', row: { name } }]));
    };
    let open = (): void => {};
    source.ready = new Promise((resolve) => {
      open = resolve;
    });
    const [session] = server.sessions;
    source.peers.shift()?.close();
    const first = write('first');
    await expect.poll(() => session!.waitingCount).toBe(1);
    await expect.poll(() => source.peers.length, { timeout: 10_000 }).toBe(1);
    const second = write('second');
    await expect.poll(() => session!.waitingCount).toBe(2);
    open();
    await expect.poll(() => source.waiting.length).toBe(2);
    for (const answer of source.waiting) answer();
    await Promise.all([first, second]);
    expect(JSON.stringify(answered)).toMatch(/first.*second/);
    near.close();
  });

  it('lets a client go on where it stopped at the source, and catches up after an outage', async () => {
    const server = await startWeftServer([nb]);
    const remote = `unix:${server.socket}`;
    cleanups.push(server.stop);
    await relays.weft(remote);
    const source = await connectTo(server.socket);
    const [, id] = (await source.call('monitor_cond_since', ['OVN_Northbound', 'm', request, zero])) as [
      boolean,
      string,
      Json,
    ];
    await nbctl(remote, 'ls-add', 'one');
    await run('ovsdb-client', [
      '--timeout=20',
      'wait',
      `unix:${folder}/relay.sock`,
      'OVN_Northbound',
      'connected',
    ]).catch(() => {});
    // The source ends all connections, the relay's too; meanwhile something happens.
    for (const session of [...server.service.server.sessions]) session.peer.close();
    await nbctl(remote, 'ls-add', 'two');
    const near = await connectTo(`${folder}/relay.sock`);
    const select = { op: 'select', table: 'Logical_Switch', where: [], columns: ['name'] };
    for (let text = ''; !text.includes('two'); ) {
      const local = await near.call('monitor', ['OVN_Northbound', 'x', request]).catch(() => ({}));
      text = JSON.stringify(local);
      await near.call('monitor_cancel', ['x']).catch(() => ({}));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(JSON.stringify(await near.call('transact', ['OVN_Northbound', select]))).toContain('one');
    const [, latest] = (await near.call('monitor_cond_since', ['OVN_Northbound', 'm', request, zero])) as [
      boolean,
      string,
      Json,
    ];
    const again = await connectTo(server.socket);
    const [found] = (await again.call('monitor_cond_since', ['OVN_Northbound', 'm2', request, latest])) as [
      boolean,
      string,
      Json,
    ];
    expect(found).toBe(true);
    expect(id).not.toBe(latest);
    for (const peer of [near, again, source]) peer.close();
  });
});

describe('another source with other contents', () => {
  it('leaves nothing of the first, where rows of two tables have one uuid, too', async () => {
    const uuid = '11111111-0000-4000-8000-000000000000';
    const insert = (table: string, row: object): Json => ({ op: 'insert', table, uuid, row }) as Json;
    const [one, two] = [await startWeftServer([nb]), await startWeftServer([nb])];
    cleanups.push(two.stop);
    const [first, second] = [await one.connect(), await two.connect()];
    await first.call('transact', [nb.name, insert('Logical_Switch', { name: 'first' }), insert('Address_Set', {})]);
    await second.call('transact', [nb.name, insert('Logical_Switch', { name: 'second' })]);
    await relays.weft(`${one.remote},${two.remote}`);
    await relaySettled();
    const client = await connectTo(`${folder}/relay.sock`);
    const shown = async (): Promise<string> => {
      const select = ['Logical_Switch', 'Address_Set'].map((table) => ({
        op: 'select',
        table,
        where: [],
        columns: ['name'],
      }));
      return JSON.stringify(await client.call('transact', [nb.name, ...select]));
    };
    while (!(await shown()).includes('first')) await new Promise((resolve) => setTimeout(resolve, 20));
    for (const peer of [first, second]) peer.close();
    await one.stop();
    while (!(await shown()).includes('second')) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await shown()).toBe('[{"rows":[{"name":"second"}]},{"rows":[]}]');
    client.close();
  });
});
