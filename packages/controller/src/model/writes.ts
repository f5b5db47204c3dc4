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
  /** What was wrong last with what is still asked for. */
  readonly #complaints = new Map<string, string>();

  /** `write` undefined: nothing to do any more. The key names who asks. */
  set(key: string, write: Write<D> | undefined): void {
    this.#unconfirmed.delete(key);
    if (write === undefined) {
      this.#pending.delete(key);
      this.#complaints.delete(key);
    } else this.#pending.set(key, write);
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
      this.#complaints.delete(key);
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

  /** Something is wrong with a write. False if that was said already. */
  isNews(key: string, complaint: string): boolean {
    // Nobody asks for it any more.
    if (!this.#pending.has(key)) return true;
    if (this.#complaints.get(key) === complaint) return false;
    this.#complaints.set(key, complaint);
    return true;
  }

  /** How many writes something was wrong with that are still asked for. */
  get complaints(): number {
    return this.#complaints.size;
  }
}

/** The same text for the same fault: a constraint violation names rows that are other ones at each attempt. */
export function complaintOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(
    /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g,
    '',
  );
}
