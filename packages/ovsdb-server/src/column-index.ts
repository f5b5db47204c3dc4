/** An index over one column: which rows hold an atom. For sets each member is a key, for maps each key or each value. */
import { type Atom, compareAtoms } from '@weft/ovsdb/atom';
import { type Datum, differingRange } from '@weft/ovsdb/datum';
import { differingKeys } from '@weft/ovsdb/differing-keys';
import type { Uuid } from '@weft/ovsdb/uuid';

/** Which atoms of a map count. */
export type Part = 'key' | 'value';

/** Most keys belong to one row, and then need no set of their own. */
type Bucket = Uuid | Set<Uuid>;

const none: ReadonlySet<Uuid> = new Set();

export class ColumnIndex {
  readonly #buckets = new Map<Atom, Bucket>();
  readonly #part: Part;

  constructor(part: Part = 'key') {
    this.#part = part;
  }

  /** The rows that hold `atom`. */
  get(atom: Atom): Iterable<Uuid> & { readonly length?: number; readonly size?: number } {
    const bucket = this.#buckets.get(atom);
    if (bucket === undefined) return none;
    return typeof bucket === 'string' ? [bucket] : bucket;
  }

  /** How many rows hold `atom`, not counting the row `except`. */
  count(atom: Atom, except?: Uuid): number {
    const bucket = this.#buckets.get(atom);
    if (bucket === undefined) return 0;
    if (typeof bucket === 'string') return bucket === except ? 0 : 1;
    return except !== undefined && bucket.has(except) ? bucket.size - 1 : bucket.size;
  }

  /** Moves a row from the atoms of its old value to those of its new; `absent` stands for "no row". */
  update(uuid: Uuid, old: Datum | typeof absent, next: Datum | typeof absent): void {
    if (old === next) return;
    if (Array.isArray(old) && Array.isArray(next)) {
      this.#merge(uuid, old as readonly Atom[], next as readonly Atom[]);
      return;
    }
    if (old instanceof Map && next instanceof Map) {
      this.#updateMap(uuid, old as ReadonlyMap<Atom, Atom>, next as ReadonlyMap<Atom, Atom>);
      return;
    }
    if (isCollection(old) || isCollection(next)) {
      for (const atom of this.#atoms(old)) this.#remove(atom, uuid);
      for (const atom of this.#atoms(next)) this.#add(atom, uuid);
      return;
    }
    if (old !== absent && old !== undefined) this.#remove(old as Atom, uuid);
    if (next !== absent && next !== undefined) this.#add(next as Atom, uuid);
  }

  #updateMap(uuid: Uuid, old: ReadonlyMap<Atom, Atom>, next: ReadonlyMap<Atom, Atom>): void {
    const keys = differingKeys(old, next);
    if (this.#part === 'key') {
      for (const key of keys) {
        if (!next.has(key)) this.#remove(key, uuid);
        else if (!old.has(key)) this.#add(key, uuid);
      }
      return;
    }
    const gone = new Set<Atom>();
    for (const key of keys) if (old.has(key)) gone.add(old.get(key)!);
    // Another key may have the value still.
    if (gone.size > 0) for (const value of next.values()) gone.delete(value);
    for (const value of gone) this.#remove(value, uuid);
    for (const key of keys) if (next.has(key)) this.#add(next.get(key)!, uuid);
  }

  /** Both ascending: most of two large sets is equal, and costs one comparison. */
  #merge(uuid: Uuid, before: readonly Atom[], after: readonly Atom[]): void {
    const { start, endA, endB } = differingRange(before, after);
    let i = start;
    let j = start;
    while (i < endA && j < endB) {
      const x = before[i]!;
      const y = after[j]!;
      if (x === y) {
        i++;
        j++;
      } else if (compareAtoms(x, y) < 0) {
        this.#remove(x, uuid);
        i++;
      } else {
        this.#add(y, uuid);
        j++;
      }
    }
    while (i < endA) this.#remove(before[i++]!, uuid);
    while (j < endB) this.#add(after[j++]!, uuid);
  }

  #atoms(datum: Datum | typeof absent): readonly Atom[] {
    if (datum === absent || datum === undefined) return [];
    if (Array.isArray(datum)) return datum as readonly Atom[];
    if (datum instanceof Map) return [...new Set(this.#part === 'key' ? datum.keys() : datum.values())];
    return [datum as Atom];
  }

  #add(atom: Atom, uuid: Uuid): void {
    const bucket = this.#buckets.get(atom);
    if (bucket === undefined) this.#buckets.set(atom, uuid);
    else if (typeof bucket === 'string') {
      if (bucket !== uuid) this.#buckets.set(atom, new Set([bucket, uuid]));
    } else bucket.add(uuid);
  }

  #remove(atom: Atom, uuid: Uuid): void {
    const bucket = this.#buckets.get(atom);
    if (bucket === undefined) return;
    if (typeof bucket === 'string') {
      if (bucket === uuid) this.#buckets.delete(atom);
    } else {
      bucket.delete(uuid);
      if (bucket.size === 0) this.#buckets.delete(atom);
    }
  }
}

/** The value of a column of a row that is not there. */
export const absent: unique symbol = Symbol('absent');

function isCollection(datum: Datum | typeof absent): boolean {
  return typeof datum === 'object';
}
