import { putTransportChecksum } from './checksum.ts';
import { Reader, Writer } from './cursor.ts';
import { ipProtocol } from './ipv4.ts';

/** RFC 768. */
export interface UdpDatagram {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

/** A UDP datagram (RFC 768); undefined if it is too short. The checksum is not verified. */
export function decodeUdp(bytes: Uint8Array): UdpDatagram | undefined {
  const reader = new Reader(bytes);
  const sourcePort = reader.u16();
  const destinationPort = reader.u16();
  const length = reader.u16();
  reader.u16();
  const payload = reader.take(length - 8);
  return reader.ok && length >= 8 ? { sourcePort, destinationPort, payload } : undefined;
}

/** A UDP datagram with its checksum, which covers the addresses (RFC 768). */
export function encodeUdp(datagram: UdpDatagram, source: string, destination: string): Uint8Array {
  const bytes = new Writer()
    .u16(datagram.sourcePort)
    .u16(datagram.destinationPort)
    .u16(8 + datagram.payload.length)
    .u16(0)
    .put(datagram.payload)
    .finish();
  return putTransportChecksum(bytes, 6, { source, destination, protocol: ipProtocol.udp });
}

export const tcpFlag = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ece: 64, cwr: 128 } as const;

/** RFC 9293 section 3.1. */
export interface TcpSegment {
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly sequence: number;
  readonly acknowledgment: number;
  /** A union of {@link tcpFlag}; an encoder takes the four reserved bits above them too. */
  readonly flags: number;
  readonly window: number;
  readonly urgent: number;
  /** Whole words. */
  readonly options: Uint8Array;
  readonly payload: Uint8Array;
}

/** A TCP segment (RFC 9293); undefined if it is too short. The checksum is not verified. */
export function decodeTcp(bytes: Uint8Array): TcpSegment | undefined {
  const reader = new Reader(bytes);
  const sourcePort = reader.u16();
  const destinationPort = reader.u16();
  const sequence = reader.u32();
  const acknowledgment = reader.u32();
  const headerLength = (reader.u8() >> 4) * 4;
  const flags = reader.u8();
  const window = reader.u16();
  reader.u16();
  const urgent = reader.u16();
  if (headerLength < 20) return undefined;
  const options = reader.take(headerLength - 20);
  if (!reader.ok) return undefined;
  return {
    sourcePort,
    destinationPort,
    sequence,
    acknowledgment,
    flags,
    window,
    urgent,
    options,
    payload: reader.rest(),
  };
}

/** A TCP segment with its checksum, which covers the addresses (RFC 9293). */
export function encodeTcp(segment: TcpSegment, source: string, destination: string): Uint8Array {
  const headerLength = 20 + segment.options.length;
  if (headerLength % 4 !== 0 || headerLength > 60)
    throw new RangeError('TCP options must fill whole words, 10 at most');
  const bytes = new Writer()
    .u16(segment.sourcePort)
    .u16(segment.destinationPort)
    .u32(segment.sequence)
    .u32(segment.acknowledgment)
    .u16(((headerLength / 4) << 12) | (segment.flags & 0xfff))
    .u16(segment.window)
    .u16(0)
    .u16(segment.urgent)
    .put(segment.options)
    .put(segment.payload)
    .finish();
  return putTransportChecksum(bytes, 16, { source, destination, protocol: ipProtocol.tcp });
}
