/** How often things happen, and have happened of late (ovsdb-server(1), "Coverage Commands"). */
import { crc32 } from 'node:zlib';

/** Milliseconds between two calls of `tick`. */
export const tickMs = 5000;
const ticksPerMinute = 60_000 / tickMs;
const ticksPerHour = 60 * ticksPerMinute;

export class Coverage {
  readonly #totals: ReadonlyMap<string, () => number>;
  /** The totals at the last ticks, the latest last: for the rates of an hour. */
  readonly #past: number[][] = [];

  /** `totals` tells how often each event has happened until now. */
  constructor(totals: { readonly [event: string]: () => number }) {
    this.#totals = new Map(Object.entries(totals));
  }

  /** To be called every `tickMs`. */
  tick(): void {
    this.#past.push([...this.#totals.values()].map((total) => total()));
    if (this.#past.length > ticksPerHour + 1) this.#past.shift();
  }

  /** Undefined: there is no such event. */
  total(event: string): number | undefined {
    return this.#totals.get(event)?.();
  }

  /** In the form of the C programs. */
  show(): string {
    const lines: string[] = [];
    for (const [i, [event, total]] of [...this.#totals].entries()) {
      if (total() === 0) continue;
      const rate = (ticks: number, width: number, digits: number): string =>
        `${((this.#since(i, ticks) * 1000) / (ticks * tickMs)).toFixed(digits).padStart(width)}/sec`;
      const rates = `${rate(1, 5, 1)} ${rate(ticksPerMinute, 9, 3)} ${rate(ticksPerHour, 13, 4)}`;
      lines.push(`${event.padEnd(24)} ${rates}   total: ${total()}`);
    }
    const hash = crc32(lines.join('\n')).toString(16).padStart(8, '0');
    const head = `Event coverage, avg rate over last: 5 seconds, last minute, last hour,  hash=${hash}:`;
    return [head, ...lines, `${this.#totals.size - lines.length} events never hit`].join('\n');
  }

  /** How often it happened in the last ticks. What was before the first one is 0. */
  #since(event: number, ticks: number): number {
    const last = this.#past.at(-1)?.[event] ?? 0;
    return last - (this.#past.at(-1 - ticks)?.[event] ?? 0);
  }
}
