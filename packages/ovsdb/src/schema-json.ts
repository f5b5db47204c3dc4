/** Schemas as JSON: reading an .ovsschema, and writing one in the form that servers send (RFC 7047 section 3.2). */
import { type Atom, type AtomicType, atomicTypes } from './atom.ts';
import { toSet } from './datum.ts';
import { OvsdbError, syntaxError } from './error.ts';
import { isArray, isObject, type Json, type JsonObject } from './json.ts';
import { Members } from './members.ts';
import {
  type BaseType,
  type ColumnSchema,
  type ColumnType,
  columnType,
  type DatabaseSchema,
  type TableSchema,
} from './schema.ts';
import { decodeDatum, encodeSet, isId } from './wire.ts';

/** Counts have 32 bits; this one stands for "unlimited", and a type cannot say it as a number. */
const unlimited = 0xffffffff;
const minInt64 = -(2n ** 63n);
const maxInt64 = 2n ** 63n - 1n;

/**
 * Errors: `syntax error`, which names the member at fault in the words of ovsdb-tool; `constraint violation` for an enum value outside its own type;
 * `ovsdb error` for an enum with duplicates.
 */
export function parseSchema(json: unknown): DatabaseSchema {
  const members = new Members(json as Json, 'database schema');
  const name = members.id('name');
  const version = members.optional('version', () => members.string('version'));
  const cksum = members.optional('cksum', () => members.string('cksum'));
  const tables = members.object('tables');
  members.end();
  if (version !== undefined && !/^[0-9]+\.[0-9]+\.[0-9]+$/.test(version)) {
    throw syntaxError(members.json, `schema version "${version}" not in format x.y.z`);
  }
  // Without any isRoot every table is in the root set (RFC 7047 section 3.2).
  const allRoots = !Object.values(tables).some((table) => isObject(table) && table.isRoot === true);
  const result: { [table: string]: TableSchema } = {};
  for (const [tableName, table] of Object.entries(tables)) {
    checkName(tableName, members.json);
    result[tableName] = parseTable(table, tableName, allRoots);
  }
  for (const table of Object.values(result)) {
    for (const [column, { type }] of Object.entries(table.columns)) {
      checkReference(result, type.key, `${column} key`);
      checkReference(result, type.value, `${column} value`);
    }
  }
  return { name, version: version ?? '', ...(cksum === undefined || cksum === '' ? {} : { cksum }), tables: result };
}

function checkName(name: string, syntax: Json): void {
  if (name.startsWith('_')) throw syntaxError(syntax, 'names beginning with "_" are reserved');
  if (!isId(name)) throw syntaxError(syntax, 'name must be a valid id');
}

function checkReference(tables: { readonly [table: string]: TableSchema }, base: BaseType | undefined, where: string) {
  if (base?.refTable === undefined || Object.hasOwn(tables, base.refTable)) return;
  throw new OvsdbError('syntax error', `column ${where} refers to undefined table ${base.refTable}`);
}

function parseTable(json: Json, name: string, allRoots: boolean): TableSchema {
  const members = new Members(json, `table schema for table ${name}`);
  const columnsJson = members.object('columns');
  const maxRows = members.optional('maxRows', () => members.integer('maxRows'));
  const isRoot = members.optional('isRoot', () => members.boolean('isRoot'));
  const indexesJson = members.optional('indexes', () => members.array('indexes'));
  members.end();
  if (maxRows !== undefined && maxRows < 1) throw syntaxError(json, 'maxRows must be at least 1');
  const columns: { [column: string]: ColumnSchema } = {};
  for (const [column, columnJson] of Object.entries(columnsJson)) {
    checkName(column, json);
    columns[column] = parseColumn(columnJson, column);
  }
  if (Object.keys(columns).length === 0) throw syntaxError(json, 'table must have at least one column');
  const indexes = (indexesJson ?? []).map((index) => parseIndex(index, columns, json));
  const limit = maxRows === undefined || maxRows >= unlimited ? Number.POSITIVE_INFINITY : maxRows;
  return { columns, maxRows: limit, isRoot: allRoots || (isRoot ?? false), indexes };
}

function parseIndex(json: Json, columns: { readonly [column: string]: ColumnSchema }, table: Json): readonly string[] {
  const names = distinctNames(json);
  if (names === undefined) throw syntaxError(json, 'array of distinct column names expected');
  if (names.length === 0) throw syntaxError(table, 'index must have at least one column');
  for (const name of names) {
    if (name === '_uuid') continue;
    const column = Object.hasOwn(columns, name) ? columns[name] : undefined;
    if (column === undefined && name !== '_version') throw syntaxError(json, `${name} is not a valid column name`);
    if (column === undefined || column.ephemeral)
      throw syntaxError(table, `ephemeral columns (such as ${name}) may not be indexed`);
  }
  return names;
}

function distinctNames(json: Json): readonly string[] | undefined {
  if (!isArray(json) || !json.every((name) => typeof name === 'string')) return undefined;
  const names = json as readonly string[];
  return new Set(names).size === names.length ? names : undefined;
}

function parseColumn(json: Json, name: string): ColumnSchema {
  const members = new Members(json, `schema for column ${name}`);
  const mutable = members.optional('mutable', () => members.boolean('mutable'));
  const ephemeral = members.optional('ephemeral', () => members.boolean('ephemeral'));
  const typeJson = members.stringOrObject('type');
  members.end();
  const type = parseType(typeJson);
  const weak = type.key.refType === 'weak' || type.value?.refType === 'weak';
  return {
    type,
    ephemeral: ephemeral ?? false,
    // A weak reference vanishes with its row, so its column cannot be immutable (ovsdb-server(7) section 3.2).
    mutable: weak || (mutable ?? true),
  };
}

function parseType(json: string | JsonObject): ColumnType {
  if (typeof json === 'string') return columnType(parseBase(json), undefined, 1, 1);
  const members = new Members(json, 'ovsdb type');
  const key = members.stringOrObject('key');
  const value = members.optional('value', () => members.stringOrObject('value'));
  const min = members.optional('min', () => members.integer('min'));
  const max = members.optional('max', () => members.integerOrString('max'));
  members.end();
  const keyType = parseBase(key);
  const valueType = value === undefined ? undefined : parseBase(value);
  const n = size(min ?? 1);
  const m = max === 'unlimited' ? Number.POSITIVE_INFINITY : size(max ?? 1);
  if ((n !== 0 && n !== 1) || m < 1) throw syntaxError(json, 'ovsdb type fails constraint checks');
  return columnType(keyType, valueType, n, m);
}

function size(json: number | string): number {
  if (typeof json === 'string' || json < 0 || json >= unlimited) throw syntaxError(json, 'bad min or max value');
  return json;
}

function parseBase(json: string | JsonObject): BaseType {
  if (typeof json === 'string') return { type: atomicType(json) };
  const members = new Members(json, 'ovsdb type');
  const type = atomicType(members.string('type'));
  const values = members.optional('enum', () => members.any('enum'));
  const base =
    values === undefined ? { type, ...parseConstraints(members, type) } : { type, ...parseEnum(type, values) };
  members.end();
  return base;
}

function atomicType(name: string): AtomicType {
  const type = atomicTypes.find((known) => known === name);
  if (type === undefined) throw syntaxError(name, `"${name}" is not an atomic-type`);
  return type;
}

function parseEnum(type: AtomicType, values: Json): { readonly enum: readonly Atom[] } {
  const atoms = decodeDatum({ kind: 'set', key: { type }, min: 1, max: Number.POSITIVE_INFINITY }, values);
  return { enum: atoms as readonly Atom[] };
}

function parseConstraints(members: Members, type: AtomicType): Omit<BaseType, 'type'> {
  const integer = (name: string) => members.optional(name, () => members.integer(name));
  const bigInteger = (name: string) => members.optional(name, () => members.bigInteger(name));
  switch (type) {
    case 'integer':
      return range(
        members,
        'Integer',
        bound(bigInteger('minInteger'), minInt64),
        bound(bigInteger('maxInteger'), maxInt64),
      );
    case 'real': {
      const real = (name: string) => members.optional(name, () => members.number(name));
      const [min, max] = [real('minReal'), real('maxReal')];
      return range(
        members,
        'Real',
        min === -Number.MAX_VALUE ? undefined : min,
        max === Number.MAX_VALUE ? undefined : max,
      );
    }
    case 'string':
      return range(members, 'Length', length(integer('minLength'), 'min'), length(integer('maxLength'), 'max'));
    case 'uuid': {
      if (!members.has('refTable')) return {};
      const refTable = members.id('refTable');
      const refType = members.optional('refType', () => members.string('refType')) ?? 'strong';
      if (refType !== 'strong' && refType !== 'weak') {
        throw syntaxError(members.json, `refType must be "strong" or "weak" (not "${refType}")`);
      }
      return { refTable, refType };
    }
    case 'boolean':
      return {};
  }
}

function length(json: number | undefined, bound: 'min' | 'max'): number | undefined {
  if (json === undefined) return undefined;
  if (json < 0 || json > unlimited) throw syntaxError(json, `${bound}Length out of valid range 0 to ${unlimited}`);
  return json === (bound === 'min' ? 0 : unlimited) ? undefined : json;
}

/** A bound as an atom; the extreme of the type bounds nothing. */
function bound(json: number | bigint | undefined, extreme: bigint): number | bigint | undefined {
  if (json === undefined || BigInt(json) === extreme) return undefined;
  return Number.isSafeInteger(Number(json)) ? Number(json) : BigInt(json);
}

function range(
  members: Members,
  what: 'Integer' | 'Real' | 'Length',
  min: number | bigint | undefined,
  max: number | bigint | undefined,
) {
  if (min !== undefined && max !== undefined && min > max) {
    throw syntaxError(members.json, `min${what} exceeds max${what}`);
  }
  return {
    ...(min === undefined ? {} : { [`min${what}`]: min }),
    ...(max === undefined ? {} : { [`max${what}`]: max }),
  };
}

/** The schema as a server sends it: constraints and members at their defaults are left out. */
export function schemaToJson(schema: DatabaseSchema): JsonObject {
  const tables: { [name: string]: Json } = {};
  const allRoots = Object.values(schema.tables).every((table) => table.isRoot);
  for (const [name, table] of Object.entries(schema.tables)) {
    const columns: { [name: string]: Json } = {};
    for (const [column, columnSchema] of Object.entries(table.columns)) columns[column] = columnToJson(columnSchema);
    tables[name] = {
      columns,
      ...(table.isRoot && !allRoots ? { isRoot: true } : {}),
      ...(table.maxRows === Number.POSITIVE_INFINITY ? {} : { maxRows: table.maxRows }),
      ...(table.indexes.length === 0 ? {} : { indexes: table.indexes }),
    };
  }
  return {
    name: schema.name,
    ...(schema.version === '' ? {} : { version: schema.version }),
    ...(schema.cksum === undefined ? {} : { cksum: schema.cksum }),
    tables,
  };
}

function columnToJson(column: ColumnSchema): JsonObject {
  const { key, value, min, max } = column.type;
  const simple = value === undefined && min === 1 && max === 1;
  const keyJson = baseToJson(key);
  return {
    type:
      simple && typeof keyJson === 'string'
        ? keyJson
        : {
            key: keyJson,
            ...(value === undefined ? {} : { value: baseToJson(value) }),
            ...(min === 1 ? {} : { min }),
            ...(max === 1 ? {} : { max: max === Number.POSITIVE_INFINITY ? 'unlimited' : max }),
          },
    ...(column.ephemeral ? { ephemeral: true } : {}),
    ...(column.mutable ? {} : { mutable: false }),
  };
}

function baseToJson(base: BaseType): Json {
  const { type, enum: values, refTable, refType, ...bounds } = base;
  const json: { [member: string]: Json } = { type };
  for (const [bound, limit] of Object.entries(bounds)) json[bound] = limit;
  if (values !== undefined) json.enum = encodeSet(type, toSet(values));
  if (refTable !== undefined) json.refTable = refTable;
  if (refType === 'weak') json.refType = 'weak';
  return Object.keys(json).length === 1 ? type : json;
}
