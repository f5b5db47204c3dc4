/** Matches in `ovs-ofctl` syntax, in the order in which Open vSwitch prints them (ovs-ofctl(8), "Flow Syntax"; ovs-fields(7)). */
import { type FieldValue, field, fieldByName } from './fields.ts';
import { Match, MatchBuilder, type Term } from './match.ts';
import { type Item, items, type Parsed, parseInteger, parsing, TextParseError } from './text-scan.ts';
import { formatHex, formatValue, type PortNames, parseValue } from './text-value.ts';

const ETH_TYPE = field('eth_type');
const NW_PROTO = field('nw_proto');
const VLAN_VID = field('vlan_vid');
const VLAN_PCP = field('vlan_pcp');
const IP_DSCP = field('ip_dscp');
const VLAN_CFI = 0x1000;

const IPV4 = 0x0800;
const IPV6 = 0x86dd;
const ARP = 0x0806;
const RARP = 0x8035;

/** Shorthands: `tcp` stands for `dl_type=0x0800,nw_proto=6` (ovs-fields(7)). */
const KEYWORDS: readonly (readonly [string, number | undefined, number | undefined])[] = [
  ['eth', undefined, undefined],
  ['ip', IPV4, undefined],
  ['icmp', IPV4, 1],
  ['tcp', IPV4, 6],
  ['udp', IPV4, 17],
  ['sctp', IPV4, 132],
  ['ipv6', IPV6, undefined],
  ['ip6', IPV6, undefined],
  ['icmp6', IPV6, 58],
  ['tcp6', IPV6, 6],
  ['udp6', IPV6, 17],
  ['sctp6', IPV6, 132],
  ['arp', ARP, undefined],
  ['rarp', RARP, undefined],
  ['mpls', 0x8847, undefined],
  ['mplsm', 0x8848, undefined],
];

/** The fields in printing order; `*` is where the shorthand of the protocol stands. */
const PRINT_ORDER: readonly string[] = (
  'recirc_id dp_hash skb_priority pkt_mark conj_id actset_output ' +
  'ct_state ct_zone ct_mark ct_label ct_nw_src ct_nw_dst ct_ipv6_src ct_ipv6_dst ct_nw_proto ct_tp_src ct_tp_dst packet_type * ' +
  `${Array.from({ length: 16 }, (_, i) => `reg${i}`).join(' ')} ` +
  'tun_id tun_src tun_dst tun_ipv6_src tun_ipv6_dst tun_gbp_id tun_gbp_flags tun_erspan_ver tun_erspan_idx tun_erspan_dir ' +
  'tun_erspan_hwid tun_gtpu_flags tun_gtpu_msgtype tun_flags ' +
  `${Array.from({ length: 64 }, (_, i) => `tun_metadata${i}`).join(' ')} ` +
  'metadata in_port_oxm vlan_tci vlan_vid vlan_pcp eth_src eth_dst eth_type ipv6_src ipv6_dst ipv6_label ip_src ip_dst arp_spa arp_tpa nw_proto arp_op ' +
  'arp_sha arp_tha ip_dscp nw_ecn nw_ttl mpls_label mpls_tc mpls_ttl mpls_bos ip_frag icmp_type icmp_code icmpv6_type icmpv6_code ' +
  'nd_target nd_sll nd_tll nd_reserved nd_options_type tcp_src tcp_dst udp_src udp_dst sctp_src sctp_dst tcp_flags ' +
  'nsh_flags nsh_ttl nsh_mdtype nsh_np nsh_spi nsh_si nsh_c1 nsh_c2 nsh_c3 nsh_c4'
).split(' ');
const KEYWORD_RANK = PRINT_ORDER.indexOf('*');

/** By field id: the place in the print, and the name that Open vSwitch prints. */
const RANK: readonly number[] = (() => {
  const rank: number[] = [];
  for (const [i, name] of PRINT_ORDER.entries()) if (name !== '*') rank[field(name).id] = i;
  return rank;
})();
const PRINT_NAMES: ReadonlyMap<string, string> = new Map([
  ['in_port_oxm', 'in_port'],
  ['eth_src', 'dl_src'],
  ['eth_dst', 'dl_dst'],
  ['eth_type', 'dl_type'],
  ['ip_src', 'nw_src'],
  ['ip_dst', 'nw_dst'],
  ['ip_frag', 'nw_frag'],
  ['tcp_src', 'tp_src'],
  ['tcp_dst', 'tp_dst'],
  ['udp_src', 'tp_src'],
  ['udp_dst', 'tp_dst'],
  ['sctp_src', 'tp_src'],
  ['sctp_dst', 'tp_dst'],
  ['icmpv6_type', 'icmp_type'],
  ['icmpv6_code', 'icmp_code'],
]);

function hex4(value: number): string {
  return `0x${value.toString(16).padStart(4, '0')}`;
}

function formatVlan(term: Term, pcp: Term | undefined): string {
  const value = term.value as number;
  if (term.mask === undefined) {
    return (value & VLAN_CFI) !== 0 ? `dl_vlan=${value & 0xfff}` : `vlan_tci=${hex4(value)}/0x1fff`;
  }
  const mask = term.mask as number;
  if (pcp !== undefined) {
    // A match on the priority implies the header.
    if (mask === VLAN_CFI && value === VLAN_CFI) return '';
    return `vlan_tci=${hex4(value | ((pcp.value as number) << 13))}/${hex4(mask | 0xe000)}`;
  }
  return `vlan_tci=${hex4(value)}/${hex4(mask)}`;
}

/** Whether the id is matched in a way that takes the whole header to say. */
function hasVlanTci(vid: Term | undefined): boolean {
  return vid?.mask !== undefined && !(vid.mask === VLAN_CFI && vid.value === VLAN_CFI);
}

function formatTerm(match: Match, term: Term): string {
  const f = term.field;
  if (f === VLAN_VID) return formatVlan(term, match.get(VLAN_PCP));
  if (f === VLAN_PCP) return hasVlanTci(match.get(VLAN_VID)) ? '' : `dl_vlan_pcp=${term.value}`;
  if (term.mask === 0) return f.name;
  if (f === IP_DSCP) return `nw_tos=${(term.value as number) << 2}`;
  if (f === ETH_TYPE) return `dl_type=${hex4(term.value as number)}`;
  if (f.name === 'ct_zone') return `ct_zone=${term.value}`;
  if (f.name === 'recirc_id') return `recirc_id=${formatHex(term.value)}`;
  if (f.name === 'ipv6_label') {
    const digits = (v: FieldValue): string => `0x${v.toString(16).padStart(5, '0')}`;
    return `ipv6_label=${digits(term.value)}${term.mask === undefined ? '' : `/${digits(term.mask)}`}`;
  }
  return `${PRINT_NAMES.get(f.name) ?? f.name}=${formatValue(f, term.value, term.mask)}`;
}

/** A match in `ovs-ofctl` syntax; empty for the match of every packet. */
export function formatMatch(match: Match): string {
  const type = match.get(ETH_TYPE)?.value;
  const proto = match.get(NW_PROTO)?.value;
  const keyword =
    KEYWORDS.find(
      ([name, t, p]) => name !== 'ip6' && t !== undefined && t === type && p !== undefined && p === proto,
    ) ?? KEYWORDS.find(([name, t, p]) => name !== 'ip6' && t !== undefined && t === type && p === undefined);
  const ranked: (readonly [number, string])[] = keyword === undefined ? [] : [[KEYWORD_RANK, keyword[0]]];
  for (const term of match.terms) {
    if (keyword !== undefined && (term.field === ETH_TYPE || (term.field === NW_PROTO && keyword[2] !== undefined)))
      continue;
    const text = formatTerm(match, term);
    if (text !== '') ranked.push([RANK[term.field.id] ?? 999, text]);
  }
  ranked.sort((a, b) => a[0] - b[0]);
  return ranked.map(([, text]) => text).join(',');
}

/** What a name means that depends on the protocol, such as `tp_src`. Undefined when it does not depend. */
function dependent(name: string, type: number | undefined, proto: number | undefined): string | undefined {
  switch (name) {
    case 'tp_src':
    case 'tp_dst': {
      const side = name.slice(2);
      return proto === 17 ? `udp${side}` : proto === 132 ? `sctp${side}` : proto === 6 ? `tcp${side}` : undefined;
    }
    case 'icmp_type':
    case 'icmp_code':
      return type === IPV6 ? `icmpv6${name.slice(4)}` : name;
    case 'nw_src':
    case 'nw_dst':
      if (type === ARP || type === RARP) return name === 'nw_src' ? 'arp_spa' : 'arp_tpa';
      return name;
    case 'nw_proto':
      return type === ARP || type === RARP ? 'arp_op' : name;
    default:
      return name;
  }
}

function setTerm(builder: MatchBuilder, item: Item, name: string, names: PortNames | undefined): void {
  const text = item.value ?? '';
  const at = item.valueOffset;
  if (name === 'dl_vlan') {
    const vid = parseInteger(text, 0xffff, at);
    if (vid === 0xffff) builder.set(VLAN_VID, 0);
    else if (vid > 0xfff) throw new TextParseError(`${text} is not a VLAN id`, at);
    else builder.set(VLAN_VID, vid | VLAN_CFI);
    return;
  }
  if (name === 'dl_vlan_pcp' || name === 'vlan_pcp') {
    builder.set(VLAN_VID, VLAN_CFI, VLAN_CFI);
    builder.set(VLAN_PCP, parseInteger(text, 7, at));
    return;
  }
  const f = name === 'in_port' ? field('in_port_oxm') : fieldByName(name);
  if (f === undefined) throw new TextParseError(`unknown field ${item.key}`, item.offset);
  if (f.oxm.length === 0) throw new TextParseError(`no OpenFlow message can carry ${f.name}`, item.offset);
  const { value, mask } = parseValue(f, text, at, names);
  if (mask !== undefined && !f.maskable && mask !== f.ones) {
    throw new TextParseError(`${f.name} cannot be matched with a mask`, at);
  }
  // VLAN ids in a mask cover the CFI bit too, which every tagged packet has.
  builder.set(f, value, mask);
}

/** Reads the items of a match. */
export function matchFromItems(list: readonly Item[], names?: PortNames): Match {
  const builder = new MatchBuilder();
  let type: number | undefined;
  let proto: number | undefined;
  const rest: Item[] = [];
  for (const item of list) {
    if (item.value === undefined) {
      const keyword = KEYWORDS.find(([name]) => name === item.key);
      const option = keyword === undefined && item.key.startsWith('tun_metadata') ? fieldByName(item.key) : undefined;
      if (option !== undefined) {
        builder.set(option, 0, 0);
        continue;
      }
      if (keyword === undefined) throw new TextParseError(`unknown keyword ${item.key}`, item.offset);
      if (keyword[1] !== undefined) {
        type = keyword[1];
        builder.set(ETH_TYPE, type);
      }
      if (keyword[2] !== undefined) {
        proto = keyword[2];
        builder.set(NW_PROTO, proto);
      }
      continue;
    }
    const f = fieldByName(item.key);
    if (f === ETH_TYPE) type = parseInteger(item.value, 0xffff, item.valueOffset);
    else if (f === NW_PROTO) proto = parseInteger(item.value, 0xff, item.valueOffset);
    rest.push(item.tail === '' && item.value !== undefined ? item : { ...item, value: `${item.value}${item.tail}` });
  }
  for (const item of rest) {
    const name = dependent(item.key, type, proto);
    if (name === undefined) {
      throw new TextParseError(`${item.key} needs a protocol that has ports: tcp, udp or sctp`, item.offset);
    }
    const value = name === 'packet_type' ? `(${item.value})` : item.value;
    setTerm(
      builder,
      item.key === 'packet_type' && !item.value?.startsWith('(') ? { ...item, value } : item,
      name,
      names,
    );
  }
  return builder.build();
}

/** Parses a match, such as `tcp,reg0=0x1,nw_dst=10.0.0.0/8`. */
export function parseMatch(text: string, names?: PortNames): Parsed<Match> {
  return parsing(() => (text.trim() === '' ? Match.any : matchFromItems(items(text), names)));
}
