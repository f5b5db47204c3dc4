import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type MicroflowLookups, parseMicroflow } from './microflow.ts';

const sets: Readonly<Record<string, readonly string[]>> = { one: ['1.2.3.4'], two: ['1.2.3.4', '5.6.7.8'], none: [] };
const lookups: MicroflowLookups = {
  lookupAddressSet: (name) => sets[name],
  lookupPortGroup: (name) => (name === 'group' ? ['p1'] : undefined),
  lookupTemplate: (name) => (name === 'vip' ? '1.2.3.4' : undefined),
};
const parse = (text: string) => parseMicroflow(text, lookups);
const errorOf = (text: string): string => {
  const result = parse(text);
  return 'error' in result ? result.error : 'none';
};

describe('a microflow', () => {
  test('says the port and the values of fields', () => {
    const flow = parse('inport == "p1" && ip4.src == ^vip && tcp.dst == 80 && vlan.vid == 5 && ip4.dst == 10.1.2.3/8');
    if ('error' in flow) throw new Error(flow.error);
    expect(flow.inport).toBe('p1');
    const values = ['eth.type', 'ip.proto', 'ip4.src', 'ip4.dst', 'tcp.dst', 'vlan.tci', 'eth.src'].map(flow.field);
    expect(values).toEqual([0x800n, 6n, 0x01020304n, 0x0a000000n, 80n, 0x1005n, 0n]);
  });

  test('has a port only if it says one', () => {
    const flow = parse('ip4');
    expect('error' in flow ? flow.error : flow.inport).toBeUndefined();
  });

  test.each([
    ['ip4 && ip6', 'Constraints are contradictory.'],
    ['inport == "p1" && inport == @group', 'none'],
    ['inport == "p2" && inport == @group', 'Constraints are contradictory.'],
    ['ip4.src == $none', 'Constraints are contradictory.'],
    ['ip4.src == $one', 'none'],
    [
      'ip4.src == $two',
      'Constraints are ambiguous: (ip4.src == 0x1020304 || ip4.src == 0x5060708) && eth.type == 0x800.',
    ],
    ['ip4.src == $gone', "Syntax error at `$gone' expecting address set name."],
    ['tcp.src >= 0xffff && ip4', 'none'],
    ['reg0 == {1, 2/6}', 'Constraints are ambiguous: xxreg0[96..127] == 0x1 || xxreg0[97..98] == 0x1.'],
  ])('%s: %s', (text, error) => {
    expect(errorOf(text)).toBe(error);
  });

  test('of any text is a packet or a complaint', () => {
    const words = [
      'inport',
      'ip4',
      'ip6',
      'tcp',
      'tcp.src',
      'ip4.src',
      'eth.dst',
      'vlan.present',
      'reg0',
      'ct.est',
      '==',
      '!=',
      '<=',
      '>',
    ].concat([
      '&&',
      '||',
      '!',
      '(',
      ')',
      '{',
      '}',
      ',',
      '0',
      '1',
      '"p1"',
      '1.2.3.4',
      '1.2.0.0/16',
      '::1',
      '$two',
      '@group',
      '^vip',
      '[0..3]',
    ]);
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(fc.constantFrom(...words)).map((list) => list.join(' ')),
    );
    fc.assert(
      fc.property(text, (any) => {
        const result = parse(any);
        if ('error' in result) expect(result.error).not.toBe('');
        else expect(typeof result.field('eth.type')).toBe('bigint');
      }),
      { seed: 17, numRuns: 500 },
    );
  });
});
