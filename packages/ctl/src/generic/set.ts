/** `set`, `add`, `remove`, `clear`: values of a record. */
import { type Atom, compareAtoms } from '@weft/ovsdb/atom';
import { atomsOf, type Datum, defaultDatum, fromAtoms, toSet } from '@weft/ovsdb/datum';
import type { ColumnType, DatabaseSchema } from '@weft/ovsdb/schema';
import type { Command, Context, Invocation, ProgramFacts, Reads } from '../framework/command.ts';
import { CtlError } from '../framework/ctl-error.ts';
import { mapOrder } from '../framework/replica-order.ts';
import type { Transaction } from '../framework/transaction.ts';
import { parseColumn, parseColumnKey } from './condition.ts';
import { toReads } from './list.ts';
import { checkMutable, columnType, findColumn, findTable, isStored, type NamedTable } from './names.ts';
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
  if (!isStored(table.name, to.column)) checkMutable(table, to.column);
  if (to.key === undefined) {
    tx.update(table.name, uuid, { [to.column]: parseDatum(type, to.value, resolve) } as never);
    return;
  }
  if (type.kind !== 'map') throw new CtlError(`cannot specify key to set for non-map column ${to.column}`);
  const key = parseAtom(type.key, to.key, resolve);
  const value = parseAtom(type.value!, to.value, resolve);
  tx.mutateMap(table.name, uuid, to.column, { insert: [[key, value]] });
}

/** `set` (ovn-nbctl(8)). */
export function setCommand<D extends DatabaseSchema>(schema: D): Command<D> {
  const parts = (invocation: Invocation) => {
    const table = findTable(schema, invocation.args[0]!);
    const assignments = invocation.args.slice(2).map((text) => {
      const column = parseColumn(table, text, false);
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

/** The type of an argument of `add` and `remove`: how many values there are in the end matters, not how many are given. */
function oneOrMore(type: ColumnType): ColumnType {
  return { ...type, kind: type.kind === 'map' ? 'map' : 'set', min: 1, max: Number.POSITIVE_INFINITY };
}

function tooMany(operation: string, count: number, { table, column, type }: Target): CtlError {
  return new CtlError(
    `"${operation}" operation would put ${count} values in column ${column} of table ${table.name} but the maximum number is ${type.max}`,
  );
}

/** The column of a record that `add` or `remove` changes. */
interface Target {
  readonly tx: Transaction;
  readonly table: NamedTable;
  readonly uuid: string;
  readonly column: string;
  readonly type: ColumnType;
}

/** The columns that are read for a command about one column of one record. */
function oneColumnReads<D extends DatabaseSchema>(
  schema: D,
): (invocation: Invocation, program: ProgramFacts) => Reads<D> {
  return (invocation, program) => {
    const { table, column } = oneColumn(schema, invocation);
    const reads = recordColumns(program.recordNames, table.name);
    reads.get(table.name)!.push(column);
    return toReads(reads);
  };
}

/** What such a command is about; undefined for a record that is not there, where `--if-exists` allows that. */
function targetOf<D extends DatabaseSchema>(schema: D, context: Context<D>): Target | undefined {
  const { table, column } = oneColumn(schema, context as unknown as Invocation);
  const uuid = recordOf(context, table, context.args[1]!);
  if (uuid === undefined) return undefined;
  return { tx: context.tx as unknown as Transaction, table, uuid, column, type: columnType(table, column) };
}

type Elements = readonly (readonly [Atom, Atom | undefined])[];

/** `add` (ovn-nbctl(8)). */
export function addCommand<D extends DatabaseSchema>(schema: D): Command<D> {
  return {
    name: 'add',
    args: 'TABLE RECORD COLUMN [KEY=]VALUE...',
    options: ['--if-exists'],
    reads: oneColumnReads(schema),
    summary: 'adds values or pairs to a column',
    details:
      'A key that the column has keeps its value, unless this is the last command of the line: then it gets the new one. The set command is clearer.',
    examples: ['add Address_Set as0 addresses 10.0.0.1 10.0.0.2'],
    run: (context) => {
      const target = targetOf(schema, context);
      if (target === undefined) return;
      const added = new Map<Atom, Atom | undefined>();
      for (const text of context.args.slice(3)) {
        for (const [key, value] of parseElementList(oneOrMore(target.type), text, context.symbols.resolve)) {
          if (!added.has(key)) added.set(key, value);
        }
      }
      if (context.isLast) addInDatabase(target, [...added]);
      else addToWhatIsRead(target, [...added]);
    },
  };
}

/** The C programs have the last command of a line done by the database: it replaces values of keys, and is who refuses too many. */
function addInDatabase({ tx, table, uuid, column, type }: Target, added: Elements): void {
  if (type.kind === 'map') {
    tx.mutateMap(table.name, uuid, column, { insert: added.map(([key, value]) => [key, value as Atom]) });
    return;
  }
  const atoms = added.map(([atom]) => atom).sort(compareAtoms);
  if (type.kind === 'set') {
    tx.editSet(table.name, uuid, column, { insert: atoms });
    return;
  }
  const now = atomsOf(type, tx.select({ kind: 'uuid', table: table.name, uuid })[0]![column]);
  const all = toSet([...now, ...atoms]);
  if (all.length <= 1 && type.kind === 'optional') {
    tx.update(table.name, uuid, { [column]: fromAtoms(type, all) } as never);
    return;
  }
  // The database refuses them in words that repeat them, names in the order in which a C program's hash table has them.
  const inOrder = new Map(atoms.map((atom) => [String(atom), atom]));
  const sent = type.key.type === 'string' ? mapOrder(inOrder).map(([, atom]) => atom) : atoms;
  tx.insertRaw(table.name, uuid, column, sent);
}

function addToWhatIsRead(target: Target, added: Elements): void {
  const { tx, table, uuid, column, type } = target;
  const now = tx.select({ kind: 'uuid', table: table.name, uuid })[0]![column];
  if (type.kind === 'map') {
    const missing = added.filter(([key]) => !(now as ReadonlyMap<Atom, Atom>).has(key));
    tx.mutateMap(table.name, uuid, column, { insert: missing.map(([key, value]) => [key, value as Atom]) });
    return;
  }
  const atoms = added.map(([atom]) => atom);
  if (type.kind === 'set') {
    tx.editSet(table.name, uuid, column, { insert: atoms });
    return;
  }
  const all = toSet([...atomsOf(type, now), ...atoms]);
  if (all.length > type.max) throw tooMany('add', all.length, target);
  tx.update(table.name, uuid, { [column]: fromAtoms(type, all) } as never);
}

/** `remove` (ovn-nbctl(8)). */
export function removeCommand<D extends DatabaseSchema>(schema: D): Command<D> {
  return {
    name: 'remove',
    args: 'TABLE RECORD COLUMN KEY|VALUE|KEY=VALUE...',
    options: ['--if-exists'],
    reads: oneColumnReads(schema),
    summary: 'removes values, keys or pairs from a column',
    examples: ['remove Address_Set as0 addresses 10.0.0.1', 'remove Connection ptcp:6641 other_config priority'],
    run: (context) => {
      const target = targetOf(schema, context);
      if (target === undefined) return;
      const { tx, table, uuid, column, type } = target;
      const resolve = context.symbols.resolve;
      const texts = context.args.slice(3);
      const now = tx.select({ kind: 'uuid', table: table.name, uuid })[0]![column];
      if (type.kind === 'map') {
        const keys = texts.flatMap((text) => keysToRemove(type, now as ReadonlyMap<Atom, Atom>, text, resolve));
        tx.mutateMap(table.name, uuid, column, { remove: keys });
        return;
      }
      const atoms = texts.flatMap((text) => parseElementList(oneOrMore(type), text, resolve).map(([atom]) => atom));
      if (type.kind === 'set') tx.editSet(table.name, uuid, column, { remove: atoms });
      else if (atoms.some((atom) => atom === now)) {
        if (type.kind === 'scalar') throw empties(table, column);
        tx.update(table.name, uuid, { [column]: undefined } as never);
      }
    },
  };
}

function empties(table: NamedTable, column: string): CtlError {
  return new CtlError(
    `"remove" operation would put 0 values in column ${column} of table ${table.name} but the minimum number is 1`,
  );
}

/** Keys alone remove whatever value they have; a pair removes only itself. */
function keysToRemove(
  type: ColumnType,
  now: ReadonlyMap<Atom, Atom>,
  text: string,
  resolve: SymbolResolver,
): readonly Atom[] {
  try {
    return parseElementList(oneOrMore(type), text, resolve)
      .filter(([key, value]) => now.get(key) === value)
      .map(([key]) => key);
  } catch (error) {
    if (!(error instanceof CtlError)) throw error;
    const { value: _, ...keys } = { ...oneOrMore(type), kind: 'set' as const };
    return parseElementList(keys, text, resolve).map(([key]) => key);
  }
}

/** `clear` (ovn-nbctl(8)). */
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
