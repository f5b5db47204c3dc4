/**
 * Database schemas (RFC 7047 section 3.2) and the little language in which `@weft/schemas` writes them. The type of a table's rows is inferred
 * from its columns:
 *
 *     const db = database('Inventory', '1.0.0', {
 *       Shelf: table({ name: column(string()), items: set(ref('Item')), labels: map(string(), string()) }, { isRoot: true, indexes: [['name']] }),
 *       Item: table({ weight: optional(integer({ min: 0 })) }),
 *     });
 *     type Shelf = RowOf<typeof db, 'Shelf'>; // { _uuid, name: string, items: readonly Uuid[], labels: ReadonlyMap<string, string> }
 */
import type { Atom, AtomicType } from './atom.ts';
import type { Uuid } from './uuid.ts';

export type RefType = 'strong' | 'weak';

/** RFC 7047 `<base-type>`. */
export interface BaseType {
  readonly type: AtomicType;
  readonly enum?: readonly Atom[];
  /** Beyond 2^53 a bigint, as an atom is. */
  readonly minInteger?: number | bigint;
  readonly maxInteger?: number | bigint;
  readonly minReal?: number;
  readonly maxReal?: number;
  /** In characters. */
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly refTable?: string;
  /** Set exactly if `refTable` is. */
  readonly refType?: RefType;
}

/** Decides the shape of a column's values in memory; follows from the other fields of the type. */
export type ColumnKind = 'scalar' | 'optional' | 'set' | 'map';

/** RFC 7047 `<type>`. */
export interface ColumnType {
  readonly kind: ColumnKind;
  readonly key: BaseType;
  readonly value?: BaseType;
  readonly min: 0 | 1;
  /** At least 1; Infinity for "unlimited". */
  readonly max: number;
}

export interface ColumnSchema {
  readonly type: ColumnType;
  readonly ephemeral: boolean;
  readonly mutable: boolean;
}

export interface TableSchema {
  readonly columns: { readonly [column: string]: ColumnSchema };
  /** At least 1; Infinity without a limit. */
  readonly maxRows: number;
  readonly isRoot: boolean;
  readonly indexes: readonly (readonly string[])[];
}

export interface DatabaseSchema {
  readonly name: string;
  readonly version: string;
  readonly cksum?: string;
  readonly tables: { readonly [table: string]: TableSchema };
}

/** Exists only for the type checker: carries the TypeScript type of a base type or column. */
declare const carried: unique symbol;

export interface TypedBase<V> extends BaseType {
  readonly [carried]?: V;
}

export interface Column<V> extends ColumnSchema {
  readonly [carried]?: V;
}

type Columns = { readonly [column: string]: Column<unknown> };

export interface TypedTable<C extends Columns> extends TableSchema {
  readonly columns: C;
}

type Tables = { readonly [table: string]: TypedTable<Columns> };

export interface TypedDatabase<T extends Tables> extends DatabaseSchema {
  readonly tables: T;
}

/** The names of a database's tables. */
export type TableName<D extends DatabaseSchema> = keyof D['tables'] & string;

/** The row type of one table. */
export type RowOf<D extends DatabaseSchema, T extends TableName<D>> = { readonly _uuid: Uuid } & {
  readonly [C in keyof D['tables'][T]['columns']]: D['tables'][T]['columns'][C] extends Column<infer V> ? V : never;
};

interface IntegerRange {
  readonly min?: number;
  readonly max?: number;
}

/** The base type `integer`. */
export function integer(range: IntegerRange = {}): TypedBase<number> {
  return {
    type: 'integer',
    ...(range.min === undefined ? {} : { minInteger: range.min }),
    ...(range.max === undefined ? {} : { maxInteger: range.max }),
  };
}

/** The base type `real`. */
export function real(range: { readonly min?: number; readonly max?: number } = {}): TypedBase<number> {
  return {
    type: 'real',
    ...(range.min === undefined ? {} : { minReal: range.min }),
    ...(range.max === undefined ? {} : { maxReal: range.max }),
  };
}

/** The base type `boolean`. */
export function boolean(): TypedBase<boolean> {
  return { type: 'boolean' };
}

/** Lengths are in characters. */
export function string(length: { readonly minLength?: number; readonly maxLength?: number } = {}): TypedBase<string> {
  return { type: 'string', ...length };
}

/** The base type `uuid`. */
export function uuid(): TypedBase<Uuid> {
  return { type: 'uuid' };
}

/** One of these strings, or one of these integers. */
export function oneOf<const V extends string | number>(...values: readonly V[]): TypedBase<V> {
  return { type: typeof values[0] === 'number' ? 'integer' : 'string', enum: values };
}

/** A reference to a row. A row that a strong reference names cannot be deleted; a weak reference vanishes with its row. */
export function ref(refTable: string, refType: RefType = 'strong'): TypedBase<Uuid> {
  return { type: 'uuid', refTable, refType };
}

interface ColumnOptions {
  readonly ephemeral?: boolean;
  readonly mutable?: boolean;
}

interface SizeOptions extends ColumnOptions {
  readonly min?: 0 | 1;
  readonly max?: number;
}

/** Exactly one value. */
export function column<V>(base: TypedBase<V>, options: ColumnOptions = {}): Column<V> {
  return make(columnType(base, undefined, 1, 1), options);
}

/** One value or none. */
export function optional<V>(base: TypedBase<V>, options: ColumnOptions = {}): Column<V | undefined> {
  return make(columnType(base, undefined, 0, 1), options);
}

/** A set of `min` (0 if absent) to `max` (without limit if absent) values; the limit must be above 1. */
export function set<V>(base: TypedBase<V>, options: SizeOptions = {}): Column<readonly V[]> {
  return make(columnType(base, undefined, options.min ?? 0, options.max ?? Number.POSITIVE_INFINITY), options);
}

/** A map of `min` (0 if absent) to `max` (without limit if absent) pairs. */
export function map<K, V>(
  key: TypedBase<K>,
  value: TypedBase<V>,
  options: SizeOptions = {},
): Column<ReadonlyMap<K, V>> {
  return make(columnType(key, value, options.min ?? 0, options.max ?? Number.POSITIVE_INFINITY), options);
}

interface TableOptions {
  readonly maxRows?: number;
  readonly isRoot?: boolean;
  readonly indexes?: readonly (readonly string[])[];
}

/** A table of a schema; without `isRoot` its rows live as long as something refers to them. */
export function table<C extends Columns>(columns: C, options: TableOptions = {}): TypedTable<C> {
  return {
    columns,
    maxRows: options.maxRows ?? Number.POSITIVE_INFINITY,
    isRoot: options.isRoot ?? false,
    indexes: options.indexes ?? [],
  };
}

/** A whole schema (RFC 7047 `<database-schema>`). */
export function database<T extends Tables>(
  name: string,
  version: string,
  tables: T,
  options: { readonly cksum?: string } = {},
): TypedDatabase<T> {
  return { name, version, ...(options.cksum === undefined ? {} : { cksum: options.cksum }), tables };
}

/** Builds a column type; `kind` follows from the rest. */
export function columnType(key: BaseType, value: BaseType | undefined, min: 0 | 1, max: number): ColumnType {
  const kind = value !== undefined ? 'map' : max > 1 ? 'set' : min === 1 ? 'scalar' : 'optional';
  return value === undefined ? { kind, key, min, max } : { kind, key, value, min, max };
}

function make(type: ColumnType, options: ColumnOptions): ColumnSchema {
  return { type, ephemeral: options.ephemeral ?? false, mutable: options.mutable ?? true };
}
