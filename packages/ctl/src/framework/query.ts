/**
 * What a command asks of the database. Each query is one `select` (RFC 7047 section 5.2.2), so that a command fetches the rows that it needs
 * and never a table for the sake of one row.
 */
import type { Atom } from '@weft/ovsdb/atom';
import { type Datum, datumsEqual } from '@weft/ovsdb/datum';
import { unreachable } from '@weft/ovsdb/error';
import type { Json } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import type { ColumnType, TableSchema } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import { encodeAtom } from '@weft/ovsdb/wire';

export type Query =
  /** Every row of the table, in the order in which a C program walks them. */
  | { readonly kind: 'all'; readonly table: string }
  /** Every row of the table, in any order. */
  | { readonly kind: 'rows'; readonly table: string }
  /** The uuids of every row, and nothing else of them, in that order too. */
  | { readonly kind: 'ids'; readonly table: string }
  /** Every row of the table, with this column alone; of a map, only rows that have any pair. */
  | { readonly kind: 'column'; readonly table: string; readonly column: string }
  | { readonly kind: 'uuid'; readonly table: string; readonly uuid: Uuid }
  /** The column holds this atom: is it, or a set that has it. */
  | { readonly kind: 'holds'; readonly table: string; readonly column: string; readonly atom: Atom }
  /** The map column holds this pair. */
  | {
      readonly kind: 'pair';
      readonly table: string;
      readonly column: string;
      readonly key: string;
      readonly value: string;
    };

/** Equal for queries that ask the same. */
export function queryKey(query: Query): string {
  switch (query.kind) {
    case 'all':
    case 'rows':
    case 'ids':
      return `${query.table}|${query.kind}`;
    case 'column':
      return `${query.table}|column|${query.column}`;
    case 'uuid':
      return `${query.table}|uuid|${query.uuid}`;
    case 'holds':
      return `${query.table}|holds|${query.column}|${query.atom}`;
    case 'pair':
      return JSON.stringify([query.table, query.column, query.key, query.value]);
    default:
      return unreachable(query);
  }
}

/** The `where` of the query's `select`. */
export function whereOf(query: Query, table: TableSchema): Json {
  switch (query.kind) {
    case 'all':
    case 'rows':
    case 'ids':
      return [];
    case 'column':
      return isMap(table, query.column) ? [[query.column, '!=', ['map', []]]] : [];
    case 'uuid':
      return [['_uuid', '==', ['uuid', query.uuid]]];
    case 'holds': {
      const type = table.columns[query.column]!.type;
      const atom = encodeAtom(type.key.type, query.atom);
      return [[query.column, type.kind === 'scalar' ? '==' : 'includes', atom]];
    }
    case 'pair':
      return [[query.column, 'includes', ['map', [[query.key, query.value]]]]];
    default:
      return unreachable(query);
  }
}

/** Is `row` an answer to the query? */
export function matches(query: Query, row: Row, table: TableSchema): boolean {
  switch (query.kind) {
    case 'all':
    case 'rows':
    case 'ids':
      return true;
    case 'column':
      return !isMap(table, query.column) || (row[query.column] as ReadonlyMap<Atom, Atom>).size > 0;
    case 'uuid':
      return row._uuid === query.uuid;
    case 'holds':
      return holds(table.columns[query.column]!.type, row[query.column], query.atom);
    case 'pair':
      return (row[query.column] as ReadonlyMap<Atom, Atom>).get(query.key) === query.value;
    default:
      return unreachable(query);
  }
}

/** Does it ask for all rows of its table, whatever of them? */
export function isWhole(query: Query): boolean {
  return query.kind === 'rows' || isOrdered(query);
}

/** Does the order of what answers it count? */
export function isOrdered(query: Query): boolean {
  return query.kind === 'all' || query.kind === 'ids';
}

function isMap(table: TableSchema, column: string): boolean {
  return table.columns[column]?.type.kind === 'map';
}

function holds(type: ColumnType, datum: Datum, atom: Atom): boolean {
  return type.kind === 'set' ? (datum as readonly Atom[]).includes(atom) : datumsEqual(datum, atom);
}
