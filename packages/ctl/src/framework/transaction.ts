/**
 * The transaction that the commands of one command line build together: rows as the database has them under the changes made so far, so that
 * a command sees what those before it did. Reads throw `MissingRows` if the answer has not been fetched.
 */
import type { Atom } from '@weft/ovsdb/atom';
import { type Datum, datumsEqual, defaultDatum, toMap, toSet } from '@weft/ovsdb/datum';
import type { Json, JsonObject } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import { rowFactory } from '@weft/ovsdb/row-shape';
import type { ColumnType, DatabaseSchema, RowOf, TableName, TableSchema } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import { encodeAtom, encodeDatum } from '@weft/ovsdb/wire';
import { isOrdered, matches, type Query } from './query.ts';
import { replicaOrder, rowsInReplicaOrder } from './replica-order.ts';
import { MissingRows, type Snapshot } from './snapshot.ts';

/** A removal of what a set does not have is done, and said. */
const nothingToRemove = "Trying to delete a key that doesn't exist in the set.";

/** How one set or map column changes where the database merges the change into what it holds at that time. */
interface Merge {
  readonly insert: Map<Atom, Atom>;
  readonly remove: Set<Atom>;
}

interface Change {
  readonly table: string;
  readonly uuid: Uuid;
  /** As fetched; absent for a row that the transaction inserts. */
  readonly base?: Row;
  /** As it is now; undefined once deleted. */
  current: Row | undefined;
  /** Columns that are written whole. */
  readonly written: Set<string>;
  readonly merged: Map<string, Merge>;
  /** As `merged`, but not seen by reads. */
  readonly pending: Map<string, Merge>;
  /** The row keeps this uuid in the database (insert's `uuid` member, ovsdb-server(7)). */
  readonly fixedUuid: boolean;
}

export type Values<D extends DatabaseSchema, T extends TableName<D>> = {
  -readonly [C in keyof RowOf<D, T>]?: RowOf<D, T>[C];
};
type Columns<D extends DatabaseSchema, T extends TableName<D>> = keyof D['tables'][T]['columns'] & string;

/** The rows that a command line sees, and its changes to them. Reads of rows that are not at hand throw `MissingRows`. */
export class Transaction<D extends DatabaseSchema = DatabaseSchema> {
  readonly schema: D;
  readonly #snapshot: Snapshot;
  readonly #newUuid: () => Uuid;
  readonly #changes = new Map<Uuid, Change>();
  readonly #verified = new Map<string, JsonObject>();
  /** Operations beside those that follow from the changed rows. */
  readonly #forced: Json[] = [];

  constructor(schema: D, snapshot: Snapshot, newUuid: () => Uuid) {
    this.schema = schema;
    this.#snapshot = snapshot;
    this.#newUuid = newUuid;
  }

  /** All rows of a table, in the order in which a C client walks them. */
  all<T extends TableName<D>>(table: T): RowOf<D, T>[] {
    return this.select({ kind: 'all', table }) as unknown as RowOf<D, T>[];
  }

  /** All rows of a table, in any order: that asks less of the server. */
  rows<T extends TableName<D>>(table: T): RowOf<D, T>[] {
    return this.select({ kind: 'rows', table }) as unknown as RowOf<D, T>[];
  }

  /** The only row of a table that has at most one. */
  only<T extends TableName<D>>(table: T): RowOf<D, T> | undefined {
    return this.rows(table)[0];
  }

  get<T extends TableName<D>>(table: T, uuid: Uuid | undefined): RowOf<D, T> | undefined {
    if (uuid === undefined) return undefined;
    return this.select({ kind: 'uuid', table, uuid })[0] as unknown as RowOf<D, T> | undefined;
  }

  /**
   * The rows that a column of references names, in its order; those that are gone are left out. Rows that this transaction deletes are there
   * until it is committed.
   */
  many<T extends TableName<D>>(table: T, uuids: readonly Uuid[]): RowOf<D, T>[] {
    const rows: Row[] = [];
    const missing: Query[] = [];
    for (const uuid of uuids) {
      try {
        const change = this.#changes.get(uuid);
        const row =
          change?.table === table
            ? (change.current ?? change.base)
            : (this.#snapshot.find(table, uuid) ?? this.select({ kind: 'uuid', table, uuid })[0]);
        if (row !== undefined) rows.push(row);
      } catch (error) {
        if (!(error instanceof MissingRows)) throw error;
        missing.push(...error.queries);
      }
    }
    // Asked one by one only as long as that is less than the table.
    if (missing.length > 0) throw new MissingRows(missing.length > manyRows ? [{ kind: 'rows', table }] : missing);
    return rows as unknown as RowOf<D, T>[];
  }

  /** The rows whose column is, or contains, the atom. */
  holding<T extends TableName<D>>(table: T, column: Columns<D, T>, atom: Atom): RowOf<D, T>[] {
    return this.select({ kind: 'holds', table, column, atom }) as unknown as RowOf<D, T>[];
  }

  /** The rows whose set column will contain the atom when the transaction is committed, with what `mutateSet` does to it; the one that C finds is the first. */
  willHold<T extends TableName<D>>(table: T, column: Columns<D, T>, atom: Atom): RowOf<D, T>[] {
    const rows = new Map(this.holding(table, column, atom).map((row) => [row._uuid, row]));
    for (const change of this.#changes.values()) {
      const pending = change.table === table ? change.pending.get(column) : undefined;
      if (pending?.insert.has(atom)) rows.set(change.uuid, change.current as unknown as RowOf<D, T>);
      if (pending?.remove.has(atom)) rows.delete(change.uuid);
    }
    return this.inOrder(table, [...rows.values()]);
  }

  /** Some rows of a table, in the order in which a C client walks all of them. */
  inOrder<R extends { readonly _uuid: Uuid }>(table: string, rows: readonly R[]): R[] {
    if (rows.length < 2) return [...rows];
    const wanted = new Map(rows.map((row) => [row._uuid, row]));
    return this.select({ kind: 'ids', table }).flatMap((row) => wanted.get(row._uuid) ?? []);
  }

  /** Asks several questions in one round trip; each can then be read without waiting. */
  prefetch(queries: readonly Query[]): void {
    const missing = queries.filter((query) => !this.#knows(query));
    if (missing.length > 0) throw new MissingRows(missing);
  }

  #knows(query: Query): boolean {
    return (query.kind === 'uuid' && this.#changes.has(query.uuid)) || this.#snapshot.answer(query) !== undefined;
  }

  /** The rows that answer a query, with the transaction's changes. */
  select(query: Query): readonly Row[] {
    if (query.kind === 'uuid') {
      const change = this.#changes.get(query.uuid);
      if (change !== undefined && change.table === query.table) return change.current ? [change.current] : [];
    }
    // What the transaction has inserted the database does not know.
    const base = query.kind === 'holds' && this.isNew(query.atom as Uuid) ? [] : this.#snapshot.answer(query);
    if (base === undefined) throw new MissingRows([query]);
    const rows = this.#changes.size === 0 ? base : this.#withChanges(base, query);
    if (!isOrdered(query)) return rows;
    const entered = this.#snapshot.entered(query.table);
    if (entered === undefined && rows === base) return rowsInReplicaOrder(rows);
    return asWalked(rows, entered ?? base.map((row) => row._uuid));
  }

  /** What answers the query now, of which `base` did: changed rows keep their place, others follow. */
  #withChanges(base: readonly Row[], query: Query): readonly Row[] {
    const table = this.schema.tables[query.table]!;
    const rows = new Map(base.map((row) => [row._uuid, row]));
    for (const { table: of, uuid, current } of this.#changes.values()) {
      if (of !== query.table) continue;
      if (current !== undefined && matches(query, current, table)) rows.set(uuid, current);
      else rows.delete(uuid);
    }
    return [...rows.values()];
  }

  /** Inserts a row; the uuid returned stands for it in this transaction, and is the row's own for good only if it is `fixed`. */
  insert<T extends TableName<D>>(
    table: T,
    values: Values<D, T>,
    identity: { readonly uuid?: Uuid; readonly fixed?: boolean } = {},
  ): Uuid {
    const id = identity.uuid ?? this.#newUuid();
    const current = rowFactory(this.schema.tables[table]!)(id, values as { readonly [column: string]: Datum });
    this.#changes.set(id, {
      table,
      uuid: id,
      current,
      written: new Set(),
      merged: new Map(),
      pending: new Map(),
      fixedUuid: identity.fixed ?? false,
    });
    return id;
  }

  /** Writes whole columns. */
  update<T extends TableName<D>>(table: T, uuid: Uuid, values: Values<D, T>): void {
    const change = this.#change(table, uuid);
    const current = copy(change.current!);
    for (const [column, value] of Object.entries(values) as [string, Datum][]) {
      current[column] = value;
      change.merged.delete(column);
      change.written.add(column);
    }
    change.current = current;
  }

  /**
   * Adds to and removes from a set when the transaction is committed. Later commands of the line see the set as it was: so it is with the C
   * programs, whose command lines rely on it (a second `acl-add` of an ACL of the same line is no duplicate).
   */
  mutateSet<T extends TableName<D>>(
    table: T,
    uuid: Uuid,
    column: Columns<D, T>,
    edit: { readonly insert?: readonly Atom[]; readonly remove?: readonly Atom[] },
  ): void {
    const change = this.#change(table, uuid);
    const pending = mergeOf(change.pending, column);
    const now = change.current![column] as readonly Atom[];
    for (const atom of edit.remove ?? []) {
      if (!pending.insert.delete(atom) || now.includes(atom)) pending.remove.add(atom);
    }
    for (const atom of edit.insert ?? []) {
      pending.remove.delete(atom);
      pending.insert.set(atom, atom);
    }
  }

  /** Adds to and removes from a set, leaving alone what others do to it meanwhile. */
  editSet<T extends TableName<D>>(
    table: T,
    uuid: Uuid,
    column: Columns<D, T>,
    edit: { readonly insert?: readonly Atom[]; readonly remove?: readonly Atom[] },
  ): void {
    const change = this.#change(table, uuid);
    const atoms = new Set(change.current![column] as readonly Atom[]);
    for (const atom of edit.remove ?? []) atoms.delete(atom);
    for (const atom of edit.insert ?? []) atoms.add(atom);
    this.#merge(change, column, toSet(atoms), edit.insert?.map((atom) => [atom, atom]) ?? [], edit.remove ?? []);
  }

  /** Sets and removes pairs of a map, leaving alone what others do to it meanwhile. */
  mutateMap<T extends TableName<D>>(
    table: T,
    uuid: Uuid,
    column: Columns<D, T>,
    edit: { readonly insert?: Iterable<readonly [Atom, Atom]>; readonly remove?: readonly Atom[] },
  ): void {
    const change = this.#change(table, uuid);
    const map = new Map(change.current![column] as ReadonlyMap<Atom, Atom>);
    const insert = [...(edit.insert ?? [])];
    for (const key of edit.remove ?? []) map.delete(key);
    for (const [key, value] of insert) map.set(key, value);
    this.#merge(change, column, toMap(map), insert, edit.remove ?? []);
  }

  #merge(
    change: Change,
    column: string,
    value: Datum,
    insert: (readonly [Atom, Atom])[],
    remove: readonly Atom[],
  ): void {
    const current = copy(change.current!);
    current[column] = value;
    change.current = current;
    if (change.base === undefined || change.written.has(column)) return;
    const merge = mergeOf(change.merged, column);
    for (const atom of remove) {
      merge.insert.delete(atom);
      merge.remove.add(atom);
    }
    for (const [key, atom] of insert) {
      merge.remove.delete(key);
      merge.insert.set(key, atom);
    }
  }

  delete<T extends TableName<D>>(table: T, uuid: Uuid): void {
    const change = this.#changes.get(uuid) ?? this.#change(table, uuid);
    if (change.base === undefined) this.#changes.delete(uuid);
    else change.current = undefined;
  }

  /** The transaction fails, and is tried again, if another client changes these columns of the row before it is committed. */
  verify<T extends TableName<D>>(table: T, uuid: Uuid, columns: readonly Columns<D, T>[]): void {
    const base = this.#changes.get(uuid)?.base ?? this.#snapshot.answer({ kind: 'uuid', table, uuid })?.[0];
    if (base === undefined) return;
    for (const column of columns) {
      const type = this.schema.tables[table]!.columns[column]!.type;
      this.#verified.set(`${uuid}|${column}`, {
        op: 'wait',
        table,
        timeout: 0,
        where: [['_uuid', '==', ['uuid', uuid]]],
        columns: [column],
        until: '==',
        rows: [{ [column]: encodeDatum(type, base[column]) }],
      });
    }
  }

  /**
   * Sends an insertion as it is, for the database to refuse: what a column of one value cannot hold is refused there, not here.
   * Later commands do not see it.
   */
  insertRaw<T extends TableName<D>>(table: T, uuid: Uuid, column: Columns<D, T>, atoms: readonly Atom[]): void {
    const type = this.schema.tables[table]!.columns[column]!.type;
    const value: Json = ['set', atoms.map((atom) => this.#encodeAtom(type, atom))];
    const where: Json = [['_uuid', '==', this.isNew(uuid) ? ['named-uuid', rowName(uuid)] : ['uuid', uuid]]];
    this.#forced.push({ op: 'mutate', table, where, mutations: [[column, 'insert', value]] });
  }

  /** Has the row been inserted by this transaction? */
  isNew(uuid: Uuid): boolean {
    const change = this.#changes.get(uuid);
    return change !== undefined && change.base === undefined;
  }

  /** What is to be said of the transaction when it is sent, for the log. */
  warnings(): string[] {
    return [...this.#changes.values()].flatMap((change) =>
      [...change.pending].flatMap(([column, { remove }]) => {
        if (change.current === undefined) return [];
        const now = change.current[column] as readonly Atom[];
        return [...remove].filter((atom) => !now.includes(atom)).map(() => nothingToRemove);
      }),
    );
  }

  /** The operations of `transact`, the fewest that do it, and which of them insert which row. Empty if nothing changes. */
  operations(): { readonly operations: Json[]; readonly inserted: ReadonlyMap<number, Uuid> } {
    const changes: Json[] = [];
    const insertedAt = new Map<number, Uuid>();
    for (const change of this.#changes.values()) {
      const table = this.schema.tables[change.table]!;
      const where: Json = [['_uuid', '==', ['uuid', change.uuid]]];
      if (change.base === undefined) {
        insertedAt.set(changes.length, change.uuid);
        changes.push(this.#insertOperation(change, table));
        continue;
      }
      if (change.current === undefined) {
        // A row of another table goes when nothing refers to it any longer, and cannot before.
        if (!table.isRoot) continue;
        changes.push({ op: 'delete', table: change.table, where });
        continue;
      }
      const row: { [column: string]: Json } = {};
      for (const column of change.written) {
        const value = change.current[column];
        if (!datumsEqual(value, change.base[column])) row[column] = this.#encode(table.columns[column]!.type, value);
      }
      if (Object.keys(row).length > 0) changes.push({ op: 'update', table: change.table, where, row });
      const mutations = this.#mutations(change, table);
      if (mutations.length > 0) changes.push({ op: 'mutate', table: change.table, where, mutations });
    }
    if (changes.length === 0 && this.#forced.length === 0) return { operations: [], inserted: new Map() };
    const waits = [...this.#verified.values()];
    const inserted = new Map([...insertedAt].map(([index, uuid]) => [index + waits.length, uuid]));
    return { operations: [...waits, ...changes, ...this.#forced], inserted };
  }

  #insertOperation(change: Change, table: TableSchema): JsonObject {
    const row: { [column: string]: Json } = {};
    for (const [name, column] of Object.entries(table.columns)) {
      const value = withPending(change, name);
      if (!datumsEqual(value, defaultDatum(column.type))) row[name] = this.#encode(column.type, value);
    }
    const name = { 'uuid-name': rowName(change.uuid) };
    return { op: 'insert', table: change.table, ...name, ...(change.fixedUuid ? { uuid: change.uuid } : {}), row };
  }

  #mutations(change: Change, table: TableSchema): Json[] {
    const mutations: Json[] = [];
    const merges = [...change.merged].map(([column, merge]) => ({ column, merge, on: change.base! }));
    // What is not seen yet comes upon what is.
    for (const [column, merge] of change.pending) merges.push({ column, merge, on: change.current! });
    for (const { column, merge, on } of merges) {
      const type = table.columns[column]!.type;
      const key = (atom: Atom) => this.#encodeAtom(type, atom);
      const base = on[column] as ReadonlyMap<Atom, Atom> | readonly Atom[];
      const before =
        base instanceof Map ? (base as ReadonlyMap<Atom, Atom>) : new Map((base as readonly Atom[]).map((a) => [a, a]));
      // A key that stays with another value is removed first: "insert" does not replace values.
      const insert = [...merge.insert].filter(([k, v]) => before.get(k) !== v);
      const remove = [...merge.remove].filter((k) => before.has(k));
      if (type.kind === 'map') remove.push(...insert.map(([k]) => k).filter((k) => before.has(k)));
      if (remove.length > 0) mutations.push([column, 'delete', ['set', remove.map(key)]]);
      if (insert.length > 0) {
        const value: Json =
          type.kind === 'map'
            ? ['map', insert.map(([k, v]): Json => [key(k), encodeAtom(type.value!.type, v)])]
            : ['set', insert.map(([k]) => key(k))];
        mutations.push([column, 'insert', value]);
      }
    }
    return mutations;
  }

  #encode(type: ColumnType, value: Datum): Json {
    if (type.key.type !== 'uuid' && type.value?.type !== 'uuid') return encodeDatum(type, value);
    switch (type.kind) {
      case 'scalar':
        return this.#encodeAtom(type, value as Atom);
      case 'optional':
        return value === undefined ? ['set', []] : this.#encodeAtom(type, value as Atom);
      case 'set':
        return ['set', (value as readonly Atom[]).map((atom) => this.#encodeAtom(type, atom))];
      case 'map':
        return encodeDatum(type, value);
    }
  }

  #encodeAtom(type: ColumnType, atom: Atom): Json {
    if (type.key.type === 'uuid' && this.isNew(atom as Uuid)) return ['named-uuid', rowName(atom as Uuid)];
    return encodeAtom(type.key.type, atom);
  }

  #change(table: string, uuid: Uuid): Change {
    const known = this.#changes.get(uuid);
    if (known !== undefined) return known;
    const base = this.select({ kind: 'uuid', table, uuid })[0];
    if (base === undefined) throw new Error(`no row ${uuid} in table ${table}`);
    const change = {
      table,
      uuid,
      base,
      current: base,
      written: new Set<string>(),
      merged: new Map<string, Merge>(),
      pending: new Map<string, Merge>(),
      fixedUuid: false,
    };
    this.#changes.set(uuid, change);
    return change;
  }
}

function mergeOf(merges: Map<string, Merge>, column: string): Merge {
  let merge = merges.get(column);
  if (merge === undefined) {
    merge = { insert: new Map(), remove: new Set() };
    merges.set(column, merge);
  }
  return merge;
}

/** The value of a column when the transaction is committed. */
function withPending(change: Change, column: string): Datum {
  const value = change.current![column];
  const pending = change.pending.get(column);
  if (pending === undefined) return value;
  const atoms = (value as readonly Atom[]).filter((atom) => !pending.remove.has(atom));
  return toSet([...atoms, ...pending.insert.keys()]);
}

/** Above this many rows by uuid, the whole table in one piece costs less. */
const manyRows = 400;

/** RFC 7047 `<id>` by which the operations of one transaction name a row that one of them inserts. */
function rowName(uuid: Uuid): string {
  return `row${uuid.replaceAll('-', '_')}`;
}

function copy(row: Row): { [column: string]: Datum; _uuid: Uuid } {
  return Object.assign(Object.create(Object.getPrototypeOf(row)) as { _uuid: Uuid }, row);
}

/** Rows as a C program walks them, into whose replica these uuids entered, and then the rows that are new. */
function asWalked(rows: readonly Row[], entered: readonly Uuid[]): readonly Row[] {
  if (rows.length < 2) return rows;
  const byUuid = new Map(rows.map((row) => [row._uuid, row]));
  return replicaOrder([...new Set([...entered, ...byUuid.keys()])]).flatMap((uuid) => byUuid.get(uuid) ?? []);
}
