/** What was found out lately. */

/**
 * A map in two generations. When the younger is full, the older is forgotten and the younger takes its place; what is found in the older is young
 * again. Nothing is ever deleted from a Map, which V8 does slowly when the oldest of many entries must go.
 */
export class RecentMap<K extends string | number, V> {
  readonly #size: number;
  #young = new Map<K, V>();
  #old = new Map<K, V>();

  /** @param size the entries of a generation */
  constructor(size: number) {
    this.#size = size;
  }

  get(key: K): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined || this.#old.size === 0) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: K, value: V): void {
    if (this.#young.size >= this.#size) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }
}
