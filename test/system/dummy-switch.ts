import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { accepts, type Daemon, run, startDaemon, waitFor } from '@weft/cli/demo/process';

/**
 * An Open vSwitch on the dummy datapath, so without root, the database that configures it and perhaps a controller: programs whose files and sockets
 * are in one folder.
 */
export class DummySwitch {
  readonly dir: string;
  readonly #daemons: Daemon[] = [];
  #switch: Daemon | undefined;
  #controller: { readonly daemon: Daemon; readonly control: string } | undefined;

  constructor(dir: string) {
    this.dir = dir;
    mkdirSync(dir, { recursive: true });
  }

  /** The remote of a server of this folder. */
  socket(name: string): string {
    return `unix:${join(this.dir, name)}`;
  }

  /** Starts a program, and waits until it listens: at `NAME.ctl`, or at the socket that `listensAt` says. */
  async start(
    name: string,
    command: readonly string[],
    listensAt: (pid: number) => string = () => `${name}.ctl`,
  ): Promise<Daemon> {
    const env = { OVS_RUNDIR: this.dir, OVN_RUNDIR: this.dir, OVS_LOGDIR: this.dir, OVN_SYSCONFDIR: this.dir };
    const daemon = startDaemon(name, command, join(this.dir, `${name}.log`), env);
    this.#daemons.push(daemon);
    await waitFor(name, () => accepts(join(this.dir, listensAt(daemon.pid))));
    return daemon;
  }

  /** Makes a database and serves it at `NAME.sock`. */
  async startDatabase(name: string, schema: string): Promise<void> {
    const file = join(this.dir, `${name}.db`);
    await run(['ovsdb-tool', 'create', file, schema]);
    const sockets = [`--remote=p${this.socket(`${name}.sock`)}`, `--unixctl=${join(this.dir, `${name}.ctl`)}`];
    await this.start(name, ['ovsdb-server', file, ...sockets], () => `${name}.sock`);
  }

  /** Starts the switch; its database is `ovs`. */
  async startSwitch(): Promise<void> {
    const dummy = ['--enable-dummy=system', '--disable-system', `--unixctl=${join(this.dir, 'vswitchd.ctl')}`];
    // A bridge of the type `netdev` is no dummy: its devices, which outlive the switch, belong into a network of its own. Only root can make either.
    const ownNetwork = process.getuid?.() === 0 ? ['unshare', '--net'] : [];
    this.#switch = await this.start('vswitchd', [...ownNetwork, 'ovs-vswitchd', this.socket('ovs.sock'), ...dummy]);
  }

  async restartSwitch(): Promise<void> {
    await this.#switch?.kill('SIGKILL');
    rmSync(join(this.dir, 'vswitchd.ctl'));
    await this.startSwitch();
  }

  /** Starts a controller, instead of the last one. */
  async startController(program: string): Promise<void> {
    const name = program.split('/').at(-1) ?? '';
    const control = (pid: number): string => `${name}.${pid}.ctl`;
    const daemon = await this.start('controller', [program, this.socket('ovs.sock')], control);
    this.#controller = { daemon, control: join(this.dir, control(daemon.pid)) };
  }

  /** The controller ends without a good-bye. */
  async killController(): Promise<void> {
    await this.#controller?.daemon.kill('SIGKILL');
    rmSync(this.#controller?.control ?? '', { force: true });
  }

  /** The controller ends, and leaves everything as it is for the next; or takes its chassis with it. */
  async leaveController({ restart = true } = {}): Promise<void> {
    await this.appctl('exit', ...(restart ? ['--restart'] : []));
    await waitFor('the controller to end', () => !this.#controller?.daemon.alive());
  }

  /** Ends all programs. */
  async stop(): Promise<void> {
    for (const daemon of this.#daemons.reverse()) if (daemon.alive()) await daemon.kill('SIGKILL');
  }

  vsctl(...args: readonly string[]): Promise<string> {
    return run(['ovs-vsctl', '--timeout=20', `--db=${this.socket('ovs.sock')}`, ...args]);
  }

  get controllerSocket(): string {
    return this.#controller?.control ?? '';
  }

  /** Asks the controller. */
  appctl(...args: readonly string[]): Promise<string> {
    return run(['ovs-appctl', '-t', this.controllerSocket, ...args]);
  }

  /** `ovs-ofctl` with br-int. */
  ofctl(command: string, ...options: readonly string[]): Promise<string> {
    return run(['ovs-ofctl', '-O', 'OpenFlow15', ...options, command, this.socket('br-int.mgmt')]);
  }
}
