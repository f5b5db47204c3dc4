/**
 * Runs the commands of one command line as one transaction. The commands are pure functions of the rows at hand: when one asks for rows that
 * are not there, they are fetched, all queries so far in one consistent read, and the commands run again from the start. A transaction that
 * lost a race with another client is tried again in the same way.
 */
import { isArray, isObject, type Json } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import type { DatabaseSchema, TableName } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import { type Command, type Context, type Invocation, NotYet, type OutputPart, type ProgramFacts } from './command.ts';
import { CtlError } from './ctl-error.ts';
import { type ColumnsByTable, replicatedReferences } from './entry-order.ts';
import type { Program } from './program.ts';
import { type Query, queryKey } from './query.ts';
import { errorText, type NamedRows, type Session } from './session.ts';
import { MissingRows, Snapshot } from './snapshot.ts';
import { Switches } from './switches.ts';
import { SymbolTable } from './symbol-table.ts';
import { formatTable, type Table, type TableStyle, tableSeparator } from './table.ts';
import { Transaction } from './transaction.ts';

export interface Runnable<D extends DatabaseSchema> {
  readonly command: Command<D>;
  readonly invocation: Invocation;
}

export interface RunOptions {
  readonly style: TableStyle;
  readonly oneline: boolean;
  readonly dryRun: boolean;
  /** For the comment in the database's log. */
  readonly commandLine: string;
  readonly wait: 'none' | 'sb' | 'hv';
  readonly printWaitTime: boolean;
  readonly warn: (module: string, message: string, level?: 'WARN' | 'ERR') => void;
  /** Reads the flows of an OpenFlow switch that have these cookies, as text. */
  readonly readSwitch: (
    remote: string | undefined,
    cookies: readonly number[],
    details: boolean,
  ) => Promise<SwitchAnswer>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** What differs between the databases: the row that the client makes if it is not there, and how it waits. */
export interface RootTable<D extends DatabaseSchema> {
  readonly table: TableName<D>;
  /** Waiting for the rest of the system is possible: the table has `nb_cfg`, `sb_cfg` and `hv_cfg`. */
  readonly canWait: boolean;
}

/** Lines by cookie. */
export type SwitchFlows = ReadonlyMap<number, readonly string[]>;

export interface SwitchAnswer {
  readonly flows: SwitchFlows;
  /** Why there are none. */
  readonly problem?: string;
}

interface Output {
  readonly parts: OutputPart[];
  table: Table | undefined;
}

/** Resolves to what goes to standard output. Throws a CtlError if the commands cannot be done. */
export async function runCommands<D extends DatabaseSchema>(
  session: Session,
  program: Program<D>,
  commands: readonly Runnable<D>[],
  options: RunOptions,
): Promise<string> {
  const { schema, root } = program;
  const footprint = footprintOf(program, commands);
  if (options.wait !== 'none') addReads(footprint.columns, { [root.table]: waitColumns });

  const queries = new Map<string, Query>();
  const ask = (query: Query) => queries.set(queryKey(query), query);
  ask({ kind: 'rows', table: root.table });
  let waiting = false;
  const pool: Uuid[] = [];
  // Answers that only say which row a command means are not asked for again.
  const names = new Map<string, NamedRows>();
  const switches = new Switches();
  const warnInVain = () => undefined;
  for (const query of firstQueries(() => {
    const tx = new Transaction(schema, new Snapshot(schema), uuidsFrom(pool));
    runAll(tx, uuidsFrom(pool), program, commands, options, { forceWait: false, switches: new Switches() }, warnInVain);
  })) {
    ask(query);
  }
  for (;;) {
    const seen = session.changes;
    const snapshot = await session.read([...queries.values()], footprint, names);
    const newUuid = uuidsFrom(pool);
    const tx = new Transaction(schema, snapshot, newUuid);
    const warnings: [string, string, ('WARN' | 'ERR')?][] = [];
    let outputs: Output[];
    const shared = { forceWait: false, switches };
    try {
      makeRoot(tx, root);
      outputs = runAll(tx, newUuid, program, commands, options, shared, (...warning) => warnings.push(warning));
      if (await switches.fetch(options)) continue;
    } catch (error) {
      if (error instanceof MissingRows) {
        for (const query of error.queries) ask(query);
        continue;
      }
      if (error instanceof NotYet) {
        if (waiting) await session.changedSince(seen);
        else {
          await session.watch(footprint.columns);
          waiting = true;
        }
        // Which rows are wanted may differ now.
        queries.clear();
        names.clear();
        ask({ kind: 'rows', table: root.table });
        continue;
      }
      // What commands before it ask of a switch is asked all the same, and what was warned of is said.
      if (error instanceof CtlError && (await switches.fetch(options))) continue;
      if (error instanceof CtlError) for (const warning of warnings) options.warn(...warning);
      throw error;
    }
    if (waiting) await session.unwatch();
    const committed = await commit(session, tx, root, options, shared.forceWait, () => {
      for (const warning of warnings) options.warn(...warning);
      for (const warning of tx.warnings()) options.warn('ovsdb_idl', warning);
    });
    if (committed === 'try again') {
      names.clear();
      continue;
    }
    let text = printOutputs(outputs, committed.uuidOf, options);
    if (committed.nbCfg !== undefined) text += await waitFor(session, root, committed.nbCfg, options);
    return text;
  }
}

/** What the commands of a line read, and what the C program replicates for them. */
export function footprintOf<D extends DatabaseSchema>(
  program: Program<D>,
  commands: readonly Runnable<D>[],
): { readonly columns: Map<string, Set<string>>; readonly replicated: ColumnsByTable } {
  const { schema, root } = program;
  const columns = new Map<string, Set<string>>([[root.table, new Set(root.canWait ? ['nb_cfg'] : [])]]);
  const needed = new Map<string, Set<string>>([[root.table, new Set()]]);
  for (const { command, invocation } of commands) {
    const reads = typeof command.reads === 'function' ? command.reads(invocation, program) : command.reads;
    addReads(columns, reads);
    addReads(needed, program.replicated[command.name] ?? reads);
  }
  return { columns, replicated: replicatedReferences(schema, needed) };
}

function addReads(
  columns: Map<string, Set<string>>,
  reads: { readonly [table: string]: readonly string[] | undefined },
): void {
  for (const [table, names = []] of Object.entries(reads)) {
    const all = columns.get(table) ?? new Set();
    for (const name of names) all.add(name);
    columns.set(table, all);
  }
}

/** What commands ask for first: known before there is any answer, it needs no round trip of its own. */
function firstQueries(run: () => void): readonly Query[] {
  try {
    run();
  } catch (error) {
    if (error instanceof MissingRows) return error.queries;
    // The failure comes again, with the rows that it may depend on.
    if (!(error instanceof CtlError || error instanceof NotYet)) throw error;
  }
  return [];
}

/** Makes the row that the system needs; a configuration number that cannot grow begins anew, as the C program has it. */
function makeRoot<D extends DatabaseSchema>(tx: Transaction<D>, root: RootTable<D>): void {
  const row = tx.only(root.table) as unknown as Row | undefined;
  if (row === undefined) tx.insert(root.table, {});
  else if (root.canWait && row.nb_cfg === 2n ** 63n - 1n) tx.update(root.table, row._uuid, { nb_cfg: 0 } as never);
}

/**
 * A uuid for a new row. It only names the row inside its transaction (the server chooses the row's own), so it need not be unguessable; and
 * loading node:crypto takes longer than a command does.
 */
function rowUuid(): Uuid {
  const digits = Array.from({ length: 32 }, () => Math.floor(Math.random() * 16).toString(16)).join('');
  const parts = [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)];
  return parts.join('-');
}

/** Each run of the same commands draws the same uuids, so that a question about a new row is not a new one each time. */
function uuidsFrom(pool: Uuid[]): () => Uuid {
  let next = 0;
  return () => {
    if (next === pool.length) pool.push(rowUuid());
    return pool[next++]!;
  };
}

function runAll<D extends DatabaseSchema>(
  tx: Transaction<D>,
  newUuid: () => Uuid,
  program: ProgramFacts,
  commands: readonly Runnable<D>[],
  options: RunOptions,
  shared: { forceWait: boolean; readonly switches: Switches },
  warn: RunOptions['warn'],
): Output[] {
  const symbols = new SymbolTable(newUuid);
  const outputs: Output[] = [];
  for (const [index, { command, invocation }] of commands.entries()) {
    const output: Output = { parts: [], table: undefined };
    outputs.push(output);
    const context: Context<D> = {
      tx,
      args: invocation.args,
      options: invocation.options,
      symbols,
      program,
      isLast: index === commands.length - 1,
      pretty: options.style.pretty,
      print: (line) => output.parts.push(`${line}\n`),
      write: (part) => output.parts.push(part),
      table: (table) => {
        output.table = table;
      },
      warn: (message, module, level) => warn(module ?? program.name, message, level),
      forceWait: () => {
        shared.forceWait = true;
      },
      switchFlows: (remote, details) =>
        shared.switches.reader(remote, details, (problem) => warn(program.name, problem)),
    };
    command.run(context);
  }
  symbols.check((message) => warn('ovn_dbctl', message));
  return outputs;
}

const waitColumns = ['nb_cfg', 'nb_cfg_timestamp', 'sb_cfg', 'sb_cfg_timestamp', 'hv_cfg', 'hv_cfg_timestamp'];

/** The abort that ends a dry run is none. */
function isFailure(result: Json): boolean {
  return isObject(result) && typeof result.error === 'string' && result.error !== 'aborted';
}

/** A `wait` found something else than what the commands had read. */
function isTimedOut(result: Json): boolean {
  return isObject(result) && result.error === 'timed out';
}

interface Committed {
  readonly uuidOf: (row: Uuid) => Uuid;
  /** The configuration number to wait for. */
  readonly nbCfg: number | undefined;
}

async function commit<D extends DatabaseSchema>(
  session: Session,
  tx: Transaction<D>,
  root: RootTable<D>,
  options: RunOptions,
  forceWait: boolean,
  sayWarnings: () => void,
): Promise<Committed | 'try again'> {
  const { operations, inserted } = tx.operations();
  const waits = root.canWait && options.wait !== 'none' && (operations.length > 0 || forceWait);
  const all: Json[] = [...operations];
  if (waits) {
    const row = tx.only(root.table)!;
    const where: Json = tx.isNew(row._uuid) ? [] : [['_uuid', '==', ['uuid', row._uuid]]];
    all.push({ op: 'mutate', table: root.table, where, mutations: [['nb_cfg', '+=', 1]] });
    all.push({ op: 'select', table: root.table, where, columns: ['nb_cfg'] });
  }
  if (all.length === 0) {
    sayWarnings();
    return { uuidOf: (row) => row, nbCfg: undefined };
  }
  const selectAt = all.length - 1;
  all.push({ op: 'comment', comment: options.commandLine });
  if (options.dryRun) all.push({ op: 'abort' });
  const results = await session.transact(all);
  if (!results.some(isTimedOut)) sayWarnings();
  const failed = results.find(isFailure);
  if (isObject(failed)) {
    if (isTimedOut(failed)) return 'try again';
    const text = `transaction error: ${errorText(failed)}`;
    options.warn('ovsdb_idl', text);
    throw new CtlError(text);
  }
  if (options.dryRun) return { uuidOf: (row) => row, nbCfg: undefined };
  const real = new Map<Uuid, Uuid>();
  for (const [index, uuid] of inserted) {
    const result = results[index];
    const reply = isObject(result) ? result.uuid : undefined;
    if (isArray(reply) && typeof reply[1] === 'string') real.set(uuid, reply[1]);
  }
  let nbCfg: number | undefined;
  if (waits) {
    const result = results[selectAt];
    const row = isObject(result) && isArray(result.rows) ? result.rows[0] : undefined;
    if (isObject(row) && typeof row.nb_cfg === 'number') nbCfg = row.nb_cfg;
  }
  return { uuidOf: (row) => real.get(row) ?? row, nbCfg };
}

function printOutputs(outputs: readonly Output[], uuidOf: (row: Uuid) => Uuid, options: RunOptions): string {
  let text = '';
  let tables = 0;
  for (const output of outputs) {
    if (output.table !== undefined) {
      if (tables++ > 0) text += tableSeparator(options.style);
      text += formatTable(output.table, options.style);
      continue;
    }
    const plain = output.parts.map((part) => (typeof part === 'string' ? part : part(uuidOf))).join('');
    text += options.oneline ? `${onOneLine(plain)}\n` : plain;
  }
  return text;
}

function onOneLine(text: string): string {
  return text.replace(/\n$/, '').replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

/** Waits until the southbound database (`sb`) or the chassis too (`hv`) have caught up with `nb_cfg`. */
async function waitFor<D extends DatabaseSchema>(
  session: Session,
  root: RootTable<D>,
  nbCfg: number,
  options: RunOptions,
): Promise<string> {
  const started = options.now();
  const columns = new Map([[root.table, new Set(waitColumns)]]);
  await session.watch(columns);
  for (;;) {
    const seen = session.changes;
    const snapshot = await session.read([{ kind: 'rows', table: root.table }], { columns, replicated: columns });
    const row = snapshot.answer({ kind: 'rows', table: root.table })?.[0];
    if (row === undefined) throw new CtlError(`${root.table}: the row is gone`);
    const reached = row[options.wait === 'sb' ? 'sb_cfg' : 'hv_cfg'] as number;
    if (reached >= nbCfg) {
      await session.unwatch();
      return options.printWaitTime ? waitTimes(nbCfg, row as unknown as Timestamps, started, options) : '';
    }
    await session.changedSince(seen);
  }
}

interface Timestamps {
  readonly nb_cfg_timestamp: number;
  readonly sb_cfg_timestamp: number;
  readonly hv_cfg_timestamp: number;
}

function waitTimes(nbCfg: number, row: Timestamps, started: number, options: RunOptions): string {
  const lines = [
    `Time spent on processing nb_cfg ${nbCfg}:`,
    `\tovn-northd delay before processing:\t${row.nb_cfg_timestamp - started}ms`,
    `\tovn-northd completion:\t\t\t${row.sb_cfg_timestamp - started}ms`,
  ];
  if (options.wait === 'hv') lines.push(`\tovn-controller(s) completion:\t\t${row.hv_cfg_timestamp - started}ms`);
  return `${lines.join('\n')}\n`;
}
