/** When to try again (ovsdb-server(7) does the same without the jitter): pure arithmetic, no clock. */

export interface BackoffOptions {
  /** Milliseconds before the second attempt; the first is made at once. */
  readonly minMs: number;
  readonly maxMs: number;
  /** A number in [0, 1); spreads the clients that lost one server at one moment. */
  readonly random: () => number;
}

/** The delays that Open vSwitch uses. */
export const defaultBackoff: BackoffOptions = { minMs: 1000, maxMs: 8000, random: Math.random };

/** Exponential backoff: each failure doubles the delay, up to the maximum; of that, between a half and all is waited. */
export class Backoff {
  readonly #options: BackoffOptions;
  #delay = 0;

  constructor(options: BackoffOptions = defaultBackoff) {
    this.#options = options;
  }

  /** The last delay, in full; 0 before the first failure. */
  get delay(): number {
    return this.#delay;
  }

  /** An attempt failed, or a connection broke: milliseconds to wait before the next attempt. */
  failed(): number {
    const { minMs, maxMs, random } = this.#options;
    this.#delay = this.#delay === 0 ? Math.min(minMs, maxMs) : Math.min(this.#delay * 2, maxMs);
    return this.#delay * (0.5 + random() / 2);
  }

  /** A connection proved to be good; the next failure starts from the minimum again. */
  succeeded(): void {
    this.#delay = 0;
  }

  /**
   * A connection that seemed good ended after so many milliseconds. True if it was: the next failure is the first one again. One that ended sooner than
   * it would have been tried again proved nothing; whoever came back to it at once might do so for ever.
   */
  ended(lastedMs: number): boolean {
    const good = lastedMs >= Math.max(this.#delay, this.#options.minMs);
    if (good) this.succeeded();
    return good;
  }
}
