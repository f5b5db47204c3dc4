/** Time, passed in so that tests decide what time it is. */
export interface Clock {
  /** Milliseconds on a scale that never goes back; only differences mean anything. */
  now(): number;
  /** Runs `action` once after `milliseconds`, or after 24 days if that is sooner; the returned function calls that off. Such a timer keeps no process alive. */
  after(milliseconds: number, action: () => void): () => void;
}

/** With more, a timer of Node.js fires at once: a probe interval of that length would keep the process busy. */
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  // Not `performance.now()`, which loads more than a short-lived client needs.
  now: () => {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1e3 + nanoseconds / 1e6;
  },
  after(milliseconds, action) {
    const timer = setTimeout(action, Math.min(milliseconds, longestTimerMs));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
