/** Conditions: the `where` of operations and monitors (RFC 7047 section 5.1; ovsdb-server(7) section 5.1). */
import { type Atom, compareAtoms } from './atom.ts';
import { type Datum, datumsEqual } from './datum.ts';
import { describeType } from './describe.ts';
import { OvsdbError, syntaxError } from './error.ts';
import { isArray, type Json } from './json.ts';
import type { Row } from './row.ts';
import { type ColumnType, columnType, type TableSchema } from './schema.ts';
import { decodeDatum, encodeDatum, type NamedUuidResolver } from './wire.ts';

export type ConditionFunction = '<' | '<=' | '==' | '!=' | '>=' | '>' | 'includes' | 'excludes';

/** One test of one column. `column` may be `_uuid` or `_version`. */
export interface Clause {
  readonly column: string;
  readonly function: ConditionFunction;
  readonly type: ColumnType;
  /** In the shape of `type`, which is the column's, but may allow fewer values. */
  readonly argument: Datum;
}

/** `where` of an operation holds if all are true; `where` of a monitor if one is, or if there is none. */
export type Condition = readonly (Clause | boolean)[];

export const uuidType: ColumnType = columnType({ type: 'uuid' }, undefined, 1, 1);

const functions: readonly string[] = ['<', '<=', '==', '!=', '>=', '>', 'includes', 'excludes'];

/** The type of a column, `_uuid` and `_version` included. */
export function typeOfColumn(table: TableSchema, column: string): ColumnType | undefined {
  if (column === '_uuid' || column === '_version') return uuidType;
  return Object.hasOwn(table.columns, column) ? table.columns[column]!.type : undefined;
}

/** Errors: `syntax error`, `unknown column`, `unknown function`, `constraint violation` for an argument that the column could never hold. */
export function parseCondition(
  tableName: string,
  table: TableSchema,
  json: Json,
  resolve?: NamedUuidResolver,
): Condition {
  if (!isArray(json)) throw syntaxError(json, 'array expected');
  return json.map((clause) => parseClause(tableName, table, clause, resolve));
}

function parseClause(
  tableName: string,
  table: TableSchema,
  json: Json,
  resolve: NamedUuidResolver | undefined,
): Clause | boolean {
  if (typeof json === 'boolean') return json;
  if (!isArray(json) || json.length !== 3 || typeof json[0] !== 'string' || typeof json[1] !== 'string') {
    throw syntaxError(json, 'Parse error in condition.');
  }
  const [column, name, argument] = json as readonly [string, string, Json];
  const type = typeOfColumn(table, column);
  if (type === undefined) {
    throw new OvsdbError('unknown column', `No column ${column} in table ${tableName}.`, { syntax: json });
  }
  if (!functions.includes(name)) throw new OvsdbError('unknown function', `No function named ${name}.`);
  const fn = name as ConditionFunction;
  const argumentType = typeOfArgument(type, fn);
  if (argumentType === undefined) {
    throw syntaxError(
      json,
      `Type mismatch: "${fn}" operator may not be applied to column ${column} of type ${describeType(type)}.`,
    );
  }
  return {
    column,
    function: fn,
    type: argumentType,
    argument: decodeDatum(argumentType, argument, { resolve }),
  };
}

function typeOfArgument(type: ColumnType, fn: ConditionFunction): ColumnType | undefined {
  switch (fn) {
    case '==':
    case '!=':
      return type;
    case 'includes':
    case 'excludes':
      if (type.kind === 'scalar') return type;
      // Any number of values; in the column's own shape as far as it has one.
      return columnType(type.key, type.value, 0, fn === 'excludes' ? Number.POSITIVE_INFINITY : type.max);
    case '<':
    case '<=':
    case '>':
    case '>=':
      if (type.kind !== 'scalar' && type.kind !== 'optional') return undefined;
      if (type.key.type !== 'integer' && type.key.type !== 'real') return undefined;
      return columnType(type.key, undefined, 1, 1);
  }
}

/** The inverse of `parseCondition`. */
export function conditionToJson(condition: Condition): Json {
  return condition.map((clause) =>
    typeof clause === 'boolean' ? clause : [clause.column, clause.function, encodeDatum(clause.type, clause.argument)],
  );
}

/** Gives the value of a column; rows do not carry their `_version`, so the server passes its own. */
export type ColumnReader = (row: Row, column: string) => Datum;

const readColumn: ColumnReader = (row, column) => row[column];

/** Does one clause hold for this row? */
export function holds(clause: Clause | boolean, row: Row, read: ColumnReader = readColumn): boolean {
  if (typeof clause === 'boolean') return clause;
  const value = read(row, clause.column);
  const { argument } = clause;
  switch (clause.function) {
    case '==':
      return datumsEqual(value, argument);
    case '!=':
      return !datumsEqual(value, argument);
    case 'includes':
      return includes(value, argument);
    case 'excludes':
      return excludes(value, argument);
    case '<':
      return value !== undefined && compareAtoms(value as Atom, argument as Atom) < 0;
    case '<=':
      return value !== undefined && compareAtoms(value as Atom, argument as Atom) <= 0;
    case '>':
      return value !== undefined && compareAtoms(value as Atom, argument as Atom) > 0;
    case '>=':
      return value !== undefined && compareAtoms(value as Atom, argument as Atom) >= 0;
  }
}

/** For operations: all clauses hold. */
export function allHold(condition: Condition, row: Row, read?: ColumnReader): boolean {
  for (const clause of condition) if (!holds(clause, row, read)) return false;
  return true;
}

/** For monitors: one clause holds, or there is none. */
export function anyHolds(condition: Condition, row: Row, read?: ColumnReader): boolean {
  return condition.length === 0 || condition.some((clause) => holds(clause, row, read));
}

function asArray(datum: Datum): readonly Atom[] {
  if (datum === undefined) return [];
  return Array.isArray(datum) ? (datum as readonly Atom[]) : [datum as Atom];
}

/** Has a value all that `argument` has? */
export function includes(value: Datum, argument: Datum): boolean {
  if (argument instanceof Map) {
    const map = value as ReadonlyMap<Atom, Atom>;
    for (const [key, wanted] of argument) if (map.get(key) !== wanted) return false;
    return true;
  }
  const atoms = asArray(value);
  return asArray(argument).every((atom) => hasAtom(atoms, atom));
}

/** Has it nothing of it? */
export function excludes(value: Datum, argument: Datum): boolean {
  if (argument instanceof Map) {
    const map = value as ReadonlyMap<Atom, Atom>;
    for (const [key, unwanted] of argument) if (map.has(key) && map.get(key) === unwanted) return false;
    return true;
  }
  const atoms = asArray(value);
  return !asArray(argument).some((atom) => hasAtom(atoms, atom));
}

/** Is `atom` in the ascending array? */
export function hasAtom(atoms: readonly Atom[], atom: Atom): boolean {
  if (atoms.length <= 8) return atoms.includes(atom);
  let low = 0;
  let high = atoms.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const order = compareAtoms(atoms[middle]!, atom);
    if (order === 0) return true;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return false;
}
