/** Mutations (RFC 7047 section 5.1 `<mutation>`). */
import { type Atom, compareAtoms } from './atom.ts';
import { hasAtom, typeOfColumn } from './condition.ts';
import { checkAtom } from './constraint.ts';
import { type Datum, emptyMap, emptySet, lowerBound, rememberRange } from './datum.ts';
import { describeType } from './describe.ts';
import { rememberKeys } from './differing-keys.ts';
import { OvsdbError, syntaxError } from './error.ts';
import { isArray, type Json } from './json.ts';
import { type ColumnType, columnType, type TableSchema } from './schema.ts';
import { decodeDatum, type NamedUuidResolver } from './wire.ts';

export type Arithmetic = '+=' | '-=' | '*=' | '/=' | '%=';
export type Mutator = Arithmetic | 'insert' | 'delete';

export interface Mutation {
  readonly column: string;
  readonly mutator: Mutator;
  /** The column's. */
  readonly type: ColumnType;
  /** An atom for arithmetic; for `insert` and `delete` an ascending array or a map, whatever the shape of the column. */
  readonly argument: Atom | readonly Atom[] | ReadonlyMap<Atom, Atom>;
}

const mutators: readonly string[] = ['+=', '-=', '*=', '/=', '%=', 'insert', 'delete'];

/** Errors: `syntax error`, `unknown column`, `unknown mutator`, `constraint violation` for an immutable column. */
export function parseMutations(
  tableName: string,
  table: TableSchema,
  json: Json,
  resolve?: NamedUuidResolver,
): readonly Mutation[] {
  if (!isArray(json)) throw syntaxError(json, 'array expected');
  return json.map((mutation) => parseMutation(tableName, table, mutation, resolve));
}

function parseMutation(
  tableName: string,
  table: TableSchema,
  json: Json,
  resolve: NamedUuidResolver | undefined,
): Mutation {
  if (!isArray(json) || json.length !== 3 || typeof json[0] !== 'string' || typeof json[1] !== 'string') {
    throw syntaxError(json, 'Parse error in mutation.');
  }
  const [column, name, argument] = json as readonly [string, string, Json];
  const type = typeOfColumn(table, column);
  if (type === undefined) {
    throw new OvsdbError('unknown column', `No column ${column} in table ${tableName}.`, { syntax: json });
  }
  if (table.columns[column]?.mutable !== true) {
    const details = `Cannot mutate immutable column ${column} in table ${tableName}.`;
    throw new OvsdbError('constraint violation', details, { syntax: json });
  }
  if (!mutators.includes(name)) throw new OvsdbError('unknown mutator', `No mutator named ${name}.`);
  const mutator = name as Mutator;
  if (mutator === 'insert' || mutator === 'delete') {
    if (type.kind === 'scalar') throw mismatch(json, mutator, column, type);
    return { column, mutator, type, argument: decodeMembers(type, mutator, argument, resolve) };
  }
  const numeric = type.key.type === 'integer' || (type.key.type === 'real' && mutator !== '%=');
  if (!numeric || type.kind === 'map') throw mismatch(json, mutator, column, type);
  const operand = decodeDatum(columnType({ type: type.key.type }, undefined, 1, 1), argument);
  return { column, mutator, type, argument: operand as Atom };
}

function decodeMembers(
  type: ColumnType,
  mutator: 'insert' | 'delete',
  json: Json,
  resolve: NamedUuidResolver | undefined,
): readonly Atom[] | ReadonlyMap<Atom, Atom> {
  const max = mutator === 'insert' ? type.max : Number.POSITIVE_INFINITY;
  let datum: Datum;
  try {
    datum = decodeDatum(columnType(type.key, type.value, 0, max), json, { resolve });
  } catch (error) {
    // A map's members can be deleted by pair or by key alone. What is neither is reported as the latter.
    if (type.kind !== 'map' || mutator !== 'delete') throw error;
    datum = decodeDatum(columnType(type.key, undefined, 0, max), json, { resolve });
  }
  if (datum === undefined) return emptySet;
  return typeof datum === 'object' ? (datum as readonly Atom[] | ReadonlyMap<Atom, Atom>) : [datum];
}

function mismatch(json: Json, mutator: Mutator, column: string, type: ColumnType): OvsdbError {
  return syntaxError(
    json,
    `Type mismatch: "${mutator}" operator may not be applied to column ${column} of type ${describeType(type)}.`,
  );
}

/**
 * The value after the mutation; `===` the value before if nothing changed.
 * Errors: `domain error` (division by zero), `range error` (overflow), `constraint violation`.
 */
export function mutate(mutation: Mutation, value: Datum): Datum {
  switch (mutation.mutator) {
    case 'insert':
      return insertMembers(mutation.type, value, mutation.argument as readonly Atom[] | ReadonlyMap<Atom, Atom>);
    case 'delete':
      return deleteMembers(mutation.type, value, mutation.argument as readonly Atom[] | ReadonlyMap<Atom, Atom>);
    default:
      return arithmetic(mutation, mutation.mutator, value);
  }
}

function arithmetic(mutation: Mutation, mutator: Arithmetic, value: Datum): Datum {
  const { type } = mutation;
  const operand = mutation.argument as Atom;
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) return calculate(type, mutator, value as Atom, operand);
  const results = (value as readonly Atom[]).map((atom) => calculate(type, mutator, atom, operand));
  results.sort(compareAtoms);
  for (let i = 1; i < results.length; i++) {
    if (results[i - 1] === results[i]) {
      throw new OvsdbError('constraint violation', `Result of "${mutator}" operation contains duplicates.`);
    }
  }
  return results;
}

function calculate(type: ColumnType, mutator: Arithmetic, left: Atom, right: Atom): Atom {
  if ((mutator === '/=' || mutator === '%=') && Number(right) === 0) {
    throw new OvsdbError('domain error', 'Division by zero.');
  }
  const result = type.key.type === 'integer' ? integerResult(mutator, left, right) : realResult(mutator, left, right);
  if (result === undefined) {
    throw new OvsdbError('range error', `Result of "${mutator}" operation is out of range.`);
  }
  checkAtom(type.key, result);
  return result;
}

/** 64-bit arithmetic; undefined on overflow. */
function integerResult(mutator: Arithmetic, left: Atom, right: Atom): Atom | undefined {
  const x = BigInt(left as number | bigint);
  const y = BigInt(right as number | bigint);
  const exact =
    mutator === '+=' ? x + y : mutator === '-=' ? x - y : mutator === '*=' ? x * y : mutator === '/=' ? x / y : x % y;
  if (BigInt.asIntN(64, exact) !== exact) return undefined;
  const number = Number(exact);
  return Number.isSafeInteger(number) ? number : exact;
}

function realResult(mutator: Arithmetic, left: Atom, right: Atom): number | undefined {
  const x = Number(left);
  const y = Number(right);
  const result = mutator === '+=' ? x + y : mutator === '-=' ? x - y : mutator === '*=' ? x * y : x / y;
  // There is one zero: adding 0 to -0 gives it.
  return Number.isFinite(result) ? result + 0 : undefined;
}

function insertMembers(type: ColumnType, value: Datum, members: readonly Atom[] | ReadonlyMap<Atom, Atom>): Datum {
  if (!Array.isArray(members)) {
    const pairs = members as ReadonlyMap<Atom, Atom>;
    const map = value as ReadonlyMap<Atom, Atom>;
    const fresh = [...pairs].filter(([key]) => !map.has(key));
    if (fresh.length === 0) return value;
    checkSize(type, map.size + fresh.length);
    return insertPairs(map, fresh);
  }
  const atoms = toAtoms(value);
  if (type.kind === 'set' && members.length === 1) return insertMember(type, atoms, members[0]!);
  const fresh = (members as readonly Atom[]).filter((atom) => !hasAtom(atoms, atom));
  if (fresh.length === 0) return value;
  checkSize(type, atoms.length + fresh.length);
  return type.kind === 'set' ? merge(atoms, fresh) : fresh[0];
}

/** `fresh` is ascending, and none of its keys is in the map. */
function insertPairs(map: ReadonlyMap<Atom, Atom>, fresh: readonly (readonly [Atom, Atom])[]): Datum {
  const next = new Map<Atom, Atom>();
  let i = 0;
  for (const [key, value] of map) {
    for (; i < fresh.length && compareAtoms(fresh[i]![0], key) < 0; i++) next.set(...fresh[i]!);
    next.set(key, value);
  }
  for (; i < fresh.length; i++) next.set(...fresh[i]!);
  const keys = fresh.map(([key]) => key);
  rememberKeys(map, next, keys);
  return next;
}

/** One member, as most inserts have. */
function insertMember(type: ColumnType, atoms: readonly Atom[], atom: Atom): Datum {
  const place = lowerBound(atoms, atom);
  if (place < atoms.length && compareAtoms(atoms[place]!, atom) === 0) return atoms;
  checkSize(type, atoms.length + 1);
  const next = atoms.toSpliced(place, 0, atom);
  rememberRange(atoms, next, { start: place, endA: place, endB: place + 1 });
  return next;
}

/** Two ascending arrays without a common atom → one. */
function merge(a: readonly Atom[], b: readonly Atom[]): readonly Atom[] {
  const merged: Atom[] = [];
  let i = 0;
  for (const atom of b) {
    while (i < a.length && compareAtoms(a[i]!, atom) < 0) merged.push(a[i++]!);
    merged.push(atom);
  }
  while (i < a.length) merged.push(a[i++]!);
  return merged;
}

function deleteMembers(type: ColumnType, value: Datum, members: readonly Atom[] | ReadonlyMap<Atom, Atom>): Datum {
  if (type.kind === 'map') {
    const map = value as ReadonlyMap<Atom, Atom>;
    const pairs = members instanceof Map ? (members as ReadonlyMap<Atom, Atom>) : undefined;
    const doomed: Atom[] = [];
    for (const key of members instanceof Map ? members.keys() : (members as readonly Atom[])) {
      if (map.has(key) && (pairs === undefined || pairs.get(key) === map.get(key))) doomed.push(key);
    }
    if (doomed.length === 0) return value;
    checkSize(type, map.size - doomed.length);
    return withoutKeys(map, doomed);
  }
  const atoms = toAtoms(value);
  const rest = withoutMembers(atoms, members as readonly Atom[]);
  if (rest === atoms) return value;
  checkSize(type, rest.length);
  return type.kind === 'set' ? rest : undefined;
}

/** `map` without `keys`, all of which it has. */
export function withoutKeys(map: ReadonlyMap<Atom, Atom>, keys: readonly Atom[]): ReadonlyMap<Atom, Atom> {
  if (keys.length === map.size) return emptyMap as ReadonlyMap<Atom, Atom>;
  const next = new Map(map);
  for (const key of keys) next.delete(key);
  rememberKeys(map, next, keys);
  return next;
}

/** `atoms` without those of `doomed`; both are ascending. `===` if there is none of them. */
export function withoutMembers(atoms: readonly Atom[], doomed: readonly Atom[]): readonly Atom[] {
  if (doomed.length !== 1) {
    const rest = atoms.filter((atom) => !hasAtom(doomed, atom));
    return rest.length === atoms.length ? atoms : rest.length === 0 ? emptySet : rest;
  }
  // One member, as most deletions have.
  const [atom] = doomed as readonly [Atom];
  const place = lowerBound(atoms, atom);
  if (place === atoms.length || compareAtoms(atoms[place]!, atom) !== 0) return atoms;
  if (atoms.length === 1) return emptySet;
  const next = atoms.toSpliced(place, 1);
  rememberRange(atoms, next, { start: place, endA: place + 1, endB: place });
  return next;
}

function toAtoms(value: Datum): readonly Atom[] {
  if (value === undefined) return emptySet;
  return Array.isArray(value) ? (value as readonly Atom[]) : [value as Atom];
}

function checkSize(type: ColumnType, n: number): void {
  if (n >= type.min && n <= type.max) return;
  throw new OvsdbError('constraint violation', `Attempted to store ${n} elements in ${describeType(type)}.`);
}
