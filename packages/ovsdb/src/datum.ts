/** Datums: what one column of one row holds, in the representation that docs/architecture.md fixes. */
import { type Atom, compareAtoms, defaultAtom } from './atom.ts';
import { differingKeys } from './differing-keys.ts';
import type { ColumnType } from './schema.ts';

/**
 * By the column's type: an atom (exactly one), an atom or undefined (optional), a sorted array (any other set), a Map with ascending keys (map).
 */
export type Datum = Atom | undefined | readonly Atom[] | ReadonlyMap<Atom, Atom>;

/** Shared by all empty sets and maps, which are most of the columns of a database. */
export const emptySet: readonly never[] = Object.freeze([]);
export const emptyMap: ReadonlyMap<never, never> = new Map<never, never>();

/** The value of a column that an insert does not mention (RFC 7047 section 5.2.1): empty, or the default atom as often as `min` says. */
export function defaultDatum(type: ColumnType): Datum {
  switch (type.kind) {
    case 'scalar':
      return defaultAtom(type.key.type);
    case 'optional':
      return undefined;
    case 'set':
      // A set cannot hold the same atom twice, so a minimum above 1 has no default that satisfies it; 1 is what `min` can be at most.
      return type.min === 0 ? emptySet : [defaultAtom(type.key.type)];
    case 'map':
      return type.min === 0
        ? (emptyMap as ReadonlyMap<Atom, Atom>)
        : new Map([[defaultAtom(type.key.type), defaultAtom(type.value?.type ?? 'string')]]);
  }
}

/** Is `datum` the default of its column? */
export function isDefault(type: ColumnType, datum: Datum): boolean {
  switch (type.kind) {
    case 'scalar':
      return datum === defaultAtom(type.key.type);
    case 'optional':
      return datum === undefined;
    case 'set':
      return type.min === 0 ? (datum as readonly Atom[]).length === 0 : datumsEqual(datum, defaultDatum(type));
    case 'map':
      return type.min === 0 ? (datum as ReadonlyMap<Atom, Atom>).size === 0 : datumsEqual(datum, defaultDatum(type));
  }
}

/** Compares two datums of one column. */
export function datumsEqual(a: Datum, b: Datum): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object') {
    // 5 and 5n are the same integer.
    return typeof a !== typeof b && a !== undefined && b !== undefined && typeof a !== 'object' && typeof b !== 'object'
      ? compareAtoms(a, b) === 0
      : false;
  }
  if (a instanceof Map && b instanceof Map) {
    return a.size === b.size && differingKeys(a, b).length === 0;
  }
  const x = a as readonly Atom[];
  const y = b as readonly Atom[];
  if (x.length !== y.length) return false;
  for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false;
  return true;
}

/** Where two sets begin to differ, and where each of them ends before the tail that both have. */
export interface DifferingRange {
  readonly start: number;
  readonly endA: number;
  readonly endB: number;
}

/** The last two sets that were compared: indexes, references, the log and monitors all ask about the set that a transaction changed. */
let compared: { readonly a: readonly Atom[]; readonly b: readonly Atom[]; readonly range: DifferingRange } | undefined;

/**
 * Sets of hundreds mostly differ in one atom. To go through them costs more than it seems: their atoms lie all over the memory. So the answer for the
 * last two sets, in whichever order, is remembered.
 */
export function differingRange(a: readonly Atom[], b: readonly Atom[]): DifferingRange {
  if (compared?.a === a && compared.b === b) return compared.range;
  if (compared?.a === b && compared.b === a) {
    const { start, endA, endB } = compared.range;
    return { start, endA: endB, endB: endA };
  }
  const range = findRange(a, b);
  compared = { a, b, range };
  return range;
}

/** For whoever makes `b` from `a` and knows what `differingRange` would find. */
export function rememberRange(a: readonly Atom[], b: readonly Atom[], range: DifferingRange): void {
  compared = { a, b, range };
}

function findRange(a: readonly Atom[], b: readonly Atom[]): DifferingRange {
  let start = 0;
  let endA = a.length;
  let endB = b.length;
  while (start < endA && start < endB && a[start] === b[start]) start++;
  while (endA > start && endB > start && a[endA - 1] === b[endB - 1]) {
    endA--;
    endB--;
  }
  return { start, endA, endB };
}

/** The place of the first atom in an ascending array that is not less than `atom`. */
export function lowerBound(atoms: readonly Atom[], atom: Atom): number {
  let low = 0;
  let high = atoms.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareAtoms(atoms[middle]!, atom) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Atoms in any order, with duplicates → the canonical array: ascending, each once. */
export function toSet(atoms: Iterable<Atom>): readonly Atom[] {
  const array = [...atoms];
  if (array.length === 0) return emptySet;
  if (array.length > 1 && !isAscending(array)) {
    array.sort(compareAtoms);
    return array.filter((atom, i) => i === 0 || compareAtoms(array[i - 1]!, atom) !== 0);
  }
  return array;
}

/** Pairs in any order → the canonical map: keys ascending. Of two pairs with one key the last one stays. */
export function toMap(pairs: Iterable<readonly [Atom, Atom]>): ReadonlyMap<Atom, Atom> {
  const array = [...pairs];
  if (array.length === 0) return emptyMap as ReadonlyMap<Atom, Atom>;
  if (array.length > 1) array.sort((a, b) => compareAtoms(a[0], b[0]));
  return new Map(array);
}

/** Any datum as the list of its atoms: keys for a map. */
export function atomsOf(type: ColumnType, datum: Datum): readonly Atom[] {
  switch (type.kind) {
    case 'scalar':
      return [datum as Atom];
    case 'optional':
      return datum === undefined ? emptySet : [datum as Atom];
    case 'set':
      return datum as readonly Atom[];
    case 'map':
      return [...(datum as ReadonlyMap<Atom, Atom>).keys()];
  }
}

/**
 * A canonical set (ascending, each atom once) → the datum of a column that is no map.
 * The caller has checked that the number of atoms fits the column.
 */
export function fromAtoms(type: ColumnType, atoms: readonly Atom[]): Datum {
  return type.kind === 'scalar' || type.kind === 'optional' ? atoms[0] : atoms;
}

function isAscending(atoms: readonly Atom[]): boolean {
  for (let i = 1; i < atoms.length; i++) if (compareAtoms(atoms[i - 1]!, atoms[i]!) >= 0) return false;
  return true;
}
