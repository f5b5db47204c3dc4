/**
 * The fields that OpenFlow matches and actions name: one table, as data.
 *
 * Source: ovs-fields(7), which gives each field's name, width, format, masking, prerequisites, access and OXM/NXM numbers; OpenFlow 1.5.1
 * section 7.2.3 for the layout of an OXM header.
 */

/** How a field's value is written in `ovs-ofctl` syntax. */
export type FieldFormat =
  | 'decimal'
  | 'hexadecimal'
  | 'ethernet'
  | 'ipv4'
  | 'ipv6'
  | 'port'
  | 'frag'
  | 'ct-state'
  | 'tcp-flags'
  | 'tunnel-flags'
  | 'packet-type';

/** What a match must already say before it may name a field (ovs-fields(7), "Prerequisites"). */
export type Prerequisite =
  | 'none'
  | 'ethernet'
  | 'vlan-vid'
  | 'mpls'
  | 'arp'
  | 'ipv4'
  | 'ipv6'
  | 'ip'
  | 'tcp'
  | 'udp'
  | 'sctp'
  | 'icmpv4'
  | 'icmpv6'
  | 'nd'
  | 'nd-solicit'
  | 'nd-advert'
  | 'nsh'
  | 'ct';

/** One OXM or NXM name of a field. */
export interface OxmName {
  readonly name: string;
  /** Class and field number with the HasMask bit clear and a zero length byte: `class << 16 | field << 9`, unsigned. */
  readonly header: number;
  /** The experimenter id, for class 0xffff; else 0. */
  readonly experimenter: number;
}

/** A field. There is one object for each, so compare fields by identity. */
export interface Field {
  /** Dense index, and the canonical order of fields in a match: the order in which Open vSwitch encodes them. */
  readonly id: number;
  readonly name: string;
  readonly aliases: readonly string[];
  /** Significant bits. */
  readonly bits: number;
  /** Bytes of the value on the wire. */
  readonly bytes: number;
  /** Whether values are bigints (more than 32 bits) and not unsigned numbers. */
  readonly wide: boolean;
  readonly format: FieldFormat;
  readonly maskable: boolean;
  readonly prerequisite: Prerequisite;
  readonly writable: boolean;
  /** Every OXM/NXM name, the one that OpenFlow 1.5 messages carry first. Empty for a field that no message carries. */
  readonly oxm: readonly OxmName[];
  /** The name that Nicira actions carry: the NXM one where there is one. */
  readonly nxm: OxmName | undefined;
  /** The length byte of a header that stands without a value. */
  readonly headerLength: number;
  /** All bits of the field set. */
  readonly ones: FieldValue;
}

/** A field's value: an unsigned number for fields of at most 32 bits, a bigint for wider ones. */
export type FieldValue = number | bigint;

/** Part of a field: `bits` bits from bit `ofs` (0 is the least significant) upwards. */
export interface Subfield {
  readonly field: Field;
  readonly ofs: number;
  readonly bits: number;
}

interface OxmClass {
  readonly prefix: string;
  readonly oxmClass: number;
  readonly experimenter: number;
}

/** Nicira's experimenter (vendor) id. */
export const NX_VENDOR = 0x00002320;
/** ONF's experimenter id. */
const ONF_VENDOR = 0x4f4e4600;

const CLASSES: readonly OxmClass[] = [
  { prefix: 'NXM_OF_', oxmClass: 0x0000, experimenter: 0 },
  { prefix: 'NXM_NX_', oxmClass: 0x0001, experimenter: 0 },
  { prefix: 'OXM_OF_PKT_REG', oxmClass: 0x8001, experimenter: 0 },
  { prefix: 'OXM_OF_', oxmClass: 0x8000, experimenter: 0 },
  { prefix: 'ERICOXM_OF_', oxmClass: 0x1000, experimenter: 0 },
  { prefix: 'NXOXM_ET_', oxmClass: 0xffff, experimenter: NX_VENDOR },
  { prefix: 'NXOXM_NSH_', oxmClass: 0xffff, experimenter: 0x005ad650 },
  { prefix: 'ONFOXM_ET_', oxmClass: 0xffff, experimenter: ONF_VENDOR },
];

/** `[name and aliases, bits, format, masking, prerequisite, access, OXM/NXM names with numbers, bytes on the wire if more than the bits need]` */
type FieldSpec = readonly [string, number, FieldFormat, 'mask' | 'exact', Prerequisite, 'rw' | 'ro', string, number?];

function numbered(count: number, spec: (i: number) => FieldSpec): readonly FieldSpec[] {
  return Array.from({ length: count }, (_, i) => spec(i));
}

const SPECS: readonly FieldSpec[] = [
  ['dp_hash', 32, 'hexadecimal', 'mask', 'none', 'ro', 'NXM_NX_DP_HASH:35'],
  ['recirc_id', 32, 'decimal', 'exact', 'none', 'ro', 'NXM_NX_RECIRC_ID:36'],
  ['conj_id', 32, 'decimal', 'exact', 'none', 'ro', 'NXM_NX_CONJ_ID:37'],
  ['packet_type', 32, 'packet-type', 'exact', 'none', 'ro', 'OXM_OF_PACKET_TYPE:44'],
  ['in_port_oxm', 32, 'port', 'exact', 'none', 'rw', 'OXM_OF_IN_PORT:0'],
  ['in_port', 16, 'port', 'exact', 'none', 'rw', 'NXM_OF_IN_PORT:0'],
  ['actset_output', 32, 'port', 'exact', 'none', 'ro', 'OXM_OF_ACTSET_OUTPUT:43 ONFOXM_ET_ACTSET_OUTPUT:43'],
  ['skb_priority', 32, 'hexadecimal', 'exact', 'none', 'ro', ''],
  ['eth_src dl_src', 48, 'ethernet', 'mask', 'ethernet', 'rw', 'OXM_OF_ETH_SRC:4 NXM_OF_ETH_SRC:2'],
  ['eth_dst dl_dst', 48, 'ethernet', 'mask', 'ethernet', 'rw', 'OXM_OF_ETH_DST:3 NXM_OF_ETH_DST:1'],
  ['eth_type dl_type', 16, 'hexadecimal', 'exact', 'ethernet', 'ro', 'OXM_OF_ETH_TYPE:5 NXM_OF_ETH_TYPE:3'],
  ['vlan_tci', 16, 'hexadecimal', 'mask', 'ethernet', 'rw', 'NXM_OF_VLAN_TCI:4'],
  // The OXM's twelve bits and the CFI bit (0x1000), which says that a VLAN header is there.
  ['vlan_vid', 13, 'decimal', 'mask', 'ethernet', 'rw', 'OXM_OF_VLAN_VID:6'],
  ['vlan_pcp', 3, 'decimal', 'exact', 'vlan-vid', 'rw', 'OXM_OF_VLAN_PCP:7'],
  ['mpls_tc', 3, 'decimal', 'exact', 'mpls', 'rw', 'OXM_OF_MPLS_TC:35'],
  ['mpls_bos', 1, 'decimal', 'exact', 'mpls', 'ro', 'OXM_OF_MPLS_BOS:36'],
  ['mpls_ttl', 8, 'decimal', 'exact', 'mpls', 'rw', 'NXM_NX_MPLS_TTL:30'],
  ['mpls_label', 20, 'decimal', 'exact', 'mpls', 'rw', 'OXM_OF_MPLS_LABEL:34', 4],
  ['ip_src nw_src', 32, 'ipv4', 'mask', 'ipv4', 'rw', 'OXM_OF_IPV4_SRC:11 NXM_OF_IP_SRC:7'],
  ['ip_dst nw_dst', 32, 'ipv4', 'mask', 'ipv4', 'rw', 'OXM_OF_IPV4_DST:12 NXM_OF_IP_DST:8'],
  ['ipv6_src', 128, 'ipv6', 'mask', 'ipv6', 'rw', 'OXM_OF_IPV6_SRC:26 NXM_NX_IPV6_SRC:19'],
  ['ipv6_dst', 128, 'ipv6', 'mask', 'ipv6', 'rw', 'OXM_OF_IPV6_DST:27 NXM_NX_IPV6_DST:20'],
  ['ip_frag nw_frag', 2, 'frag', 'mask', 'ip', 'ro', 'NXM_NX_IP_FRAG:26'],
  ['nw_tos', 8, 'decimal', 'exact', 'ip', 'rw', 'NXM_OF_IP_TOS:5'],
  ['ip_dscp', 6, 'decimal', 'exact', 'ip', 'rw', 'OXM_OF_IP_DSCP:8'],
  ['nw_ecn ip_ecn', 2, 'decimal', 'exact', 'ip', 'rw', 'OXM_OF_IP_ECN:9 NXM_NX_IP_ECN:28'],
  ['nw_ttl', 8, 'decimal', 'exact', 'ip', 'rw', 'NXM_NX_IP_TTL:29'],
  ['ipv6_label', 20, 'hexadecimal', 'mask', 'ipv6', 'rw', 'OXM_OF_IPV6_FLABEL:28 NXM_NX_IPV6_LABEL:27', 4],
  ['nw_proto ip_proto', 8, 'decimal', 'exact', 'ip', 'ro', 'OXM_OF_IP_PROTO:10 NXM_OF_IP_PROTO:6'],
  ['arp_op', 16, 'decimal', 'exact', 'arp', 'rw', 'OXM_OF_ARP_OP:21 NXM_OF_ARP_OP:15'],
  ['arp_spa', 32, 'ipv4', 'mask', 'arp', 'rw', 'OXM_OF_ARP_SPA:22 NXM_OF_ARP_SPA:16'],
  ['arp_tpa', 32, 'ipv4', 'mask', 'arp', 'rw', 'OXM_OF_ARP_TPA:23 NXM_OF_ARP_TPA:17'],
  ['arp_sha', 48, 'ethernet', 'mask', 'arp', 'rw', 'OXM_OF_ARP_SHA:24 NXM_NX_ARP_SHA:17'],
  ['arp_tha', 48, 'ethernet', 'mask', 'arp', 'rw', 'OXM_OF_ARP_THA:25 NXM_NX_ARP_THA:18'],
  ['tcp_src tp_src', 16, 'decimal', 'mask', 'tcp', 'rw', 'OXM_OF_TCP_SRC:13 NXM_OF_TCP_SRC:9'],
  ['tcp_dst tp_dst', 16, 'decimal', 'mask', 'tcp', 'rw', 'OXM_OF_TCP_DST:14 NXM_OF_TCP_DST:10'],
  ['tcp_flags', 12, 'tcp-flags', 'mask', 'tcp', 'ro', 'OXM_OF_TCP_FLAGS:42 NXM_NX_TCP_FLAGS:34 ONFOXM_ET_TCP_FLAGS:42'],
  ['udp_src', 16, 'decimal', 'mask', 'udp', 'rw', 'OXM_OF_UDP_SRC:15 NXM_OF_UDP_SRC:11'],
  ['udp_dst', 16, 'decimal', 'mask', 'udp', 'rw', 'OXM_OF_UDP_DST:16 NXM_OF_UDP_DST:12'],
  ['sctp_src', 16, 'decimal', 'mask', 'sctp', 'rw', 'OXM_OF_SCTP_SRC:17'],
  ['sctp_dst', 16, 'decimal', 'mask', 'sctp', 'rw', 'OXM_OF_SCTP_DST:18'],
  ['icmp_type', 8, 'decimal', 'exact', 'icmpv4', 'rw', 'OXM_OF_ICMPV4_TYPE:19 NXM_OF_ICMP_TYPE:13'],
  ['icmp_code', 8, 'decimal', 'exact', 'icmpv4', 'rw', 'OXM_OF_ICMPV4_CODE:20 NXM_OF_ICMP_CODE:14'],
  ['icmpv6_type', 8, 'decimal', 'exact', 'icmpv6', 'rw', 'OXM_OF_ICMPV6_TYPE:29 NXM_NX_ICMPV6_TYPE:21'],
  ['icmpv6_code', 8, 'decimal', 'exact', 'icmpv6', 'rw', 'OXM_OF_ICMPV6_CODE:30 NXM_NX_ICMPV6_CODE:22'],
  ['nd_target', 128, 'ipv6', 'mask', 'nd', 'rw', 'OXM_OF_IPV6_ND_TARGET:31 NXM_NX_ND_TARGET:23'],
  ['nd_sll', 48, 'ethernet', 'mask', 'nd-solicit', 'rw', 'OXM_OF_IPV6_ND_SLL:32 NXM_NX_ND_SLL:24'],
  ['nd_tll', 48, 'ethernet', 'mask', 'nd-advert', 'rw', 'OXM_OF_IPV6_ND_TLL:33 NXM_NX_ND_TLL:25'],
  ['nd_options_type', 8, 'decimal', 'exact', 'nd', 'rw', 'ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE:2'],
  ['nd_reserved', 32, 'decimal', 'exact', 'nd', 'rw', 'ERICOXM_OF_ICMPV6_ND_RESERVED:1'],
  ['tun_id tunnel_id', 64, 'hexadecimal', 'mask', 'none', 'rw', 'OXM_OF_TUNNEL_ID:38 NXM_NX_TUN_ID:16'],
  ['tun_flags', 1, 'tunnel-flags', 'mask', 'none', 'rw', 'NXM_NX_TUN_FLAGS:104', 2],
  ['tun_src', 32, 'ipv4', 'mask', 'none', 'rw', 'NXM_NX_TUN_IPV4_SRC:31'],
  ['tun_dst', 32, 'ipv4', 'mask', 'none', 'rw', 'NXM_NX_TUN_IPV4_DST:32'],
  ['tun_ipv6_src', 128, 'ipv6', 'mask', 'none', 'rw', 'NXM_NX_TUN_IPV6_SRC:109'],
  ['tun_ipv6_dst', 128, 'ipv6', 'mask', 'none', 'rw', 'NXM_NX_TUN_IPV6_DST:110'],
  ['tun_gbp_id', 16, 'decimal', 'mask', 'none', 'rw', 'NXM_NX_TUN_GBP_ID:38'],
  ['tun_gbp_flags', 8, 'hexadecimal', 'mask', 'none', 'rw', 'NXM_NX_TUN_GBP_FLAGS:39'],
  ['tun_gtpu_flags gtpu_flags', 8, 'hexadecimal', 'mask', 'none', 'ro', 'NXOXM_ET_GTPU_FLAGS:15'],
  ['tun_gtpu_msgtype gtpu_msgtype', 8, 'decimal', 'mask', 'none', 'ro', 'NXOXM_ET_GTPU_MSGTYPE:16'],
  ['tun_erspan_ver', 4, 'decimal', 'mask', 'none', 'rw', 'NXOXM_ET_ERSPAN_VER:12'],
  ['tun_erspan_idx', 20, 'hexadecimal', 'mask', 'none', 'rw', 'NXOXM_ET_ERSPAN_IDX:11', 4],
  ['tun_erspan_dir', 1, 'decimal', 'mask', 'none', 'rw', 'NXOXM_ET_ERSPAN_DIR:13'],
  ['tun_erspan_hwid', 6, 'hexadecimal', 'mask', 'none', 'rw', 'NXOXM_ET_ERSPAN_HWID:14'],
  // A tunnel option is as long as the switch's TLV table says, up to 124 bytes. Here each is 4 bytes, the length of OVN's one Geneve option.
  ...numbered(64, (i): FieldSpec => {
    return [`tun_metadata${i}`, 32, 'hexadecimal', 'mask', 'none', 'rw', `NXM_NX_TUN_METADATA${i}:${40 + i}`];
  }),
  ...numbered(16, (i): FieldSpec => [`reg${i}`, 32, 'hexadecimal', 'mask', 'none', 'rw', `NXM_NX_REG${i}:${i}`]),
  ...numbered(8, (i): FieldSpec => [`xreg${i}`, 64, 'hexadecimal', 'mask', 'none', 'rw', `OXM_OF_PKT_REG${i}:${i}`]),
  ...numbered(4, (i): FieldSpec => {
    return [`xxreg${i}`, 128, 'hexadecimal', 'mask', 'none', 'rw', `NXM_NX_XXREG${i}:${111 + i}`];
  }),
  ['pkt_mark', 32, 'hexadecimal', 'mask', 'none', 'rw', 'NXM_NX_PKT_MARK:33'],
  ['ct_state', 32, 'ct-state', 'mask', 'none', 'ro', 'NXM_NX_CT_STATE:105'],
  ['ct_zone', 16, 'hexadecimal', 'exact', 'none', 'ro', 'NXM_NX_CT_ZONE:106'],
  ['ct_mark', 32, 'hexadecimal', 'mask', 'none', 'rw', 'NXM_NX_CT_MARK:107'],
  ['ct_label', 128, 'hexadecimal', 'mask', 'none', 'rw', 'NXM_NX_CT_LABEL:108'],
  ['ct_nw_proto', 8, 'decimal', 'exact', 'ct', 'ro', 'NXM_NX_CT_NW_PROTO:119'],
  ['ct_nw_src', 32, 'ipv4', 'mask', 'ct', 'ro', 'NXM_NX_CT_NW_SRC:120'],
  ['ct_nw_dst', 32, 'ipv4', 'mask', 'ct', 'ro', 'NXM_NX_CT_NW_DST:121'],
  ['ct_ipv6_src', 128, 'ipv6', 'mask', 'ct', 'ro', 'NXM_NX_CT_IPV6_SRC:122'],
  ['ct_ipv6_dst', 128, 'ipv6', 'mask', 'ct', 'ro', 'NXM_NX_CT_IPV6_DST:123'],
  ['ct_tp_src', 16, 'decimal', 'mask', 'ct', 'ro', 'NXM_NX_CT_TP_SRC:124'],
  ['ct_tp_dst', 16, 'decimal', 'mask', 'ct', 'ro', 'NXM_NX_CT_TP_DST:125'],
  ['metadata', 64, 'hexadecimal', 'mask', 'none', 'rw', 'OXM_OF_METADATA:2'],
  ['nsh_flags', 8, 'decimal', 'mask', 'nsh', 'rw', 'NXOXM_NSH_FLAGS:1'],
  ['nsh_ttl', 8, 'decimal', 'exact', 'nsh', 'rw', 'NXOXM_NSH_TTL:10'],
  ['nsh_mdtype', 8, 'decimal', 'exact', 'nsh', 'ro', 'NXOXM_NSH_MDTYPE:2'],
  ['nsh_np', 8, 'decimal', 'exact', 'nsh', 'ro', 'NXOXM_NSH_NP:3'],
  ['nsh_spi nsp', 24, 'hexadecimal', 'exact', 'nsh', 'rw', 'NXOXM_NSH_SPI:4', 4],
  ['nsh_si nsi', 8, 'decimal', 'exact', 'nsh', 'rw', 'NXOXM_NSH_SI:5'],
  ['nsh_c1 nshc1', 32, 'hexadecimal', 'mask', 'nsh', 'rw', 'NXOXM_NSH_C1:6'],
  ['nsh_c2 nshc2', 32, 'hexadecimal', 'mask', 'nsh', 'rw', 'NXOXM_NSH_C2:7'],
  ['nsh_c3 nshc3', 32, 'hexadecimal', 'mask', 'nsh', 'rw', 'NXOXM_NSH_C3:8'],
  ['nsh_c4 nshc4', 32, 'hexadecimal', 'mask', 'nsh', 'rw', 'NXOXM_NSH_C4:9'],
];

function oxmName(text: string): OxmName {
  const [name = '', number = ''] = text.split(':');
  const oxmClass = CLASSES.find((candidate) => name.startsWith(candidate.prefix));
  if (oxmClass === undefined) throw new Error(`${name}: no OXM class has this prefix`);
  return {
    name,
    header: ((oxmClass.oxmClass << 16) | (Number(number) << 9)) >>> 0,
    experimenter: oxmClass.experimenter,
  };
}

/** All fields, by id. */
export const FIELDS: readonly Field[] = SPECS.map((spec, id): Field => {
  const [names, bits, format, masking, prerequisite, access, oxm, bytes] = spec;
  const [name = '', ...aliases] = names.split(' ');
  const wide = bits > 32;
  const oxms = oxm === '' ? [] : oxm.split(' ').map(oxmName);
  return {
    id,
    name,
    aliases,
    bits,
    bytes: bytes ?? Math.ceil(bits / 8),
    wide,
    format,
    maskable: masking === 'mask',
    prerequisite,
    writable: access === 'rw',
    oxm: oxms,
    nxm: oxms.find((o) => o.name.startsWith('NXM_')) ?? oxms[0],
    headerLength: name.startsWith('tun_metadata') ? 124 : (bytes ?? Math.ceil(bits / 8)),
    ones: wide ? (1n << BigInt(bits)) - 1n : bits === 32 ? 0xffffffff : (1 << bits) - 1,
  };
});

const BY_NAME: ReadonlyMap<string, Field> = new Map(
  FIELDS.flatMap((f) => [f.name, ...f.aliases, ...f.oxm.map((o) => o.name)].map((name) => [name.toLowerCase(), f])),
);

/** Looks a field up by name, alias, or OXM/NXM name, in any case. */
export function fieldByName(name: string): Field | undefined {
  return BY_NAME.get(name.toLowerCase());
}

/** The field of that name. Throws on an unknown name: for names that the program's text contains, not for input. */
export function field(name: string): Field {
  const found = fieldByName(name);
  if (found === undefined) throw new Error(`no field is named ${name}`);
  return found;
}

/** Whether every bit of the field's bytes on the wire is significant. */
export function fillsBytes(f: Field): boolean {
  return f.bits === f.bytes * 8;
}

/** The whole of a field as a subfield. */
export function whole(f: Field): Subfield {
  return { field: f, ofs: 0, bits: f.bits };
}

/** Bits `ofs` to `ofs + bits - 1` of a field. Throws a RangeError if the field has no such bits. */
export function subfield(f: Field, ofs: number, bits: number): Subfield {
  if (ofs < 0 || bits < 1 || ofs + bits > f.bits) {
    throw new RangeError(`${f.name} has ${f.bits} bits: it has no bits ${ofs}..${ofs + bits - 1}`);
  }
  return { field: f, ofs, bits };
}

const BY_HEADER: ReadonlyMap<number, readonly { readonly field: Field; readonly oxm: OxmName }[]> = (() => {
  const map = new Map<number, { field: Field; oxm: OxmName }[]>();
  for (const f of FIELDS) {
    for (const oxm of f.oxm) {
      const list = map.get(oxm.header);
      if (list === undefined) map.set(oxm.header, [{ field: f, oxm }]);
      else list.push({ field: f, oxm });
    }
  }
  return map;
})();

/**
 * The field that an OXM header names.
 * @param header class and field number; the HasMask bit and the length byte are ignored
 * @param experimenter the experimenter id that follows a header of class 0xffff, else 0
 */
export function fieldByHeader(header: number, experimenter: number): Field | undefined {
  const list = BY_HEADER.get((header & 0xfffffe00) >>> 0);
  if (list === undefined) return undefined;
  for (const entry of list) if (entry.oxm.experimenter === experimenter) return entry.field;
  return undefined;
}
