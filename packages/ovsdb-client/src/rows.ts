/** The rows of one replicated table, and how the server's updates become new rows. No I/O. */

import { type Datum, datumsEqual, defaultDatum } from '@weft/ovsdb/datum';
import { applyDifference } from '@weft/ovsdb/diff';
import type { JsonObject } from '@weft/ovsdb/json';
import type { Row, RowChange } from '@weft/ovsdb/row';
import type { TableSchema } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import { decodeDatum } from '@weft/ovsdb/wire';

/** What readers see of a table. */
export interface TableView<R> {
  get(uuid: Uuid): R | undefined;
  rows(): IterableIterator<R>;
  readonly size: number;
}

// A newer server may know values that our schema's constraints exclude; it has checked them by its own.
const tolerant = { relaxed: true, lenient: true } as const;

export class RowTable implements TableView<Row> {
  readonly name: string;
  readonly schema: TableSchema;
  /** A row with every column at its default, in the compact form that an engine gives to objects that it has seen whole. */
  readonly #template: Row;
  readonly #rows = new Map<Uuid, Row>();

  constructor(name: string, schema: TableSchema) {
    this.name = name;
    this.schema = schema;
    this.#template = templateRow(schema);
  }

  get(uuid: Uuid): Row | undefined {
    return this.#rows.get(uuid);
  }

  rows(): IterableIterator<Row> {
    return this.#rows.values();
  }

  get size(): number {
    return this.#rows.size;
  }

  uuids(): IterableIterator<Uuid> {
    return this.#rows.keys();
  }

  /** A whole row from JSON; columns that it lacks have their defaults, those that we do not know are skipped. */
  decode(uuid: Uuid, json: JsonObject): Row {
    // Columns added one by one would make, beyond a dozen, a hash table of each row: several times as large and as slow as a copy.
    const row: { _uuid: Uuid; [column: string]: Datum } = { ...this.#template };
    row._uuid = uuid;
    for (const name in json) {
      const column = this.schema.columns[name];
      if (column !== undefined) row[name] = decodeDatum(column.type, json[name] ?? null, tolerant);
    }
    return row;
  }

  /** `old` with the differences of an update2 "modify" applied; `old` itself if there are none. */
  applyModify(old: Row, json: JsonObject): Row {
    let row: { _uuid: Uuid; [column: string]: Datum } | undefined;
    for (const name in json) {
      const column = this.schema.columns[name];
      if (column === undefined) continue;
      const value = applyDifference(column.type, old[name], json[name] ?? null);
      if (datumsEqual(value, old[name])) continue;
      row ??= { ...old };
      row[name] = value;
    }
    return row ?? old;
  }

  /** `next` with the values of `old` where they are equal, or `old` itself if all are: identity says what changed. */
  share(old: Row, next: Row): Row {
    let changed = false;
    const shared: { _uuid: Uuid; [column: string]: Datum } = { ...next };
    for (const name in this.schema.columns) {
      if (datumsEqual(old[name], next[name])) shared[name] = old[name];
      else changed = true;
    }
    return changed ? shared : old;
  }

  /** Makes a change visible. */
  commit(change: RowChange): void {
    if (change.new === undefined) this.#rows.delete(change.uuid);
    else this.#rows.set(change.uuid, change.new);
  }
}

function templateRow(schema: TableSchema): Row {
  const names = ['_uuid', ...Object.keys(schema.columns)];
  const row = JSON.parse(`{${names.map((name) => `${JSON.stringify(name)}:null`).join(',')}}`) as {
    _uuid: Uuid;
    [column: string]: Datum;
  };
  row._uuid = '';
  for (const [name, column] of Object.entries(schema.columns)) row[name] = defaultDatum(column.type);
  return row;
}
