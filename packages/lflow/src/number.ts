/**
 * Integer constants of the logical-flow language and their notations: decimal, hexadecimal, dotted quad, IPv6 (RFC 4291 section 2.2) and colon-separated
 * Ethernet addresses (ovn-sb(5), "Constants").
 */

/** How a constant was written, and how it is printed again. */
export type NumberFormat = 'decimal' | 'hexadecimal' | 'ipv4' | 'ipv6' | 'ethernet';

/** A number below 2^32 for narrow values, a bigint for all others. */
export type Value = number | bigint;

/** The value as a number when it fits 32 bits, else as a bigint. */
export function narrow(value: bigint): Value {
  return value <= 0xffffffffn ? Number(value) : value;
}

/** Bits that a non-negative value needs; 1 for 0. */
export function bitLength(value: Value): number {
  if (typeof value === 'number') return value === 0 ? 1 : 32 - Math.clz32(value);
  let bits = 0;
  let rest = value;
  while (rest > 0xffffffffn) {
    rest >>= 32n;
    bits += 32;
  }
  return bits + (rest === 0n ? 0 : 32 - Math.clz32(Number(rest)));
}

/** Parses a dotted quad, or returns undefined. */
export function parseIpv4(text: string): number | undefined {
  let value = 0;
  let octet = -1;
  let dots = 0;
  // An octet has no leading zeros: some programs would read them as octal.
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c >= 48 && c <= 57) {
      if (octet === 0) return undefined;
      octet = octet < 0 ? c - 48 : octet * 10 + c - 48;
      if (octet > 255) return undefined;
    } else if (c === 46 && octet >= 0) {
      value = value * 256 + octet;
      octet = -1;
      dots++;
    } else {
      return undefined;
    }
  }
  return dots === 3 && octet >= 0 ? value * 256 + octet : undefined;
}

/** Parses an Ethernet address of six pairs of hexadecimal digits, or returns undefined. */
export function parseEthernet(text: string): bigint | undefined {
  let value = 0;
  let byte = -1;
  let digits = 0;
  let colons = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    const digit = hexDigit(c);
    if (digit >= 0) {
      if (++digits > 2) return undefined;
      byte = byte < 0 ? digit : byte * 16 + digit;
    } else if (c === 58 && digits === 2) {
      value = value * 256 + byte;
      byte = -1;
      digits = 0;
      colons++;
    } else {
      return undefined;
    }
  }
  return colons === 5 && digits === 2 ? BigInt(value * 256 + byte) : undefined;
}

/** Parses an IPv6 address, or returns undefined. */
export function parseIpv6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = ipv6Groups(halves[0] ?? '', halves.length === 1);
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 8 ? joinGroups(head) : undefined;
  const tail = ipv6Groups(halves[1] ?? '', true);
  if (tail === undefined || head.length + tail.length > 7) return undefined;
  return joinGroups([...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail]);
}

function ipv6Groups(text: string, last: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] ?? '';
    if (last && i === parts.length - 1 && part.includes('.')) {
      const quad = parseIpv4(part);
      if (quad === undefined) return undefined;
      groups.push(quad >>> 16, quad & 0xffff);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}

function joinGroups(groups: readonly number[]): bigint {
  let value = 0n;
  for (const group of groups) value = (value << 16n) | BigInt(group);
  return value;
}

/** The value of a hexadecimal digit's character code, or -1. */
export function hexDigit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  if (c >= 97 && c <= 102) return c - 87;
  if (c >= 65 && c <= 70) return c - 55;
  return -1;
}

/** Prints a value in a notation; one that the notation cannot hold is printed in hexadecimal. */
export function formatNumber(value: Value, format: NumberFormat): string {
  switch (format) {
    case 'decimal':
      return value.toString();
    case 'hexadecimal':
      return `0x${value.toString(16)}`;
    case 'ipv4':
      return typeof value === 'number' ? formatIpv4(value) : `0x${value.toString(16)}`;
    case 'ipv6':
      return formatIpv6(BigInt(value));
    case 'ethernet':
      return BigInt(value) < 1n << 48n ? formatEthernet(BigInt(value)) : `0x${value.toString(16)}`;
  }
}

/** Dotted quad of a 32-bit number. */
export function formatIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/** Six lowercase octets, separated by colons, of a 48-bit number. */
export function formatEthernet(value: bigint): string {
  return (value.toString(16).padStart(12, '0').match(/../g) ?? []).join(':');
}

/** RFC 5952 text, with the IPv4 tail of mapped and compatible addresses as inet_ntop prints it. */
export function formatIpv6(value: bigint): string {
  const groups: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) groups.push(Number((value >> shift) & 0xffffn));
  let bestStart = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && groups[i + length] === 0) length++;
    if (length > bestLength) {
      bestStart = i;
      bestLength = length;
    }
  }
  if (bestStart === 0 && (bestLength === 6 || (bestLength === 5 && groups[5] === 0xffff))) {
    const quad = formatIpv4(Number(value & 0xffffffffn));
    return bestLength === 6 ? `::${quad}` : `::ffff:${quad}`;
  }
  const hex = groups.map((group) => group.toString(16));
  if (bestStart < 0) return hex.join(':');
  return `${hex.slice(0, bestStart).join(':')}::${hex.slice(bestStart + bestLength).join(':')}`;
}

/** Prints a masked constant; the mask as a prefix length where the notation has them and it is one. */
export function formatMasked(value: Value, mask: Value, format: NumberFormat): string {
  if (format === 'ipv4' || format === 'ipv6') {
    const bits = format === 'ipv4' ? 32 : 128;
    const inverted = ((1n << BigInt(bits)) - 1n) ^ BigInt(mask);
    if ((inverted & (inverted + 1n)) === 0n) {
      return `${formatNumber(value, format)}/${inverted === 0n ? bits : bits - inverted.toString(2).length}`;
    }
  }
  return `${formatNumber(value, format)}/${formatNumber(mask, format)}`;
}
