/** For tests: random matches, actions, flows, groups and meters that a switch accepts. */
import fc from 'fast-check';
import type { Action, LearnAction } from '../src/actions.ts';
import { prefixMask } from '../src/address.ts';
import { type Field, type FieldValue, field, type Subfield } from '../src/fields.ts';
import type { FlowMod, Group, GroupSelection, GroupType, Meter } from '../src/flow.ts';
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

const REGISTERS = ['reg0', 'reg1', 'reg9', 'reg15', 'metadata', 'tun_id', 'eth_src', 'eth_dst', 'pkt_mark'].map(field);

const arbitrarySubfield = (maxBits: number): fc.Arbitrary<Subfield> =>
  fc
    .constantFrom(...REGISTERS)
    .chain((f) =>
      fc
        .integer({ min: 1, max: Math.min(maxBits, f.bits) })
        .chain((bits) => fc.integer({ min: 0, max: f.bits - bits }).map((ofs) => ({ field: f, ofs, bits }))),
    );

const registerBits = (bits: number): fc.Arbitrary<Subfield> =>
  fc
    .constantFrom(...REGISTERS)
    .chain((f) => fc.integer({ min: 0, max: f.bits - bits }).map((ofs) => ({ field: f, ofs, bits })));

const setField = fc
  .constantFrom(
    ...['reg0', 'reg3', 'xreg4', 'xxreg1', 'metadata', 'tun_id', 'eth_src', 'eth_dst', 'pkt_mark', 'tun_src'].map(
      field,
    ),
  )
  .chain((f) => arbitraryValue(f).map((v): Action => ({ type: 'set_field', field: f, ...v })))
  .filter((a) => a.type !== 'set_field' || (a.mask !== 0 && a.mask !== 0n));

const move = fc.tuple(fc.constantFrom(...REGISTERS), fc.constantFrom(...REGISTERS)).chain(([a, b]) =>
  fc.integer({ min: 1, max: Math.min(a.bits, b.bits) }).chain((bits) =>
    fc.tuple(fc.integer({ min: 0, max: a.bits - bits }), fc.integer({ min: 0, max: b.bits - bits })).map(
      ([x, y]): Action => ({
        type: 'move',
        src: { field: a, ofs: x, bits },
        dst: { field: b, ofs: y, bits },
      }),
    ),
  ),
);

const u8 = fc.integer({ min: 0, max: 255 });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const table = fc.integer({ min: 0, max: 253 });
const port = fc.oneof(
  fc.integer({ min: 1, max: 0xfeff }),
  fc.constantFrom(0xfffffff8, 0xfffffffe, 0xfffffffb, 0xfffffffc),
);

const controller: fc.Arbitrary<Action> = fc
  .record(
    {
      maxLen: fc.integer({ min: 0, max: 65534 }),
      reason: fc.constantFrom('no_match', 'invalid_ttl'),
      controllerId: fc.integer({ min: 1, max: 0xffff }),
      userdata: fc.uint8Array({ minLength: 1, maxLength: 40 }),
      pause: fc.constant(true),
      meterId: fc.integer({ min: 1, max: 1000 }),
    },
    { requiredKeys: [] },
  )
  .map((a) => ({ type: 'controller', ...a }) as Action);

/** Actions that any flow may have. */
export const arbitrarySimpleAction: fc.Arbitrary<Action> = fc.oneof(
  setField,
  setField,
  move,
  controller,
  port.map((p): Action => ({ type: 'output', port: p })),
  fc.tuple(fc.integer({ min: 1, max: 0xfeff }), fc.integer({ min: 14, max: 9000 })).map(
    ([p, maxLen]): Action => ({
      type: 'output_trunc',
      port: p,
      maxLen,
    }),
  ),
  registerBits(16).map((src): Action => ({ type: 'output_reg', src })),
  table.map((t): Action => ({ type: 'resubmit', table: t })),
  fc
    .tuple(fc.integer({ min: 1, max: 0xfeff }), fc.option(table, { nil: undefined }))
    .map(([p, t]): Action => ({ type: 'resubmit', port: p, ...(t === undefined ? {} : { table: t }) })),
  u32.map((queue): Action => ({ type: 'set_queue', queue: queue % 0xffffffff })),
  fc.constantFrom<Action>({ type: 'pop_queue' }, { type: 'ct_clear' }, { type: 'exit' }),
  arbitrarySubfield(64).map((src): Action => ({ type: 'push', src })),
  arbitrarySubfield(64).map((dst): Action => ({ type: 'pop', dst })),
  fc.tuple(u16, registerBits(1)).map(([length, dst]): Action => ({ type: 'check_pkt_larger', length, dst })),
  fc.tuple(fc.integer({ min: 0, max: 4 }), u8).map(([n, fill]): Action => {
    return { type: 'note', data: new Uint8Array(6 + 8 * n).fill(fill) };
  }),
  fc
    .record(
      {
        probability: fc.integer({ min: 1, max: 0xffff }),
        collectorSetId: fc.integer({ min: 1 }),
        obsPointId: fc.integer({ min: 1 }),
        samplingPort: fc.integer({ min: 1, max: 0xfeff }),
        direction: fc.constantFrom('ingress', 'egress'),
      },
      { requiredKeys: ['probability'] },
    )
    .map((a): Action => ({ type: 'sample', ...a })),
  fc
    .tuple(
      fc.constantFrom('eth_src', 'symmetric_l4', 'nw_dst' as const),
      u16,
      fc.constantFrom('hrw', 'active_backup' as const),
      fc.array(fc.integer({ min: 1, max: 0xfeff }), { maxLength: 5 }),
    )
    .map(([fields, basis, algorithm, members]) => ({ type: 'bundle', fields, basis, algorithm, members }) as Action),
  fc
    .tuple(
      fc.constantFrom('eth_src', 'symmetric_l3l4', 'nw_src' as const),
      u16,
      fc.constantFrom('hrw', 'modulo_n', 'iter_hash', 'hash_threshold' as const),
      fc.integer({ min: 1, max: 200 }),
      registerBits(16),
    )
    .map(
      ([fields, basis, algorithm, links, dst]) =>
        ({ type: 'multipath', fields, basis, algorithm, links, arg: 0, dst }) as Action,
    ),
);

const nat: fc.Arbitrary<Action> = fc.oneof(
  fc.constant<Action>({ type: 'nat' }),
  fc
    .tuple(
      fc.constantFrom('src', 'dst' as const),
      fc.tuple(u32, u32),
      fc.option(
        fc.tuple(
          fc.integer({ min: 1, max: 30000 }),
          fc.option(fc.integer({ min: 30001, max: 65535 }), { nil: undefined }),
        ),
        { nil: undefined },
      ),
      fc.boolean(),
      fc.option(fc.constantFrom('hash', 'random' as const), { nil: undefined }),
    )
    .map(([direction, [a, b], ports, persistent, algorithm]): Action => {
      const min = Math.min(a, b) + 1;
      const max = Math.max(a, b) + 1;
      return {
        type: 'nat',
        direction: direction as 'src',
        ip: max > min && max <= 0xffffffff ? { min, max } : { min },
        ...(ports === undefined
          ? {}
          : { port: ports[1] === undefined ? { min: ports[0] } : { min: ports[0], max: ports[1] } }),
        ...(persistent ? { persistent } : {}),
        ...(algorithm === undefined || ports === undefined ? {} : { algorithm: algorithm as 'hash' }),
      };
    }),
);

const ctMark = field('ct_mark');
const ctLabel = field('ct_label');
const exec: fc.Arbitrary<Action> = fc
  .constantFrom(ctMark, ctLabel)
  .chain((f) => arbitraryValue(f).map((v): Action => ({ type: 'set_field', field: f, ...v })))
  .filter((a) => a.type !== 'set_field' || (a.mask !== 0 && a.mask !== 0n));

/** `ct(commit,…)` of an IPv4 flow. */
export const arbitraryCt: fc.Arbitrary<Action> = fc
  .record({
    force: fc.boolean(),
    zone: fc.oneof(fc.integer({ min: 1, max: 0xffff }), registerBits(16)),
    table: fc.option(table, { nil: undefined }),
    actions: fc.tuple(fc.array(nat, { maxLength: 1 }), fc.array(exec, { maxLength: 2 })).map(([n, e]) => [...n, ...e]),
  })
  .map(({ force, zone, table: t, actions }) => ({
    type: 'ct',
    commit: true,
    ...(force ? { force } : {}),
    zone,
    ...(t === undefined ? {} : { table: t }),
    ...(actions.length === 0 ? {} : { actions }),
  }));

const learn: fc.Arbitrary<Action> = fc
  .record(
    {
      table,
      priority: fc.integer({ min: 1, max: 32767 }),
      idleTimeout: fc.integer({ min: 1, max: 0xffff }),
      cookie: fc.bigInt({ min: 1n, max: 0xffffffffffffffffn }),
      deleteLearned: fc.constant(true as const),
      limit: fc.integer({ min: 1, max: 1000 }),
    },
    { requiredKeys: ['table'] },
  )
  .chain((base) =>
    fc.tuple(u32, u16).map(
      ([reg, ethType]): LearnAction => ({
        type: 'learn',
        ...base,
        specs: [
          { type: 'match-value', dst: { field: field('eth_type'), ofs: 0, bits: 16 }, value: ethType },
          {
            type: 'match-field',
            dst: { field: field('eth_dst'), ofs: 0, bits: 48 },
            src: { field: field('eth_src'), ofs: 0, bits: 48 },
          },
          { type: 'load-value', dst: { field: field('reg5'), ofs: 0, bits: 32 }, value: reg },
          {
            type: 'load-field',
            dst: { field: field('reg6'), ofs: 4, bits: 16 },
            src: { field: field('in_port'), ofs: 0, bits: 16 },
          },
          { type: 'output', src: { field: field('in_port'), ofs: 0, bits: 16 } },
        ],
      }),
    ),
  );

const list = fc.array(arbitrarySimpleAction, { maxLength: 5 });

/** Lists of actions that a flow with this match may have. */
function arbitraryActions(match: Match): fc.Arbitrary<Action[]> {
  const ipv4 = match.get(field('eth_type'))?.value === 0x0800;
  const tcp = ipv4 && match.get(field('nw_proto'))?.value === 6;
  const special: fc.Arbitrary<Action>[] = [
    learn,
    fc
      .array(arbitrarySimpleAction, { minLength: 1, maxLength: 3 })
      .map((actions): Action => ({ type: 'clone', actions })),
    table.map((t): Action => ({ type: 'ct', table: t, zone: 5 })),
  ];
  if (ipv4) {
    special.push(
      arbitraryCt,
      fc.constant<Action>({ type: 'dec_ttl' }),
      fc
        .uniqueArray(u16, { minLength: 1, maxLength: 3 })
        .map((controllerIds): Action => ({ type: 'dec_ttl', controllerIds })),
      u8.map((ttl): Action => ({ type: 'mod_nw_ttl', ttl })),
      fc.integer({ min: 0, max: 63 }).map((value): Action => ({ type: 'set_field', field: field('ip_dscp'), value })),
      u32.map((value): Action => ({ type: 'set_field', field: field('ip_dst'), value })),
    );
    // Connection tracking needs a match that says IP; ct_clear and the rest do not.
  } else special.splice(2, 1);
  if (tcp) special.push(u16.map((value): Action => ({ type: 'set_field', field: field('tcp_dst'), value })));
  const mixed = fc
    .array(fc.oneof(arbitrarySimpleAction, arbitrarySimpleAction, ...special), { maxLength: 6 })
    .chain((actions) =>
      fc.option(table, { nil: undefined }).map((t): Action[] => {
        // `exit` ends the list for the reader, not for the protocol; goto_table is the last instruction.
        return t === undefined ? actions : [...actions, { type: 'write_metadata', value: BigInt(t) }];
      }),
    );
  const conjunctions = fc
    .uniqueArray(fc.integer({ min: 1, max: 0xffffffff }), { minLength: 1, maxLength: 3 })
    .chain((ids) =>
      fc.tuple(
        ...ids.map((id) =>
          fc
            .integer({ min: 2, max: 4 })
            .chain((count) =>
              fc.integer({ min: 1, max: count }).map((clause): Action => ({ type: 'conjunction', id, clause, count })),
            ),
        ),
      ),
    );
  return fc.oneof(mixed, mixed, list, conjunctions);
}

/** A flow to add. */
export const arbitraryFlow: fc.Arbitrary<FlowMod> = arbitraryMatch.chain((match) =>
  fc
    .record({
      table,
      priority: u16,
      cookie: fc.bigInt({ min: 0n, max: 0xfffffffffffffffen }),
      actions: arbitraryActions(match),
      // Long ones: no flow expires while a test looks.
      timeouts: fc.record(
        {
          idleTimeout: fc.integer({ min: 600, max: 0xffff }),
          hardTimeout: fc.integer({ min: 600, max: 0xffff }),
          importance: fc.integer({ min: 1, max: 0xffff }),
        },
        { requiredKeys: [] },
      ),
      flags: fc.subarray(['send_flow_rem', 'no_packet_counts', 'no_byte_counts'] as const),
    })
    .map(
      ({ timeouts, flags, ...rest }): FlowMod => ({
        command: 'add',
        match,
        ...rest,
        ...timeouts,
        ...(flags.length === 0 ? {} : { flags }),
      }),
    ),
);

const bucketActions = fc.array(
  fc.oneof(
    setField,
    move,
    table.map((t): Action => ({ type: 'resubmit', table: t })),
    fc.integer({ min: 1, max: 0xfeff }).map((p): Action => ({ type: 'output', port: p })),
  ),
  { maxLength: 3 },
);

const selection: fc.Arbitrary<GroupSelection> = fc.oneof(
  fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }).map((param) => ({ method: 'dp_hash', param, fields: [] })),
  fc
    .tuple(
      fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
      fc.subarray(['eth_src', 'eth_dst', 'ip_src', 'ip_dst', 'nw_proto', 'tcp_src', 'ipv6_src'], { minLength: 1 }),
      fc.boolean(),
    )
    .map(([param, names, isMasked]) => ({
      method: 'hash',
      param,
      fields: names.map((name) => ({
        field: field(name),
        ...(isMasked && name === 'ip_src' ? { mask: 0xff000000 } : {}),
      })),
    })),
);

/** A group to add. */
export const arbitraryGroup: fc.Arbitrary<Group> = fc
  .record({
    id: fc.integer({ min: 1, max: 0xfffffeff }),
    type: fc.constantFrom<GroupType>('all', 'select', 'indirect', 'ff'),
    selected: fc.option(selection, { nil: undefined }),
    buckets: fc.array(
      fc.record({ weight: u16, watchPort: fc.integer({ min: 1, max: 0xfeff }), actions: bucketActions }),
      {
        minLength: 1,
        maxLength: 4,
      },
    ),
  })
  .map(
    ({ id, type, selected, buckets }): Group => ({
      id,
      type,
      buckets: (type === 'indirect' ? buckets.slice(0, 1) : buckets).map(({ weight, watchPort, actions }, i) => ({
        id: i,
        ...(type === 'select' ? { weight } : {}),
        ...(type === 'ff' || (type === 'select' && weight % 2 === 0) ? { watchPort } : {}),
        actions,
      })),
      ...(type === 'select' && selected !== undefined ? { selection: selected } : {}),
    }),
  );

/** A meter to add. */
export const arbitraryMeter: fc.Arbitrary<Meter> = fc
  .record({
    id: fc.integer({ min: 1, max: 10000 }),
    rate: fc.integer({ min: 1 }),
    burst: fc.option(fc.integer({ min: 1 }), { nil: undefined }),
    kbps: fc.boolean(),
    stats: fc.boolean(),
    more: fc.array(fc.integer({ min: 1 }), { maxLength: 3 }),
  })
  .map(({ id, rate, burst, kbps, stats, more }) => ({
    id,
    flags: [
      kbps ? 'kbps' : 'pktps',
      ...(burst === undefined ? [] : (['burst'] as const)),
      ...(stats ? (['stats'] as const) : []),
    ],
    bands: [rate, ...more].map((each) => ({ type: 'drop', rate: each, burstSize: burst ?? 0 })),
  }));
