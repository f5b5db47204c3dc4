import { createReactiveSystem, type ReactiveNode } from 'alien-signals/system';

/**
 * The dependency graph: sources that change, derivations that read them, watchers that want to know.
 *
 * Propagation and the check of what is really stale are alien-signals' (`alien-signals/system`); the nodes and the scheduling are ours, because
 * its ready-made effects run at once and share module-global state, while we need an explicit, chunkable flush per runtime.
 * `docs/incremental.md` has the measurement behind the choice.
 */

// alien-signals declares its flags as an ambient `const enum`, which isolated modules cannot import as values.
const MUTABLE = 1;
const WATCHING = 2;
const RECURSED_CHECK = 4;
const DIRTY = 16;
const PENDING = 32;

/** Something that derivations read and that changes from outside: a row's column, an index key, a group of a relation. */
export class Source implements ReactiveNode {
  flags = MUTABLE;
  subs: ReactiveNode['subs'] = undefined;
  subsTail: ReactiveNode['subsTail'] = undefined;
}

/** A source that its owner forgets when the last reader is gone. Owner and key are fields: a closure each would be twice the size of the source. */
export class KeyedSource<K> extends Source {
  readonly owner: { forget(key: K): void };
  readonly key: K;

  constructor(owner: { forget(key: K): void }, key: K) {
    super();
    this.owner = owner;
    this.key = key;
  }
}

/** What went wrong in a derivation: kept in place of its value, and thrown again at every reader. */
class Failure {
  readonly error: unknown;
  constructor(error: unknown) {
    this.error = error;
  }
}

/** A cached function application: `compute(key)`, recomputed when something that it read has changed. */
export class Derivation<K, V> implements ReactiveNode {
  flags = MUTABLE | DIRTY;
  subs: ReactiveNode['subs'] = undefined;
  subsTail: ReactiveNode['subsTail'] = undefined;
  deps: ReactiveNode['deps'] = undefined;
  depsTail: ReactiveNode['depsTail'] = undefined;
  value: V | Failure | undefined = undefined;
  readonly key: K;
  readonly spec: DerivationSpec<K, V>;

  constructor(spec: DerivationSpec<K, V>, key: K) {
    this.spec = spec;
    this.key = key;
  }
}

export interface DerivationSpec<K, V> {
  readonly name: string;
  readonly compute: (key: K) => V;
  equals(a: V, b: V): boolean;
  ran(): void;
  unwatched(key: K): void;
}

/** A watcher of any kind of key, as the graph sees it. */
export interface AnyWatcher extends ReactiveNode {
  disposed: boolean;
}

/** The end of a chain: told (once, until it runs again) that something it depends on may have changed. */
export class Watcher<K, V = unknown> implements AnyWatcher {
  flags = WATCHING;
  deps: ReactiveNode['deps'] = undefined;
  depsTail: ReactiveNode['depsTail'] = undefined;
  disposed = false;
  readonly key: K;
  /** What the owner made of the key. */
  value: V | undefined = undefined;
  readonly owner: { stale(watcher: Watcher<K, V>): void };

  constructor(key: K, owner: { stale(watcher: Watcher<K, V>): void }) {
    this.key = key;
    this.owner = owner;
  }
}

export class Graph {
  #active: ReactiveNode | undefined;
  #run = 0;
  readonly #system = createReactiveSystem({
    update: (node) => this.#update(node),
    notify: (node) => {
      node.flags &= ~WATCHING;
      const watcher = node as Watcher<unknown>;
      watcher.owner.stale(watcher);
    },
    unwatched: (node) => {
      if (node instanceof Derivation) {
        node.flags = MUTABLE | DIRTY;
        this.#unlinkAll(node);
        node.spec.unwatched(node.key);
      } else if (node instanceof KeyedSource) node.owner.forget(node.key);
    },
  });

  /** Whether a derivation is running, so that what is read now is tracked. */
  get tracking(): boolean {
    return this.#active !== undefined;
  }

  /** Records that the running derivation reads `source`. Outside of any derivation it does nothing. */
  read(source: Source): void {
    if (this.#active !== undefined) this.#system.link(source, this.#active, this.#run);
  }

  /** Marks everything that read `source` as possibly stale. Nothing is recomputed yet. */
  changed(source: Source): void {
    source.flags = MUTABLE | DIRTY;
    if (source.subs !== undefined) this.#system.propagate(source.subs, false);
  }

  /** The value of a derivation, recomputed if it is stale. Throws what its function threw. */
  value<K, V>(node: Derivation<K, V>): V {
    if (node.flags & RECURSED_CHECK) throw new Error(`${node.spec.name}(${String(node.key)}) depends on itself`);
    const { flags } = node;
    if (flags & DIRTY || (flags & PENDING && node.deps !== undefined && this.#system.checkDirty(node.deps, node))) {
      if (this.#recompute(node) && node.subs !== undefined) this.#system.shallowPropagate(node.subs);
    } else if (flags & PENDING) node.flags = flags & ~PENDING;
    const { value } = node;
    if (this.#active !== undefined) this.#system.link(node, this.#active, this.#run);
    else if (node.subs === undefined) {
      // Nobody keeps it: a look from outside must not leave a cache entry behind.
      node.flags = MUTABLE | DIRTY;
      this.#unlinkAll(node);
      node.spec.unwatched(node.key);
    }
    if (value instanceof Failure) throw value.error;
    return value as V;
  }

  /** Whether something that the watcher read has really changed; if not, it goes back to watching. */
  isStale(watcher: AnyWatcher): boolean {
    const { flags } = watcher;
    if (
      flags & DIRTY ||
      (flags & PENDING && watcher.deps !== undefined && this.#system.checkDirty(watcher.deps, watcher))
    )
      return true;
    watcher.flags = WATCHING;
    return false;
  }

  /** Runs `body` of `key` on behalf of the watcher: what it reads is what the watcher watches from now on. */
  watch<K, T>(watcher: AnyWatcher, body: (key: K) => T, key: K): T {
    return this.#track(watcher, WATCHING, body, key);
  }

  /** Runs `body` without recording what it reads. */
  untracked<T>(body: () => T): T {
    const outer = this.#active;
    this.#active = undefined;
    try {
      return body();
    } finally {
      this.#active = outer;
    }
  }

  dispose(watcher: AnyWatcher): void {
    watcher.disposed = true;
    watcher.flags = 0;
    this.#unlinkAll(watcher);
  }

  #track<K, T>(node: ReactiveNode, flags: number, body: (key: K) => T, key: K): T {
    const outer = this.#active;
    const outerRun = this.#run;
    node.depsTail = undefined;
    node.flags = flags | RECURSED_CHECK;
    this.#active = node;
    this.#run = ++this.#runs;
    try {
      return body(key);
    } finally {
      this.#active = outer;
      this.#run = outerRun;
      node.flags &= ~RECURSED_CHECK;
      const tail = node.depsTail as ReactiveNode['depsTail'];
      let link = tail !== undefined ? tail.nextDep : node.deps;
      while (link !== undefined) link = this.#system.unlink(link, node);
    }
  }

  #runs = 0;

  #update(node: ReactiveNode): boolean {
    if (node instanceof Derivation) return this.#recompute(node);
    node.flags = MUTABLE;
    return true;
  }

  #recompute<K, V>(node: Derivation<K, V>): boolean {
    const previous = node.value;
    let next: V | Failure;
    try {
      next = this.#track(node, MUTABLE, node.spec.compute, node.key);
    } catch (error) {
      next = new Failure(error);
    }
    node.spec.ran();
    if (
      previous !== undefined &&
      !(previous instanceof Failure) &&
      !(next instanceof Failure) &&
      node.spec.equals(previous, next)
    )
      return false;
    node.value = next;
    return previous !== next;
  }

  #unlinkAll(node: ReactiveNode): void {
    let link = node.depsTail;
    while (link !== undefined) {
      const previous = link.prevDep;
      this.#system.unlink(link, node);
      link = previous;
    }
  }
}
