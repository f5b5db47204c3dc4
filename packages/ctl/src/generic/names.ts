/** Tables and columns by name: case and `-`/`_` do not matter, unique abbreviations are enough ("Identifying Tables, Records, and Columns"). */
import type { Datum } from '@weft/ovsdb/datum';
import type { Row } from '@weft/ovsdb/row';
import type { ColumnType, DatabaseSchema, TableSchema } from '@weft/ovsdb/schema';
import { CtlError } from '../framework/ctl-error.ts';

const normal = (name: string) => name.toLowerCase().replaceAll('-', '_');

/** Is this the whole name of the column `_uuid`, however it is written? */
export function isUuidColumn(text: string): boolean {
  return normal(text) === '_uuid';
}

function matching(text: string, names: readonly string[]): readonly string[] {
  const wanted = normal(text);
  if (wanted === '') return [];
  const exact = names.find((name) => normal(name) === wanted);
  return exact !== undefined ? [exact] : names.filter((name) => normal(name).startsWith(wanted));
}

export interface NamedTable {
  readonly name: string;
  readonly schema: TableSchema;
}

/**
 * The table that a name, or the beginning of one, stands for; case and the difference of `-` and `_` do not count.
 * @throws CtlError if there is none, or more than one
 */
export function findTable(schema: DatabaseSchema, text: string): NamedTable {
  const tables = Object.keys(schema.tables).sort();
  const found = matching(text, tables);
  if (found.length === 0) throw new CtlError(`unknown table "${text}"`, { mistyped: { word: text, known: tables } });
  if (found.length > 1) throw new CtlError(`"${text}" matches multiple table names: ${found.join(', ')}`);
  return { name: found[0]!, schema: schema.tables[found[0]!]! };
}

/** The type of `_uuid`, which no schema lists. */
export const uuidType: ColumnType = { kind: 'scalar', key: { type: 'uuid' }, min: 1, max: 1 };

/** What a client of a database adds to a table: the C program lists it as its last column, always zero. */
const added: { readonly [table: string]: string } = { Logical_Flow: 'hash' };
const addedType: ColumnType = { kind: 'scalar', key: { type: 'integer' }, min: 1, max: 1 };

/** Has the database this column? */
export function isStored(table: string, column: string): boolean {
  return added[table] !== column;
}

/** The columns of a table in the order in which they are shown, without `_uuid`. */
export function columnsOf(table: NamedTable): readonly string[] {
  return [
    ...Object.keys(table.schema.columns).sort(),
    ...(added[table.name] === undefined ? [] : [added[table.name]!]),
  ];
}

/** The type of a column, `_uuid` included. */
export function columnType(table: NamedTable, column: string): ColumnType {
  if (column === '_uuid') return uuidType;
  return isStored(table.name, column) ? table.schema.columns[column]!.type : addedType;
}

/** Reads the value of a column, `_uuid` included. */
export function columnReader(table: NamedTable, column: string): (row: Row) => Datum {
  return isStored(table.name, column) ? (row) => row[column] : () => 0;
}

/** @throws CtlError if the column cannot be changed once a row is there */
export function checkMutable(table: NamedTable, column: string): void {
  if (isStored(table.name, column) && table.schema.columns[column]!.mutable) return;
  throw new CtlError(`cannot modify read-only column ${column} in table ${table.name}`);
}

/** Finds a column; `_uuid` is one only where it is read. */
export function findColumn(table: NamedTable, text: string, readable: boolean): string {
  const names = columnsOf(table);
  const found = matching(text, readable ? ['_uuid', ...names] : names);
  if (found.length === 0) {
    const mistyped = { word: text, known: names };
    throw new CtlError(`${table.name} does not contain a column whose name matches "${text}"`, { mistyped });
  }
  if (found.length > 1) {
    throw new CtlError(`${table.name} contains more than one column whose name matches "${text}": ${found.join(', ')}`);
  }
  return found[0]!;
}
