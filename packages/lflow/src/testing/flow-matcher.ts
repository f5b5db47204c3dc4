/** A switch table in miniature: which packets the flows of a match select, conjunctions included. */
import type { Match } from '@weft/openflow/match';
import type { MatchFlows } from '../flows.ts';

/** The value of a storage field (`reg0`, not `xxreg0`; `vlan_vid` with its CFI bit, not `vlan_tci`) in a packet. */
export type StorageField = (name: string) => bigint;

/** Whether the packet reaches the logical flow's actions. */
export function selects({ flows }: MatchFlows, packet: StorageField): boolean {
  const satisfied = new Map<number, Set<number>>();
  for (const flow of flows) {
    if (!matches(flow.match, packet)) continue;
    if (flow.parts.length === 0 && flow.conjunction === undefined) return true;
    for (const { id, clause } of flow.parts) {
      const clauses = satisfied.get(id) ?? new Set();
      clauses.add(clause);
      satisfied.set(id, clauses);
    }
  }
  const counts = new Map(flows.flatMap((flow) => flow.parts.map(({ id, count }) => [id, count] as const)));
  return flows.some(
    (flow) =>
      flow.conjunction !== undefined &&
      satisfied.get(flow.conjunction)?.size === counts.get(flow.conjunction) &&
      matches(flow.match, packet),
  );
}

function matches(match: Match, packet: StorageField): boolean {
  return match.terms.every(({ field, value, mask }) => {
    const bits = BigInt(mask ?? field.ones);
    return (packet(field.name) & bits) === (BigInt(value) & bits);
  });
}
