import { stableId } from './stable-id.ts';

/** Numbers below are for conjunctive matches that no logical flow makes. */
const firstId = 0x10000;

/** Ids of conjunctive matches: a range of them for each logical flow in a datapath that needs any. An allocation: it lasts while the flow does. */
export class ConjunctionIds {
  readonly #ranges = new Map<string, { readonly base: number; readonly count: number }>();
  readonly #taken = new Set<number>();

  /** The first of `count` ids in a row; the same as before if the key had as many. */
  allocate(key: string, count: number): number {
    const known = this.#ranges.get(key);
    if (known?.count === count) return known.base;
    if (known !== undefined) this.release(key);
    let base = stableId(key);
    while (!this.#isFree(base, count)) base = (base + count) >>> 0;
    for (let id = base; id < base + count; id++) this.#taken.add(id);
    this.#ranges.set(key, { base, count });
    return base;
  }

  release(key: string): void {
    const known = this.#ranges.get(key);
    if (known === undefined) return;
    this.#ranges.delete(key);
    for (let id = known.base; id < known.base + known.count; id++) this.#taken.delete(id);
  }

  *entries(): IterableIterator<readonly [key: string, base: number, count: number]> {
    for (const [key, { base, count }] of this.#ranges) yield [key, base, count];
  }

  #isFree(base: number, count: number): boolean {
    if (base < firstId || base + count > 0xffffffff) return false;
    for (let id = base; id < base + count; id++) if (this.#taken.has(id)) return false;
    return true;
  }
}
