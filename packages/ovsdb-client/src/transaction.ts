/**
 * Builds one transaction from edits of typed rows, with the smallest operations that do it: only columns that differ, and of large sets and maps
 * only the members that come and go, so that two writers of one column do not undo each other.
 *
 *     const txn = replica.transaction();
 *     const port = txn.insert('Logical_Switch_Port', { name: 'p1' });
 *     txn.insertInto('Logical_Switch', ls._uuid, 'ports', [port]);
 *     await txn.commit();
 *     txn.uuidOf(port);
 */
import { randomUUID } from 'node:crypto';
import type { Atom } from '@weft/ovsdb/atom';
import { type Datum, datumsEqual, toMap, toSet } from '@weft/ovsdb/datum';
import type { Json, JsonObject } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import type { ColumnType, DatabaseSchema, RowOf, TableName } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import { encodeDatum } from '@weft/ovsdb/wire';
import { encodeKeys, memberChanges, normal, shape, unlimited } from './members.ts';

/** What a transaction needs of where it is used; a replica provides all of it. */
export interface TransactionContext {
  /** The row as far as it is known. */
  row?(table: string, uuid: Uuid): Row | undefined;
  /** Is the value in `row` the column's, or only its default? */
  monitored?(table: string, column: string): boolean;
  /** Does the server have the column? An older one may not; what cannot be written there is left out. */
  exists?(table: string, column: string): boolean;
  send(operations: readonly JsonObject[]): Promise<readonly JsonObject[]>;
}

/** Columns to write. A member that is there with the value undefined clears an optional column. */
export type Values<D extends DatabaseSchema, T extends TableName<D>> = Partial<Omit<RowOf<D, T>, '_uuid'>>;

/** Columns that hold a set of `E`, or a map. */
type Members<V> =
  V extends ReadonlyMap<infer K, infer E>
    ? ReadonlyMap<K, E>
    : V extends readonly (infer E)[]
      ? readonly E[]
      : readonly NonNullable<V>[];
type Keys<V> =
  V extends ReadonlyMap<infer K, infer E>
    ? readonly K[] | ReadonlyMap<K, E>
    : V extends readonly (infer E)[]
      ? readonly E[]
      : readonly NonNullable<V>[];

type Column<D extends DatabaseSchema, T extends TableName<D>> = keyof D['tables'][T]['columns'] & string;

interface Edit {
  readonly table: string;
  readonly uuid: Uuid;
  /** The `uuid-name` of a row that this transaction inserts. */
  readonly name: string | undefined;
  deleted: boolean;
  readonly values: Map<string, Datum>;
  /** Mutations in JSON, in their order. */
  mutations: Json[];
}

/** The value of a counter after `increment`; known once the transaction is committed. */
export interface Increment {
  readonly value: number | undefined;
}

export class Transaction<D extends DatabaseSchema> {
  readonly #schema: DatabaseSchema;
  readonly #context: TransactionContext;
  readonly #edits = new Map<string, Edit>();
  readonly #names = new Map<Uuid, string>();
  readonly #waits: JsonObject[] = [];
  readonly #raw: JsonObject[] = [];
  readonly #locks = new Set<string>();
  readonly #comments: string[] = [];
  readonly #increments: { table: string; uuid: Uuid; column: string; value: number | undefined }[] = [];
  readonly #uuids = new Map<Uuid, Uuid>();
  #sent = false;

  constructor(schema: D, context: TransactionContext) {
    this.#schema = schema;
    this.#context = context;
  }

  /** Inserts a row; the uuid returned stands for it in this transaction, and is its own only after `uuidOf`. */
  insert<T extends TableName<D>>(table: T, values: Values<D, T>): Uuid {
    const uuid = randomUUID();
    const name = `row${uuid.replaceAll('-', '_')}`;
    this.#names.set(uuid, name);
    const edit: Edit = { table, uuid, name, deleted: false, values: new Map(), mutations: [] };
    this.#edits.set(`${table}/${uuid}`, edit);
    this.#setAll(edit, values);
    return uuid;
  }

  /** Sets columns. What equals the row at hand is not sent. */
  update<T extends TableName<D>>(table: T, uuid: Uuid, values: Values<D, T>): void {
    this.#setAll(this.#edit(table, uuid), values);
  }

  /** Adds members to a set, or pairs to a map; a key that the map has keeps its value (RFC 7047 section 5.1, `<mutation>`). */
  insertInto<T extends TableName<D>, C extends Column<D, T>>(
    table: T,
    uuid: Uuid,
    column: C,
    members: Members<RowOf<D, T>[C & keyof RowOf<D, T>]>,
  ): void {
    const edit = this.#edit(table, uuid);
    const type = this.#type(table, column);
    const present = this.#pendingValue(edit, column, type);
    if (type.kind === 'map') {
      const pairs = members as unknown as ReadonlyMap<Atom, Atom>;
      if (present !== undefined) edit.values.set(column, toMap([...pairs, ...(present as ReadonlyMap<Atom, Atom>)]));
      else if (pairs.size > 0) this.#mutate(edit, column, 'insert', encodeDatum(unlimited(type), toMap(pairs)));
      return;
    }
    const atoms = members as unknown as readonly Atom[];
    if (present !== undefined) edit.values.set(column, shape(type, [...(present as readonly Atom[]), ...atoms]));
    else if (atoms.length > 0) this.#mutate(edit, column, 'insert', encodeDatum(unlimited(type), toSet(atoms)));
  }

  /** Removes members from a set; from a map the keys, or only the pairs, that are given. What is not there is no error. */
  deleteFrom<T extends TableName<D>, C extends Column<D, T>>(
    table: T,
    uuid: Uuid,
    column: C,
    members: Keys<RowOf<D, T>[C & keyof RowOf<D, T>]>,
  ): void {
    const edit = this.#edit(table, uuid);
    const type = this.#type(table, column);
    const present = this.#pendingValue(edit, column, type);
    if (members instanceof Map) {
      const pairs = members as ReadonlyMap<Atom, Atom>;
      if (present !== undefined) {
        const kept = [...(present as ReadonlyMap<Atom, Atom>)].filter(([key, value]) => pairs.get(key) !== value);
        edit.values.set(column, toMap(kept));
      } else if (pairs.size > 0) this.#mutate(edit, column, 'delete', encodeDatum(unlimited(type), toMap(pairs)));
      return;
    }
    const atoms = members as unknown as readonly Atom[];
    if (present !== undefined) {
      const gone = new Set(atoms);
      if (type.kind === 'map') {
        edit.values.set(column, toMap([...(present as ReadonlyMap<Atom, Atom>)].filter(([key]) => !gone.has(key))));
      } else {
        edit.values.set(
          column,
          shape(
            type,
            (present as readonly Atom[]).filter((atom) => !gone.has(atom)),
          ),
        );
      }
    } else if (atoms.length > 0) this.#mutate(edit, column, 'delete', encodeKeys(type, atoms));
  }

  /** Adds to an integer, whatever it is by then; the result carries the new value once the transaction is committed. */
  increment<T extends TableName<D>>(table: T, uuid: Uuid, column: Column<D, T>, by = 1): Increment {
    this.#mutate(this.#edit(table, uuid), column, '+=', by);
    const increment = { table, uuid, column, value: undefined };
    this.#increments.push(increment);
    return increment;
  }

  delete<T extends TableName<D>>(table: T, uuid: Uuid): void {
    const edit = this.#edit(table, uuid);
    if (edit.name === undefined) edit.deleted = true;
    else {
      this.#edits.delete(`${table}/${uuid}`);
      this.#names.delete(uuid);
    }
  }

  /** Lets the commit fail with ConflictError unless the columns still hold what the row at hand holds. */
  verify<T extends TableName<D>>(table: T, uuid: Uuid, ...columns: readonly Column<D, T>[]): void {
    const row = this.#context.row?.(table, uuid);
    if (this.#names.has(uuid)) return;
    const where = [['_uuid', '==', ['uuid', uuid]]];
    if (row === undefined) {
      // It is known to be gone: then it must still be so.
      this.#waits.push({ op: 'wait', timeout: 0, table, where, columns: [], until: '==', rows: [] });
      return;
    }
    const expected: { [column: string]: Json } = {};
    // A column that the server lacks cannot have changed.
    const there = columns.filter((column) => this.#exists(table, column));
    for (const column of there) expected[column] = encodeDatum(this.#type(table, column), row[column]);
    this.#waits.push({ op: 'wait', timeout: 0, table, where, columns: there, until: '==', rows: [expected] });
  }

  /** The commit fails with "not owner" unless this client holds the lock. */
  assertLock(name: string): void {
    this.#locks.add(name);
  }

  /** Goes into the server's log of transactions. */
  comment(text: string): void {
    this.#comments.push(text);
  }

  /** Any other operation of RFC 7047 section 5.2; they come last, in this order. */
  add(operation: JsonObject): void {
    this.#raw.push(operation);
  }

  /** Nothing would change. */
  get empty(): boolean {
    return this.#raw.length === 0 && this.#changes().length === 0;
  }

  /** RFC 7047 section 5.2: assertions and waits first, then the edits in the order in which rows were first touched. */
  operations(): readonly JsonObject[] {
    return this.#build().operations;
  }

  /**
   * Sends the transaction; without edits nothing is sent. Once: to try again is to build anew, from the rows as they are then.
   * @throws what the context's `send` throws.
   */
  async commit(): Promise<readonly JsonObject[]> {
    if (this.#sent) throw new Error('the transaction has been sent already');
    this.#sent = true;
    if (this.empty && this.#waits.length === 0) return [];
    const { operations, inserts, selects } = this.#build();
    const results = await this.#context.send(operations);
    for (const [index, uuid] of inserts) {
      const result = results[index]?.uuid;
      if (Array.isArray(result) && typeof result[1] === 'string') this.#uuids.set(uuid, result[1]);
    }
    for (const [index, increment] of selects) {
      const rows = results[index]?.rows;
      const row: unknown = Array.isArray(rows) ? rows[0] : undefined;
      const value = (row as JsonObject | undefined)?.[increment.column];
      if (typeof value === 'number') increment.value = value;
    }
    return results;
  }

  /** The uuid that the server gave to an inserted row; any other uuid as it is. */
  uuidOf(uuid: Uuid): Uuid {
    return this.#uuids.get(uuid) ?? uuid;
  }

  #edit(table: string, uuid: Uuid): Edit {
    const key = `${table}/${uuid}`;
    let edit = this.#edits.get(key);
    if (edit === undefined) {
      edit = { table, uuid, name: undefined, deleted: false, values: new Map(), mutations: [] };
      this.#edits.set(key, edit);
    }
    return edit;
  }

  #type(table: string, column: string): ColumnType {
    const type = this.#schema.tables[table]?.columns[column]?.type;
    if (type === undefined) throw new Error(`no column ${column} in table ${table}`);
    return type;
  }

  #setAll(edit: Edit, values: { readonly [column: string]: unknown }): void {
    for (const [column, value] of Object.entries(values)) {
      const type = this.#type(edit.table, column);
      edit.values.set(column, normal(type, value as Datum));
      // What came before has no effect any more.
      edit.mutations = edit.mutations.filter((mutation) => (mutation as readonly Json[])[0] !== column);
    }
  }

  /** The whole value that this transaction gives to the column, as a set or map; undefined if it gives none. */
  #pendingValue(edit: Edit, column: string, type: ColumnType): Datum {
    if (!edit.values.has(column)) {
      if (edit.name === undefined) return undefined;
      return type.kind === 'map' ? new Map<Atom, Atom>() : [];
    }
    const value = edit.values.get(column);
    if (type.kind === 'map' || type.kind === 'set') return value;
    return value === undefined ? [] : [value as Atom];
  }

  #mutate(edit: Edit, column: string, mutator: string, argument: Json): void {
    edit.mutations.push([column, mutator, argument]);
  }

  #changes(): readonly { readonly edit: Edit; readonly operation: JsonObject }[] {
    const changes: { edit: Edit; operation: JsonObject }[] = [];
    for (const edit of this.#edits.values()) {
      const where: Json = [['_uuid', '==', ['uuid', edit.uuid]]];
      const { table } = edit;
      if (edit.deleted) {
        changes.push({ edit, operation: { op: 'delete', table, where } });
        continue;
      }
      if (edit.name !== undefined) {
        const row = this.#rowJson(edit, edit.values);
        changes.push({ edit, operation: { op: 'insert', table, 'uuid-name': edit.name, row } });
        const mutations = this.#mutationsJson(edit, edit.mutations);
        if (mutations.length > 0) {
          const named: Json = [['_uuid', '==', ['named-uuid', edit.name]]];
          changes.push({ edit, operation: { op: 'mutate', table, where: named, mutations } });
        }
        continue;
      }
      const { values, mutations } = this.#smallest(edit);
      const row = this.#rowJson(edit, values);
      if (Object.keys(row).length > 0) changes.push({ edit, operation: { op: 'update', table, where, row } });
      if (mutations.length > 0) changes.push({ edit, operation: { op: 'mutate', table, where, mutations } });
    }
    return changes;
  }

  /** What is left of an edit when the row at hand is taken into account: whole values, and members of sets and maps. */
  #smallest(edit: Edit): { values: Map<string, Datum>; mutations: readonly Json[] } {
    const row = this.#context.row?.(edit.table, edit.uuid);
    const values = new Map<string, Datum>();
    const mutations: Json[] = [];
    for (const [column, value] of edit.values) {
      const known = row !== undefined && (this.#context.monitored?.(edit.table, column) ?? false);
      if (!known) {
        values.set(column, value);
        continue;
      }
      const old = row[column];
      if (datumsEqual(old, value)) continue;
      const type = this.#type(edit.table, column);
      const partial = memberChanges(column, type, old, value);
      if (partial === undefined) values.set(column, value);
      else mutations.push(...partial);
    }
    return { values, mutations: this.#mutationsJson(edit, [...mutations, ...edit.mutations]) };
  }

  #rowJson(edit: Edit, values: ReadonlyMap<string, Datum>): JsonObject {
    const row: { [column: string]: Json } = {};
    for (const [column, value] of values) {
      if (!this.#exists(edit.table, column)) continue;
      const type = this.#type(edit.table, column);
      row[column] = this.#named(type, encodeDatum(type, value));
    }
    return row;
  }

  #mutationsJson(edit: Edit, mutations: readonly Json[]): readonly Json[] {
    const result: Json[] = [];
    for (const mutation of mutations) {
      const [column, mutator, argument] = mutation as readonly [string, string, Json];
      if (!this.#exists(edit.table, column)) continue;
      result.push([column, mutator, this.#named(this.#type(edit.table, column), argument)]);
    }
    return result;
  }

  #exists(table: string, column: string): boolean {
    return this.#context.exists?.(table, column) ?? true;
  }

  /** Writes the uuids of rows that this transaction inserts as named uuids. */
  #named(type: ColumnType, json: Json): Json {
    if (this.#names.size === 0 || (type.key.type !== 'uuid' && type.value?.type !== 'uuid')) return json;
    const walk = (value: Json): Json => {
      if (!Array.isArray(value)) return value;
      const list = value as readonly Json[];
      if (list.length === 2 && list[0] === 'uuid' && typeof list[1] === 'string') {
        const name = this.#names.get(list[1]);
        return name === undefined ? value : ['named-uuid', name];
      }
      return list.map(walk);
    };
    return walk(json);
  }

  #build(): {
    operations: readonly JsonObject[];
    inserts: readonly (readonly [number, Uuid])[];
    selects: readonly (readonly [number, { column: string; value: number | undefined }])[];
  } {
    const operations: JsonObject[] = [...this.#locks].map((lock) => ({ op: 'assert', lock }));
    operations.push(...this.#waits);
    const inserts: (readonly [number, Uuid])[] = [];
    for (const { edit, operation } of this.#changes()) {
      if (operation.op === 'insert') inserts.push([operations.length, edit.uuid]);
      operations.push(operation);
    }
    const selects: (readonly [number, { column: string; value: number | undefined }])[] = [];
    for (const increment of this.#increments) {
      const edit = this.#edits.get(`${increment.table}/${increment.uuid}`);
      // The row does not outlive the transaction, or the server does not have the column.
      if (edit === undefined || edit.deleted || !this.#exists(increment.table, increment.column)) continue;
      const name = this.#names.get(increment.uuid);
      const where: Json = [['_uuid', '==', name === undefined ? ['uuid', increment.uuid] : ['named-uuid', name]]];
      selects.push([operations.length, increment]);
      operations.push({ op: 'select', table: increment.table, where, columns: [increment.column] });
    }
    operations.push(...this.#raw);
    if (this.#comments.length > 0) operations.push({ op: 'comment', comment: this.#comments.join('\n') });
    return { operations, inserts, selects };
  }
}
