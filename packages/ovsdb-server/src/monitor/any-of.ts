/**
 * Does one of many clauses hold for a row? A client may name thousands, and each row is tested once for all of them: what they compare with is gathered by
 * column, so that a test costs a look at each column's value, whatever the number of clauses.
 */
import { type Atom, compareAtoms } from '@weft/ovsdb/atom';
import { type Clause, type ColumnReader, excludes, hasAtom, includes } from '@weft/ovsdb/condition';
import { type Datum, datumsEqual } from '@weft/ovsdb/datum';
import type { Row } from '@weft/ovsdb/row';
import { datumKey } from '../unique-index.ts';

/** The clauses on one column that are tested alike. */
interface ClauseGroup {
  /** One of them holds, whatever the value. */
  readonly always: boolean;
  holds(value: Datum): boolean;
}

export class AnyOf {
  /** It holds for every row. */
  readonly always: boolean;
  readonly #columns: readonly { readonly column: string; readonly groups: readonly ClauseGroup[] }[];
  readonly #read: ColumnReader;

  constructor(clauses: Iterable<Clause>, read: ColumnReader) {
    this.#read = read;
    const byColumn = new Map<string, Clause[]>();
    for (const clause of clauses) {
      const others = byColumn.get(clause.column);
      if (others === undefined) byColumn.set(clause.column, [clause]);
      else others.push(clause);
    }
    this.#columns = [...byColumn].map(([column, group]) => ({ column, groups: groupsOf(group) }));
    this.always = this.#columns.some(({ groups }) => groups.some(({ always }) => always));
  }

  holds(row: Row): boolean {
    for (const { column, groups } of this.#columns) {
      const value = this.#read(row, column);
      for (const group of groups) if (group.holds(value)) return true;
    }
    return false;
  }
}

/** `clauses` are on one column. */
function groupsOf(clauses: readonly Clause[]): ClauseGroup[] {
  const equal: Datum[] = [];
  const included: Datum[] = [];
  const unequal: Datum[] = [];
  const excluded: Datum[] = [];
  const limits = new Limits();
  for (const { function: fn, type, argument } of clauses) {
    switch (fn) {
      case '==':
        equal.push(argument);
        break;
      case 'includes':
        // Of a value that is no set, it says what `==` says, if it says anything.
        if (type.kind === 'set' || type.kind === 'map' || argument === undefined) included.push(argument);
        else equal.push(argument);
        break;
      case '!=':
        unequal.push(argument);
        break;
      case 'excludes':
        if (type.kind === 'scalar') unequal.push(argument);
        else excluded.push(argument);
        break;
      default:
        limits.add(fn, argument as Atom);
    }
  }
  const groups: ClauseGroup[] = [];
  if (equal.length > 0) groups.push(new Equal(equal));
  if (limits.some) groups.push(limits);
  if (included.length > 0) groups.push(new Including(included));
  if (unequal.length > 0) groups.push(new Unequal(unequal));
  if (excluded.length > 0) groups.push(new Excluding(excluded));
  return groups;
}

/** `==` */
class Equal implements ClauseGroup {
  readonly always = false;
  readonly #atoms = new Set<Datum>();
  /** Sets and maps as text, by their size: a text is made only of those that are as large as one of these. */
  readonly #collections = new Map<number, Set<string>>();

  constructor(wanted: readonly Datum[]) {
    for (const datum of wanted) {
      if (typeof datum !== 'object') this.#atoms.add(datum);
      else {
        const size = sizeOf(datum);
        this.#collections.set(size, (this.#collections.get(size) ?? new Set()).add(datumKey(datum)));
      }
    }
  }

  holds(value: Datum): boolean {
    if (typeof value !== 'object') return this.#atoms.has(value);
    return this.#collections.get(sizeOf(value))?.has(datumKey(value)) === true;
  }
}

/** `<` and its like: of many limits only the widest counts. */
class Limits implements ClauseGroup {
  readonly always = false;
  readonly #widest = new Map<string, Atom>();

  get some(): boolean {
    return this.#widest.size > 0;
  }

  add(fn: '<' | '<=' | '>=' | '>', limit: Atom): void {
    const widest = this.#widest.get(fn);
    const up = fn === '<' || fn === '<=';
    if (widest === undefined || compareAtoms(limit, widest) > 0 === up) this.#widest.set(fn, limit);
  }

  holds(value: Datum): boolean {
    if (value === undefined) return false;
    for (const [fn, limit] of this.#widest) {
      const order = compareAtoms(value as Atom, limit);
      if (order === 0 ? fn.length === 2 : order < 0 === (fn[0] === '<')) return true;
    }
    return false;
  }
}

/** `includes`, of sets and maps. */
class Including implements ClauseGroup {
  readonly always: boolean;
  /** Each stands under that of its pairs which the fewest have, by key and value. Members of a set have no other value than `true`. */
  readonly #byPair = new Map<Atom, Map<Atom, Datum[]>>();

  constructor(wanted: readonly Datum[]) {
    this.always = wanted.some((datum) => sizeOf(datum) === 0);
    const counts = new Map<Atom, Map<Atom, number>>();
    for (const datum of wanted) {
      for (const [key, value] of members(datum)) put(counts, key, value, (n = 0) => n + 1);
    }
    for (const datum of wanted) {
      let rarest: readonly [Atom, Atom] | undefined;
      let least = Number.POSITIVE_INFINITY;
      for (const pair of members(datum)) {
        const count = counts.get(pair[0])!.get(pair[1])!;
        if (count >= least) continue;
        rarest = pair;
        least = count;
      }
      if (rarest !== undefined) {
        put(this.#byPair, ...rarest, (data: Datum[] = []) => {
          data.push(datum);
          return data;
        });
      }
    }
  }

  holds(value: Datum): boolean {
    if (this.always) return true;
    const isIncluded = (datum: Datum): boolean => includes(value, datum);
    if (this.#byPair.size < sizeOf(value)) {
      for (const [key, byValue] of this.#byPair) {
        const of = valueAt(value, key);
        if (of !== undefined && byValue.get(of)?.some(isIncluded)) return true;
      }
      return false;
    }
    for (const [key, of] of members(value)) if (this.#byPair.get(key)?.get(of)?.some(isIncluded)) return true;
    return false;
  }
}

/** `!=`: whatever the value, it is unequal to one of two. */
class Unequal implements ClauseGroup {
  readonly always: boolean;
  readonly #unwanted: Datum;

  constructor(unwanted: readonly Datum[]) {
    this.#unwanted = unwanted[0];
    this.always = unwanted.some((datum) => !datumsEqual(datum, this.#unwanted));
  }

  holds(value: Datum): boolean {
    return this.always || !datumsEqual(value, this.#unwanted);
  }
}

/** `excludes`. The first of which the value has nothing decides; mostly that is the first of all, unless the value has what none of them allows. */
class Excluding implements ClauseGroup {
  readonly always: boolean;
  readonly #unwanted: readonly Datum[];
  /** What all of them exclude. */
  readonly #common: ReadonlyMap<Atom, Atom>;

  constructor(unwanted: readonly Datum[]) {
    this.#unwanted = unwanted;
    this.always = unwanted.some((datum) => sizeOf(datum) === 0);
    let common = [...members(unwanted[0])];
    for (const datum of unwanted) common = common.filter(([key, value]) => valueAt(datum, key) === value);
    this.#common = new Map(common);
  }

  holds(value: Datum): boolean {
    if (this.always) return true;
    if (this.#common.size < sizeOf(value)) {
      for (const [key, unwanted] of this.#common) if (valueAt(value, key) === unwanted) return false;
    } else {
      for (const [key, of] of members(value)) if (this.#common.get(key) === of) return false;
    }
    return this.#unwanted.some((datum) => sizeOf(datum) === this.#common.size || excludes(value, datum));
  }
}

/** The pairs of a map; the members of a set, or of what stands for one, each with `true`. */
function* members(datum: Datum): Iterable<readonly [Atom, Atom]> {
  if (datum instanceof Map) yield* datum as ReadonlyMap<Atom, Atom>;
  else if (Array.isArray(datum)) for (const atom of datum as readonly Atom[]) yield [atom, true];
  else if (datum !== undefined) yield [datum as Atom, true];
}

/** What `key` has for its pair in `members`, if it is there. */
function valueAt(datum: Datum, key: Atom): Atom | undefined {
  if (datum instanceof Map) return (datum as ReadonlyMap<Atom, Atom>).get(key);
  const has = Array.isArray(datum) ? hasAtom(datum as readonly Atom[], key) : datum === key;
  return has ? true : undefined;
}

function sizeOf(datum: Datum): number {
  if (datum === undefined) return 0;
  if (Array.isArray(datum)) return datum.length;
  return datum instanceof Map ? datum.size : 1;
}

function put<T>(at: Map<Atom, Map<Atom, T>>, key: Atom, value: Atom, next: (old: T | undefined) => T): void {
  const byValue = at.get(key);
  if (byValue === undefined) at.set(key, new Map([[value, next(undefined)]]));
  else byValue.set(value, next(byValue.get(value)));
}
