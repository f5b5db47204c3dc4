import { type Graph, KeyedSource } from './graph.ts';

/** Sources made when somebody reads their key, and forgotten when nobody does any more. */
export class KeyedSources<K> {
  readonly #graph: Graph;
  readonly #sources = new Map<K, KeyedSource<K>>();

  constructor(graph: Graph) {
    this.#graph = graph;
  }

  read(key: K): void {
    if (!this.#graph.tracking) return;
    let source = this.#sources.get(key);
    if (source === undefined) {
      source = new KeyedSource(this, key);
      this.#sources.set(key, source);
    }
    this.#graph.read(source);
  }

  /** The graph's: nobody reads the key any more. */
  forget(key: K): void {
    this.#sources.delete(key);
  }

  changed(key: K): void {
    const source = this.#sources.get(key);
    if (source !== undefined) this.#graph.changed(source);
  }
}
