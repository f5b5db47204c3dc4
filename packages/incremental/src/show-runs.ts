/** What `inc-engine/show-stats` prints (ovn-controller(8), ovn-northd(8)). */
import type { Runtime } from './runtime.ts';

/** All derivations that ran, a line each. */
export function showRuns(runtime: Runtime | undefined): readonly string[] {
  const runs = [...(runtime?.stats() ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
  return runs.map(([derivation, count]) => `${derivation}: ${count} runs`);
}

/**
 * One derivation, or one counter of it, in the form of the C programs; nothing if there is no derivation of that name. Every run is one of `compute`:
 * there is no other way to compute, and none is broken off.
 */
export function showRunsOf(runtime: Runtime | undefined, derivation: string, counter?: string): string {
  const compute = runtime?.runs(derivation);
  if (compute === undefined) return '';
  const counters = { recompute: 0, compute, abort: 0 };
  if (counter === undefined) {
    const lines = Object.entries(counters).map(
      ([name, count]) => `- ${`${name}:`.padEnd(11)}${`${count}`.padStart(12)}`,
    );
    return [`Node: ${derivation}`, ...lines].join('\n');
  }
  if (!isKey(counters, counter)) return `Invalid stat type : ${counter}`;
  return String(counters[counter]);
}

const isKey = <T extends object>(object: T, key: string): key is string & keyof T => Object.hasOwn(object, key);
