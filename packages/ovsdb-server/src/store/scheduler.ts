/** Runs the background work: `after` calls back once, `ms` milliseconds later; `soon` when the event loop has nothing else to do. */
export interface Scheduler {
  after(ms: number, callback: () => void): void;
  soon(callback: () => void): void;
}

/** Node's timers, which do not keep the process. */
export const systemScheduler: Scheduler = {
  after: (ms, callback) => void setTimeout(callback, ms).unref(),
  soon: (callback) => void setImmediate(callback),
};
