/** The flows that every port of this chassis has, whatever its type, and those of ports with an interface: VIFs, containers, localports. */
import type { Action } from '@weft/openflow/actions';
import type { Flow } from '@weft/openflow/flow';
import { flag, register, table } from '../pipeline.ts';
import {
  flagClear,
  flagSet,
  flowsOf,
  load,
  match,
  output,
  popVlan,
  pushVlan,
  resubmit,
  setFlag,
  vlan,
  withoutInPort,
} from './terms.ts';

/** Conntrack zones: of the port itself (a patch port has none), and of its datapath if that is local. */
export interface Zones {
  readonly port?: number | undefined;
  readonly dnat: number | undefined;
  readonly snat: number | undefined;
}

/** A port as the tables see it. */
export interface PortKeys {
  readonly uuid: string;
  readonly datapathKey: number;
  readonly portKey: number;
  readonly zones: Zones;
}

export type Adder = ReturnType<typeof flowsOf>['add'];

const loadZones = ({ port, dnat, snat }: Zones): readonly Action[] => [
  ...(port === undefined ? [] : [load(register.portZone, port)]),
  ...(dnat === undefined ? [] : [load(register.dnatZone, dnat)]),
  ...(snat === undefined ? [] : [load(register.snatZone, snat)]),
];

/** Enters the logical ingress pipeline as a packet from this port. */
export const enter = (port: PortKeys, flags: readonly Action[] = []): readonly Action[] => [
  ...loadZones(port.zones),
  load(register.datapath, port.datapathKey),
  load(register.inport, port.portKey),
  ...flags,
];

export const toPort = (port: PortKeys) => ({ [register.outport]: port.portKey, [register.datapath]: port.datapathKey });

/** Local output, the loopback check, and leave to go back by the input port when the logical program allows it. */
export function addCommon(
  port: PortKeys,
  add: Adder,
  container?: { readonly parentKey: number; readonly addPlain: Adder },
): void {
  add(table.localOutput, 100, match(toPort(port)), [...loadZones(port.zones), resubmit(table.checkLoopback)]);
  add(
    table.checkLoopback,
    100,
    match({ ...flagClear(flag.allowLoopback), [register.inport]: port.portKey, ...toPort(port) }),
    [],
  );
  const goBack = withoutInPort([resubmit(table.logicalToPhysical)]);
  if (container === undefined) {
    add(table.saveInputPort, 100, match({ ...flagSet(flag.allowLoopback), ...toPort(port) }), goBack);
    return;
  }
  // Containers of one interface may talk to each other and to their parent: on other VLANs, but by the port that the packet came by.
  add(table.saveInputPort, 100, match(toPort(port)), goBack);
  const parent = { [register.outport]: container.parentKey, [register.datapath]: port.datapathKey };
  container.addPlain(table.saveInputPort, 100, match({ ...flagSet(flag.nestedContainer), ...parent }), goBack);
}

export interface InterfacePort extends PortKeys {
  readonly ofport: number;
  /** A container behind another port's interface, and the VLAN on which it is. */
  readonly container?: { readonly tag: number; readonly parentKey: number } | undefined;
  readonly localport: boolean;
}

/** Between an interface of this chassis and its logical port, both ways (tables 0 and 65). */
export function interfacePortFlows(port: InterfacePort): readonly Flow[] {
  const { flows, add } = flowsOf(port.uuid);
  const { ofport, container } = port;
  const intoPipeline = resubmit(table.logicalIngress);
  if (container !== undefined) {
    add(table.physicalToLogical, 150, match({ in_port: ofport, ...vlan(container.tag) }), [
      setFlag(flag.nestedContainer),
      popVlan,
      ...enter(port),
      intoPipeline,
    ]);
  } else {
    const flags = port.localport ? [setFlag(flag.fromLocalport)] : [];
    add(table.physicalToLogical, 100, match({ in_port: ofport }), [...enter(port, flags), intoPipeline]);
  }
  const plain = flowsOf(undefined);
  addCommon(port, add, container && { parentKey: container.parentKey, addPlain: plain.add });
  const leave = container === undefined ? [output(ofport)] : [...pushVlan(container.tag), output(ofport), popVlan];
  add(table.logicalToPhysical, 100, match(toPort(port)), leave);
  // A localport is on every chassis: what it sends stays here.
  if (port.localport)
    add(table.remoteOutput, 150, match({ [register.inport]: port.portKey, [register.datapath]: port.datapathKey }), [
      resubmit(table.localOutput),
    ]);
  return [...flows, ...plain.flows];
}
