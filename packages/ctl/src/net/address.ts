/** Ethernet and IP addresses as the commands take them (ovn-nb(5)), and their normal forms. */

/** An IPv4 (32 bits) or IPv6 (128 bits) address. */
export interface IpAddress {
  readonly bits: 32 | 128;
  readonly value: bigint;
}

export interface Cidr extends IpAddress {
  readonly prefixLength: number;
}

/** `xx:xx:xx:xx:xx:xx` in hexadecimal; of a number that is too large its last eight bits count. Undefined if it is none. */
export function parseMac(text: string): string | undefined {
  if (!/^\s*[0-9a-fA-F]+(:[0-9a-fA-F]+){5}$/.test(text)) return undefined;
  return text
    .trimStart()
    .split(':')
    .map((byte) => byte.toLowerCase().slice(-2).padStart(2, '0'))
    .join(':');
}

/** Four decimal numbers up to 255 without leading zeros, as inet_pton(3) reads them. */
export function parseIpv4(text: string): IpAddress | undefined {
  if (text.split('.').some((part) => !/^(0|[1-9]\d*)$/.test(part) || Number(part) > 255)) return undefined;
  return scanIpv4(text);
}

/** As scanf(3) would read four numbers: blanks and zeros may lead, and of a number that is too large its last eight bits count. */
function scanIpv4(text: string): IpAddress | undefined {
  if (!/^\s*\d+(\.\d+){3}$/.test(text)) return undefined;
  const value = text.split('.').reduce((bits, part) => (bits << 8n) | (BigInt(part.trimStart()) & 0xffn), 0n);
  return { bits: 32, value };
}

/** An IPv6 address (RFC 4291); undefined for what is none. */
export function parseIpv6(text: string): IpAddress | undefined {
  let source = text;
  if (source.includes('.')) {
    const colon = source.lastIndexOf(':');
    const v4 = parseIpv4(source.slice(colon + 1));
    if (colon < 0 || v4 === undefined) return undefined;
    const high = (v4.value >> 16n).toString(16);
    source = `${source.slice(0, colon + 1)}${high}:${(v4.value & 0xffffn).toString(16)}`;
  }
  const halves = source.split('::');
  if (halves.length > 2) return undefined;
  const groups = (half: string) => (half === '' ? [] : half.split(':'));
  const head = groups(halves[0]!);
  const tail = halves.length === 2 ? groups(halves[1]!) : [];
  if (![...head, ...tail].every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  let value = 0n;
  for (const group of [...head, ...Array.from({ length: missing }, () => '0'), ...tail]) {
    value = (value << 16n) | BigInt(`0x${group}`);
  }
  return { bits: 128, value };
}

/** An IPv4 or an IPv6 address; undefined for what is none. */
export function parseIp(text: string): IpAddress | undefined {
  return parseIpv4(text) ?? parseIpv6(text);
}

/**
 * `ADDRESS[/LENGTH]`, `ADDRESS/NETMASK` if the mask is a prefix. An address alone has all its bits. The C programs are less strict here than
 * where an address stands alone.
 */
export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf('/');
  const addressText = slash < 0 ? text : text.slice(0, slash);
  const address = scanIpv4(addressText) ?? parseIpv6(addressText);
  if (address === undefined) return undefined;
  if (slash < 0) return { ...address, prefixLength: address.bits };
  const length = text.slice(slash + 1);
  if (/^\d+$/.test(length)) {
    const prefixLength = Number(length);
    // A length of 0 is one only for a prefix; the C programs take none above the address's bits.
    return prefixLength <= address.bits ? { ...address, prefixLength } : undefined;
  }
  const mask = parseIp(length);
  if (mask === undefined || mask.bits !== address.bits) return undefined;
  const prefixLength = maskLength(mask);
  return prefixLength === undefined ? undefined : { ...address, prefixLength };
}

function maskLength(mask: IpAddress): number | undefined {
  const text = mask.value.toString(2).padStart(mask.bits, '0');
  return /^1*0*$/.test(text) ? text.lastIndexOf('1') + 1 : undefined;
}

/** The address with its host bits cleared. */
export function networkOf(cidr: Cidr): IpAddress {
  const host = BigInt(cidr.bits - cidr.prefixLength);
  return { bits: cidr.bits, value: (cidr.value >> host) << host };
}

/** As text: IPv4 dotted, IPv6 as RFC 5952 has it. */
export function formatIp(address: IpAddress): string {
  return address.bits === 32 ? formatIpv4(address.value) : formatIpv6(address.value);
}

function formatIpv4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
}

/** As RFC 5952 and inet_ntop(3) write it. */
function formatIpv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  let best = { start: -1, length: 1 };
  for (let i = 0; i < 8; ) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > best.length) best = { start: i, length: end - i };
    i = Math.max(end, i + 1);
  }
  // Mapped and compatible IPv4 addresses end in dotted decimals.
  if (best.start === 0 && (best.length === 6 || (best.length === 5 && groups[5] === 0xffff))) {
    return `::${best.length === 5 ? 'ffff:' : ''}${formatIpv4(value & 0xffffffffn)}`;
  }
  const hex = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  if (best.start < 0) return hex(groups);
  return `${hex(groups.slice(0, best.start))}::${hex(groups.slice(best.start + best.length))}`;
}

/** The network in its normal form: host bits cleared, without a length if it is one address. */
export function formatNetwork(cidr: Cidr): string {
  const address = formatIp(networkOf(cidr));
  return cidr.prefixLength === cidr.bits ? address : `${address}/${cidr.prefixLength}`;
}

/** The network in its normal form, always with its length. */
export function formatNetworkWithLength(cidr: Cidr): string {
  return `${formatIp(networkOf(cidr))}/${cidr.prefixLength}`;
}
