/** `lflow-list --ovs`: under each record, the OpenFlow flows that a chassis made of it. */
import type { SbContext } from './types.ts';

/** Prints the flows of a record, which have the first 32 bits of its uuid as their cookie; nothing without `--ovs`. */
export function switchFlowPrinter({
  options,
  print,
  switchFlows,
}: SbContext): (row: { readonly _uuid: string }) => void {
  if (!options.has('--ovs')) return () => undefined;
  const flows = switchFlows(options.get('--ovs'), options.has('--stats'));
  return (row) => {
    for (const line of flows(Number.parseInt(row._uuid.slice(0, 8), 16))) print(`    ${line}`);
  };
}
