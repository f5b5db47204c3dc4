/** Atoms and datums as JSON, both ways (RFC 7047 section 5.1). */
import { type Atom, type AtomicType, compareAtoms } from './atom.ts';
import { checkAtom } from './constraint.ts';
import { type Datum, emptyMap, emptySet, fromAtoms } from './datum.ts';
import { OvsdbError, syntaxError } from './error.ts';
import { asInvalidText, isArray, type Json, leastNormal } from './json.ts';
import type { BaseType, ColumnType } from './schema.ts';
import { parseUuid, type Uuid } from './uuid.ts';

/** Turns a `["named-uuid", name]` into the uuid of the row that the name stands for. */
export type NamedUuidResolver = (name: string) => Uuid;

/** RFC 7047 `<atom>`. */
export function encodeAtom(type: AtomicType, atom: Atom): Json {
  return type === 'uuid' ? ['uuid', atom as Uuid] : atom;
}

/** RFC 7047 `<value>`. */
export function encodeDatum(type: ColumnType, datum: Datum): Json {
  switch (type.kind) {
    case 'scalar':
      return encodeAtom(type.key.type, datum as Atom);
    case 'optional':
      return datum === undefined ? ['set', []] : encodeAtom(type.key.type, datum as Atom);
    case 'set':
      return encodeSet(type.key.type, datum as readonly Atom[]);
    case 'map': {
      const keyType = type.key.type;
      const valueType = type.value?.type ?? 'string';
      const pairs: Json[] = [];
      for (const [key, value] of datum as ReadonlyMap<Atom, Atom>) {
        pairs.push([encodeAtom(keyType, key), encodeAtom(valueType, value)]);
      }
      return ['map', pairs];
    }
  }
}

/** A set of one atom is written as the atom, as the C server does. */
export function encodeSet(type: AtomicType, atoms: readonly Atom[]): Json {
  return atoms.length === 1 ? encodeAtom(type, atoms[0]!) : ['set', atoms.map((atom) => encodeAtom(type, atom))];
}

/** Errors: `syntax error` for a value of another type. Constraints of the base type are not checked. */
export function decodeAtom(type: AtomicType, json: Json, resolve?: NamedUuidResolver): Atom {
  switch (type) {
    case 'integer': {
      if (typeof json === 'number' && Number.isInteger(json)) {
        if (Number.isSafeInteger(json)) return json === 0 ? 0 : json;
        if (json >= -(2 ** 63) && json < 2 ** 63) return BigInt(json);
      }
      if (typeof json === 'bigint' && BigInt.asIntN(64, json) === json) {
        return json >= Number.MIN_SAFE_INTEGER && json <= Number.MAX_SAFE_INTEGER ? Number(json) : json;
      }
      throw syntaxError(json, 'expected integer');
    }
    case 'real':
      if (typeof json === 'number' && Number.isFinite(json)) return Math.abs(json) < leastNormal ? 0 : json;
      if (typeof json === 'bigint') return Number(json);
      throw syntaxError(json, 'expected real');
    case 'boolean':
      if (typeof json === 'boolean') return json;
      throw syntaxError(json, 'expected boolean');
    case 'string':
      if (typeof json === 'string') return json;
      throw notText(json);
    case 'uuid':
      return decodeUuid(json, resolve);
  }
}

function notText(json: Json): OvsdbError {
  const invalid = asInvalidText(json);
  if (invalid === undefined) return syntaxError(json, 'expected string');
  return new OvsdbError('constraint violation', invalid.fault);
}

function decodeUuid(json: Json, resolve: NamedUuidResolver | undefined): Uuid {
  if (isArray(json) && json.length === 2 && typeof json[1] === 'string') {
    if (json[0] === 'uuid') {
      const uuid = parseUuid(json[1]);
      if (uuid === undefined) throw syntaxError(json, `"${json[1]}" is not a valid UUID`);
      return uuid;
    }
    if (json[0] === 'named-uuid' && resolve !== undefined) {
      if (!isId(json[1])) throw syntaxError(json, 'named-uuid string is not a valid <id>');
      return resolve(json[1]);
    }
  }
  throw syntaxError(json, 'expected ["uuid", <string>]');
}

/** RFC 7047 `<id>`. */
export function isId(text: string): boolean {
  return idPattern.test(text);
}

const idPattern = /^[A-Za-z_][A-Za-z0-9_]*$/;

interface DecodeOptions {
  /** Without it a named uuid is a syntax error. */
  readonly resolve?: NamedUuidResolver | undefined;
  /** Accept atoms that the constraints of the type's base types exclude. */
  readonly relaxed?: boolean;
  /** Drop repeated atoms instead of reporting them. */
  readonly lenient?: boolean;
}

/**
 * JSON → datum in canonical form. Errors: `syntax error`; `constraint violation` for an atom outside its base type's constraints;
 * `ovsdb error` for a set or map with a duplicate.
 */
export function decodeDatum(type: ColumnType, json: Json, options: DecodeOptions = {}): Datum {
  if (type.kind === 'map') return decodeMap(type, json, options);
  const base = type.key;
  if (isArray(json) && json[0] === 'set') {
    if (json.length !== 2 || !isArray(json[1])) throw syntaxError(json, 'expected ["set", <array>]');
    const members = json[1];
    checkSize(type, 'set', members.length, json);
    const atoms = members.map((member) => decodeChecked(base, member, options));
    return fromAtoms(type, canonicalSet(atoms, options.lenient ?? false));
  }
  const atom = decodeChecked(base, json, options);
  return type.kind === 'set' ? [atom] : atom;
}

function decodeMap(type: ColumnType, json: Json, options: DecodeOptions): Datum {
  if (!(isArray(json) && json.length === 2 && json[0] === 'map' && isArray(json[1]))) {
    throw syntaxError(json, 'expected ["map", <array>]');
  }
  const members = json[1];
  checkSize(type, 'map', members.length, json);
  const value = type.value ?? { type: 'string' as const };
  const pairs: [Atom, Atom][] = [];
  for (const member of members) {
    if (!isArray(member) || member.length !== 2) throw syntaxError(member, 'expected 2-element array');
    pairs.push([decodeChecked(type.key, member[0]!, options), decodeChecked(value, member[1]!, options)]);
  }
  if (pairs.length === 0) return emptyMap as ReadonlyMap<Atom, Atom>;
  pairs.sort((a, b) => compareAtoms(a[0], b[0]));
  for (let i = 1; i < pairs.length; i++) {
    if (compareAtoms(pairs[i - 1]![0], pairs[i]![0]) === 0 && !options.lenient) {
      throw new OvsdbError('ovsdb error', 'map contains duplicate key');
    }
  }
  return new Map(pairs);
}

function decodeChecked(base: BaseType, json: Json, options: DecodeOptions): Atom {
  const atom = decodeAtom(base.type, json, options.resolve);
  if (!options.relaxed) checkAtom(base, atom);
  return atom;
}

function checkSize(type: ColumnType, what: 'set' | 'map', n: number, json: Json): void {
  if (n >= type.min && n <= type.max) return;
  // "unlimited" is written as the C server writes it, for those who compare messages.
  const max = type.max === Number.POSITIVE_INFINITY ? 0xffffffff : type.max;
  const size = type.min === max ? 'exactly one member' : `${type.min} to ${max} members`;
  throw syntaxError(json, `${what} must have ${size} but ${n} are present`);
}

/** Sorts; a repeated atom is an error, or dropped if `lenient`. */
function canonicalSet(atoms: Atom[], lenient: boolean): readonly Atom[] {
  if (atoms.length === 0) return emptySet;
  let ascending = true;
  for (let i = 1; i < atoms.length && ascending; i++) ascending = compareAtoms(atoms[i - 1]!, atoms[i]!) < 0;
  if (ascending) return atoms;
  atoms.sort(compareAtoms);
  const unique = atoms.filter((atom, i) => i === 0 || compareAtoms(atoms[i - 1]!, atom) !== 0);
  if (unique.length < atoms.length && !lenient) throw new OvsdbError('ovsdb error', 'set contains duplicate');
  return unique;
}
