/** Rows of one table, with some of its columns, from what the server sends. */
import type { Datum } from '@weft/ovsdb/datum';
import type { JsonObject } from '@weft/ovsdb/json';
import { type Row, templateRow } from '@weft/ovsdb/row';
import type { TableSchema } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import { decodeDatum } from '@weft/ovsdb/wire';

/** What a server holds is valid, whatever the schema that we know says. */
export const asStored = { relaxed: true, lenient: true };

/** Reads a row of the table: a column that the JSON lacks has its default (`monitor_cond`, ovsdb-server(7)). */
export type RowReader = (uuid: Uuid, json: JsonObject) => Row;

/**
 * Makes the reader of rows with these columns. The rows inherit a getter for each column that was not fetched: to read one is a defect of the
 * command's `reads`.
 */
export function rowReader(table: string, schema: TableSchema, fetched: ReadonlySet<string>): RowReader {
  const prototype = {};
  const columns = Object.entries(schema.columns).filter(([name]) => fetched.has(name));
  for (const name of Object.keys(schema.columns)) if (!fetched.has(name)) refuse(prototype, table, name);
  const template = templateRow({ ...schema, columns: Object.fromEntries(columns) });
  return (uuid, json) => {
    const row = Object.setPrototypeOf({ ...template }, prototype) as { [column: string]: Datum; _uuid: Uuid };
    row._uuid = uuid;
    for (const [name, { type }] of columns) {
      const value = json[name];
      if (value !== undefined) row[name] = decodeDatum(type, value, asStored);
    }
    return row;
  };
}

function refuse(prototype: object, table: string, column: string): void {
  Object.defineProperty(prototype, column, {
    // A write makes it an own property.
    set(value: Datum) {
      Object.defineProperty(this, column, { value, writable: true, enumerable: true, configurable: true });
    },
    get() {
      throw new Error(`column ${column} of table ${table} is not among those that the command reads`);
    },
  });
}
