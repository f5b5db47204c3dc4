/**
 * Rows whose time comes: the one place where the core depends on time. Derivations say when a row expires and ask whether it has; whoever owns
 * the clock says what time it is ({@link Expiry.advance}) and when to come back ({@link Expiry.next}).
 */
import type { Runtime } from '@weft/incremental/runtime';
import type { TrackedTable } from '@weft/incremental/table';
import type { Uuid } from '@weft/ovsdb/uuid';

interface Expired {
  readonly _uuid: Uuid;
}

/** How long the rest waits where the number of rows that may expire at once is limited, in milliseconds. */
const batchPauseMs = 5000;
/** So many void entries do no harm. */
const fewEntries = 64;

export class Expiry {
  readonly #expired: TrackedTable<Expired>;
  readonly #due = new Map<Uuid, number>();
  /** A binary heap by time. An entry whose row has another time by now is void. */
  #heap: (readonly [at: number, uuid: Uuid])[] = [];
  #notBefore = 0;

  constructor(rt: Runtime) {
    this.#expired = rt.table<Expired>('expired rows', []);
  }

  /** Says when a row expires, in milliseconds since the epoch; undefined if it does not, or is gone. */
  schedule(uuid: Uuid, at: number | undefined): void {
    if (at === undefined) this.#due.delete(uuid);
    else {
      this.#due.set(uuid, at);
      this.#push([at, uuid]);
      if (this.#heap.length > 2 * this.#due.size + fewEntries) this.#clean();
    }
    const row = { _uuid: uuid };
    if (this.#expired.get(uuid) !== undefined) this.#expired.apply([{ uuid, old: row }]);
  }

  /** Whether the row has expired. The reader runs again when it does. */
  has(uuid: Uuid): boolean {
    return this.#expired.get(uuid) !== undefined;
  }

  /** How many times are remembered, those that are void included. */
  get size(): number {
    return this.#heap.length;
  }

  /** When {@link advance} has something to do next, in milliseconds since the epoch. */
  get next(): number | undefined {
    this.#dropVoid();
    const first = this.#heap[0];
    return first && Math.max(first[0], this.#notBefore);
  }

  /** It is `now`; at most `limit` rows expire at a time, if that is not 0. */
  advance(now: number, limit = 0): void {
    if (now < this.#notBefore) return;
    for (let count = 0; ; count++) {
      this.#dropVoid();
      const first = this.#heap[0];
      if (first === undefined || first[0] > now) return;
      if (limit > 0 && count === limit) {
        this.#notBefore = now + batchPauseMs;
        return;
      }
      const [, uuid] = first;
      this.#pop();
      this.#due.delete(uuid);
      this.#expired.apply([{ uuid, new: { _uuid: uuid } }]);
    }
  }

  #dropVoid(): void {
    for (
      let first = this.#heap[0];
      first !== undefined && this.#due.get(first[1]) !== first[0];
      first = this.#heap[0]
    ) {
      this.#pop();
    }
  }

  /** Void entries go by themselves when their time comes, which may be in weeks: rows that come and go must not heap up until then. */
  #clean(): void {
    this.#heap = [];
    for (const [uuid, at] of this.#due) this.#push([at, uuid]);
  }

  #push(entry: readonly [number, Uuid]): void {
    const heap = this.#heap;
    let i = heap.push(entry) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if ((heap[parent] as readonly [number, Uuid])[0] <= entry[0]) break;
      heap[i] = heap[parent] as readonly [number, Uuid];
      i = parent;
    }
    heap[i] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      if (right !== undefined && right[0] < left[0]) child++;
      const least = heap[child] as readonly [number, Uuid];
      if (last[0] <= least[0]) break;
      heap[i] = least;
      i = child;
    }
    heap[i] = last;
  }
}
