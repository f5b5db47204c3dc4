/** Addresses as text: Ethernet, IPv4 (RFC 791) and IPv6 (RFC 4291 section 2.2, printed as RFC 5952 says). */

/** `00:00:00:00:00:01` */
export function formatEthernet(value: bigint): string {
  const hex = value.toString(16).padStart(12, '0');
  return `${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}:${hex.slice(6, 8)}:${hex.slice(8, 10)}:${hex.slice(10)}`;
}

/** 48 bits of six octets separated by colons; undefined for anything else. */
export function parseEthernet(text: string): bigint | undefined {
  if (!/^[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2}){5}$/.test(text)) return undefined;
  return BigInt(
    `0x${text
      .split(':')
      .map((part) => part.padStart(2, '0'))
      .join('')}`,
  );
}

/** Dotted quad of a 32-bit number. */
export function formatIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 0xff}.${(value >>> 8) & 0xff}.${value & 0xff}`;
}

/** 32 bits of a dotted quad; undefined for anything else. */
export function parseIpv4(text: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  let value = 0;
  for (let i = 1; i <= 4; i++) {
    const part = Number(match[i]);
    if (part > 255) return undefined;
    value = value * 256 + part;
  }
  return value;
}

/** A 128-bit number in the shortest form (RFC 5952). */
export function formatIpv6(value: bigint): string {
  const groups: number[] = [];
  for (let i = 7; i >= 0; i--) groups.push(Number((value >> BigInt(i * 16)) & 0xffffn));
  // IPv4-mapped and (but for ::1 and ::) IPv4-compatible addresses end in dotted quads, as inet_ntop(3) prints them.
  const high = groups.slice(0, 5).every((g) => g === 0);
  if (high && (groups[5] === 0xffff || (groups[5] === 0 && groups[6] !== 0))) {
    return `${groups[5] === 0 ? '::' : '::ffff:'}${formatIpv4(Number(value & 0xffffffffn))}`;
  }
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (i + length < 8 && groups[i + length] === 0) length++;
    if (length > bestLength) {
      best = i;
      bestLength = length;
    }
  }
  const hex = groups.map((g) => g.toString(16));
  if (best < 0) return hex.join(':');
  return `${hex.slice(0, best).join(':')}::${hex.slice(best + bestLength).join(':')}`;
}

/** 128 bits of an IPv6 address (RFC 4291 section 2.2); undefined for anything else. */
export function parseIpv6(text: string): bigint | undefined {
  let source = text;
  const lastColon = source.lastIndexOf(':');
  if (lastColon >= 0 && source.includes('.', lastColon)) {
    const v4 = parseIpv4(source.slice(lastColon + 1));
    if (v4 === undefined) return undefined;
    source = `${source.slice(0, lastColon + 1)}${(v4 >>> 16).toString(16)}:${(v4 & 0xffff).toString(16)}`;
  }
  const halves = source.split('::');
  if (halves.length > 2) return undefined;
  const parts = (half: string | undefined): string[] => (half === undefined || half === '' ? [] : half.split(':'));
  const head = parts(halves[0]);
  const rest = parts(halves[1]);
  const missing = 8 - head.length - rest.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  let value = 0n;
  for (const part of [...head, ...new Array<string>(missing).fill('0'), ...rest]) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
    value = (value << 16n) | BigInt(`0x${part}`);
  }
  return value;
}

/** The length of the prefix that a mask of `bits` bits stands for, or undefined if its ones are not all in front. */
export function prefixLength(mask: bigint, bits: number): number | undefined {
  const inverted = ((1n << BigInt(bits)) - 1n) ^ mask;
  if ((inverted & (inverted + 1n)) !== 0n) return undefined;
  return bits - (inverted === 0n ? 0 : inverted.toString(2).length);
}

/** The mask of a prefix. */
export function prefixMask(length: number, bits: number): bigint {
  return ((1n << BigInt(length)) - 1n) << BigInt(bits - length);
}
