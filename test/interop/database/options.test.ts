/** The command line of ovsdb-server(1), sound and bent: our server starts, or says why not, as the C server does. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildServer } from './build-server.ts';

let folder: string;
let programs: readonly (readonly string[])[];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weft-options-'));
  const ours = [process.execPath, await buildServer()];
  programs = [['ovsdb-server'], ours];
  for (const [i, [tool = '', ...args]] of [['ovsdb-tool'], ours].entries())
    execFileSync(tool, [...args, 'create', join(folder, `${i}.db`), '/usr/share/ovn/ovn-nb.ovsschema']);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The first line that it prints, and its exit status. The possibilities of what is ambiguous have an order of their own. */
function started(program: number, line: readonly string[]): string {
  const [command = '', ...args] = programs[program]!;
  const options = line.map((arg) => arg.replaceAll('FOLDER', folder).replaceAll('FILE', `${folder}/${program}.db`));
  const { stderr, status } = spawnSync(command, [...args, ...options], {
    encoding: 'utf8',
    // Where a file that is not there is looked for, its lock stays.
    cwd: folder,
    env: { ...process.env, OVS_RUNDIR: folder },
    timeout: 20_000,
  });
  const said = (stderr.split('\n')[0] ?? '').replace(/^(ovsdb-server|weft-ovsdb): /, '').replaceAll(folder, 'FOLDER');
  const [problem, possibilities = ''] = said.replaceAll(/FOLDER\/\d/g, 'FOLDER/N').split('; possibilities: ');
  return `${problem} ${possibilities.split(' ').sort().join(' ')}exit ${status}`;
}

const quiet = ['--unixctl=none', '-vconsole:off', '-vsyslog:off'];
const lines = [
  // Sound ones, written in every way.
  ['FILE', '--run=true', '--remote=punix:FOLDER/sock'],
  ['--remote', 'punix:FOLDER/sock', '--run', 'true', 'FILE'],
  ['--remote=punix:FOLDER/sock', 'FILE', '--run=test -S FOLDER/sock'],
  ['--rem=punix:FOLDER/sock', '--ru=test -S FOLDER/sock', 'FILE', '--no-self', '--no-ch'],
  ['--pidfile=FOLDER/pid', 'FILE', '--run=test -e FOLDER/pid'],
  ['--pidf', '--log-file=FOLDER/log', '--run=test -e FOLDER/log', 'FILE'],
  ['--pidfile', 'nowhere', '--run=true'],
  ['--run=exit 3', '--', 'FILE'],
  ['--run=true', '--', '--remote'],
  [
    '-p',
    '/key',
    '-c/certificate',
    '-C',
    'none',
    '--ssl-protocols=TLSv1.2',
    '--ssl-ciphers',
    'HIGH',
    '--run=true',
    'FILE',
  ],
  ['--sync-from=unix:FOLDER/nowhere', '--active', '--sync-exclude-tables=OVN_Northbound:ACL', '--run=true', 'FILE'],
  ['--disable-file-column-diff', '--overwrite-pidfile', '--run=true', 'FILE'],
  ['--no-dbs', '--run=true'],
  [
    '--private-key=db:OVN_Northbound,SSL,private_key',
    '--ssl-protocols=db:OVN_Northbound,SSL,ssl_protocols',
    '--run=true',
    'FILE',
  ],
  // Bent ones.
  ['--nonsense'],
  ['--nonsense=5'],
  ['--remote'],
  ['--run'],
  ['--private-key'],
  ['-p'],
  ['-Z'],
  ['-Zp'],
  ['--s'],
  ['--ssl'],
  ['--syn=x'],
  ['--ver'],
  ['--detach=5'],
  ['--ac=1'],
  ['--no-chdir='],
  ['--run=true', 'FOLDER/missing'],
  ['--run=true', 'FILE', 'FILE'],
  ['--run=true', 'relay:'],
  ['--run=true', 'FILE', '--remote=db:OVN_Northbound,NB_Global'],
  ['--run=true', 'FILE', '--remote=db:OVN_Northbound,Nothing,connections'],
  ['--run=true', 'FILE', '--remote=db:OVN_Northbound,NB_Global,nothing'],
  ['--run=true', 'FILE', '--remote=db:Nothing,NB_Global,connections'],
  ['--run=true', 'FILE', '--private-key=db:OVN_Northbound,SSL'],
  ['--run=true', 'FILE', '-c', 'db:Nothing,SSL,certificate'],
  ['--run=true', 'FILE', '--ca-cert=db:OVN_Northbound,SSL,nothing'],
  ['--run=true', 'FILE', '--ssl-ciphers=db:OVN_Northbound,Nothing,x'],
  ['--run=true', 'FILE', '-p', 'db:OVN_Northbound,SSL,bootstrap_ca_cert'],
];

it.each(lines.map((line) => [line.join(' '), line] as const))('%s', (_, line) => {
  const whole = [...quiet, ...line];
  expect(started(1, whole)).toBe(started(0, whole));
});
