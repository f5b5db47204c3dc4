import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Compiler, type MatchContext } from './compile.ts';
import { Shapes } from './shapes.ts';

const context: MatchContext = {
  lookupPort: (name) => (name === 'absent' ? undefined : 1 + name.length),
  lookupAddressSet: () => ['10.0.0.1'],
  lookupPortGroup: () => ['p1', 'port'],
  isChassisResident: () => true,
};

/** Keys of the flows, or the complaint. */
function compile(compiler: Compiler, text: string, prerequisites: string): unknown {
  const result = compiler.compileMatch(text, { ...context, prerequisites });
  return 'error' in result ? result : result.flows.map(({ match, ...flow }) => ({ key: match.key, ...flow }));
}

const values = [
  '0',
  '1',
  '5',
  '80',
  '255',
  '256',
  '0800',
  '65535',
  '65536',
  '2048',
  '4294967295',
  '10.0.0.1',
  '10.0.0.0/8',
  '0x800',
]
  .concat([
    '0a:00:00:00:00:01',
    'ff:ff:ff:ff:ff:ff',
    'fe80::1',
    '::',
    '1:2:3:4:5:6',
    'ff02::1:2',
    '"p1"',
    '"port"',
    '"absent"',
    '"a == 5"',
  ])
  .concat(['{1, 2}', '{80}', '$set', '@group', 'ip4', '']);
const fields = [
  'inport',
  'outport',
  'eth.src',
  'eth.dst',
  'eth.type',
  'vlan.tci',
  'vlan.vid',
  'ip4.src',
  'ip4.dst',
  'ip6.dst',
  'ip.proto',
]
  .concat([
    'ip.ttl',
    'ip.frag',
    'tcp.dst',
    'udp.src',
    'arp.op',
    'arp.tpa',
    'nd.target',
    'icmp4.type',
    'reg0',
    'reg1',
    'xreg0',
    'xxreg0',
  ])
  .concat([
    'reg0[0..3]',
    'reg9[2]',
    'flags.loopback',
    'ct_state',
    'ct.est',
    'ct_mark',
    'ct_label.blocked',
    'ip4',
    'tcp',
    'eth.mcast',
  ]);
const comparison = fc
  .tuple(
    fc.constantFrom(...fields),
    fc.constantFrom('==', '==', '==', '==', '!=', '<='),
    fc.constantFrom(...values),
    fc.boolean(),
  )
  .map(([field, relop, value, mirrored]) =>
    mirrored && value.length < 3 ? `${value} ${relop} ${field}` : `${field} ${relop} ${value}`,
  );
const operand = fc.oneof(
  { weight: 6, arbitrary: comparison },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'ip4',
      'tcp',
      '!ip.later_frag',
      'arp',
      'eth.mcast',
      '!eth.mcast',
      'ct.trk',
      'ip',
      '1',
      'is_chassis_resident("p1")',
    ),
  },
  { weight: 1, arbitrary: comparison.map((text) => `(${text})`) },
  { weight: 1, arbitrary: comparison.map((text) => `!(${text})`) },
  { weight: 1, arbitrary: fc.tuple(comparison, comparison).map(([a, b]) => `(${a} || ${b})`) },
  { weight: 1, arbitrary: comparison.map((text) => `/* ${text} */ ip4`) },
);
const match = fc.array(operand, { minLength: 1, maxLength: 4 }).map((operands) => operands.join(' && '));
/** Another text with the same words around other literals. */
const literal = /"[^"]*"|(?<=[=<] )[0-9a-f:.]+(?=$|[ )])/g;

test('a text of a known shape becomes what it becomes when it is the first', () => {
  fc.assert(
    fc.property(
      match,
      fc.array(fc.array(fc.constantFrom(...values), { minLength: 8, maxLength: 8 }), { minLength: 1, maxLength: 6 }),
      fc.constantFrom('', 'ip4', 'ip', 'tcp'),
      (text, alternatives, prerequisites) => {
        const compiler = new Compiler();
        for (const others of [[], ...alternatives]) {
          let i = 0;
          const alike = text.replace(literal, (old) => others[i++] ?? old);
          expect(compile(compiler, alike, prerequisites), alike).toEqual(compile(new Compiler(), alike, prerequisites));
        }
      },
    ),
    { numRuns: 1500 },
  );
}, 60_000);

test('the second text of a shape is not compiled', () => {
  const compiler = new Compiler();
  const tree = compiler.parseMatch('inport == "p" && eth.src == 0a:00:00:00:00:01 && reg0 == 10.0.0.1');
  if ('error' in tree) throw new Error(tree.error);
  const shapes = new Shapes();
  let compiled = 0;
  shapes.learn('inport == "p" && eth.src == 0a:00:00:00:00:01 && reg0 == 10.0.0.1', tree, (expression, lookups) => {
    compiled++;
    const flows = compiler.compileTree(expression, '', lookups);
    if ('error' in flows) throw new Error(flows.error);
    return flows;
  });
  const before = compiled;
  const flows = shapes.instantiate('inport == "other" && eth.src == 0a:00:00:00:00:02 && reg0 == 10.0.0.2', () => 7);
  expect(compiled).toBe(before);
  expect(flows?.flows[0]?.match.terms.map(({ field, value }) => [field.name, value])).toEqual([
    ['eth_src', 0x0a0000000002n],
    ['reg0', 0x0a000002],
    ['reg14', 7],
  ]);
});
