/** Random command lines, made from what the registry says of each command: its arguments and its options. */
import type { Command } from '@weft/ctl/framework/command';
import { nbctl } from '@weft/ctl/nb/program';
import { sbctl } from '@weft/ctl/sb/program';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
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

/** Few names, so that commands meet each other's work. */
const values: { readonly [kind: string]: readonly string[] } = {
  SWITCH: ['s0', 's1', 's2', 'both', 'nosuch'],
  '{SWITCH|PORTGROUP}': ['s0', 's1', 'pg0', 'both', 'nosuch'],
  ROUTER: ['r0', 'r1', 'both', 'nosuch'],
  PORT: ['p0', 'p1', 'p2', 'rp0', 'rp1', 'nosuch'],
  PARENT: ['p0', 'p1'],
  TAG: ['0', '5', '4095', '4096', 'x'],
  ADDRESS: [
    '00:00:00:00:00:01',
    '00:00:00:00:00:02 10.0.0.1',
    '00:00:00:00:00:03 fd00::1',
    'dynamic',
    'unknown',
    'router',
    'junk',
  ],
  ADDRS: ['00:00:00:00:00:01', '00:00:00:00:00:02 10.0.0.1'],
  STATE: ['enabled', 'disabled', 'off'],
  TYPE: ['router', 'localnet', '', 'gre', 'erspan', 'snat', 'dnat', 'dnat_and_snat', 'overlay', 'bridged', 'junk'],
  MAC: ['00:00:00:00:00:01', '00:00:00:00:00:02', 'junk'],
  VMAC: ['00:00:00:00:00:01', 'junk'],
  EXTERNAL_MAC: ['00:00:00:00:00:01', 'junk'],
  NETWORK: ['10.0.0.1/24', '10.0.1.1/24', 'fd00::1/64', 'junk'],
  PREFIX: ['10.0.0.0/24', '10.0.1.0/24', '10.0.0.0/8', '0.0.0.0/0', 'fd00::/64', '::/0', 'junk'],
  NEXTHOP: ['10.0.0.2', '10.0.0.3', 'fd00::2', 'discard', 'junk'],
  'NEXTHOP,': ['10.0.0.2', '10.0.0.2,10.0.0.3', 'fd00::2', 'junk'],
  DIRECTION: ['from-lport', 'to-lport', 'from', 'to', 'up'],
  '{DIRECTION|UUID}': ['from-lport', 'to-lport', '<QoS>', 'up'],
  '{PRIORITY|UUID}': ['100', '200', '<Logical_Router_Policy>', 'x'],
  PRIORITY: ['0', '100', '200', '32767', '32768', 'x'],
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
  EXTERNAL_PORT_RANGE: ['1-100', '5', 'junk'],
  GATEWAY_PORT: ['rp0', 'rp1'],
  ADDRESS_SET: ['as0', 'nosuch'],
  LB: ['lb0', 'lb1', 'nosuch'],
  VIP: ['1.1.1.1', '1.1.1.1:80', '[fd01::1]:80', '1.1.1.2:80', 'junk'],
  IPS: ['2.2.2.2', '2.2.2.2:80,2.2.2.3:80', '[fd02::1]:80', 'junk'],
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
  'COLUMN[:KEY]=VALUE': ['options:a=b', 'external_ids:a=b', 'name=s9', 'junk=1', 'enabled=true'],
  'COLUMN[:KEY]': ['name', 'external_ids', 'external_ids:a', '_uuid', 'junk'],
  COLUMN: ['external_ids', 'options', 'name', 'ports', 'addresses', 'junk'],
  '[KEY=]VALUE': ['a=b', 'a', 'junk=x'],
  'KEY|VALUE|KEY=VALUE': ['a=b', 'a', 'a=zz'],
  TABLE: [
    'Logical_Switch',
    'Logical_Switch_Port',
    'Logical_Router_Port',
    'Port_Group',
    'NAT',
    'Load_Balancer',
    'logical',
    'junk',
  ],
  RECORD: ['s0', 'p0', 'rp0', 'pg0', 'lb0', 'nosuch', '<Logical_Switch>', '.'],
  DATAPATH: ['s0', 'nosuch', '<Datapath_Binding>'],
  ARG: ['word'],
  'PRIVATE-KEY': ['key'],
  CERTIFICATE: ['cert'],
  'CA-CERT': ['ca'],
  'SSL-PROTOS': ['TLSv1.2'],
  'SSL-CIPHERS': ['HIGH'],
  OPTION: ['read-only'],
  LFLOW: ['<Logical_Flow/8>', 'ab', 'zz'],
};

const optionValues: { readonly [option: string]: readonly string[] } = {
  '--type': ['switch', 'port-group', 'junk'],
  '--policy': ['dst-ip', 'src-ip', 'junk'],
  '--route-table': ['', 'rt'],
  '--severity': ['info', 'alert', 'junk'],
  '--name': ['n0'],
  '--meter': ['m0'],
  '--label': ['1', 'x'],
  '--gateway-port': ['rp0', 'nosuch'],
  '--inactivity-probe': ['5', 'x'],
  '--columns': ['name', '_uuid,name', 'junk'],
  '--id': ['@a'],
};

/** Not comparable: they wait for others, talk to a switch, or print what no two programs print alike. */
const excluded = new Set(['wait-until', 'sync']);
const globals = [
  '--oneline',
  '--dry-run',
  '-fcsv',
  '-ftable',
  '-fjson',
  '-dbare',
  '--no-headings',
  '--bare',
  '--pretty',
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

/** One command line; most have one command, some several. */
export function randomCommandLine(which: Which, random: () => number): string[] {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const program = which === 'nb' ? nbctl : sbctl;
  const commands = [...program.commands.values()].filter(
    ({ name }) => !excluded.has(name),
  ) as Command<DatabaseSchema>[];
  const line: string[] = [];
  if (random() < 0.1) line.push(pick(globals));
  for (let count = random() < 0.15 ? 2 : 1; count > 0; count--) {
    if (line.length > 0) line.push('--');
    const command = pick(commands);
    for (const spec of command.options ?? []) {
      if (spec === '--ovs?' || random() > 0.25) continue;
      if (!spec.endsWith('=')) line.push(spec.replace('?', ''));
      else line.push(`${spec}${pick(optionValues[spec.slice(0, -1)] ?? ['x'])}`);
    }
    line.push(command.name, ...randomArguments(command.args, random, pick));
  }
  return line;
}

function randomArguments(args: string, random: () => number, pick: <T>(items: readonly T[]) => T): string[] {
  const words: string[] = [];
  for (const token of args.split(' ').filter((word) => word !== '')) {
    const optional = token.startsWith('[') || words.length < 0;
    if (optional && random() < 0.4) break;
    const kind = kindOf(token);
    const known = values[kind];
    if (known === undefined) throw new Error(`no random values for argument ${kind}`);
    for (let n = token.includes('...') ? Math.floor(random() * 2) + 1 : 1; n > 0; n--) words.push(pick(known));
  }
  // Now and then too few.
  return random() < 0.02 ? words.slice(1) : words;
}

/** The argument's name without the brackets and dots around it. */
export function kindOf(token: string): string {
  let kind = token.replace('...', '');
  // Brackets around a part of the argument belong to its name.
  while (/^\[(?![^[]*\][^\]])/.test(kind)) kind = kind.slice(1);
  while (kind.endsWith(']') && (kind.match(/\[/g)?.length ?? 0) < (kind.match(/\]/g)?.length ?? 0))
    kind = kind.slice(0, -1);
  return kind;
}
