/** What is known of texts, for the texts that were used lately. */

/** Texts of a generation: more than a large network has logical flows, since a generation just short of them would age between two passes over them. */
const generationSize = 250_000;

/**
 * A map in two generations. When the younger is full, the older is forgotten and the younger takes its place; what is found in the older is young
 * again. Nothing is ever deleted from a Map, which V8 does slowly when the oldest of many entries must go.
 */
export class TextCache<T> {
  readonly #size: number;
  #young = new Map<string, T>();
  #old = new Map<string, T>();

  constructor(size = generationSize) {
    this.#size = size;
  }

  get(text: string): T | undefined {
    const young = this.#young.get(text);
    if (young !== undefined) return young;
    const old = this.#old.get(text);
    if (old !== undefined) this.set(text, old);
    return old;
  }

  set(text: string, value: T): void {
    if (this.#young.size >= this.#size) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(text, value);
  }
}
