/**
 * The order in which rows enter the tables of a C program's replica, as watching the programs shows it; `replica-order.ts` has what becomes of it.
 *
 * - What is replicated are the columns that the program's commands need, and of the tables that these refer to at least which rows there are.
 * - The tables of the server's answer, and the rows of each, are taken as they lie in hash tables by their names.
 * - A row enters at its turn, or before that when a row is read that refers to it. Rows are read by ascending columns, sets by ascending uuids.
 * - A column that is not replicated has its default. If it must hold a reference, that is to the uuid of zeros, for which a place is kept too.
 */
import type { Atom } from '@weft/ovsdb/atom';
import type { Datum } from '@weft/ovsdb/datum';
import type { Row } from '@weft/ovsdb/row';
import type { ColumnType, DatabaseSchema } from '@weft/ovsdb/schema';
import { type Uuid, zeroUuid } from '@weft/ovsdb/uuid';
import { hashName, walk } from './replica-order.ts';
import type { WrittenRows } from './written-rows.ts';

/** Columns by table. */
export type ColumnsByTable = ReadonlyMap<string, ReadonlySet<string>>;

/** What a program replicates that needs these columns, as far as it decides in which order rows enter: tables, with their columns of references. */
export function replicatedReferences(schema: DatabaseSchema, columns: ColumnsByTable): ColumnsByTable {
  const replicated = new Map<string, Set<string>>([...columns.keys()].map((table) => [table, new Set()]));
  for (const [table, names] of columns) {
    for (const name of names) {
      const column = schema.tables[table]!.columns[name];
      for (const target of column === undefined ? [] : targets(column.type)) {
        replicated.get(table)!.add(name);
        if (!replicated.has(target)) replicated.set(target, new Set());
      }
    }
  }
  return replicated;
}

/**
 * What must be asked of a server to tell in which order rows enter `tables`: whole tables, with these columns.
 * @param replicated as from `replicatedReferences`
 */
export function asksForOrder(
  schema: DatabaseSchema,
  replicated: ColumnsByTable,
  tables: ReadonlySet<string>,
): ColumnsByTable {
  const referrers = referrersOf(schema, replicated, tables);
  if (referrers.length === 0) return new Map([...tables].map((table) => [table, new Set<string>()]));
  // Which table's turn comes first depends on all that have rows.
  const asked = new Map([...replicated.keys(), ...tables].map((table) => [table, new Set<string>()]));
  for (const table of referrers) {
    for (const { name, isReplicated } of referring(schema, replicated, table, tables))
      if (isReplicated) asked.get(table)!.add(name);
  }
  return asked;
}

/** The replicated tables whose rows refer to rows of `tables`. Where there are none, rows enter as `entersAlone` has them. */
export function referrersOf(
  schema: DatabaseSchema,
  replicated: ColumnsByTable,
  tables: ReadonlySet<string>,
): readonly string[] {
  return [...replicated.keys()].filter((table) => referring(schema, replicated, table, tables).length > 0);
}

/** The rows of a table that nothing refers to, in the order in which they enter. */
export function entersAlone(written: readonly Row[]): readonly Row[] {
  return walk(written, ({ _uuid }) => hashName(_uuid));
}

/** Tables in the order in which a C program asks for them: a server may answer in the same. */
export function askingOrder(tables: Iterable<string>): string[] {
  return walk([...tables].sort(), hashName);
}

/**
 * The uuids that enter each of `tables`, in the order in which they do.
 * @param replicated as from `replicatedReferences`
 * @param written the replicated tables, with their columns that refer to `tables` or more
 */
export function entryOrder(
  schema: DatabaseSchema,
  replicated: ColumnsByTable,
  written: WrittenRows,
  tables: Iterable<string>,
): ReadonlyMap<string, readonly Uuid[]> {
  const entered = new Map([...tables].map((table) => [table, new Set<Uuid>()]));
  for (const table of walk([...written.keys()], hashName)) {
    const own = entered.get(table);
    const columns = referring(schema, replicated, table, entered);
    if (own === undefined && columns.length === 0) continue;
    for (const row of entersAlone(written.get(table)!)) {
      own?.add(row._uuid);
      for (const { enter } of columns) enter(row, entered);
    }
  }
  return new Map([...entered].map(([table, uuids]) => [table, [...uuids]]));
}

/** A column that refers to rows. */
interface Referring {
  readonly name: string;
  readonly isReplicated: boolean;
  /** Has the rows enter their tables that a row refers to by it. */
  readonly enter: (row: Row, entered: ReadonlyMap<string, Set<Uuid>>) => void;
}

/** The columns of a table by which its rows refer to some of `tables`, ascending. */
function referring(
  schema: DatabaseSchema,
  replicated: ColumnsByTable,
  table: string,
  tables: { has(table: string): boolean },
): Referring[] {
  const { columns } = schema.tables[table]!;
  const found: Referring[] = [];
  for (const name of Object.keys(columns).sort()) {
    const { type } = columns[name]!;
    if (!targets(type).some((target) => tables.has(target))) continue;
    if (replicated.get(table)?.has(name)) {
      found.push({ name, isReplicated: true, enter: (row, entered) => enterAll(entered, type, row[name]) });
    } else if (type.min > 0) {
      const { refTable = '' } = type.key;
      found.push({ name, isReplicated: false, enter: (_, entered) => entered.get(refTable)?.add(zeroUuid) });
    }
  }
  return found;
}

function enterAll(entered: ReadonlyMap<string, Set<Uuid>>, { kind, key, value }: ColumnType, datum: Datum): void {
  const keys = entered.get(key.refTable ?? '');
  if (kind === 'map') {
    const values = entered.get(value?.refTable ?? '');
    for (const [from, to] of datum as ReadonlyMap<Atom, Atom>) {
      keys?.add(from as Uuid);
      values?.add(to as Uuid);
    }
  } else if (kind === 'set') {
    for (const atom of datum as readonly Atom[]) keys?.add(atom as Uuid);
  } else if (datum !== undefined) keys?.add(datum as Uuid);
}

/** The tables that a column of this type refers to. */
function targets({ key, value }: ColumnType): string[] {
  return [key.refTable, value?.refTable].filter((table) => table !== undefined);
}
