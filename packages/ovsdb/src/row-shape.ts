/**
 * Makes the rows of one table in one shape, whoever makes them. An engine of JavaScript knows objects by their shape, and code that it has optimised for one
 * begins anew at another. Spread syntax gives copies of copies shapes of their own, a new one at each place, so rows are made by code that is written for
 * their table.
 */
import { type Datum, defaultDatum } from './datum.ts';
import type { Row } from './row.ts';
import type { TableSchema } from './schema.ts';
import type { Uuid } from './uuid.ts';

/** A row whose maker has not finished it yet. */
export interface UnfinishedRow {
  _uuid: Uuid;
  [column: string]: Datum;
}

export interface RowShape {
  /** A row with every column at its default. */
  readonly make: (uuid: Uuid) => UnfinishedRow;
  readonly copy: (row: Row) => UnfinishedRow;
}

/** The rows have `_uuid` and the columns of `table`, in that order. */
export function rowShape(table: TableSchema): RowShape {
  const columns = Object.entries(table.columns);
  // In brackets a name is that of a column, whatever else it means: __proto__.
  const name = (column: string): string => `[${JSON.stringify(column)}]`;
  const key = (column: string): string => (column === '__proto__' ? name(column) : JSON.stringify(column));
  const made = columns.map(([column], i) => `${key(column)}:defaults[${i}]`);
  const copied = columns.map(([column]) => `${key(column)}:row${name(column)}`);
  const factory = new Function(
    'defaults',
    `return{make:(uuid)=>({${['_uuid:uuid', ...made].join()}}),copy:(row)=>({${['_uuid:row._uuid', ...copied].join()}})}`,
  ) as (defaults: readonly Datum[]) => RowShape;
  return factory(columns.map(([, { type }]) => defaultDatum(type)));
}
