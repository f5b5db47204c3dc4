/**
 * Writers and replicas of several kinds while servers are killed and frozen, and connections delayed, stalled and cut. In the end each replica is what the
 * server has, what was called committed is there once, what was called failed is not, and nothing is left behind.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { listening } from '@weft/jsonrpc/testing';
import type { Row } from '@weft/ovsdb/row';
import { column, database, integer, map, string, table } from '@weft/ovsdb/schema';
import { schemaToJson } from '@weft/ovsdb/schema-json';
import { DatabaseClient } from '@weft/ovsdb-client/client';
import type { TableCondition, TableConditions } from '@weft/ovsdb-client/conditions';
import { ConflictError, NotConnectedError, TransactionError, UncertainError } from '@weft/ovsdb-client/errors';
import { Replica, type ReplicaOptions } from '@weft/ovsdb-client/replica';
import type { Transaction } from '@weft/ovsdb-client/transaction';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { buildServer } from '../../interop/database/build-server.ts';
import { FaultyProxy } from './faulty-proxy.ts';

const schema = database('Chaos', '1.0.0', {
  Log: table({ id: column(string()), text: column(string()) }, { isRoot: true }),
  Thing: table(
    { name: column(string()), group: column(integer()), labels: map(string(), string()) },
    { isRoot: true, indexes: [['name']] },
  ),
});
type Chaos = typeof schema;
const tables = ['Log', 'Thing'] as const;
const steps = 14;

let state = Number(process.env.WEFT_FUZZ_SEED ?? 1) + 0x9e3779b9;
/** Mulberry32. */
function random(): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const below = (n: number): number => Math.floor(random() * n);
const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;

let program: string;
let folder: string;
let cleanups: (() => unknown)[];
const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);
beforeAll(async () => {
  program = await buildServer();
  process.on('unhandledRejection', note);
});
afterAll(() => process.off('unhandledRejection', note));
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-faults-'));
  writeFileSync(join(folder, 'schema'), JSON.stringify(schemaToJson(schema)));
  cleanups = [() => rmSync(folder, { recursive: true, force: true })];
});
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

/** A server that can be killed, frozen and started again. */
class Daemon {
  readonly socket: string;
  readonly #command: readonly string[];
  #child: ChildProcess | undefined;

  constructor(name: string, command: readonly string[]) {
    this.socket = join(folder, `${name}.sock`);
    this.#command = [...command, `--remote=punix:${this.socket}`, `--unixctl=${folder}/${name}.ctl`, '-vconsole:off'];
  }

  async start(): Promise<this> {
    rmSync(this.socket, { force: true });
    const [file, ...args] = this.#command;
    this.#child = spawn(file!, args, { stdio: 'ignore', env: { ...process.env, OVS_RUNDIR: folder } });
    cleanups.push(() => this.kill());
    await listening(this.socket);
    return this;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' ? address!.port : 0;
}

const ours = (...args: string[]): string[] => [process.execPath, program, ...args];
const sources = {
  'weft-ovsdb': async () => {
    const file = join(folder, 'db');
    execFileSync(process.execPath, [program, 'create', file, join(folder, 'schema')]);
    return [await new Daemon('m0', ours(file)).start()];
  },
  'ovsdb-server': async () => {
    const file = join(folder, 'db');
    execFileSync('ovsdb-tool', ['create', file, join(folder, 'schema')]);
    return [await new Daemon('m0', ['ovsdb-server', file]).start()];
  },
  'a cluster of C servers': async () => {
    const members: Daemon[] = [];
    const addresses = [await freePort(), await freePort(), await freePort()].map((port) => `tcp:127.0.0.1:${port}`);
    for (const [i, address] of addresses.entries()) {
      const file = join(folder, `m${i}`);
      if (i === 0) execFileSync('ovsdb-tool', ['create-cluster', file, join(folder, 'schema'), address]);
      else execFileSync('ovsdb-tool', ['join-cluster', file, 'Chaos', address, addresses[0]!]);
      const member = await new Daemon(`m${i}`, ['ovsdb-server', file]).start();
      execFileSync('ovsdb-client', ['wait', '--timeout=30', `unix:${member.socket}`, 'Chaos', 'connected'], {
        stdio: 'ignore',
      });
      members.push(member);
    }
    return members;
  },
};

function replicate(options: Pick<ReplicaOptions<Chaos>, 'remotes' | 'leaderOnly' | 'conditions'>): Replica<Chaos> {
  const backoff = { minMs: 50, maxMs: 500, random };
  const replica = new Replica({ schema, backoff, random, probeIntervalMs: 400, connectTimeoutMs: 400, ...options });
  replica.start();
  cleanups.push(() => replica.close());
  return replica;
}

/** A replica, and what its changes make of nothing. */
class Watched {
  readonly replica: Replica<Chaos>;
  readonly copy = new Map<string, Row>();
  readonly faults: string[] = [];
  conditions: TableConditions<Chaos>;

  constructor(options: Pick<ReplicaOptions<Chaos>, 'remotes' | 'leaderOnly' | 'conditions'>) {
    this.conditions = options.conditions ?? {};
    this.replica = replicate(options);
    this.replica.onChange((changes) => {
      for (const { uuid, old, new: next } of changes) {
        if (this.copy.get(uuid) !== old) this.faults.push(`${uuid} was something else`);
        if (next === undefined) this.copy.delete(uuid);
        else this.copy.set(uuid, next);
      }
    });
  }

  /** What a dump has of it. */
  shows(name: (typeof tables)[number], row: Row): boolean {
    const condition = this.conditions[name] as TableCondition | undefined;
    if (typeof condition === 'boolean' || condition === undefined) return condition ?? true;
    return condition.some((clause) => typeof clause !== 'boolean' && row[clause[0]] === clause[2]);
  }
}

type Outcome = 'committed' | 'failed' | 'uncertain';
const someThings = (): TableConditions<Chaos> => ({
  Thing: Array.from({ length: below(3) }, () => ['group', '==', below(5)] as const),
});

/** One writer's life; what became of each of its transactions goes to the ledger. */
async function write(
  replica: Replica<Chaos>,
  name: string,
  ledger: Map<string, Outcome>,
  ended: () => boolean,
): Promise<void> {
  const change = (txn: Transaction<Chaos>, id: string): void => {
    txn.insert('Log', { id, text: 'x'.repeat(below(10) === 0 ? 30_000 : 10) });
    const things = [...replica.table('Thing').rows()].filter((row) => !row.name.startsWith('once'));
    if (things.length < 20) {
      txn.insert('Thing', { name: `of ${id}`, group: below(5) });
      return;
    }
    const { _uuid: uuid } = pick(things);
    pick([
      () => txn.update('Thing', uuid, { group: below(5) }),
      () => txn.insertInto('Thing', uuid, 'labels', new Map([[`k${below(4)}`, id]])),
      () => txn.delete('Thing', uuid),
    ])();
  };
  for (let i = 0; !ended(); i++) {
    const way = below(4);
    const id = `${way === 0 ? 'once ' : ''}${name}-${i}`;
    try {
      if (way === 0) {
        const build = (txn: Transaction<Chaos>): void => {
          for (const row of replica.table('Thing').rows()) if (row.name === id) return;
          txn.insert('Thing', { name: id });
        };
        await replica.retry(build, { repeatable: true, attempts: 30 });
      } else if (way === 1) await replica.retry((txn) => change(txn, id));
      else {
        const txn = replica.transaction();
        change(txn, id);
        await txn.commit();
      }
      ledger.set(id, 'committed');
    } catch (error) {
      ledger.set(id, error instanceof UncertainError ? 'uncertain' : 'failed');
      if (error instanceof NotConnectedError) await sleep(50);
      else if (
        !(error instanceof UncertainError || error instanceof ConflictError || error instanceof TransactionError)
      )
        throw error;
    }
    await sleep(below(20));
  }
}

it.each(Object.keys(sources) as (keyof typeof sources)[])('on %s', { timeout: 240_000 }, async (kind) => {
  const members = await sources[kind]();
  const through = async (daemon: Daemon): Promise<FaultyProxy> => {
    const proxy = await FaultyProxy.listen(daemon.socket);
    cleanups.push(() => proxy.close());
    return proxy;
  };
  const proxies = await Promise.all(members.map(through));
  const remotes = proxies.map(({ remote }) => remote).join(',');
  const relay = await new Daemon('relay', ours(`relay:Chaos:${remotes}`)).start();
  const near = await through(relay);
  const watched = [
    new Watched({ remotes }),
    new Watched({ remotes, leaderOnly: false }),
    new Watched({ remotes: near.remote }),
    new Watched({ remotes, leaderOnly: false, conditions: someThings() }),
    new Watched({ remotes: `${near.remote},${remotes}`, conditions: someThings() }),
  ];
  const ledger = new Map<string, Outcome>();
  let over = false;
  const writers = [{ remotes }, { remotes, leaderOnly: false }, { remotes: near.remote }].map(replicate);
  const working = writers.map((replica, i) => write(replica, `w${i}`, ledger, () => over));
  const wishing = watched.slice(3).map(async (each) => {
    while (!over) {
      each.conditions = someThings();
      await Promise.race([each.replica.setConditions(each.conditions), sleep(300)]);
      await sleep(below(100));
    }
  });

  const faults: ((proxy: FaultyProxy, member: Daemon) => unknown)[] = [
    (proxy) => proxy.cut(),
    (proxy) => proxy.cutAfter(() => below(5000)),
    (proxy) => Object.assign(proxy, { delay: () => below(150) }),
    (proxy) => Object.assign(proxy, { stalled: true }),
    (proxy) => [Object.assign(proxy, { refusing: true }), proxy.cut()],
    (proxy) => [Object.assign(proxy, { connectDelay: () => below(500) }), proxy.cut()],
    async (_, member) => {
      await member.kill();
      await sleep(below(500));
      await member.start();
    },
    (_, member) => member.signal('SIGSTOP'),
    () => pick(writers).reconnect(),
  ];
  for (let step = 0; step < steps; step++) {
    const proxy = pick([...proxies, near]);
    const member = pick([...members, relay]);
    await pick(faults)(proxy, member);
    await sleep(below(1200));
    member.signal('SIGCONT');
    proxy.heal();
    await sleep(below(400));
  }
  over = true;
  await Promise.all([...working, ...wishing]);
  for (const { replica, conditions } of watched) {
    await replica.synced();
    await replica.setConditions(conditions);
  }
  const servers = members.map(({ socket }) => `unix:${socket}`).join(',');
  const client = await DatabaseClient.open({ schema, remotes: servers, wait: true });
  cleanups.push(() => client.close());
  const last = client.transaction();
  last.insert('Log', { id: 'last', text: '' });
  await last.commit();
  const dump: readonly (readonly Row[])[] = await client.selectAll(tables.map((name) => ({ table: name })));

  for (const one of watched) {
    const { replica, copy, faults: wrong } = one;
    const hasLast = (): boolean => [...replica.table('Log').rows()].some(({ id }) => id === 'last');
    await expect.poll(hasLast, { timeout: 60_000 }).toBe(true);
    expect(wrong).toEqual([]);
    const byUuid = (rows: Iterable<Row>): Map<string, Row> => new Map([...rows].map((row) => [row._uuid, row]));
    expect(copy).toEqual(byUuid(tables.flatMap((name): Row[] => [...replica.table(name).rows()])));
    expect(copy).toEqual(byUuid(dump.flatMap((rows, i) => rows.filter((row) => one.shows(tables[i]!, row)))));
  }
  const found = new Map<string, number>();
  for (const { id, name } of dump.flat()) {
    const key = String(id ?? name);
    found.set(key, (found.get(key) ?? 0) + 1);
  }
  const wrong = [...ledger].filter(([id, outcome]) => {
    const times = found.get(id) ?? 0;
    // A C cluster executes a transaction again when its leadership moves, though it has been committed: "at-least-once" (ovsdb(7)).
    if (kind === 'a cluster of C servers') return outcome === 'committed' && times === 0;
    return outcome === 'committed' ? times !== 1 : times > (outcome === 'failed' ? 0 : 1);
  });
  expect(wrong).toEqual([]);
  expect([...ledger.values()].filter((outcome) => outcome === 'committed').length).toBeGreaterThan(50);

  for (const replica of [...writers, ...watched.map((each) => each.replica)]) replica.close();
  client.close();
  await relay.kill();
  await expect
    .poll(() => [...proxies, near].flatMap(({ passages }) => [...passages]).length, { timeout: 20_000 })
    .toBe(0);
  expect(unhandled).toEqual([]);
});
