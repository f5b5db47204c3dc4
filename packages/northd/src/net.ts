/** Ethernet and IP addresses: parsing, the canonical texts that flows use, and the addresses that derive from others. */

/** An IPv4 address with the prefix length of its network. */
export interface Ip4 {
  readonly family: 4;
  readonly value: number;
  readonly plen: number;
  /** The address: `192.168.1.10`. */
  readonly text: string;
  /** The network's address: `192.168.1.0`. */
  readonly network: string;
  /** The network's broadcast address: `192.168.1.255`. */
  readonly broadcast: string;
}

/** An IPv6 address with the prefix length of its network. */
export interface Ip6 {
  readonly family: 6;
  readonly value: bigint;
  readonly plen: number;
  /** The address in the canonical form of RFC 5952. */
  readonly text: string;
  readonly network: string;
  /** Its solicited-node multicast address (RFC 4291, section 2.7.1). */
  readonly solicitedNode: string;
}

export type Ip = Ip4 | Ip6;

/** An Ethernet address and the IP addresses that go with it: what a port has. */
export interface PortAddresses {
  /** In canonical lower case, two digits an octet. */
  readonly mac: string;
  readonly ip4: readonly Ip4[];
  readonly ip6: readonly Ip6[];
}

const macPattern = /^\s*((?:0*[0-9a-f]{1,2}:){5}0*[0-9a-f]{1,2})(.*)$/is;

/** The canonical form of the Ethernet address that `text` starts with, and what follows it. */
function scanMac(text: string): readonly [mac: string, rest: string] | undefined {
  const [, mac, rest = ''] = macPattern.exec(text) ?? [];
  if (mac === undefined) return undefined;
  const octets = mac.split(':').map((octet) => octet.toLowerCase().slice(-2).padStart(2, '0'));
  return [octets.join(':'), rest];
}

/** The canonical form of an Ethernet address, or undefined if `text` is not one. */
export function parseMac(text: string): string | undefined {
  const [mac, rest = ''] = scanMac(text) ?? [];
  return rest.trim() === '' ? mac : undefined;
}

/** The 48 bits of an Ethernet address in canonical form. */
export function macToNumber(mac: string): number {
  return Number.parseInt(mac.replaceAll(':', ''), 16);
}

/** The inverse of {@link macToNumber}. */
export function macFromNumber(value: number): string {
  return (value.toString(16).padStart(12, '0').match(/../g) ?? []).join(':');
}

/** The 32 bits of an IPv4 address in dotted decimal, or undefined. Leading zeros do not count, nor do they make a number octal. */
export function parseIp4Value(text: string): number | undefined {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (match === null) return undefined;
  let value = 0;
  for (const octet of match.slice(1)) {
    const byte = Number(octet);
    if (byte > 255) return undefined;
    value = value * 256 + byte;
  }
  return value;
}

/** Dotted decimal, of the address' 32 bits. */
export function formatIp4(value: number): string {
  return `${(value >>> 24) & 255}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

/** The 128 bits of an IPv6 address, or undefined. */
export function parseIp6Value(text: string): bigint | undefined {
  let head = text;
  let tail: number[] = [];
  const embedded = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  if (embedded !== null) {
    const ip4 = parseIp4Value(embedded[2] as string);
    if (ip4 === undefined) return undefined;
    head = `${embedded[1]}0:0`;
    tail = [ip4 >>> 16, ip4 & 0xffff];
  }
  const halves = head.split('::');
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  if (groups.some((half) => half.some((group) => !/^[0-9a-fA-F]{1,4}$/.test(group)))) return undefined;
  const [left = [], right = []] = groups;
  const missing = 8 - left.length - right.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const words = [...left, ...Array<string>(halves.length === 2 ? missing : 0).fill('0'), ...right].map((group) =>
    Number.parseInt(group, 16),
  );
  if (tail.length > 0) words.splice(6, 2, ...tail);
  return words.reduce((value, word) => (value << 16n) | BigInt(word), 0n);
}

/** The canonical text of RFC 5952: lower case, the longest run of zero groups (the first of equals, at least two) as `::`. */
export function formatIp6(value: bigint): string {
  const words: number[] = [];
  for (let shift = 112n; shift >= 0n; shift -= 16n) words.push(Number((value >> shift) & 0xffffn));
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && words[end] === 0) end++;
    if (end - i > length) {
      start = i;
      length = end - i;
    }
  }
  // inet_ntop writes IPv4-mapped and IPv4-compatible addresses with a dotted tail.
  if (start === 0 && (length === 6 || (length === 5 && words[5] === 0xffff))) {
    const ip4 = formatIp4((((words[6] as number) << 16) | (words[7] as number)) >>> 0);
    return length === 6 ? `::${ip4}` : `::ffff:${ip4}`;
  }
  const hex = (from: number, to: number): string =>
    words
      .slice(from, to)
      .map((word) => word.toString(16))
      .join(':');
  return start === -1 ? hex(0, 8) : `${hex(0, start)}::${hex(start + length, 8)}`;
}

const ip4Mask = (plen: number): number => (plen === 0 ? 0 : (0xffffffff << (32 - plen)) >>> 0);
const allOnes6 = (1n << 128n) - 1n;
const ip6Mask = (plen: number): bigint => (allOnes6 << BigInt(128 - plen)) & allOnes6;

/** The IPv4 address of these 32 bits, in a network of this prefix length. */
export function ip4(value: number, plen = 32): Ip4 {
  const mask = ip4Mask(plen);
  return {
    family: 4,
    value,
    plen,
    text: formatIp4(value),
    network: formatIp4((value & mask) >>> 0),
    broadcast: formatIp4((value | ~mask) >>> 0),
  };
}

/** The first and the last address of a network. */
export function ip4Range({ value, plen }: Ip4): readonly [number, number] {
  const mask = ip4Mask(plen);
  return [(value & mask) >>> 0, (value | ~mask) >>> 0];
}

/** The IPv6 address of these 128 bits, in a network of this prefix length. */
export function ip6(value: bigint, plen = 128): Ip6 {
  return {
    family: 6,
    value,
    plen,
    text: formatIp6(value),
    network: formatIp6(value & ip6Mask(plen)),
    solicitedNode: formatIp6(0xff02_0000_0000_0000_0000_0001_ff00_0000n | (value & 0xff_ffffn)),
  };
}

/** `ADDRESS[/PLEN]` or `ADDRESS/MASK` of either family; undefined if `text` is none of these. */
export function parseIp(text: string): Ip | undefined {
  const [address = '', suffix, ...rest] = text.split('/');
  if (rest.length > 0) return undefined;
  const value4 = parseIp4Value(address);
  if (value4 !== undefined) {
    const plen = suffix === undefined ? 32 : ip4PrefixLength(suffix);
    return plen === undefined ? undefined : ip4(value4, plen);
  }
  const value6 = parseIp6Value(address);
  if (value6 === undefined) return undefined;
  const plen = suffix === undefined ? 128 : ip6PrefixLength(suffix);
  return plen === undefined ? undefined : ip6(value6, plen);
}

function prefixLength(text: string, max: number): number | undefined {
  if (!/^\d{1,3}$/.test(text)) return undefined;
  const plen = Number(text);
  return plen <= max ? plen : undefined;
}

/** The prefix length that `24` or `255.255.255.0` stand for. */
function ip4PrefixLength(text: string): number | undefined {
  const plen = prefixLength(text, 32);
  if (plen !== undefined) return plen;
  const mask = parseIp4Value(text);
  if (mask === undefined) return undefined;
  const length = 32 - Math.log2(2 ** 32 - mask);
  return Number.isInteger(length) ? length : undefined;
}

/** The prefix length that `64` or `ffff:ffff:ffff:ffff::` stand for. */
function ip6PrefixLength(text: string): number | undefined {
  const plen = prefixLength(text, 128);
  if (plen !== undefined) return plen;
  const mask = parseIp6Value(text);
  if (mask === undefined) return undefined;
  const length = mask.toString(2).replace(/0+$/, '').length;
  return mask === ip6Mask(length) ? length : undefined;
}

/** Whether `ip` is in the network that `net` stands in. */
export function sameNetwork(net: Ip, ip: Ip): boolean {
  if (net.family === 4) return ip.family === 4 && ((net.value ^ ip.value) & ip4Mask(net.plen)) === 0;
  return ip.family === 6 && ((net.value ^ ip.value) & ip6Mask(net.plen)) === 0n;
}

/** The network of an address as `NETWORK/PLEN`. */
export function networkText(ip: Ip): string {
  return `${ip.network}/${ip.plen}`;
}

/** Whether the address is link-local unicast: fe80::/10. */
export function isLinkLocal(ip: Ip6): boolean {
  return ip.value >> 118n === 0x3fan;
}

/** The interface identifier that an Ethernet address makes (RFC 4291, appendix A), in the low 64 bits of a /64. */
export function eui64(mac: string, network: bigint): bigint {
  const value = BigInt(macToNumber(mac));
  const identifier = ((value >> 24n) << 40n) | (0xfffen << 24n) | (value & 0xff_ffffn);
  return network | (identifier ^ (1n << 57n));
}

const linkLocalNetwork = 0xfe80n << 112n;

/** The link-local address that an Ethernet address makes. */
export function linkLocalAddress(mac: string): Ip6 {
  return ip6(eui64(mac, linkLocalNetwork), 64);
}

/** An address of either family with what may follow it as its prefix length or mask, at the start of a text. */
const ipPattern = /^(?:\d+\.\d+\.\d+\.\d+(?:\/(?:\d+\.\d+\.\d+\.\d+|\d+))?|[0-9a-f:.]+(?:\/[0-9a-f:.]+)?)/i;

/**
 * An entry of `Logical_Switch_Port.addresses` or `port_security` that starts with an Ethernet address: `MAC [IP[/PLEN]]...`. Undefined if there
 * is no Ethernet address; `error` says from where on it could not be read, and what stands before that holds, as for C.
 */
export function parsePortAddresses(text: string): { addresses?: PortAddresses; error?: string } {
  const [mac, tail = ''] = scanMac(text) ?? [];
  if (mac === undefined) return { error: `"${text}" does not start with an Ethernet address` };
  const four: Ip4[] = [];
  const six: Ip6[] = [];
  const addresses = { mac, ip4: four, ip6: six };
  for (let rest = tail.trim(); rest !== ''; ) {
    const [word] = ipPattern.exec(rest) ?? [''];
    const ip = parseIp(word);
    if (ip === undefined) return { addresses, error: `"${rest}" in "${text}" is not an IP address` };
    if (ip.family === 4) four.push(ip);
    else six.push(ip);
    rest = rest.slice(word.length).trimStart();
  }
  return { addresses };
}
