/** Which pairs of two maps differ: what `differingRange` is for sets. */
import type { Atom } from './atom.ts';

type AtomMap = ReadonlyMap<Atom, Atom>;

/** The last two maps that were compared: indexes, references, the log and monitors all ask about the map that a transaction changed. */
let compared: { readonly a: AtomMap; readonly b: AtomMap; readonly keys: readonly Atom[] } | undefined;

/** The keys that only one of the maps has, or that have another value in each, in no order. */
export function differingKeys(a: AtomMap, b: AtomMap): readonly Atom[] {
  if (compared !== undefined && ((compared.a === a && compared.b === b) || (compared.a === b && compared.b === a))) {
    return compared.keys;
  }
  const keys: Atom[] = [];
  for (const [key, value] of a) if (b.get(key) !== value) keys.push(key);
  for (const key of b.keys()) if (!a.has(key)) keys.push(key);
  compared = { a, b, keys };
  return keys;
}

/** For whoever makes `b` from `a` and knows what `differingKeys` would find. */
export function rememberKeys(a: AtomMap, b: AtomMap, keys: readonly Atom[]): void {
  compared = { a, b, keys };
}
