/** The rows of one table, with every index kept exact through each change, inside transactions too. */

import type { Atom } from '@weft/ovsdb/atom';
import { allHold, type Clause, type ColumnReader, type Condition, typeOfColumn } from '@weft/ovsdb/condition';
import { atomsOf, type Datum, defaultDatum } from '@weft/ovsdb/datum';
import type { Row } from '@weft/ovsdb/row';
import type { ColumnType, TableSchema } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import { absent, ColumnIndex, type Part } from './column-index.ts';
import { RowText } from './row-text.ts';
import { UniqueIndex } from './unique-index.ts';

/** A table smaller than this is scanned; an index would cost more than it saves. */
const smallTable = 32;

/** If an index leaves so few rows to look at, no other is asked. */
const fewRows = 8;

const bucketCount = 256;

/** By the first two digits of the uuid, which are random. */
export function bucketOf(uuid: Uuid): number {
  return hexDigit(uuid.charCodeAt(0)) * 16 + hexDigit(uuid.charCodeAt(1));
}

function hexDigit(code: number): number {
  return code >= 0x61 ? code - 0x57 : code - 0x30;
}

export class MemoryTable {
  readonly name: string;
  readonly schema: TableSchema;
  /** Those of the schema. */
  readonly columns: readonly string[];
  /** All columns, `_uuid` and `_version` first: what a `select` without `columns` shows. */
  readonly allColumns: readonly string[];
  /** Those that the store keeps. */
  readonly persistentColumns: readonly string[];
  readonly text: RowText;
  readonly uniques: readonly UniqueIndex[];
  readonly #rows = new Map<Uuid, Row>();
  readonly #indexes = new Map<string, ColumnIndex>();
  /** The same, to be gone through at each change. */
  readonly #indexed: { readonly column: string; readonly index: ColumnIndex; readonly sparse: boolean }[] = [];
  readonly #versions = new WeakMap<Row, Uuid>();
  readonly #newUuid: () => Uuid;
  #buckets: Map<Uuid, Row>[] | undefined;

  constructor(name: string, schema: TableSchema, newUuid: () => Uuid) {
    this.name = name;
    this.schema = schema;
    this.#newUuid = newUuid;
    this.columns = Object.keys(schema.columns);
    this.allColumns = ['_uuid', '_version', ...this.columns];
    this.persistentColumns = this.columns.filter((column) => !schema.columns[column]!.ephemeral);
    this.text = new RowText(schema, (row) => this.versionOf(row));
    this.uniques = schema.indexes.map((columns) => new UniqueIndex(columns));
  }

  get size(): number {
    return this.#rows.size;
  }

  get(uuid: Uuid): Row | undefined {
    return this.#rows.get(uuid);
  }

  rows(): IterableIterator<Row> {
    return this.#rows.values();
  }

  /** Rows are immutable, so a row's version is the identity of its object, and gets a name when somebody asks. */
  versionOf(row: Row): Uuid {
    let version = this.#versions.get(row);
    if (version === undefined) {
      version = this.#newUuid();
      this.#versions.set(row, version);
    }
    return version;
  }

  /** For a row that is not in the table, and is to be compared with those that are. */
  setVersion(row: Row, version: Uuid): void {
    this.#versions.set(row, version);
  }

  readonly read: ColumnReader = (row, column) => (column === '_version' ? this.versionOf(row) : row[column]);

  /** The rows in 256 parts of about equal size that a change of one row leaves alone, all but one. */
  buckets(): readonly ReadonlyMap<Uuid, Row>[] {
    if (this.#buckets === undefined) {
      this.#buckets = Array.from({ length: bucketCount }, () => new Map<Uuid, Row>());
      for (const [uuid, row] of this.#rows) this.#buckets[bucketOf(uuid)]!.set(uuid, row);
    }
    return this.#buckets;
  }

  /** Puts, replaces or (without `next`) removes a row. Returns what was there. `columns`: as in `TableChange`. */
  replace(uuid: Uuid, next: Row | undefined, columns: readonly string[] = this.columns): Row | undefined {
    const old = this.#rows.get(uuid);
    if (old === next) return old;
    if (next === undefined) this.#rows.delete(uuid);
    else this.#rows.set(uuid, next);
    if (this.#buckets !== undefined) {
      const bucket = this.#buckets[bucketOf(uuid)]!;
      if (next === undefined) bucket.delete(uuid);
      else bucket.set(uuid, next);
    }
    const modified = old !== undefined && next !== undefined;
    for (const unique of this.uniques) {
      if (!modified || unique.columns.some((column) => columns.includes(column))) unique.update(uuid, old, next);
    }
    for (const { column, index, sparse } of this.#indexed) {
      if ((modified || sparse) && !columns.includes(column)) continue;
      index.update(uuid, old === undefined ? absent : old[column], next === undefined ? absent : next[column]);
    }
    return old;
  }

  /** The index over a column, built now if it does not exist. */
  index(column: string, part: Part = 'key'): ColumnIndex {
    const name = part === 'key' ? column : `${column} values`;
    let index = this.#indexes.get(name);
    if (index === undefined) {
      index = new ColumnIndex(part);
      for (const row of this.#rows.values()) index.update(row._uuid, absent, row[column]);
      this.#indexes.set(name, index);
      this.#indexed.push({ column, index, sparse: isSparse(this.schema.columns[column]?.type) });
    }
    return index;
  }

  /** The rows for which all clauses hold. */
  matching(condition: Condition): Row[] {
    const rows: Row[] = [];
    for (const row of this.candidates(condition)) if (allHold(condition, row, this.read)) rows.push(row);
    return rows;
  }

  /** A superset of the rows for which all clauses hold, as small as an index makes it. */
  candidates(condition: Condition): Iterable<Row> {
    let best: Found | undefined;
    for (const clause of condition) {
      if (clause === false) return [];
      if (clause === true) continue;
      const found = this.#find(clause);
      if (found === undefined || (best !== undefined && best.count <= found.count)) continue;
      best = found;
      // To ask, or build, another index would cost more than it saves.
      if (best.count <= fewRows) break;
    }
    return (best === undefined ? undefined : this.#rowsOf(best)) ?? this.#rows.values();
  }

  /** A superset of the rows for which one of the clauses holds, each once. Many may lead to the same rows, which are looked up once. */
  candidatesForAny(clauses: Iterable<Clause>): Iterable<Row> {
    const candidates = new Set<Row>();
    const lookedUp = new Map<ColumnIndex | undefined, Set<Atom>>();
    for (const clause of clauses) {
      const found = this.#find(clause);
      // No index can tell which rows this one wants: look at all, and at once for all clauses.
      if (found === undefined) return this.#rows.values();
      const atoms = lookedUp.get(found.index) ?? new Set();
      lookedUp.set(found.index, atoms);
      if (atoms.has(found.atom)) continue;
      atoms.add(found.atom);
      const rows = this.#rowsOf(found);
      if (rows === undefined) return this.#rows.values();
      for (const row of rows) candidates.add(row);
    }
    return candidates;
  }

  /** Where to find the rows for which `clause` holds; undefined if no index can tell. */
  #find(clause: Clause): Found | undefined {
    const { column, argument } = clause;
    const atom = indexableAtom(this.schema, clause);
    if (atom === undefined) return undefined;
    if (column === '_uuid') return { index: undefined, atom, count: this.#rows.has(atom as Uuid) ? 1 : 0 };
    if (this.#rows.size < smallTable && !this.#indexes.has(column)) return undefined;
    const index = this.index(column);
    let best = { index, atom, count: index.count(atom) };
    if (best.count <= fewRows) return best;
    // A row must have all of them, so the rarest tells most.
    for (const [index, atom] of this.#placesOf(column, argument)) {
      const count = index.count(atom);
      if (count < best.count) best = { index, atom, count };
      if (count <= fewRows) break;
    }
    return best;
  }

  /** Where rows are found that have this set or map, or more. */
  *#placesOf(column: string, argument: Datum): Generator<readonly [ColumnIndex, Atom]> {
    if (Array.isArray(argument)) for (const atom of argument as readonly Atom[]) yield [this.index(column), atom];
    if (!(argument instanceof Map)) return;
    const pairs = argument as ReadonlyMap<Atom, Atom>;
    for (const key of pairs.keys()) yield [this.index(column), key];
    // Often all rows have the same keys.
    for (const value of pairs.values()) yield [this.index(column, 'value'), value];
  }

  /** Undefined if they are so many that to go through all rows is faster than to look each of them up. */
  #rowsOf({ index, atom, count }: Found): Row[] | undefined {
    if (index === undefined) return count === 0 ? [] : [this.#rows.get(atom as Uuid)!];
    if (count > smallTable && count * 4 > this.#rows.size) return undefined;
    const rows: Row[] = [];
    for (const uuid of index.get(atom)) rows.push(this.#rows.get(uuid)!);
    return rows;
  }
}

/** The rows that hold an atom. */
interface Found {
  /** Undefined: there is at most one, and the atom is its uuid. */
  readonly index: ColumnIndex | undefined;
  readonly atom: Atom;
  readonly count: number;
}

/** Is the default of a column of this type in no index? */
export function isSparse(type: ColumnType | undefined): boolean {
  return type !== undefined && atomsOf(type, defaultDatum(type)).length === 0;
}

/** An atom that every row for which the clause holds has in its column (as key, if it is a map); undefined if the clause implies none. */
export function indexableAtom(table: TableSchema, clause: Clause): Atom | undefined {
  if (clause.function !== '==' && clause.function !== 'includes') return undefined;
  if (clause.column === '_version' || typeOfColumn(table, clause.column) === undefined) return undefined;
  return firstAtom(clause.argument);
}

function firstAtom(datum: Datum): Atom | undefined {
  if (datum === undefined) return undefined;
  if (Array.isArray(datum)) return (datum as readonly Atom[])[0];
  if (datum instanceof Map) return (datum as ReadonlyMap<Atom, Atom>).keys().next().value;
  return datum as Atom;
}
