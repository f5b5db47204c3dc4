import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { addNamespace, connect, listNamespaces, removeNamespace } from './namespaces.ts';
import {
  accepts,
  type Daemon,
  type RunOptions,
  type RunResult,
  run,
  startDaemon,
  tail,
  tryRun,
  waitFor,
} from './process.ts';

/** Whose program plays a part. */
export type Maker = 'weft' | 'c';

/** Who plays which part; each can be exchanged for its counterpart. */
export interface Cast {
  readonly databases: Maker;
  readonly northd: Maker;
  readonly controller1: Maker;
  readonly controller2: Maker;
  readonly ctl: Maker;
}

export const castOf = (maker: Maker): Cast => ({
  databases: maker,
  northd: maker,
  controller1: maker,
  controller2: maker,
  ctl: maker,
});

export interface LabOptions {
  /** The start of the names of all its namespaces. */
  readonly prefix: string;
  /** Where databases, sockets, logs and pid files go. */
  readonly dir: string;
  /** The folder of Weft's own programs. */
  readonly bin: string;
  readonly cast: Cast;
}

export interface Guest {
  readonly node: 1 | 2;
  /** The guest's namespace, as in the tutorial: ns1, ns2. */
  readonly name: string;
  /** The hypervisor's end of its veth pair. */
  readonly port: string;
  readonly mac: string;
  readonly address: string;
  readonly gateway: string;
  /** The logical port, which the hypervisor finds by `external_ids:iface-id`. */
  readonly logicalPort: string;
}

const nodeAddress = { 1: '10.1.1.41', 2: '10.1.1.42' } as const;
const schemaOf = { nb: '/usr/share/ovn/ovn-nb.ovsschema', sb: '/usr/share/ovn/ovn-sb.ovsschema' } as const;
const databaseOf = {
  nb: { name: 'OVN_Northbound', table: 'NB_Global' },
  sb: { name: 'OVN_Southbound', table: 'SB_Global' },
} as const;

/**
 * Two hypervisors and a central on one machine: a network namespace for each hypervisor (the first also holds the central, as in the tutorial),
 * joined by an underlay, and one for each guest. Real ovsdb-server, real ovs-vswitchd on the userspace datapath, real packets.
 */
export class Lab {
  readonly options: LabOptions;
  readonly #daemons = new Map<string, Daemon>();

  constructor(options: LabOptions) {
    this.options = options;
  }

  node(n: 1 | 2): string {
    return `${this.options.prefix}node${n}`;
  }

  guestNamespace(guest: Guest): string {
    return `${this.node(guest.node)}-${guest.name}`;
  }

  /** The socket of a database: the central's nb and sb, a hypervisor's Open_vSwitch. */
  socket(database: 'nb' | 'sb' | 'ovs1' | 'ovs2'): string {
    return join(this.options.dir, database, 'db.sock');
  }

  get env(): Record<string, string> {
    return { OVN_NB_DB: `unix:${this.socket('nb')}`, OVN_SB_DB: `unix:${this.socket('sb')}` };
  }

  logFile(name: string): string {
    return join(this.options.dir, `${name}.log`);
  }

  daemon(name: string): Daemon {
    const daemon = this.#daemons.get(name);
    if (daemon === undefined) throw new Error(`the lab has no daemon ${name}`);
    return daemon;
  }

  /** Ends all programs and removes the namespaces; databases and logs stay. */
  async stop(): Promise<void> {
    for (const name of listNamespaces(this.options.prefix)) await removeNamespace(name);
  }

  /** Removes whatever an earlier run with the same prefix and folder left, however it ended. */
  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.options.dir, { recursive: true, force: true });
  }

  /** The two hypervisors' namespaces and the underlay between them. */
  async addNodes(): Promise<void> {
    mkdirSync(this.options.dir, { recursive: true });
    for (const n of [1, 2] as const) await addNamespace(this.node(n));
    await connect({ ns: this.node(1), dev: 'uplink' }, { ns: this.node(2), dev: 'uplink' });
  }

  /** Runs a command in a namespace of the lab. */
  exec(namespace: string, command: readonly string[], options?: RunOptions): Promise<string> {
    return run(['ip', 'netns', 'exec', namespace, ...command], options);
  }

  tryExec(namespace: string, command: readonly string[], options?: RunOptions): Promise<RunResult> {
    return tryRun(['ip', 'netns', 'exec', namespace, ...command], options);
  }

  /** Starts one of the central's database servers. */
  async startDatabase(database: 'nb' | 'sb'): Promise<void> {
    const dir = join(this.options.dir, database);
    mkdirSync(dir, { recursive: true });
    const file = join(dir, `ovn${database}.db`);
    // What a killed server left: its absence, then presence, says that the new one listens.
    rmSync(this.socket(database), { force: true });
    const { name, table } = databaseOf[database];
    const common = [
      `--remote=punix:${this.socket(database)}`,
      `--remote=db:${name},${table},connections`,
      `--unixctl=${join(dir, 'ctl')}`,
    ];
    if (this.options.cast.databases === 'weft') {
      const program = this.#weft('weft-ovsdb');
      if (!existsSync(file)) await run([program, 'create', file, database]);
      this.#start(database, 1, [program, file, ...common]);
    } else {
      if (!existsSync(file)) await run(['ovsdb-tool', 'create', file, schemaOf[database]]);
      this.#start(database, 1, ['ovsdb-server', file, ...common]);
    }
    await this.#ready(database, () => accepts(this.socket(database)));
  }

  async startNorthd(): Promise<void> {
    const program = this.options.cast.northd === 'weft' ? this.#weft('weft-northd') : 'ovn-northd';
    const control = join(this.options.dir, 'northd.ctl');
    rmSync(control, { force: true });
    this.#start('northd', 1, [
      program,
      `--ovnnb-db=unix:${this.socket('nb')}`,
      `--ovnsb-db=unix:${this.socket('sb')}`,
      `--unixctl=${control}`,
    ]);
    await this.#ready('northd', () => accepts(control));
  }

  /** Starts a hypervisor's Open vSwitch, with the underlay's uplink and address on a bridge of the userspace datapath. */
  async startOpenVSwitch(n: 1 | 2): Promise<void> {
    const dir = join(this.options.dir, `ovs${n}`);
    mkdirSync(dir, { recursive: true });
    const file = join(dir, 'conf.db');
    await run(['ovsdb-tool', 'create', file, '/usr/share/openvswitch/vswitch.ovsschema']);
    const socket = this.socket(`ovs${n}`);
    this.#start(`ovsdb-server${n}`, n, [
      'ovsdb-server',
      file,
      `--remote=punix:${socket}`,
      `--unixctl=${join(dir, 'ovsdb.ctl')}`,
    ]);
    await this.#ready(`ovsdb-server${n}`, () => accepts(socket));
    await this.vsctl(n, '--no-wait', 'init');
    this.#start(`ovs-vswitchd${n}`, n, [
      'ovs-vswitchd',
      `unix:${socket}`,
      '--disable-system',
      `--unixctl=${join(dir, 'vswitchd.ctl')}`,
    ]);
    await this.#ready(`ovs-vswitchd${n}`, () => accepts(join(dir, 'vswitchd.ctl')));
    await this.vsctl(n, 'add-br', 'br-ext', '--', 'set', 'Bridge', 'br-ext', 'datapath_type=netdev');
    await this.vsctl(n, 'add-port', 'br-ext', 'uplink');
    await run(['ip', '-n', this.node(n), 'address', 'add', `${nodeAddress[n]}/24`, 'dev', 'br-ext']);
    await run(['ip', '-n', this.node(n), 'link', 'set', 'br-ext', 'up']);
    await this.exec(this.node(n), ['ethtool', '-K', 'br-ext', 'tx', 'off']);
  }

  /** The external ids by which the administrator configures a hypervisor's controller. */
  controllerSettings(n: 1 | 2): string[] {
    return [
      `external-ids:ovn-remote=tcp:${nodeAddress[1]}:6642`,
      `external-ids:ovn-encap-ip=${nodeAddress[n]}`,
      'external-ids:ovn-encap-type=geneve',
      `external-ids:system-id=node${n}`,
      'external-ids:ovn-bridge-datapath-type=netdev',
    ];
  }

  async startController(n: 1 | 2): Promise<void> {
    const dir = join(this.options.dir, `ovs${n}`);
    const maker = n === 1 ? this.options.cast.controller1 : this.options.cast.controller2;
    const program = maker === 'weft' ? this.#weft('weft-controller') : 'ovn-controller';
    this.#start(`controller${n}`, n, [program, `unix:${this.socket(`ovs${n}`)}`], { OVS_RUNDIR: dir, OVN_RUNDIR: dir });
    await this.#ready(`controller${n}`, () => accepts(this.controllerSocket(n)));
  }

  /** Its control socket, named in the standard way: the C program takes no other. */
  controllerSocket(n: 1 | 2): string {
    const maker = n === 1 ? this.options.cast.controller1 : this.options.cast.controller2;
    const program = maker === 'weft' ? 'weft-controller' : 'ovn-controller';
    return join(this.options.dir, `ovs${n}`, `${program}.${this.daemon(`controller${n}`).pid}.ctl`);
  }

  /** Adds a guest: its namespace, its veth pair, its address. It is not plugged into the bridge yet. */
  async addGuest(guest: Guest): Promise<void> {
    const namespace = this.guestNamespace(guest);
    await addNamespace(namespace);
    await connect({ ns: this.node(guest.node), dev: guest.port }, { ns: namespace, dev: 'eth0' });
    await run(['ip', '-n', namespace, 'link', 'set', 'eth0', 'address', guest.mac]);
    await run(['ip', '-n', namespace, 'address', 'add', guest.address, 'dev', 'eth0']);
    await run(['ip', '-n', namespace, 'route', 'add', 'default', 'via', guest.gateway]);
  }

  vsctl(n: 1 | 2, ...args: string[]): Promise<string> {
    return run(['ovs-vsctl', `--db=unix:${this.socket(`ovs${n}`)}`, ...args], { timeout: 30_000 });
  }

  /** nbctl or sbctl of whoever plays the ctl part. */
  ctl(which: 'nbctl' | 'sbctl', ...args: string[]): Promise<string> {
    const program = this.options.cast.ctl === 'weft' ? this.#weft(which) : `ovn-${which}`;
    return run([program, ...args], { env: this.env });
  }

  nbctl(...args: string[]): Promise<string> {
    return this.ctl('nbctl', ...args);
  }

  sbctl(...args: string[]): Promise<string> {
    return this.ctl('sbctl', ...args);
  }

  /** The flows of a hypervisor's integration bridge. */
  dumpFlows(n: 1 | 2): Promise<string> {
    const socket = join(this.options.dir, `ovs${n}`, 'br-int.mgmt');
    return run(['ovs-ofctl', '-O', 'OpenFlow15', '--no-stats', 'dump-flows', `unix:${socket}`]);
  }

  #weft(program: string): string {
    return join(this.options.bin, program);
  }

  #start(name: string, n: 1 | 2, command: readonly string[], env: Record<string, string> = {}): void {
    const dir = join(this.options.dir, `ovs${n}`);
    mkdirSync(dir, { recursive: true });
    this.#daemons.set(
      name,
      startDaemon(name, ['ip', 'netns', 'exec', this.node(n), ...command], this.logFile(name), {
        OVS_RUNDIR: dir,
        OVS_LOGDIR: dir,
        ...env,
      }),
    );
  }

  async #ready(name: string, condition: () => Promise<boolean>): Promise<void> {
    const daemon = this.daemon(name);
    await waitFor(`${name} to start`, async () => !daemon.alive() || (await condition()));
    if (!daemon.alive()) throw new Error(`${name} ended at once; the end of its log:\n${tail(this.logFile(name))}`);
  }
}
