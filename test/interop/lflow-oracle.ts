import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accepts } from '@weft/cli/demo/process';
import { standardDhcpv4Options, standardDhcpv6Options } from '@weft/lflow/standard-options';

/** One logical flow to hand to the C controller. */
export interface OracleFlow {
  readonly match: string;
  readonly actions: string;
  /** Default `ingress`. */
  readonly pipeline?: 'ingress' | 'egress';
  /** Default 3. */
  readonly table?: number;
  /** Default `switch`. */
  readonly datapath?: 'switch' | 'router';
  readonly controllerMeter?: string;
}

/** What the C controller made of one logical flow. */
export interface OracleResult {
  /** Lines of `ovs-ofctl dump-flows`, without statistics, that carry the flow's cookie. */
  readonly flows: readonly string[];
  /** The controller's complaint, if it logged one. */
  readonly error: string | undefined;
  /** The row's UUID, whose first 32 bits are the cookie. */
  readonly uuid: string;
}

const required: readonly (readonly [string, string])[] = [
  ['/usr/bin/ovn-controller', 'ovn-host'],
  ['/usr/share/ovn/ovn-sb.ovsschema', 'ovn-central'],
  ['/usr/sbin/ovs-vswitchd', 'openvswitch-switch'],
];

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Template variables of the chassis. */
export const templateVariables: Readonly<Record<string, string>> = {
  port: '80',
  ports: '{80, 81}',
  ip: '10.0.0.1',
  name: 'lp1',
  quoted: '"lp1"',
  'a.b': '90',
  nested: '^port',
  empty: '',
  expression: 'tcp.dst == 80 && ip4',
  backend: '10.0.0.1:80',
};

/**
 * A southbound database, an ovn-controller and an ovs-vswitchd with dummy ports, all C, in a folder of their own. Port keys: lp1=1, lp2=2 (both
 * bound here), lp3=3 (on chassis hv2), lsp-lr=4 on the switch (key 1); lrp=1 on the router (key 2), whose peer is lsp-lr.
 */
export class LflowOracle {
  readonly dir: string;
  readonly #children: ChildProcess[] = [];
  #socket: Socket | undefined;
  #buffer = '';
  #id = 0;
  #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #datapaths: { readonly switch: string; readonly router: string } | undefined;
  #nbCfg = 0;
  /** Groups and meters that the last `compile` left in the switch. */
  groups: readonly string[] = [];
  meters: readonly string[] = [];

  constructor() {
    for (const [file, pkg] of required) {
      if (!existsSync(file)) {
        throw new Error(
          `this test compares with the C programs and needs the Debian package ${pkg} (${file} is missing)`,
        );
      }
    }
    this.dir = mkdtempSync(join(tmpdir(), 'weft-lflow-'));
  }

  #env(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      OVS_RUNDIR: this.dir,
      OVN_RUNDIR: this.dir,
      OVS_LOGDIR: this.dir,
      OVN_LOGDIR: this.dir,
      OVS_DBDIR: this.dir,
    };
  }

  run(program: string, ...args: string[]): string {
    return execFileSync(program, args, {
      env: this.#env(),
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  #spawn(program: string, ...args: string[]): void {
    this.#children.push(spawn(program, args, { env: this.#env(), stdio: 'ignore', cwd: this.dir }));
  }

  async #waitFor(what: string, test: () => boolean | Promise<boolean>): Promise<void> {
    for (let i = 0; i < 600; i++) {
      if (await test()) return;
      await sleep(25);
    }
    throw new Error(`waited in vain for ${what}`);
  }

  async start(): Promise<void> {
    const d = this.dir;
    this.run('ovsdb-tool', 'create', join(d, 'sb.db'), '/usr/share/ovn/ovn-sb.ovsschema');
    this.run('ovsdb-tool', 'create', join(d, 'conf.db'), '/usr/share/openvswitch/vswitch.ovsschema');
    this.#spawn('ovsdb-server', `--remote=punix:${d}/sb.sock`, `--unixctl=${d}/sb.ctl`, `${d}/sb.db`);
    this.#spawn('ovsdb-server', `--remote=punix:${d}/db.sock`, `--unixctl=${d}/db.ctl`, `${d}/conf.db`);
    await this.#waitFor(
      'ovsdb-server',
      async () => (await accepts(join(d, 'sb.sock'))) && (await accepts(join(d, 'db.sock'))),
    );
    await this.#connect();
    await this.#populate();
    this.run('ovs-vsctl', '--no-wait', 'init');
    this.run(
      'ovs-vsctl',
      '--no-wait',
      'set',
      'Open_vSwitch',
      '.',
      'external-ids:system-id=hv1',
      `external-ids:ovn-remote=unix:${d}/sb.sock`,
      'external-ids:ovn-encap-type=geneve',
      'external-ids:ovn-encap-ip=127.0.0.1',
      'external-ids:ovn-monitor-all=true',
    );
    this.#spawn(
      'ovs-vswitchd',
      `unix:${d}/db.sock`,
      '--enable-dummy=system',
      '--disable-system',
      `--unixctl=${d}/vswitchd.ctl`,
      `--log-file=${d}/vswitchd.log`,
    );
    await this.#waitFor('ovs-vswitchd', () => accepts(join(d, 'vswitchd.ctl')));
    this.run(
      'ovs-vsctl',
      'add-br',
      'br-int',
      '--',
      'set',
      'bridge',
      'br-int',
      'fail_mode=secure',
      'other_config:disable-in-band=true',
    );
    for (const port of ['lp1', 'lp2']) {
      this.run(
        'ovs-vsctl',
        'add-port',
        'br-int',
        `v${port}`,
        '--',
        'set',
        'interface',
        `v${port}`,
        `external_ids:iface-id=${port}`,
      );
    }
    this.#spawn('ovn-controller', `unix:${d}/db.sock`, `--log-file=${d}/controller.log`);
    await this.sync();
    this.run(
      'ovs-vsctl',
      '--',
      '--id=@br',
      'get',
      'bridge',
      'br-int',
      '--',
      '--id=@cs',
      'create',
      'Flow_Sample_Collector_Set',
      'id=200',
      'bridge=@br',
    );
    const control = readdirSync(d).find((name) => /^ovn-controller\.\d+\.ctl$/.test(name));
    this.run('ovn-appctl', '-t', join(d, control!), 'vlog/disable-rate-limit');
  }

  async stop(): Promise<void> {
    this.#socket?.destroy();
    await Promise.all(
      [...this.#children].reverse().map(
        (child) =>
          new Promise<void>((resolve) => {
            if (child.exitCode !== null || child.signalCode !== null) return resolve();
            child.once('exit', () => resolve());
            child.kill('SIGKILL');
          }),
      ),
    );
    rmSync(this.dir, { recursive: true, force: true });
  }

  async #connect(): Promise<void> {
    const socket = connect(join(this.dir, 'sb.sock'));
    this.#socket = socket;
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      this.#buffer += chunk;
      let message: { id?: number; method?: string; result?: unknown; error?: unknown; params?: unknown };
      try {
        message = JSON.parse(this.#buffer);
      } catch {
        return; // not whole yet; one request is outstanding at a time, so no two messages share a buffer but echo requests
      }
      this.#buffer = '';
      if (message.method === 'echo') {
        socket.write(JSON.stringify({ id: message.id, result: message.params, error: null }));
        return;
      }
      const waiter = this.#waiting.get(Number(message.id));
      if (message.error) waiter?.reject(new Error(JSON.stringify(message.error)));
      else waiter?.resolve(message.result);
    });
  }

  /** Runs an OVSDB transaction on the southbound database. */
  async transact(
    operations: readonly unknown[],
  ): Promise<readonly { uuid?: [string, string]; rows?: Record<string, unknown>[] }[]> {
    const id = ++this.#id;
    const result = await new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket?.write(JSON.stringify({ id, method: 'transact', params: ['OVN_Southbound', ...operations] }));
    });
    this.#waiting.delete(id);
    const results = result as ({ uuid?: [string, string]; rows?: Record<string, unknown>[]; error?: string } | null)[];
    const failed = results.find((r) => r?.error !== undefined);
    if (failed) throw new Error(JSON.stringify(failed));
    return results.map((r) => r ?? {});
  }

  async #populate(): Promise<void> {
    const map = (pairs: Record<string, string>) => ['map', Object.entries(pairs)];
    const port = (name: string, datapath: string, key: number, more: Record<string, unknown> = {}) => ({
      op: 'insert',
      table: 'Port_Binding',
      row: { logical_port: name, datapath: ['named-uuid', datapath], tunnel_key: key, ...more },
    });
    const results = await this.transact([
      { op: 'insert', table: 'SB_Global', row: {} },
      {
        op: 'insert',
        table: 'Datapath_Binding',
        'uuid-name': 'sw',
        row: {
          tunnel_key: 1,
          external_ids: map({ 'logical-switch': '00000000-0000-0000-0000-000000000001', name: 'sw' }),
        },
      },
      {
        op: 'insert',
        table: 'Datapath_Binding',
        'uuid-name': 'lr',
        row: {
          tunnel_key: 2,
          external_ids: map({ 'logical-router': '00000000-0000-0000-0000-000000000002', name: 'lr' }),
        },
      },
      port('lp1', 'sw', 1),
      port('lp2', 'sw', 2),
      {
        op: 'insert',
        table: 'Encap',
        'uuid-name': 'encap',
        row: { type: 'geneve', ip: '127.0.0.2', chassis_name: 'hv2' },
      },
      {
        op: 'insert',
        table: 'Chassis',
        'uuid-name': 'hv2',
        row: { name: 'hv2', hostname: 'hv2', encaps: ['named-uuid', 'encap'] },
      },
      port('lp3', 'sw', 3, { chassis: ['named-uuid', 'hv2'] }),
      port('lsp-lr', 'sw', 4, { type: 'patch', options: map({ peer: 'lrp' }) }),
      port('lvip', 'sw', 5, { type: 'virtual' }),
      port('lrp', 'lr', 1, { type: 'patch', options: map({ peer: 'lsp-lr' }) }),
      ...standardDhcpv4Options.map(([name, code, type]) => ({
        op: 'insert',
        table: 'DHCP_Options',
        row: { name, code, type },
      })),
      ...standardDhcpv6Options.map(([name, code, type]) => ({
        op: 'insert',
        table: 'DHCPv6_Options',
        row: { name, code, type },
      })),
      { op: 'insert', table: 'Meter_Band', 'uuid-name': 'band', row: { action: 'drop', rate: 100 } },
      { op: 'insert', table: 'Meter', row: { name: 'm1', unit: 'pktps', bands: ['set', [['named-uuid', 'band']]] } },
      {
        op: 'insert',
        table: 'Address_Set',
        row: { name: 'as1', addresses: ['set', ['10.0.0.1', '10.0.0.2', '10.1.0.0/16']] },
      },
      {
        op: 'insert',
        table: 'Address_Set',
        row: {
          name: 'mixed',
          addresses: ['set', ['10.0.0.1', 'fd00::1', '00:00:00:00:00:01', 'no address', 'fd00::/64']],
        },
      },
      {
        op: 'insert',
        table: 'Chassis_Template_Var',
        row: { chassis: 'hv1', variables: map(templateVariables) },
      },
      { op: 'insert', table: 'Chassis_Template_Var', row: { chassis: 'hv2', variables: map({ elsewhere: '7' }) } },
      { op: 'insert', table: 'Address_Set', row: { name: 'empty', addresses: ['set', []] } },
      { op: 'insert', table: 'Port_Group', row: { name: 'pg1', ports: ['set', ['lp1', 'lp2']] } },
      {
        op: 'insert',
        table: 'Multicast_Group',
        row: { datapath: ['named-uuid', 'sw'], name: '_MC_flood', tunnel_key: 32768, ports: ['set', []] },
      },
    ]);
    this.#datapaths = { switch: results[1]!.uuid![1], router: results[2]!.uuid![1] };
  }

  /** Waits until the controller has programmed the switch with everything that the database holds. */
  async sync(): Promise<void> {
    this.#nbCfg++;
    await this.transact([{ op: 'update', table: 'SB_Global', where: [], row: { nb_cfg: this.#nbCfg } }]);
    for (let i = 0; i < 1200; i++) {
      const [result] = await this.transact([
        { op: 'select', table: 'Chassis_Private', where: [], columns: ['nb_cfg'] },
      ]);
      if (result?.rows?.[0]?.nb_cfg === this.#nbCfg) return;
      const controller = this.#children.at(-1);
      if (controller?.exitCode !== null || controller.signalCode !== null) {
        throw new Error(`ovn-controller ended: ${controller?.exitCode} ${controller?.signalCode}`);
      }
      await sleep(10);
    }
    throw new Error('ovn-controller does not follow nb_cfg');
  }

  log(): string {
    return readFileSync(join(this.dir, 'controller.log'), 'utf8');
  }

  dump(): string[] {
    return this.run(
      'ovs-ofctl',
      '-OOpenFlow15',
      '--no-stats',
      '--no-names',
      'dump-flows',
      `unix:${this.dir}/br-int.mgmt`,
    )
      .split('\n')
      .map((line) => line.trim());
  }

  /** The OpenFlow port of the tunnel to hv2. */
  tunnelPort(): number {
    const ports = this.run('ovs-vsctl', '--bare', '--columns=ofport', 'find', 'interface', 'type=geneve');
    return Number(ports.trim());
  }

  /** The switch's groups, one line of `ovs-ofctl dump-groups` each. */
  dumpGroups(): string[] {
    return this.entries('dump-groups', 'group_id=');
  }

  /** The switch's meters. */
  dumpMeters(): string[] {
    return this.entries('dump-meters', 'meter=');
  }

  /** What an ovs-ofctl command prints of a bridge: entries that begin with `head`, each in one line. */
  entries(command: string, head: string, bridge = 'br-int'): string[] {
    const text = this.run('ovs-ofctl', '-OOpenFlow15', command, `unix:${this.dir}/${bridge}.mgmt`);
    return text
      .split(new RegExp(`^\\s*(?=${head})`, 'm'))
      .slice(1)
      .map((entry) => entry.trim().replaceAll(/\s*\n\s*/g, ' '));
  }

  /** Inserts logical flows, in order, which stay. */
  async insertAll(flows: readonly OracleFlow[]): Promise<readonly { uuid?: [string, string] }[]> {
    return this.transact(
      flows.map((flow, i) => ({
        op: 'insert',
        table: 'Logical_Flow',
        row: {
          logical_datapath: ['uuid', this.#datapaths![flow.datapath ?? 'switch']],
          pipeline: flow.pipeline ?? 'ingress',
          table_id: flow.table ?? 3,
          priority: 1 + (i % 60000),
          match: flow.match,
          actions: flow.actions,
          ...(flow.controllerMeter === undefined ? {} : { controller_meter: flow.controllerMeter }),
        },
      })),
    );
  }

  /** Compiles logical flows with the C controller. They are gone again afterwards. */
  async compile(flows: readonly OracleFlow[]): Promise<OracleResult[]> {
    const offset = this.log().length;
    const inserted = await this.insertAll(flows);
    await this.sync();
    const lines = this.dump();
    const byCookie = new Map<string, string[]>();
    for (const line of lines) {
      const cookie = /cookie=0x([0-9a-f]+)/.exec(line)?.[1];
      if (cookie === undefined) continue;
      const list = byCookie.get(cookie.padStart(8, '0'));
      if (list) list.push(line);
      else byCookie.set(cookie.padStart(8, '0'), [line]);
    }
    // Flows of conjunctions carry no cookie: they belong to the rows whose conj_id flows name their ids.
    const conjunctions = lines.filter((line) => line.includes('conjunction('));
    for (const list of byCookie.values()) {
      const ids = new Set(list.flatMap((line) => /conj_id=(\d+)/.exec(line)?.[1] ?? []));
      if (ids.size === 0) continue;
      for (const line of conjunctions) {
        const own = [...line.matchAll(/conjunction\((\d+),(\d+\/\d+)\)/g)].filter((m) => ids.has(m[1]!));
        if (own.length) list.push(line.replace(/actions=.*/, `actions=${own.map((m) => m[0]).join(',')}`));
      }
    }
    const log = this.log().slice(offset).split('\n');
    const results = flows.map((flow, i): OracleResult => {
      const uuid = inserted[i]!.uuid![1];
      const complaint = log.find(
        (line) =>
          line.includes(`error parsing match "${flow.match}": `) ||
          line.includes(`error parsing actions "${flow.actions}": `),
      );
      return {
        uuid,
        flows: byCookie.get(uuid.slice(0, 8)) ?? [],
        error: complaint?.replace(/^.*\|lflow\|WARN\|error parsing (match|actions) ".*": /, ''),
      };
    });
    this.groups = this.dumpGroups();
    this.meters = this.dumpMeters();
    await this.transact(
      inserted.map((r) => ({ op: 'delete', table: 'Logical_Flow', where: [['_uuid', '==', r.uuid]] })),
    );
    return results;
  }
}
