/**
 * Addresses as text and as bytes. Everywhere in this package a MAC, IPv4 or IPv6 address is its canonical text, as databases hold it: lower
 * case, IPv6 as RFC 5952 says.
 */

/** `aa:bb:cc:dd:ee:ff` */
export type Mac = string;
/** Dotted quad. */
export type Ipv4 = string;
/** RFC 5952 text. */
export type Ipv6 = string;

export const broadcastMac: Mac = 'ff:ff:ff:ff:ff:ff';
export const zeroMac: Mac = '00:00:00:00:00:00';

const macPattern = /^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i;

/** The six bytes of a MAC, or undefined if `text` is not one. */
export function macBytes(text: string): Uint8Array | undefined {
  if (!macPattern.test(text)) return undefined;
  return Uint8Array.from(text.split(':'), (byte) => Number.parseInt(byte, 16));
}

/** Six lowercase octets, separated by colons, of six bytes. */
export function formatMac(bytes: Uint8Array): Mac {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** The four bytes of a dotted quad, or undefined. Leading zeros are not octal: they are refused. */
export function ipv4Bytes(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [i, part] of parts.entries()) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bytes[i] = Number(part);
  }
  return bytes;
}

/** Dotted quad of four bytes. */
export function formatIpv4(bytes: Uint8Array): Ipv4 {
  return bytes.join('.');
}

/** The sixteen bytes of an IPv6 address in any of the forms of RFC 4291 section 2.2, or undefined. */
export function ipv6Bytes(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(16);
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = ipv6Groups(halves[0] ?? '', halves.length === 1);
  const tail = halves.length === 2 ? ipv6Groups(halves[1] ?? '', true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const length = head.length + tail.length;
  // `::` stands for at least one group of zeros.
  if (halves.length === 2 ? length > 14 : length !== 16) return undefined;
  bytes.set(head, 0);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** The bytes of colon-separated groups; at the address's end the last may be a dotted quad. */
function ipv6Groups(text: string, atEnd: boolean): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [i, group] of groups.entries()) {
    if (group.includes('.')) {
      const quad = atEnd && i === groups.length - 1 ? ipv4Bytes(group) : undefined;
      if (quad === undefined) return undefined;
      bytes.push(...quad);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    }
  }
  return bytes;
}

/** RFC 5952: no leading zeros, the first longest run of at least two zero groups as `::`; v4-mapped addresses end in a dotted quad. */
export function formatIpv6(bytes: Uint8Array): Ipv6 {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff)
    return `::ffff:${formatIpv4(bytes.subarray(12, 16))}`;
  let best = { start: -1, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && groups[start + length] === 0) length++;
    if (length > best.length) best = { start, length };
  }
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  if (best.start < 0) return text(groups);
  return `${text(groups.slice(0, best.start))}::${text(groups.slice(best.start + best.length))}`;
}

/** True for IPv6 text, false for IPv4 text; says nothing about whether it is valid. */
export const isIpv6Text = (text: string): boolean => text.includes(':');

/** The address's bytes, 4 or 16 of them, or undefined. */
export function ipBytes(text: string): Uint8Array | undefined {
  return isIpv6Text(text) ? ipv6Bytes(text) : ipv4Bytes(text);
}

/** The address in canonical text, or undefined if `text` is neither IPv4 nor IPv6. */
export function canonicalIp(text: string): Ipv4 | Ipv6 | undefined {
  const bytes = ipBytes(text);
  if (bytes === undefined) return undefined;
  return bytes.length === 4 ? formatIpv4(bytes) : formatIpv6(bytes);
}

/** An unsigned big-endian number of any width. */
export function bytesToBigint(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
}

/** A number as `length` bytes, the most significant first. */
export function bigintToBytes(value: bigint, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = length - 1; i >= 0; i--, value >>= 8n) bytes[i] = Number(value & 0xffn);
  return bytes;
}

/** The link-local address that a MAC makes (RFC 4291 appendix A, modified EUI-64). */
export function linkLocalOf(mac: Mac): Ipv6 | undefined {
  const bytes = macBytes(mac);
  if (bytes === undefined) return undefined;
  const [first = 0, ...rest] = bytes;
  const interfaceId = [first ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)];
  return formatIpv6(Uint8Array.from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, ...interfaceId]));
}

/** The solicited-node multicast address of an address (RFC 4291 section 2.7.1). */
export function solicitedNode(ip: Ipv6): Ipv6 | undefined {
  const bytes = ipv6Bytes(ip);
  if (bytes === undefined) return undefined;
  return formatIpv6(Uint8Array.from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, ...bytes.subarray(13)]));
}

/** The Ethernet address of an IPv6 multicast group (RFC 2464 section 7). */
export function multicastMac(ip: Ipv6): Mac | undefined {
  const bytes = ipv6Bytes(ip);
  return bytes && formatMac(Uint8Array.from([0x33, 0x33, ...bytes.subarray(12)]));
}
