/**
 * `npm run bench -- ovsdb`: weft-ovsdb beside the installed ovsdb-server on an OVN_Northbound of 250 switches × 100 ports: CPU time of the server per
 * operation, latency, memory, restart. Both are loaded and take short turns, since the machine may be slower in the next second.
 * WEFT_BENCH_SWITCHES and WEFT_BENCH_PORTS change the size; WEFT_BENCH_WORK is a regular expression that chooses rows by their names, WEFT_BENCH_ROUNDS
 * how many times as long each takes; an argument, `weft` or `C`, runs that side alone.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { connect } from '@weft/jsonrpc/connect';
import { Peer } from '@weft/jsonrpc/peer';
import type { Json } from '@weft/ovsdb/json';
import { nb } from '@weft/schemas/nb';

const switches = Number(process.env.WEFT_BENCH_SWITCHES ?? 250);
const portsPerSwitch = Number(process.env.WEFT_BENCH_PORTS ?? 100);
const chosen = new RegExp(process.env.WEFT_BENCH_WORK ?? '');
const dist = resolve('node_modules/.bin/weft-ovsdb');
const schemaFile = '/usr/share/ovn/ovn-nb.ovsschema';

/** A server has nothing left to do if that many looks, 300 ms apart, find it quiet: ours begins what it puts off within two seconds. */
const quietLooks = 7;

/** A server that is still busy by then is measured as it is. */
const maxIdleMs = 30_000;

interface Sample {
  readonly cpuUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

class Server {
  readonly name: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'weft-bench-'));
  readonly #command: readonly string[];
  readonly socket = join(this.#folder, 's');
  readonly #file = join(this.#folder, 'db');
  #child: ChildProcess | undefined;
  #number = 0;

  constructor(name: 'C' | 'weft') {
    this.name = name;
    const create = name === 'C' ? ['ovsdb-tool'] : [dist];
    execFileSync(create[0]!, [...create.slice(1), 'create', this.#file, schemaFile]);
    const serve = name === 'C' ? ['ovsdb-server', '-vconsole:off'] : [dist, '-vconsole:off'];
    this.#command = [...serve, this.#file, `--remote=punix:${this.socket}`, `--unixctl=${join(this.#folder, 'ctl')}`];
  }

  async start(): Promise<void> {
    rmSync(this.socket, { force: true });
    this.#child = spawn(this.#command[0]!, this.#command.slice(1), {
      stdio: process.env.WEFT_BENCH_DEBUG ? 'inherit' : 'ignore',
    });
    const peer = await this.connect();
    await peer.call('list_dbs', []);
    peer.close();
  }

  async connect(onNotification?: (method: string, params: readonly Json[]) => void): Promise<Peer> {
    for (;;) {
      try {
        const stream = await connect({ kind: 'unix', path: this.socket });
        return new Peer(stream, onNotification === undefined ? {} : { onNotification });
      } catch {
        if (this.#child?.exitCode !== null)
          throw new Error(`${this.name}: the server has ended; WEFT_BENCH_DEBUG=1 shows why`);
        await new Promise((done) => setTimeout(done, 5));
      }
    }
  }

  /** CPU time that the process has used, in microseconds. */
  cpuUs(): number {
    const tasks = `/proc/${this.#child!.pid}/task`;
    let ns = 0;
    for (const task of readdirSync(tasks))
      ns += Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]);
    return ns / 1000;
  }

  /** Waits until the server has nothing left to do; returns its CPU time, and how much of that the quiet time at the end took. */
  async idle(): Promise<{ readonly cpuUs: number; readonly idleUs: number }> {
    const quiet: number[] = [];
    const end = performance.now() + maxIdleMs;
    for (let before = this.cpuUs(); ; ) {
      await new Promise((done) => setTimeout(done, 300));
      const now = this.cpuUs();
      if (now - before < 3000) quiet.push(now - before);
      else quiet.length = 0;
      before = now;
      if (quiet.length === quietLooks) return { cpuUs: now, idleUs: quiet.reduce((sum, us) => sum + us) };
      // A server under a profiler is never quiet.
      if (performance.now() > end) return { cpuUs: now, idleUs: 0 };
    }
  }

  /** For names that nothing has yet. */
  nextNumber(): number {
    return this.#number++;
  }

  rssMb(): number {
    const status = readFileSync(`/proc/${this.#child!.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024;
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child!;
    const exited = new Promise<void>((done) => child.once('exit', () => done()));
    child.kill(signal);
    await exited;
  }

  /** Ends it at once, when the benchmark is interrupted. */
  abandon(): void {
    this.#child?.kill('SIGKILL');
    this.remove();
  }

  remove(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Work for one server: `operation`, so often, and so many at once. */
interface Job {
  readonly count: number;
  readonly width: number;
  readonly operation: (i: number) => Promise<void>;
  readonly close?: () => Promise<void>;
}

const job = (count: number, width: number, operation: (i: number) => Promise<void>): Job => ({
  count: count * Number(process.env.WEFT_BENCH_ROUNDS ?? 1),
  width,
  operation,
});

/** How many turns each server has at one work. */
const turns = 20;

/**
 * Has each server do its job, by turns, after as much for the compilers and caches of either side. What a server puts off counts too; what it uses when it
 * has nothing to do does not.
 */
async function measure(servers: readonly Server[], jobs: readonly Job[]): Promise<Sample[]> {
  const times: number[][] = jobs.map(() => []);
  const run = async (at: number, first: number, end: number): Promise<void> => {
    const { width, operation } = jobs[at]!;
    let next = first;
    const worker = async (): Promise<void> => {
      while (next < end) {
        const start = performance.now();
        await operation(next++);
        times[at]!.push((performance.now() - start) * 1000);
      }
    };
    await Promise.all(Array.from({ length: width }, worker));
  };
  for (const [at, { count }] of jobs.entries()) await run(at, 0, count);
  for (const each of times) each.length = 0;
  const before: number[] = [];
  for (const server of servers) before.push((await server.idle()).cpuUs);
  for (let turn = 0; turn < turns; turn++) {
    const order = [...jobs.keys()];
    if (turn % 2 === 1) order.reverse();
    for (const at of order) {
      const { count } = jobs[at]!;
      await run(at, count + Math.floor((turn * count) / turns), count + Math.floor(((turn + 1) * count) / turns));
    }
  }
  const samples: Sample[] = [];
  for (const [at, server] of servers.entries()) {
    const { cpuUs, idleUs } = await server.idle();
    const sorted = times[at]!.sort((a, b) => a - b);
    samples.push({
      cpuUs: (cpuUs - before[at]! - idleUs) / jobs[at]!.count,
      p50Us: sorted[Math.floor(sorted.length / 2)]!,
      p99Us: sorted[Math.floor(sorted.length * 0.99)]!,
    });
  }
  return samples;
}

async function transact(peer: Peer, ...operations: Json[]): Promise<void> {
  const results = (await peer.call('transact', [nb.name, ...operations])) as readonly Json[];
  for (const result of results) {
    if (typeof result === 'object' && result !== null && 'error' in result) throw new Error(JSON.stringify(result));
  }
}

const mac = (n: number): string =>
  `00:00:${[24, 16, 8, 0].map((shift) => ((n >> shift) & 255).toString(16).padStart(2, '0')).join(':')}`;

async function load(peer: Peer): Promise<void> {
  for (let s = 0; s < switches; s++) {
    const operations: Json[] = [];
    const ports: Json[] = [];
    for (let p = 0; p < portsPerSwitch; p++) {
      const n = s * portsPerSwitch + p;
      const name = `p${n}`;
      operations.push({
        op: 'insert',
        table: 'Logical_Switch_Port',
        'uuid-name': name,
        row: {
          name,
          addresses: `${mac(n)} 10.${s & 255}.${p >> 8}.${p & 255}`,
          port_security: `${mac(n)} 10.${s & 255}.${p >> 8}.${p & 255}`,
          external_ids: ['map', [['neutron:port_name', name]]],
        },
      });
      ports.push(['named-uuid', name]);
    }
    operations.push({ op: 'insert', table: 'Logical_Switch', row: { name: `s${s}`, ports: ['set', ports] } });
    await transact(peer, ...operations);
  }
}

const allTables = Object.fromEntries(
  Object.entries(nb.tables).map(([table, { columns }]) => [table, [{ columns: Object.keys(columns) }]]),
);
const nothing = '00000000-0000-0000-0000-000000000000';
const portMonitor = (where?: Json): Json => ({
  Logical_Switch_Port: [
    { columns: ['name', 'addresses', 'up', 'options', 'external_ids'], ...(where === undefined ? {} : { where }) },
  ],
});

/** Its name, and the job for one server. */
type Work = readonly [string, (server: Server, peer: Peer) => Job | Promise<Job>];

const setOption = (name: string, value: string): Json => ({
  op: 'update',
  table: 'Logical_Switch_Port',
  where: [['name', '==', name]],
  row: { options: ['map', [['x', value]]] },
});

async function withSessions(
  server: Server,
  n: number,
  where: (i: number) => Json | undefined,
  expected: number,
  count: number,
  peer: Peer,
): Promise<Job> {
  let received = 0;
  let wake = (): void => {};
  const sessions: Peer[] = [];
  for (let i = 0; i < n; i++) {
    const session = await server.connect(() => {
      received++;
      wake();
    });
    await session.call('monitor_cond_since', [nb.name, ['monid', nb.name], portMonitor(where(i)), nothing]);
    sessions.push(session);
  }
  const update = async (i: number): Promise<void> => {
    received = 0;
    await transact(peer, setOption('p7', String(i)));
    while (received < expected) {
      await new Promise<void>((done) => {
        wake = done;
      });
    }
  };
  return {
    ...job(count, 1, update),
    close: async () => {
      for (const session of sessions) session.close();
      await new Promise((done) => setTimeout(done, 100));
    },
  };
}

const works: readonly Work[] = [
  [
    'insert a port and link it',
    (server, peer) =>
      job(6000, 1, (i) =>
        transact(
          peer,
          {
            op: 'insert',
            table: 'Logical_Switch_Port',
            'uuid-name': 'n',
            row: { name: `new${server.nextNumber()}`, addresses: mac(i) },
          },
          {
            op: 'mutate',
            table: 'Logical_Switch',
            where: [['name', '==', `s${i % switches}`]],
            mutations: [['ports', 'insert', ['set', [['named-uuid', 'n']]]]],
          },
        ),
      ),
  ],
  [
    'update where name == x, 64 in flight',
    (server, peer) =>
      job(server.name === 'C' ? 400 : 12000, 64, (i) =>
        transact(peer, setOption(`p${(i * 37) % (switches * portsPerSwitch)}`, String(i))),
      ),
  ],
  [
    'full initial dump',
    (server) =>
      job(20, 1, async () => {
        const session = await server.connect();
        await session.call('monitor_cond_since', [nb.name, 'm', allTables, nothing]);
        session.close();
      }),
  ],
  [
    'new conditional monitor (name == x)',
    (server) =>
      job(server.name === 'C' ? 100 : 1000, 1, async (i) => {
        const session = await server.connect();
        await session.call('monitor_cond_since', [nb.name, 'm', portMonitor([['name', '==', `p${i}`]]), nothing]);
        session.close();
      }),
  ],
  [
    'update, 200 conditional sessions, 1 wants it',
    (server, peer) =>
      withSessions(server, 200, (i) => [['name', '==', `p${i}`]], 1, server.name === 'C' ? 200 : 3000, peer),
  ],
  [
    'update, 100 sessions that all want it',
    (server, peer) => withSessions(server, 100, () => undefined, 100, server.name === 'C' ? 100 : 1000, peer),
  ],
];

const limits: { readonly [work: string]: string } = {
  'insert a port and link it': 'C 3.1',
  'update where name == x, 64 in flight': '40',
  'full initial dump': '40,000',
  'new conditional monitor (name == x)': '1,000',
  'update, 200 conditional sessions, 1 wants it': '100',
  'update, 100 sessions that all want it': '400-700',
};

if (!existsSync(dist)) throw new Error(`${dist} is missing: run "npm run build" first`);
const sides = (['C', 'weft'] as const).filter((name) => process.argv[2] === undefined || process.argv[2] === name);
const servers = sides.map((name) => new Server(name));
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => {
    for (const server of servers) server.abandon();
    process.exit(130);
  });
const restarts: { [name: string]: { rss: number; restart: number } } = {};
const samples = new Map<string, { [name: string]: Sample }>();

try {
  const peers: Peer[] = [];
  for (const server of servers) {
    await server.start();
    const peer = await server.connect();
    await load(peer);
    peers.push(peer);
  }
  for (const [work, jobFor] of works) {
    if (!chosen.test(work)) continue;
    const jobs: Job[] = [];
    for (const [at, server] of servers.entries()) jobs.push(await jobFor(server, peers[at] as Peer));
    const measured = await measure(servers, jobs);
    for (const { close } of jobs) await close?.();
    const result = Object.fromEntries(servers.map(({ name }, at) => [name, measured[at] as Sample]));
    samples.set(work, result);
    console.info(
      `${work}: ${Object.entries(result)
        .map(([name, { cpuUs }]) => `${name} ${cpuUs.toFixed(0)} µs CPU`)
        .join(', ')}`,
    );
  }
  for (const [at, server] of servers.entries()) {
    const rss = server.rssMb();
    peers[at]?.close();
    await server.kill('SIGKILL');
    const start = performance.now();
    await server.start();
    restarts[server.name] = { rss, restart: performance.now() - start };
    await server.kill('SIGTERM');
  }
} finally {
  for (const server of servers) server.remove();
}
const rows: { [column: string]: string }[] = [];
const us = (value: number): string => Math.round(value).toLocaleString('en');
for (const [work, { C, weft }] of samples) {
  rows.push({
    work,
    ...(C === undefined ? {} : { 'C CPU µs': us(C.cpuUs) }),
    ...(weft === undefined ? {} : { 'weft CPU µs': us(weft.cpuUs) }),
    ...(C === undefined || weft === undefined ? {} : { ratio: (weft.cpuUs / C.cpuUs).toFixed(3) }),
    'be at most': limits[work] ?? '',
    ...(C === undefined ? {} : { 'C p50/p99 µs': `${us(C.p50Us)} / ${us(C.p99Us)}` }),
    ...(weft === undefined ? {} : { 'weft p50/p99 µs': `${us(weft.p50Us)} / ${us(weft.p99Us)}` }),
  });
}
console.info(`OVN_Northbound, ${switches} switches × ${portsPerSwitch} ports`);
console.table(rows);
console.table(
  Object.entries(restarts).map(([server, { rss, restart }]) => ({
    server,
    'RSS MB': rss.toFixed(0),
    'restart after kill -9 until the first answer, ms': restart.toFixed(0),
  })),
);
