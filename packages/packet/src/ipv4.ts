import { formatIpv4, type Ipv4 } from './address.ts';
import { requireIpv4 } from './arp.ts';
import { internetChecksum } from './checksum.ts';
import { Reader, Writer } from './cursor.ts';

export const ipProtocol = { icmp: 1, igmp: 2, tcp: 6, udp: 17, icmpv6: 58, sctp: 132 } as const;

/** RFC 791. */
export interface Ipv4Packet {
  readonly source: Ipv4;
  readonly destination: Ipv4;
  readonly protocol: number;
  readonly ttl: number;
  /** The whole octet: DSCP and ECN. */
  readonly tos: number;
  readonly identification: number;
  /** Flags and fragment offset, as on the wire. */
  readonly fragment: number;
  readonly options: Uint8Array;
  /** Without what padded the frame to Ethernet's minimum. */
  readonly payload: Uint8Array;
}

/** Undefined if it is truncated or no IPv4. The header's checksum is not checked: the switch did that. */
export function decodeIpv4(bytes: Uint8Array): Ipv4Packet | undefined {
  const reader = new Reader(bytes);
  const versionAndLength = reader.u8();
  const headerLength = (versionAndLength & 15) * 4;
  if (versionAndLength >> 4 !== 4 || headerLength < 20) return undefined;
  const tos = reader.u8();
  const totalLength = reader.u16();
  const identification = reader.u16();
  const fragment = reader.u16();
  const ttl = reader.u8();
  const protocol = reader.u8();
  reader.u16();
  const source = formatIpv4(reader.take(4));
  const destination = formatIpv4(reader.take(4));
  const options = reader.take(headerLength - 20);
  const payload = reader.take(totalLength - headerLength);
  if (!reader.ok || totalLength < headerLength) return undefined;
  return { source, destination, protocol, ttl, tos, identification, fragment, options, payload };
}

/** A packet with its header's length and checksum (RFC 791). */
export function encodeIpv4(packet: Ipv4Packet): Uint8Array {
  const headerLength = 20 + packet.options.length;
  if (headerLength % 4 !== 0 || headerLength > 60)
    throw new RangeError('IPv4 options must fill whole words, 10 at most');
  const header = new Writer()
    .u8(0x40 | (headerLength / 4))
    .u8(packet.tos)
    .u16(headerLength + packet.payload.length)
    .u16(packet.identification)
    .u16(packet.fragment)
    .u8(packet.ttl)
    .u8(packet.protocol)
    .u16(0)
    .put(requireIpv4(packet.source))
    .put(requireIpv4(packet.destination))
    .put(packet.options)
    .finish();
  const sum = internetChecksum(header);
  header[10] = sum >>> 8;
  header[11] = sum & 0xff;
  return new Writer().put(header).put(packet.payload).finish();
}
