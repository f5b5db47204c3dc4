/** A server under a monitor (ovsdb-server(1), `--monitor`) that crashes: the next one serves what this one did, ours as the C server. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { buildServer } from './build-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'weft-monitored-'));
const monitors: ChildProcess[] = [];
afterEach(async () => {
  for (const monitor of monitors) {
    if (monitor.exitCode !== null) continue;
    const ended = new Promise((resolve) => monitor.once('exit', resolve));
    process.kill(pidOf(monitors.indexOf(monitor)) ?? monitor.pid!);
    await ended;
  }
  rmSync(folder, { recursive: true, force: true });
});

/** The server that listens for commands by now. */
function pidOf(side: number): number | undefined {
  const file = join(folder, `${side}.pid`);
  return existsSync(file) ? Number(readFileSync(file, 'utf8')) : undefined;
}

function appctl(side: number, ...args: string[]): string {
  const { stdout, stderr, status } = spawnSync('ovs-appctl', ['-t', join(folder, `${side}.ctl`), ...args], {
    encoding: 'utf8',
  });
  return `${stdout}${stderr}exit ${status}`.replaceAll(`${folder}/${side}`, 'SIDE');
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 1500 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  expect(holds()).toBe(true);
}

it('what the control socket changed outlives a crash', { timeout: 60_000 }, async () => {
  const ours = [process.execPath, await buildServer()];
  const shown = [];
  for (const [side, [create, serve]] of [
    [['ovsdb-tool'], ['ovsdb-server']],
    [ours, ours],
  ].entries()) {
    const file = (name: string): string => join(folder, `${side}${name}`);
    for (const [name, schema] of Object.entries({ nb: 'ovn/ovn-nb', sb: 'ovn/ovn-sb', sw: 'openvswitch/vswitch' }))
      execFileSync(create![0]!, [...create!.slice(1), 'create', file(name), `/usr/share/${schema}.ovsschema`]);
    const [program = '', ...args] = serve!;
    const options = [`--pidfile=${file('.pid')}`, `--unixctl=${file('.ctl')}`, `--remote=punix:${file('first')}`];
    args.push(file('nb'), file('sb'), '--monitor', ...options, '-vconsole:off', '-vsyslog:off');
    monitors.push(spawn(program, args, { stdio: 'ignore', cwd: folder }));
    await until(() => appctl(side, 'version').endsWith('exit 0'));
    for (const command of [
      ['add-db', file('sw')],
      ['remove-db', 'OVN_Northbound'],
      ['add-remote', `punix:${file('second')}`],
      ['remove-remote', `punix:${file('first')}`],
      ['set-sync-exclude-tables', 'OVN_Southbound:Chassis,OVN_Southbound:Encap'],
      ['set-active-ovsdb-server', `unix:${folder}/nowhere`],
      ['connect-active-ovsdb-server'],
    ])
      expect(appctl(side, `ovsdb-server/${command[0]}`, ...command.slice(1))).toBe('exit 0');
    const before = pidOf(side)!;
    process.kill(before, 'SIGSEGV');
    await until(
      () => pidOf(side) !== undefined && pidOf(side) !== before && appctl(side, 'version').endsWith('exit 0'),
    );
    shown.push(
      ['list-dbs', 'list-remotes', 'get-sync-exclude-tables', 'get-active-ovsdb-server', 'sync-status'].map((command) =>
        appctl(side, `ovsdb-server/${command}`),
      ),
    );
    await until(() => existsSync(file('second')));
  }
  expect(shown[1]).toEqual(shown[0]);
  expect(shown[1]![0]).toBe('OVN_Southbound\nOpen_vSwitch\n_Server\nexit 0');
  expect(shown[1]![4]).toContain('state: backup\n');
});
