/**
 * Makes the rows of a database what {@link DesiredRows} says, by natural key. Level-triggered: it compares what is desired with what the database
 * holds and yields the operations (RFC 7047 section 5.2) that make up the difference, whatever led to it. Columns that a desired row does not
 * name are others' and stay.
 */
import { type Datum, datumsEqual, isDefault } from '@weft/ovsdb/datum';
import type { Json, JsonObject } from '@weft/ovsdb/json';
import type { Row, RowChange } from '@weft/ovsdb/row';
import type { DatabaseSchema, TableSchema } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import { encodeDatum } from '@weft/ovsdb/wire';
import { Children, type DesiredRow, type DesiredTable } from './desired-rows.ts';

/** Operations that only make sense together, in one transaction. */
export type Unit = readonly JsonObject[];

/** No operation: a long loop that finds nothing to do yields it now and then, so that the event loop can be given back. */
export const breath: Unit = [];
/** How many rows a loop looks at between two breaths. */
export const rowsPerBreath = 500;

export interface TableSpec {
  readonly desired: DesiredTable;
  readonly schema: TableSchema;
  /** The key of a row of the database, or undefined for a row that is not ours. */
  readonly keyOf: (row: Row) => string | undefined;
  /** The uuid of a row that is to be inserted under a key. */
  readonly uuidOf: (key: string) => Uuid;
  /** The row under a key is gone, and nobody wants another. */
  readonly gone?: (key: string) => void;
  /** Columns that are others', and what they are while those have said nothing. */
  readonly initial?: DesiredRow;
  /** Others' columns that have to be reset when a row changes from what it is to what is wanted. */
  readonly reset?: (row: Row, wanted: DesiredRow) => DesiredRow | undefined;
  /** Whether rows that nobody desires are deleted, and rows that are desired are inserted. */
  readonly deletes: boolean;
  readonly inserts: boolean;
}

/** A set or map that differs in at most so many elements is mutated instead of written anew, if it is larger than twice that. */
const fewElements = 16;

export class TableReconciler {
  readonly spec: TableSpec;
  readonly #child: (table: string, uuid: Uuid) => Row | undefined;
  readonly #database: DatabaseSchema;
  readonly #rows = new Map<string, Row>();
  /** Further rows under a key that has one: relics, to be deleted. */
  readonly #duplicates = new Map<Uuid, string>();
  readonly #toUpsert = new Set<string>();
  readonly #toDelete = new Set<string>();

  constructor(spec: TableSpec, database: DatabaseSchema, child: (table: string, uuid: Uuid) => Row | undefined) {
    this.spec = spec;
    this.#database = database;
    this.#child = child;
  }

  get table(): string {
    return this.spec.desired.table;
  }

  get hasWork(): boolean {
    const { desired } = this.spec;
    return desired.hasChanged || this.#toUpsert.size > 0 || this.#toDelete.size > 0 || this.#duplicates.size > 0;
  }

  /** The row that the database has under a key. */
  row(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  /** A row of the database has changed. */
  observe({ uuid, old, new: next }: RowChange): void {
    const { desired, keyOf } = this.spec;
    const before = old && keyOf(old);
    const after = next && keyOf(next);
    if (before !== undefined && before !== after) {
      this.#duplicates.delete(uuid);
      if (this.#rows.get(before)?._uuid === uuid) this.#rows.delete(before);
      if (desired.get(before) !== undefined) desired.touch(before);
      else this.spec.gone?.(before);
    }
    if (next === undefined || after === undefined) return;
    const present = this.#rows.get(after);
    if (present !== undefined && present._uuid !== uuid) {
      this.#duplicates.set(uuid, after);
      return;
    }
    this.#rows.set(after, next);
    const wanted = desired.get(after);
    if (wanted === undefined ? this.spec.deletes : this.#difference(wanted, next) !== undefined) desired.touch(after);
  }

  /** Takes what has changed since the last call: what {@link deletions} and {@link upserts} then yield. */
  *prepare(): Iterable<Unit> {
    const { desired, deletes } = this.spec;
    let looked = 0;
    for (const key of desired.takeChanged()) {
      if (++looked % rowsPerBreath === 0) yield breath;
      if (desired.get(key) !== undefined) this.#toUpsert.add(key);
      else if (!this.#rows.has(key)) {
        // It came and went before it was written.
        this.spec.gone?.(key);
      } else if (deletes) this.#toDelete.add(key);
    }
  }

  *deletions(): Iterable<Unit> {
    for (const uuid of this.#duplicates.keys()) yield [this.#delete(uuid)];
    for (const key of take(this.#toDelete)) {
      const row = this.#rows.get(key);
      if (row !== undefined) yield [this.#delete(row._uuid)];
    }
  }

  *upserts(): Iterable<Unit> {
    let looked = 0;
    for (const key of take(this.#toUpsert)) {
      if (++looked % rowsPerBreath === 0) yield breath;
      const wanted = this.spec.desired.get(key);
      if (wanted === undefined) continue;
      const row = this.#rows.get(key);
      if (row !== undefined) {
        const operations = this.#difference(wanted, row);
        if (operations !== undefined) yield operations;
      } else if (this.spec.inserts) yield this.#insert(key, wanted);
    }
  }

  #delete(uuid: Uuid): JsonObject {
    return { op: 'delete', table: this.table, where: [['_uuid', '==', ['uuid', uuid]]] };
  }

  #insert(key: string, wanted: DesiredRow): Unit {
    const operations: JsonObject[] = [];
    const row: { [column: string]: Json } = {};
    const values: DesiredRow = { ...this.spec.initial, ...wanted };
    for (const column in values) {
      const value = values[column];
      // A new row has it anyway.
      if (this.#isDefault(column, value)) continue;
      const json = this.#encode(column, value, operations);
      if (json !== undefined) row[column] = json;
    }
    operations.push({ op: 'insert', table: this.table, uuid: this.spec.uuidOf(key), row });
    return operations;
  }

  /** The operations that turn `row` into what is wanted; undefined if there are none. */
  #difference(wanted: DesiredRow, row: Row): Unit | undefined {
    const operations: JsonObject[] = [];
    const changed: { [column: string]: Json } = {};
    const mutations: Json[] = [];
    for (const column in wanted) {
      const value = wanted[column];
      const present = row[column];
      if (value instanceof Children) {
        if (!this.#childrenEqual(value, present)) changed[column] = this.#encode(column, value, operations) ?? null;
      } else if (value !== present && !datumsEqual(value as Datum, present)) {
        const few = this.#mutations(column, value as Datum, present);
        if (few !== undefined) mutations.push(...few);
        else changed[column] = this.#encode(column, value, operations) ?? null;
      }
    }
    for (const [column, value] of Object.entries(this.spec.reset?.(row, wanted) ?? {})) {
      changed[column] = this.#encode(column, value, operations) ?? null;
    }
    // Others' columns that nobody has set, or that somebody has emptied.
    for (const [column, value] of Object.entries(this.spec.initial ?? {})) {
      if (row[column] === undefined) changed[column] = this.#encode(column, value, operations) ?? null;
    }
    const where = [['_uuid', '==', ['uuid', row._uuid]]];
    if (Object.keys(changed).length > 0) operations.push({ op: 'update', table: this.table, where, row: changed });
    if (mutations.length > 0) operations.push({ op: 'mutate', table: this.table, where, mutations });
    return operations.length > 0 ? operations : undefined;
  }

  /** A large set that gains or loses few members is not written whole. */
  #mutations(column: string, wanted: Datum, present: Datum): Json[] | undefined {
    const type = this.spec.schema.columns[column]?.type;
    if (type?.kind !== 'set' || !Array.isArray(wanted) || !Array.isArray(present)) return undefined;
    if (present.length <= 2 * fewElements) return undefined;
    const wantedSet = new Set(wanted);
    const presentSet = new Set(present);
    const added = wanted.filter((atom) => !presentSet.has(atom));
    const removed = present.filter((atom) => !wantedSet.has(atom));
    if (added.length + removed.length > fewElements) return undefined;
    const mutations: Json[] = [];
    if (removed.length > 0) mutations.push([column, 'delete', encodeDatum(type, removed)]);
    if (added.length > 0) mutations.push([column, 'insert', encodeDatum(type, added)]);
    return mutations;
  }

  #isDefault(column: string, value: unknown): boolean {
    if (value instanceof Children) return value.rows.length === 0;
    const type = this.spec.schema.columns[column]?.type;
    return type !== undefined && isDefault(type, value as Datum);
  }

  #encode(column: string, value: unknown, operations: JsonObject[]): Json | undefined {
    const type = this.spec.schema.columns[column]?.type;
    if (type === undefined) throw new Error(`${this.table} has no column ${column}`);
    if (!(value instanceof Children)) return encodeDatum(type, value as Datum);
    const schema = this.#database.tables[value.table];
    const names = value.rows.map((child, i) => {
      const name = `${column}_${operations.length}_${i}`;
      const row: { [column: string]: Json } = {};
      for (const [childColumn, datum] of Object.entries(child)) {
        const childType = schema?.columns[childColumn]?.type;
        if (childType !== undefined) row[childColumn] = encodeDatum(childType, datum as Datum);
      }
      operations.push({
        op: 'insert',
        table: value.table,
        'uuid-name': uniqueName(this.table, name, this.#serial++),
        row,
      });
      return operations.at(-1)?.['uuid-name'] as string;
    });
    return ['set', names.map((name) => ['named-uuid', name])];
  }

  #serial = 0;

  #childrenEqual(wanted: Children, present: Datum): boolean {
    const uuids = Array.isArray(present) ? (present as readonly Uuid[]) : [];
    if (uuids.length !== wanted.rows.length) return false;
    const rest = uuids.map((uuid) => this.#child(wanted.table, uuid));
    for (const child of wanted.rows) {
      const i = rest.findIndex(
        (row) =>
          row !== undefined &&
          Object.entries(child).every(([column, datum]) => datumsEqual(datum as Datum, row[column])),
      );
      if (i === -1) return false;
      rest.splice(i, 1);
    }
    return true;
  }
}

/** What is in the set, which is empty afterwards. */
function take<T>(set: Set<T>): readonly T[] {
  const items = [...set];
  set.clear();
  return items;
}

/** Names of rows are unique in a transaction, which several reconcilers fill. */
function uniqueName(table: string, name: string, serial: number): string {
  return `${table}_${name}_${serial}`;
}
