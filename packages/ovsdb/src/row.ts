/** Rows and their changes. */
import { type Datum, defaultDatum } from './datum.ts';
import type { TableSchema } from './schema.ts';
import type { Uuid } from './uuid.ts';

/** An immutable row: a property for each column. A changed row shares the values of the columns that did not change. */
export interface Row {
  readonly _uuid: Uuid;
  readonly [column: string]: Datum;
}

/** Inserted if only `new` is there, deleted if only `old` is, else modified. */
export interface RowChange<R extends Row = Row> {
  readonly table: string;
  readonly uuid: Uuid;
  readonly old?: R;
  readonly new?: R;
}

/**
 * A row with every column at its default and no uuid, to be copied. It is parsed, not built: the engine gives parsed objects, and copies of them, its
 * compact layout however many columns there are; columns added one by one would make, beyond about a dozen, a hash table of each row.
 */
export function templateRow(table: TableSchema): Row {
  const names = ['_uuid', ...Object.keys(table.columns)];
  const row = JSON.parse(`{${names.map((name) => `${JSON.stringify(name)}:null`).join(',')}}`) as {
    _uuid: Uuid;
    [column: string]: Datum;
  };
  row._uuid = '';
  for (const [name, column] of Object.entries(table.columns)) row[name] = defaultDatum(column.type);
  return row;
}

/**
 * Builds rows of one table, all with the same properties in the same order, so that the engine keeps them in one compact shape.
 * Columns that `values` lacks get their defaults; what is no column is left out.
 */
export function rowFactory(table: TableSchema): (uuid: Uuid, values: { readonly [column: string]: Datum }) => Row {
  const template = templateRow(table);
  const names = Object.keys(table.columns);
  return (uuid, values) => {
    const row: { _uuid: Uuid; [column: string]: Datum } = { ...template, _uuid: uuid };
    for (const name of names) if (Object.hasOwn(values, name)) row[name] = values[name];
    return row;
  };
}
