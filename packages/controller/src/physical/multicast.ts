/**
 * Multicast groups: a copy for each member on this chassis, and one for each other chassis that has members (ovn-architecture(7): "Table 39 ...
 * also handles multicast groups").
 */
import type { Action } from '@weft/openflow/actions';
import type { Flow } from '@weft/openflow/flow';
import { register, table } from '../pipeline.ts';
import { flowsOf, load, match, output, resubmit } from './terms.ts';
import { encapsulate, type Tunnel } from './tunnel.ts';

export type Member =
  /** `here`: in the egress pipeline of this chassis. */
  | { readonly kind: 'here'; readonly portKey: number; readonly zone: number | undefined }
  /** Reached before the tunnels are, because every chassis has it: a patch port, a localport. */
  | { readonly kind: 'everywhere'; readonly portKey: number; readonly zone: number | undefined }
  /** On another chassis, or nowhere. It has a zone if an interface of this chassis bears its name and yet may not bind it; C loads that one too. */
  | { readonly kind: 'elsewhere'; readonly chassis: string | undefined; readonly zone: number | undefined };

export interface MulticastGroup {
  readonly uuid: string;
  readonly datapathKey: number;
  readonly groupKey: number;
  /** In the order of their uuids. */
  readonly members: readonly Member[];
  /** Of the chassis with members; none if a localnet port reaches them. */
  readonly tunnels: readonly Tunnel[];
}

/** What happens to packets for a multicast group: a copy for each member here, and one for each chassis with others (ovn-architecture(7), tables `remoteOutput` and `localOutput`). */
export function multicastFlows(group: MulticastGroup): readonly Flow[] {
  const { flows, add } = flowsOf(group.uuid);
  const { groupKey, datapathKey } = group;
  const here: Action[] = [];
  const everywhere: Action[] = [];
  for (const member of group.members) {
    if (member.zone !== undefined) here.push(load(register.portZone, member.zone));
    if (member.kind === 'elsewhere') continue;
    const copies = member.kind === 'here' ? here : everywhere;
    copies.push(load(register.outport, member.portKey), resubmit(table.checkLoopback));
  }
  const to = match({ [register.outport]: groupKey, [register.datapath]: datapathKey });
  if (here.length > 0) add(table.localOutput, 100, to, [...here, load(register.outport, groupKey)]);
  const remote = everywhere.length > 0 ? [...everywhere, load(register.outport, groupKey)] : [];
  // Geneve before VXLAN: the encapsulation is written once for all the tunnels of a type.
  for (const type of ['geneve', 'stt', 'vxlan'] as const) {
    const ports = group.tunnels.filter((tunnel) => tunnel.type === type);
    if (ports.length > 0)
      remote.push(...encapsulate(type, datapathKey, groupKey), ...ports.map((tunnel) => output(tunnel.ofport)));
  }
  if (remote.length > 0) {
    if (here.length > 0) remote.push(resubmit(table.localOutput));
    add(table.remoteOutput, 100, to, remote);
  }
  return flows;
}
