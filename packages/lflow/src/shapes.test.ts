import { ActionList } from '@weft/openflow/action-list';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ActionContext, Compiler, type MatchContext } from './compile.ts';
import { encodeActions } from './encode-actions.ts';
import { LflowError } from './lexer.ts';
import { standardDhcpv4Options, standardDhcpv6Options } from './standard-options.ts';

const lookupPort = (name: string): number | undefined => (name === 'absent' ? undefined : 1 + name.length);

const context: MatchContext = {
  lookupPort,
  lookupAddressSet: () => ['10.0.0.1'],
  lookupPortGroup: () => ['p1', 'port'],
  isChassisResident: () => true,
  datapath: { tunnelKey: 0x12345 },
};

const dhcpv4 = new Map(standardDhcpv4Options.map(([name, code, type]) => [name, { code, type }]));
const dhcpv6 = new Map(standardDhcpv6Options.map(([name, code, type]) => [name, { code, type }]));

const actionContext: ActionContext = {
  pipeline: 'ingress',
  table: 5,
  cookie: 0x1234,
  datapath: { type: 'router', tunnelKey: 7 },
  lookupPort,
  lookupTunnel: () => 3,
  allocateGroup: () => 9,
  allocateMeter: () => 4,
  lookupDhcpv4Option: (name) => dhcpv4.get(name),
  lookupDhcpv6Option: (name) => dhcpv6.get(name),
  hasCollectorSet: () => true,
};

/** What a compiler that knows no shapes makes of a text. */
const plain = new Compiler();

function plainMatch(text: string, prerequisites: string): unknown {
  const tree = plain.parseMatch(text);
  // A wrong text has no shape; which of its errors is told may depend on what sets there are.
  if ('error' in tree) return plain.compileMatch(text, { ...context, prerequisites });
  return keys(plain.compileTree(tree, prerequisites, context));
}

function plainActions(text: string): unknown {
  const parsed = plain.parseActions(text);
  if ('error' in parsed) return plain.compileActions(text, actionContext);
  try {
    return {
      actions: ActionList.of(encodeActions(parsed.actions, actionContext)),
      prerequisites: parsed.prerequisites,
    };
  } catch (error) {
    if (error instanceof LflowError) return { error: error.message, offset: error.offset };
    throw error;
  }
}

/** Flows by the keys of their matches, or the complaint. */
function keys(result: ReturnType<Compiler['compileMatch']>): unknown {
  if ('error' in result) return result;
  const flows = result.flows.map(({ match, ...flow }) => ({ key: match.key, ...flow }));
  return { flows, conjunctions: result.conjunctions };
}

/** Literals by what they look like. */
const pools = [
  ['"p1"', '"port"', '"absent"', '"a == 55"', '""', '"p1 "', '"none"'],
  ['10', '80', '255', '256', '65535', '65536', '2048', '1048576', '999999999', '16', '12'],
  ['10.0.0.1', '10.0.0.2', '0.0.0.0', '255.255.255.255', '10.0.0.0', '224.0.0.1', '1.2.3.4'],
  ['0a:00:00:00:00:01', 'ff:ff:ff:ff:ff:ff', '33:33:00:00:00:01', '00:00:00:00:00:00', '0A:0b:00:00:00:01'],
  ['fe80::1', '::', '::1', 'ff02::1:2', '1:2:3:4:5:6:7:8', '1::', 'aef0::10.0.0.1', '1:2:3:4:5::8'],
  // What no text shares a shape over.
  ['0', '1', '5', '0800', '0x800', '0x10', '1:2:3:4:5:6', '4294967296', '{10.0.0.1}', '$set', '@group', '10/12'].concat(
    [
      '100:2:3:4:5:6',
      '1:2:3:4::5:6:7:8',
      '1:2:3',
      '::1::',
      '10.0.0',
      '10.0.0.256',
      '10.0.0.01',
      '"\\u0041"',
      '12345678901',
    ],
  ),
];
const literal =
  /(?<=[ {(])("[^"]*"|[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){5}|[0-9a-f]*:[0-9a-f:.]+|\d+(?:\.\d+){3}|\d+)(?=$|[ ),}/;])/g;

/** Another text with the same words around other literals, most of the same kind. */
function alike(text: string, choices: readonly number[]): string {
  let i = 0;
  return text.replace(literal, (old) => {
    const choice = choices[i++ % choices.length]!;
    const pool = pools[choice % 31 === 0 ? 5 : pools.findIndex((some) => some.includes(old))] ?? [old];
    return pool[choice % pool.length]!;
  });
}

/** Sequences of texts that are alike. */
const sequences = (text: fc.Arbitrary<string>): fc.Arbitrary<readonly string[]> =>
  fc
    .tuple(text, fc.array(fc.array(fc.nat(10_000), { minLength: 6, maxLength: 6 }), { minLength: 4, maxLength: 8 }))
    .map(([first, choices]) => [first, ...choices.map((some) => alike(first, some))]);

const value = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...pools.flat()) },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(...pools)
      .chain((pool) => fc.array(fc.constantFrom(...pool), { minLength: 1, maxLength: 3 }))
      .map((members) => `{${members.join(', ')}}`),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ...[
        '10.0.0.0/8',
        '10.1.2.0/24',
        '10.0.0.1/32',
        '0.0.0.0/0',
        'fe80::/10',
        'ff02::1:ff00:0/104',
        '::/128',
        '80/80',
      ],
      '33:33:00:00:00:00/ff:ff:00:00:00:00',
    ),
  },
);

const matchFields =
  'inport outport eth.src eth.dst eth.type vlan.tci vlan.vid ip4.src ip4.dst ip6.dst ip6.src ip.proto ip.ttl ip.frag tcp.dst udp.src arp.op arp.tpa rarp.tpa nd.target icmp4.type icmp6.type reg0 reg1 xreg0 xxreg0 reg0[0..15] reg0[16..31] reg9[2] flags.loopback ct_state ct.est ct_mark ct_label ct_label.blocked ip4 tcp eth.mcast tcp.flags ip6.label'.split(
    ' ',
  );

const comparison = fc
  .tuple(fc.constantFrom(...matchFields), fc.constantFrom('==', '==', '==', '==', '==', '!=', '<='), value)
  .map(([field, relop, constant]) => `${field} ${relop} ${constant}`);
/** Mostly right, so that most texts have flows. */
const poolOf: Readonly<Record<string, number>> = {
  ...{ inport: 0, outport: 0, 'eth.src': 3, 'xreg0[0..47]': 3, 'tcp.dst': 1, 'ip.ttl': 1, 'reg8[0..15]': 1 },
  ...{ 'ip4.src': 2, 'ip4.dst': 2, 'arp.tpa': 2, reg0: 2, 'ip6.dst': 4, 'ip6.src': 4, 'nd.target': 4, xxreg1: 4 },
};
const sensible = fc
  .tuple(
    fc.constantFrom('inport', 'eth.src', 'ip4.src', 'ip4.dst', 'ip6.dst', 'tcp.dst', 'arp.tpa', 'nd.target', 'reg0'),
    fc.integer({ min: 0, max: 9 }),
  )
  .chain(([field, n]) => {
    const member = fc.constantFrom(...pools[poolOf[field] ?? 2]!);
    if (n === 0 && field !== 'inport') return member.map((constant) => `${field} != ${constant}`);
    return fc
      .array(member, { minLength: 1, maxLength: n < 5 ? 1 : 3 })
      .map((members) => `${field} == ${members.length === 1 ? members[0] : `{${members.join(', ')}}`}`);
  });
const operand = fc.oneof(
  { weight: 1, arbitrary: comparison },
  { weight: 9, arbitrary: sensible },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      ...['ip4', 'tcp', '!ip.later_frag', 'arp', 'eth.mcast', '!eth.mcast', 'ct.trk', 'ip', '1', 'nd_ns', 'nd'],
      'is_chassis_resident("p1")',
    ),
  },
  { weight: 1, arbitrary: sensible.map((text) => `(${text})`) },
  { weight: 1, arbitrary: comparison.map((text) => `!(${text})`) },
  { weight: 1, arbitrary: fc.tuple(sensible, sensible).map(([a, b]) => `(${a} || ${b})`) },
  { weight: 1, arbitrary: sensible.map((text) => `/* ${text} */ ip4`) },
);
const match = fc.array(operand, { minLength: 1, maxLength: 4 }).map((operands) => operands.join(' && '));

const actionFields =
  'inport outport eth.src eth.dst vlan.vid vlan.pcp ip4.src ip6.src ip.ttl tcp.dst arp.op arp.spa arp.sha nd.target nd.tll icmp4.type reg0 reg1 reg9 xreg0 xreg4 xxreg1 reg0[0..15] reg8[16..31] xreg0[0..47] xxreg0[8..39] flags flags.loopback pkt.mark ct_mark ct_label ct_label[32..79] icmp4.frag_mtu'.split(
    ' ',
  );
const assignment = fc
  .tuple(fc.constantFrom(...actionFields), value)
  .map(([field, constant]) => `${field} = ${constant};`);
const sensibleAssignment = fc
  .constantFrom('outport', 'eth.src', 'ip4.src', 'ip6.src', 'ip.ttl', 'reg0', 'reg8[0..15]', 'xxreg1', 'xreg0[0..47]')
  .chain((field) => fc.constantFrom(...pools[poolOf[field] ?? 2]!).map((constant) => `${field} = ${constant};`));
const other = fc.constantFrom(
  ...'next;|output;|next(pipeline=egress, table= 12);|next(5);|ip.ttl--;|eth.dst <-> eth.src;|arp.tpa = arp.spa;|ct_next;'.split(
    '|',
  ),
  ...'ct_dnat(10.0.0.1);|ct_snat( 10.0.0.1, 100-200);|ct_lb_mark(backends=10.0.0.1:80, 10.0.0.2:80);'.split('|'),
  ...'ct_commit { ct_mark = 12; ct_label = 10/12; };|ct_commit(ct_mark= 10);|/* reg0 = 10.0.0.1 */ next;'.split('|'),
  ...'set_queue( 10);|reg0[0] = check_pkt_larger( 1414);|fwd_group(childports= "p1", "port");|bind_vport( "p1", inport);'.split(
    '|',
  ),
  ...'reg0[1] = put_dhcp_opts(offerip = 10.0.0.2, router = 10.0.0.1); next;|reg8[16..31] = select( 10, 12, 16);'.split(
    '|',
  ),
  ...'reg0[1] = put_dhcp_opts(offerip = 10.0.0.2, lease_time = 16, netmask = 255.255.255.255, dns_server = {10.0.0.1, 10.0.0.2}, hostname = "p1");|'
    .concat(
      'reg0[1] = put_dhcp_opts(offerip = 10.0.0.2, classless_static_route = {10.0.0.0/24, 10.0.0.1, 0.0.0.0/0, 10.0.0.2}, mtu = 255);|',
    )
    .concat(
      'reg0[1] = put_dhcpv6_opts(ia_addr = fe80::1, server_id = 0a:00:00:00:00:01, dns_server = {::1, 1::}, domain_search = "port");|',
    )
    .concat('reg0[1] = put_nd_ra_opts(addr_mode = "slaac", slla = 0a:00:00:00:00:01, prefix = 1::/64, mtu = 65535);|')
    .concat(
      'ct_snat_in_czone(10.0.0.1);|ct_dnat(fe80::1);|ct_snat(::1, 100-200);|ct_lb(backends= 10.0.0.1, 10.0.0.2);|',
    )
    .concat('commit_lb_aff(vip = "10.0.0.1:80", backend = "10.0.0.2:80", proto = tcp, timeout = 10);')
    .split('|'),
  ...'log(name= "port", verdict=allow);|sample(probability= 10,collector_set= 12,obs_domain= 16,obs_point=$cookie);'.split(
    '|',
  ),
);
const simple = fc.oneof(
  { weight: 2, arbitrary: assignment },
  { weight: 5, arbitrary: sensibleAssignment },
  { weight: 3, arbitrary: other },
);
const nested = fc
  .tuple(fc.constantFrom('clone', 'arp', 'nd_na', 'icmp4', 'icmp6_error', 'reject'), fc.array(simple, { maxLength: 3 }))
  .map(([name, inner]) => `${name} {${inner.join(' ')} };`);
const actions = fc
  .array(fc.oneof({ weight: 4, arbitrary: simple }, { weight: 1, arbitrary: nested }), { minLength: 1, maxLength: 5 })
  .map((statements) => statements.join(' '));

describe('a text of a known shape becomes what it becomes by itself', () => {
  it('if it is a match', () => {
    let made = 0;
    fc.assert(
      fc.property(sequences(match), fc.constantFrom('', '', 'ip4', 'ip', 'tcp'), (texts, prerequisites) => {
        const compiler = new Compiler();
        for (const text of texts) {
          const result = keys(compiler.compileMatch(text, { ...context, prerequisites }));
          expect(result, text).toEqual(plainMatch(text, prerequisites));
        }
        made += compiler.made;
      }),
      { numRuns: 800 },
    );
    // The property would hold of nothing if no shape were learned.

    expect(made).toBeGreaterThan(300);
  }, 300_000);

  it('if it is a list of actions', () => {
    let made = 0;
    fc.assert(
      fc.property(sequences(actions), (texts) => {
        const compiler = new Compiler();
        for (const text of texts)
          expect(compiler.compileActions(text, actionContext), text).toEqual(plainActions(text));
        made += compiler.made;
      }),
      { numRuns: 800 },
    );

    expect(made).toBeGreaterThan(300);
  }, 300_000);
});

/** Texts as ovn-northd writes them, with two others of their shapes: `#` is a number that differs. */
const shapes: readonly (readonly ['match' | 'actions', string])[] = [
  ['match', 'inport == "p#" && eth.src == 0a:00:00:00:00:#'],
  ['match', 'ip4.dst == 10.1.#.0/24'],
  ['match', 'ip4.dst == {10.1.#.1}'],
  ['match', 'nd_ns && ip6.dst == {fe80::#, ff02::1:ff00:#} && nd.target == fe80::#'],
  ['match', 'eth.src == {0a:00:00:00:#:00} && (arp.op == 1 || rarp.op == 3 || nd_ns)'],
  ['match', 'ip && inport == "lr-sw#"'],
  ['match', 'ip4 && tcp.dst == {10#, 2#} && ip4.src == {10.0.0.#, 10.0.1.#}'],
  ['match', 'ip6.dst == fe80::# && udp.src == 547 && udp.dst == 546'],
  ['actions', 'outport = "p#"; output;'],
  ['actions', 'eth.dst = eth.src; eth.src = 0a:00:00:00:00:#; arp.op = 2; /* ARP reply */ arp.spa = 10.0.0.#; output;'],
  ['actions', 'clone {outport = "lr#"; output; }; outport = "_MC_flood_l2"; output;'],
  [
    'actions',
    'nd_na { eth.src = 0a:00:00:00:00:#; ip6.src = fe80::#; nd.tll = 0a:00:00:00:00:#; outport = inport; output; };',
  ],
  ['actions', 'icmp4 {icmp4.type = 11; ip4.src = 10.0.0.# ; ip.ttl = 254; outport = "lr#"; output; };'],
  [
    'actions',
    'ip.ttl--; reg8[0..15] = 0; reg0 = ip4.dst; reg1 = 10.1.#.1; eth.src = 0a:00:#:00:ff:ff; outport = "lr"; next;',
  ],
  ['actions', 'xreg0[0..47] = 0a:00:00:00:#:00; next;'],
  ['actions', 'ct_snat(172.16.0.#);'],
  ['actions', 'ct_dnat_in_czone(fd00::#);'],
  ['actions', 'ct_dnat(10.0.0.#, 1-3000);'],
  [
    'actions',
    'reg0[3] = put_dhcp_opts(offerip = 10.0.0.#, lease_time = 3600, netmask = 255.255.255.0, router = 10.0.0.1, server_id = 10.0.#.1); next;',
  ],
  [
    'actions',
    'eth.dst = eth.src; eth.src = 0a:00:00:00:00:#; ip4.src = 10.0.0.#; udp.src = 67; udp.dst = 68; outport = inport; flags.loopback = 1; output;',
  ],
  ['actions', 'reg0[3] = put_dhcpv6_opts(ia_addr = fd00::#, server_id = 0a:00:00:00:00:#); next;'],
  [
    'actions',
    'reg0[5] = put_nd_ra_opts(addr_mode = "slaac", mtu = 1500, prefix = fd00::/64, slla = 0a:00:00:00:00:#); next;',
  ],
];

it.each(shapes)('the third %s of the shape %s is not compiled', (kind, shape) => {
  const compiler = new Compiler();
  for (const n of ['11', '22', '33']) {
    const text = shape.replaceAll('#', n);
    const before = compiler.made;
    if (kind === 'match') {
      expect(keys(compiler.compileMatch(text, context))).toEqual(plainMatch(text, ''));
    } else {
      expect(compiler.compileActions(text, actionContext)).toEqual(plainActions(text));
    }
    expect(compiler.made - before).toBe(n === '33' ? 1 : 0);
  }
});

/** The last text is one that a template of the first two would get wrong if their literals were holes. */
const traps: readonly (readonly string[])[] = [
  ['tcp.dst == 80 && tcp.dst != 443', 'tcp.dst == 81 && tcp.dst != 443', 'tcp.dst == 443 && tcp.dst != 443'],
  ['inport == "p1" && (outport == "p1" || ip4)', 'inport == "p22" && (outport == "p22" || ip4)'],
  ['(is_chassis_resident("p1") || ip4) && tcp.dst == 80', '(is_chassis_resident("p1") || ip4) && tcp.dst == 81'],
  [12, 13, 10].map((n) => `reg0 == {${n}.0.0.0/8, 10.0.0.0/16} && reg1 == {1.1.1.1, 2.2.2.2}`),
  ['ip4.src == {10.0.0.1, 10.0.0.2}', 'ip4.src == {10.0.0.3, 10.0.0.4}', 'ip4.src == {10.0.0.5, 10.0.0.5}'],
  ['eth.src == 0a:00:00:00:00:01', 'eth.src == 0a:00:00:00:00:02', 'eth.src == 100:2:3:4:5:6'],
  // U+0131: its lower byte is the character 1.
  ['eth.src == 0a:00:00:00:00:01', 'eth.src == 0a:00:00:00:00:02', 'eth.src == 0a:00:00:00:00:0\u0131'],
  ['ip4 && /* 10 */ reg0 ==10', 'ip4 && /* 12 */ reg0 ==12', 'ip4 && /* 16 */ reg0 ==10'],
  [10, 10, 12].map((n) => `(ip4 || tcp.dst == 80) && tcp.dst == ${n}`),
];

it.each(traps)('%s is no shape for all texts', (...texts) => {
  const compiler = new Compiler();
  for (const text of [...texts, ...texts])
    expect(keys(compiler.compileMatch(text, context)), text).toEqual(plainMatch(text, ''));
});

it('a port that goes away is asked for each time', () => {
  const compiler = new Compiler();
  const ports = new Map([['p1', 1]]);
  const asking = { ...context, lookupPort: (name: string) => ports.get(name) };
  for (const name of ['p1', 'p2', 'p1']) compiler.compileMatch(`inport == "${name}"`, asking);
  expect(keys(compiler.compileMatch('inport == "p1"', asking))).toMatchObject({ flows: [{}] });
  ports.clear();
  expect(keys(compiler.compileMatch('inport == "p1"', asking))).toEqual({ flows: [], conjunctions: 0 });
  expect(compiler.made).toBe(3);
});

it('an option that the database says something else of is asked for each time', () => {
  const compiler = new Compiler();
  const compile = (n: number, at: ActionContext) =>
    compiler.compileActions(`reg0[3] = put_dhcp_opts(offerip = 10.0.0.${n}, router = 10.0.0.${n}); next;`, at);
  for (const n of [11, 22, 33]) compile(n, actionContext);
  expect(compiler.made).toBe(1);
  const other: ActionContext = {
    ...actionContext,
    lookupDhcpv4Option: (name) => (name === 'router' ? { code: 77, type: 'ipv4' } : dhcpv4.get(name)),
  };
  const text = 'reg0[3] = put_dhcp_opts(offerip = 10.0.0.44, router = 10.0.0.44); next;';
  expect(compile(44, other)).toEqual(new Compiler().compileActions(text, other));
  expect('error' in compile(55, { ...actionContext, lookupDhcpv4Option: () => undefined })).toBe(true);
});
