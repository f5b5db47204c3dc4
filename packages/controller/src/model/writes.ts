/**
 * Writes to a database that derivations ask for: what must change so that the rows are as they should be. A derivation compares what it wants with
 * the rows that it reads, and asks for a write, or for none; when the write has come back as a change of the rows, it asks for none by itself.
 */

import type { DatabaseSchema } from '@weft/ovsdb/schema';
import type { Transaction } from '@weft/ovsdb-client/transaction';

/** Adds to a transaction. May run several times, for a commit that failed is tried again. */
export type Write<D extends DatabaseSchema> = (transaction: Transaction<D>) => void;

export class Writes<D extends DatabaseSchema> {
  readonly #pending = new Map<string, Write<D>>();
  /** Committed, and still asked for: nearly always the change of the rows is on its way. */
  readonly #unconfirmed = new Map<string, Write<D>>();

  /** `write` undefined: nothing to do any more. The key names who asks. */
  set(key: string, write: Write<D> | undefined): void {
    this.#unconfirmed.delete(key);
    if (write === undefined) this.#pending.delete(key);
    else this.#pending.set(key, write);
  }

  get size(): number {
    return this.#pending.size;
  }

  get keys(): readonly string[] {
    return [...this.#pending.keys()];
  }

  /** Whether there is any write besides these. */
  anyBut(others: ReadonlySet<object>): boolean {
    for (const write of this.#pending.values()) if (!others.has(write)) return true;
    return false;
  }

  /** Fills a transaction with all that is asked for. Call `settle` with the result once it is committed. */
  fill(transaction: Transaction<D>): ReadonlyMap<string, Write<D>> {
    for (const write of this.#pending.values()) write(transaction);
    return new Map(this.#pending);
  }

  /** What was committed need not be written again, unless something else is asked for by now. */
  settle(committed: ReadonlyMap<string, Write<D>>): void {
    for (const [key, write] of committed) {
      if (this.#pending.get(key) !== write) continue;
      this.#pending.delete(key);
      this.#unconfirmed.set(key, write);
    }
  }

  /**
   * Asks again for what was committed and has not come back. That happens when somebody else overwrites it at once, so that the rows seem never to
   * have changed: another chassis that claims the same port.
   */
  revive(): void {
    for (const [key, write] of this.#unconfirmed) this.#pending.set(key, write);
    this.#unconfirmed.clear();
  }

  get unconfirmed(): number {
    return this.#unconfirmed.size;
  }
}
