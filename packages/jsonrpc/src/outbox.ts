/**
 * Lets many peers write what they have gathered when the work at hand is done: one visit of the event loop's queue serves all of them, and costs as much
 * as a message.
 */
export class Outbox {
  readonly #soon: (run: () => void) => void;
  #flushes: (() => void)[] = [];
  readonly #run = (): void => {
    const flushes = this.#flushes;
    this.#flushes = [];
    for (const flush of flushes) flush();
  };

  /**
   * `soon` calls back when the work at hand is done. In the next tick all promises have run, too: whoever goes on when one is kept, as clients do, sends what
   * he has then along. For a server that knows no promises in its work, `inPromises` costs less than a tick.
   */
  constructor(soon: (run: () => void) => void = process.nextTick) {
    this.#soon = soon;
  }

  /** `flush` is called once, before anything else that comes in. */
  add(flush: () => void): void {
    if (this.#flushes.length === 0) this.#soon(this.#run);
    this.#flushes.push(flush);
  }
}

const kept = Promise.resolve();

/** Calls back when the promises that are kept by now have run. */
export function inPromises(run: () => void): void {
  void kept.then(run);
}
