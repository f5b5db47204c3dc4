/** Values and members of sets and maps, as operations carry them. Pure. */
import { type Atom, compareAtoms } from '@weft/ovsdb/atom';
import { type Datum, toMap, toSet } from '@weft/ovsdb/datum';
import { symmetricDifference } from '@weft/ovsdb/diff';
import type { Json } from '@weft/ovsdb/json';
import type { ColumnType } from '@weft/ovsdb/schema';
import { encodeAtom, encodeDatum } from '@weft/ovsdb/wire';

/** The canonical form of a value, whatever order its members have. */
export function normal(type: ColumnType, value: Datum): Datum {
  if (type.kind === 'map') return toMap(value as ReadonlyMap<Atom, Atom>);
  if (type.kind === 'set') return toSet(value as readonly Atom[]);
  return value;
}

/** Atoms in any order as the value of a column that is no map. */
export function shape(type: ColumnType, atoms: readonly Atom[]): Datum {
  const set = toSet(atoms);
  return type.kind === 'set' ? set : set[0];
}

/** The type of a mutation's argument: any number of members. */
export function unlimited(type: ColumnType): ColumnType {
  return { ...type, kind: type.kind === 'map' ? 'map' : 'set', min: 0, max: Number.POSITIVE_INFINITY };
}

/** The keys of a set or map as a set on the wire: what a "delete" mutation names (RFC 7047, section 5.1). */
export function encodeKeys(type: ColumnType, keys: readonly Atom[]): Json {
  return ['set', toSet(keys).map((key) => encodeAtom(type.key.type, key))];
}

/** Mutations that turn `old` into `next`, if they are smaller than `next` itself. */
export function memberChanges(column: string, type: ColumnType, old: Datum, next: Datum): readonly Json[] | undefined {
  const gone: Atom[] = [];
  const mutations: Json[] = [];
  if (type.kind === 'map') {
    const before = old as ReadonlyMap<Atom, Atom>;
    const after = next as ReadonlyMap<Atom, Atom>;
    const come: [Atom, Atom][] = [];
    // "insert" does not touch a key that is there, so a pair with a new value goes before it comes.
    for (const [key, value] of before) if (after.get(key) !== value) gone.push(key);
    for (const [key, value] of after) if (before.get(key) !== value) come.push([key, value]);
    if (gone.length + come.length >= after.size) return undefined;
    if (gone.length > 0) mutations.push([column, 'delete', encodeKeys(type, gone)]);
    if (come.length > 0) mutations.push([column, 'insert', encodeDatum(unlimited(type), toMap(come))]);
    return mutations;
  }
  if (type.kind !== 'set') return undefined;
  const before = old as readonly Atom[];
  const after = next as readonly Atom[];
  const come: Atom[] = [];
  for (const atom of symmetricDifference(before, after)) {
    if (includes(after, atom)) come.push(atom);
    else gone.push(atom);
  }
  if (gone.length + come.length >= after.length) return undefined;
  if (gone.length > 0) mutations.push([column, 'delete', encodeKeys(type, gone)]);
  if (come.length > 0) mutations.push([column, 'insert', encodeDatum(unlimited(type), come)]);
  return mutations;
}

function includes(ascending: readonly Atom[], atom: Atom): boolean {
  let low = 0;
  let high = ascending.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const order = compareAtoms(ascending[middle]!, atom);
    if (order === 0) return true;
    if (order < 0) low = middle + 1;
    else high = middle - 1;
  }
  return false;
}
