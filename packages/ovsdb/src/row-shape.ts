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

const shapes = new WeakMap<TableSchema, RowShape>();

/** The rows have `_uuid` and the columns of `table`, in that order. The same table has the same shape wherever it is used. */
export function rowShape(table: TableSchema): RowShape {
  let shape = shapes.get(table);
  if (shape === undefined) {
    shape = writeShape(table);
    shapes.set(table, shape);
  }
  return shape;
}

/** Makes rows of values. Columns that `values` lacks get their defaults; what is no column is left out. */
export function rowFactory(table: TableSchema): (uuid: Uuid, values: { readonly [column: string]: Datum }) => Row {
  const { make } = rowShape(table);
  const names = Object.keys(table.columns);
  return (uuid, values) => {
    const row = make(uuid);
    for (const name of names) if (Object.hasOwn(values, name)) row[name] = values[name];
    return row;
  };
}

function writeShape(table: TableSchema): RowShape {
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
