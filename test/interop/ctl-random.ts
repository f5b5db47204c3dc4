/** Random command lines, made from what the registry says of each command: its arguments and its options. */

import { parseOptionSpec, takenBy } from '@weft/ctl/framework/argv';
import type { Command } from '@weft/ctl/framework/command';
import { operators as conditionOperators } from '@weft/ctl/generic/condition';
import { nbctl } from '@weft/ctl/nb/program';
import { sbctl } from '@weft/ctl/sb/program';
import type { BaseType, DatabaseSchema, TableSchema } from '@weft/ovsdb/schema';
import type { Which } from './ctl-twins.ts';

/** A sequence that the seed decides (mulberry32). */
export function randomSource(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Text for columns of any type: words, numbers, sets, maps, quotes that are not closed, brackets, blanks. */
const elements: readonly string[] = [
  'a=b',
  'a',
  'a=zz',
  'a=b,c=d',
  '{a=b c=d}',
  '[a, b]',
  'a,a',
  '5',
  '5-7',
  '-3',
  '99999999999999999999',
  '0.5',
  'true',
  'true,false',
  '[]',
  '{}',
  '',
  ' ',
  ',',
  '""',
  '"a b"="c,d"',
  '"a',
  'a"b',
  '"a""b"',
  '"\\u00e9\\n"',
  'é😀',
  '@a',
  '<Logical_Switch_Port>',
  '<Logical_Switch_Port>,<Logical_Switch_Port:p1>',
  'junk=x',
];

const assigned = [
  'name',
  'external_ids',
  'external_ids:a',
  'external-ids:"b c"',
  'options:a',
  'ports',
  'addresses',
  'tag',
  'enabled',
  'type',
];
// Equality is what people ask for; the last two are none.
const operators = ['=', '=', ...conditionOperators, '~', ''];

/** Assignments and conditions: most cannot be done, for one reason or another. */
function assignments(): readonly string[] {
  const texts = [
    'options:a=b',
    'external_ids:a=b',
    'name=s9',
    'name=s0',
    'junk=1',
    'enabled=true',
    '_uuid=1',
    '=a',
    'name',
  ];
  for (const column of assigned)
    for (const operator of operators) for (const element of elements) texts.push(`${column}${operator}${element}`);
  return texts;
}

/** Few names, so that commands meet each other's work. */
const values: { readonly [kind: string]: readonly string[] } = {
  SWITCH: ['s0', 's1', 's2', 'both', 'nosuch'],
  '{SWITCH|PORTGROUP}': ['s0', 's1', 'pg0', 'both', 'nosuch'],
  ROUTER: ['r0', 'r1', 'both', 'nosuch'],
  PORT: ['p0', 'p1', 'p2', 'rp0', 'rp1', 'nosuch'],
  PARENT: ['p0', 'p1'],
  TAG: ['0', '5', '4095', '4096', 'x', '-1', ' 5', '5x', ''],
  ADDRESS: [
    '00:00:00:00:00:01',
    '00:00:00:00:00:02 10.0.0.1',
    '00:00:00:00:00:03 fd00::1',
    'dynamic',
    'unknown',
    'router',
    'junk',
    'dynamic 10.0.0.1',
    '0:0:0:0:0:1 10.0.0.1 10.0.0.2',
    '00:00:00:00:00:04 10.0.0.01',
    '',
  ],
  ADDRS: ['00:00:00:00:00:01', '00:00:00:00:00:02 10.0.0.1'],
  STATE: ['enabled', 'disabled', 'off'],
  TYPE: ['router', 'localnet', '', 'gre', 'erspan', 'snat', 'dnat', 'dnat_and_snat', 'overlay', 'bridged', 'junk'],
  MAC: ['00:00:00:00:00:01', '00:00:00:00:00:02', '0:0:0:0:0:1', '00:00:00:00:00:100', 'junk'],
  VMAC: ['00:00:00:00:00:01', 'junk'],
  EXTERNAL_MAC: ['00:00:00:00:00:01', 'junk'],
  NETWORK: ['10.0.0.1/24', '10.0.1.1/24', 'fd00::1/64', '010.0.2.1/24', '10.0.0.1', 'peer=rp1', 'enabled=true', 'junk'],
  PREFIX: [
    '10.0.0.0/24',
    '10.0.1.0/24',
    '10.0.0.0/8',
    '0.0.0.0/0',
    'fd00::/64',
    '::/0',
    '10.0.0.7/24',
    '010.0.0.0/24',
    '10.0.0.1',
    'junk',
  ],
  NEXTHOP: ['10.0.0.2', '10.0.0.3', 'fd00::2', 'FD00::0002', '10.0.0.02', 'discard', '', 'junk'],
  'NEXTHOP,': ['10.0.0.2', '10.0.0.2,10.0.0.3', 'fd00::2', 'junk'],
  DIRECTION: ['from-lport', 'to-lport', 'from', 'to', 'up'],
  '{DIRECTION|UUID}': ['from-lport', 'to-lport', '<QoS>', 'up'],
  '{PRIORITY|UUID}': ['100', '200', '<Logical_Router_Policy>', 'x'],
  PRIORITY: ['0', '100', '200', '32767', '32768', 'x', '-1', '5x', ''],
  MATCH: ['ip', 'tcp', 'ip4.src == 10.0.0.1'],
  ACTION: ['allow', 'allow-related', 'drop', 'reject', 'reroute', 'junk'],
  RATE: ['1', '100', '0', 'x'],
  BURST: ['1', '100', 'x'],
  UNIT: ['kbps', 'pktps', 'junk'],
  NAME: ['m0', 'm1', 'copp0', 'nosuch'],
  INDEX: ['1', '2', 'x'],
  FILTER: ['from-lport', 'to-lport', 'both'],
  MIRROR: ['m0', 'm1', 'nosuch'],
  METER: ['m0', 'm1'],
  PROTO: ['arp', 'dns', 'bfd', 'junk'],
  IP: ['10.0.0.1', '10.0.0.0/24', '5.0.0.1', 'fd00::1', 'rp0', 'junk'],
  EXTERNAL_IP: ['5.0.0.1', '5.0.0.2', 'fd05::1', 'junk'],
  LOGICAL_IP: ['10.0.0.1', '10.0.0.0/24', 'fd00::1', 'junk'],
  LOGICAL_PORT: ['p0', 'rp0', 'nosuch'],
  EXTERNAL_PORT_RANGE: ['1-100', '5', 'junk', '70000', '5-', '5--6', '6-5'],
  GATEWAY_PORT: ['rp0', 'rp1'],
  ADDRESS_SET: ['as0', 'nosuch'],
  LB: ['lb0', 'lb1', 'nosuch'],
  VIP: [
    '1.1.1.1',
    '1.1.1.1:80',
    '[fd01::1]:80',
    '1.1.1.2:80',
    'fd01::1',
    '1.1.1.1:0',
    '1.1.1.1:99999',
    '^vip:^port',
    'junk',
  ],
  IPS: ['2.2.2.2', '2.2.2.2:80,2.2.2.3:80', '[fd02::1]:80', '2.2.2.2:80,', '2.2.2.2:80,junk', '^b:^p', '', 'junk'],
  PROTOCOL: ['tcp', 'udp', 'junk'],
  ADDRESS_FAMILY: ['ipv4', 'ipv6'],
  CIDR: ['10.0.0.0/24', 'fd00::/64', 'junk'],
  DHCP_OPT_UUID: ['<DHCP_Options>', '<DHCP_Options:10.0.0.0/24>', 'junk'],
  PG: ['pg0', 'pg1', 'both', 'nosuch'],
  GROUP: ['g0', 'g1', 'nosuch'],
  CHASSIS: ['ch0', 'ch1', 'nosuch'],
  'ENCAP-TYPE': ['geneve', 'vxlan,geneve', 'junk'],
  'ENCAP-IP': ['1.1.1.1', '1.1.1.2'],
  TARGET: ['ptcp:1', 'ptcp:2', 'junk'],
  'KEY=VALUE': ['a=b', 'c=d', 'a=e', 'junk'],
  EXTERNAL_IDS: ['a=b', 'junk'],
  '{rate=RATE|dscp=DSCP}': ['rate=5', 'dscp=6', 'rate=0', 'junk=1'],
  'burst=BURST': ['burst=5', 'dscp=7'],
  'dscp=DSCP': ['dscp=5'],
  'COLUMN[:KEY]=VALUE': assignments(),
  'COLUMN[:KEY]': [
    'name',
    'NAME',
    'na',
    'external_ids',
    'external-ids:a',
    'external_ids:',
    'ports',
    '_uuid',
    'e',
    'name:a',
    'junk',
  ],
  COLUMN: [
    'external_ids',
    'options',
    'name',
    'ports',
    'addresses',
    'tag',
    'enabled',
    'networks',
    'vips',
    'ext',
    'junk',
  ],
  '[KEY=]VALUE': elements,
  'KEY|VALUE|KEY=VALUE': elements,
  TABLE: [
    'Logical_Switch',
    'Logical_Switch_Port',
    'Logical_Router_Port',
    'Port_Group',
    'NAT',
    'Load_Balancer',
    'Address_Set',
    'logical-switch',
    'nb',
    'logical',
    'Datapath_Binding',
    'Port_Binding',
    'Chassis',
    'Encap',
    'junk',
  ],
  RECORD: [
    's0',
    'p0',
    'rp0',
    'pg0',
    'lb0',
    'as0',
    'r0',
    'ch0',
    'nosuch',
    '<Logical_Switch>',
    '<Logical_Switch/4>',
    '<Logical_Switch_Port/7>',
    '<Port_Group/9>',
    '<Address_Set/3>',
    '<Load_Balancer/35>',
    '<Datapath_Binding/8>',
    '0a0b',
    '@a',
    '.',
  ],
  DATAPATH: ['s0', 'nosuch', '<Datapath_Binding>'],
  ARG: ['word'],
  'PRIVATE-KEY': ['key'],
  CERTIFICATE: ['cert'],
  'CA-CERT': ['ca'],
  'SSL-PROTOS': ['TLSv1.2'],
  'SSL-CIPHERS': ['HIGH'],
  OPTION: ['read-only'],
  LFLOW: ['<Logical_Flow/8>', '0x<Logical_Flow/5>', '0x0', 'ab', 'zz'],
};

const optionValues: { readonly [option: string]: readonly string[] } = {
  '--type': ['switch', 'port-group', 'junk'],
  '--policy': ['dst-ip', 'src-ip', 'junk'],
  '--route-table': ['', 'rt'],
  '--severity': ['info', 'alert', 'junk'],
  '--name': ['n0', ''],
  '--meter': ['m0'],
  '--label': ['1', 'x', '0', '4294967296'],
  '--gateway-port': ['rp0', 'nosuch'],
  '--inactivity-probe': ['5', 'x', ''],
  '--columns': ['name', '_uuid,name', 'ext', 'name,name', 'NAME external-ids', '', 'junk'],
  '--id': ['@a', '@a', '@b', 'a', '', '01234567-89ab-4cde-8f01-23456789abcd'],
  '--bfd': ['<BFD>', 'junk', ''],
  '--ovs': ['unix:/nonexistent', 'tcp:127.0.0.1:1', 'tcp:[::1]:1', 'ssl:127.0.0.1:1', 'unix:', 'junk', ''],
  '--vflows': ['x'],
};

/** Records that are there, mostly. */
const records: { readonly [table: string]: readonly string[] } = {
  Logical_Switch: ['s0', 's1', '<Logical_Switch>', '<Logical_Switch/6>'],
  Logical_Switch_Port: ['p0', 'p1', 'p2', '<Logical_Switch_Port>', '<Logical_Switch_Port/5>'],
  Logical_Router_Port: ['rp0', 'rp1'],
  Port_Group: ['pg0', '<Port_Group/12>'],
  NAT: ['<NAT>', '<NAT/4>'],
  Load_Balancer: ['lb0'],
  Address_Set: ['as0'],
  nb: ['.'],
  Datapath_Binding: ['s0', 'r0'],
  Port_Binding: ['p0', 'p1'],
  Chassis: ['ch0'],
  Encap: ['<Encap>'],
};
/** Commands of the database, which have more to say than there are of them. */
const databaseCommands = ['list', 'find', 'get', 'set', 'add', 'remove', 'clear', 'create', 'destroy'];

const globals = [
  '--oneline',
  '--dry-run',
  ...['list', 'table', 'html', 'csv', 'json'].flatMap((format) =>
    ['string', 'bare', 'json'].map((data) => `-f${format} -d${data}`),
  ),
  '--no-headings',
  '-fcsv --no-headings',
  '-ftable --max-column-width=7',
  '--bare',
  '--bare --oneline',
  '--pretty',
  '-fjson --pretty',
  '-fjson --pretty --oneline',
  '--format=csv --data=json --no-headings --dry-run',
  '--no-leader-only --no-shuffle-remotes --no-syslog',
  '--leader-only --shuffle-remotes -t 20',
  '--no-wait',
  '--wait=none --print-wait-time',
  '--wait=nonsense',
  '-f nonsense',
  '-d nonsense',
  '--timeout=nonsense',
  '--max-column-width=nonsense',
  '--nonsense',
  '--no-',
];

/** What most random commands need to get anywhere. */
export const foundation: { readonly [W in Which]: readonly string[] } = {
  nb: [
    'ls-add s0 -- ls-add s1 -- ls-add both -- lr-add r0 -- lr-add r1 -- lr-add both -- meter-add m0 drop 1 kbps',
    'lsp-add s0 p0 -- lsp-add s0 p1 -- lsp-add s1 p2 -- pg-add pg0 p0 -- pg-add both -- copp-add copp0 arp m0',
    'lrp-add r0 rp0 00:00:00:00:00:01 5.0.0.1/24 -- lrp-add r1 rp1 00:00:00:00:00:02 10.0.1.1/24 -- create Address_Set name=as0',
    'lb-add lb0 1.1.1.1:80 2.2.2.2:80 -- mirror-add m0 gre 1 to-lport 1.1.1.1 -- ha-chassis-group-add g0 -- dhcp-options-create 10.0.0.0/24',
    'qos-add s0 to-lport 100 ip dscp=1 -- acl-add s0 to-lport 100 ip drop -- lr-policy-add r0 100 ip drop -- lr-nat-add r0 snat 5.0.0.1 10.0.0.0/24',
  ],
  sb: [
    'chassis-add ch0 geneve 1.1.1.1',
    '--id=@d create Datapath_Binding tunnel_key=1 external_ids:name=s0 -- create Port_Binding datapath=@d logical_port=p0 tunnel_key=1 -- create Port_Binding datapath=@d logical_port=p1 tunnel_key=2',
    '--id=@d create Datapath_Binding tunnel_key=2 external_ids:name=r0 -- create Logical_Flow logical_datapath=@d pipeline=ingress table_id=0 priority=1 match=ip actions=drop',
  ],
};

type Pick = <T>(items: readonly T[]) => T;

/** One command line; most have one command, some several. */
export function randomCommandLine(which: Which, random: () => number): string[] {
  const pick: Pick = (items) => items[Math.floor(random() * items.length)]!;
  const program = which === 'nb' ? nbctl : sbctl;
  const commands = [...program.commands.values()] as Command<DatabaseSchema>[];
  const line: string[] = [];
  if (random() < 0.2) line.push(...pick(globals).split(' '));
  for (let count = random() < 0.15 ? 2 + Math.floor(random() * 2) : 1; count > 0; count--) {
    if (line.length > 0) line.push('--');
    const command = random() < 0.4 ? program.commands.get(pick(databaseCommands))! : pick(commands);
    for (const spec of command.options ?? []) if (random() < 0.25) line.push(randomOption(spec, random, pick));
    line.push(command.name, ...randomArguments(command.args, program.schema, random, pick));
  }
  // What waits in vain ends soon.
  return line.includes('wait-until') ? ['--timeout=1', ...line] : line;
}

function randomOption(spec: string, random: () => number, pick: Pick): string {
  const option = parseOptionSpec(spec);
  const { name } = option;
  const takes = takenBy(option.spec);
  if (takes === 'nothing' || (takes === 'optional value' && random() < 0.5)) return name;
  return `${name}=${pick(optionValues[name] ?? ['x'])}`;
}

function randomArguments(args: string, schema: DatabaseSchema, random: () => number, pick: Pick): string[] {
  const words: string[] = [];
  for (const token of args.split(' ').filter((word) => word !== '')) {
    if (token.startsWith('[') && random() < 0.4) break;
    const kind = kindOf(token);
    const known = values[kind];
    if (kind === 'TABLE' && random() < 0.3) {
      words.push(pick(Object.keys(schema.tables)));
      continue;
    }
    const table = schema.tables[words[0]!];
    if (table !== undefined && kind.includes('COLUMN') && random() < 0.5) {
      words.push(columnArgument(kind, table, random, pick));
      continue;
    }
    if (known === undefined) throw new Error(`no random values for argument ${kind}`);
    if (kind === 'RECORD' && records[words[0]!] !== undefined && random() < 0.7) {
      words.push(pick(records[words[0]!]!));
      continue;
    }
    for (let n = token.includes('...') ? Math.floor(random() * 2) + 1 : 1; n > 0; n--) words.push(pick(known));
  }
  // Now and then too few.
  return random() < 0.02 ? words.slice(1) : words;
}

/** An argument about one of the table's own columns, with a value that may be of its type. */
function columnArgument(kind: string, table: TableSchema, random: () => number, pick: Pick): string {
  const [column, { type }] = pick(Object.entries(table.columns));
  const name = random() < 0.2 ? column.slice(0, 4).toUpperCase() : column;
  const key = type.kind === 'map' && random() < 0.5 ? `:${pick(['a', 'k', '5'])}` : '';
  if (!kind.includes('VALUE')) return kind.includes('KEY') ? name + key : name;
  const atom = () => pick(atoms[type.key.type]);
  const value = type.value === undefined || key !== '' ? atom() : `${atom()}=${pick(atoms[type.value.type])}`;
  return `${name}${key}${random() < 0.8 ? '=' : pick(operators)}${value}`;
}

const atoms: { readonly [T in BaseType['type']]: readonly string[] } = {
  integer: ['0', '1', '5', '77', '-1', '4294967296', '9223372036854775807', '9223372036854775808'],
  real: ['0', '1.5', '1e10', '-0', 'x'],
  boolean: ['true', 'false', 'x'],
  string: ['a', 's0', 'p0', 'tcp', 'allow', 'ipv4', 'ingress', 'to-lport', '10.0.0.1', '""', 'a,b', '[a]'],
  uuid: ['<Logical_Switch_Port>', '<Datapath_Binding>', '<Chassis>', '<Meter>', '@a', '[]', '0a0b', 'p0'],
};

/** The argument's name without the brackets and dots around it. */
export function kindOf(token: string): string {
  let kind = token.replace('...', '');
  // Brackets around a part of the argument belong to its name.
  while (/^\[(?![^[]*\][^\]])/.test(kind)) kind = kind.slice(1);
  while (kind.endsWith(']') && (kind.match(/\[/g)?.length ?? 0) < (kind.match(/\]/g)?.length ?? 0))
    kind = kind.slice(0, -1);
  return kind;
}
