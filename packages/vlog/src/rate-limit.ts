/** How often the same message may be logged: a token bucket for each (ovs-appctl(8), "vlog/enable-rate-limit"). Pure. */

export interface Rate {
  /** So many may come at once. */
  readonly burst: number;
  readonly perMinute: number;
}

/** One a second: a log that grows no faster fills no disk. */
const defaultRate: Rate = { burst: 60, perMinute: 60 };

interface Bucket {
  tokens: number;
  /** When there were so many tokens, in milliseconds. */
  at: number;
  dropped: number;
  firstDropped: number;
  lastDropped: number;
}

/** What becomes of a message. */
export interface Verdict {
  readonly admitted: boolean;
  /** What is to be said of those that were dropped before it. */
  readonly notice?: string;
}

/** Above this many messages those of which nothing need be known are forgotten. */
const manyBuckets = 1000;

/** Counts messages, each by its own text. */
export class RateLimiter {
  readonly #rate: Rate;
  readonly #buckets = new Map<string, Bucket>();

  constructor(rate: Rate = defaultRate) {
    this.#rate = rate;
  }

  /** Whether a message may be logged at `now`, in milliseconds. */
  admit(message: string, now: number): Verdict {
    const { burst, perMinute } = this.#rate;
    const bucket = this.#bucket(message, now);
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) * perMinute) / 60_000);
    bucket.at = now;
    if (bucket.tokens < 1) {
      if (bucket.dropped++ === 0) bucket.firstDropped = now;
      bucket.lastDropped = now;
      return { admitted: false };
    }
    bucket.tokens--;
    const { dropped } = bucket;
    if (dropped === 0) return { admitted: true };
    bucket.dropped = 0;
    const seconds = (since: number) => Math.round((now - since) / 1000);
    const when = `in last ${seconds(bucket.firstDropped)} seconds (most recently, ${seconds(bucket.lastDropped)} seconds ago)`;
    return { admitted: true, notice: `Dropped ${dropped} log messages ${when} due to excessive rate` };
  }

  #bucket(message: string, now: number): Bucket {
    const known = this.#buckets.get(message);
    if (known !== undefined) return known;
    if (this.#buckets.size >= manyBuckets) this.#forget(now);
    const bucket = { tokens: this.#rate.burst, at: now, dropped: 0, firstDropped: 0, lastDropped: 0 };
    this.#buckets.set(message, bucket);
    return bucket;
  }

  /** Drops the buckets that are full again; if there are none, all. */
  #forget(now: number): void {
    const full = 60_000 * (this.#rate.burst / this.#rate.perMinute);
    for (const [message, bucket] of this.#buckets) {
      if (bucket.dropped === 0 && now - bucket.at >= full) this.#buckets.delete(message);
    }
    if (this.#buckets.size >= manyBuckets) this.#buckets.clear();
  }
}
