/**
 * One OVSDB table as an SQL table that people can query: scalars are SQL values, sets are JSON arrays, maps are JSON objects, an empty optional is NULL.
 * `_seq` is the number of the transaction that wrote the row.
 */
import type { Atom, AtomicType } from '@weft/ovsdb/atom';
import { type Datum, defaultDatum, toMap, toSet } from '@weft/ovsdb/datum';
import type { Row } from '@weft/ovsdb/row';
import type { ColumnType, TableSchema } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { MemoryTable } from '../memory-table.ts';
import type { Sqlite, Statement } from './load-sqlite.ts';

type SqlValue = string | number | bigint | null;

interface SqlColumn {
  readonly name: string;
  /** Quoted. */
  readonly sqlName: string;
  readonly type: ColumnType;
  readonly toSql: (datum: Datum) => SqlValue;
  /** An expression for `fromSql`, which is NULL for the default, as most of the columns of a database are: no values are made of those. */
  readonly expression: string;
  readonly fromSql: (value: string | number) => Datum;
}

/** A statement that writes some columns of a row; its parameters are these, the sequence number and the uuid. */
interface Put {
  readonly columns: readonly SqlColumn[];
  readonly statement: Statement;
}

/** Of a table. Each takes some kilobytes. */
const maxStatements = 32;

export class SqlTable {
  readonly name: string;
  /** Quoted. */
  readonly #sqlName: string;
  readonly #columns: readonly SqlColumn[];
  readonly #names: readonly string[];
  readonly #puts = new Map<string, Put>();
  #delete: Statement | undefined;
  readonly #db: Sqlite;

  constructor(db: Sqlite, name: string, sqlName: string, schema: TableSchema) {
    this.#db = db;
    this.name = name;
    this.#sqlName = quote(sqlName);
    const taken = new Set(['_uuid', '_seq']);
    this.#columns = Object.entries(schema.columns)
      .filter(([, column]) => !column.ephemeral)
      .map(([column, { type }]) => sqlColumn(column, quote(unused(column, taken)), type));
    this.#names = this.#columns.map(({ name }) => name);
  }

  /** Rows lie in the order in which they came, so that those which came together share pages: pages are what a commit costs. */
  create(): void {
    const columns = this.#columns.map(({ sqlName, type }) => `${sqlName} ${affinity(type)}`);
    const all = ['_uuid TEXT PRIMARY KEY NOT NULL', ...columns, '_seq INTEGER NOT NULL'];
    this.#db.exec(`CREATE TABLE ${this.#sqlName} (${all.join(', ')})`);
  }

  drop(): void {
    this.#db.exec(`DROP TABLE IF EXISTS ${this.#sqlName}`);
  }

  /**
   * Writes a row. `columns`: those in which it may differ from what the table has of it or, if it is new, from the defaults; without them the table may have
   * it or not.
   */
  put(row: Row, sequence: number, isNew = false, columns?: readonly string[]): void {
    const put = columns === undefined ? this.#put(this.#names, true) : this.#put(columns, isNew);
    const values: SqlValue[] = [];
    for (const { name, toSql } of put.columns) values.push(toSql(row[name]));
    values.push(sequence, row._uuid);
    // As arguments: to take an array apart costs the module more than the engine.
    put.statement.run(...values);
  }

  /** Transactions of one kind name the same columns, so there are few statements. */
  #put(names: readonly string[], isNew: boolean): Put {
    const key = isNew ? `new ${names.join()}` : names.join();
    let put = this.#puts.get(key);
    if (put === undefined) {
      if (this.#puts.size >= maxStatements && names !== this.#names) return this.#put(this.#names, true);
      put = this.#prepare(names, isNew);
      this.#puts.set(key, put);
    }
    return put;
  }

  #prepare(names: readonly string[], isNew: boolean): Put {
    const columns = this.#columns.filter(({ name }) => names.includes(name));
    const given = [...columns.map(({ sqlName }) => sqlName), '_seq'];
    if (!isNew) {
      const values = given.map((name) => `${name} = ?`).join(', ');
      return { columns, statement: this.#db.prepare(`UPDATE ${this.#sqlName} SET ${values} WHERE _uuid = ?`) };
    }
    const others = this.#columns.filter(({ name }) => !names.includes(name));
    const all = [...given, '_uuid', ...others.map(({ sqlName }) => sqlName)];
    const values = [
      ...given.map(() => '?'),
      '?',
      ...others.map(({ type, toSql }) => literal(toSql(defaultDatum(type)))),
    ];
    const statement = this.#db.prepare(
      `INSERT INTO ${this.#sqlName} (${all.join(', ')}) VALUES (${values.join(', ')}) ` +
        `ON CONFLICT (_uuid) DO UPDATE SET ${all.map((name) => `${name} = excluded.${name}`).join(', ')}`,
    );
    return { columns, statement };
  }

  delete(uuid: Uuid): void {
    this.#delete ??= this.#db.prepare(`DELETE FROM ${this.#sqlName} WHERE _uuid = ?`);
    this.#delete.run(uuid);
  }

  /** Reads all rows into memory; `onRow` gets the number of the transaction that wrote each. */
  load(table: MemoryTable, onRow: (row: Row, sequence: number) => void): void {
    const columns = this.#columns;
    const expressions = ['_uuid', '_seq', ...columns.map(({ expression }) => expression)];
    const select = this.#db.prepare(`SELECT ${expressions.join(', ')} FROM ${this.#sqlName}`).raw(true);
    for (const record of select.iterate() as IterableIterator<readonly (string | number | null)[]>) {
      const values: [string, Datum][] = [];
      for (let i = 0; i < columns.length; i++) {
        const value = record[i + 2]!;
        if (value !== null) values.push([columns[i]!.name, columns[i]!.fromSql(value)]);
      }
      onRow(table.text.make(record[0] as Uuid, values), record[1] as number);
    }
  }
}

/** SQL names differ in more than case; OVSDB's need not. */
export function unused(name: string, taken: Set<string>): string {
  const base = name.toLowerCase().startsWith('sqlite_') ? `t_${name}` : name;
  let candidate = base;
  for (let n = 2; taken.has(candidate.toLowerCase()); n++) candidate = `${base}_${n}`;
  taken.add(candidate.toLowerCase());
  return candidate;
}

/** A name as SQL wants it. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A value as SQL wants it. */
function literal(value: SqlValue): string {
  if (value === null) return 'NULL';
  return typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value);
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

function sqlColumn(name: string, sqlName: string, type: ColumnType): SqlColumn {
  const base = { name, sqlName, type };
  const key = type.key.type;
  switch (type.kind) {
    case 'scalar':
    case 'optional':
      return { ...base, toSql: scalarToSql, ...scalarReader(sqlName, type) };
    case 'set':
      return {
        ...base,
        toSql: setWriter(key),
        expression: type.min === 0 ? `NULLIF(${sqlName}, '[]')` : sqlName,
        fromSql: setReader(key),
      };
    case 'map':
      return {
        ...base,
        toSql: mapToSql,
        expression: type.min === 0 ? `NULLIF(${sqlName}, '{}')` : sqlName,
        fromSql: mapReader(key, type.value?.type ?? 'string'),
      };
  }
}

function scalarReader(sqlName: string, type: ColumnType): Pick<SqlColumn, 'expression' | 'fromSql'> {
  switch (type.key.type) {
    // As text, since a double does not hold all of them.
    case 'integer':
      return { expression: `CAST(${sqlName} AS TEXT)`, fromSql: (value) => toAtom('integer', value) };
    case 'boolean':
      return { expression: sqlName, fromSql: (value) => value === 1 };
    case 'string':
      // The default of an optional is no string.
      return { expression: type.kind === 'scalar' ? `NULLIF(${sqlName}, '')` : sqlName, fromSql: (value) => value };
    case 'real':
    case 'uuid':
      return { expression: sqlName, fromSql: (value) => value };
  }
}

function scalarToSql(datum: Datum): SqlValue {
  if (datum === undefined) return null;
  return typeof datum === 'boolean' ? Number(datum) : (datum as SqlValue);
}

function setWriter(type: AtomicType): (datum: Datum) => string {
  return (datum) => {
    const atoms = datum as readonly Atom[];
    if (atoms.length === 0) return '[]';
    // A switch has hundreds of ports, and a uuid nothing to escape.
    return type === 'uuid' ? `["${atoms.join('","')}"]` : `[${atoms.map(atomText).join(',')}]`;
  };
}

/** Strings, which most sets hold, are read as they are. */
function setReader(type: AtomicType): (value: string | number) => Datum {
  if (isText(type)) return (value) => toSet(JSON.parse(value as string) as string[]);
  return (value) => toSet((JSON.parse(value as string) as JsonAtom[]).map((atom) => toAtom(type, atom)));
}

function mapReader(keyType: AtomicType, valueType: AtomicType): (value: string | number) => Datum {
  const parse = (value: string | number) => JSON.parse(value as string) as { [key: string]: JsonAtom };
  if (isText(keyType) && isText(valueType)) return (value) => toMap(Object.entries(parse(value)) as [string, string][]);
  return (value) =>
    toMap(Object.entries(parse(value)).map(([k, v]) => [toAtom(keyType, k), toAtom(valueType, v)] as const));
}

function isText(type: AtomicType): boolean {
  return type === 'string' || type === 'uuid';
}

function mapToSql(datum: Datum): string {
  const map = datum as ReadonlyMap<Atom, Atom>;
  if (map.size === 0) return '{}';
  return `{${[...map].map(([key, value]) => `${JSON.stringify(String(key))}:${atomText(value)}`).join(',')}}`;
}

/** An integer beyond 2^53 goes as a string, which every JSON reader keeps. */
function atomText(atom: Atom): string {
  if (typeof atom === 'string') return JSON.stringify(atom);
  return typeof atom === 'bigint' ? `"${atom}"` : String(atom);
}

/** An atom in a JSON text; as a key of an object any atom is a string. */
type JsonAtom = string | number | boolean;

function toAtom(type: AtomicType, value: JsonAtom): Atom {
  switch (type) {
    case 'integer': {
      const number = Number(value);
      return Number.isSafeInteger(number) ? number : BigInt(value);
    }
    case 'real':
      return Number(value);
    case 'boolean':
      return value === true || value === 'true';
    case 'string':
    case 'uuid':
      return value;
  }
}
