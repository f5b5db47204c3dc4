/** Handles what a server sends strictly in order, although a large update is worked on in slices between which the event loop runs. */

/** Returns true when done; called again, in a later turn of the event loop, until then. */
export type Work = () => boolean;

export class Inbox {
  #queue: Work[] = [];
  #scheduled = false;
  #running = false;

  /** Runs `work` at once if nothing waits before it, else after what does. */
  add(work: Work): void {
    this.#queue.push(work);
    if (!this.#scheduled && !this.#running) this.#run();
  }

  /** Forgets what waits, and what is half done. */
  clear(): void {
    this.#queue = [];
  }

  get idle(): boolean {
    return this.#queue.length === 0;
  }

  #run(): void {
    this.#running = true;
    try {
      for (;;) {
        const work = this.#queue[0];
        if (work === undefined) return;
        const done = work();
        // The work may have cleared the queue.
        if (this.#queue[0] !== work) continue;
        if (done) {
          this.#queue.shift();
          continue;
        }
        this.#scheduled = true;
        setImmediate(() => {
          this.#scheduled = false;
          this.#run();
        });
        return;
      }
    } finally {
      this.#running = false;
    }
  }
}
