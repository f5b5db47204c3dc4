/**
 * Twin databases: what ovn-nbctl does to one and ours to the other must look the same. Before each command line both hold the same rows with the
 * same uuids, so that output that depends on uuids (the order of rows) can be compared too.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Duplex } from 'node:stream';
import { main } from '@weft/ctl/framework/main';
import { openLogFile, sendSyslog } from '@weft/ctl/framework/process';
import { nbctl } from '@weft/ctl/nb/program';
import { sbctl } from '@weft/ctl/sb/program';
import { connect } from '@weft/jsonrpc/connect';
import { parseExactJson } from '@weft/jsonrpc/json';
import { Peer } from '@weft/jsonrpc/peer';
import { type Json, type JsonObject, jsonText } from '@weft/ovsdb/json';
import { nb } from '@weft/schemas/nb';
import { sb } from '@weft/schemas/sb';

export type Which = 'nb' | 'sb';
const schemas = { nb, sb };
/** The uuids in a text. */
export const uuidPattern = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** Rows as the wire has them, by table and uuid. */
export type Contents = Map<string, Map<string, JsonObject>>;

export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
}

/** One database server with both databases. */
export class Twin {
  readonly socket: string;
  readonly #process: ChildProcess;
  readonly #peer: Peer;

  private constructor(socket: string, process: ChildProcess, peer: Peer) {
    this.socket = socket;
    this.#process = process;
    this.#peer = peer;
  }

  /** Starts a server on empty databases in `dir`: the C ovsdb-server, or the program given. */
  static async start(dir: string, name: string, weftOvsdb?: string): Promise<Twin> {
    const files = (['nb', 'sb'] as const).map((which) => {
      const file = join(dir, `${name}-${which}.db`);
      const result =
        weftOvsdb === undefined
          ? spawnSync('ovsdb-tool', ['create', file, `/usr/share/ovn/ovn-${which}.ovsschema`])
          : spawnSync(weftOvsdb, ['create', file, which]);
      if (result.error !== undefined || result.status !== 0) {
        throw new Error('ovsdb-tool is missing: install the Debian packages openvswitch-common and ovn-common');
      }
      return file;
    });
    const socket = join(dir, `${name}.sock`);
    const process = spawn(
      weftOvsdb ?? 'ovsdb-server',
      [...files, `--remote=punix:${socket}`, `--unixctl=${join(dir, `${name}.ctl`)}`, '-vconsole:off', '--no-chdir'],
      { stdio: 'ignore' },
    );
    const peer = new Peer(await connectSoon(socket));
    return new Twin(socket, process, peer);
  }

  stop(): void {
    this.#peer.close();
    this.#process.kill();
  }

  async #transact(which: Which, operations: readonly Json[]): Promise<readonly JsonObject[]> {
    const results = (await this.#peer.call('transact', [schemas[which].name, ...operations])) as readonly JsonObject[];
    const failed = results.find((result) => result?.error != null);
    if (failed !== undefined) throw new Error(JSON.stringify(failed));
    return results;
  }

  async contents(which: Which): Promise<Contents> {
    const tables = Object.keys(schemas[which].tables);
    const results = await this.#transact(
      which,
      tables.map((table) => ({ op: 'select', table, where: [] })),
    );
    const contents: Contents = new Map();
    tables.forEach((table, i) => {
      const rows = new Map<string, JsonObject>();
      for (const row of results[i]!.rows as readonly JsonObject[]) {
        const { _uuid, _version, ...columns } = row;
        rows.set((_uuid as readonly string[])[1]!, columns);
      }
      contents.set(table, rows);
    });
    return contents;
  }

  /** Replaces all contents, uuids included. */
  async load(which: Which, contents: Contents): Promise<void> {
    await this.#transact(
      which,
      Object.keys(schemas[which].tables).map((table) => ({ op: 'delete', table, where: [] })),
    );
    const inserts: Json[] = [];
    for (const [table, rows] of contents) {
      for (const [uuid, row] of rows) {
        inserts.push({ op: 'insert', table, uuid, 'uuid-name': `r${uuid.replaceAll('-', '_')}_${table}`, row });
      }
    }
    if (inserts.length > 0) await this.#transact(which, inserts);
  }
}

/** Connects to a server that is starting. */
async function connectSoon(path: string): Promise<Duplex> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await connect({ kind: 'unix', path });
    } catch (error) {
      if (attempt > 1000) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** A folder for sockets, databases and run directories, gone at the end. */
export function temporaryFolder(): { readonly dir: string; readonly remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), 'weft-ctl-'));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** The status of a program that a signal ended. */
const crashed = -1;
/** The status of a program that its timer ended. */
const timedOut = 142;

/** The option that says which database: whoever gives the socket of a daemon means the daemon's. */
function database(socket: string, argv: readonly string[]): readonly string[] {
  return argv[0] === '-u' ? [] : [`--db=unix:${socket}`];
}

/** Runs the C program; `extra` is added to its environment. */
export function runC(
  which: Which,
  argv: readonly string[],
  socket: string,
  dir: string,
  extra: { readonly [name: string]: string } = {},
): Outcome {
  return runProgram(`ovn-${which}ctl`, [...database(socket, argv), ...argv], dir, extra);
}

function runProgram(
  program: string,
  argv: readonly string[],
  dir: string,
  extra: { readonly [name: string]: string },
): Outcome {
  const result = spawnSync(program, argv, {
    encoding: 'utf8',
    // A daemon that starts must not hold this process by its standard error.
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH ?? '', OVN_RUNDIR: dir, OVS_RUNDIR: dir, ...extra },
    timeout: 30_000,
  });
  if (result.error !== undefined && result.signal === null) {
    throw new Error(`${program} cannot run: install the Debian package ovn-common, and \`npm run build\``);
  }
  const status = result.signal === 'SIGALRM' ? timedOut : (result.status ?? crashed);
  return { stdout: result.stdout, stderr: result.stderr, status };
}

function ourProgram(which: Which): string {
  return resolve(`node_modules/.bin/${which}ctl`);
}

/** Runs ours, in a process of its own. */
function runOurProcess(which: Which, argv: readonly string[], socket: string, dir: string): Promise<Outcome> {
  return Promise.resolve(runProgram(ourProgram(which), [...database(socket, argv), ...argv], dir, {}));
}

/** Runs ours, in this process; `extra` is added to its environment. */
export async function runOurs(
  which: Which,
  argv: readonly string[],
  socket: string,
  dir: string,
  extra: { readonly [name: string]: string } = {},
): Promise<Outcome> {
  let stdout = '';
  let stderr = '';
  const host = {
    argv: [...database(socket, argv), ...argv],
    env: { OVN_RUNDIR: dir, OVS_RUNDIR: dir, ...extra },
    stdout: (text: string) => {
      stdout += text;
    },
    stderr: (text: string) => {
      stderr += text;
    },
    now: Date.now,
    isTerminal: false,
    stdoutIsTerminal: false,
    alarm: () => undefined,
    log: { openFile: openLogFile, sendSyslog, hostname },
    background: () => Promise.reject(new Error('a daemon is a process of its own')),
  };
  const status = await (which === 'nb' ? main(nbctl, host) : main(sbctl, host));
  return { stdout, stderr, status };
}

/** Text without the program's name, times and the uuids of rows that are new. */
function comparable(text: string, known: ReadonlySet<string>): string {
  return (
    text
      .replaceAll('ovn-nbctl', 'nbctl')
      .replaceAll('ovn-sbctl', 'sbctl')
      .replace(/identical values \(.*?\) for index/g, 'identical values for index')
      // The numbers that a server refuses stand in the order of C's hash table.
      .replace(/(insert\\",\[\\"set\\",)\[(-?[\d.,e-]+)\]/g, (_, head: string, list: string) => {
        return `${head}[${list.split(',').sort().join()}]`;
      })
      // So do references.
      .replace(/(\[\\"uuid\\",\\"[^"\\]+\\"\],?){2,}/g, (list) =>
        list.replace(/\],\[/g, '] [').split(' ').sort().join(),
      )
      // Which row that is still referred to a server names first is up to it.
      .replace(/row \S+ because of \d+ remaining/g, 'row because of remaining')
      // Which of two rows in conflict a server names first is up to it.
      .replace(/First row, with UUID .*? (transaction: .*?|transaction|inserted)\./g, '')
      .replace(/Second row, with UUID .*? (transaction: .*?|transaction|inserted)\./g, '')
      .replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z\|\d+\|/gm, '')
      .replace(uuidPattern, (uuid) => (known.has(uuid) ? uuid : '<new>'))
  );
}

/** Describes rows by content: a new row's uuid is replaced with what the row holds, so that equal databases are equal lists. */
export function canonicalRows(contents: Contents, known: ReadonlySet<string>): string[] {
  let labels = new Map<string, string>();
  const relabel = (text: string) =>
    text.replace(uuidPattern, (uuid) => (known.has(uuid) ? uuid : (labels.get(uuid) ?? 'new')));
  // References between new rows are followed as deep as any chain of the schemas goes.
  for (let depth = 0; depth < 4; depth++) {
    const next = new Map<string, string>();
    for (const [table, rows] of contents) {
      for (const [uuid, row] of rows) {
        if (known.has(uuid)) continue;
        next.set(
          uuid,
          createHash('sha1')
            .update(`${table} ${sortUuids(relabel(sortedText(row)))}`)
            .digest('hex'),
        );
      }
    }
    labels = next;
  }
  const lines: string[] = [];
  for (const [table, rows] of contents) {
    for (const [uuid, row] of rows)
      lines.push(`${table} ${known.has(uuid) ? uuid : 'new'} ${sortUuids(relabel(sortedText(row)))}`);
  }
  return lines.sort();
}

function sortedText(row: JsonObject): string {
  const columns: { [name: string]: Json } = {};
  for (const name of Object.keys(row).sort()) columns[name] = sortedSet(row[name]!);
  return jsonText(columns);
}

function sortedSet(value: Json): Json {
  if (!Array.isArray(value) || value[0] !== 'set') return value;
  return ['set', [...(value[1] as Json[])].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))];
}

/** Sets of references are ordered by uuids, which differ for new rows. */
function sortUuids(text: string): string {
  const row = parseExactJson(text) as JsonObject;
  return sortedText(row);
}

export function uuidsOf(contents: Contents): Set<string> {
  return new Set([...contents.values()].flatMap((rows) => [...rows.keys()]));
}

/** What came of one command line. */
export interface Compared {
  /** How the programs differed, in words; undefined if they did not. */
  readonly difference: string | undefined;
  readonly ours: Outcome;
  /** The database is another than before. */
  readonly changed: boolean;
}

/** The options by which the programs find their daemons; none without daemons. */
interface Daemons {
  readonly c: readonly string[];
  readonly ours: readonly string[];
  readonly pids: readonly number[];
  /** Each is called by the other's client. */
  readonly crossed: boolean;
}
const noDaemons: Daemons = { c: [], ours: [], pids: [], crossed: false };

/** The twins of one test file. */
export class Comparison {
  readonly #dir: string;
  readonly #remove: () => void;
  readonly #c: Twin;
  readonly #ours: Twin;
  #state: { readonly [W in Which]: Contents };
  #daemons: { readonly [W in Which]: Daemons } = { nb: noDaemons, sb: noDaemons };

  private constructor(
    dir: string,
    remove: () => void,
    c: Twin,
    ours: Twin,
    state: { readonly [W in Which]: Contents },
  ) {
    this.#dir = dir;
    this.#remove = remove;
    this.#c = c;
    this.#ours = ours;
    this.#state = state;
  }

  /** @param weftOvsdb the program that serves the twin of ours; absent: the C ovsdb-server */
  static async start(weftOvsdb?: string): Promise<Comparison> {
    const { dir, remove } = temporaryFolder();
    const c = await Twin.start(dir, 'c');
    const ours = await Twin.start(dir, 'ours', weftOvsdb);
    return new Comparison(dir, remove, c, ours, { nb: await c.contents('nb'), sb: await c.contents('sb') });
  }

  stop(): void {
    for (const which of ['nb', 'sb'] as const) this.stopDaemons(which);
    this.#c.stop();
    this.#ours.stop();
    this.#remove();
  }

  /** From now on a daemon of each program runs the command lines; `crossed`: those that the other program's client hands to it. */
  startDaemons(which: Which, { crossed = false } = {}): void {
    this.stopDaemons(which);
    const pids: number[] = [];
    const start = (program: string, { socket }: Twin, name: string): readonly string[] => {
      const control = join(this.#dir, `${name}-${which}.ctl`);
      const pidfile = join(this.#dir, `${name}-${which}.pid`);
      const args = [`--db=unix:${socket}`, '--detach', `--pidfile=${pidfile}`, '-u', control];
      const { status, stderr } = runProgram(program, args, this.#dir, {});
      if (status !== 0) throw new Error(`${program} does not start: ${stderr}`);
      pids.push(Number(readFileSync(pidfile, 'utf8')));
      return ['-u', control];
    };
    const daemons = {
      c: start(`ovn-${which}ctl`, this.#c, 'c'),
      ours: start(ourProgram(which), this.#ours, 'ours'),
      pids,
      crossed,
    };
    this.#daemons = { ...this.#daemons, [which]: daemons };
  }

  /** Command lines run by themselves again. */
  stopDaemons(which: Which): void {
    for (const pid of this.#daemons[which].pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has crashed.
      }
    }
    this.#daemons = { ...this.#daemons, [which]: noDaemons };
  }

  /** Empties both twins, but for the row that every command makes. */
  async reset(which: Which): Promise<void> {
    await this.#c.load(which, new Map());
    runC(which, ['init'], this.#c.socket, this.#dir);
    const contents = await this.#c.contents(which);
    await this.#ours.load(which, contents);
    this.#state = { ...this.#state, [which]: contents };
  }

  /** Runs one command line on both; returns what differs, in words, or undefined. */
  async run(which: Which, argv: readonly string[]): Promise<string | undefined> {
    return (await this.compare(which, argv)).difference;
  }

  /** Runs one command line on both. */
  async compare(which: Which, argv: readonly string[]): Promise<Compared> {
    const known = uuidsOf(this.#state[which]);
    const filled = argv.map((word) => this.#fill(which, word));
    // A timer ends its process.
    const own = argv.includes('wait-until') ? runOurProcess : runOurs;
    const [first, second] = this.#daemons[which].crossed ? [own, runC] : [runC, own];
    let c = await first(which, [...this.#daemons[which].c, ...filled], this.#c.socket, this.#dir);
    const ours = await second(which, [...this.#daemons[which].ours, ...filled], this.#ours.socket, this.#dir);
    const after = await this.#c.contents(which);
    const oursAfter = await this.#ours.contents(which);
    const rowsC = canonicalRows(after, known);
    const rowsOurs = canonicalRows(oursAfter, known);
    // The order of rows depends on what happened in the server before: a command that only reads is compared on the same server.
    const readOnly = same(rowsC, canonicalRows(this.#state[which], known)) && same(rowsC, rowsOurs);
    const unlike = c.stdout !== ours.stdout || comparable(c.stderr, known) !== comparable(ours.stderr, known);
    if (readOnly && unlike) {
      const again = runC(which, filled, this.#ours.socket, this.#dir);
      // What is warned of stands in the log of a daemon.
      c = this.#daemons[which] === noDaemons ? again : { ...again, stderr: c.stderr };
    }
    const hasDaemons = this.#daemons[which] !== noDaemons;
    if (hasDaemons && /ctl daemon \(|transaction error \(/.test(c.stderr)) c = { ...c, status: crashed };
    // A daemon of C that waits in vain is good for nothing else.
    if (hasDaemons && (c.status === crashed || c.status === timedOut)) {
      this.startDaemons(which, this.#daemons[which]);
    }
    if (c.status === crashed) {
      // A crash is nothing to be like.
      await this.#ours.load(which, after);
      this.#state = { ...this.#state, [which]: after };
      return { difference: undefined, ours, changed: !readOnly };
    }
    const differences: string[] = [];
    const compare = (what: string, theirs: string, own: string) => {
      if (theirs !== own) differences.push(`${what} of C:\n${theirs}\n${what} of ours:\n${own}`);
    };
    compare('status', String(c.status), String(ours.status));
    compare('stdout', comparable(c.stdout, known), comparable(ours.stdout, known));
    compare('stderr', comparable(c.stderr, known), comparable(ours.stderr, known));
    const onlyC = minus(rowsC, rowsOurs);
    const onlyOurs = minus(rowsOurs, rowsC);
    if (onlyC.length + onlyOurs.length > 0) {
      differences.push(`only after C:\n${onlyC.join('\n')}\nonly after ours:\n${onlyOurs.join('\n')}`);
    }
    if (!readOnly) await this.#ours.load(which, after);
    this.#state = { ...this.#state, [which]: after };
    const difference =
      differences.length === 0
        ? undefined
        : `$ ${[...this.#daemons[which].c, ...filled].join(' ')}\n${differences.join('\n')}`;
    return { difference, ours, changed: !readOnly };
  }

  /** `<Table:name>` in an argument stands for the uuid of that row (a column or a value in a map is the name), `<Table:name/8>` for its first characters; `<Table>` is any row. */
  #fill(which: Which, word: string): string {
    return word.replace(
      /<(\w+)(?::([^>/]*))?(?:\/(\d+))?>/g,
      (whole, table: string, name?: string, length?: string) => {
        const rows = this.#state[which].get(table);
        if (rows === undefined) return whole;
        for (const [uuid, row] of rows) {
          if (name === undefined || Object.values(row).includes(name) || jsonText(row).includes(`,${jsonText(name)}]`))
            return length === undefined ? uuid : uuid.slice(0, Number(length));
        }
        return whole;
      },
    );
  }
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((line, i) => line === b[i]);
}

function minus(a: readonly string[], b: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const line of b) counts.set(line, (counts.get(line) ?? 0) + 1);
  return a.filter((line) => {
    const count = counts.get(line) ?? 0;
    counts.set(line, count - 1);
    return count <= 0;
  });
}

/** Splits a line as a shell does, with single and double quotes. */
export function shellWords(line: string): string[] {
  const words: string[] = [];
  const pattern = /\s*((?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+)/y;
  let match = pattern.exec(line);
  while (match !== null) {
    words.push(
      match[1]!.replace(
        /'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g,
        (_, single?: string, double?: string, escaped?: string) =>
          single !== undefined ? single : double !== undefined ? double.replace(/\\(["\\$`])/g, '$1') : escaped!,
      ),
    );
    match = pattern.exec(line);
  }
  return words;
}
