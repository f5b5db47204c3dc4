// A fabric of S switches × P ports behind one router, ours and C's on the same work: the full start of northd, the full start of a controller
// with 100 bound ports, and the time from adding one more port (already plugged) to hv_cfg. `npm run bench -- fabric [SxP...]`.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { accepts } from '@weft/cli/demo/process';
import { connect } from '@weft/jsonrpc/connect';
import type { Json } from '@weft/jsonrpc/json';
import { Peer } from '@weft/jsonrpc/peer';

type Maker = 'c' | 'weft';
const boundPorts = 100;
const extraPorts = 11;
/** Ours on the C database servers: to see what each part contributes. */
const cDatabases = process.argv.includes('--c-databases');
const bin = resolve('node_modules/.bin');

interface Figures {
  northdStart: number;
  /** Processor time of northd, and of its two database servers, by then. */
  northdCpu: number;
  northdDatabasesCpu: number;
  controllerStart: number;
  controllerCpu: number;
  /** Median of the single additions, and the worst. */
  onePort: number;
  onePortWorst: number;
  logicalFlows: number;
  openFlows: number;
  memory: Record<string, number>;
}

const hex = (n: number) => n.toString(16).padStart(2, '0');
const mac = (s: number, p: number) => `0a:${hex(s >> 8)}:${hex(s & 255)}:00:${hex(p >> 8)}:${hex(p & 255)}`;
const portName = (s: number, p: number) => `sw${s}-p${p}`;
const networkOf = (s: number) => `10.${1 + (s >> 8)}.${s & 255}`;

/** The operations that add port p to switch s. */
function addPort(s: number, p: number): Json[] {
  return [
    {
      op: 'insert',
      table: 'Logical_Switch_Port',
      'uuid-name': `lsp${s}_${p}`,
      row: { name: portName(s, p), addresses: `${mac(s, p)} ${networkOf(s)}.${p + 10}` },
    },
    {
      op: 'mutate',
      table: 'Logical_Switch',
      where: [['name', '==', `sw${s}`]],
      mutations: [['ports', 'insert', ['set', [['named-uuid', `lsp${s}_${p}`]]]]],
    },
  ];
}

class Setting {
  readonly dir: string;
  readonly maker: Maker;
  readonly children: { name: string; child: ChildProcess }[] = [];

  constructor(maker: Maker) {
    this.maker = maker;
    this.dir = mkdtempSync(join(tmpdir(), `weft-bench-${maker}-`));
  }

  start(name: string, command: string, args: readonly string[], env: Record<string, string> = {}): ChildProcess {
    const log = openSync(join(this.dir, `${name}.log`), 'a');
    const child = spawn(command, args, {
      stdio: ['ignore', log, log],
      env: { ...process.env, OVS_RUNDIR: this.dir, OVN_RUNDIR: this.dir, OVS_LOGDIR: this.dir, ...env },
    });
    this.children.push({ name, child });
    return child;
  }

  async listens(name: string): Promise<string> {
    const path = join(this.dir, name);
    for (let i = 0; !(await accepts(path)); i++) {
      if (i > 2000) throw new Error(`${path} did not appear`);
      await sleep(5);
    }
    return path;
  }

  async database(name: 'nb' | 'sb'): Promise<void> {
    const file = join(this.dir, `${name}.db`);
    const args = [
      file,
      `--remote=punix:${join(this.dir, `${name}.sock`)}`,
      `--unixctl=${join(this.dir, `${name}.ctl`)}`,
    ];
    if (this.maker === 'c' || cDatabases) {
      execFileSync('ovsdb-tool', ['create', file, `/usr/share/ovn/ovn-${name}.ovsschema`]);
      this.start(name, 'ovsdb-server', args);
    } else {
      execFileSync(join(bin, 'weft-ovsdb'), ['create', file, name]);
      this.start(name, join(bin, 'weft-ovsdb'), args);
    }
    await this.listens(`${name}.sock`);
  }

  async connect(socket: string, onUpdate?: (update: Json) => void): Promise<Peer> {
    const stream = await connect({ kind: 'unix', path: join(this.dir, socket) });
    return new Peer(stream, { onNotification: (_method, params) => onUpdate?.(params[1] as Json) });
  }

  remote(name: 'nb' | 'sb'): string {
    return `unix:${join(this.dir, `${name}.sock`)}`;
  }

  vsctl(...args: string[]): string {
    return execFileSync('ovs-vsctl', [`--db=unix:${join(this.dir, 'ovs.sock')}`, '--no-wait', ...args], {
      encoding: 'utf8',
    });
  }

  memory(): Record<string, number> {
    const result: Record<string, number> = {};
    for (const { name, child } of this.children) {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      result[name] = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024;
    }
    return result;
  }

  /** Processor time that a program has used so far, in milliseconds. */
  cpu(name: string): number {
    const pid = this.children.find((entry) => entry.name === name)?.child.pid;
    // Fields 14 and 15 of proc(5)'s stat, counted behind the command's closing parenthesis; in hundredths of a second.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10;
  }

  async end(): Promise<void> {
    for (const { child } of this.children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = new Promise((done) => child.once('exit', done));
      child.kill('SIGKILL');
      await gone;
    }
    rmSync(this.dir, { recursive: true, force: true });
  }
}

async function transact(peer: Peer, database: string, operations: readonly Json[]): Promise<void> {
  const results = (await peer.call('transact', [database, ...operations])) as Json[];
  const wrong = results.find((result) => result !== null && typeof result === 'object' && 'error' in result);
  if (wrong !== undefined) throw new Error(`transaction failed: ${JSON.stringify(wrong)}`);
}

async function populate(peer: Peer, switches: number, ports: number): Promise<void> {
  await transact(peer, 'OVN_Northbound', [
    { op: 'insert', table: 'NB_Global', row: {} },
    { op: 'insert', table: 'Logical_Router', row: { name: 'lr' } },
    {
      op: 'insert',
      table: 'Address_Set',
      row: { name: 'as0', addresses: ['set', Array.from({ length: 100 }, (_, i) => `172.16.0.${i + 1}`)] },
    },
    { op: 'insert', table: 'Port_Group', row: { name: 'pg0' } },
    { op: 'insert', table: 'Port_Group', row: { name: 'pg1' } },
  ]);
  for (let s = 0; s < switches; s++) {
    const named = Array.from({ length: ports }, (_, p) => ['named-uuid', `lsp${s}_${p}`]);
    const operations: Json[] = [];
    for (let p = 0; p < ports; p++) operations.push(addPort(s, p)[0] as Json);
    operations.push(
      {
        op: 'insert',
        table: 'Logical_Switch_Port',
        'uuid-name': 'up',
        row: {
          name: `sw${s}-lr`,
          type: 'router',
          addresses: 'router',
          options: ['map', [['router-port', `lr-sw${s}`]]],
        },
      },
      {
        op: 'insert',
        table: 'Logical_Switch',
        row: { name: `sw${s}`, ports: ['set', [...named, ['named-uuid', 'up']]] },
      },
      {
        op: 'insert',
        table: 'Logical_Router_Port',
        'uuid-name': 'lrp',
        row: { name: `lr-sw${s}`, mac: mac(s, 0xffff), networks: `${networkOf(s)}.1/24` },
      },
      {
        op: 'mutate',
        table: 'Logical_Router',
        where: [['name', '==', 'lr']],
        mutations: [['ports', 'insert', ['set', [['named-uuid', 'lrp']]]]],
      },
      // Two port groups: the ports with even numbers, and those with odd ones.
      ...[0, 1].map((group) => ({
        op: 'mutate',
        table: 'Port_Group',
        where: [['name', '==', `pg${group}`]],
        mutations: [['ports', 'insert', ['set', named.filter((_, p) => p % 2 === group)]]],
      })),
    );
    await transact(peer, 'OVN_Northbound', operations as Json[]);
  }
}

const setNbCfg = (value: number): Json => ({ op: 'update', table: 'NB_Global', where: [], row: { nb_cfg: value } });

async function measure(maker: Maker, switches: number, ports: number): Promise<Figures> {
  const setting = new Setting(maker);
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void setting.end().finally(() => process.exit(130)));
  try {
    await setting.database('nb');
    await setting.database('sb');
    const seen = { sb_cfg: 0, hv_cfg: 0, chassis: 0 };
    let wake = () => {};
    const until = async (what: string, reached: () => boolean): Promise<number> => {
      const timeout = setTimeout(() => {
        throw new Error(`${maker}: no ${what} after 10 minutes; see ${setting.dir}`);
      }, 600_000);
      while (!reached())
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      clearTimeout(timeout);
      return performance.now();
    };
    const take = (update: Json) => {
      const tables = update as { NB_Global?: object; Chassis_Private?: object };
      for (const row of Object.values(tables.NB_Global ?? {})) Object.assign(seen, (row as { new?: object }).new);
      for (const row of Object.values(tables.Chassis_Private ?? {}))
        seen.chassis = (row as { new?: { nb_cfg?: number } }).new?.nb_cfg ?? seen.chassis;
      wake();
    };
    const nb = await setting.connect('nb.sock', take);
    const sb = await setting.connect('sb.sock', take);
    await populate(nb, switches, ports);
    await nb.call('monitor', ['OVN_Northbound', 'g', { NB_Global: { columns: ['sb_cfg', 'hv_cfg'] } }]);
    await sb.call('monitor', ['OVN_Southbound', 'c', { Chassis_Private: { columns: ['nb_cfg'] } }]);
    await transact(nb, 'OVN_Northbound', [setNbCfg(1)]);

    const databasesBefore = setting.cpu('nb') + setting.cpu('sb');
    let t0 = performance.now();
    const remotes = [`--ovnnb-db=${setting.remote('nb')}`, `--ovnsb-db=${setting.remote('sb')}`];
    const northd = maker === 'c' ? 'ovn-northd' : join(bin, 'weft-northd');
    setting.start('northd', northd, [...remotes, `--unixctl=${join(setting.dir, 'northd.ctl')}`]);
    const northdStart = (await until('sb_cfg', () => seen.sb_cfg === 1)) - t0;
    const northdCpu = setting.cpu('northd');
    const northdDatabasesCpu = setting.cpu('nb') + setting.cpu('sb') - databasesBefore;

    // One chassis, its ports plugged: those to be bound at the start, and those that are added one by one.
    execFileSync('ovsdb-tool', ['create', join(setting.dir, 'ovs.db'), '/usr/share/openvswitch/vswitch.ovsschema']);
    setting.start('ovs-db', 'ovsdb-server', [
      join(setting.dir, 'ovs.db'),
      `--remote=punix:${join(setting.dir, 'ovs.sock')}`,
      `--unixctl=${join(setting.dir, 'ovs.ctl')}`,
    ]);
    await setting.listens('ovs.sock');
    setting.vsctl('init');
    setting.start('vswitchd', 'ovs-vswitchd', [
      '--enable-dummy=system',
      '--disable-system',
      `unix:${join(setting.dir, 'ovs.sock')}`,
      `--unixctl=${join(setting.dir, 'vswitchd.ctl')}`,
    ]);
    await setting.listens('vswitchd.ctl');
    const plugged = [
      ...Array.from({ length: boundPorts }, (_, i) => portName(i % switches, Math.floor(i / switches))),
      ...Array.from({ length: extraPorts }, (_, i) => portName(i % switches, ports + i)),
    ];
    setting.vsctl(
      ...['set', 'Open_vSwitch', '.', `external-ids:ovn-remote=${setting.remote('sb')}`, 'external-ids:system-id=hv1'],
      ...['external-ids:ovn-encap-ip=127.0.0.1', 'external-ids:ovn-encap-type=geneve'],
      ...['--', 'add-br', 'br-int', '--', 'set', 'Bridge', 'br-int', 'fail_mode=secure', 'datapath_type=dummy'],
      ...plugged.flatMap((name, i) => [
        ...['--', 'add-port', 'br-int', `p${i}`, '--', 'set', 'Interface', `p${i}`],
        ...['type=dummy', `external-ids:iface-id=${name}`],
      ]),
    );
    await sleep(1000);
    t0 = performance.now();
    const controller = maker === 'c' ? 'ovn-controller' : join(bin, 'weft-controller');
    setting.start('controller', controller, [`unix:${join(setting.dir, 'ovs.sock')}`]);
    const controllerStart = (await until('nb_cfg of the chassis', () => seen.chassis === 1)) - t0;
    const controllerCpu = setting.cpu('controller');
    // Let `up` of the ports come back from SB to NB, so that it is not part of what is measured next.
    await transact(nb, 'OVN_Northbound', [setNbCfg(2)]);
    await until('hv_cfg', () => seen.hv_cfg === 2);
    await sleep(3000);

    const times: number[] = [];
    for (let i = 0; i < extraPorts; i++) {
      const cfg = 3 + i;
      t0 = performance.now();
      await transact(nb, 'OVN_Northbound', [...addPort(i % switches, ports + i), setNbCfg(cfg)]);
      times.push((await until('hv_cfg', () => seen.hv_cfg === cfg)) - t0);
      await sleep(500);
    }
    // The first addition after a start warms caches on both sides; it counts for the worst, not for the median.
    const sorted = times.slice(1).sort((a, b) => a - b);
    const openFlows = execFileSync(
      'ovs-ofctl',
      ['-O', 'OpenFlow15', 'dump-aggregate', `unix:${join(setting.dir, 'br-int.mgmt')}`],
      {
        encoding: 'utf8',
      },
    );
    const count = (await sb.call('transact', [
      'OVN_Southbound',
      { op: 'select', table: 'Logical_Flow', where: [], columns: ['_uuid'] },
    ])) as { rows: Json[] }[];
    const figures = {
      northdStart,
      northdCpu,
      northdDatabasesCpu,
      controllerStart,
      controllerCpu,
      onePort: sorted[Math.floor(sorted.length / 2)] as number,
      onePortWorst: Math.max(...times),
      logicalFlows: count[0]?.rows.length ?? 0,
      openFlows: Number(/flow_count=(\d+)/.exec(openFlows)?.[1] ?? 0),
      memory: setting.memory(),
    };
    nb.close();
    sb.close();
    return figures;
  } finally {
    if (process.env.WEFT_BENCH_KEEP === undefined) await setting.end();
    else
      console.log(`kept: ${setting.dir}`, setting.children.map(({ name, child }) => `${name}=${child.pid}`).join(' '));
  }
}

const sizes = process.argv.slice(2).filter((arg) => /^\d+x\d+$/.test(arg));
const makers: Maker[] = process.argv.includes('--weft')
  ? ['weft']
  : process.argv.includes('--c')
    ? ['c']
    : ['c', 'weft'];
mkdirSync(tmpdir(), { recursive: true });
for (const size of sizes.length > 0 ? sizes : ['100x50', '250x100']) {
  const [switches = 0, ports = 0] = size.split('x').map(Number);
  console.log(`${switches} switches × ${ports} ports behind one router, ${boundPorts} ports bound on one chassis`);
  const results: Partial<Record<Maker, Figures>> = {};
  for (const maker of makers) results[maker] = await measure(maker, switches, ports);
  const row = (what: string, unit: string, of: (figures: Figures) => number | undefined) => {
    const c = results.c && of(results.c);
    const weft = results.weft && of(results.weft);
    const cell = (value: number | undefined) =>
      (value === undefined ? '-' : `${value.toFixed(value < 100 ? 1 : 0)} ${unit}`).padStart(12);
    const ratio = c !== undefined && weft !== undefined && weft > 0 ? `C takes ${(c / weft).toFixed(2)} × ours` : '';
    console.log(`  ${what.padEnd(34)} C ${cell(c)}   weft ${cell(weft)}   ${ratio}`);
  };
  row('full start of northd', 'ms', (f) => f.northdStart);
  row('  processor time of northd', 'ms', (f) => f.northdCpu);
  row('  and of its databases', 'ms', (f) => f.northdDatabasesCpu);
  row('full start of controller', 'ms', (f) => f.controllerStart);
  row('  processor time of controller', 'ms', (f) => f.controllerCpu);
  row('one more port to hv_cfg, median', 'ms', (f) => f.onePort);
  row('one more port to hv_cfg, worst', 'ms', (f) => f.onePortWorst);
  row('logical flows', '', (f) => f.logicalFlows);
  row('OpenFlow flows', '', (f) => f.openFlows);
  for (const part of ['nb', 'sb', 'northd', 'controller']) row(`memory of ${part}`, 'MB', (f) => f.memory[part]);
}
