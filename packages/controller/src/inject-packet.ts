/** `inject-pkt`: a packet that a local port seems to have sent (ovn-controller(8), "Runtime Management Commands"). */
import { type MicroflowLookups, parseMicroflow } from '@weft/lflow/microflow';
import { field } from '@weft/openflow/fields';
import { Match } from '@weft/openflow/match';
import type { Message } from '@weft/openflow/messages';
import { composePacket } from './compose-packet.ts';
import type { Model } from './model/model.ts';
import { resubmit } from './physical/terms.ts';
import { table } from './pipeline.ts';

export interface InjectLookups extends MicroflowLookups {
  /** The OpenFlow port of the interface of a logical port. */
  readonly lookupOfport: (port: string) => number | undefined;
}

/** What is known of names on this chassis. */
export function injectLookups({ tables, interfaces, templateVariable }: Model): InjectLookups {
  const { Address_Set, Port_Group } = tables.sb;
  return {
    lookupAddressSet: (name) => named(Address_Set.rows(), name)?.addresses,
    lookupPortGroup: (name) => named(Port_Group.rows(), name)?.ports,
    lookupTemplate: templateVariable,
    lookupOfport: (port) => {
      for (const { ifaceId, ofport } of interfaces.rows()) if (ifaceId === port && ofport !== undefined) return ofport;
      return undefined;
    },
  };
}

function named<Row extends { readonly name: string }>(rows: Iterable<Row>, name: string): Row | undefined {
  for (const row of rows) if (row.name === name) return row;
  return undefined;
}

/** The packet that a microflow describes, on its way in at the interface of its ingress port; or why there is none, in ovn-controller's words. */
export function injectPacket(microflow: string, lookups: InjectLookups): Message | { readonly error: string } {
  const flow = parseMicroflow(microflow, lookups);
  if ('error' in flow) return flow;
  const port = flow.inport === undefined ? undefined : lookups.lookupOfport(flow.inport);
  if (port === undefined) return { error: 'ingress port not found on hypervisor.' };
  return {
    type: 'packet_out',
    match: Match.of([field('in_port_oxm'), port]),
    actions: [resubmit(table.physicalToLogical)],
    packet: composePacket(flow.field),
  };
}
