/** Every action and field that we encode, decoded by `ovs-ofctl`. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ActionOf, ActionType } from './actions.ts';
import { FIELDS, type Field, type FieldValue, field, type Prerequisite, subfield } from './fields.ts';
import type { FlowMod } from './flow.ts';
import { Match } from './match.ts';
import { encode } from './message-encode.ts';
import type { Message, MessageOf } from './messages.ts';
import { requireProgram } from './testing.ts';
import { formatActions } from './text-actions.ts';
import { formatMatch, parseMatch } from './text-match.ts';

const dir = mkdtempSync(join(tmpdir(), 'weft-ofp-print-'));
beforeAll(() => requireProgram('ovs-ofctl', 'openvswitch-common'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** What `ovs-ofctl ofp-parse` prints of each message of a stream, all at once. */
function ofpParse(messages: readonly Message[]): readonly string[] {
  const file = join(dir, 'stream.bin');
  writeFileSync(file, Buffer.concat(messages.map((message, i) => encode(message, i + 1))));
  const printed = execFileSync('ovs-ofctl', ['ofp-parse', file], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = printed.split(/^(?=\S+ \([^)]*\) \(xid=0x)/m);
  expect(texts).toHaveLength(messages.length);
  return texts.map((text) => text.trim());
}

const reg0 = field('reg0');
const half = subfield(field('reg1'), 0, 16);
const tcp = Match.of([field('eth_type'), 0x0800], [field('nw_proto'), 6]);

type Samples = { readonly [T in ActionType]: readonly ActionOf<T>[] };

/** Of each action one with everything and one with as little as may be. */
const actions: Samples = {
  output: [{ type: 'output', port: 5 }],
  output_trunc: [{ type: 'output_trunc', port: 5, maxLen: 100 }],
  output_reg: [{ type: 'output_reg', src: half }],
  group: [{ type: 'group', group: 5 }],
  controller: [
    { type: 'controller' },
    {
      type: 'controller',
      maxLen: 128,
      reason: 'no_match',
      controllerId: 7,
      userdata: Uint8Array.of(1, 2),
      pause: true,
      meterId: 9,
    },
  ],
  set_queue: [{ type: 'set_queue', queue: 5 }],
  pop_queue: [{ type: 'pop_queue' }],
  bundle: [
    { type: 'bundle', fields: 'eth_src', basis: 50, algorithm: 'hrw', members: [1, 2, 3] },
    { type: 'bundle', fields: 'symmetric_l4', basis: 0, algorithm: 'active_backup', dst: half, members: [4] },
  ],
  multipath: [
    { type: 'multipath', fields: 'symmetric_l3l4', basis: 50, algorithm: 'iter_hash', links: 4, arg: 1, dst: half },
  ],
  set_field: [
    { type: 'set_field', field: reg0, value: 5 },
    { type: 'set_field', field: field('eth_dst'), value: 0x010203000000n, mask: 0xffffff000000n },
  ],
  move: [{ type: 'move', src: half, dst: subfield(reg0, 16, 16) }],
  push_vlan: [{ type: 'push_vlan', ethertype: 0x8100 }],
  pop_vlan: [{ type: 'pop_vlan' }],
  push_mpls: [{ type: 'push_mpls', ethertype: 0x8847 }],
  pop_mpls: [{ type: 'pop_mpls', ethertype: 0x0800 }],
  encap: [{ type: 'encap', packetType: 0 }],
  decap: [{ type: 'decap', packetType: 0xfffe }],
  dec_ttl: [{ type: 'dec_ttl' }, { type: 'dec_ttl', controllerIds: [1, 2] }],
  mod_nw_ttl: [{ type: 'mod_nw_ttl', ttl: 64 }],
  set_mpls_ttl: [{ type: 'set_mpls_ttl', ttl: 64 }],
  dec_mpls_ttl: [{ type: 'dec_mpls_ttl' }],
  dec_nsh_ttl: [{ type: 'dec_nsh_ttl' }],
  push: [{ type: 'push', src: half }],
  pop: [{ type: 'pop', dst: half }],
  resubmit: [
    { type: 'resubmit', table: 5 },
    { type: 'resubmit', port: 3 },
    { type: 'resubmit', port: 3, table: 5, ct: true },
  ],
  clone: [{ type: 'clone', actions: [{ type: 'output', port: 1 }, { type: 'ct_clear' }] }],
  ct: [
    { type: 'ct' },
    {
      type: 'ct',
      commit: true,
      force: true,
      zone: half,
      table: 9,
      alg: 'ftp',
      actions: [
        {
          type: 'nat',
          direction: 'src',
          ip: { min: 1, max: 9 },
          port: { min: 5, max: 7 },
          persistent: true,
          algorithm: 'hash',
        },
        { type: 'set_field', field: field('ct_mark'), value: 1, mask: 3 },
      ],
    },
  ],
  // Only inside ct.
  nat: [],
  ct_clear: [{ type: 'ct_clear' }],
  learn: [
    { type: 'learn', table: 9, specs: [] },
    {
      type: 'learn',
      table: 9,
      priority: 5,
      idleTimeout: 1,
      hardTimeout: 2,
      finIdleTimeout: 3,
      finHardTimeout: 4,
      cookie: 7n,
      sendFlowRem: true,
      deleteLearned: true,
      limit: 5,
      resultDst: subfield(reg0, 3, 1),
      specs: [
        { type: 'match-value', dst: half, value: 5 },
        { type: 'match-field', dst: subfield(field('eth_dst'), 0, 48), src: subfield(field('eth_src'), 0, 48) },
        { type: 'load-value', dst: half, value: 7 },
        { type: 'load-field', dst: half, src: subfield(reg0, 0, 16) },
        { type: 'output', src: half },
      ],
    },
  ],
  fin_timeout: [{ type: 'fin_timeout', idleTimeout: 5, hardTimeout: 6 }],
  note: [{ type: 'note', data: Uint8Array.of(1, 2, 3, 4, 5, 6) }],
  exit: [{ type: 'exit' }],
  sample: [
    { type: 'sample', probability: 5 },
    {
      type: 'sample',
      probability: 5,
      collectorSetId: 6,
      obsDomainId: 7,
      obsPointId: 8,
      samplingPort: 9,
      direction: 'egress',
    },
  ],
  conjunction: [{ type: 'conjunction', id: 5, clause: 1, count: 2 }],
  check_pkt_larger: [{ type: 'check_pkt_larger', length: 1500, dst: subfield(reg0, 3, 1) }],
  delete_field: [{ type: 'delete_field', field: field('tun_metadata0') }],
  meter: [{ type: 'meter', meter: 5 }],
  clear_actions: [{ type: 'clear_actions' }],
  write_actions: [{ type: 'write_actions', actions: [{ type: 'output', port: 1 }] }],
  write_metadata: [
    { type: 'write_metadata', value: 5n },
    { type: 'write_metadata', value: 5n, mask: 0xffn },
  ],
  goto_table: [{ type: 'goto_table', table: 9 }],
};

/** What a match must say for some actions. */
const neededBy: { readonly [T in ActionType]?: Match } = {
  pop_vlan: Match.of([field('vlan_vid'), 0x1005]),
  pop_mpls: Match.of([field('eth_type'), 0x8847]),
  set_mpls_ttl: Match.of([field('eth_type'), 0x8847]),
  dec_mpls_ttl: Match.of([field('eth_type'), 0x8847]),
  dec_nsh_ttl: Match.of([field('eth_type'), 0x894f]),
  // The packet's own connection takes the place of its addresses.
  resubmit: tcp.with(field('ct_state'), 0x21, 0x21),
};

const flowMod = (match: Match, list: FlowMod['actions']): MessageOf<'flow_mod'> => ({
  type: 'flow_mod',
  mod: { command: 'add', table: 3, priority: 5, cookie: 0n, match, actions: list },
});

it('actions of all kinds are printed as we print them', () => {
  const all = Object.values<readonly ActionOf<ActionType>[]>(actions).flat();
  const printed = ofpParse(all.map((action) => flowMod(neededBy[action.type] ?? tcp, [action])));
  const tails = printed.map((text) => text.replace(/^.*? actions=/s, ''));
  expect(tails).toEqual(all.map((action) => formatActions([action])));
});

/** What a match must say for its fields. */
const before: { readonly [P in Prerequisite]: readonly (readonly [string, number])[] } = {
  none: [],
  ethernet: [],
  'vlan-vid': [['vlan_vid', 0x1005]],
  mpls: [['eth_type', 0x8847]],
  arp: [['eth_type', 0x0806]],
  ipv4: [['eth_type', 0x0800]],
  ipv6: [['eth_type', 0x86dd]],
  ip: [['eth_type', 0x0800]],
  tcp: [
    ['eth_type', 0x0800],
    ['nw_proto', 6],
  ],
  udp: [
    ['eth_type', 0x0800],
    ['nw_proto', 17],
  ],
  sctp: [
    ['eth_type', 0x0800],
    ['nw_proto', 132],
  ],
  icmpv4: [
    ['eth_type', 0x0800],
    ['nw_proto', 1],
  ],
  icmpv6: [
    ['eth_type', 0x86dd],
    ['nw_proto', 58],
  ],
  nd: [
    ['eth_type', 0x86dd],
    ['nw_proto', 58],
    ['icmpv6_type', 135],
    ['icmpv6_code', 0],
  ],
  'nd-solicit': [
    ['eth_type', 0x86dd],
    ['nw_proto', 58],
    ['icmpv6_type', 135],
    ['icmpv6_code', 0],
  ],
  'nd-advert': [
    ['eth_type', 0x86dd],
    ['nw_proto', 58],
    ['icmpv6_type', 136],
    ['icmpv6_code', 0],
  ],
  nsh: [['eth_type', 0x894f]],
  ct: [
    ['eth_type', 0x0800],
    ['ct_state', 0x20],
  ],
};

/** Values under which a field means something, where not all do. */
const sound: { readonly [name: string]: FieldValue } = {
  eth_type: 0x1234,
  in_port: 5,
  actset_output: 5,
  in_port_oxm: 5,
  vlan_vid: 0x1005,
  vlan_tci: 0x1005,
  ip_frag: 3,
  ct_state: 0x21,
  packet_type: 0x1_0800,
  nsh_ttl: 5,
  tun_erspan_dir: 1,
  nsh_mdtype: 1,
  arp_op: 1,
};

/** What else a field's match says: what the field is about. */
function about(f: Field): readonly (readonly [string, number])[] {
  if (f.name.startsWith('ct_ipv6'))
    return [
      ['eth_type', 0x86dd],
      ['ct_state', 0x20],
    ];
  if (f.name.startsWith('ct_tp')) return [...before.tcp, ['ct_state', 0x20], ['ct_nw_proto', 6]];
  if (/^nsh_c\d$/.test(f.name)) return [...before.nsh, ['nsh_mdtype', 1]];
  if (f.name === 'tun_erspan_idx') return [['tun_erspan_ver', 1]];
  if (f.name === 'tun_erspan_dir' || f.name === 'tun_erspan_hwid') return [['tun_erspan_ver', 2]];
  return before[f.prerequisite];
}

function matchesOf(f: Field): readonly Match[] {
  const value = sound[f.name] ?? (f.wide ? (f.ones as bigint) / 3n : Math.floor((f.ones as number) / 3));
  const base = about(f).map(([name, v]) => [field(name), v] as const);
  const masked: FieldValue = f.wide ? (f.ones as bigint) - 1n : (f.ones as number) - 1;
  const masks = f.maskable && sound[f.name] === undefined ? [undefined, masked] : [undefined];
  return masks.map((mask) => Match.of(...base, [f, value, mask]));
}

/** Of these ovs-ofctl prints no mask, and of some another name, which it does not read itself. */
const unmasked = /^tun_(gbp_flags|gtpu|erspan)/;

it('fields of all kinds are printed as we print them', () => {
  const fields = FIELDS.filter((f) => f.oxm.length > 0);
  const all = fields.flatMap((f) => matchesOf(f).map((match) => ({ name: f.name, match })));
  const printed = ofpParse(all.map(({ match }) => flowMod(match, [])));
  const theirs = printed.map((text) => /priority=5,?(.*?) actions=/s.exec(text)?.[1] ?? text);
  const texts = all.map(({ name, match }, i) => ({ name, match, ours: formatMatch(match), theirs: theirs[i] ?? '' }));
  const plain = texts.filter(({ name }) => !unmasked.test(name));
  expect(plain.map(({ name, ours }) => [name, ours])).toEqual(plain.map(({ name, theirs: text }) => [name, text]));
  // What either prints of the others we read: of theirs, what they say.
  for (const { match, ours, theirs: text } of texts.filter(({ name }) => unmasked.test(name))) {
    expect(parseMatch(ours)).toEqual({ ok: true, value: match });
    const read = parseMatch(text);
    if (!read.ok) throw new Error(`${text}: ${read.error.message}`);
    expect(read.value.terms.map((term) => term.field.name)).toEqual(match.terms.map((term) => term.field.name));
  }
  // And ovs-ofctl reads ours.
  const lines = texts.filter(({ name }) => unmasked.test(name)).map(({ ours }) => `${ours} actions=drop\n`);
  const file = join(dir, 'flows.txt');
  writeFileSync(file, lines.join(''));
  execFileSync('ovs-ofctl', ['-O', 'OpenFlow15', 'parse-flows', file], { stdio: 'pipe' });
});
