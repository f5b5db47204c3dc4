/** For tests: a real Open vSwitch in a folder of its own, and the C tools as oracles. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A switch with one bridge, `br-int`, on the dummy datapath. Needs no root and no kernel support. */
export interface TestSwitch {
  readonly dir: string;
  /** `unix:` remote of the bridge's management socket. */
  readonly remote: string;
  ofctl(...args: readonly string[]): string;
  vsctl(...args: readonly string[]): string;
  stop(): void;
}

/** Throws with a sentence that names the missing Debian package. */
export function requireProgram(program: string, debianPackage: string): void {
  if (spawnSync(program, ['--version']).error !== undefined) {
    throw new Error(`${program} is not installed: this test needs the Debian package ${debianPackage}`);
  }
}

/** What `ovs-ofctl ofp-print` makes of a message's bytes. */
export function ofpPrint(bytes: Uint8Array): string {
  return execFileSync('ovs-ofctl', ['ofp-print', Buffer.from(bytes).toString('hex')], { encoding: 'utf8' });
}

/** Starts a switch. Stop it in any case: its daemons outlive the test otherwise. */
export function startSwitch(): TestSwitch {
  requireProgram('ovs-vswitchd', 'openvswitch-switch');
  requireProgram('ovs-ofctl', 'openvswitch-common');
  const dir = mkdtempSync(join(tmpdir(), 'weft-of-'));
  const env = { ...process.env, OVS_RUNDIR: dir, OVS_DBDIR: dir, OVS_LOGDIR: dir, OVS_SYSCONFDIR: dir };
  const run = (program: string, ...args: readonly string[]): string =>
    execFileSync(program, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 20_000 });
  const daemon = ['--pidfile', '--detach', '--no-chdir', '--log-file'];
  const stop = (): void => {
    for (const name of ['ovs-vswitchd', 'ovsdb-server']) {
      const pidfile = join(dir, `${name}.pid`);
      if (!existsSync(pidfile)) continue;
      try {
        process.kill(Number(readFileSync(pidfile, 'utf8')));
      } catch {
        // It has ended by itself.
      }
    }
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    run('ovsdb-tool', 'create', join(dir, 'conf.db'), '/usr/share/openvswitch/vswitch.ovsschema');
    run('ovsdb-server', join(dir, 'conf.db'), `--remote=punix:${join(dir, 'db.sock')}`, ...daemon);
    const db = `unix:${join(dir, 'db.sock')}`;
    run('ovs-vsctl', `--db=${db}`, '--no-wait', 'init');
    run('ovs-vswitchd', db, '--enable-dummy=system', '--disable-system', ...daemon);
    const vsctl = (...args: readonly string[]): string => run('ovs-vsctl', `--db=${db}`, ...args);
    vsctl('add-br', 'br-int', '--', 'set', 'bridge', 'br-int', 'datapath_type=dummy', 'fail_mode=secure');
    const socket = join(dir, 'br-int.mgmt');
    return {
      dir,
      remote: `unix:${socket}`,
      vsctl,
      ofctl: (...args) => run('ovs-ofctl', '-O', 'OpenFlow15', ...args.map((a) => (a === 'br-int' ? socket : a))),
      stop,
    };
  } catch (error) {
    stop();
    throw error;
  }
}
