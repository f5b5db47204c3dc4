import { formatIpv6, type Ipv6, ipv6Bytes } from './address.ts';
import { Reader, Writer } from './cursor.ts';

/** RFC 8200. Extension headers stay as they are in `extensions`; `protocol` is what follows them. */
export interface Ipv6Packet {
  readonly source: Ipv6;
  readonly destination: Ipv6;
  /** The fixed header's next-header field: the first extension's type, or `protocol` if there is none. */
  readonly nextHeader: number;
  readonly protocol: number;
  readonly hopLimit: number;
  readonly trafficClass: number;
  readonly flowLabel: number;
  readonly extensions: Uint8Array;
  readonly payload: Uint8Array;
}

/** Headers of the form "next header, length in 8 octets beyond the first": hop-by-hop, routing, destination options. */
const optionHeaders: ReadonlySet<number> = new Set([0, 43, 60]);
const fragmentHeader = 44;

/** Undefined if it is truncated or no IPv6. */
export function decodeIpv6(bytes: Uint8Array): Ipv6Packet | undefined {
  const reader = new Reader(bytes);
  const word = reader.u32();
  if (word >>> 28 !== 6) return undefined;
  const payloadLength = reader.u16();
  const nextHeader = reader.u8();
  const hopLimit = reader.u8();
  const source = formatIpv6(reader.take(16));
  const destination = formatIpv6(reader.take(16));
  const body = reader.take(payloadLength);
  if (!reader.ok) return undefined;
  let protocol = nextHeader;
  const inner = new Reader(body);
  while (inner.ok && (optionHeaders.has(protocol) || protocol === fragmentHeader)) {
    const fragment = protocol === fragmentHeader;
    protocol = inner.u8();
    const length = inner.u8();
    inner.take(fragment ? 6 : length * 8 + 6);
  }
  if (!inner.ok) return undefined;
  return {
    source,
    destination,
    nextHeader,
    protocol,
    hopLimit,
    trafficClass: (word >>> 20) & 0xff,
    flowLabel: word & 0xfffff,
    extensions: body.subarray(0, inner.offset),
    payload: inner.rest(),
  };
}

/** A packet with its payload's length (RFC 8200). */
export function encodeIpv6(packet: Ipv6Packet): Uint8Array {
  return new Writer()
    .u32((6 << 28) | (packet.trafficClass << 20) | packet.flowLabel)
    .u16(packet.extensions.length + packet.payload.length)
    .u8(packet.nextHeader)
    .u8(packet.hopLimit)
    .put(requireIpv6(packet.source))
    .put(requireIpv6(packet.destination))
    .put(packet.extensions)
    .put(packet.payload)
    .finish();
}

/** A packet without extension headers. */
export function plainIpv6(
  source: Ipv6,
  destination: Ipv6,
  protocol: number,
  hopLimit: number,
  payload: Uint8Array,
): Ipv6Packet {
  const extensions = new Uint8Array();
  return {
    source,
    destination,
    nextHeader: protocol,
    protocol,
    hopLimit,
    trafficClass: 0,
    flowLabel: 0,
    extensions,
    payload,
  };
}

/** For encoders: the bytes of an address that the caller vouches for. Throws TypeError on text that is none. */
export function requireIpv6(ip: Ipv6): Uint8Array {
  const bytes = ipv6Bytes(ip);
  if (bytes === undefined) throw new TypeError(`not an IPv6 address: ${ip}`);
  return bytes;
}
