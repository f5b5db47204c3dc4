// The compiler of logical flows: from text to bytes, on the logical flows of a fabric of 250 switches × 100 ports as a live ovn-northd writes them
// (port security included), on hard ACLs, and on random text. `npm run bench -- lflow [SxP]`. With `fresh FILE COUNT` it compiles the first COUNT
// logical flows of a file, and nothing before them: what a program's start costs.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accepts, waitFor } from '@weft/cli/demo/process';
import { connect } from '@weft/jsonrpc/connect';
import { Peer } from '@weft/jsonrpc/peer';
import { parseActive } from '@weft/jsonrpc/remote';
import { type ActionContext, Compiler, type MatchContext } from '@weft/lflow/compile';
import { withConjunctionId } from '@weft/lflow/flows';
import { openflowTable } from '@weft/lflow/pipeline';
import { standardDhcpv4Options, standardDhcpv6Options } from '@weft/lflow/standard-options';
import type { Action } from '@weft/openflow/actions';
import { Writer } from '@weft/openflow/buffer';
import type { FlowMod } from '@weft/openflow/flow';
import { encodeFlowMod } from '@weft/openflow/message-encode';
import type { Json } from '@weft/ovsdb/json';

interface LogicalFlow {
  readonly pipeline: 'ingress' | 'egress';
  readonly table_id: number;
  readonly priority: number;
  readonly match: string;
  readonly actions: string;
}

const [switches = 250, ports = 100] = (process.argv[2] ?? '250x100').split('x').map(Number);
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function transact(
  peer: Peer,
  database: string,
  operations: readonly Json[],
): Promise<readonly { rows?: Json[] }[]> {
  const results = (await peer.call('transact', [database, ...operations])) as { error?: string; rows?: Json[] }[];
  const wrong = results.find((result) => result?.error !== undefined);
  if (wrong !== undefined) throw new Error(`transaction failed: ${JSON.stringify(wrong)}`);
  return results;
}

const hex = (n: number): string => n.toString(16).padStart(2, '0');

/** One switch of the fabric, its ports, and its router port. */
function addSwitch(s: number): Json[] {
  const network = `10.${1 + (s >> 8)}.${s & 255}`;
  const mac = (p: number): string => `0a:${hex(s >> 8)}:${hex(s & 255)}:00:${hex(p >> 8)}:${hex(p & 255)}`;
  const operations: Json[] = [];
  for (let p = 0; p < ports; p++) {
    const address = `${mac(p)} ${network}.${p + 10}`;
    operations.push({
      op: 'insert',
      table: 'Logical_Switch_Port',
      'uuid-name': `p${p}`,
      row: { name: `sw${s}-p${p}`, addresses: address, port_security: address },
    });
  }
  operations.push(
    {
      op: 'insert',
      table: 'Logical_Switch_Port',
      'uuid-name': 'up',
      row: { name: `sw${s}-lr`, type: 'router', addresses: 'router', options: ['map', [['router-port', `lr-sw${s}`]]] },
    },
    {
      op: 'insert',
      table: 'Logical_Switch',
      row: {
        name: `sw${s}`,
        ports: ['set', [...Array.from({ length: ports }, (_, p) => ['named-uuid', `p${p}`]), ['named-uuid', 'up']]],
      },
    },
    {
      op: 'insert',
      table: 'Logical_Router_Port',
      'uuid-name': 'lrp',
      row: { name: `lr-sw${s}`, mac: mac(0xffff), networks: `${network}.1/24` },
    },
    {
      op: 'mutate',
      table: 'Logical_Router',
      where: [['name', '==', 'lr']],
      mutations: [['ports', 'insert', ['set', [['named-uuid', 'lrp']]]]],
    },
  );
  return operations;
}

/** The southbound Logical_Flow table that a live ovn-northd makes of the fabric. */
async function fabricFlows(): Promise<LogicalFlow[]> {
  for (const program of ['/usr/bin/ovn-northd', '/usr/sbin/ovsdb-server']) {
    if (!existsSync(program))
      throw new Error(`this benchmark needs ${program}: install the Debian package ovn-central`);
  }
  const dir = mkdtempSync(join(tmpdir(), 'weft-bench-lflow-'));
  const env = { ...process.env, OVS_RUNDIR: dir, OVN_RUNDIR: dir, OVN_LOGDIR: dir };
  const children: ChildProcess[] = [];
  try {
    for (const name of ['nb', 'sb']) {
      execFileSync('ovsdb-tool', ['create', `${dir}/${name}.db`, `/usr/share/ovn/ovn-${name}.ovsschema`]);
      children.push(
        spawn(
          'ovsdb-server',
          [`--remote=punix:${dir}/${name}.sock`, `--unixctl=${dir}/${name}.ctl`, `${dir}/${name}.db`],
          { env, stdio: 'ignore' },
        ),
      );
    }
    for (const name of ['nb', 'sb']) await waitFor(`the database ${name}`, () => accepts(`${dir}/${name}.sock`));
    const nb = new Peer(await connect(parseActive(`unix:${dir}/nb.sock`)), { name: 'nb' });
    const sb = new Peer(await connect(parseActive(`unix:${dir}/sb.sock`)), { name: 'sb' });
    await transact(nb, 'OVN_Northbound', [
      { op: 'insert', table: 'NB_Global', row: { nb_cfg: 1 } },
      { op: 'insert', table: 'Logical_Router', row: { name: 'lr' } },
    ]);
    for (let s = 0; s < switches; s++) await transact(nb, 'OVN_Northbound', addSwitch(s));
    children.push(
      spawn(
        'ovn-northd',
        [`--ovnnb-db=unix:${dir}/nb.sock`, `--ovnsb-db=unix:${dir}/sb.sock`, `--unixctl=${dir}/northd.ctl`],
        { env, stdio: 'ignore' },
      ),
    );
    for (;;) {
      const [result] = await transact(nb, 'OVN_Northbound', [
        { op: 'select', table: 'NB_Global', where: [], columns: ['sb_cfg'] },
      ]);
      if ((result?.rows?.[0] as { sb_cfg?: number } | undefined)?.sb_cfg === 1) break;
      await sleep(200);
    }
    const columns = ['pipeline', 'table_id', 'priority', 'match', 'actions'];
    const [flows] = await transact(sb, 'OVN_Southbound', [{ op: 'select', table: 'Logical_Flow', where: [], columns }]);
    nb.close();
    sb.close();
    return (flows?.rows ?? []) as unknown as LogicalFlow[];
  } finally {
    await Promise.all(
      children.map(
        (child) =>
          new Promise<void>((resolve) => {
            child.once('exit', () => resolve());
            child.kill('SIGKILL');
          }),
      ),
    );
    rmSync(dir, { recursive: true, force: true });
  }
}

const dhcpv4 = new Map(standardDhcpv4Options.map(([name, code, type]) => [name, { code, type }]));
const dhcpv6 = new Map(standardDhcpv6Options.map(([name, code, type]) => [name, { code, type }]));
const portKeys = new Map<string, number>();
const lookupPort = (name: string): number => {
  let key = portKeys.get(name);
  if (key === undefined) {
    key = (portKeys.size % 32_000) + 1;
    portKeys.set(name, key);
  }
  return key;
};

let groups = 0;

/** A compiler with all that it asks for, and the bytes that come out. */
class Bench {
  readonly compiler = new Compiler();
  // northd keeps the address of its service monitor in a set of that name.
  readonly sets = new Map<string, readonly string[]>([['svc_monitor_mac', ['0a:00:00:00:00:01']]]);
  readonly portGroups = new Map<string, readonly string[]>();
  readonly #writer = new Writer(1 << 20);
  readonly #places = new Map<number, ActionContext>();
  readonly matchContext: { prerequisites: string } & MatchContext = {
    prerequisites: '',
    datapath: { tunnelKey: 1 },
    lookupPort,
    lookupAddressSet: (name) => this.sets.get(name),
    lookupPortGroup: (name) => this.portGroups.get(name),
    isChassisResident: () => true,
  };
  flows = 0;
  bytes = 0;
  errors: string[] = [];

  compile(lflow: LogicalFlow): void {
    const { pipeline, table_id: table } = lflow;
    const actions = this.compiler.compileActions(lflow.actions, this.place(pipeline, table));
    if ('error' in actions) {
      this.errors.push(actions.error);
      return;
    }
    this.matchContext.prerequisites = actions.prerequisites;
    const match = this.compiler.compileMatch(lflow.match, this.matchContext);
    if ('error' in match) {
      this.errors.push(match.error);
      return;
    }
    const writer = this.#writer;
    for (const flow of match.flows) {
      const conjunctions: Action[] = flow.parts.map((part) => ({ type: 'conjunction', ...part }));
      encodeFlowMod(writer, 1, {
        command: 'add',
        table: openflowTable(pipeline, table),
        priority: lflow.priority,
        cookie: 0x12345678n,
        match: flow.conjunction === undefined ? flow.match : withConjunctionId(flow.match, flow.conjunction + 1),
        actions: conjunctions.length > 0 ? conjunctions : actions.actions,
      });
      this.flows++;
      if (writer.pos > 1 << 19) {
        this.bytes += writer.pos;
        writer.pos = 0;
      }
    }
  }

  place(pipeline: 'ingress' | 'egress', table: number): ActionContext {
    const key = pipeline === 'ingress' ? table : table + 100;
    let context = this.#places.get(key);
    if (context === undefined) {
      context = {
        pipeline,
        table,
        cookie: 0x12345678,
        datapath: { type: 'switch', tunnelKey: 1 },
        lookupPort,
        lookupTunnel: () => undefined,
        allocateGroup: () => ++groups,
        allocateMeter: () => 1,
        lookupDhcpv4Option: (name) => dhcpv4.get(name),
        lookupDhcpv6Option: (name) => dhcpv6.get(name),
        hasCollectorSet: () => true,
      };
      this.#places.set(key, context);
    }
    return context;
  }

  finish(): void {
    this.bytes += this.#writer.pos;
    this.#writer.pos = 0;
  }
}

const perSecond = (count: number, ms: number): string => `${Math.round((count * 1000) / ms).toLocaleString('en')}/s`;

/** Milliseconds of processor time: what else the machine does is not ours. */
function timed(run: () => void): number {
  const start = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** The same logical flows of another network: texts of the same shapes with other names, Ethernet and IPv4 addresses in them. */
function elsewhere(lflows: readonly LogicalFlow[]): readonly LogicalFlow[] {
  const moved = (text: string): string =>
    text
      .replace(/"(?!_MC_|none")([^"]+)"/g, '"x$1"')
      .replace(/\b0a:/g, '0b:')
      .replace(/(?<= )10\.(?=\d+\.\d+\.\d)/g, '11.');
  return lflows.map((lflow) => ({ ...lflow, match: moved(lflow.match), actions: moved(lflow.actions) }));
}

/**
 * Compiles logical flows that are new to a compiler, then new ones of the same shapes, and then those again; the median of several rounds, since the
 * machine does other things too.
 */
function report(name: string, lflows: readonly LogicalFlow[], prepare: (bench: Bench) => void = () => undefined): void {
  const others = elsewhere(lflows);
  const rounds = Array.from({ length: 5 }, () => {
    const bench = new Bench();
    prepare(bench);
    const all = (): void => {
      for (const lflow of lflows) bench.compile(lflow);
      bench.finish();
    };
    const cold = timed(all);
    const { flows, bytes, errors, compiler } = bench;
    const { made } = compiler;
    const known = timed(() => {
      for (const lflow of others) bench.compile(lflow);
      bench.finish();
    });
    return { cold, known, flows, bytes, errors, made, warm: timed(all) };
  });
  const [first] = rounds;
  if (first === undefined) return;
  const { flows, bytes, errors, made } = first;
  const line = (what: string, all: readonly number[]): string => {
    const ms = median(all);
    const range = `${perSecond(lflows.length, Math.max(...all))} to ${perSecond(lflows.length, Math.min(...all))}`;
    return `  ${what} ${ms.toFixed(0)} ms, ${perSecond(lflows.length, ms)} logical flows (${range}), ${perSecond(flows, ms)} flows`;
  };
  if (errors.length > 0) console.log(`  ${errors.length} errors, such as ${errors[0]}`);
  console.log(
    `${name}: ${lflows.length} logical flows, ${flows} flows, ${(bytes / 1e6).toFixed(1)} MB, ${made} of ${2 * lflows.length} texts made by shape\n` +
      `${line(
        'text to bytes:',
        rounds.map(({ cold }) => cold),
      )}\n${line(
        'known shapes: ',
        rounds.map(({ known }) => known),
      )}\n${line(
        'seen before:  ',
        rounds.map(({ warm }) => warm),
      )}`,
  );
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}

/** The first logical flows of a process, in processes of their own. */
function freshProcesses(lflows: readonly LogicalFlow[]): void {
  const dir = mkdtempSync(join(tmpdir(), 'weft-bench-lflow-'));
  try {
    const file = join(dir, 'flows.json');
    writeFileSync(file, JSON.stringify(lflows));
    for (const count of [6000, 30_000]) {
      const run = (): number =>
        Number(
          execFileSync(process.execPath, [process.argv[1] ?? '', 'fresh', file, `${count}`], { encoding: 'utf8' }),
        );
      const all = Array.from({ length: 5 }, run);
      const range = `${Math.min(...all).toFixed(0)} to ${Math.max(...all).toFixed(0)}`;
      console.log(`the first ${count} of a process: ${median(all).toFixed(0)} ms (${range}), all threads`);
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** How fast the parts are. Parsing is of all different texts; the others are for texts whose shapes are known. */
function stages(lflows: readonly LogicalFlow[]): void {
  const matches = [...new Set(lflows.map((lflow) => lflow.match))];
  const actions = [...new Set(lflows.map((lflow) => lflow.actions))];
  const parser = new Compiler();
  const parseMatches = timed(() => {
    for (const text of matches) parser.parseMatch(text);
  });
  const parseActions = timed(() => {
    for (const text of actions) parser.parseActions(text);
  });
  const bench = new Bench();
  const { compiler, matchContext } = bench;
  for (const lflow of elsewhere(lflows)) bench.compile(lflow);
  matchContext.prerequisites = '';
  const compileMatches = timed(() => {
    for (const text of matches) compiler.compileMatch(text, matchContext);
  });
  const compileActions = timed(() => {
    for (const { pipeline, table_id, actions: text } of lflows)
      compiler.compileActions(text, bench.place(pipeline, table_id));
  });
  const mods = lflows.slice(0, 10_000).flatMap(({ pipeline, table_id, priority, match: text, actions: what }) => {
    const compiled = compiler.compileActions(what, bench.place(pipeline, table_id));
    const found = 'error' in compiled ? compiled : compiler.compileMatch(text, { ...matchContext, ...compiled });
    if ('error' in compiled || 'error' in found) return [];
    const { actions: list } = compiled;
    return found.flows.map(
      ({ match }): FlowMod => ({ command: 'add', table: table_id, priority, cookie: 1n, match, actions: list }),
    );
  });
  const writer = new Writer(1 << 20);
  const encodeAll = (): void => {
    for (let round = 0; round < 10; round++) {
      for (const mod of mods) {
        if (writer.pos > 1 << 19) writer.pos = 0;
        encodeFlowMod(writer, 1, mod);
      }
    }
  };
  // V8 has compiled the encoder for objects that were made elsewhere.
  encodeAll();
  const encode = timed(encodeAll);
  console.log(
    `  parsed: ${perSecond(matches.length, parseMatches)} of ${matches.length} different matches, ` +
      `${perSecond(actions.length, parseActions)} of ${actions.length} different actions\n` +
      `  text to bytes: ${perSecond(matches.length, compileMatches)} matches, ${perSecond(lflows.length, compileActions)} actions; ` +
      `${perSecond(10 * mods.length, encode)} flows encoded`,
  );
}

/** An ACL with two sets of 500 addresses and 20 ranges of ports. */
function hardAcls(count: number): LogicalFlow[] {
  return Array.from({ length: count }, (_, n) => ({
    pipeline: 'ingress',
    table_id: 8,
    priority: 2000,
    match: `inport == @pg && ip4.src == $a && ip4.dst == $b && tcp && (${Array.from({ length: 20 }, (_, i) => `(${1000 * i + n} <= tcp.dst <= ${1000 * i + 500 + n})`).join(' || ')})`,
    actions: 'reg0[1] = 1; next;',
  }));
}

const words =
  'ip4 ip6 tcp.dst eth.src reg0 inport == != < { } ( ) && || ! 1 0x10 10.0.0.1 "p" $a @g , ; = next output clone [ ] .. ct_commit log put_dhcp_opts arp'.split(
    ' ',
  );

function fuzz(count: number): void {
  const compiler = new Compiler();
  // A linear congruential generator: the same texts every time.
  let seed = 1;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  let valid = 0;
  const ms = timed(() => {
    for (let i = 0; i < count; i++) {
      let text = '';
      for (let n = 1 + random(8); n > 0; n--)
        text += random(4) === 0 ? String.fromCharCode(random(256)) : ` ${words[random(words.length)]}`;
      const parsed = i % 2 === 0 ? compiler.parseMatch(text) : compiler.parseActions(text);
      if (!('error' in parsed)) valid++;
    }
  });
  console.log(`random text: ${count} texts, ${valid} of them valid, none a crash: ${perSecond(count, ms)}`);
}

if (process.argv[2] === 'fresh') {
  const flows = (JSON.parse(readFileSync(process.argv[3] ?? '', 'utf8')) as LogicalFlow[]).slice(
    0,
    Number(process.argv[4]),
  );
  const bench = new Bench();
  globalThis.gc?.();
  console.log(
    timed(() => {
      for (const lflow of flows) bench.compile(lflow);
      bench.finish();
    }),
  );
} else {
  const fabric = await fabricFlows();
  freshProcesses(fabric);
  report(`fabric ${switches} × ${ports}, from a live ovn-northd`, fabric);
  stages(fabric);
  report('ACLs with 2 sets of 500 addresses and 20 port ranges', hardAcls(100), (bench) => {
    bench.sets.set(
      'a',
      Array.from({ length: 500 }, (_, i) => `10.0.${i >> 8}.${i & 255}`),
    );
    bench.sets.set(
      'b',
      Array.from({ length: 500 }, (_, i) => `10.1.${i >> 8}.${i & 255}`),
    );
    bench.portGroups.set(
      'pg',
      Array.from({ length: 20 }, (_, i) => `p${i}`),
    );
  });
  fuzz(1_000_000);
  console.log(`memory: ${Math.round(process.memoryUsage().rss / 1e6)} MB`);
}
