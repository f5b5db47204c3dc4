/** Sends units of operations to a database in as few transactions as their size allows, each as soon as it is full. */
import type { JsonObject } from '@weft/ovsdb/json';
import type { Unit } from './reconciler.ts';

/** A difference of at most so many operations is one transaction, so that nobody sees half of it; a larger one is cut, here and from then on into pieces. */
const operationsAtOnce = 1500;
/** Pieces of some 100 kB: what is smaller than a socket's buffers is parsed in one go at the other end, and comes back while the next is made. */
const operationsPerPiece = 250;
/** How many transactions are under way at a time: the server works on one while the next is made. */
const transactionsInFlight = 8;
/** How long to work at a stretch, in milliseconds. */
const budgetMs = 20;

export interface TransactionStreamOptions {
  readonly transact: (operations: readonly JsonObject[]) => Promise<unknown>;
  /** Everything in one transaction, however large. */
  readonly whole: boolean;
  /** Milliseconds of a clock that does not jump. */
  readonly now: () => number;
  /** Lets others use the event loop. */
  readonly pause: () => Promise<unknown>;
  /** Called whenever others have run; what it throws ends the stream. */
  readonly check: () => void;
}

export class TransactionStream {
  readonly #options: TransactionStreamOptions;
  readonly #inFlight: Promise<unknown>[] = [];
  #operations: JsonObject[] = [];
  #limit = operationsAtOnce;

  constructor(options: TransactionStreamOptions) {
    this.#options = options;
  }

  /** Takes units, and sends what is full; the rest waits for more. One call at a time. */
  async add(units: Iterable<Unit>): Promise<void> {
    const { now, pause, check, whole } = this.#options;
    let until = now() + budgetMs;
    for (const unit of units) {
      this.#operations.push(...unit);
      const full = this.#operations.length >= this.#limit && !whole;
      if (full) this.#send();
      if (this.#inFlight.length >= transactionsInFlight) await this.#inFlight.shift();
      else if (full || (unit.length === 0 && now() >= until)) await pause();
      else continue;
      check();
      until = now() + budgetMs;
    }
  }

  /** Sends what is left, and resolves when the database has taken everything. */
  async end(): Promise<void> {
    if (this.#operations.length > 0) this.#send();
    await Promise.all(this.#inFlight);
    this.#options.check();
  }

  #send(): void {
    this.#limit = operationsPerPiece;
    const sent = this.#options.transact(this.#operations);
    // A failure is heard of when its turn comes; until then it is not an unhandled one.
    sent.catch(() => {});
    this.#inFlight.push(sent);
    this.#operations = [];
  }
}
