/** What northd did since it was last asked to forget it (ovn-northd(8), `inc-engine/show-stats`). */
import { showRuns, showRunsOf } from '@weft/incremental/show-runs';
import type { NorthdService } from './service.ts';

/** How often each derivation ran, and what was written; or one derivation, or one counter of it. */
export function showStatistics({ stats, runtime }: NorthdService, node?: string, counter?: string): string {
  if (node !== undefined) return showRunsOf(runtime, node, counter);
  const { rounds, transactions, operations, failures, lastFlushMs, lastWriteMs } = stats;
  return [
    `rounds: ${rounds}, transactions: ${transactions}, operations: ${operations}, failures: ${failures}`,
    `last round: ${lastFlushMs.toFixed(1)} ms computing, ${lastWriteMs.toFixed(1)} ms writing`,
    ...showRuns(runtime),
  ].join('\n');
}
