/** Pieces of expressions and actions that several router features write. */
import type { Ip } from '../net.ts';

/** One address as it is, several as a set: `A`, `{A, B}`. */
export function oneOrSet(ips: readonly Ip[]): string {
  return ips.length === 1 ? (ips[0] as Ip).text : set(ips);
}

/** `{A, B}`, also for one. */
export function set(ips: readonly Ip[]): string {
  return `{${ips.map((ip) => ip.text).join(', ')}}`;
}

/** The Ethernet multicast address of an IPv6 solicited-node address: 33:33:ff and its last three octets (RFC 2464, section 7). */
export function solicitedNodeMac(ip: Ip): string {
  const low = Number(BigInt(ip.value) & 0xff_ffffn);
  const octets = [0x33, 0x33, 0xff, (low >> 16) & 255, (low >> 8) & 255, low & 255];
  return octets.map((octet) => octet.toString(16).padStart(2, '0')).join(':');
}
