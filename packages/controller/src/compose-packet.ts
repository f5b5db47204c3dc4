/**
 * The packet that a microflow describes, byte for byte as ovn-controller composes it for `inject-pkt` (ovn-controller(8)). Its rules are not written
 * down: they are what its packets show.
 */
import { bigintToBytes, formatIpv4, formatIpv6, formatMac } from '@weft/packet/address';
import { arpOperation, encodeArp } from '@weft/packet/arp';
import { internetChecksum } from '@weft/packet/checksum';
import { Writer } from '@weft/packet/cursor';
import { encodeEthernet, etherType } from '@weft/packet/ethernet';
import { encodeIcmpv4, encodeIcmpv6, icmpType, icmpv6Type } from '@weft/packet/icmp';
import { encodeIpv4, ipProtocol } from '@weft/packet/ipv4';
import { encodeIpv6, plainIpv6 } from '@weft/packet/ipv6';
import { encodeNeighbor, linkLayerOption, ndOption, ndType } from '@weft/packet/nd';
import { encodeTcp, encodeUdp, tcpFlag } from '@weft/packet/transport';

/** The value of a field of the logical-flow language (ovn-sb(5), Logical_Flow, "Symbols") by its name. */
export type FieldValues = (name: string) => bigint;

/** Says of an Ethernet frame that it has a length instead of a type (ovs-fields(7), `eth_type`). */
const noType = 0x05ff;
const mplsTypes: ReadonlySet<number> = new Set([0x8847, 0x8848]);
const mplsLabels = 3;
const vlanPresent = 0x1000;
const frag = { any: 1, later: 2 } as const;
const moreFragments = 0x2000;
/** Where a later fragment is, in units of 8 bytes. */
const laterOffset = 100;

const noBytes = new Uint8Array();
/** What packets carry that may carry something: 00 01 02 ... */
const payload = Uint8Array.from({ length: 64 }, (_, i) => i);

/** The frame. Total: any values make one. */
export function composePacket(field: FieldValues): Uint8Array {
  const values = new Values(field);
  const type = values.number('eth.type');
  const destination = values.mac('eth.dst');
  const source = values.mac('eth.src');
  const frame = { destination, source, vlans: [], etherType: type };
  // Its length is that of the header, and it has no place for a VLAN.
  if (type === noType) return encodeEthernet({ ...frame, etherType: 14, payload: noBytes });
  const tci = values.number('vlan.tci');
  // No VLAN protocol is named, not even the usual one; a label stack leaves its own type there.
  const tag = { tpid: mplsTypes.has(type) ? type : 0, control: tci & ~vlanPresent };
  return encodeEthernet({ ...frame, vlans: (tci & vlanPresent) === 0 ? [] : [tag], payload: body(type, values) });
}

class Values {
  readonly #field: FieldValues;

  constructor(field: FieldValues) {
    this.#field = field;
  }

  number(name: string): number {
    return Number(this.#field(name));
  }

  mac(name: string): string {
    return formatMac(bigintToBytes(this.#field(name), 6));
  }

  ipv4(name: string): string {
    return formatIpv4(bigintToBytes(this.#field(name), 4));
  }

  ipv6(name: string): string {
    return formatIpv6(bigintToBytes(this.#field(name), 16));
  }
}

function body(type: number, values: Values): Uint8Array {
  switch (type) {
    case etherType.ipv4:
      return ipv4(values);
    case etherType.ipv6:
      return ipv6(values);
    case etherType.arp:
      return arp('arp', values);
    case etherType.rarp:
      return arp('rarp', values);
    default:
      return mplsTypes.has(type) ? new Uint8Array(4 * mplsLabels) : noBytes;
  }
}

/** The addresses are heeded in requests and replies of ARP only, which are operations 1 and 2 whatever the protocol. */
function arp(protocol: 'arp' | 'rarp', values: Values): Uint8Array {
  const operation = values.number(`${protocol}.op`) & 0xff;
  const known = operation === arpOperation.request || operation === arpOperation.reply;
  const heeded = known ? values : new Values(() => 0n);
  return encodeArp({
    operation,
    senderMac: heeded.mac(`${protocol}.sha`),
    senderIp: heeded.ipv4(`${protocol}.spa`),
    targetMac: heeded.mac(`${protocol}.tha`),
    targetIp: heeded.ipv4(`${protocol}.tpa`),
  });
}

/** `ip.dscp` and `ip.ecn` are not heeded. */
function ipv4(values: Values): Uint8Array {
  const source = values.ipv4('ip4.src');
  const destination = values.ipv4('ip4.dst');
  const protocol = values.number('ip.proto');
  const ttl = values.number('ip.ttl');
  const fragment = values.number('ip.frag');
  const offset = (fragment & frag.later) === 0 ? 0 : laterOffset;
  return encodeIpv4({
    source,
    destination,
    protocol,
    ttl,
    tos: 0,
    identification: 0,
    fragment: (fragment & frag.any) === 0 ? 0 : moreFragments | offset,
    options: noBytes,
    payload: isLaterFragment(fragment) ? noBytes : transport({ source, destination, protocol, version: 4 }, values),
  });
}

/** There is no fragment header, but a later fragment is without the header of its transport too. */
function ipv6(values: Values): Uint8Array {
  const source = values.ipv6('ip6.src');
  const destination = values.ipv6('ip6.dst');
  const protocol = values.number('ip.proto');
  const segment = isLaterFragment(values.number('ip.frag'))
    ? noBytes
    : transport({ source, destination, protocol, version: 6 }, values);
  const packet = plainIpv6(source, destination, protocol, values.number('ip.ttl'), segment);
  return encodeIpv6({ ...packet, flowLabel: values.number('ip6.label') });
}

const isLaterFragment = (fragment: number): boolean => fragment === (frag.any | frag.later);

interface Carrier {
  readonly version: 4 | 6;
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
}

function transport({ version, source, destination, protocol }: Carrier, values: Values): Uint8Array {
  const ports = (name: string): { readonly sourcePort: number; readonly destinationPort: number } => ({
    sourcePort: values.number(`${name}.src`),
    destinationPort: values.number(`${name}.dst`),
  });
  switch (protocol) {
    case ipProtocol.tcp: {
      const flags = values.number('tcp.flags');
      // What opens or ends a connection carries nothing.
      const bare = (flags & (tcpFlag.syn | tcpFlag.fin | tcpFlag.rst)) !== 0;
      const rest = { sequence: 0, acknowledgment: 0, flags, window: 0, urgent: 0, options: noBytes };
      return encodeTcp({ ...ports('tcp'), ...rest, payload: bare ? noBytes : payload }, source, destination);
    }
    case ipProtocol.udp:
      return encodeUdp({ ...ports('udp'), payload }, source, destination);
    case ipProtocol.sctp: {
      const { sourcePort, destinationPort } = ports('sctp');
      return new Writer().u16(sourcePort).u16(destinationPort).u32(0).u32(0).finish();
    }
    case ipProtocol.icmp:
      return version === 4 ? icmp(values) : noBytes;
    case ipProtocol.igmp:
      return version === 4 ? igmp() : noBytes;
    case ipProtocol.icmpv6:
      return version === 6 ? icmpv6(source, destination, values) : noBytes;
    default:
      return noBytes;
  }
}

function icmp(values: Values): Uint8Array {
  const type = values.number('icmp4.type');
  const code = values.number('icmp4.code');
  const echo = (type === icmpType.echoRequest || type === icmpType.echoReply) && code === 0;
  return encodeIcmpv4({ type, code, rest: 0, body: echo ? payload : noBytes });
}

/** The language has no names for its fields. */
function igmp(): Uint8Array {
  const header = new Uint8Array(8);
  const sum = internetChecksum(header);
  header.set([sum >>> 8, sum & 0xff], 2);
  return header;
}

function icmpv6(source: string, destination: string, values: Values): Uint8Array {
  const type = values.number('icmp6.type');
  const code = values.number('icmp6.code');
  if (code === 0 && (type === ndType.neighborSolicit || type === ndType.neighborAdvert)) {
    const options = (
      [
        [ndOption.sourceLinkLayer, 'nd.sll'],
        [ndOption.targetLinkLayer, 'nd.tll'],
      ] as const
    ).flatMap(([option, name]) => (values.number(name) === 0 ? [] : linkLayerOption(option, values.mac(name))));
    return encodeNeighbor({ type, flags: 0, target: values.ipv6('nd.target'), options }, source, destination);
  }
  const echo = code === 0 && (type === icmpv6Type.echoRequest || type === icmpv6Type.echoReply);
  return encodeIcmpv6({ type, code, rest: 0, body: echo ? payload : noBytes }, source, destination);
}
