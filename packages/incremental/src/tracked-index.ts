import type { Graph } from './graph.ts';
import { KeyedSources } from './keyed-sources.ts';
import { lowerBound } from './sorted.ts';
import type { TableRow } from './table.ts';

export type IndexKey = string | number;

const list = <K>(keys: K | readonly K[] | undefined): readonly K[] =>
  keys === undefined ? [] : Array.isArray(keys) ? (keys as readonly K[]) : [keys as K];
const uuidOf = (row: TableRow): string => row._uuid;

/** Rows by key. Readers of a key run again when the rows under that key change, not when their other columns do. */
export class TrackedIndex<V extends TableRow, K extends IndexKey, R extends TableRow = V> {
  readonly name: string;
  readonly #columns: readonly (keyof R)[];
  readonly #keyOf: (row: R) => K | readonly K[] | undefined;
  /** A lone row stands for itself: most indexes are of unique keys, and 25,000 arrays of one are 25,000 arrays. */
  readonly #entries = new Map<K, V | V[]>();
  readonly #sources: KeyedSources<K>;

  constructor(
    graph: Graph,
    name: string,
    columns: readonly (keyof R & string)[],
    keyOf: (row: R) => K | readonly K[] | undefined,
  ) {
    this.name = name;
    this.#columns = columns;
    this.#keyOf = keyOf;
    this.#sources = new KeyedSources(graph);
  }

  /** The rows under `key`, by ascending uuid, so that the answer does not depend on the history. */
  get(key: K): readonly V[] {
    this.#sources.read(key);
    const entry = this.#entries.get(key);
    return entry === undefined ? [] : Array.isArray(entry) ? entry : [entry];
  }

  /** The row under `key`: the one with the least uuid where there are several. */
  one(key: K): V | undefined {
    this.#sources.read(key);
    const entry = this.#entries.get(key);
    return Array.isArray(entry) ? entry[0] : entry;
  }

  /** The table's: keeps the index in step with a row that changed from `old` to `next`. */
  update(view: V, old: R | undefined, next: R | undefined): void {
    if (old !== undefined && next !== undefined && this.#columns.every((column) => old[column] === next[column]))
      return;
    const oldKey = old === undefined ? undefined : this.#keyOf(old);
    const newKey = next === undefined ? undefined : this.#keyOf(next);
    // The rule: one key at most, before and after.
    if (typeof oldKey !== 'object' && typeof newKey !== 'object') {
      if (oldKey === newKey) return;
      if (oldKey !== undefined) this.#delete(oldKey, view);
      if (newKey !== undefined) this.#insert(newKey, view);
      return;
    }
    const kept = new Set(list(newKey));
    const before = new Set(list(oldKey));
    for (const key of before) if (!kept.has(key)) this.#delete(key, view);
    for (const key of kept) if (!before.has(key)) this.#insert(key, view);
  }

  #insert(key: K, view: V): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) this.#entries.set(key, view);
    else {
      // A new array each time: a reader may hold the old one.
      const rows = Array.isArray(entry) ? entry.slice() : [entry];
      rows.splice(lowerBound(rows, view._uuid, uuidOf), 0, view);
      this.#entries.set(key, rows);
    }
    this.#sources.changed(key);
  }

  #delete(key: K, view: V): void {
    const entry = this.#entries.get(key);
    if (Array.isArray(entry)) {
      const rest = entry.filter((row) => row !== view);
      if (rest.length === 1) this.#entries.set(key, rest[0] as V);
      else this.#entries.set(key, rest);
    } else if (entry === view) this.#entries.delete(key);
    this.#sources.changed(key);
  }
}
