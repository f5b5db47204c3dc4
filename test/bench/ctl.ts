// nbctl and ovn-nbctl by turns, start-up included, on a small database and on 250 switches × 100 ports: `npm run bench -- ctl [SxP]`. A Node.js that does
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

const portName = (s: number, p: number) => `sw${s}-p${p}`;

/** The operations that make a switch with its ports. */
function switchOperations(s: number, ports: number): Json[] {
  const operations: Json[] = [];
  const names: Json[] = [];
  for (let p = 0; p < ports; p++) {
    const address = `0a:00:00:${s.toString(16).padStart(2, '0')}:00:${p.toString(16).padStart(2, '0')} 10.0.${s}.${p}`;
    const row = { name: portName(s, p), addresses: address, port_security: address };
    operations.push({ op: 'insert', table: 'Logical_Switch_Port', 'uuid-name': `p${p}`, row });
    names.push(['named-uuid', `p${p}`]);
  }
  operations.push({ op: 'insert', table: 'Logical_Switch', row: { name: `sw${s}`, ports: ['set', names] } });
  return operations;
}

async function startServer(weft: boolean, dir: string): Promise<{ child: ChildProcess; socket: string }> {
  const file = join(dir, weft ? 'weft.db' : 'c.db');
  const socket = join(dir, weft ? 'weft.sock' : 'c.sock');
  const control = join(dir, weft ? 'weft.ctl' : 'c.ctl');
  if (weft) execFileSync(join(bin, 'weft-ovsdb'), ['create', file, 'nb']);
  else execFileSync('ovsdb-tool', ['create', file, '/usr/share/ovn/ovn-nb.ovsschema']);
  const child = spawn(
    weft ? join(bin, 'weft-ovsdb') : 'ovsdb-server',
    [file, `--remote=punix:${socket}`, `--unixctl=${control}`, '-vconsole:off'],
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
        ['small: 2 switches × 10 ports', 0, 0],
        [`${switches} switches × ${ports} ports`, 2, switches],
      ] as const) {
        if (to === 0) {
          for (let s = 0; s < 2; s++) await peer.call('transact', ['OVN_Northbound', ...switchOperations(s, 10)]);
        } else {
          for (let s = from; s < to; s++)
            await peer.call('transact', ['OVN_Northbound', ...switchOperations(s, ports)]);
        }
        const last = to === 0 ? 1 : 7;
        console.log(`\n${title}, on ${name}`);
        console.log(
          'wall time, CPU time (seconds) and memory'.padEnd(44) +
            ['node -e 0', 'nbctl', 'ovn-nbctl'].map((name) => name.padStart(22)).join(''),
        );
        for (const args of [
          ['lsp-add', `sw${last}`, 'new@'],
          ['lsp-get-addresses', portName(last, 3)],
          ['ls-list'],
          ['show', `sw${last}`],
          ['list', 'Logical_Switch_Port', portName(last, 3)],
          ['acl-add', `sw${last}`, 'to-lport', '100', 'ip4.src == @', 'drop'],
          ...(to === 0
            ? []
            : [
                ['list', 'Logical_Switch'],
                ['find', 'Logical_Switch_Port', 'name!=x'],
              ]),
        ]) {
          const words = [`--db=unix:${socket}`, ...args];
          const figures = measure([
            { program: 'node', args: ['-e', '0'] },
            { program: join(bin, 'nbctl'), args: words },
            { program: 'ovn-nbctl', args: words },
          ]);
          const text = ({ wall, cpu, memory }: Figure) =>
            `${wall.toFixed(3)} ${cpu.toFixed(2)} ${memory.toFixed(0).padStart(4)} MB`.padStart(22);
          console.log(args.join(' ').padEnd(44) + figures.map(text).join(''));
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
