/** Localnet ports: a logical switch's way to a physical network, through a patch port to the bridge that is mapped to it. */
import type { Flow } from '@weft/openflow/flow';
import { flag, register, table } from '../pipeline.ts';
import { addCommon, enter, type PortKeys, toPort } from './port.ts';
import {
  conjunction,
  flagSet,
  flowsOf,
  load,
  macValue,
  match,
  noVlan,
  output,
  popVlan,
  pushVlan,
  resubmit,
  vlan,
} from './terms.ts';

/** Names the conjunctive match that finds packets which another chassis' distributed router sent under its chassis MAC. */
const chassisMacConjunction = 100;

export interface LocalnetPort extends PortKeys {
  readonly ofport: number;
  /** The VLAN of the physical network; undefined for none. */
  readonly tag: number | undefined;
}

/** A router port that is attached to the same logical switch. */
export interface RouterPeer {
  readonly uuid: string;
  readonly mac: string;
}

/**
 * `chassisMac` is this chassis' MAC on the network, if it has one: packets from distributed routers travel under it, for a MAC on all chassis would
 * confuse the physical switches (ovn-controller(8), ovn-chassis-mac-mappings).
 */
export function localnetPortFlows(
  port: LocalnetPort,
  routers: readonly RouterPeer[],
  chassisMac: string | undefined,
): readonly Flow[] {
  const { flows, add } = flowsOf(port.uuid);
  const { ofport, tag } = port;
  const into = [...enter(port), resubmit(table.logicalIngress)];
  if (tag === undefined) {
    add(table.physicalToLogical, 100, match({ in_port: ofport, ...noVlan }), into);
    // Priority tagged: VLAN 0 is no VLAN.
    add(table.physicalToLogical, 100, match({ in_port: ofport, ...vlan(0) }), [popVlan, ...into]);
  } else add(table.physicalToLogical, 150, match({ in_port: ofport, ...vlan(tag) }), [popVlan, ...into]);
  addCommon(port, add);
  const leave = tag === undefined ? [output(ofport)] : [...pushVlan(tag), output(ofport), popVlan];
  add(table.logicalToPhysical, 100, match(toPort(port)), leave);
  if (chassisMac !== undefined)
    for (const router of routers) {
      const [own, back] = [load('eth_src', macValue(chassisMac)), load('eth_src', macValue(router.mac))];
      const restore = tag === undefined ? [back] : [back, popVlan];
      const send = tag === undefined ? [output(ofport)] : [...pushVlan(tag), output(ofport)];
      add(table.logicalToPhysical, 150, match({ ...toPort(port), eth_src: macValue(router.mac) }), [
        own,
        ...send,
        ...restore,
      ]);
    }
  // What must stay on this chassis does not go to the physical network.
  for (const stays of [flag.localOnly, flag.fromLocalport])
    add(table.checkLoopback, 160, match({ ...flagSet(stays), ...toPort(port) }), []);
  return [...flows, ...routers.flatMap((router) => returnFlows(port, router))];
}

/** What other chassis sent under their MACs gets the router's MAC again. */
function returnFlows(port: LocalnetPort, router: RouterPeer): readonly Flow[] {
  const { flows, add } = flowsOf(router.uuid);
  const { ofport, tag } = port;
  const onNetwork = tag === undefined ? noVlan : vlan(tag);
  add(table.physicalToLogical, 180, match({ conj_id: chassisMacConjunction, in_port: ofport, ...onNetwork }), [
    ...(tag === undefined ? [] : [popVlan]),
    ...enter(port),
    load('eth_src', macValue(router.mac)),
    resubmit(table.logicalIngress),
  ]);
  add(table.physicalToLogical, 180, match(onNetwork), [conjunction(chassisMacConjunction, 2, 2)]);
  return flows;
}

/** The other dimension of that conjunctive match: the MACs of another chassis. */
export function chassisMacFlows(chassisUuid: string, macs: Iterable<string>): readonly Flow[] {
  const { flows, add } = flowsOf(chassisUuid);
  for (const mac of macs)
    add(table.physicalToLogical, 180, match({ eth_src: macValue(mac) }), [conjunction(chassisMacConjunction, 1, 2)]);
  return flows;
}

/** A port of the switch that is on no interface of this chassis is reached over the physical network. */
export function viaLocalnetFlows(port: Omit<PortKeys, 'zones'>, localnetKey: number): readonly Flow[] {
  const { flows, add } = flowsOf(port.uuid);
  const to = { [register.outport]: port.portKey, [register.datapath]: port.datapathKey };
  add(table.localOutput, 100, match(to), [load(register.outport, localnetKey), resubmit(table.localOutput)]);
  return flows;
}
