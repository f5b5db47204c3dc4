import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Constant, Expression, FieldRef, Relop } from './ast.ts';
import { evaluate } from './evaluate.ts';
import { type MatchFlows, toFlows } from './flows.ts';
import { LflowError } from './lexer.ts';
import { type MatchLookups, Normalizer } from './normalize.ts';
import { parseActions } from './parse-actions.ts';
import { parseMatch } from './parse-match.ts';
import { printActions } from './print-actions.ts';
import { printMatch } from './print-match.ts';
import { createSymbols, type FieldSymbol, type PredicateSymbol, type SymbolTable } from './symbols.ts';
import { MatchTooLarge } from './terms.ts';
import { type StorageField, selects } from './testing/flow-matcher.ts';

/** Names of the network that random expressions use, and what they mean. */
const network = {
  ports: new Map([
    ['p1', 1],
    ['p2', 2],
    ['p3', 3],
  ]),
  sets: new Map<string, readonly string[]>([
    ['some', ['10.0.0.1', '10.0.0.2', '10.1.0.0/16']],
    ['none', []],
  ]),
  groups: new Map<string, readonly string[]>([['pg', ['p1', 'p3', 'gone']]]),
  residents: new Set(['p1']),
};

/** Values that random constants and random packets share, so that they meet. */
const pool = (bits: number): fc.Arbitrary<bigint> => {
  const ones = (1n << BigInt(bits)) - 1n;
  return fc
    .oneof(
      { weight: 6, arbitrary: fc.bigInt(0n, 7n) },
      {
        weight: 3,
        arbitrary: fc.constantFrom(ones, ones - 1n, 0x0a000001n, 0x0a010000n, 0x800n, 0x86ddn, 6n, 17n, 58n, 135n),
      },
      { weight: 1, arbitrary: fc.bigInt(0n, ones) },
    )
    .map((value) => value & ones);
};

function narrow(value: bigint): number | bigint {
  return value <= 0xffffffffn ? Number(value) : value;
}

/** A random match. Nominal fields are tested for equality only, and what is under `!` is ordinal, as the language demands. */
function expressionArbitrary(symbols: SymbolTable): fc.Arbitrary<Expression> {
  const fields = [...symbols.values()].filter((s): s is FieldSymbol => s.kind === 'field' && s.type === 'integer');
  const ordinal = fields.filter((s) => s.level === 'ordinal' && s.bits <= 48);
  const predicates = [...symbols.values()].filter((s): s is PredicateSymbol => s.kind === 'predicate');
  // The negation of ip6.mcast_flood takes 21,000 flows, and most of the time of a test that draws it.
  const boolean = predicates.filter((s) => s.level === 'boolean' && s.name !== 'ip6.mcast_flood');

  const constant = (bits: number, masked: boolean): fc.Arbitrary<Constant> =>
    fc.tuple(pool(bits), masked ? fc.option(pool(bits), { freq: 3 }) : fc.constant(null)).map(([value, mask]) => ({
      kind: 'integer',
      value: narrow(mask === null ? value : value & mask),
      mask: mask === null ? undefined : narrow(mask),
      format: 'hexadecimal',
      offset: 0,
    }));

  const part = (symbol: FieldSymbol): fc.Arbitrary<FieldRef> =>
    symbol.level === 'nominal'
      ? fc.constant({ symbol, ofs: 0, bits: symbol.bits })
      : fc
          .tuple(fc.boolean(), fc.nat(symbol.bits - 1), fc.nat(symbol.bits - 1))
          .map(([whole, a, b]) =>
            whole ? { symbol, ofs: 0, bits: symbol.bits } : { symbol, ofs: Math.min(a, b), bits: Math.abs(a - b) + 1 },
          );

  const comparison = (choice: readonly FieldSymbol[], relops: readonly Relop[]): fc.Arbitrary<Expression> =>
    fc.constantFrom(...choice).chain((symbol) =>
      fc.tuple(part(symbol), fc.constantFrom(...relops)).chain(([field, relop]) => {
        const equality = relop === '==' || relop === '!=';
        const count = relop === '==' ? 5 : relop === '!=' && field.bits <= 8 ? 3 : 1;
        return fc
          .array(constant(field.bits, equality && symbol.level === 'ordinal'), { minLength: 1, maxLength: count })
          .map((constants): Expression => ({ kind: 'comparison', field, relop, constants }));
      }),
    );

  const names: fc.Arbitrary<Expression> = fc.constantFrom<Expression>(
    ...(['inport', 'outport'] as const).flatMap((name) => {
      const symbol = symbols.get(name);
      if (symbol?.kind !== 'field') return [];
      const field = { symbol, ofs: 0, bits: 32 };
      const make = (...constants: Constant[]): Expression => ({ kind: 'comparison', field, relop: '==', constants });
      return [
        make({ kind: 'string', value: 'p1', offset: 0 }),
        make({ kind: 'string', value: 'p1', offset: 0 }, { kind: 'string', value: 'p2', offset: 0 }),
        make({ kind: 'string', value: 'gone', offset: 0 }),
        make({ kind: 'port-group', name: 'pg', offset: 0 }),
      ];
    }),
    ...(['ip4.src', 'ip4.dst'] as const).flatMap((name) => {
      const symbol = symbols.get(name);
      if (symbol?.kind !== 'field') return [];
      const field = { symbol, ofs: 0, bits: 32 };
      return ['some', 'none'].map(
        (set): Expression => ({
          kind: 'comparison',
          field,
          relop: '==',
          constants: [{ kind: 'address-set', name: set, offset: 0 }],
        }),
      );
    }),
    { kind: 'resident', port: 'p1' },
    { kind: 'resident', port: 'p2' },
    { kind: 'boolean', value: true },
    { kind: 'boolean', value: false },
  );

  const negatable: fc.Arbitrary<Expression> = fc.oneof(
    comparison(ordinal, ['==', '!=', '<', '<=', '>', '>=']),
    fc.constantFrom(...boolean).map((symbol): Expression => ({ kind: 'predicate', symbol })),
  );
  const leaf: fc.Arbitrary<Expression> = fc.oneof(
    { weight: 4, arbitrary: comparison(fields, ['==']) },
    { weight: 2, arbitrary: negatable },
    {
      weight: 2,
      arbitrary: fc.constantFrom(...predicates).map((symbol): Expression => ({ kind: 'predicate', symbol })),
    },
    { weight: 1, arbitrary: names },
    { weight: 1, arbitrary: negatable.map((operand): Expression => ({ kind: 'not', operand })) },
  );
  const { tree } = fc.letrec<{ tree: Expression }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc
        .tuple(fc.constantFrom('and' as const, 'or' as const), fc.array(tie('tree'), { minLength: 2, maxLength: 3 }))
        .map(([kind, operands]): Expression => ({ kind, operands })),
    ),
  }));
  return tree;
}

/** Whole fields of a packet, by base field name; most are small numbers, types and protocols are mostly those that expressions know. */
function packetArbitrary(symbols: SymbolTable): fc.Arbitrary<ReadonlyMap<string, bigint>> {
  const bases = new Map(
    [...symbols.values()].flatMap((s) => (s.kind === 'field' ? [[s.base.name, s.base] as const] : [])),
  );
  const special: Readonly<Record<string, readonly bigint[]>> = {
    'eth.type': [0x800n, 0x86ddn, 0x806n, 0x8035n, 0x1234n],
    'ip.proto': [1n, 2n, 6n, 17n, 58n, 132n],
    'icmp6.type': [130n, 133n, 134n, 135n, 136n, 143n, 1n],
    'ip.ttl': [255n, 64n, 1n],
    inport: [1n, 2n, 3n],
    outport: [1n, 2n, 3n],
    ct_state: [0n, 0x20n, 0x21n, 0x22n, 0x2an],
    // No packet is a later fragment without being one.
    'ip.frag': [0n, 1n, 3n],
    'vlan.tci': [0n, 0x1005n, 0x2001n, 0x1000n],
  };
  const entries = [...bases.values()].map((base) => {
    const known = special[base.name];
    return (known === undefined ? pool(base.bits) : fc.constantFrom(...known)).map(
      (value) => [base.name, value] as const,
    );
  });
  return fc.tuple(...entries).map((pairs) => new Map(pairs));
}

const symbols = createSymbols();
const lookups: MatchLookups = {
  lookupPort: (name) => network.ports.get(name),
  lookupAddressSet: (name) => network.sets.get(name),
  lookupPortGroup: (name) => network.groups.get(name),
  isChassisResident: (port) => network.residents.has(port),
};

/** A packet as the switch stores it. */
function storage(packet: ReadonlyMap<string, bigint>): StorageField {
  const byOpenflowName = new Map<string, bigint>();
  for (const symbol of symbols.values()) {
    if (symbol.kind !== 'field') continue;
    const { base } = symbol;
    const value = packet.get(base.name) ?? 0n;
    const { name } = base.field;
    // ARP and RARP, and every protocol's ports, share storage; a packet has one of them, and the flow's type and protocol say which.
    byOpenflowName.set(base.name.startsWith('rarp.') ? `rarp:${name}` : name, value);
  }
  const rarp = packet.get('eth.type') === 0x8035n;
  return (name) => {
    const register = /^reg(\d+)$/.exec(name);
    const n = Number(register?.[1] ?? -1);
    if (n >= 0 && n < 8)
      return ((byOpenflowName.get(`xxreg${n >> 2}`) ?? 0n) >> BigInt(96 - 32 * (n % 4))) & 0xffffffffn;
    if (n === 8 || n === 9) return ((byOpenflowName.get('xreg4') ?? 0n) >> BigInt(n === 8 ? 32 : 0)) & 0xffffffffn;
    const tci = byOpenflowName.get('vlan_tci') ?? 0n;
    if (name === 'vlan_vid') return tci & 0x1fffn;
    if (name === 'vlan_pcp') return tci >> 13n;
    return (rarp ? byOpenflowName.get(`rarp:${name}`) : undefined) ?? byOpenflowName.get(name) ?? 0n;
  };
}

const packetsArbitrary = fc.array(packetArbitrary(symbols), { minLength: 20, maxLength: 20 });

describe('matches', () => {
  it('select the packets that the expression selects', () => {
    const normalizer = new Normalizer(symbols);
    const flowsOf = (expression: Expression): MatchFlows | undefined => {
      try {
        return toFlows(normalizer.normalize(expression, lookups));
      } catch (error) {
        if (error instanceof MatchTooLarge) return undefined;
        throw error;
      }
    };
    let hits = 0;
    let conjunctive = 0;
    let refused = 0;
    fc.assert(
      fc.property(expressionArbitrary(symbols), packetsArbitrary, (expression, packets) => {
        const flows = flowsOf(expression);
        if (flows === undefined) {
          refused++;
          return;
        }
        if (flows.conjunctions > 0) conjunctive++;
        for (const packet of packets) {
          const truth = evaluate(expression, (base) => packet.get(base.name) ?? 0n, symbols, lookups);
          if (truth) hits++;
          expect(selects(flows, storage(packet)), printMatch(expression)).toBe(truth);
        }
      }),
      { numRuns: 800 },
    );
    // The property would hold of nothing if no packet ever matched.
    expect(hits).toBeGreaterThan(1000);
    expect(conjunctive).toBeGreaterThan(5);
    expect(refused).toBeLessThan(8);
  }, 300_000);

  it('that are an alternative alone and a part of another one have the actions', () => {
    const sets = '(ip4.src == {1.1.1.1, 1.1.1.2} && ip4.dst == {2.2.2.1, 2.2.2.2})';
    for (const text of [`${sets} || ip4.src == 1.1.1.1`, `ip4.src == 1.1.1.1 || ${sets}`]) {
      const { flows } = toFlows(new Normalizer(symbols).normalize(parseMatch(text, symbols), lookups));
      const alone = flows.filter((flow) => flow.conjunction === undefined && flow.parts.length === 0);
      expect(alone).toHaveLength(1);
    }
  });

  it('are read again as what they were printed from', () => {
    fc.assert(
      fc.property(expressionArbitrary(symbols), packetsArbitrary, (expression, packets) => {
        // What the parser makes of a text is what printing must keep: it reads `x == {1}` as `x == 1`, for one. So trees are compared from then on;
        // that nothing was lost before, the packets tell.
        const once = parseMatch(printMatch(expression), symbols);
        for (const packet of packets) {
          const field = (base: { readonly name: string }): bigint => packet.get(base.name) ?? 0n;
          expect(evaluate(once, field, symbols, lookups)).toBe(evaluate(expression, field, symbols, lookups));
        }
        expect(withoutOffsets(parseMatch(printMatch(once), symbols))).toEqual(withoutOffsets(once));
        expect(printMatch(parseMatch(printMatch(once), symbols))).toBe(printMatch(once));
      }),
      { numRuns: 2000 },
    );
  });
});

/** The tree for comparison: symbols by name, and no positions in the text. */
function withoutOffsets(tree: unknown): unknown {
  return JSON.parse(
    JSON.stringify(tree, (key, value) => {
      if (key === 'offset') return undefined;
      if (key === 'symbol') return (value as { name: string }).name;
      return typeof value === 'bigint' ? `${value}` : value;
    }),
  );
}

/** Pieces of the language, so that random texts are nearly right. */
const words = [
  ...symbols.keys(),
  ...'( ) [ ] { } == != < <= > >= ! && || .. , ; = <-> -- - : $as @pg ^v "p1" "\\u0041" 1 0 0x10 10.0.0.1 10.0.0.0/8 ::1 fe80::/10 00:00:00:00:00:01'.split(
    ' ',
  ),
  ...'next output drop clone arp nd_na ct_commit ct_next ct_lb backends select put_dhcp_opts offerip log verdict allow is_chassis_resident'.split(
    ' ',
  ),
  '/*',
  '*/',
  '//',
  "'",
  '"',
  '\\',
  '\u0000',
  '\ud800',
];

describe('hostile text', () => {
  const soup = fc
    .array(fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 3 })), { maxLength: 25 })
    .map((parts) => parts.join(' '));

  it('is read or refused, never a crash', () => {
    let refused = 0;
    fc.assert(
      fc.property(fc.oneof(soup, fc.string(), fc.string({ unit: 'binary' })), (text) => {
        for (const parse of [parseMatch, parseActions]) {
          try {
            parse(text, symbols);
          } catch (error) {
            expect(error, text).toBeInstanceOf(LflowError);
            const { offset } = error as LflowError;
            expect(offset).toBeGreaterThanOrEqual(0);
            expect(offset).toBeLessThanOrEqual(text.length);
            refused++;
          }
        }
      }),
      { numRuns: 5000 },
    );
    expect(refused).toBeGreaterThan(5000);
  });

  it.each(['(', '!(', 'clone {', '{', '!'])('that nests %s without end is refused', (piece) => {
    const text = piece.repeat(100_000);
    expect(() => parseMatch(text, symbols)).toThrow(LflowError);
    expect(() => parseActions(text, symbols)).toThrow(LflowError);
  });
});

describe('actions', () => {
  it('are read again as what they were printed from', () => {
    for (const text of sampleActions) {
      const once = parseActions(text, symbols);
      const printed = printActions(once.actions);
      const twice = parseActions(printed, symbols);
      expect(withoutOffsets(twice), printed).toEqual(withoutOffsets(once));
      expect(printActions(twice.actions)).toBe(printed);
    }
  });
});

/** Every action of ovn-sb(5), in the forms that it allows. */
const sampleActions = `
drop;
output;
next; next(5); next(pipeline=egress); next(pipeline=egress, table=5);
reg0 = 1; reg0[3..5] = 2/2; eth.src = 00:00:00:00:00:01; ip6.src = fe80::1; outport = "a\\"b"; vlan.pcp = 4/4; ip4.src = 10.0.0.0/8;
icmp4.frag_mtu = 1500; icmp6.frag_mtu = 1500;
reg0 = ip4.src; vlan.pcp = reg0[0..2]; ip4.src <-> ip4.dst; inport <-> outport; push(reg0[1..3]); pop(ip6.src); ip.ttl--;
ct_next; ct_clear; ct_commit_nat; ct_snat_to_vip; igmp; handle_dhcpv6_reply; handle_bfd_msg();
ct_commit; ct_commit { }; ct_commit { ct_mark = 1/3; ct_label[0..31] = reg3; }; ct_commit(ct_mark=1, ct_label=2/2);
ct_dnat; ct_dnat(10.0.0.1); ct_snat(10.0.0.1, 5); ct_snat(fe80::1, 5-10); ct_dnat_in_czone; ct_snat_in_czone(10.0.0.1);
clone { output; }; clone { }; arp { eth.dst = ff:ff:ff:ff:ff:ff; output; }; nd_ns { output; }; nd_na { output; }; nd_na_router { next; };
icmp4 { output; }; icmp4_error { output; }; icmp6 { output; }; icmp6_error { output; }; tcp_reset { output; }; sctp_abort { output; };
reject { clone { eth.dst <-> eth.src; }; outport <-> inport; next(pipeline=egress,table=5); };
get_arp(outport, ip4.dst); put_arp(inport, arp.spa, arp.sha); get_nd(outport, ip6.dst); put_nd(inport, nd.target, nd.tll);
reg0[0] = lookup_arp(inport, arp.spa, arp.sha); reg0[0] = lookup_arp_ip(inport, arp.spa); reg0[0] = lookup_nd(inport, ip6.src, eth.src);
reg0[0] = lookup_nd_ip(inport, ip6.src); outport = get_fdb(eth.dst); put_fdb(inport, eth.src); reg0[0] = lookup_fdb(inport, eth.src);
reg0[0] = put_dhcp_opts(offerip = 10.0.0.2, dns_server = {8.8.8.8, 7.7.7.7}, hostname = "x"); reg0[0] = put_dhcpv6_opts(ia_addr = aef0::4);
reg0[0] = put_nd_ra_opts(addr_mode = "slaac", slla = 00:00:00:00:10:02, prefix = aef0::/64, mtu = 1450);
set_queue(10); set_meter(100); set_meter(100, 1000); reg0[6] = check_pkt_larger(1000); reg0[3] = dns_lookup();
log(verdict=allow); log(name="acl1", severity=info, verdict=drop, meter="m1");
fwd_group(childports="lp1", "lp2"); fwd_group(liveness="true", childports="lp1");
trigger_event(event = "empty_lb_backends", vip = "10.0.0.1:80", protocol = "tcp", load_balancer = "12345678-abcd-9876-fedc-11119f8e7d6c");
bind_vport("v", inport); handle_svc_check(inport); reg8[16..31] = select(1=20, 2, 3=50);
ct_lb; ct_lb(backends=10.0.0.1:80,10.0.0.2); ct_lb_mark(backends=[fd00::1]:80,fd00::2; hash_fields="ip_src,ip_dst"; skip_snat);
ct_lb_mark(backends=10.0.0.1; force_snat);
reg0[6] = chk_lb_hairpin(); reg0[6] = chk_lb_hairpin_reply(); reg0[15] = check_in_port_sec(); reg0[15] = check_out_port_sec();
commit_ecmp_nh(ipv6 = true, proto = tcp); reg9[5] = chk_ecmp_nh_mac(); reg9[5] = chk_ecmp_nh(); reg9[6] = chk_lb_aff();
commit_lb_aff(vip = "172.16.0.123:8080", backend = "10.0.0.3:8080", proto = tcp, timeout = 30);
commit_lb_aff(vip = "[::1]:8080", backend = "[::2]:8080", proto = udp, timeout = 30); commit_lb_aff(vip = "::1", backend = "::2", timeout = 30);
sample(probability=100,collector_set=200,obs_domain=10,obs_point=1000); sample(probability=1,obs_point=$cookie);
`
  .trim()
  .split('\n');
