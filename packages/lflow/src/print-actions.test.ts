/** parse(print(x)) = x over the trees of all actions, made without the parser's help. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  bitFunctions,
  type Endpoint,
  type LflowAction,
  lookupFunctions,
  type NamedOption,
  natActions,
  nestedActions,
  protocols,
  severities,
  simpleActions,
  verdicts,
} from './action-ast.ts';
import type { Constant, FieldRef } from './ast.ts';
import { type NumberFormat, narrow } from './number.ts';
import { parseActions } from './parse-actions.ts';
import { printActions } from './print-actions.ts';
import { createSymbols, type FieldSymbol } from './symbols.ts';

const symbols = createSymbols();
const fields = [...symbols.values()].filter((symbol): symbol is FieldSymbol => symbol.kind === 'field');

/** All of a field, or some of its bits where it has bits to choose from. */
function refs(choice: readonly FieldSymbol[]): fc.Arbitrary<FieldRef> {
  return fc
    .tuple(fc.constantFrom(...choice), fc.integer({ min: 0, max: 3 }), fc.nat(127), fc.nat(127))
    .map(([symbol, how, a, b]) => {
      if (how < 2 || symbol.level === 'nominal' || symbol.type === 'string') return symbol.whole;
      const [low, high] = how === 2 ? [a % symbol.bits, a % symbol.bits] : [a % symbol.bits, b % symbol.bits];
      const [ofs, end] = [Math.min(low, high), Math.max(low, high)];
      // The parser has one object for all of a symbol.
      return end - ofs + 1 === symbol.bits ? symbol.whole : { symbol, ofs, bits: end - ofs + 1 };
    });
}

/** So many bits of a field. */
function wide(bits: number, writable = false): fc.Arbitrary<FieldRef> {
  const choice = fields.filter(
    (s) =>
      s.type === 'integer' && (s.level === 'ordinal' ? s.bits >= bits : s.bits === bits) && (s.writable || !writable),
  );
  return fc.tuple(fc.constantFrom(...choice), fc.nat(127)).map(([symbol, n]) => {
    const ofs = n % (symbol.bits - bits + 1);
    return symbol.bits === bits ? symbol.whole : { symbol, ofs, bits };
  });
}

const port = refs(fields.filter(({ type }) => type === 'string'));
const writable = fields.filter((symbol) => symbol.writable);
const integers = writable.filter(({ type }) => type === 'integer');
const bit = wide(1, true);

const string = fc.oneof(
  fc.constantFrom('p1', 'a "quoted" name', 'back\\slash', 'new\nline', 'tab\t', 'é', '', '{}', '/* */', ';', '\u0001'),
  fc.string({ maxLength: 8 }).map((text) => text.replaceAll('\u0000', '')),
);
const text = string.map((value): Constant => ({ kind: 'string', value, offset: 0 }));

const widths: Readonly<Record<NumberFormat, number>> = {
  decimal: 64,
  hexadecimal: 128,
  ipv4: 32,
  ipv6: 128,
  ethernet: 48,
};

/** A constant that fits so many bits. */
function integer(bits: number): fc.Arbitrary<Constant> {
  const formats = (['decimal', 'hexadecimal', 'ipv4', 'ipv6', 'ethernet'] as const).filter(
    (format) => format === 'decimal' || format === 'hexadecimal' || widths[format] <= bits,
  );
  return fc.constantFrom(...formats).chain((format) => {
    const width = Math.min(bits, widths[format]);
    const some = fc.oneof(fc.bigInt(0n, (1n << BigInt(width)) - 1n), fc.bigInt(0n, 3n & ((1n << BigInt(width)) - 1n)));
    const prefix = fc.nat(width).map((n) => ((1n << BigInt(n)) - 1n) << BigInt(width - n));
    const mask = fc.option(fc.oneof(some, prefix), { nil: undefined, freq: 2 });
    return fc.tuple(some, mask).map(
      ([value, masked]): Constant => ({
        kind: 'integer',
        value: narrow(masked === undefined ? value : value & masked),
        mask: masked === undefined ? undefined : narrow(masked),
        format,
        offset: 0,
      }),
    );
  });
}

const constant = fc.oneof(integer(128), text);
const number = (min: number, max: number): fc.Arbitrary<number> =>
  fc.oneof(fc.integer({ min, max }), fc.constantFrom(min, max));
const maybe = <T>(some: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(some, { nil: undefined });

const endpoint = (family: 'ipv4' | 'ipv6', hasPort: fc.Arbitrary<boolean>): fc.Arbitrary<Endpoint> =>
  fc
    .tuple(fc.bigInt(0n, family === 'ipv4' ? 0xffffffffn : (1n << 128n) - 1n), hasPort, number(1, 65535))
    .map(([address, has, n]) => ({ family, address: narrow(address), port: has ? n : undefined }));
const anyEndpoint = fc.oneof(endpoint('ipv4', fc.boolean()), endpoint('ipv6', fc.boolean()));

const options = (
  names: readonly string[],
  values: fc.Arbitrary<readonly Constant[]>,
): fc.Arbitrary<readonly NamedOption[]> =>
  fc.array(
    fc.tuple(fc.constantFrom(...names), values).map(([name, found]) => ({ name, values: found, offset: 0 })),
    { maxLength: 3 },
  );

const loads = refs(integers).chain((dst) =>
  integer(dst.symbol.bits).map((value) => ({ kind: 'load' as const, dst, value })),
);

/** Assignments to what `ct_commit` can set. */
const marks = fields.filter(({ base }) => base.name === 'ct_mark' || base.name === 'ct_label');
const commits = refs(marks).chain(
  (dst): fc.Arbitrary<LflowAction> =>
    fc.oneof(
      integer(dst.symbol.bits).map((value) => ({ kind: 'load' as const, dst, value })),
      wide(dst.bits).map((src) => ({ kind: 'move' as const, dst, src })),
    ),
);
const wholeMark = fc.constantFrom('ct_mark', 'ct_label').chain((name) => {
  const symbol = symbols.get(name) as FieldSymbol;
  const ones = (1n << BigInt(symbol.bits)) - 1n;
  // In whatever notation it is written, it is a hexadecimal number; one that sets no bit is left out.
  return fc.tuple(fc.bigInt(0n, ones), maybe(fc.bigInt(1n, ones))).map(([all, mask]) => {
    const value = mask === undefined ? all : all & mask;
    return {
      kind: 'load' as const,
      dst: symbol.whole,
      value: {
        kind: 'integer' as const,
        value: narrow(value),
        mask: mask === undefined ? undefined : narrow(mask),
        format: 'hexadecimal' as const,
        offset: 0,
      },
    };
  });
});

const byKind: readonly fc.Arbitrary<LflowAction>[] = [
  fc.constantFrom(...simpleActions).map((kind) => ({ kind })),
  fc
    .tuple(maybe(fc.constantFrom('ingress' as const, 'egress' as const)), maybe(number(0, 23)))
    .map(([pipeline, table]) => ({ kind: 'next', pipeline, table })),
  fc.constant({ kind: 'decrement-ttl' }),
  loads,
  fc.tuple(port, text).map(([dst, value]) => ({ kind: 'load', dst, value })),
  fc
    .constantFrom(...[...symbols.values()].flatMap((s) => (s.kind === 'ovn-field' ? [s] : [])))
    .chain((dst) => number(0, 2 ** dst.bits - 1).map((value) => ({ kind: 'ovn-load' as const, dst, value }))),
  refs(integers).chain((dst) => wide(dst.bits).map((src) => ({ kind: 'move' as const, dst, src }))),
  fc.tuple(port, port).map(([dst, src]) => ({ kind: 'move', dst, src })),
  refs(integers).chain((left) => wide(left.bits, true).map((right) => ({ kind: 'exchange' as const, left, right }))),
  fc.tuple(port, port).map(([left, right]) => ({ kind: 'exchange', left, right })),
  refs(fields).map((field) => ({ kind: 'push', field })),
  refs(writable).map((field) => ({ kind: 'pop', field })),
  fc.array(commits, { maxLength: 3 }).map((actions) => ({ kind: 'ct_commit', form: 'block', actions })),
  fc.array(wholeMark, { minLength: 1, maxLength: 2 }).map((actions) => ({ kind: 'ct_commit', form: 'list', actions })),
  fc
    .tuple(fc.constantFrom(...natActions), maybe(anyEndpoint), maybe(number(1, 65534)), maybe(number(1, 1000)))
    .map(([kind, ip, min, more]) => ({
      kind,
      ip: ip && { family: ip.family, address: ip.address },
      ports:
        ip === undefined || min === undefined
          ? undefined
          : { min, max: more === undefined ? undefined : Math.min(65535, min + more) },
    })),
  fc
    .tuple(
      fc.constantFrom('ct_lb' as const, 'ct_lb_mark' as const),
      fc.array(anyEndpoint, { maxLength: 3 }),
      maybe(fc.constantFrom('ip_src', 'ip_src,ip_dst', 'tcp_src, tcp_dst', '')),
      maybe(fc.constantFrom('skip_snat' as const, 'force_snat' as const)),
    )
    .map(([kind, backends, hashFields, flag]) =>
      backends.length === 0
        ? { kind, backends, hashFields: undefined, flag: undefined }
        : { kind, backends, hashFields, flag },
    ),
  fc
    .tuple(
      wide(16, true),
      fc.array(
        fc.tuple(number(0, 65535), number(1, 65535)).map(([id, weight]) => ({ id, weight })),
        { minLength: 2, maxLength: 4 },
      ),
    )
    .map(([dst, members]) => ({ kind: 'select', dst, members })),
  fc.tuple(port, wide(32)).map(([p, ip]) => ({ kind: 'get_arp', port: p, ip })),
  fc.tuple(port, wide(128)).map(([p, ip]) => ({ kind: 'get_nd', port: p, ip })),
  fc.tuple(port, wide(32), wide(48)).map(([p, ip, mac]) => ({ kind: 'put_arp', port: p, ip, mac })),
  fc.tuple(port, wide(128), wide(48)).map(([p, ip, mac]) => ({ kind: 'put_nd', port: p, ip, mac })),
  fc
    .constantFrom(...lookupFunctions)
    .chain((kind) =>
      fc
        .tuple(bit, port, wide(kind.startsWith('lookup_arp') ? 32 : 128), wide(48))
        .map(([dst, p, ip, mac]) => ({ kind, dst, port: p, ip, mac: kind.endsWith('_ip') ? undefined : mac })),
    ),
  fc.tuple(wide(32, true), wide(48)).map(([dst, mac]) => ({ kind: 'get_fdb', dst, mac })),
  fc.tuple(port, wide(48)).map(([p, mac]) => ({ kind: 'put_fdb', port: p, mac })),
  fc.tuple(bit, port, wide(48)).map(([dst, p, mac]) => ({ kind: 'lookup_fdb', dst, port: p, mac })),
  fc.tuple(fc.constantFrom(...bitFunctions), bit).map(([kind, dst]) => ({ kind, dst })),
  fc.tuple(bit, number(0, 0xffff)).map(([dst, length]) => ({ kind: 'check_pkt_larger', dst, length })),
  fc
    .tuple(
      fc.constantFrom('put_dhcp_opts' as const, 'put_dhcpv6_opts' as const),
      bit,
      options(
        ['offerip', 'dns_server', 'ia_addr'],
        // All of one type, which the first tells.
        fc
          .array(constant, { minLength: 1, maxLength: 3 })
          .map((all) => all.filter(({ kind }) => kind === all[0]?.kind)),
      ),
    )
    .map(([kind, dst, found]) => ({ kind, dst, options: found, offset: 0 })),
  fc
    .tuple(
      bit,
      fc.constantFrom('slaac', 'dhcpv6_stateless'),
      fc.bigInt(0n, (1n << 48n) - 1n),
      fc.bigInt(0n, (1n << 64n) - 1n),
      number(1280, 65535),
    )
    .map(([dst, mode, slla, network, mtu]) => {
      const value = { kind: 'integer', mask: undefined, offset: 0 } as const;
      const mask = ((1n << 64n) - 1n) << 64n;
      const found: Readonly<Record<string, Constant>> = {
        addr_mode: { kind: 'string', value: mode, offset: 0 },
        slla: { ...value, value: narrow(slla), format: 'ethernet' },
        prefix: { ...value, value: narrow(network << 64n), mask, format: 'ipv6' },
        mtu: { ...value, value: mtu, format: 'decimal' },
      };
      const all = Object.entries(found).map(([name, one]) => ({ name, values: [one], offset: 0 }));
      return { kind: 'put_nd_ra_opts', dst, options: all, offset: 0 };
    }),
  number(0, 61440).map((queue) => ({ kind: 'set_queue', queue })),
  fc
    .tuple(number(1, 0xffffffff), maybe(number(0, 0xffffffff)))
    .map(([rate, burst]) => ({ kind: 'set_meter', rate, burst })),
  fc
    .tuple(maybe(string), fc.constantFrom(...severities), fc.constantFrom(...verdicts), maybe(string))
    .map(([name, severity, verdict, meter]) => ({ kind: 'log', name, severity, verdict, meter })),
  fc
    .tuple(fc.boolean(), fc.array(string, { minLength: 1, maxLength: 3 }))
    .map(([liveness, childPorts]) => ({ kind: 'fwd_group', liveness, childPorts })),
  fc
    .tuple(fc.constantFrom('10.0.0.1:80', '[::1]:80', '10.0.0.1'), fc.constantFrom(...protocols), fc.uuid())
    .map(([vip, protocol, uuid]) => ({
      kind: 'trigger_event',
      options: Object.entries({ vip, protocol, load_balancer: uuid }).map(([name, value]) => ({
        name,
        values: [{ kind: 'string', value, offset: 0 }],
        offset: 0,
      })),
    })),
  fc.tuple(string, port).map(([virtualPort, p]) => ({ kind: 'bind_vport', virtualPort, port: p })),
  port.map((p) => ({ kind: 'handle_svc_check', port: p })),
  fc.constant({ kind: 'handle_bfd_msg' }),
  fc
    .tuple(fc.boolean(), fc.constantFrom(...protocols))
    .map(([ipv6, protocol]) => ({ kind: 'commit_ecmp_nh', ipv6, protocol })),
  fc.tuple(fc.constantFrom('ipv4' as const, 'ipv6' as const), fc.boolean()).chain(([family, hasPort]) =>
    fc
      .tuple(
        endpoint(family, fc.constant(hasPort)),
        endpoint(family, fc.boolean()),
        fc.constantFrom(...protocols),
        number(0, 65535),
      )
      .map(([vip, backend, protocol, timeout]) => ({
        kind: 'commit_lb_aff' as const,
        vip,
        backend,
        protocol: hasPort ? protocol : undefined,
        timeout,
      })),
  ),
  fc
    .tuple(
      number(1, 65535),
      number(0, 0xffffffff),
      number(0, 255),
      fc.oneof(number(0, 0xffffffff), fc.constant('cookie' as const)),
    )
    .map(([probability, collectorSet, obsDomain, obsPoint]) => ({
      kind: 'sample',
      probability,
      collectorSet,
      obsDomain,
      obsPoint,
    })),
];

const { actions } = fc.letrec<{ actions: readonly LflowAction[]; action: LflowAction }>((tie) => ({
  actions: fc.array(tie('action'), { maxLength: 3 }),
  action: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(...byKind),
    fc
      .tuple(fc.constantFrom(...nestedActions), tie('actions'))
      .map(([kind, inner]): LflowAction => ({ kind, actions: inner })),
  ),
}));

/** The tree for comparison: symbols by name, values by what they are, and no positions in the text. */
function plain(actions: readonly LflowAction[]): unknown {
  return JSON.parse(
    JSON.stringify(actions, (key, value) => {
      if (key === 'offset') return undefined;
      if (key === 'symbol') return (value as FieldSymbol).name;
      return typeof value === 'bigint' || typeof value === 'number' ? `${value}` : value;
    }),
  );
}

function check(actions: readonly LflowAction[]): void {
  const printed = printActions(actions);
  const read = parseActions(printed, symbols).actions;
  expect(plain(read), printed).toEqual(plain(actions));
  expect(printActions(read)).toBe(printed);
}

it.each(byKind.map((arbitrary, i) => [i, arbitrary] as const))(
  'actions of kind %i are read as they were printed',
  (_, some) => {
    fc.assert(
      fc.property(some, (action) => check([action])),
      { numRuns: 150 },
    );
  },
);

it('lists of actions, and actions within actions, are read as they were printed', () => {
  fc.assert(fc.property(actions, check), { numRuns: 500 });
}, 300_000);

/** Texts that are in canonical form already. */
const canonical = [
  'drop;',
  'next; next(5); next(pipeline=egress); next(pipeline=egress, table=5); output; ip.ttl--;',
  'reg0[3] = 1; reg0[3..5] = 2/2; ip4.src = 10.0.0.0/8; outport = "a\\"b"; icmp4.frag_mtu = 1500; inport <-> outport;',
  'push(reg0[1..3]); pop(ip6.src); ct_commit; ct_commit { ct_mark = 1/3; }; ct_commit(ct_mark=0x1, ct_label=0x2/0x2);',
  'ct_dnat; ct_snat(fe80::1,5-10); ct_lb_mark(backends=[fd00::1]:80,fd00::2; hash_fields="ip_src,ip_dst"; skip_snat);',
  'clone { drop; }; arp { eth.dst = ff:ff:ff:ff:ff:ff; output; }; reg8[16..31] = select(1=20, 2=100, 3=50);',
  'put_arp(inport, arp.spa, arp.sha); reg0[0] = lookup_arp(inport, arp.spa, arp.sha); reg0[0] = lookup_nd_ip(inport, ip6.src);',
  'reg0[0] = put_dhcp_opts(offerip = 10.0.0.2, dns_server = {8.8.8.8, 7.7.7.7}, hostname = "x");',
  'set_meter(100, 1000); log(name="acl1", verdict=drop, severity=info, meter="m1"); fwd_group(liveness="true", childports="a", "b");',
  'commit_lb_aff(vip = "[::1]:8080", backend = "[::2]:8080", proto = udp, timeout = 30); bind_vport("v", inport);',
  'sample(probability=1,collector_set=0,obs_domain=0,obs_point=$cookie); commit_ecmp_nh(ipv6 = true, proto = tcp);',
];

it.each(canonical)('%s is printed as it is', (text) => {
  expect(printActions(parseActions(text, symbols).actions)).toBe(text);
});
