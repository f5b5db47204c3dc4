/** The start scripts of Open vSwitch and OVN (ovs-ctl(8), ovn-ctl(8)) with links to our program in the place of ovsdb-server and ovsdb-tool. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { buildServer } from './build-server.ts';

let program: string;
beforeAll(async () => {
  program = await buildServer();
});

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-scripts-'));
  for (const name of ['bin', 'run', 'db', 'log', 'etc/openvswitch', 'etc/ovn'])
    mkdirSync(join(folder, name), { recursive: true });
  for (const name of ['ovsdb-server', 'ovsdb-tool']) {
    const file = join(folder, 'bin', name);
    writeFileSync(file, `#!/usr/bin/env node\nvoid import('${program}');\n`);
    chmodSync(file, 0o755);
  }
});
afterEach(() => {
  for (const name of inFolder('run').filter((each) => each.endsWith('.pid'))) {
    const pid = Number(readFileSync(join(folder, 'run', name), 'utf8'));
    if (existsSync(`/proc/${pid}`)) process.kill(pid, 'SIGKILL');
  }
  rmSync(folder, { recursive: true });
});

const inFolder = (name: string): string[] => readdirSync(join(folder, name)).sort();

function run(command: string, ...args: string[]): string {
  const place = (name: string): string => join(folder, name);
  const { stdout, stderr, status } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: 60_000,
    env: {
      ...process.env,
      PATH: `${place('bin')}:${process.env.PATH}:/usr/sbin`,
      ...Object.fromEntries(
        ['OVS', 'OVN'].flatMap((suite) => [
          [`${suite}_RUNDIR`, place('run')],
          [`${suite}_DBDIR`, place('db')],
          [`${suite}_LOGDIR`, place('log')],
          [`${suite}_SYSCONFDIR`, place('etc')],
        ]),
      ),
    },
  });
  return `${stdout}${stderr}exit ${status}`.replaceAll(folder, 'FOLDER');
}
const ovs = (...args: string[]): string =>
  run('/usr/share/openvswitch/scripts/ovs-ctl', '--no-ovs-vswitchd', '--system-id=random', ...args);
const ovn = (...args: string[]): string => run('/usr/share/ovn/scripts/ovn-ctl', ...args);

it('ovs-ctl makes, starts, finds, restarts and stops the database of a switch', { timeout: 120_000 }, () => {
  const started = ovs('start');
  expect(started).toContain('Creating empty database FOLDER/db/conf.db.\nStarting ovsdb-server.\n');
  expect(started).toContain('exit 0');
  expect(run('ovs-vsctl', '--no-wait', 'add-br', 'br0')).toBe('exit 0');
  const pid = readFileSync(join(folder, 'run/ovsdb-server.pid'), 'utf8').trim();
  expect(inFolder('run')).toEqual(['db.sock', `ovsdb-server.${pid}.ctl`, 'ovsdb-server.pid']);
  // The pidfile's name, and no more, is what ovs-appctl is told.
  expect(run('ovs-appctl', '-t', 'ovsdb-server', 'ovsdb-server/list-dbs')).toBe('Open_vSwitch\n_Server\nexit 0');
  expect(ovs('status')).toContain(`ovsdb-server is running with pid ${pid}\n`);

  process.kill(Number(pid), 'SIGKILL');
  expect(ovs('start')).toMatch(/^Starting ovsdb-server\.\n.*exit 0$/s);
  expect(ovs('restart')).toMatch(/^\w+ing ovsdb-server \(\d+\)\.\nStarting ovsdb-server\.\n.*exit 0$/s);
  expect(run('ovs-vsctl', '--no-wait', 'list-br')).toBe('br0\nexit 0');
  expect(ovs('stop')).toMatch(/\w+ing ovsdb-server \(\d+\)\.\nexit 0$/);
  expect(inFolder('db')).toEqual(['conf.db']);
  // The socket of the one that was killed.
  expect(inFolder('run')).toEqual([`ovsdb-server.${pid}.ctl`]);
});

it('ovs-ctl brings a database to the schema of the moment', { timeout: 60_000 }, () => {
  const schema = readFileSync('/usr/share/openvswitch/vswitch.ovsschema', 'utf8');
  writeFileSync(
    join(folder, 'old'),
    schema.replace(/"version": "[\d.]+"/, '"version": "1.0.0"').replace(/"cksum": "[^"]*"/, '"cksum": "1 2"'),
  );
  expect(run('ovsdb-tool', 'create', `${folder}/db/conf.db`, `${folder}/old`)).toBe('exit 0');
  expect(ovs('start')).toMatch(
    /^Backing up database to \S+\.\nCompacting database\.\nConverting database schema\.\nStarting ovsdb-server\.\n/,
  );
  const version = /"version": "([\d.]+)"/.exec(schema)![1];
  expect(run('ovsdb-client', 'get-schema-version', `unix:${folder}/run/db.sock`)).toBe(`${version}\nexit 0`);
  ovs('stop');
});

it('ovn-ctl starts the databases of a central, makes one a backup, and stops them', { timeout: 120_000 }, () => {
  expect(ovn('start_ovsdb')).toMatch(/Starting ovsdb-nb\.\n.*Starting ovsdb-sb\.\n.*exit 0$/s);
  expect(ovn('status_ovsdb')).toBe('OVN Northbound DB is running.\nOVN Southbound DB is running.\nexit 0');
  expect(run('ovn-nbctl', 'ls-add', 'sw0')).toBe('exit 0');
  expect(ovn('--db-nb-sync-from-addr=127.0.0.1', 'demote_ovnnb')).toBe('exit 0');
  expect(ovn('status_ovnnb')).toBe('running/backup\nexit 0');
  expect(ovn('promote_ovnnb')).toBe('exit 0');
  expect(ovn('status_ovnnb')).toBe('running/active\nexit 0');
  expect(ovn('stop_ovsdb')).toMatch(/exit 0$/);
  expect([inFolder('run'), inFolder('db')]).toEqual([[], ['ovnnb_db.db', 'ovnsb_db.db']]);
});

it('ovsdb-tool, as the scripts call it', () => {
  expect(run('ovsdb-tool', '-vconsole:off', 'schema-name', '/usr/share/ovn/ovn-nb.ovsschema')).toBe(
    'OVN_Northbound\nexit 0',
  );
  expect(run('ovsdb-tool', '-vconsole:off', 'nonsense')).toMatch(
    /^ovsdb-tool: unknown command 'nonsense'; .*\nexit 1$/,
  );
  expect(run('ovsdb-tool')).toMatch(/^ovsdb-tool: missing command name; .*\nexit 1$/);
  expect(run('ovsdb-tool', '--help')).toContain('  create FILE SCHEMA ');
  expect(run('ovsdb-tool', '--version')).toMatch(/^weft-ovsdb .*\nexit 0$/);
  // To the server it is the name of a file.
  expect(run('ovsdb-server', 'create', '--unixctl=none')).toMatch(/^ovsdb-server: .*create: open failed .*\nexit 1$/);
});
