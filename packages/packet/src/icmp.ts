import { internetChecksum, putTransportChecksum } from './checksum.ts';
import { Reader, Writer } from './cursor.ts';
import { ipProtocol } from './ipv4.ts';

/** RFC 792. */
export const icmpType = { echoReply: 0, unreachable: 3, echoRequest: 8, timeExceeded: 11 } as const;
/** RFC 4443. */
export const icmpv6Type = {
  unreachable: 1,
  packetTooBig: 2,
  timeExceeded: 3,
  echoRequest: 128,
  echoReply: 129,
} as const;

/** ICMP and ICMPv6 alike: the meaning of `rest` (the header's second word) and of `body` depends on the type. */
export interface IcmpMessage {
  readonly type: number;
  readonly code: number;
  readonly rest: number;
  readonly body: Uint8Array;
}

/** An ICMP message (RFC 792, RFC 4443); undefined if it is too short. The checksum is not verified. */
export function decodeIcmp(bytes: Uint8Array): IcmpMessage | undefined {
  const reader = new Reader(bytes);
  const type = reader.u8();
  const code = reader.u8();
  reader.u16();
  const rest = reader.u32();
  return reader.ok ? { type, code, rest, body: reader.rest() } : undefined;
}

const encode = ({ type, code, rest, body }: IcmpMessage): Uint8Array =>
  new Writer().u8(type).u8(code).u16(0).u32(rest).put(body).finish();

/** An ICMP message with its checksum (RFC 792). */
export function encodeIcmpv4(message: IcmpMessage): Uint8Array {
  const bytes = encode(message);
  const sum = internetChecksum(bytes);
  bytes[2] = sum >>> 8;
  bytes[3] = sum & 0xff;
  return bytes;
}

/** The checksum covers the addresses that the packet will have (RFC 4443 section 2.3). */
export function encodeIcmpv6(message: IcmpMessage, source: string, destination: string): Uint8Array {
  return putTransportChecksum(encode(message), 2, { source, destination, protocol: ipProtocol.icmpv6 });
}
