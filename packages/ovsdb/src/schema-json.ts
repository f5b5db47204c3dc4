/** Schemas as JSON: reading an .ovsschema, and writing one in the form that servers send (RFC 7047 section 3.2). */
import { z } from 'zod';
import type { Atom } from './atom.ts';
import { OvsdbError } from './error.ts';
import type { Json, JsonObject } from './json.ts';
import { type BaseType, type ColumnSchema, columnType, type DatabaseSchema, type TableSchema } from './schema.ts';
import { decodeSet, encodeAtom } from './wire.ts';

const atomicType = z.enum(['integer', 'real', 'boolean', 'string', 'uuid']);

const baseTypeObject = z.strictObject({
  type: atomicType,
  enum: z.json().optional(),
  minInteger: z.number().optional(),
  maxInteger: z.number().optional(),
  minReal: z.number().optional(),
  maxReal: z.number().optional(),
  minLength: z.int().min(0).optional(),
  maxLength: z.int().min(0).optional(),
  refTable: z.string().optional(),
  refType: z.enum(['strong', 'weak']).optional(),
});

const baseType = z.union([atomicType, baseTypeObject]);

const typeObject = z.strictObject({
  key: baseType,
  value: baseType.optional(),
  min: z.union([z.literal(0), z.literal(1)]).optional(),
  max: z.union([z.int().min(1), z.literal('unlimited')]).optional(),
});

const columnObject = z.strictObject({
  type: z.union([atomicType, typeObject]),
  ephemeral: z.boolean().optional(),
  mutable: z.boolean().optional(),
});

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;
const columnName = z.string().regex(identifier, 'is not an <id>');

const tableObject = z.strictObject({
  columns: z.record(columnName, columnObject),
  maxRows: z.int().min(1).optional(),
  isRoot: z.boolean().optional(),
  indexes: z.array(z.array(z.string()).min(1)).optional(),
});

const schemaObject = z.strictObject({
  name: columnName,
  version: z
    .string()
    .regex(/^[0-9]+\.[0-9]+\.[0-9]+$/, 'is not of the form x.y.z')
    .optional(),
  cksum: z.string().optional(),
  tables: z.record(columnName, tableObject),
});

/** Errors: `syntax error`, which names the member at fault; `constraint violation` for an enum value outside its own type. */
export function parseSchema(json: unknown): DatabaseSchema {
  const parsed = schemaObject.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = issue === undefined || issue.path.length === 0 ? '' : ` ${issue.path.join('.')}:`;
    throw invalid(`${where} ${issue?.message ?? 'is not a schema'}`);
  }
  const { name, version, cksum, tables } = parsed.data;
  // Without any isRoot every table is in the root set (RFC 7047 section 3.2).
  const allRoots = !Object.values(tables).some((table) => table.isRoot === true);
  const result: { [table: string]: TableSchema } = {};
  for (const [tableName, table] of Object.entries(tables)) {
    if (tableName.startsWith('_')) throw invalid(` ${tableName}: names beginning with "_" are reserved`);
    const columns: { [column: string]: ColumnSchema } = {};
    for (const [column, json] of Object.entries(table.columns)) {
      if (column.startsWith('_')) throw invalid(` ${tableName}.${column}: names beginning with "_" are reserved`);
      columns[column] = parseColumn(json, `${tableName}.${column}`);
    }
    const indexes = table.indexes ?? [];
    for (const index of indexes) {
      for (const column of index) {
        const schema = columns[column];
        if (schema === undefined) throw invalid(` ${tableName}.indexes: no column ${column}`);
        if (schema.ephemeral) throw invalid(` ${tableName}.indexes: column ${column} is ephemeral`);
      }
    }
    result[tableName] = {
      columns,
      maxRows: table.maxRows ?? Number.POSITIVE_INFINITY,
      isRoot: allRoots || (table.isRoot ?? false),
      indexes,
    };
  }
  for (const [tableName, table] of Object.entries(result)) {
    for (const [column, { type }] of Object.entries(table.columns)) {
      for (const base of [type.key, type.value]) {
        if (base?.refTable !== undefined && result[base.refTable] === undefined) {
          throw invalid(` ${tableName}.${column}: refers to undefined table ${base.refTable}`);
        }
      }
    }
  }
  return { name, version: version ?? '', ...(cksum === undefined ? {} : { cksum }), tables: result };
}

function parseColumn(json: z.infer<typeof columnObject>, where: string): ColumnSchema {
  const type = typeof json.type === 'string' ? { key: json.type } : json.type;
  const key = parseBase(type.key, where);
  const value = type.value === undefined ? undefined : parseBase(type.value, where);
  const max = type.max === 'unlimited' ? Number.POSITIVE_INFINITY : (type.max ?? 1);
  const weak = key.refType === 'weak' || value?.refType === 'weak';
  return {
    type: columnType(key, value, type.min ?? 1, max),
    ephemeral: json.ephemeral ?? false,
    // A weak reference vanishes with its row, so its column cannot be immutable (ovsdb-server(7) section 3.2).
    mutable: weak || (json.mutable ?? true),
  };
}

function parseBase(json: z.infer<typeof baseType>, where: string): BaseType {
  if (typeof json === 'string') return { type: json };
  const { type, enum: values, refTable, refType } = json;
  const misfit = Object.keys(json).find(
    (member) =>
      (member.endsWith('Integer') && type !== 'integer') ||
      (member.endsWith('Real') && type !== 'real') ||
      (member.endsWith('Length') && type !== 'string') ||
      (member.startsWith('ref') && type !== 'uuid'),
  );
  if (misfit !== undefined) throw invalid(` ${where}: ${misfit} does not go with type ${type}`);
  const bounds: { -readonly [K in keyof BaseType]?: BaseType[K] } = {};
  for (const bound of ['minInteger', 'maxInteger', 'minReal', 'maxReal', 'minLength', 'maxLength'] as const) {
    const limit = json[bound];
    if (limit !== undefined) bounds[bound] = limit;
  }
  if (values !== undefined && Object.keys(bounds).length > 0)
    throw invalid(` ${where}: enum excludes other constraints`);
  if (
    (bounds.minInteger ?? 0) > (bounds.maxInteger ?? Number.POSITIVE_INFINITY) ||
    (bounds.minReal ?? Number.NEGATIVE_INFINITY) > (bounds.maxReal ?? Number.POSITIVE_INFINITY) ||
    (bounds.minLength ?? 0) > (bounds.maxLength ?? Number.POSITIVE_INFINITY)
  ) {
    throw invalid(` ${where}: the minimum exceeds the maximum`);
  }
  return {
    type,
    ...bounds,
    ...(values === undefined ? {} : { enum: parseEnum({ type }, values as Json) }),
    ...(refTable === undefined ? {} : { refTable, refType: refType ?? 'strong' }),
  };
}

function parseEnum(base: BaseType, values: Json): readonly Atom[] {
  const atoms = decodeSet(columnType(base, undefined, 1, Number.POSITIVE_INFINITY), values);
  if (atoms.length === 0) throw invalid(' enum must not be empty');
  return atoms;
}

function invalid(details: string): OvsdbError {
  return new OvsdbError('syntax error', `Parsing database schema failed:${details}`);
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
  if (values !== undefined) {
    const atoms = decodeSet(columnType({ type }, undefined, 1, Number.POSITIVE_INFINITY), [
      'set',
      values.map((value) => encodeAtom(type, value)),
    ]);
    json.enum = ['set', atoms.map((atom) => encodeAtom(type, atom))];
  }
  if (refTable !== undefined) json.refTable = refTable;
  if (refType === 'weak') json.refType = 'weak';
  return Object.keys(json).length === 1 ? type : json;
}
