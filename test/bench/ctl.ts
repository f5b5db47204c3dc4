// nbctl and ovn-nbctl, sbctl and ovn-sbctl by turns, start-up included, on small databases and on 250 switches × 100 ports, each bound to a chassis:
// `npm run bench -- ctl [SxP]`. A Node.js that does
// nothing takes its turn with them: what it takes is the machine's, and no program of ours can be quicker.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { accepts } from '@weft/cli/demo/process';
import { connect } from '@weft/jsonrpc/connect';
import type { Json } from '@weft/jsonrpc/json';
import { Peer } from '@weft/jsonrpc/peer';

const runs = 7;
const bin = resolve('node_modules/.bin');
const servers = [
  { name: 'C ovsdb-server', weft: false },
  { name: 'weft-ovsdb', weft: true },
] as const;

type Which = 'nb' | 'sb';
const databases = { nb: 'OVN_Northbound', sb: 'OVN_Southbound' } as const;

const portName = (s: number, p: number) => `sw${s}-p${p}`;

const portAddress = (s: number, p: number) =>
  `0a:00:00:${s.toString(16).padStart(2, '0')}:00:${p.toString(16).padStart(2, '0')} 10.0.${s}.${p}`;

/** The operations that make a switch with its ports. */
function switchOperations(s: number, ports: number): Json[] {
  const operations: Json[] = [];
  const names: Json[] = [];
  for (let p = 0; p < ports; p++) {
    const address = portAddress(s, p);
    const row = { name: portName(s, p), addresses: address, port_security: address };
    operations.push({ op: 'insert', table: 'Logical_Switch_Port', 'uuid-name': `p${p}`, row });
    names.push(['named-uuid', `p${p}`]);
  }
  operations.push({ op: 'insert', table: 'Logical_Switch', row: { name: `sw${s}`, ports: ['set', names] } });
  return operations;
}

/** The operations that make a chassis and bind a switch's ports to it. */
function chassisOperations(s: number, ports: number): Json[] {
  const encap = { type: 'geneve', ip: `192.0.2.${s}`, chassis_name: `ch${s}`, options: ['map', [['csum', 'true']]] };
  const chassis = { name: `ch${s}`, hostname: `host${s}`, encaps: ['named-uuid', 'e'] };
  const operations: Json[] = [
    { op: 'insert', table: 'Datapath_Binding', 'uuid-name': 'd', row: { tunnel_key: s + 1 } },
    { op: 'insert', table: 'Encap', 'uuid-name': 'e', row: encap },
    { op: 'insert', table: 'Chassis', 'uuid-name': 'c', row: chassis },
  ];
  for (let p = 0; p < ports; p++) {
    const references = { datapath: ['named-uuid', 'd'], chassis: ['named-uuid', 'c'] };
    const row = { ...references, logical_port: portName(s, p), tunnel_key: p + 1, mac: portAddress(s, p), up: true };
    operations.push({ op: 'insert', table: 'Port_Binding', row });
  }
  return operations;
}

/** Makes switches, and what southbound belongs to them. */
async function populate(peer: Peer, from: number, to: number, ports: number): Promise<void> {
  for (let s = from; s < to; s++) {
    await peer.call('transact', [databases.nb, ...switchOperations(s, ports)]);
    await peer.call('transact', [databases.sb, ...chassisOperations(s, ports)]);
  }
}

async function startServer(weft: boolean, dir: string): Promise<{ child: ChildProcess; socket: string }> {
  const files = (['nb', 'sb'] as const).map((which) => {
    const file = join(dir, `${weft ? 'weft' : 'c'}-${which}.db`);
    if (weft) execFileSync(join(bin, 'weft-ovsdb'), ['create', file, which]);
    else execFileSync('ovsdb-tool', ['create', file, `/usr/share/ovn/ovn-${which}.ovsschema`]);
    return file;
  });
  const socket = join(dir, weft ? 'weft.sock' : 'c.sock');
  const control = join(dir, weft ? 'weft.ctl' : 'c.ctl');
  const child = spawn(
    weft ? join(bin, 'weft-ovsdb') : 'ovsdb-server',
    [...files, `--remote=punix:${socket}`, `--unixctl=${control}`, '-vconsole:off'],
    {
      stdio: 'ignore',
    },
  );
  while (!(await accepts(socket))) await sleep(20);
  return { child, socket };
}

/** Counts runs, so that each adds something new. */
let round = 0;

interface Figure {
  /** In seconds. */
  readonly wall: number;
  /** Of user and system, in seconds. */
  readonly cpu: number;
  /** In MB. */
  readonly memory: number;
}

/** Runs a program once. */
function runOnce(program: string, args: readonly string[]): Figure {
  const started = process.hrtime.bigint();
  // GNU time writes to the end of standard error.
  const result = spawnSync('/usr/bin/env', ['time', '-f', '%M %U %S', program, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const wall = Number(process.hrtime.bigint() - started) / 1e9;
  if (result.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${result.stderr}`);
  const [kilobytes, user, system] = result.stderr.trim().split('\n').at(-1)!.split(' ').map(Number);
  return { wall, cpu: user! + system!, memory: kilobytes! / 1024 };
}

/** Runs programs by turns, several times each; `@` in an argument is a new number each time. Times are medians, memory is the most. */
function measure(programs: readonly { readonly program: string; readonly args: readonly string[] }[]): Figure[] {
  const figures: Figure[][] = programs.map(() => []);
  for (let i = 0; i < runs; i++) {
    for (const [which, { program, args }] of programs.entries()) {
      round++;
      figures[which]!.push(
        runOnce(
          program,
          args.map((arg) => arg.replaceAll('@', String(round))),
        ),
      );
    }
  }
  return figures.map((all) => ({
    wall: median(all.map(({ wall }) => wall)),
    cpu: median(all.map(({ cpu }) => cpu)),
    memory: Math.max(...all.map(({ memory }) => memory)),
  }));
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1]!;
}

async function main(): Promise<void> {
  const [switches, ports] = (process.argv[2] ?? '250x100').split('x').map(Number) as [number, number];
  const dir = mkdtempSync(join(tmpdir(), 'weft-bench-ctl-'));
  const children: ChildProcess[] = [];
  try {
    for (const { name, weft } of servers) {
      const { child, socket } = await startServer(weft, dir);
      children.push(child);
      const peer = new Peer(await connect({ kind: 'unix', path: socket }));
      for (const [title, from, to] of [
        ['small: 2 switches × 10 ports', 0, 2],
        [`${switches} switches × ${ports} ports`, 2, switches],
      ] as const) {
        const isSmall = to === 2;
        await populate(peer, from, to, isSmall ? 10 : ports);
        const last = isSmall ? 1 : 7;
        console.log(`\n${title}, on ${name}`);
        console.log(
          'wall time, CPU time (seconds) and memory'.padEnd(44) +
            ['node -e 0', 'ours', 'C'].map((name) => name.padStart(22)).join(''),
        );
        const lines: (readonly [Which, readonly string[]])[] = [
          ['nb', ['lsp-add', `sw${last}`, 'new@']],
          ['nb', ['lsp-get-addresses', portName(last, 3)]],
          ['nb', ['ls-list']],
          ['nb', ['show', `sw${last}`]],
          ['nb', ['list', 'Logical_Switch_Port', portName(last, 3)]],
          ['nb', ['acl-add', `sw${last}`, 'to-lport', '100', 'ip4.src == @', 'drop']],
        ];
        if (!isSmall) {
          lines.push(
            ['nb', ['list', 'Logical_Switch']],
            ['nb', ['show']],
            ['nb', ['list', 'Logical_Switch_Port']],
            ['nb', ['--columns=name', 'list', 'Logical_Switch_Port']],
            ['nb', ['find', 'Logical_Switch_Port', 'type=""']],
            ['sb', ['show']],
            ['sb', ['list', 'Port_Binding']],
            ['sb', ['--columns=logical_port', 'list', 'Port_Binding']],
            ['sb', ['find', 'Port_Binding', 'type=""']],
          );
        }
        for (const [which, args] of lines) {
          const words = [`--db=unix:${socket}`, ...args];
          const figures = measure([
            // As our programs are started: without the certificates that Node.js would read first.
            { program: '/usr/bin/env', args: ['-u', 'NODE_EXTRA_CA_CERTS', 'node', '-e', '0'] },
            { program: join(bin, `${which}ctl`), args: words },
            { program: `ovn-${which}ctl`, args: words },
          ]);
          const text = ({ wall, cpu, memory }: Figure) =>
            `${wall.toFixed(3)} ${cpu.toFixed(2)} ${memory.toFixed(0).padStart(4)} MB`.padStart(22);
          console.log(`${which}ctl ${args.join(' ')}`.padEnd(44) + figures.map(text).join(''));
        }
      }
      peer.close();
    }
  } finally {
    for (const child of children) child.kill();
    rmSync(dir, { recursive: true, force: true });
  }
}

await main();
