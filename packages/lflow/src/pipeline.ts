/**
 * Where logical things live in the switch: tables, registers and flag bits, as data. ovn-architecture(7), "Architectural Physical Life Cycle of a
 * Packet", names most of them; the rest is what the flows of a running ovn-controller 23.03 show.
 */
import { field, type Subfield, subfield, whole } from '@weft/openflow/fields';

/** OpenFlow tables, in the order of a packet's life. To add one, take a free number and say in a line what packets do there. */
export const Table = {
  /** Where every packet enters: from a port to a logical datapath and input port. */
  physicalToLogical: 0,
  /** The logical ingress pipeline: table N of it is this plus N. */
  logicalIngress: 8,
  /** `output` in an ingress pipeline comes here: packets that are too large for a tunnel are found. */
  detectLargePackets: 37,
  processLargePackets: 38,
  /** To ports on other chassis, through tunnels; and the members of multicast groups that no tunnel reaches. */
  remoteOutput: 39,
  /** To ports on this chassis. */
  localOutput: 40,
  /** Drops what would leave by the port by which it came. */
  checkLoopback: 41,
  /** The logical egress pipeline: table N of it is this plus N. */
  logicalEgress: 42,
  /** Keeps the input port across an output to where the packet came from. */
  saveInputPort: 64,
  /** From a logical output port to a port. */
  logicalToPhysical: 65,
  /** `get_arp`, `get_nd` */
  macBinding: 66,
  /** `lookup_arp`, `lookup_nd` */
  macLookup: 67,
  checkLbHairpin: 68,
  checkLbHairpinReply: 69,
  ctSnatHairpin: 70,
  /** `get_fdb` */
  getFdb: 71,
  /** `lookup_fdb` */
  lookupFdb: 72,
  /** `check_in_port_sec` */
  checkInPortSecurity: 73,
  /** The ARP and neighbor discovery part of it. */
  checkInPortSecurityNd: 74,
  /** `check_out_port_sec` */
  checkOutPortSecurity: 75,
  ecmpNextHopMac: 76,
  ecmpNextHop: 77,
  checkLbAffinity: 78,
} as const;

/** Tables that the switch fills by `learn`, and nobody else. */
export const learnedTables: ReadonlySet<number> = new Set([
  Table.checkLbHairpinReply,
  Table.ecmpNextHopMac,
  Table.ecmpNextHop,
  Table.checkLbAffinity,
]);

/** Bits of the logical flow flags, register 10. */
export const FlagBit = {
  allowLoopback: 0,
  /** Came from a VXLAN tunnel, whose packets do not carry the input port. */
  fromRamp: 1,
  forceSnatForDnat: 2,
  forceSnatForLb: 3,
  /** May only be delivered on this chassis. */
  localOnly: 4,
  /** Came from a container inside the interface by which it came. */
  nestedContainer: 5,
  lookupMac: 6,
  lookupLbHairpin: 7,
  lookupFdb: 8,
  skipSnatForLb: 9,
  /** Came from a port of type localport, so must not leave the chassis. */
  fromLocalport: 10,
  useSnatZone: 11,
  /** The verdict of a port security check: 1 says drop. */
  portSecurityDrop: 12,
  lookupCommitEcmpNextHop: 13,
  useLbAffinity: 14,
} as const;

const low16 = (name: string): Subfield => subfield(field(name), 0, 16);

/** Fields that hold logical metadata. */
export const LogicalField = {
  datapath: field('metadata'),
  flags: field('reg10'),
  /** For switches' ports. */
  portZone: low16('reg13'),
  /** For routers: north to south traffic, which is also the zone that both kinds of NAT share. */
  dnatZone: low16('reg11'),
  /** For routers: south to north traffic. */
  snatZone: low16('reg12'),
  inport: whole(field('reg14')),
  outport: whole(field('reg15')),
} as const;

/** What a packet-in is about: the first four bytes of its userdata, big-endian. */
export const Opcode = {
  arp: 0,
  putArp: 1,
  putDhcpOpts: 2,
  ndNa: 3,
  putNd: 4,
  putDhcpv6Opts: 5,
  dnsLookup: 6,
  log: 7,
  putNdRaOpts: 8,
  ndNs: 9,
  icmp: 10,
  tcpReset: 11,
  ndNaRouter: 12,
  putIcmp4FragMtu: 13,
  icmp4Error: 14,
  event: 15,
  igmp: 16,
  bindVport: 17,
  handleSvcCheck: 18,
  handleDhcpv6Reply: 19,
  icmp6Error: 20,
  putIcmp6FragMtu: 21,
  reject: 22,
  bfdMessage: 23,
  sctpAbort: 24,
  putFdb: 25,
} as const;

/** The OpenFlow table of a logical one. */
export function openflowTable(pipeline: 'ingress' | 'egress', table: number): number {
  return (pipeline === 'ingress' ? Table.logicalIngress : Table.logicalEgress) + table;
}

/** A bit of the logical flow flags. */
export function flagBit(bit: number): Subfield {
  return subfield(LogicalField.flags, bit, 1);
}
