/** Rows of one table, with some of its columns, from what the server sends. */
import type { Datum } from '@weft/ovsdb/datum';
import type { Json, JsonObject } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import { type RowShape, rowShape } from '@weft/ovsdb/row-shape';
import type { ColumnType, TableSchema } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import { decodeDatum } from '@weft/ovsdb/wire';

/** What a server holds is valid, whatever the schema that we know says. */
const asStored = { relaxed: true, lenient: true };

/** A row that is being read. */
export interface RowToBe {
  readonly _uuid: Uuid;
  [column: string]: Datum;
}

/**
 * Reads rows with these columns. The rows inherit a getter for each column that was not fetched: to read one is a defect of the command's `reads`.
 */
export class RowReader {
  readonly #types: ReadonlyMap<string, ColumnType>;
  readonly #shape: RowShape;
  readonly #prototype: object | undefined;

  constructor(table: string, schema: TableSchema, fetched: ReadonlySet<string>) {
    const columns = Object.entries(schema.columns).filter(([name]) => fetched.has(name));
    this.#types = new Map(columns.map(([name, { type }]) => [name, type]));
    this.#shape = rowShape({ ...schema, columns: Object.fromEntries(columns) });
    const missing = Object.keys(schema.columns).filter((name) => !fetched.has(name));
    if (missing.length > 0) {
      this.#prototype = {};
      for (const name of missing) refuse(this.#prototype, table, name);
    }
  }

  /** A row with every column at its default. */
  blank(uuid: Uuid): RowToBe {
    const row = this.#shape.make(uuid);
    if (this.#prototype !== undefined) Object.setPrototypeOf(row, this.#prototype);
    return row;
  }

  /** Sets a column, as JSON has it. What is no column of those that were fetched is left out. */
  set(row: RowToBe, column: string, json: Json): void {
    const type = this.#types.get(column);
    if (type !== undefined) row[column] = decodeDatum(type, json, asStored);
  }

  /** Reads a row whose columns are the members of an object. */
  read(uuid: Uuid, json: JsonObject): Row {
    const row = this.blank(uuid);
    for (const name in json) this.set(row, name, json[name]!);
    return row;
  }
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
