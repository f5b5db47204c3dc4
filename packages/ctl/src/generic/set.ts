/** `set`, `add`, `remove`, `clear`: values of a record. */
import type { Atom } from '@weft/ovsdb/atom';
import { atomsOf, type Datum, defaultDatum, fromAtoms, toSet } from '@weft/ovsdb/datum';
import type { ColumnType, DatabaseSchema } from '@weft/ovsdb/schema';
import type { Command, Context, Invocation } from '../framework/command.ts';
import { CtlError } from '../framework/ctl-error.ts';
import type { Transaction } from '../framework/transaction.ts';
import { parseColumnKey } from './condition.ts';
import { toReads } from './list.ts';
import { columnType, findColumn, findTable, type NamedTable } from './names.ts';
import { parseAtom, parseDatum, parseElementList, type SymbolResolver } from './parse-value.ts';
import { findRecord, mustFindRecord, recordColumns } from './record.ts';

/** `COLUMN[:KEY]=VALUE`, its value still text. */
export interface Assignment {
  readonly column: string;
  readonly key: string | undefined;
  readonly value: string;
}

/** Reads an assignment. The columns of `frozen` rows, those that cannot change after creation, are refused. */
export function parseAssignment(table: NamedTable, text: string): Assignment {
  const { column, key, reader } = parseColumnKey(table, text, false);
  if (!reader.take('=') || reader.atEnd) {
    throw new CtlError(`${text}: argument does not end in "=" followed by a value.`);
  }
  return { column, key, value: reader.rest() };
}

/** What changing records needs of the context. */
export function recordOf<D extends DatabaseSchema>(
  context: Context<D>,
  table: NamedTable,
  record: string,
): string | undefined {
  const tx = context.tx as unknown as Transaction;
  const row = context.options.has('--if-exists')
    ? findRecord(tx, context.program, table.name, record)
    : mustFindRecord(tx, context.program, table.name, record);
  return row?._uuid;
}

/** Makes an assignment. */
export function assign(
  tx: Transaction,
  table: NamedTable,
  uuid: string,
  to: Assignment,
  resolve: SymbolResolver,
): void {
  const type = columnType(table, to.column);
  if (to.key === undefined) {
    tx.update(table.name, uuid, { [to.column]: parseDatum(type, to.value, resolve) } as never);
    return;
  }
  if (type.kind !== 'map') throw new CtlError(`cannot specify key to set for non-map column ${to.column}`);
  const key = parseAtom(type.key, to.key, resolve);
  const value = parseAtom(type.value!, to.value, resolve);
  tx.mutateMap(table.name, uuid, to.column, { insert: [[key, value]] });
}

function checkMutable(table: NamedTable, column: string): void {
  if (!table.schema.columns[column]!.mutable) {
    throw new CtlError(`cannot modify read-only column ${column} in table ${table.name}`);
  }
}

export function setCommand<D extends DatabaseSchema>(schema: D): Command<D> {
  const parts = (invocation: Invocation) => {
    const table = findTable(schema, invocation.args[0]!);
    const assignments = invocation.args.slice(2).map((text) => {
      const column = parseColumnKey(table, text, false).column;
      checkMutable(table, column);
      return { text, column };
    });
    return { table, assignments };
  };
  return {
    name: 'set',
    args: 'TABLE RECORD COLUMN[:KEY]=VALUE...',
    options: ['--if-exists'],
    reads: (invocation, program) => {
      const { table, assignments } = parts(invocation);
      const reads = recordColumns(program.recordNames, table.name);
      reads.get(table.name)!.push(...assignments.map(({ column }) => column));
      return toReads(reads);
    },
    summary: 'sets columns, or keys in them',
    examples: ['set Connection ptcp:6641 inactivity_probe=60000 other_config:priority=high'],
    run: (context) => {
      const { table, assignments } = parts(context as unknown as Invocation);
      const uuid = recordOf(context, table, context.args[1]!);
      if (uuid === undefined) return;
      const tx = context.tx as unknown as Transaction;
      for (const { text } of assignments) {
        assign(tx, table, uuid, parseAssignment(table, text), context.symbols.resolve);
      }
    },
  };
}

function oneColumn<D extends DatabaseSchema>(schema: D, invocation: Invocation): { table: NamedTable; column: string } {
  const table = findTable(schema, invocation.args[0]!);
  const column = findColumn(table, invocation.args[2]!, false);
  checkMutable(table, column);
  return { table, column };
}

/** The column's type without its limit: how many values there may be in the end is for the database to say. */
function unlimited(type: ColumnType): ColumnType {
  return { ...type, kind: type.kind === 'map' ? 'map' : 'set', max: Number.POSITIVE_INFINITY };
}

export function addCommand<D extends DatabaseSchema>(schema: D): Command<D> {
  return {
    name: 'add',
    args: 'TABLE RECORD COLUMN {VALUE|KEY=VALUE}...',
    options: ['--if-exists'],
    reads: (invocation, program) => {
      const { table, column } = oneColumn(schema, invocation);
      const reads = recordColumns(program.recordNames, table.name);
      reads.get(table.name)!.push(column);
      return toReads(reads);
    },
    summary: 'adds values or pairs to a column',
    examples: ['add Address_Set as0 addresses 10.0.0.1 10.0.0.2'],
    run: (context) => {
      const { table, column } = oneColumn(schema, context as unknown as Invocation);
      const uuid = recordOf(context, table, context.args[1]!);
      if (uuid === undefined) return;
      const tx = context.tx as unknown as Transaction;
      const type = columnType(table, column);
      for (const text of context.args.slice(3)) {
        const elements = parseElementList(unlimited(type), text, context.symbols.resolve);
        if (type.kind === 'map') {
          tx.mutateMap(table.name, uuid, column, { insert: elements.map(([key, value]) => [key, value as Atom]) });
        } else if (type.kind === 'set') {
          tx.mutateSet(table.name, uuid, column, { insert: elements.map(([atom]) => atom) });
        } else
          addToSmall(
            tx,
            table,
            uuid,
            column,
            elements.map(([atom]) => atom),
          );
      }
    },
  };
}

/** Columns of at most one value are no sets in memory; a second value is for the database to refuse. */
function addToSmall(tx: Transaction, table: NamedTable, uuid: string, column: string, atoms: readonly Atom[]): void {
  const type = columnType(table, column);
  const row = tx.select({ kind: 'uuid', table: table.name, uuid })[0]!;
  const all = toSet([...atomsOf(type, row[column]), ...atoms]);
  if (all.length <= 1 && type.kind === 'optional') {
    tx.update(table.name, uuid, { [column]: fromAtoms(type, all) } as never);
    return;
  }
  tx.mutateRaw(table.name, uuid, column, 'insert', atoms);
}

export function removeCommand<D extends DatabaseSchema>(schema: D): Command<D> {
  return {
    name: 'remove',
    args: 'TABLE RECORD COLUMN {KEY|VALUE|KEY=VALUE}...',
    options: ['--if-exists'],
    reads: (invocation, program) => {
      const { table, column } = oneColumn(schema, invocation);
      const reads = recordColumns(program.recordNames, table.name);
      reads.get(table.name)!.push(column);
      return toReads(reads);
    },
    summary: 'removes values, keys or pairs from a column',
    examples: ['remove Address_Set as0 addresses 10.0.0.1', 'remove Connection ptcp:6641 other_config priority'],
    run: (context) => {
      const { table, column } = oneColumn(schema, context as unknown as Invocation);
      const uuid = recordOf(context, table, context.args[1]!);
      if (uuid === undefined) return;
      const tx = context.tx as unknown as Transaction;
      const type = columnType(table, column);
      const resolve = context.symbols.resolve;
      for (const text of context.args.slice(3)) {
        const now = tx.select({ kind: 'uuid', table: table.name, uuid })[0]![column];
        if (type.kind === 'map') {
          const keys = keysToRemove(type, now as ReadonlyMap<Atom, Atom>, text, resolve);
          tx.mutateMap(table.name, uuid, column, { remove: keys });
          continue;
        }
        const atoms = parseElementList(unlimited(type), text, resolve).map(([atom]) => atom);
        if (type.kind === 'set') tx.mutateSet(table.name, uuid, column, { remove: atoms });
        else if (atoms.some((atom) => atom === now)) removeSmall(tx, table, uuid, column, atoms);
      }
    },
  };
}

function removeSmall(tx: Transaction, table: NamedTable, uuid: string, column: string, atoms: readonly Atom[]): void {
  if (columnType(table, column).kind === 'optional') tx.update(table.name, uuid, { [column]: undefined } as never);
  else tx.mutateRaw(table.name, uuid, column, 'delete', atoms);
}

/** Keys alone remove whatever value they have; a pair removes only itself. */
function keysToRemove(
  type: ReturnType<typeof columnType>,
  now: ReadonlyMap<Atom, Atom>,
  text: string,
  resolve: SymbolResolver,
): readonly Atom[] {
  try {
    return parseElementList(type, text, resolve)
      .filter(([key, value]) => now.get(key) === value)
      .map(([key]) => key);
  } catch (error) {
    if (!(error instanceof CtlError)) throw error;
    const { value: _, ...keys } = { ...type, kind: 'set' as const };
    return parseElementList(keys, text, resolve).map(([key]) => key);
  }
}

export function clearCommand<D extends DatabaseSchema>(schema: D): Command<D> {
  const parts = (invocation: Invocation) => {
    const table = findTable(schema, invocation.args[0]!);
    const columns = invocation.args.slice(2).map((text) => {
      const column = findColumn(table, text, false);
      checkMutable(table, column);
      return column;
    });
    return { table, columns };
  };
  return {
    name: 'clear',
    args: 'TABLE RECORD COLUMN...',
    options: ['--if-exists'],
    reads: (invocation, program) => {
      const { table, columns } = parts(invocation);
      const reads = recordColumns(program.recordNames, table.name);
      reads.get(table.name)!.push(...columns);
      return toReads(reads);
    },
    summary: 'empties columns',
    examples: ['clear Address_Set as0 addresses'],
    run: (context) => {
      const { table, columns } = parts(context as unknown as Invocation);
      const uuid = recordOf(context, table, context.args[1]!);
      if (uuid === undefined) return;
      const tx = context.tx as unknown as Transaction;
      for (const column of columns) {
        const type = columnType(table, column);
        if (type.min > 0) {
          throw new CtlError(
            `"clear" operation cannot be applied to column ${column} of table ${table.name}, which is not allowed to be empty`,
          );
        }
        tx.update(table.name, uuid, { [column]: defaultDatum(type) as Datum } as never);
      }
    },
  };
}
