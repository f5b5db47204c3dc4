import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { JsonObject } from '@weft/ovsdb/json';
import { Replica } from '@weft/ovsdb-client/replica';
import { nb } from '@weft/schemas/nb';
import { sb } from '@weft/schemas/sb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NorthdService } from './service.ts';

const exec = promisify(execFile);

/** The service on live C databases (Debian package ovn-central). */
let dir: string;
let children: ChildProcess[];
let instances: Instance[];

class Instance {
  readonly nb: Replica<typeof nb>;
  readonly sb: Replica<typeof sb>;
  readonly service: NorthdService;
  readonly log: string[] = [];

  constructor() {
    const quiet = { shuffle: false };
    this.nb = new Replica({ schema: nb, remotes: `unix:${dir}/nb.sock`, ...quiet });
    this.sb = new Replica({ schema: sb, remotes: `unix:${dir}/sb.sock`, ...quiet });
    this.service = new NorthdService({
      nb: this.nb,
      sb: this.sb,
      log: (level, message) => this.log.push(`${level}: ${message}`),
      wallClock: () => Date.now(),
      now: () => performance.now(),
      pause: () => new Promise((resolve) => setImmediate(resolve)),
      sleep,
    });
    this.nb.start();
    this.sb.start();
    instances.push(this);
  }

  close(): void {
    this.service.close();
    this.nb.close();
    this.sb.close();
  }
}

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'weft-northd-'));
  children = [];
  instances = [];
  for (const db of ['nb', 'sb']) {
    const file = join(dir, `${db}.db`);
    await exec('ovsdb-tool', ['create', file, `/usr/share/ovn/ovn-${db}.ovsschema`]).catch((cause: unknown) => {
      throw new Error('these tests need the Debian package ovn-central', { cause });
    });
    start('ovsdb-server', [file, `--remote=punix:${dir}/${db}.sock`, `--unixctl=${dir}/${db}.ctl`]);
    await until(() =>
      access(join(dir, `${db}.sock`)).then(
        () => true,
        () => false,
      ),
    );
  }
});

afterEach(async () => {
  for (const instance of instances) instance.close();
  for (const child of children) await stop(child);
  await rm(dir, { recursive: true, force: true });
});

function start(program: string, args: readonly string[]): ChildProcess {
  const env = { ...process.env, OVN_RUNDIR: dir, OVS_RUNDIR: dir, OVN_LOGDIR: dir, OVS_LOGDIR: dir };
  const child = spawn(program, args, { stdio: 'ignore', env });
  children.push(child);
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    if (await condition()) return;
    await sleep(20);
  }
  throw new Error(`did not become true: ${condition}`);
}

const nbctl = (...args: readonly string[]): Promise<unknown> =>
  exec('ovn-nbctl', [`--db=unix:${dir}/nb.sock`, '--timeout=30', '--wait=sb', ...args]);

const uuids = (replica: Replica<typeof sb>): readonly string[] =>
  (['Datapath_Binding', 'Port_Binding', 'Multicast_Group', 'Logical_Flow', 'Logical_DP_Group', 'Address_Set'] as const)
    .flatMap((table) => [...replica.table(table).rows()].map(({ _uuid }) => `${table} ${_uuid}`))
    .sort();

const network = [
  ...['ls-add', 'ls1', '--', 'ls-add', 'ls2'],
  ...['--', 'lsp-add', 'ls1', 'p1', '--', 'lsp-set-addresses', 'p1', '00:00:00:00:00:01 192.168.1.10'],
  ...['--', 'lr-add', 'lr1', '--', 'lrp-add', 'lr1', 'lr1-ls1', '00:00:00:00:11:00', '192.168.1.1/24'],
  ...['--', 'lsp-add', 'ls1', 'ls1-lr1', '--', 'lsp-set-type', 'ls1-lr1', 'router'],
  ...['--', 'lsp-set-addresses', 'ls1-lr1', 'router', '--', 'lsp-set-options', 'ls1-lr1', 'router-port=lr1-ls1'],
];

function gate(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Operations that make a switch of so many ports, and ask to hear when SB has it. */
const manyPorts = (count: number): JsonObject[] => [
  ...Array.from({ length: count }, (_, i) => ({
    op: 'insert',
    table: 'Logical_Switch_Port',
    'uuid-name': `p${i}`,
    row: { name: `p${i}` },
  })),
  {
    op: 'insert',
    table: 'Logical_Switch',
    row: { name: 'ls1', ports: ['set', Array.from({ length: count }, (_, i) => ['named-uuid', `p${i}`])] },
  },
  { op: 'update', table: 'NB_Global', where: [], row: { nb_cfg: 7 } },
];

describe('the service', () => {
  it('takes over from an instance that ends, without writing a row', async () => {
    const first = new Instance();
    await nbctl(...network);
    await until(() => first.service.status === 'active');
    const second = new Instance();
    await second.sb.synced();
    expect(second.service.status).toBe('standby');
    const before = uuids(second.sb);
    first.close();
    await until(() => second.service.status === 'active');
    await nbctl('sync');
    expect(uuids(second.sb)).toEqual(before);
    // One transaction for SB_Global's nb_cfg, one for NB_Global's sb_cfg.
    expect(second.service.stats.operations).toBe(2);
    await nbctl('lsp-add', 'ls1', 'p2');
    expect([...second.sb.table('Port_Binding').rows()].some(({ logical_port }) => logical_port === 'p2')).toBe(true);
  });

  it('takes over from ovn-northd, and keeps its rows', async () => {
    const theirs = start('ovn-northd', [`--ovnnb-db=unix:${dir}/nb.sock`, `--ovnsb-db=unix:${dir}/sb.sock`]);
    await nbctl(...network);
    await stop(theirs);
    const ours = new Instance();
    await ours.sb.synced();
    const before = uuids(ours.sb);
    await nbctl('sync');
    expect(uuids(ours.sb)).toEqual(before);
    expect(ours.service.stats.operations).toBe(2);
  });

  it('computes anew on demand, without writing a row', async () => {
    const { service, sb } = new Instance();
    await until(() => service.status === 'active');
    await nbctl(...network);
    const before = uuids(sb);
    const runsOf = () => service.runtime?.stats().size ?? 0;
    service.clearStats();
    expect(runsOf()).toBe(0);
    service.recompute();
    await until(() => service.stats.rounds > 0);
    expect(runsOf()).toBeGreaterThan(20);
    expect(service.stats).toMatchObject({ operations: 0, failures: 0 });
    expect(uuids(sb)).toEqual(before);
  });

  it('tells NB of many ports while SB takes them, and that SB has them afterwards', async () => {
    const { nb, sb, service } = new Instance();
    await until(() => service.status === 'active');
    await nbctl('sync');
    const transact = sb.transact.bind(sb);
    const { promise: open, resolve: openGate } = gate();
    sb.transact = async (operations) => {
      await open;
      return transact(operations);
    };
    await nb.transact(manyPorts(1600));
    const ports = () => [...nb.table('Logical_Switch_Port').rows()];
    await until(() => ports().some(({ up }) => up === false));
    const sbCfg = () => [...nb.table('NB_Global').rows()][0]?.sb_cfg;
    expect(sb.table('Port_Binding').size).toBe(0);
    expect(sbCfg()).not.toBe(7);
    openGate();
    await until(() => sbCfg() === 7);
    expect(sb.table('Port_Binding').size).toBe(1600);
    expect(ports().every(({ up }) => up === false)).toBe(true);
  });

  it('is paused and resumed', async () => {
    const instance = new Instance();
    await nbctl('ls-add', 'ls1');
    instance.service.pause();
    expect(instance.service.status).toBe('paused');
    await exec('ovn-nbctl', [`--db=unix:${dir}/nb.sock`, 'ls-add', 'ls2']);
    await until(() => instance.nb.table('Logical_Switch').size === 2);
    await sleep(50);
    expect(instance.sb.table('Datapath_Binding').size).toBe(1);
    instance.service.resume();
    await nbctl('sync');
    expect(instance.sb.table('Datapath_Binding').size).toBe(2);
  });

  it('puts back what somebody deletes from SB', async () => {
    const instance = new Instance();
    await nbctl(...network);
    const flows = instance.sb.table('Logical_Flow').size;
    const bindings = instance.sb.table('Port_Binding').size;
    await exec('ovn-sbctl', [
      `--db=unix:${dir}/sb.sock`,
      '--all',
      'destroy',
      'Logical_Flow',
      '--',
      '--all',
      'destroy',
      'Port_Binding',
    ]);
    await until(() => instance.sb.table('Logical_Flow').size === flows);
    await until(() => instance.sb.table('Port_Binding').size === bindings);
  });

  it('names rows that make no sense, once, and does the rest', async () => {
    const instance = new Instance();
    await nbctl(...network);
    await nbctl('set', 'Logical_Router_Port', 'lr1-ls1', 'mac="nonsense"');
    await nbctl('set', 'Logical_Switch_Port', 'p1', 'addresses="neither here nor there"');
    await nbctl('lsp-add', 'ls2', 'p3');
    await nbctl('sync');
    const warnings = instance.log.filter((line) => line.startsWith('warn'));
    expect(warnings.filter((line) => line.includes('"lr1-ls1"'))).toHaveLength(1);
    expect(warnings.filter((line) => line.includes('"p1"'))).toHaveLength(1);
    const ports = [...instance.sb.table('Port_Binding').rows()].map(({ logical_port }) => logical_port).sort();
    expect(ports).toEqual(['ls1-lr1', 'p1', 'p3']);
  });

  it('goes on when a database comes back', async () => {
    const instance = new Instance();
    await nbctl(...network);
    const server = children[1] as ChildProcess;
    await stop(server);
    await until(() => instance.sb.state !== 'live');
    await exec('ovn-nbctl', [`--db=unix:${dir}/nb.sock`, 'lsp-add', 'ls2', 'p4']);
    start('ovsdb-server', [`${dir}/sb.db`, `--remote=punix:${dir}/sb.sock`, `--unixctl=${dir}/sb.ctl`]);
    await nbctl('sync');
    expect([...instance.sb.table('Port_Binding').rows()].some(({ logical_port }) => logical_port === 'p4')).toBe(true);
  });
});
