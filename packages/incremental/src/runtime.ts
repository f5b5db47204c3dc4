import { type ErrorListener, ForEach, type Job, type Sink } from './for-each.ts';
import { Derivation, Graph } from './graph.ts';
import { type Member, Relation } from './relation.ts';
import { type RowSet, type TableRow, TrackedTable, type Whole } from './table.ts';

/** Keys of memos are compared by identity: strings and numbers, or row views. */
export type Key = string | number | object;

/** How a chunked flush shares the event loop. */
export interface ChunkOptions {
  /** How long to work at a stretch, in milliseconds. */
  readonly budgetMs: number;
  /** A clock in milliseconds. */
  readonly now: () => number;
  /** Lets others run, for instance `() => new Promise(setImmediate)`. */
  readonly pause: () => Promise<unknown>;
}

/** How many pieces of work pass between two looks at the clock. */
const stepsPerLook = 32;

/**
 * Incremental computation on demand: tables in, derived values out, and only what read a change runs again.
 *
 * Feature code is written as plain functions over tables, as if it recomputed everything. Declare tables, then derivations in the order in
 * which they build on each other; {@link apply changes} to the tables; {@link flush}.
 */
export class Runtime {
  readonly #graph = new Graph();
  readonly #jobs: Job[] = [];
  readonly #runs = new Map<string, { count: number }>();
  readonly #failed: ErrorListener;
  /** The first job that may have work. */
  #next = 0;

  /** `failed` hears of each derivation that throws; its key then has no value, and everything else goes on. */
  constructor(
    failed: ErrorListener = (name, _key, error) => {
      throw new Error(`derivation ${name} failed`, { cause: error });
    },
  ) {
    this.#failed = failed;
  }

  /** A tracked table of rows with these columns. Fill it with `apply`. */
  table<R extends TableRow>(name: string, columns: readonly string[]): TrackedTable<R> {
    return new TrackedTable<R>(this.#graph, name, columns);
  }

  /** A table of rows that are tracked in one piece each. */
  wholeTable<R extends TableRow>(name: string): TrackedTable<Whole<R>, R> {
    return new TrackedTable<Whole<R>, R>(this.#graph, name, 'whole');
  }

  /** A cached function. Readers run again only if the new value is not `equals` to the old. */
  memo<K extends Key, V>(
    name: string,
    compute: (key: K) => V,
    equals: (a: V, b: V) => boolean = Object.is,
  ): (key: K) => V {
    const nodes = new Map<K, Derivation<K, V>>();
    const spec = {
      name,
      compute,
      equals,
      ran: this.#counter(name),
      unwatched: (key: K) => {
        nodes.delete(key);
      },
    };
    return (key) => {
      let node = nodes.get(key);
      if (node === undefined) {
        node = new Derivation(spec, key);
        nodes.set(key, node);
      }
      return this.#graph.value(node);
    };
  }

  /** The same of two keys, which need not be made into one. */
  memoOfTwo<A extends Key, B extends Key, V>(
    name: string,
    compute: (first: A, second: B) => V,
    equals: (a: V, b: V) => boolean = Object.is,
  ): (first: A, second: B) => V {
    type Pair = readonly [A, B];
    const nodes = new Map<A, Map<B, Derivation<Pair, V>>>();
    const spec = {
      name,
      compute: ([first, second]: Pair) => compute(first, second),
      equals,
      ran: this.#counter(name),
      unwatched: ([first, second]: Pair) => {
        const inner = nodes.get(first);
        inner?.delete(second);
        if (inner?.size === 0) nodes.delete(first);
      },
    };
    return (first, second) => {
      let inner = nodes.get(first);
      if (inner === undefined) {
        inner = new Map();
        nodes.set(first, inner);
      }
      let node = inner.get(second);
      if (node === undefined) {
        node = new Derivation<Pair, V>(spec, [first, second]);
        inner.set(second, node);
      }
      return this.#graph.value(node);
    };
  }

  /** Keeps `derive(key)` for every row of a table, or every key that a tracked function returns; the sink hears of what changed. */
  forEach<R extends TableRow, V>(
    name: string,
    table: RowSet<R>,
    derive: (row: R) => V | undefined,
    sink: Sink<R, V>,
    equals?: (a: V, b: V) => boolean,
  ): void;
  forEach<K extends Key, V>(
    name: string,
    keys: () => Iterable<K>,
    derive: (key: K) => V | undefined,
    sink: Sink<K, V>,
    equals?: (a: V, b: V) => boolean,
  ): void;
  forEach<K extends Key, V>(
    name: string,
    keys: RowSet<K> | (() => Iterable<K>),
    derive: (key: K) => V | undefined,
    sink: Sink<K, V>,
    equals: (a: V, b: V) => boolean = Object.is,
  ): void {
    const position = this.#jobs.length;
    const context = {
      graph: this.#graph,
      name,
      ran: this.#counter(name),
      failed: this.#failed,
      wake: () => {
        if (position < this.#next) this.#next = position;
      },
    };
    this.#jobs.push(new ForEach<K, V>(context, keys, derive, sink, equals));
    context.wake();
  }

  /** A counted relation fed by one derivation a key; see {@link Relation}. */
  relation<R extends TableRow, G, M extends Member>(
    name: string,
    table: RowSet<R>,
    contribute: (row: R) => Iterable<readonly [G, M]>,
  ): Relation<G, M>;
  relation<K extends Key, G, M extends Member>(
    name: string,
    keys: () => Iterable<K>,
    contribute: (key: K) => Iterable<readonly [G, M]>,
  ): Relation<G, M>;
  relation<K extends Key, G, M extends Member>(
    name: string,
    keys: RowSet<K> | (() => Iterable<K>),
    contribute: (key: K) => Iterable<readonly [G, M]>,
  ): Relation<G, M> {
    const relation = new Relation<G, M>(this.#graph);
    this.forEach<K, readonly (readonly [G, M])[]>(
      name,
      keys as () => Iterable<K>,
      (key) => [...contribute(key)],
      (_key, next, previous) => relation.replace(next, previous),
    );
    return relation;
  }

  /** Runs `body` without recording what it reads: for what must not make its reader run again, such as the look-up of an allocation. */
  untracked<T>(body: () => T): T {
    return this.#graph.untracked(body);
  }

  /** Brings every derivation up to date. */
  flush(): void {
    while (this.#step());
  }

  /** The same, giving the event loop back whenever the budget is spent. */
  async flushChunked({ budgetMs, now, pause }: ChunkOptions): Promise<void> {
    let until = now() + budgetMs;
    for (let steps = 1; this.#step(); steps++) {
      if (steps % stepsPerLook === 0 && now() >= until) {
        await pause();
        until = now() + budgetMs;
      }
    }
  }

  /** How often each derivation ran since {@link resetStats}. */
  stats(): ReadonlyMap<string, number> {
    return new Map([...this.#runs].map(([name, { count }]) => [name, count] as const).filter(([, runs]) => runs > 0));
  }

  /** How often one derivation ran since; undefined if there is none of that name. */
  runs(name: string): number | undefined {
    return this.#runs.get(name)?.count;
  }

  resetStats(): void {
    for (const runs of this.#runs.values()) runs.count = 0;
  }

  /** One piece of work of the first job that has any: what others build on comes first. */
  #step(): boolean {
    while (this.#next < this.#jobs.length) {
      const position = this.#next;
      if (this.#jobs[position]?.step()) return true;
      // A wake-up during the step may have moved #next back; only move on from where we are.
      if (this.#next === position) this.#next = position + 1;
    }
    return false;
  }

  #counter(name: string): () => void {
    const runs = this.#runs.get(name) ?? { count: 0 };
    this.#runs.set(name, runs);
    return () => {
      runs.count++;
    };
  }
}
