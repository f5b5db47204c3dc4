import { type Graph, Watcher } from './graph.ts';
import type { RowSet } from './table.ts';

/** Told of each key's value: `next` undefined when the key is gone (or its derivation failed), `previous` undefined when it is new. */
export type Sink<K, V> = (key: K, next: V | undefined, previous: V | undefined) => void;

/** What the runtime does with a derivation that throws: the key then has no value until something that it read changes. */
export type ErrorListener = (derivation: string, key: unknown, error: unknown) => void;

/** A unit of the flush: it holds work until {@link step} says that there is none left. */
export interface Job {
  /** Does one piece of work. False when there was none. */
  step(): boolean;
}

export interface ForEachContext {
  readonly graph: Graph;
  readonly name: string;
  ran(): void;
  failed: ErrorListener;
  /** Asks for a flush: there is work. */
  wake(): void;
}

/**
 * Keeps `derive(key)` for every key of a changing set, and tells the sink what changed.
 *
 * The set is a tracked table (its rows are added and removed one by one, whatever its size) or a tracked function that returns keys (compared
 * whole when it changes).
 */
export class ForEach<K, V> implements Job {
  readonly #context: ForEachContext;
  readonly #derive: (key: K) => V | undefined;
  readonly #sink: Sink<K, V>;
  readonly #equals: (a: V, b: V) => boolean;
  readonly #entries = new Map<K, Watcher<K, V>>();
  readonly #stale: Watcher<K, V>[] = [];
  /** Keys that came or went. Which of the two is asked when their turn comes, so it does no harm if one is there twice. */
  #queue: K[] = [];
  #head = 0;
  readonly #keysWatcher: Watcher<undefined> | undefined;
  readonly #keys: (() => Iterable<K>) | undefined;
  #keysAreStale = false;
  readonly #isPresent: (key: K) => boolean;
  /** The keys of a function, when it last ran. */
  #present: ReadonlySet<K> = new Set();

  constructor(
    context: ForEachContext,
    keys: RowSet<K> | (() => Iterable<K>),
    derive: (key: K) => V | undefined,
    sink: Sink<K, V>,
    equals: (a: V, b: V) => boolean,
  ) {
    this.#context = context;
    this.#derive = derive;
    this.#sink = sink;
    this.#equals = equals;
    if (typeof keys !== 'function') {
      this.#isPresent = (row) => keys.holds(row);
      for (const row of keys.rows()) this.#changeMembership(row);
      keys.listen({
        added: (row) => this.#changeMembership(row),
        removed: (row) => this.#changeMembership(row),
      });
    } else {
      this.#keys = keys;
      this.#isPresent = (key) => this.#present.has(key);
      this.#keysAreStale = true;
      this.#keysWatcher = new Watcher(undefined, {
        stale: () => {
          this.#keysAreStale = true;
          this.#context.wake();
        },
      });
      this.#keysWatcher.flags |= 16; // It has never run: it is stale whatever it will read.
    }
    context.wake();
  }

  /** The number of keys that have a derivation. */
  get size(): number {
    return this.#entries.size;
  }

  step(): boolean {
    if (this.#keysAreStale) {
      this.#keysAreStale = false;
      this.#compareKeys();
      return true;
    }
    if (this.#head < this.#queue.length) {
      this.#changeNext();
      return true;
    }
    const watcher = this.#stale.pop();
    if (watcher === undefined) return false;
    if (!watcher.disposed && this.#context.graph.isStale(watcher)) this.#run(watcher);
    return true;
  }

  #changeMembership(key: K): void {
    this.#queue.push(key);
    this.#context.wake();
  }

  #changeNext(): void {
    const key = this.#queue[this.#head++] as K;
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    }
    if (this.#isPresent(key)) this.#add(key);
    else this.#remove(key);
  }

  #compareKeys(): void {
    const { graph, name, failed } = this.#context;
    const watcher = this.#keysWatcher;
    const keys = this.#keys;
    if (watcher === undefined || keys === undefined || !graph.isStale(watcher)) return;
    let present: Set<K>;
    try {
      present = graph.watch(watcher, (read) => new Set(read()), keys);
    } catch (error) {
      failed(`${name} (keys)`, undefined, error);
      return;
    }
    this.#present = present;
    for (const key of this.#entries.keys()) if (!present.has(key)) this.#changeMembership(key);
    for (const key of present) if (!this.#entries.has(key)) this.#changeMembership(key);
  }

  #add(key: K): void {
    if (this.#entries.has(key)) return;
    const watcher = new Watcher<K, V>(key, this);
    this.#entries.set(key, watcher);
    this.#run(watcher);
  }

  /** The graph's: something that the key's derivation read may have changed. */
  stale(watcher: Watcher<K, V>): void {
    this.#stale.push(watcher);
    this.#context.wake();
  }

  #remove(key: K): void {
    const watcher = this.#entries.get(key);
    if (watcher === undefined) return;
    this.#entries.delete(key);
    this.#context.graph.dispose(watcher);
    if (watcher.value !== undefined) this.#sink(key, undefined, watcher.value);
  }

  #run(watcher: Watcher<K, V>): void {
    const { graph, name, ran, failed } = this.#context;
    let next: V | undefined;
    ran();
    try {
      next = graph.watch(watcher, this.#derive, watcher.key);
    } catch (error) {
      failed(name, watcher.key, error);
    }
    const previous = watcher.value;
    if (previous === next || (previous !== undefined && next !== undefined && this.#equals(previous, next))) return;
    watcher.value = next;
    this.#sink(watcher.key, next, previous);
  }
}
