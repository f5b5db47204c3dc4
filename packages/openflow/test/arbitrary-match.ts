/** For tests: random matches that a switch accepts. */
import fc from 'fast-check';
import { prefixMask } from '../src/address.ts';
import { type Field, type FieldValue, field } from '../src/fields.ts';
import { type Match, MatchBuilder } from '../src/match.ts';

/** A value and, often, a mask of a field. */
export function arbitraryValue(f: Field): fc.Arbitrary<{ value: FieldValue; mask?: FieldValue }> {
  const bits: fc.Arbitrary<FieldValue> = f.wide
    ? fc.bigInt({ min: 0n, max: f.ones as bigint })
    : fc.integer({ min: 0, max: f.ones as number });
  const exact = bits.map((value) => ({ value }));
  if (!f.maskable) return exact;
  // ovs-ofctl cannot read an IPv6 address and a mask that are both written in full.
  const masks: fc.Arbitrary<FieldValue> =
    f.format === 'ipv6' ? fc.integer({ min: 1, max: 128 }).map((length) => prefixMask(length, 128)) : bits;
  const masked = fc.tuple(bits, masks).map(([v, m]) => {
    const value = typeof v === 'bigint' ? v & (m as bigint) : (v & (m as number)) >>> 0;
    return m === f.ones ? { value } : { value, mask: m };
  });
  return fc.oneof(exact, masked);
}

const anyFields = [
  'reg0 reg1 reg2 reg7 reg8 reg15 metadata tun_id pkt_mark ct_mark ct_label ct_state conj_id eth_src eth_dst tun_src tun_dst',
  'tun_ipv6_src tun_ipv6_dst tun_gbp_id tun_gbp_flags ct_zone in_port_oxm tun_flags',
]
  .join(' ')
  .split(' ')
  .map(field);

/** Protocols: the fields that they imply, and those that they allow. */
const PROTOCOLS: readonly (readonly [readonly (readonly [string, number])[], string])[] = [
  [[], ''],
  [[['eth_type', 0x0800]], 'ip_src ip_dst ip_dscp nw_ecn nw_ttl ip_frag nw_proto'],
  [[['eth_type', 0x86dd]], 'ipv6_src ipv6_dst ipv6_label ip_dscp nw_ecn nw_ttl'],
  [[['eth_type', 0x0806]], 'arp_op arp_spa arp_tpa arp_sha arp_tha'],
  [[['eth_type', 0x8847]], 'mpls_label mpls_tc mpls_bos mpls_ttl'],
  [[['eth_type', 0x1234]], ''],
  [
    [
      ['eth_type', 0x0800],
      ['nw_proto', 6],
    ],
    'ip_src ip_dst tcp_src tcp_dst tcp_flags ip_frag',
  ],
  [
    [
      ['eth_type', 0x86dd],
      ['nw_proto', 17],
    ],
    'ipv6_src ipv6_dst udp_src udp_dst',
  ],
  [
    [
      ['eth_type', 0x0800],
      ['nw_proto', 132],
    ],
    'sctp_src sctp_dst',
  ],
  [
    [
      ['eth_type', 0x0800],
      ['nw_proto', 1],
    ],
    'icmp_type icmp_code',
  ],
  [
    [
      ['eth_type', 0x86dd],
      ['nw_proto', 58],
    ],
    'icmpv6_type icmpv6_code',
  ],
  [
    [
      ['eth_type', 0x86dd],
      ['nw_proto', 58],
      ['icmpv6_type', 135],
      ['icmpv6_code', 0],
    ],
    'nd_target nd_sll',
  ],
  [
    [
      ['eth_type', 0x86dd],
      ['nw_proto', 58],
      ['icmpv6_type', 136],
      ['icmpv6_code', 0],
    ],
    'nd_target nd_tll',
  ],
];

const VLAN_VID = field('vlan_vid');
const VLAN_PCP = field('vlan_pcp');

function normalized(
  f: Field,
  value: FieldValue,
  mask: FieldValue | undefined,
): readonly [Field, FieldValue, FieldValue?] {
  // The switch knows eight connection states, and ports of 16 bits.
  if (f.name === 'ct_state') return [f, Number(value) & 0xff & Number(mask ?? 0xff), Number(mask ?? 0xff) & 0xff];
  if (f.name === 'in_port_oxm') return [f, Number(value) % 0xff00];
  if (f.name === 'arp_op') return [f, Number(value) & 0xff];
  if (f.name === 'nw_proto') return [f, 47];
  if (f.name === 'ip_frag') {
    // A later fragment is a fragment: no packet has the value 2.
    const bits = Number(mask ?? 3);
    return value === 2 ? [f, 3] : [f, value, bits];
  }
  if (f.name === 'tun_gbp_flags' || f.name === 'tun_flags') return [f, value];
  return mask === undefined ? [f, value] : [f, value, mask];
}

/** A match whose prerequisites hold. */
export const arbitraryMatch: fc.Arbitrary<Match> = fc
  .tuple(
    fc.constantFrom(...PROTOCOLS),
    fc.uniqueArray(fc.constantFrom(...anyFields), { maxLength: 5 }),
    fc.oneof(
      fc.constant([] as (readonly [Field, FieldValue, FieldValue?])[]),
      fc
        .tuple(fc.integer({ min: 0, max: 4095 }), fc.integer({ min: 0, max: 7 }))
        .map(([vid, pcp]) => [[VLAN_VID, vid | 0x1000] as const, [VLAN_PCP, pcp] as const]),
      fc.constant([[VLAN_VID, 0x1000, 0x1000] as const]),
      fc.constant([[VLAN_VID, 0] as const]),
    ),
  )
  .chain(([[implied, allowed], any, vlan]) => {
    const own = allowed === '' ? [] : allowed.split(' ').map(field);
    return fc
      .tuple(
        fc.subarray(own).chain((fields) => fc.tuple(...fields.map((f) => arbitraryValue(f).map((v) => ({ f, ...v }))))),
        fc.tuple(...any.map((f) => arbitraryValue(f).map((v) => ({ f, ...v })))),
      )
      .map(([ownTerms, anyTerms]) => {
        const builder = new MatchBuilder();
        for (const [name, value] of implied) builder.set(field(name), value);
        for (const [f, value, mask] of vlan) builder.set(f, value, mask);
        for (const { f, value, mask } of [...ownTerms, ...anyTerms]) builder.set(...normalized(f, value, mask));
        return builder.build();
      });
  });
