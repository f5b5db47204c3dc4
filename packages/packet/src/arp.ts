import { formatIpv4, formatMac, type Ipv4, ipv4Bytes, type Mac } from './address.ts';
import { Reader, Writer } from './cursor.ts';
import { requireMac } from './ethernet.ts';

export const arpOperation = { request: 1, reply: 2, reverseRequest: 3, reverseReply: 4 } as const;

/** An ARP packet for IPv4 over Ethernet (RFC 826; RARP: RFC 903). */
export interface ArpPacket {
  readonly operation: number;
  readonly senderMac: Mac;
  readonly senderIp: Ipv4;
  readonly targetMac: Mac;
  readonly targetIp: Ipv4;
}

/** Undefined if it is truncated, or for another network than IPv4 over Ethernet. */
export function decodeArp(bytes: Uint8Array): ArpPacket | undefined {
  const reader = new Reader(bytes);
  if (reader.u16() !== 1 || reader.u16() !== 0x0800 || reader.u8() !== 6 || reader.u8() !== 4) return undefined;
  const packet: ArpPacket = {
    operation: reader.u16(),
    senderMac: formatMac(reader.take(6)),
    senderIp: formatIpv4(reader.take(4)),
    targetMac: formatMac(reader.take(6)),
    targetIp: formatIpv4(reader.take(4)),
  };
  return reader.ok ? packet : undefined;
}

/** An ARP packet for IPv4 over Ethernet (RFC 826), without the frame. */
export function encodeArp(packet: ArpPacket): Uint8Array {
  return new Writer()
    .u16(1)
    .u16(0x0800)
    .u8(6)
    .u8(4)
    .u16(packet.operation)
    .put(requireMac(packet.senderMac))
    .put(requireIpv4(packet.senderIp))
    .put(requireMac(packet.targetMac))
    .put(requireIpv4(packet.targetIp))
    .finish();
}

/** For encoders: the bytes of an address that the caller vouches for. Throws TypeError on text that is none. */
export function requireIpv4(ip: Ipv4): Uint8Array {
  const bytes = ipv4Bytes(ip);
  if (bytes === undefined) throw new TypeError(`not an IPv4 address: ${ip}`);
  return bytes;
}
