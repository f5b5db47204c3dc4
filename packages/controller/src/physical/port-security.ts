/**
 * `check_in_port_sec` and `check_out_port_sec` (ovn-sb(5); ovn-nb(5), Logical_Switch_Port port_security): which addresses a port may send from and
 * be sent to. The flows leave their verdict in {@link flag.portSecurityDrop}.
 */
import type { Flow } from '@weft/openflow/flow';
import {
  bigintToBytes,
  bytesToBigint,
  canonicalIp,
  formatIpv4,
  formatIpv6,
  formatMac,
  ipBytes,
  linkLocalOf,
  macBytes,
} from '@weft/packet/address';
import { flag, register, table } from '../pipeline.ts';
import { clearFlag, flowsOf, ipValue, macValue, match, protocol, resubmit, setFlag, type TermValue } from './terms.ts';

/** An address, or a network, and the network's broadcast address where a host address came with a prefix length. */
interface Allowed {
  readonly value: TermValue;
  readonly broadcast?: number | undefined;
}

export interface SecurityEntry {
  readonly mac: string;
  readonly ipv4: readonly Allowed[];
  readonly ipv6: readonly Allowed[];
}

/** `MAC [IP[/LENGTH]]...`; undefined if it does not begin with a MAC. Words that are no addresses end it, as they do for ovn-controller. */
export function parseSecurityEntry(text: string): SecurityEntry | undefined {
  const [mac = '', ...addresses] = text.split(/[\s,]+/).filter((word) => word !== '');
  const bytes = macBytes(mac);
  if (bytes === undefined) return undefined;
  const ipv4: Allowed[] = [];
  const ipv6: Allowed[] = [];
  for (const address of addresses) {
    const allowed = parseAllowed(address);
    if (allowed === undefined) break;
    (allowed.six ? ipv6 : ipv4).push(allowed);
  }
  return { mac: formatMac(bytes), ipv4, ipv6 };
}

function parseAllowed(text: string): (Allowed & { readonly six: boolean }) | undefined {
  const [ip = '', length, ...rest] = text.split('/');
  const bytes = ipBytes(ip);
  if (bytes === undefined || rest.length > 0) return undefined;
  const bits = bytes.length * 8;
  const six = bits === 128;
  if (length === undefined) return { six, value: ipValue(ip) };
  if (!/^\d+$/.test(length) || Number(length) > bits) return undefined;
  const hostMask = (1n << BigInt(bits - Number(length))) - 1n;
  const all = (1n << BigInt(bits)) - 1n;
  const whole = bytesToBigint(bytes);
  const canonical = (value: bigint) =>
    canonicalIp((six ? formatIpv6 : formatIpv4)(bigintToBytes(value, bytes.length))) ?? '';
  if ((whole & hostMask) === 0n && hostMask !== 0n)
    return { six, value: [ipValue(canonical(whole)), ipValue(canonical(all & ~hostMask))] };
  const broadcast = six || hostMask === 0n ? undefined : Number(whole | hostMask);
  return { six, value: ipValue(ip), broadcast };
}

const multicast4: TermValue = [0xe0000000, 0xf0000000];
const multicast6: TermValue = [0xffn << 120n, 0xffn << 120n];
/** ff02::/16 */
const linkMulticast6: TermValue = [0xff02n << 112n, 0xffffn << 112n];
const unspecifiedMac = 0n;
const neighborSolicit = { ...protocol.icmp6, icmpv6_type: 135 };
const neighborAdvert = { ...protocol.icmp6, icmpv6_type: 136 };
/**
 * What ovn-controller 23.03 matches in the hop limit of checked neighbor discovery packets. RFC 4861 says 255; but the flows are to be those of the
 * program that this one exchanges with, and packets with 255 are judged by the flows of priority 80.
 */
const checkedHopLimit = 225;

export interface SecuredPort {
  readonly uuid: string;
  readonly datapathKey: number;
  readonly portKey: number;
}

/** The flows of a port with these entries; none if no entry makes sense, which opens the port as having none does. */
export function portSecurityFlows(port: SecuredPort, entries: readonly SecurityEntry[]): readonly Flow[] {
  if (entries.length === 0) return [];
  const { flows, add } = flowsOf(port.uuid);
  const from = { [register.inport]: port.portKey, [register.datapath]: port.datapathKey };
  const to = { [register.outport]: port.portKey, [register.datapath]: port.datapathKey };
  const drop = [setFlag(flag.portSecurityDrop)];
  const allow = [clearFlag(flag.portSecurityDrop)];
  const checkNd = [resubmit(table.checkInPortSecurityNd)];
  const inbound = (priority: number, terms: object, actions = allow) =>
    add(table.checkInPortSecurity, priority, match({ ...terms, ...from }), actions);
  const nd = (priority: number, terms: object, actions = allow) =>
    add(table.checkInPortSecurityNd, priority, match({ ...terms, ...from }), actions);
  const outbound = (priority: number, terms: object, actions = allow) =>
    add(table.checkOutPortSecurity, priority, match({ ...terms, ...to }), actions);

  inbound(80, {}, drop);
  inbound(95, protocol.arp, checkNd);
  nd(80, protocol.arp, drop);
  nd(80, { ...neighborSolicit, nw_ttl: 255 });
  nd(80, { ...neighborAdvert, nw_ttl: 255 }, drop);
  outbound(80, {}, drop);

  for (const { mac, ipv4, ipv6 } of entries) {
    const address = macValue(mac);
    const source = { eth_src: address };
    const destination = { eth_dst: address };
    const linkLocal = ipValue(linkLocalOf(mac) ?? '::');
    const anyIp = ipv4.length + ipv6.length > 0;

    if (!anyIp) {
      inbound(90, source, checkNd);
      nd(90, { ...protocol.arp, ...source, arp_sha: address });
    }
    if (ipv4.length > 0) {
      // A DHCP client that has no address yet.
      inbound(90, { ...protocol.udp, ...source, ip_src: 0, ip_dst: 0xffffffff, udp_src: 68, udp_dst: 67 });
      for (const { value } of ipv4) {
        inbound(90, { ...protocol.ip, ...source, ip_src: value });
        nd(90, { ...protocol.arp, ...source, arp_sha: address, arp_spa: value });
      }
    }
    if (ipv6.length > 0) {
      // Duplicate address detection and multicast listener reports come from the unspecified address.
      const unspecified = { ...protocol.icmp6, ...source, ipv6_src: 0n, ipv6_dst: linkMulticast6, icmpv6_code: 0 };
      inbound(90, { ...unspecified, icmpv6_type: 131 });
      inbound(90, { ...unspecified, icmpv6_type: 143 });
      inbound(90, { ...unspecified, icmpv6_type: 135 }, checkNd);
      for (const value of [linkLocal, ...ipv6.map((allowed) => allowed.value)])
        inbound(90, { ...protocol.ipv6, ...source, ipv6_src: value }, checkNd);
    }
    for (const hardware of [unspecifiedMac, address]) {
      const target = { ...neighborAdvert, icmpv6_code: 0, nd_tll: hardware };
      nd(90, { ...neighborSolicit, nw_ttl: checkedHopLimit, icmpv6_code: 0, nd_sll: hardware });
      nd(90, { ...target, nw_ttl: checkedHopLimit, ...(ipv6.length > 0 ? { nd_target: linkLocal } : {}) });
      for (const { value } of ipv6) nd(90, { ...target, ...source, nd_target: value });
    }

    outbound(85, destination);
    if (anyIp) {
      outbound(90, { ...protocol.ip, ...destination }, drop);
      outbound(90, { ...protocol.ipv6, ...destination }, drop);
    }
    const allowOut4 = (ip_dst: TermValue) => outbound(95, { ...protocol.ip, ...destination, ip_dst });
    const allowOut6 = (ipv6_dst: TermValue) => outbound(95, { ...protocol.ipv6, ...destination, ipv6_dst });
    if (ipv4.length > 0) {
      for (const { value, broadcast } of ipv4) {
        allowOut4(value);
        if (broadcast !== undefined) allowOut4(broadcast);
      }
      allowOut4(0xffffffff);
      allowOut4(multicast4);
    }
    if (ipv6.length > 0) {
      allowOut6(linkLocal);
      for (const { value } of ipv6) allowOut6(value);
      allowOut6(multicast6);
    }
  }
  return flows;
}
