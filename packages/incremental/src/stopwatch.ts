/** How long the phases of a program's work take (`stopwatch/show` of ovn-northd and ovn-controller). */

/** What the averages give to the latest sample. */
const weights = { short: 0.5, long: 0.01 } as const;
/** The percentile is that of so many samples. */
const remembered = 1000;

/** Samples of one phase, in milliseconds. */
export class Stopwatch {
  #samples = 0;
  #maximum = 0;
  #minimum = 0;
  #short = 0;
  #long = 0;
  /** The latest, in a ring. */
  readonly #recent: number[] = [];

  add(ms: number): void {
    const first = this.#samples === 0;
    this.#maximum = Math.max(this.#maximum, ms);
    this.#minimum = first ? ms : Math.min(this.#minimum, ms);
    this.#short = first ? ms : this.#short + weights.short * (ms - this.#short);
    this.#long = first ? ms : this.#long + weights.long * (ms - this.#long);
    this.#recent[this.#samples % remembered] = ms;
    this.#samples++;
  }

  /** In the form of the C programs. */
  show(name: string): string {
    const sorted = this.#recent.toSorted((a, b) => a - b);
    const percentile = sorted[Math.max(Math.ceil(sorted.length * 0.95) - 1, 0)] ?? 0;
    return [
      `Statistics for '${name}'`,
      `  Total samples: ${this.#samples}`,
      `  Maximum: ${Math.round(this.#maximum)} msec`,
      `  Minimum: ${Math.round(this.#minimum)} msec`,
      `  95th percentile: ${percentile.toFixed(6)} msec`,
      `  Short term average: ${this.#short.toFixed(6)} msec`,
      `  Long term average: ${this.#long.toFixed(6)} msec`,
    ].join('\n');
  }
}

/** One stopwatch for each phase. */
export class Stopwatches<Name extends string> {
  readonly #watches: Map<string, Stopwatch>;
  readonly #now: () => number;

  /** @param now a clock in milliseconds that does not jump */
  constructor(names: readonly Name[], now: () => number) {
    this.#watches = new Map(names.map((name) => [name, new Stopwatch()]));
    this.#now = now;
  }

  /** Takes the time of a phase; one that fails is no sample. */
  async time<T>(name: Name, phase: () => Promise<T>): Promise<T> {
    const started = this.#now();
    const result = await phase();
    this.#watches.get(name)?.add(this.#now() - started);
    return result;
  }

  /** Of one phase, or all; undefined if there is none of that name. */
  show(name?: string): string | undefined {
    if (name !== undefined) return this.#watches.get(name)?.show(name);
    return [...this.#watches].map(([each, watch]) => watch.show(each)).join('\n');
  }

  /** Begins anew, with one phase or all. */
  reset(name?: string): void {
    for (const each of this.#watches.keys())
      if (name === undefined || name === each) this.#watches.set(each, new Stopwatch());
  }
}
