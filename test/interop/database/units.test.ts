/** The service units of deploy/, with folders of their own: what they run starts, and brings an older database to our schema. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildServer } from './build-server.ts';

const folder = mkdtempSync(join(tmpdir(), 'weft-units-'));
beforeAll(async () => {
  const program = join(folder, 'weft-ovsdb');
  writeFileSync(program, `#!/usr/bin/env node\nvoid import('${await buildServer()}');\n`);
  chmodSync(program, 0o755);
  for (const name of ['run', 'lib']) mkdirSync(join(folder, name));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Unit {
  readonly env: NodeJS.ProcessEnv;
  lines(name: string): readonly string[];
}

/** A unit file, with our folders and as systemd.service(5) reads it. */
function unit(name: string, more: NodeJS.ProcessEnv = {}): Unit {
  const text = readFileSync(`deploy/${name}.service`, 'utf8')
    .replaceAll('/run/ovn/', `${folder}/run/`)
    .replaceAll('/var/lib/weft/', `${folder}/lib/`)
    .replaceAll('%%', '%');
  const lines = (key: string): string[] =>
    text.split('\n').flatMap((line) => (line.startsWith(`${key}=`) ? [line.slice(key.length + 1)] : []));
  const set = Object.fromEntries(lines('Environment').map((line) => line.split('=') as [string, string]));
  return {
    env: { ...process.env, PATH: `${folder}:${process.env.PATH}`, OVS_RUNDIR: `${folder}/run`, ...set, ...more },
    lines,
  };
}

function prepare({ env, lines }: Unit): void {
  for (const line of lines('ExecStartPre')) {
    const { status, stderr } = spawnSync('/bin/sh', ['-c', line], { encoding: 'utf8', env });
    expect(stderr).toBe('');
    expect(status).toBe(0);
  }
}

function commandLine({ env, lines }: Unit): readonly string[] {
  const [line = ''] = lines('ExecStart');
  return line.split(' ').map((word) => word.replace(/\$\{(\w+)\}/g, (_, name: string) => env[name] ?? ''));
}

/** What a command prints while the unit's program serves. */
function serving(service: Unit, command: string): string {
  const args = commandLine(service);
  const options = { encoding: 'utf8', env: service.env, timeout: 30_000 } as const;
  const { stdout, stderr } = spawnSync(args[0]!, [...args.slice(1), `--run=${command}`, '-vconsole:off'], options);
  expect(stderr).toBe('');
  return stdout;
}

it.each([
  ['nb', 'ovn-nb', 'OVN_Northbound'],
  ['sb', 'ovn-sb', 'OVN_Southbound'],
])(
  'weft-ovsdb-%s makes its database, serves it, and converts an older one',
  { timeout: 60_000 },
  (name, file, database) => {
    const service = unit(`weft-ovsdb-${name}`);
    const socket = `unix:${folder}/run/ovn${name}_db.sock`;
    const control = `ovs-appctl -t ${folder}/run/ovn${name}_db.ctl ovsdb-server/list-dbs`;
    prepare(service);
    expect(serving(service, control)).toBe(`${database}\n_Server\n`);

    const path = join(folder, 'lib', `ovn${name}.db`);
    rmSync(path);
    const schema = JSON.parse(readFileSync(`/usr/share/ovn/${file}.ovsschema`, 'utf8'));
    writeFileSync(join(folder, 'old'), JSON.stringify({ ...schema, version: '0.1.0', cksum: '1 2' }));
    execFileSync(join(folder, 'weft-ovsdb'), ['create', path, join(folder, 'old')]);
    prepare(service);
    expect(serving(service, `ovsdb-client get-schema-version ${socket} ${database}`)).toBe(`${schema.version}\n`);
    const [kept = ''] = readdirSync(join(folder, 'lib')).filter((each) => /^ovn..\.db\.\d+$/.test(each));
    const version = execFileSync(join(folder, 'weft-ovsdb'), ['db-version', join(folder, 'lib', kept)], {
      encoding: 'utf8',
    });
    expect(version).toBe('0.1.0\n');
    rmSync(join(folder, 'lib', kept));
    // Nothing is to be done the next time.
    prepare(service);
    expect(readdirSync(join(folder, 'lib')).filter((each) => each.startsWith(`ovn${name}`))).toEqual([`ovn${name}.db`]);
  },
);

it('weft-ovsdb-sb-relay relays', { timeout: 60_000 }, () => {
  const source = unit('weft-ovsdb-sb');
  prepare(source);
  const relay = unit('weft-ovsdb-sb-relay', {
    SOURCE: `unix:${folder}/run/ovnsb_db.sock`,
    REMOTE: `punix:${folder}/run/relay.sock`,
  });
  const remote = `unix:${folder}/run/relay.sock`;
  const ask = `ovsdb-client -t 20 wait ${remote} OVN_Southbound connected 2>&1; ovsdb-client list-dbs ${remote}`;
  const relayed = `${commandLine(relay).join(' ')} -vconsole:off --run="${ask}"`;
  expect(serving(source, relayed)).toMatch(/^OVN_Southbound\n_Server\n$/m);
});
