/**
 * The packets that actions put in the place of the one being processed (ovn-sb(5), Logical_Flow actions): pure functions from a frame to a frame.
 * The nested actions then change what they like of it. Each returns undefined for a frame that the action is not for.
 */
import { broadcastMac, multicastMac, solicitedNode, zeroMac } from '@weft/packet/address';
import { arpOperation, encodeArp } from '@weft/packet/arp';
import { type EthernetFrame, encodeEthernet, etherType } from '@weft/packet/ethernet';
import { decodeIcmp, encodeIcmpv4, encodeIcmpv6, icmpType, icmpv6Type } from '@weft/packet/icmp';
import { decodeIpv4, encodeIpv4, ipProtocol } from '@weft/packet/ipv4';
import { decodeIpv6, encodeIpv6, plainIpv6 } from '@weft/packet/ipv6';
import { advertFlag, decodeNeighbor, encodeNeighbor, linkLayerOption, ndOption, ndType } from '@weft/packet/nd';
import { decodeTcp, encodeTcp, type TcpSegment, tcpFlag } from '@weft/packet/transport';

const noBytes = new Uint8Array();
/** Of a packet that has come over no router. */
const freshTtl = 255;

const withPayload = (
  frame: EthernetFrame,
  type: number,
  payload: Uint8Array,
  ends: Partial<EthernetFrame> = {},
): Uint8Array => encodeEthernet({ ...frame, ...ends, etherType: type, payload });

/** `arp`: asks for the destination of an IPv4 packet. */
export function arpRequest(frame: EthernetFrame): Uint8Array | undefined {
  const ip = frame.etherType === etherType.ipv4 ? decodeIpv4(frame.payload) : undefined;
  if (ip === undefined) return undefined;
  const payload = encodeArp({
    operation: arpOperation.request,
    senderMac: frame.source,
    senderIp: ip.source,
    targetMac: zeroMac,
    targetIp: ip.destination,
  });
  return withPayload(frame, etherType.arp, payload, { destination: broadcastMac });
}

/** `nd_ns`: asks for the destination of an IPv6 packet. */
export function neighborSolicit(frame: EthernetFrame): Uint8Array | undefined {
  const ip = frame.etherType === etherType.ipv6 ? decodeIpv6(frame.payload) : undefined;
  const group = ip && solicitedNode(ip.destination);
  const destination = group && multicastMac(group);
  if (ip === undefined || group === undefined || destination === undefined) return undefined;
  const options = [linkLayerOption(ndOption.sourceLinkLayer, frame.source)];
  const body = encodeNeighbor(
    { type: ndType.neighborSolicit, flags: 0, target: ip.destination, options },
    ip.source,
    group,
  );
  const packet = plainIpv6(ip.source, group, ipProtocol.icmpv6, freshTtl, body);
  return withPayload(frame, etherType.ipv6, encodeIpv6(packet), { destination });
}

/** `nd_na`, `nd_na_router`: answers a neighbor solicitation. */
export function neighborAdvert(frame: EthernetFrame, router: boolean): Uint8Array | undefined {
  const ip = frame.etherType === etherType.ipv6 ? decodeIpv6(frame.payload) : undefined;
  const icmp = ip?.protocol === ipProtocol.icmpv6 ? decodeIcmp(ip.payload) : undefined;
  const solicit = icmp && decodeNeighbor(icmp);
  if (ip === undefined || solicit?.type !== ndType.neighborSolicit) return undefined;
  const flags = (advertFlag.solicited | advertFlag.override | (router ? advertFlag.router : 0)) >>> 0;
  const { target } = solicit;
  const options = [linkLayerOption(ndOption.targetLinkLayer, frame.destination)];
  const body = encodeNeighbor({ type: ndType.neighborAdvert, flags, target, options }, target, ip.source);
  const packet = plainIpv6(target, ip.source, ipProtocol.icmpv6, freshTtl, body);
  const ends = { destination: frame.source, source: frame.destination };
  return withPayload(frame, etherType.ipv6, encodeIpv6(packet), ends);
}

/** RFC 792: the IP header and 8 bytes of what it carried; more is allowed (RFC 1812 section 4.3.2.3), up to a packet of 576 bytes. */
const icmpv4Quote = 576 - 20 - 8;
/** RFC 4443 section 2.4: as much as fits into the minimum IPv6 MTU. */
const icmpv6Quote = 1280 - 40 - 8;

/** Whether an ICMP error may be sent about an ICMP message: never about another error (RFC 1122 section 3.2.2, RFC 4443 section 2.4). */
const icmpv4Errors: ReadonlySet<number> = new Set([3, 4, 5, 11, 12]);

/** How the answer's ends are: those of the packet (the nested actions exchange them), or exchanged already (`reject`). */
export type Direction = 'same' | 'back';

const ends = (frame: EthernetFrame, direction: Direction): Partial<EthernetFrame> =>
  direction === 'same' ? {} : { source: frame.destination, destination: frame.source };

/** `icmp4`, `icmp4_error`, `icmp6`, `icmp6_error`, and `reject` of what is not TCP: destination unreachable. */
export function icmpError(frame: EthernetFrame, direction: Direction, code4 = 1, code6 = 1): Uint8Array | undefined {
  if (frame.etherType === etherType.ipv4) {
    const ip = decodeIpv4(frame.payload);
    if (ip === undefined) return undefined;
    if (ip.protocol === ipProtocol.icmp && icmpv4Errors.has(decodeIcmp(ip.payload)?.type ?? 0)) return undefined;
    const length = 20 + ip.options.length + ip.payload.length;
    const body = frame.payload.subarray(0, Math.min(length, icmpv4Quote));
    const payload = encodeIcmpv4({ type: icmpType.unreachable, code: code4, rest: 0, body });
    const [source, destination] = direction === 'same' ? [ip.source, ip.destination] : [ip.destination, ip.source];
    const packet = {
      source,
      destination,
      protocol: ipProtocol.icmp,
      ttl: freshTtl,
      tos: ip.tos,
      identification: 0,
      fragment: 0,
    };
    return withPayload(
      frame,
      etherType.ipv4,
      encodeIpv4({ ...packet, options: noBytes, payload }),
      ends(frame, direction),
    );
  }
  const ip = frame.etherType === etherType.ipv6 ? decodeIpv6(frame.payload) : undefined;
  if (ip === undefined) return undefined;
  if (ip.protocol === ipProtocol.icmpv6 && (decodeIcmp(ip.payload)?.type ?? 128) < 128) return undefined;
  const length = 40 + ip.extensions.length + ip.payload.length;
  const body = frame.payload.subarray(0, Math.min(length, icmpv6Quote));
  const [source, destination] = direction === 'same' ? [ip.source, ip.destination] : [ip.destination, ip.source];
  const payload = encodeIcmpv6({ type: icmpv6Type.unreachable, code: code6, rest: 0, body }, source, destination);
  const packet = plainIpv6(source, destination, ipProtocol.icmpv6, freshTtl, payload);
  return withPayload(frame, etherType.ipv6, encodeIpv6(packet), ends(frame, direction));
}

/** What RFC 9293 section 3.10.7.1 answers to a segment for a connection that is not there; ovn-sb(5), tcp_reset, says the same. */
function resetOf(segment: TcpSegment): TcpSegment {
  const { sourcePort, destinationPort, flags, sequence, acknowledgment, payload } = segment;
  const acknowledged = (flags & tcpFlag.ack) !== 0;
  const length = payload.length + ((flags & tcpFlag.syn) !== 0 ? 1 : 0) + ((flags & tcpFlag.fin) !== 0 ? 1 : 0);
  return {
    sourcePort: destinationPort,
    destinationPort: sourcePort,
    sequence: acknowledged ? acknowledgment : 0,
    acknowledgment: acknowledged ? 0 : (sequence + length) >>> 0,
    flags: acknowledged ? tcpFlag.rst : tcpFlag.rst | tcpFlag.ack,
    window: 0,
    urgent: 0,
    options: noBytes,
    payload: noBytes,
  };
}

/** `tcp_reset`, and `reject` of TCP. Nothing answers a reset. */
export function tcpReset(frame: EthernetFrame, direction: Direction): Uint8Array | undefined {
  const four = frame.etherType === etherType.ipv4 ? decodeIpv4(frame.payload) : undefined;
  const six = frame.etherType === etherType.ipv6 ? decodeIpv6(frame.payload) : undefined;
  const ip = four ?? six;
  const segment = ip?.protocol === ipProtocol.tcp ? decodeTcp(ip.payload) : undefined;
  if (ip === undefined || segment === undefined || (segment.flags & tcpFlag.rst) !== 0) return undefined;
  const [source, destination] = direction === 'same' ? [ip.source, ip.destination] : [ip.destination, ip.source];
  const payload = encodeTcp(resetOf(segment), source, destination);
  const packet =
    four === undefined
      ? encodeIpv6(plainIpv6(source, destination, ipProtocol.tcp, freshTtl, payload))
      : encodeIpv4({ ...four, source, destination, ttl: freshTtl, fragment: 0, options: noBytes, payload });
  return withPayload(frame, frame.etherType, packet, ends(frame, direction));
}

/** `reject`: a reset for TCP, an ICMP error for the rest; the ends are exchanged. Port unreachable, as for a closed UDP port. */
export function rejection(frame: EthernetFrame): Uint8Array | undefined {
  const protocol =
    frame.etherType === etherType.ipv4 ? decodeIpv4(frame.payload)?.protocol : decodeIpv6(frame.payload)?.protocol;
  if (protocol === ipProtocol.tcp) return tcpReset(frame, 'back');
  return icmpError(frame, 'back', 3, 4);
}
