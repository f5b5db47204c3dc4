/** What was found out lately. */

/**
 * A map in two generations. When the younger is full, the older is forgotten and the younger takes its place; what is found in the older is young
 * again. Nothing is ever deleted from a Map, which V8 does slowly when the oldest of many entries must go.
 */
export class RecentMap<K extends string | number, V> {
  readonly #size: () => number;
  readonly #weigh: (value: V) => number;
  #weight = 0;
  #young = new Map<K, V>();
  #old = new Map<K, V>();

  /** @param size the weight of a generation, which is its entries if they are not weighed; it may be another each time */
  constructor(size: () => number, weigh: (value: V) => number = () => 1) {
    this.#size = size;
    this.#weigh = weigh;
  }

  /** How many keys are known. */
  get size(): number {
    let size = this.#young.size;
    for (const key of this.#old.keys()) if (!this.#young.has(key)) size++;
    return size;
  }

  *values(): Iterable<V> {
    yield* this.#young.values();
    for (const [key, value] of this.#old) if (!this.#young.has(key)) yield value;
  }

  clear(): void {
    this.#young = new Map();
    this.#old = new Map();
    this.#weight = 0;
  }

  get(key: K): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined || this.#old.size === 0) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: K, value: V): void {
    if (this.#weight >= this.#size()) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#weight = 0;
    }
    const before = this.#young.get(key);
    this.#weight += this.#weigh(value) - (before === undefined ? 0 : this.#weigh(before));
    this.#young.set(key, value);
  }
}
