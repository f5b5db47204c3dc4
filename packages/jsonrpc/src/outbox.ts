/**
 * Lets many peers write what they have gathered when the work at hand is done: one visit of the event loop's queue serves all of them, and costs as much
 * as a message.
 */
export class Outbox {
  #flushes: (() => void)[] = [];
  readonly #run = (): void => {
    const flushes = this.#flushes;
    this.#flushes = [];
    for (const flush of flushes) flush();
  };

  /** `flush` is called once, before anything else that comes in. */
  add(flush: () => void): void {
    if (this.#flushes.length === 0) process.nextTick(this.#run);
    this.#flushes.push(flush);
  }
}
