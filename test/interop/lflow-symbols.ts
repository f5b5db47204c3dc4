import { createSymbols, type FieldSymbol, type LflowSymbol } from '@weft/lflow/symbols';
import type { OracleFlow } from './lflow-oracle.ts';

/** Texts about each symbol of the language: what may be said of it, and what may not. */
export function symbolCases(): readonly OracleFlow[] {
  return [...createSymbols().values()].flatMap((symbol) => [
    ...matchesOf(symbol).map((match): OracleFlow => ({ match, actions: 'next;' })),
    ...actionsOf(symbol).map((actions): OracleFlow => ({ match: '1', actions })),
  ]);
}

const addresses = '{00:00:00:00:00:01, 00:00:00:00:00:02}';
const networks = '{10.0.0.1, 10.0.0.2}';

function matchesOf(symbol: LflowSymbol): readonly string[] {
  const { name } = symbol;
  switch (symbol.kind) {
    case 'ovn-field':
      return [name, `${name} == 1`];
    case 'predicate':
      return [
        ...[
          name,
          `!${name}`,
          `!(${name})`,
          `${name} == 1`,
          `${name} == 0`,
          `${name} != 0`,
          `${name} != 1`,
          `1 == ${name}`,
        ],
        ...[`${name}[0]`, `${name}[1]`, `${name} == 2`, `${name} < 1`, `${name} == {0, 1}`, `${name} == "x"`],
        ...[`${name} && eth.src == ${addresses} && eth.dst == ${addresses}`, `!(${name} && ip4)`, `${name} || ip4`],
      ];
    case 'field':
      return symbol.type === 'string' ? portMatches(name) : integerMatches(symbol);
  }
}

function portMatches(name: string): readonly string[] {
  const others = [`${name} == {"lp1", "lp2"} && eth.src == ${addresses}`, `${name} == "lp1" && ${name} == "lp2"`];
  return [
    ...[
      name,
      `!${name}`,
      `${name} == "lp1"`,
      `${name} != "lp1"`,
      `!(${name} != "lp1")`,
      `${name} < "lp1"`,
      `${name} == ""`,
    ],
    ...[`${name} == "nowhere"`, `${name} == 1`, `${name}[0]`, `${name} == @pg1`, `${name} == {@pg1, "lp2"}`, ...others],
  ];
}

function integerMatches({ name, bits, base }: FieldSymbol): readonly string[] {
  const isWhole = name === base.name;
  const ones = (1n << BigInt(bits)) - 1n;
  const pattern = 0xa5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5n & ones;
  const hex = (value: bigint): string => `0x${value.toString(16)}`;
  const values = [...new Set([0n, 1n, pattern, ones])];
  const middle = bits >> 1;
  // Each flow of an inequality has a mask of its own, which costs the switch much.
  const small = bits <= 16;
  const relops = small || (isWhole && bits <= 32) ? ['!=', '<', '<=', '>', '>='] : ['<', '>='];
  const bounds = small ? values : [0n, pattern];
  const inequalities = small ? [`${name} != {0, 1}`, `!(${name} > ${hex(pattern)})`] : [];
  // What stands for a bit that the switch has always the same makes it refuse the flow, and ovn-controller try for ever.
  if (base.name === 'vlan.tci' && name === base.name)
    return [
      `${name}[12]`,
      `${name} == 0x1005`,
      `${name} == 0x1005/0x1fff`,
      `${name}[13..15] == 3`,
      `${name} == {0x1001, 0x1002}`,
    ];
  const crossed = base.name === 'eth.src' ? `ip4.src == ${networks}` : `eth.src == ${addresses}`;
  return [
    ...[name, `!${name}`, ...values.map((value) => `${name} == ${hex(value)}`), `${name} == ${hex(ones + 1n)}`],
    ...bounds.flatMap((value) => relops.map((relop) => `${name} ${relop} ${hex(value)}`)),
    ...[
      `${hex(1n)} < ${name} < ${hex(ones)}`,
      `!(${name} == 1)`,
      `${name} == "x"`,
      `${name} == {}`,
      `!(${name} > ${hex(pattern)})`,
    ],
    ...[
      `${name} == ${hex(pattern)}/${hex(ones - 1n)}`,
      `${name} == 1/1`,
      `${name} == 0/0`,
      `${name} == 1/0`,
      `${name} != 1/1`,
    ],
    ...[
      `${name}[0]`,
      `${name}[${bits - 1}]`,
      `${name}[${bits}]`,
      `${name}[0..${middle}] == 1`,
      `${name}[${middle}..${bits - 1}] != 1`,
    ],
    ...[`${name}[0..${bits - 1}] == 1`, `${name} == {0, 1}`, ...inequalities, `${name} == {0, 1} && ${crossed}`],
    ...[`${name} == 1 && ${name} == 0`, `${name} == 1 || ${name} == 0`, `(${name} == 0 || ${name} == 1) && ${crossed}`],
  ];
}

function actionsOf(symbol: LflowSymbol): readonly string[] {
  const { name } = symbol;
  if (symbol.kind !== 'field')
    return [`${name} = 1;`, `${name} = 70000;`, `${name} <-> reg0;`, `reg0 = ${name};`, `push(${name});`];
  if (symbol.type === 'string') {
    return [
      `${name} = "lp1";`,
      `${name} = "";`,
      `${name} = "nowhere";`,
      `${name} = 1;`,
      `${name} <-> inport;`,
      `${name} = reg0;`,
      `push(${name}); pop(${name});`,
    ];
  }
  const { bits } = symbol;
  const ones = (1n << BigInt(bits)) - 1n;
  // Two registers of the same width that are not the symbol itself.
  const [wide, other] = ['xxreg0', 'xxreg1'].map((register) =>
    bits === 128 ? register : `${register}[0..${bits - 1}]`,
  );
  return [
    ...[
      `${name} = 0;`,
      `${name} = 1;`,
      `${name} = 0x${ones.toString(16)};`,
      `${name} = 0x${(ones + 1n).toString(16)};`,
    ],
    ...[
      `${name} = 1/1;`,
      `${name}[0] = 1;`,
      `${name}[${bits - 1}] = 1;`,
      `${name}[0..${bits - 1}] = 1;`,
      `${name} = "x";`,
      `${name} = {1, 2};`,
    ],
    ...[
      `${name} = ${wide};`,
      `${other} = ${name};`,
      `${name} <-> ${wide};`,
      `${other} <-> ${name};`,
      `${name}[0] = reg9[3];`,
    ],
    ...[`${name}[0] = put_dhcp_opts(offerip = 10.0.0.1);`, `${name}[${bits - 1}] = dns_lookup();`],
    ...[`push(${name});`, `pop(${name});`, `push(${name}[0]); pop(${name}[0]);`],
  ];
}
