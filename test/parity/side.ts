import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { accepts, waitFor } from '@weft/cli/demo/process';
import type { RawTable } from './normalise.ts';

const exec = promisify(execFile);

/** How a northd is started on two databases: the command and its arguments. */
export type NorthdCommand = (remotes: {
  readonly nb: string;
  readonly sb: string;
  readonly dir: string;
}) => readonly [string, readonly string[]];

/** The C daemon, from the Debian package ovn-central. */
export const cNorthd: NorthdCommand = ({ nb, sb, dir }) => [
  'ovn-northd',
  [`--ovnnb-db=${nb}`, `--ovnsb-db=${sb}`, `--unixctl=${join(dir, 'northd.ctl')}`],
];

/** Ours, as one bundled file. */
export const weftNorthd =
  (program: string): NorthdCommand =>
  ({ nb, sb, dir }) => [
    process.execPath,
    [program, `--ovnnb-db=${nb}`, `--ovnsb-db=${sb}`, `--unixctl=${join(dir, 'northd.ctl')}`],
  ];

/**
 * Options that northd would otherwise draw at random, fixed so that the two sides can be compared, and the state that `reset` goes back to.
 */
const baseline = [
  'set',
  'NB_Global',
  '.',
  'options={mac_prefix="0a:00:00",svc_monitor_mac="0a:11:22:33:44:55"}',
  'external_ids={}',
  'name=""',
  'ipsec=false',
];

/** Northbound root tables that `reset` empties; what only they refer to is collected with them. */
const northboundRoots = [
  'Logical_Switch',
  'Logical_Router',
  'Address_Set',
  'Port_Group',
  'Load_Balancer',
  'Load_Balancer_Group',
  'Meter',
  'Mirror',
  'DHCP_Options',
  'DNS',
  'HA_Chassis_Group',
  'BFD',
  'Copp',
  'Static_MAC_Binding',
  'Chassis_Template_Var',
];

/** Southbound root tables that chassis, not northd, write. */
const chassisTables = ['Chassis', 'Chassis_Private', 'MAC_Binding', 'FDB', 'IGMP_Group', 'Controller_Event'];

/**
 * One northd with a northbound and a southbound C ovsdb-server of its own, in a directory of its own.
 */
export class Side {
  readonly name: string;
  readonly dir: string;
  readonly nb: string;
  readonly sb: string;
  #children: ChildProcess[] = [];
  #northd: ChildProcess | undefined;
  readonly #command: NorthdCommand;
  #tables: { readonly nb: readonly string[]; readonly sb: readonly string[] } = { nb: [], sb: [] };
  #stderr = '';

  constructor(name: string, dir: string, command: NorthdCommand) {
    this.name = name;
    this.dir = dir;
    this.nb = `unix:${join(dir, 'nb.sock')}`;
    this.sb = `unix:${join(dir, 'sb.sock')}`;
    this.#command = command;
  }

  /** Starts the databases and northd, and waits until northd answers a first `sync`. Fails when a program is missing. */
  async start(): Promise<void> {
    for (const program of ['ovsdb-server', 'ovsdb-client', 'ovn-northd', 'ovn-nbctl', 'ovn-sbctl']) {
      await exec(program, ['--version']).catch((cause) => {
        throw new Error(`${program} is missing: install the Debian packages ovn-central and openvswitch-switch`, {
          cause,
        });
      });
    }
    await Promise.all(
      (['nb', 'sb'] as const).map(async (db) => {
        const file = join(this.dir, `${db}.db`);
        await exec('ovsdb-tool', ['create', file, `/usr/share/ovn/ovn-${db}.ovsschema`]);
        this.#children.push(
          this.#spawn('ovsdb-server', [
            file,
            `--remote=punix:${join(this.dir, `${db}.sock`)}`,
            `--unixctl=${join(this.dir, `${db}.ctl`)}`,
          ]),
        );
        await waitFor(`the database ${db}`, () => accepts(join(this.dir, `${db}.sock`)));
      }),
    );
    const tables = async (remote: string) =>
      (await exec('ovsdb-client', ['list-tables', '-f', 'csv', remote])).stdout.trim().split('\n').slice(1);
    const [nb, sb] = await Promise.all([tables(this.nb), tables(this.sb)]);
    this.#tables = { nb, sb };
    await this.nbctl(['init'], 'none');
    await this.nbctl([baseline.map(quote).join(' ')], 'none');
    this.startNorthd();
    await this.nbctl(['sync']);
  }

  /** Starts a northd on what is in the databases: the side's own, unless another is given. */
  startNorthd(command = this.#command): void {
    const [program, args] = command({ nb: this.nb, sb: this.sb, dir: this.dir });
    this.#northd = this.#spawn(program, args);
  }

  async stopNorthd(): Promise<void> {
    await stop(this.#northd);
    this.#northd = undefined;
  }

  /**
   * Runs ovn-nbctl commands as one transaction; waits until northd has written what follows from them, unless told otherwise.
   * Each command is one string, with shell-like quotes.
   */
  async nbctl(commands: readonly string[], wait: 'none' | 'sb' | 'hv' = 'sb'): Promise<void> {
    const args = [`--db=${this.nb}`, '--no-leader-only', `--wait=${wait}`, '--timeout=20', ...joinCommands(commands)];
    try {
      await exec('ovn-nbctl', args);
    } catch (cause) {
      throw new Error(`${this.name}: ovn-nbctl ${commands.join(' -- ')} failed${this.#northdStatus()}`, { cause });
    }
  }

  /** As {@link nbctl}, but for commands that ovn-nbctl may refuse: then nothing is changed, and the answer is false. */
  async tryNbctl(commands: readonly string[]): Promise<boolean> {
    try {
      await this.nbctl(commands);
      return true;
    } catch (error) {
      // Status 1 is ovn-nbctl's own; a time-out is a signal.
      if (error instanceof Error && (error.cause as { code?: number } | undefined)?.code === 1) return false;
      throw error;
    }
  }

  async sbctl(commands: readonly string[]): Promise<void> {
    await exec('ovn-sbctl', [`--db=${this.sb}`, '--no-leader-only', '--timeout=20', ...joinCommands(commands)]);
  }

  /** Deletes all that a configuration made, on both databases. */
  async reset(): Promise<void> {
    if (this.#tables.sb.length > 0) await this.sbctl(chassisTables.map((table) => `--all destroy ${table}`));
    // What NAT rules refer to is deleted once they have been collected.
    await this.nbctl(['--all destroy Logical_Router']);
    await this.nbctl([...northboundRoots.map((table) => `--all destroy ${table}`), baseline.map(quote).join(' ')]);
  }

  /** All rows of both databases, in the wire format of RFC 7047. */
  async dump(): Promise<{ readonly nb: readonly RawTable[]; readonly sb: readonly RawTable[] }> {
    const [nb, sb] = await Promise.all([
      this.#select(this.nb, 'OVN_Northbound', this.#tables.nb),
      this.#select(this.sb, 'OVN_Southbound', this.#tables.sb),
    ]);
    return { nb, sb };
  }

  /** Ends the processes that this side started. */
  async stop(): Promise<void> {
    await this.stopNorthd();
    await Promise.all(this.#children.map(stop));
    this.#children = [];
  }

  async #select(remote: string, database: string, tables: readonly string[]): Promise<RawTable[]> {
    const operations = tables.map((table) => ({ op: 'select', table, where: [] }));
    const { stdout } = await exec('ovsdb-client', ['transact', remote, JSON.stringify([database, ...operations])], {
      maxBuffer: 256 * 1024 * 1024,
    });
    const results = JSON.parse(stdout) as readonly { readonly rows: RawTable['rows'] }[];
    return results.map(({ rows }, i) => ({ name: tables[i]!, rows }));
  }

  #spawn(program: string, args: readonly string[]): ChildProcess {
    const child = spawn(program, args, {
      cwd: this.dir,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, OVS_RUNDIR: this.dir, OVN_RUNDIR: this.dir, OVS_LOGDIR: this.dir, OVN_LOGDIR: this.dir },
    });
    child.on('error', (error) => {
      this.#stderr += `${program}: ${error.message}\n`;
    });
    child.stderr?.on('data', (data: Buffer) => {
      this.#stderr = (this.#stderr + data.toString()).slice(-4000);
    });
    return child;
  }

  #northdStatus(): string {
    const child = this.#northd;
    if (child === undefined || child.exitCode === null) return `\n${this.#stderr}`;
    return ` (its northd exited with ${child.exitCode}: ${this.#stderr})`;
  }
}

async function stop(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  await exited;
}

/** Words of ovn-nbctl and its like for commands in one transaction. */
export function joinCommands(commands: readonly string[]): string[] {
  return commands.flatMap((command, i) => (i === 0 ? split(command) : ['--', ...split(command)]));
}

function quote(word: string): string {
  return `'${word}'`;
}

/**
 * Splits a command at blanks. A quote that starts a word groups, as in a shell; a quote within a word groups and stays, since it is the
 * database's own syntax (`addresses=["a b"]`).
 */
export function split(command: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let open: { readonly quote: string; readonly stays: boolean } | undefined;
  for (const c of command) {
    if (open !== undefined) {
      if (c !== open.quote || open.stays) word += c;
      if (c === open.quote) open = undefined;
    } else if (c === '"' || c === "'") {
      open = { quote: c, stays: word !== undefined };
      word = open.stays ? word + c : '';
    } else if (c === ' ') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + c;
  }
  if (word !== undefined) words.push(word);
  return words;
}
