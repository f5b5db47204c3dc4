import { ipBytes } from './address.ts';

/** The Internet checksum of the concatenated parts (RFC 1071). Over data that holds a right checksum it is 0. */
export function internetChecksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  let odd = false;
  for (const part of parts)
    for (const byte of part) {
      sum += odd ? byte : byte << 8;
      odd = !odd;
    }
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

/** The pseudo-header that TCP, UDP and ICMPv6 checksums cover (RFC 9293 section 3.1, RFC 8200 section 8.1). */
export function pseudoHeader(source: string, destination: string, protocol: number, length: number): Uint8Array {
  const from = ipBytes(source) ?? new Uint8Array(4);
  const to = ipBytes(destination) ?? new Uint8Array(4);
  const tail =
    from.length === 16
      ? [length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff, 0, 0, 0, protocol]
      : [0, protocol, (length >>> 8) & 0xff, length & 0xff];
  return Uint8Array.from([...from, ...to, ...tail]);
}

/** Writes the checksum of `segment`, under the pseudo-header, at `offset`, which must hold zeros. */
export function putTransportChecksum(
  segment: Uint8Array,
  offset: number,
  ip: { readonly source: string; readonly destination: string; readonly protocol: number },
): Uint8Array {
  const sum = internetChecksum(pseudoHeader(ip.source, ip.destination, ip.protocol, segment.length), segment);
  // A UDP checksum of zero means "none" (RFC 768), so zero travels as its other form.
  const value = ip.protocol === 17 && sum === 0 ? 0xffff : sum;
  segment[offset] = value >>> 8;
  segment[offset + 1] = value & 0xff;
  return segment;
}
