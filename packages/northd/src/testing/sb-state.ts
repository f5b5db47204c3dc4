/**
 * For tests: a southbound database in memory that executes the operations that northd writes, a transaction at a time, and keeps what a server
 * keeps: unique indexes, strong references that must hold, weak ones that vanish, rows that live only while somebody refers to them.
 */
import type { Datum } from '@weft/ovsdb/datum';
import type { Json, JsonObject } from '@weft/ovsdb/json';
import { mutate, parseMutations } from '@weft/ovsdb/mutation';
import type { Row, RowChange } from '@weft/ovsdb/row';
import { rowFactory } from '@weft/ovsdb/row-shape';
import type { BaseType, TableSchema } from '@weft/ovsdb/schema';
import { decodeDatum } from '@weft/ovsdb/wire';
import { type SbTable, sb } from '@weft/schemas/sb';

type Rows = Map<string, Row>;

export class SbState {
  #tables = new Map<string, Rows>();
  #serial = 0;
  /** Operations executed so far, by `op table`. */
  readonly operations = new Map<string, number>();

  rows(table: SbTable): readonly Row[] {
    return [...(this.#tables.get(table)?.values() ?? [])];
  }

  get(table: string, uuid: string): Row | undefined {
    return this.#tables.get(table)?.get(uuid);
  }

  /** All rows, as a replica first hears of them. */
  content(): readonly RowChange[] {
    return [...this.#tables].flatMap(([table, rows]) => [...rows].map(([uuid, row]) => ({ table, uuid, new: row })));
  }

  /** Executes one transaction; throws if a server would refuse it, and then nothing has changed. Returns what a monitor is told. */
  transact(operations: readonly JsonObject[]): readonly RowChange[] {
    const before = this.#tables;
    this.#tables = new Map([...before].map(([table, rows]) => [table, new Map(rows)]));
    try {
      const names = new Map<string, string>();
      for (const op of operations) if (typeof op['uuid-name'] === 'string') names.set(op['uuid-name'], this.#fresh());
      for (const op of operations) this.#execute(op, names);
      this.#settle();
    } catch (error) {
      this.#tables = before;
      throw error;
    }
    return this.#changesSince(before);
  }

  #execute(op: JsonObject, names: ReadonlyMap<string, string>): void {
    const table = String(op.table);
    const kind = `${String(op.op)} ${table}`;
    this.operations.set(kind, (this.operations.get(kind) ?? 0) + 1);
    const schema = sb.tables[table as SbTable] as TableSchema;
    const resolve = (name: string): string => names.get(name) ?? fail(`no row is named ${name}`);
    const decode = (row: JsonObject): { [column: string]: Datum } =>
      Object.fromEntries(
        Object.entries(row).map(([column, json]) => {
          const type = schema.columns[column]?.type ?? fail(`${table} has no column ${column}`);
          return [column, decodeDatum(type, json, { resolve })];
        }),
      );
    const rows = this.#table(table);
    if (op.op === 'insert') {
      const uuid = typeof op.uuid === 'string' ? op.uuid : resolve(String(op['uuid-name']));
      if (rows.has(uuid)) fail(`duplicate uuid ${uuid} in ${table}`);
      rows.set(uuid, rowFactory(schema)(uuid, decode(op.row as JsonObject)));
      return;
    }
    const uuid = uuidOf(op.where as Json);
    const row = rows.get(uuid) ?? fail(`${table} has no row ${uuid}`);
    if (op.op === 'delete') rows.delete(uuid);
    else if (op.op === 'update') rows.set(uuid, { ...row, ...decode(op.row as JsonObject) });
    else if (op.op === 'mutate') {
      const next: { _uuid: string; [column: string]: Datum } = { ...row };
      for (const mutation of parseMutations(table, schema, op.mutations as Json)) {
        next[mutation.column] = mutate(mutation, next[mutation.column]);
      }
      rows.set(uuid, next);
    } else fail(`operation ${String(op.op)}`);
  }

  /** What a server does at commit: collects garbage, drops weak references, checks strong ones and indexes. */
  #settle(): void {
    while (this.#collect());
    for (const [table, rows] of this.#tables) {
      for (const [uuid, row] of rows) this.#settleRow(table, uuid, row);
      const seen = new Set<string>();
      for (const index of sb.tables[table as SbTable].indexes) {
        for (const row of rows.values()) {
          const key = JSON.stringify([index, index.map((column) => row[column])]);
          if (seen.has(key)) fail(`constraint violation: two rows of ${table} with ${key}`);
          seen.add(key);
        }
      }
    }
  }

  #collect(): boolean {
    const referenced = new Set<string>();
    this.#forEachReference((_table, _row, base, uuid) => {
      if (base.refType === 'strong') referenced.add(`${base.refTable} ${uuid}`);
    });
    let any = false;
    for (const [table, rows] of this.#tables) {
      if (sb.tables[table as SbTable].isRoot) continue;
      for (const uuid of rows.keys()) {
        if (referenced.has(`${table} ${uuid}`)) continue;
        rows.delete(uuid);
        any = true;
      }
    }
    return any;
  }

  #settleRow(table: string, uuid: string, row: Row): void {
    const schema = sb.tables[table as SbTable] as TableSchema;
    for (const [column, { type }] of Object.entries(schema.columns)) {
      const gone = [...references(type.key, row[column])].filter((ref) => !this.#exists(type.key, ref));
      if (gone.length === 0) continue;
      if (type.key.refType === 'strong') fail(`referential integrity: ${table} ${column} refers to ${gone}`);
      const value = row[column];
      const rest = Array.isArray(value) ? value.filter((ref) => !gone.includes(String(ref))) : undefined;
      this.#table(table).set(uuid, { ...(this.get(table, uuid) ?? row), [column]: rest });
    }
  }

  #forEachReference(visit: (table: string, row: Row, base: BaseType, uuid: string) => void): void {
    for (const [table, rows] of this.#tables) {
      for (const [column, { type }] of Object.entries((sb.tables[table as SbTable] as TableSchema).columns)) {
        for (const base of [type.key, type.value]) {
          if (base?.refTable === undefined) continue;
          for (const row of rows.values())
            for (const uuid of references(base, row[column])) visit(table, row, base, uuid);
        }
      }
    }
  }

  #exists(base: BaseType, uuid: string): boolean {
    return base.refTable === undefined || this.get(base.refTable, uuid) !== undefined;
  }

  #table(name: string): Rows {
    let rows = this.#tables.get(name);
    if (rows === undefined) {
      rows = new Map();
      this.#tables.set(name, rows);
    }
    return rows;
  }

  #changesSince(before: ReadonlyMap<string, Rows>): readonly RowChange[] {
    const changes: RowChange[] = [];
    for (const [table, rows] of this.#tables) {
      const old = before.get(table);
      for (const [uuid, row] of rows) {
        const previous = old?.get(uuid);
        if (previous !== row)
          changes.push({ table, uuid, new: row, ...(previous === undefined ? {} : { old: previous }) });
      }
      for (const [uuid, row] of old ?? []) if (!rows.has(uuid)) changes.push({ table, uuid, old: row });
    }
    return changes;
  }

  #fresh(): string {
    return `10000000-0000-4000-8000-${(++this.#serial).toString(16).padStart(12, '0')}`;
  }
}

function* references(base: BaseType, value: Datum): Iterable<string> {
  if (base.refTable === undefined || value === undefined) return;
  if (value instanceof Map) for (const member of value.values()) yield String(member);
  else if (Array.isArray(value)) for (const member of value) yield String(member);
  else yield String(value);
}

function uuidOf(where: Json): string {
  const [[column, relation, [, uuid]]] = where as [[string, string, [string, string]]];
  if (column !== '_uuid' || relation !== '==') fail(`condition ${JSON.stringify(where)}`);
  return uuid;
}

function fail(message: string): never {
  throw new Error(message);
}
