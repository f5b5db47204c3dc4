/** The rows of one replicated table, and how the server's updates become new rows. No I/O. */

import { datumsEqual } from '@weft/ovsdb/datum';
import { applyDifference } from '@weft/ovsdb/diff';
import type { JsonObject } from '@weft/ovsdb/json';
import type { Row, RowChange } from '@weft/ovsdb/row';
import { type RowShape, rowShape, type UnfinishedRow } from '@weft/ovsdb/row-shape';
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
  readonly #shape: RowShape;
  readonly #rows = new Map<Uuid, Row>();

  constructor(name: string, schema: TableSchema) {
    this.name = name;
    this.schema = schema;
    this.#shape = rowShape(schema);
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
  decode(uuid: Uuid, json: JsonObject): UnfinishedRow {
    const row = this.#shape.make(uuid);
    for (const name in json) {
      const column = this.schema.columns[name];
      if (column !== undefined) row[name] = decodeDatum(column.type, json[name] ?? null, tolerant);
    }
    return row;
  }

  /** `old` with the differences of an update2 "modify" applied; `old` itself if there are none. */
  applyModify(old: Row, json: JsonObject): Row {
    let row: UnfinishedRow | undefined;
    for (const name in json) {
      const column = this.schema.columns[name];
      if (column === undefined) continue;
      const value = applyDifference(column.type, old[name], json[name] ?? null);
      if (datumsEqual(value, old[name])) continue;
      row ??= this.#shape.copy(old);
      row[name] = value;
    }
    return row ?? old;
  }

  /** `next` with the values of `old` where they are equal, or `old` itself if all are: identity says what changed. */
  share(old: Row, next: UnfinishedRow): Row {
    let changed = false;
    for (const name in this.schema.columns) {
      if (datumsEqual(old[name], next[name])) next[name] = old[name];
      else changed = true;
    }
    return changed ? next : old;
  }

  /** Makes a change visible. */
  commit(change: RowChange): void {
    if (change.new === undefined) this.#rows.delete(change.uuid);
    else this.#rows.set(change.uuid, change.new);
  }
}
