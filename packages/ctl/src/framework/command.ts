/**
 * A command of nbctl or sbctl, declared as data: its name, arguments and options, the tables and columns that it reads, a pure function from
 * rows to output and changes, and its help. The registry of a program serves its command line, daemon, completion and manual page.
 */
import type { DatabaseSchema, RefType, RowOf, TableName } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { Table } from './table.ts';
import type { Transaction } from './transaction.ts';

/** The columns that a command reads, by table; `[]` for the rows' existence alone. `_uuid` is always there. */
export type Reads<D extends DatabaseSchema> = {
  readonly [T in TableName<D>]?: readonly (keyof RowOf<D, T> & string)[];
};

/** One command of a command line, with the options that stand before its name. */
export interface Invocation {
  readonly name: string;
  readonly args: readonly string[];
  /** By name with the dashes. An option that takes no value has `''`, one that was given without the value it may take has none. */
  readonly options: ReadonlyMap<string, string | undefined>;
}

/** A piece of output; a function for what only the commit decides: which uuid a new row has. */
export type OutputPart = string | ((uuidOf: (row: Uuid) => Uuid) => string);

/** What the runs of one command line share. */
export interface Symbols {
  /** The row that `@name` stands for; asked for before the row is created, it is one that must be created later. */
  readonly resolve: (name: string, reference?: RefType) => Uuid;
  /** Says which row `@name` is. */
  define(name: string, uuid: Uuid, how: 'created' | 'created as root' | 'found'): void;
  /** The uuid that was promised for `@name` before the row was created. */
  promised(name: string): Uuid | undefined;
}

export interface Context<D extends DatabaseSchema> {
  readonly tx: Transaction<D>;
  readonly args: readonly string[];
  readonly options: ReadonlyMap<string, string | undefined>;
  readonly symbols: Symbols;
  readonly program: ProgramFacts;
  /** No command of the line comes after this one. */
  readonly isLast: boolean;
  /** Writes a line. */
  print(line: string): void;
  write(part: OutputPart): void;
  /** The command's output is this table, in the format that the user chose. */
  table(table: Table): void;
  /** A warning for standard error: it is no failure. */
  warn(message: string, module?: string, level?: 'WARN' | 'ERR'): void;
  /** The client waits for the southbound database or the chassis even if nothing changed. */
  forceWait(): void;
  /**
   * The flows of an OpenFlow switch, as text, by cookie. `remote` is an active connection method; undefined for the integration bridge. What is not
   * known yet is empty, and the command runs again when it is.
   */
  switchFlows(remote: string | undefined, details: boolean): (cookie: number) => readonly string[];
  /** Works on JSON output are to be readable (`--pretty`). */
  readonly pretty: boolean;
}

/** What commands know about the program that runs them. */
export interface ProgramFacts {
  readonly name: string;
  /** How records are named in each table (`--help` of the programs lists it). */
  readonly recordNames: RecordNames;
}

export type RecordNames = { readonly [table: string]: readonly RecordName[] };

/** One way to name a record. */
export interface RecordName {
  /** The name is the value of this column, or of this key in it; absent: the table's only row is named `.`. */
  readonly column?: string;
  readonly key?: string;
  /** The record is what this column of the row so named refers to. */
  readonly via?: { readonly table: string; readonly column: string };
}

export interface Command<D extends DatabaseSchema> {
  readonly name: string;
  /** As in `SWITCH [PORT] [KEY=VALUE]...`: brackets may be left out, dots repeat. */
  readonly args: string;
  /** `--flag`, `--option=` with a value, `--option?` with or without. */
  readonly options?: readonly string[];
  readonly reads: Reads<D> | ((invocation: Invocation, program: ProgramFacts) => Reads<D>);
  /** One sentence. */
  readonly summary: string;
  /** Command lines that show its use, without the program's name. */
  readonly examples: readonly string[];
  /** More than the summary says. */
  readonly details?: string;
  /** What is said before any command of the line runs. */
  warning?(invocation: Invocation): string | undefined;
  /** Pure: reads rows through the transaction, and may run several times. */
  run(context: Context<D>): void;
}

/** Thrown by a command that waits for the database to change. */
export class NotYet extends Error {
  override name = 'NotYet';
}

/** The least and the greatest number of arguments that `args` allows. */
export function arity(args: string): { readonly min: number; readonly max: number } {
  let min = 0;
  let max = 0;
  let depth = 0;
  for (const token of args.split(' ').filter((word) => word !== '' && word !== '|')) {
    // Brackets around a part of an argument, as in `[KEY=]VALUE`, leave the argument required.
    if (depth === 0 && !/^\[(?![^[]*\][^.\]])/.test(token)) min++;
    max++;
    if (token.includes('...')) max = Number.POSITIVE_INFINITY;
    for (const character of token) depth += character === '[' ? 1 : character === ']' ? -1 : 0;
  }
  return { min, max };
}
