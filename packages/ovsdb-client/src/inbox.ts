/** Handles what a server sends strictly in order, although a large update is worked on in slices between which the event loop runs. */

/** Returns true when done; called again, in a later turn of the event loop, until then. */
export type Work = () => boolean;

interface Queued {
  readonly work: Work;
  readonly dropped: (() => void) | undefined;
}

export class Inbox {
  #queue: Queued[] = [];
  #scheduled = false;
  #running = false;

  /** Runs `work` at once if nothing waits before it, else after what does; calls `dropped` if it is forgotten before. */
  add(work: Work, dropped?: () => void): void {
    this.#queue.push({ work, dropped });
    if (!this.#scheduled && !this.#running) this.#run();
  }

  /** Forgets what waits, and what is half done. */
  clear(): void {
    const forgotten = this.#queue;
    this.#queue = [];
    for (const { dropped } of forgotten) dropped?.();
  }

  get idle(): boolean {
    return this.#queue.length === 0;
  }

  #run(): void {
    this.#running = true;
    try {
      for (;;) {
        const first = this.#queue[0];
        if (first === undefined) return;
        const done = first.work();
        // The work may have cleared the queue.
        if (this.#queue[0] !== first) continue;
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
