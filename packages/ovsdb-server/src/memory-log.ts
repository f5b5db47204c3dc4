/** Tells the log how much memory the server takes, soon after it started and whenever it has grown by half (ovsdb-server(1), "Memory Commands"). */

export interface MemoryLogOptions {
  readonly log: (line: string) => void;
  /** Milliseconds since the start. */
  readonly now: () => number;
  /** Of the process until now, in kB. */
  readonly peak: () => number;
  /** What `memory/show` prints, as far as it takes no time. */
  readonly usage: () => string;
}

const firstMs = 10_000;
const growth = 1.5;

export class MemoryLog {
  readonly #options: MemoryLogOptions;
  #last: { readonly peak: number; readonly at: number } | undefined;

  constructor(options: MemoryLogOptions) {
    this.#options = options;
  }

  /** To be called every few seconds. */
  look(): void {
    const { log, usage } = this.#options;
    const [at, peak] = [this.#options.now(), this.#options.peak()];
    const seconds = (ms: number): string => (ms / 1000).toFixed(1);
    const last = this.#last;
    if (last === undefined) {
      if (at < firstMs) return;
      log(`${peak} kB peak resident set size after ${seconds(at)} seconds`);
    } else {
      if (peak < growth * last.peak) return;
      const percent = Math.round((peak / last.peak - 1) * 100);
      const grown = `peak resident set size grew ${percent}% in last ${seconds(at - last.at)} seconds`;
      log(`${grown}, from ${last.peak} kB to ${peak} kB`);
    }
    log(usage());
    this.#last = { peak, at };
  }
}
