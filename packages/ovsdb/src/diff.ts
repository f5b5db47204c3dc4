/** Differences of datums, as `modify` of update2 and update3 carries them (ovsdb-server(7) section 4.1.14). */
import { type Atom, compareAtoms } from './atom.ts';
import { type Datum, differingRange, emptyMap, emptySet, fromAtoms } from './datum.ts';
import { differingKeys } from './differing-keys.ts';
import { isArray, type Json } from './json.ts';
import { type ColumnType, columnType } from './schema.ts';
import { decodeDatum } from './wire.ts';

/** The difference has the column's type without its limits on size. */
function differenceType(type: ColumnType): ColumnType {
  return { ...columnType(type.key, type.value, 0, Number.POSITIVE_INFINITY) };
}

/** Atoms that are in only one of two ascending arrays. */
export function symmetricDifference(a: readonly Atom[], b: readonly Atom[]): readonly Atom[] {
  const result: Atom[] = [];
  const { start, endA, endB } = differingRange(a, b);
  if (start === endA) return b.slice(start, endB);
  if (start === endB) return a.slice(start, endA);
  let i = start;
  let j = start;
  while (i < endA && j < endB) {
    const order = compareAtoms(a[i]!, b[j]!);
    if (order === 0) {
      i++;
      j++;
    } else if (order < 0) result.push(a[i++]!);
    else result.push(b[j++]!);
  }
  while (i < endA) result.push(a[i++]!);
  while (j < endB) result.push(b[j++]!);
  return result;
}

/** The difference of a column that holds at most one value, or pair, is its new contents, empty or not. */
function carriesContents(type: ColumnType): boolean {
  return type.max === 1;
}

/** What turns `old` into `new` and back is, for sets, one and the same set; for maps it carries the values of `new`. */
export function difference(type: ColumnType, old: Datum, next: Datum): Datum {
  if (carriesContents(type)) return next;
  switch (type.kind) {
    case 'scalar':
    case 'optional':
      return next;
    case 'set':
      return symmetricDifference(old as readonly Atom[], next as readonly Atom[]);
    case 'map': {
      const before = old as ReadonlyMap<Atom, Atom>;
      const after = next as ReadonlyMap<Atom, Atom>;
      const pairs = differingKeys(before, after).map((key): [Atom, Atom] => [key, after.get(key) ?? before.get(key)!]);
      pairs.sort((a, b) => compareAtoms(a[0], b[0]));
      return new Map(pairs);
    }
  }
}

/** Errors: those of `decodeDatum`. */
export function applyDifference(type: ColumnType, old: Datum, json: Json): Datum {
  if (carriesContents(type)) return decodeDatum(type, json, { relaxed: true });
  if (type.kind === 'map') return applyMapDifference(type, old as ReadonlyMap<Atom, Atom>, json);
  const difference = asSet(decodeDatum(differenceType(type), json, { relaxed: true }));
  const result = symmetricDifference(old as readonly Atom[], difference);
  return fromAtoms(type, result.length === 0 ? emptySet : result);
}

function asSet(datum: Datum): readonly Atom[] {
  return isArray(datum as Json) ? (datum as readonly Atom[]) : [datum as Atom];
}

function applyMapDifference(type: ColumnType, old: ReadonlyMap<Atom, Atom>, json: Json): Datum {
  const difference = decodeDatum(differenceType(type), json, { relaxed: true }) as ReadonlyMap<Atom, Atom>;
  const pairs = new Map(old);
  let grown = false;
  for (const [key, value] of difference) {
    if (!old.has(key)) {
      pairs.set(key, value);
      grown = true;
    } else if (old.get(key) === value) pairs.delete(key);
    else pairs.set(key, value);
  }
  if (pairs.size === 0) return emptyMap as ReadonlyMap<Atom, Atom>;
  return grown ? new Map([...pairs].sort((a, b) => compareAtoms(a[0], b[0]))) : pairs;
}
