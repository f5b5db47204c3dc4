/**
 * The symbols of the logical-flow language, as data: names, widths, levels of measurement, prerequisites (ovn-sb(5), Logical_Flow, "Symbols"), and which
 * OpenFlow field each becomes (ovn-architecture(7), "Architectural Physical Life Cycle of a Packet", for the logical ones).
 */

import { type Field, type FieldValue, field, type Subfield, subfield } from '@weft/openflow/fields';

/** A whole OpenFlow field that symbols are mapped to. Compare by identity. */
export interface BaseField {
  /** Its symbol's name; clauses of a match are ordered by it. */
  readonly name: string;
  /** Its place in the order of names. */
  readonly order: number;
  readonly bits: number;
  /** Values are bigints, not numbers. */
  readonly wide: boolean;
  readonly field: Field;
  /** All of its bits. */
  readonly ones: FieldValue;
  /** The 32-bit registers that a wide register overlays, its least significant bits' first. */
  readonly registers: readonly Field[] | undefined;
  /** Bits that no packet has set, and that the switch refuses to match. */
  readonly unused: number;
  /** Never the dimension of a conjunctive match: other fields depend on its value, or the switch cannot match it alone. */
  readonly crossProduct: boolean;
}

/** A name for an OpenFlow field or some of its bits. */
export interface FieldSymbol {
  readonly kind: 'field';
  readonly name: string;
  readonly type: 'integer' | 'string';
  readonly level: 'nominal' | 'ordinal';
  readonly base: BaseField;
  /** The least significant bit of the base field that belongs to the symbol, and how many do. */
  readonly ofs: number;
  readonly bits: number;
  /** A match expression that holds wherever the symbol is used, or ''. */
  readonly prerequisites: string;
  readonly writable: boolean;
  /** All of the symbol: one object, since most references are to it. */
  readonly whole: FieldRef;
  /** The same, as OpenFlow sees it. */
  readonly subfield: Subfield;
}

/** Bits `ofs` to `ofs + bits - 1` of a symbol. */
export interface FieldRef {
  readonly symbol: FieldSymbol;
  readonly ofs: number;
  readonly bits: number;
}

/** Bits of a symbol as OpenFlow sees them. */
export function toSubfield(ref: FieldRef): Subfield {
  if (ref === ref.symbol.whole) return ref.symbol.subfield;
  return { field: ref.symbol.base.field, ofs: ref.symbol.ofs + ref.ofs, bits: ref.bits };
}

/** A name for a match expression. */
export interface PredicateSymbol {
  readonly kind: 'predicate';
  readonly name: string;
  readonly expansion: string;
  readonly level: 'nominal' | 'boolean';
}

/** A field that no OpenFlow field stands for: only actions may name it, and the controller sets it in the packet. */
export interface OvnFieldSymbol {
  readonly kind: 'ovn-field';
  readonly name: string;
  readonly bits: number;
  readonly prerequisites: string;
}

export type LflowSymbol = FieldSymbol | PredicateSymbol | OvnFieldSymbol;

interface FieldRow {
  readonly name: string;
  readonly bits: number;
  /** Its name in ovs-fields(7). */
  readonly openflow: string;
  readonly prerequisites?: string;
  readonly level?: 'nominal' | 'ordinal';
  readonly type?: 'string';
  readonly readOnly?: true;
  readonly unused?: number;
  readonly registers?: readonly string[];
  readonly crossProduct?: true;
}

const nominal = 'nominal';

/** Whole fields. */
const fieldRows: readonly FieldRow[] = [
  { name: 'inport', bits: 32, openflow: 'reg14', type: 'string', level: nominal },
  { name: 'outport', bits: 32, openflow: 'reg15', type: 'string', level: nominal },
  { name: 'flags', bits: 32, openflow: 'reg10' },
  { name: 'xxreg0', bits: 128, openflow: 'xxreg0', registers: ['reg3', 'reg2', 'reg1', 'reg0'] },
  { name: 'xxreg1', bits: 128, openflow: 'xxreg1', registers: ['reg7', 'reg6', 'reg5', 'reg4'] },
  { name: 'xreg4', bits: 64, openflow: 'xreg4', registers: ['reg9', 'reg8'] },
  { name: 'pkt.mark', bits: 32, openflow: 'pkt_mark' },
  { name: 'ct_state', bits: 32, openflow: 'ct_state', readOnly: true, unused: 0xffffff00 },
  { name: 'ct_mark', bits: 32, openflow: 'ct_mark', readOnly: true },
  { name: 'ct_label', bits: 128, openflow: 'ct_label', readOnly: true },
  { name: 'eth.src', bits: 48, openflow: 'eth_src' },
  { name: 'eth.dst', bits: 48, openflow: 'eth_dst' },
  { name: 'eth.type', bits: 16, openflow: 'eth_type', level: nominal, readOnly: true, crossProduct: true },
  { name: 'vlan.tci', bits: 16, openflow: 'vlan_tci' },
  {
    name: 'ip.proto',
    bits: 8,
    openflow: 'nw_proto',
    prerequisites: 'ip',
    level: nominal,
    readOnly: true,
    crossProduct: true,
  },
  { name: 'ip.dscp', bits: 6, openflow: 'ip_dscp', prerequisites: 'ip', level: nominal },
  { name: 'ip.ecn', bits: 2, openflow: 'nw_ecn', prerequisites: 'ip', level: nominal },
  { name: 'ip.ttl', bits: 8, openflow: 'nw_ttl', prerequisites: 'ip', level: nominal },
  { name: 'ip.frag', bits: 2, openflow: 'ip_frag', prerequisites: 'ip', readOnly: true },
  { name: 'ip4.src', bits: 32, openflow: 'ip_src', prerequisites: 'ip4' },
  { name: 'ip4.dst', bits: 32, openflow: 'ip_dst', prerequisites: 'ip4' },
  { name: 'ip6.src', bits: 128, openflow: 'ipv6_src', prerequisites: 'ip6' },
  { name: 'ip6.dst', bits: 128, openflow: 'ipv6_dst', prerequisites: 'ip6' },
  { name: 'ip6.label', bits: 20, openflow: 'ipv6_label', prerequisites: 'ip6' },
  { name: 'arp.op', bits: 16, openflow: 'arp_op', prerequisites: 'arp', level: nominal },
  { name: 'arp.spa', bits: 32, openflow: 'arp_spa', prerequisites: 'arp' },
  { name: 'arp.tpa', bits: 32, openflow: 'arp_tpa', prerequisites: 'arp' },
  { name: 'arp.sha', bits: 48, openflow: 'arp_sha', prerequisites: 'arp' },
  { name: 'arp.tha', bits: 48, openflow: 'arp_tha', prerequisites: 'arp' },
  { name: 'rarp.op', bits: 16, openflow: 'arp_op', prerequisites: 'rarp', level: nominal },
  { name: 'rarp.spa', bits: 32, openflow: 'arp_spa', prerequisites: 'rarp' },
  { name: 'rarp.tpa', bits: 32, openflow: 'arp_tpa', prerequisites: 'rarp' },
  { name: 'rarp.sha', bits: 48, openflow: 'arp_sha', prerequisites: 'rarp' },
  { name: 'rarp.tha', bits: 48, openflow: 'arp_tha', prerequisites: 'rarp' },
  { name: 'tcp.src', bits: 16, openflow: 'tcp_src', prerequisites: 'tcp' },
  { name: 'tcp.dst', bits: 16, openflow: 'tcp_dst', prerequisites: 'tcp' },
  { name: 'tcp.flags', bits: 12, openflow: 'tcp_flags', prerequisites: 'tcp', readOnly: true },
  { name: 'udp.src', bits: 16, openflow: 'udp_src', prerequisites: 'udp' },
  { name: 'udp.dst', bits: 16, openflow: 'udp_dst', prerequisites: 'udp' },
  { name: 'sctp.src', bits: 16, openflow: 'sctp_src', prerequisites: 'sctp' },
  { name: 'sctp.dst', bits: 16, openflow: 'sctp_dst', prerequisites: 'sctp' },
  { name: 'icmp4.type', bits: 8, openflow: 'icmp_type', prerequisites: 'icmp4', level: nominal },
  { name: 'icmp4.code', bits: 8, openflow: 'icmp_code', prerequisites: 'icmp4', level: nominal },
  { name: 'icmp6.type', bits: 8, openflow: 'icmpv6_type', prerequisites: 'icmp6', level: nominal, crossProduct: true },
  { name: 'icmp6.code', bits: 8, openflow: 'icmpv6_code', prerequisites: 'icmp6', level: nominal, crossProduct: true },
  { name: 'nd.target', bits: 128, openflow: 'nd_target', prerequisites: 'nd' },
  { name: 'nd.sll', bits: 48, openflow: 'nd_sll', prerequisites: 'nd_ns' },
  { name: 'nd.tll', bits: 48, openflow: 'nd_tll', prerequisites: 'nd_na' },
];

/** Names for bits of fields: name, base, first bit, width, prerequisites. */
const subfieldRows: readonly (readonly [string, string, number, number, string?])[] = [
  ...[0, 1, 2, 3].map((n) => [`reg${n}`, 'xxreg0', 96 - 32 * n, 32] as const),
  ...[4, 5, 6, 7].map((n) => [`reg${n}`, 'xxreg1', 96 - 32 * (n - 4), 32] as const),
  ['reg8', 'xreg4', 32, 32],
  ['reg9', 'xreg4', 0, 32],
  ['xreg0', 'xxreg0', 64, 64],
  ['xreg1', 'xxreg0', 0, 64],
  ['xreg2', 'xxreg1', 64, 64],
  ['xreg3', 'xxreg1', 0, 64],
  ['flags.loopback', 'flags', 0, 1],
  ['flags.force_snat_for_dnat', 'flags', 2, 1],
  ['flags.force_snat_for_lb', 'flags', 3, 1],
  ['flags.skip_snat_for_lb', 'flags', 9, 1],
  ['flags.use_snat_zone', 'flags', 11, 1],
  // ovn-sb(5) lists it with the predicates, but it can be assigned as well, like any part of a field.
  ['eth.mcast', 'eth.dst', 40, 1],
  ['vlan.vid', 'vlan.tci', 0, 12, 'vlan.present'],
  ['vlan.pcp', 'vlan.tci', 13, 3, 'vlan.present'],
  ['ct.trk', 'ct_state', 5, 1],
  ['ct.new', 'ct_state', 0, 1, 'ct.trk'],
  ['ct.est', 'ct_state', 1, 1, 'ct.trk'],
  ['ct.rel', 'ct_state', 2, 1, 'ct.trk'],
  ['ct.rpl', 'ct_state', 3, 1, 'ct.trk'],
  ['ct.inv', 'ct_state', 4, 1, 'ct.trk'],
  ['ct.snat', 'ct_state', 6, 1, 'ct.trk'],
  ['ct.dnat', 'ct_state', 7, 1, 'ct.trk'],
  ['ct_mark.blocked', 'ct_mark', 0, 1],
  ['ct_mark.natted', 'ct_mark', 1, 1],
  ['ct_mark.skip_snat', 'ct_mark', 2, 1],
  ['ct_mark.force_snat', 'ct_mark', 3, 1],
  ['ct_mark.ecmp_reply_port', 'ct_mark', 16, 16],
  ['ct_label.blocked', 'ct_label', 0, 1],
  ['ct_label.natted', 'ct_label', 1, 1],
  ['ct_label.skip_snat', 'ct_label', 2, 1],
  ['ct_label.force_snat', 'ct_label', 3, 1],
  ['ct_label.ecmp_reply_eth', 'ct_label', 32, 48],
  ['ct_label.ecmp_reply_port', 'ct_label', 80, 16],
  ['ct_label.label', 'ct_label', 96, 32],
];

/** Predicates: name, expansion, level. */
const predicateRows: readonly (readonly [string, string, 'nominal' | 'boolean'])[] = [
  ['eth.bcast', 'eth.dst == ff:ff:ff:ff:ff:ff', 'boolean'],
  ['eth.mcastv6', 'eth.dst[32..47] == 0x3333', 'boolean'],
  ['vlan.present', 'vlan.tci[12]', 'boolean'],
  ['ip4', 'eth.type == 0x800', 'nominal'],
  ['ip4.src_mcast', 'ip4.src[28..31] == 0xe', 'boolean'],
  ['ip4.mcast', 'eth.mcast && ip4.dst[28..31] == 0xe', 'boolean'],
  ['ip6', 'eth.type == 0x86dd', 'nominal'],
  ['ip6.mcast', 'eth.mcastv6 && ip6.dst[120..127] == 0xff', 'boolean'],
  ['ip6.mcast_rsvd', 'ip6.dst[116..127] == 0xff0 && ip6.dst[0..111] == 0', 'boolean'],
  [
    'ip6.mcast_flood',
    'eth.mcastv6 && (ip6.mcast_rsvd || ip6.dst == {ff01::1, ff02::1, ff01::2, ff02::2, ff05::2, ff02::1:ff00:0/104})',
    'boolean',
  ],
  ['ip', 'eth.type == {0x800, 0x86dd}', 'nominal'],
  ['icmp4', 'ip4 && ip.proto == 1', 'nominal'],
  ['icmp6', 'ip6 && ip.proto == 58', 'nominal'],
  ['icmp', 'icmp4 || icmp6', 'nominal'],
  ['igmp', 'ip4 && ip.proto == 2', 'nominal'],
  ['ip.is_frag', 'ip.frag[0]', 'boolean'],
  ['ip.later_frag', 'ip.frag[1]', 'boolean'],
  ['ip.first_frag', 'ip.is_frag && !ip.later_frag', 'boolean'],
  ['arp', 'eth.type == 0x806', 'nominal'],
  ['rarp', 'eth.type == 0x8035', 'nominal'],
  ['nd', 'icmp6.type == {135, 136} && icmp6.code == 0 && ip.ttl == 255', 'nominal'],
  ['nd_ns', 'icmp6.type == 135 && icmp6.code == 0 && ip.ttl == 255', 'nominal'],
  ['nd_na', 'icmp6.type == 136 && icmp6.code == 0 && ip.ttl == 255', 'nominal'],
  ['nd_rs', 'icmp6.type == 133 && icmp6.code == 0 && ip.ttl == 255', 'nominal'],
  ['nd_ra', 'icmp6.type == 134 && icmp6.code == 0 && ip.ttl == 255', 'nominal'],
  ['mldv1', 'ip6.src == fe80::/10 && icmp6.type == {130, 131, 132}', 'nominal'],
  ['mldv2', 'ip6.dst == ff02::16 && icmp6.type == 143', 'nominal'],
  ['tcp', 'ip.proto == 6', 'nominal'],
  ['udp', 'ip.proto == 17', 'nominal'],
  ['sctp', 'ip.proto == 132', 'nominal'],
];

const ovnFieldRows: readonly OvnFieldSymbol[] = [
  { kind: 'ovn-field', name: 'icmp4.frag_mtu', bits: 16, prerequisites: '' },
  { kind: 'ovn-field', name: 'icmp6.frag_mtu', bits: 32, prerequisites: '' },
];

/** The symbols by name. */
export type SymbolTable = ReadonlyMap<string, LflowSymbol>;

/** Builds the table of symbols of OVN 23.03. */
export function createSymbols(): SymbolTable {
  const symbols = new Map<string, LflowSymbol>();
  const bases = new Map<string, BaseField>();
  const names = fieldRows.map((row) => row.name).sort();
  for (const row of fieldRows) {
    const base: BaseField = {
      name: row.name,
      order: names.indexOf(row.name),
      bits: row.bits,
      wide: row.bits > 32,
      field: field(row.openflow),
      ones: row.bits > 32 ? (1n << BigInt(row.bits)) - 1n : row.bits === 32 ? 0xffffffff : 2 ** row.bits - 1,
      registers: row.registers?.map((name) => field(name)),
      unused: row.unused ?? 0,
      crossProduct: row.crossProduct === true,
    };
    bases.set(row.name, base);
    symbols.set(
      row.name,
      fieldSymbol({
        kind: 'field',
        name: row.name,
        type: row.type ?? 'integer',
        level: row.level ?? 'ordinal',
        base,
        ofs: 0,
        bits: row.bits,
        prerequisites: row.prerequisites ?? '',
        writable: row.readOnly !== true,
      }),
    );
  }
  for (const [name, baseName, ofs, bits, prerequisites] of subfieldRows) {
    const parent = symbols.get(baseName);
    if (parent?.kind !== 'field') throw new Error(`${name} is part of ${baseName}, which is no field`);
    symbols.set(
      name,
      fieldSymbol({
        kind: 'field',
        name,
        type: 'integer',
        level: 'ordinal',
        base: parent.base,
        ofs,
        bits,
        prerequisites: prerequisites ?? '',
        writable: parent.writable,
      }),
    );
  }
  for (const [name, expansion, level] of predicateRows)
    symbols.set(name, { kind: 'predicate', name, expansion, level });
  for (const row of ovnFieldRows) symbols.set(row.name, row);
  return symbols;
}

/** Completes a symbol with the references to all of it. */
function fieldSymbol(row: Omit<FieldSymbol, 'whole' | 'subfield'>): FieldSymbol {
  const whole: { symbol?: FieldSymbol; readonly ofs: number; readonly bits: number } = { ofs: 0, bits: row.bits };
  const symbol: FieldSymbol = {
    ...row,
    // The symbol and the reference name each other.
    whole: whole as FieldRef,
    subfield: subfield(row.base.field, row.ofs, row.bits),
  };
  whole.symbol = symbol;
  return symbol;
}
