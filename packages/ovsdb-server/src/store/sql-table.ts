/**
 * One OVSDB table as an SQL table that people can query: scalars are SQL values, sets are JSON arrays, maps are JSON objects, an empty optional is NULL.
 * `_seq` is the number of the transaction that wrote the row.
 */
import type { Atom, AtomicType } from '@weft/ovsdb/atom';
import { type Datum, emptyMap, emptySet, toMap, toSet } from '@weft/ovsdb/datum';
import type { Row } from '@weft/ovsdb/row';
import type { ColumnType, TableSchema } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { MemoryTable } from '../memory-table.ts';
import type { Sqlite, Statement } from './load-sqlite.ts';

type SqlValue = string | number | bigint | null;

interface SqlColumn {
  readonly name: string;
  readonly sqlName: string;
  readonly type: ColumnType;
}

export class SqlTable {
  readonly name: string;
  readonly #sqlName: string;
  readonly #columns: readonly SqlColumn[];
  #put: Statement | undefined;
  #delete: Statement | undefined;
  readonly #db: Sqlite;

  constructor(db: Sqlite, name: string, sqlName: string, schema: TableSchema) {
    this.#db = db;
    this.name = name;
    this.#sqlName = sqlName;
    const taken = new Set(['_uuid', '_seq']);
    this.#columns = Object.entries(schema.columns)
      .filter(([, column]) => !column.ephemeral)
      .map(([column, { type }]) => ({ name: column, sqlName: unused(column, taken), type }));
  }

  create(): void {
    const columns = this.#columns.map(({ sqlName, type }) => `${quote(sqlName)} ${affinity(type)}`);
    this.#db.exec(
      `CREATE TABLE ${quote(this.#sqlName)} (${['_uuid TEXT PRIMARY KEY', ...columns, '_seq INTEGER NOT NULL'].join(', ')}) WITHOUT ROWID`,
    );
  }

  drop(): void {
    this.#db.exec(`DROP TABLE IF EXISTS ${quote(this.#sqlName)}`);
  }

  put(row: Row, sequence: number): void {
    this.#put ??= this.#db.prepare(
      `INSERT OR REPLACE INTO ${quote(this.#sqlName)} VALUES (${['?', ...this.#columns.map(() => '?'), '?'].join(',')})`,
    );
    const values: SqlValue[] = [row._uuid];
    for (const { name, type } of this.#columns) values.push(toSql(type, row[name]));
    values.push(sequence);
    this.#put.run(values);
  }

  delete(uuid: Uuid): void {
    this.#delete ??= this.#db.prepare(`DELETE FROM ${quote(this.#sqlName)} WHERE _uuid = ?`);
    this.#delete.run(uuid);
  }

  /** Reads all rows into memory; `onRow` gets the number of the transaction that wrote each. */
  load(table: MemoryTable, onRow: (row: Row, sequence: number) => void): void {
    const select = this.#db
      .prepare(`SELECT * FROM ${quote(this.#sqlName)}`)
      .raw(true)
      .safeIntegers(true);
    const columns = this.#columns;
    for (const record of select.iterate() as IterableIterator<readonly SqlValue[]>) {
      const values: [string, Datum][] = columns.map(({ name, type }, i) => [name, fromSql(type, record[i + 1]!)]);
      onRow(table.text.make(record[0] as Uuid, values), Number(record[columns.length + 1]));
    }
  }
}

/** SQL names differ in more than case; OVSDB's need not. */
export function unused(name: string, taken: Set<string>): string {
  let candidate = name.toLowerCase().startsWith('sqlite_') ? `t_${name}` : name;
  for (let n = 2; taken.has(candidate.toLowerCase()); n++) candidate = `${name}_${n}`;
  taken.add(candidate.toLowerCase());
  return candidate;
}

/** A name as SQL wants it. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function affinity(type: ColumnType): string {
  if (type.kind === 'set' || type.kind === 'map') return 'TEXT';
  switch (type.key.type) {
    case 'integer':
    case 'boolean':
      return 'INTEGER';
    case 'real':
      return 'REAL';
    case 'string':
    case 'uuid':
      return 'TEXT';
  }
}

function toSql(type: ColumnType, datum: Datum): SqlValue {
  switch (type.kind) {
    case 'scalar':
    case 'optional':
      if (datum === undefined) return null;
      return typeof datum === 'boolean' ? Number(datum) : (datum as SqlValue);
    case 'set': {
      const atoms = datum as readonly Atom[];
      if (atoms.length === 0) return '[]';
      // A switch has hundreds of ports, and a uuid nothing to escape.
      return type.key.type === 'uuid' ? `["${atoms.join('","')}"]` : `[${atoms.map(atomText).join(',')}]`;
    }
    case 'map': {
      const map = datum as ReadonlyMap<Atom, Atom>;
      if (map.size === 0) return '{}';
      return `{${[...map].map(([key, value]) => `${JSON.stringify(String(key))}:${atomText(value)}`).join(',')}}`;
    }
  }
}

/** An integer beyond 2^53 goes as a string, which every JSON reader keeps. */
function atomText(atom: Atom): string {
  if (typeof atom === 'string') return JSON.stringify(atom);
  return typeof atom === 'bigint' ? `"${atom}"` : String(atom);
}

function fromSql(type: ColumnType, value: SqlValue): Datum {
  switch (type.kind) {
    case 'scalar':
    case 'optional':
      return value === null ? undefined : toAtom(type.key.type, value);
    case 'set':
      if (value === '[]') return emptySet;
      return toSet((JSON.parse(value as string) as SqlValue[]).map((atom) => toAtom(type.key.type, atom)));
    case 'map': {
      if (value === '{}') return emptyMap as ReadonlyMap<Atom, Atom>;
      const valueType = type.value?.type ?? 'string';
      const object = JSON.parse(value as string) as { [key: string]: SqlValue };
      return toMap(Object.entries(object).map(([k, v]) => [toAtom(type.key.type, k), toAtom(valueType, v)] as const));
    }
  }
}

function toAtom(type: AtomicType, value: SqlValue | boolean): Atom {
  switch (type) {
    case 'integer': {
      if (typeof value === 'number') return value;
      const number = Number(value);
      return Number.isSafeInteger(number) ? number : BigInt(value as string | bigint);
    }
    case 'real':
      return Number(value);
    case 'boolean':
      return value === true || value === 'true' || value === 1n || value === 1;
    case 'string':
    case 'uuid':
      return value as string;
  }
}
