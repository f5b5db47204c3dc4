/** Every message, action and field that we encode, decoded by `ovs-ofctl`. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ActionOf, ActionType } from './actions.ts';
import { FIELDS, type Field, type FieldValue, field, type Prerequisite, subfield } from './fields.ts';
import { BucketId, type FlowMod } from './flow.ts';
import { Match } from './match.ts';
import { decodeMessage } from './message-decode.ts';
import { encode } from './message-encode.ts';
import type { Message, MessageOf } from './messages.ts';
import { ofpPrint, requireProgram } from './testing.ts';
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

const any = { command: 'add', table: 3, priority: 5, cookie: 1n, match: Match.any, actions: [] } as const;
const packetIn = {
  type: 'packet_in',
  packet: new Uint8Array(14),
  table: 3,
  cookie: 5n,
  reason: 'action',
  metadata: Match.of([field('reg0'), 5]),
} as const;
// Its contents are the switch's own; this is one that a switch made, for a bridge with the id 0.
const continuation = Uint8Array.from(Buffer.from(`0000000080000014${'00'.repeat(16)}00000000`, 'hex'));
const cases: readonly (readonly [Message, RegExp])[] = [
  [{ type: 'hello', versions: [6] }, /OFPT_HELLO .*\n version bitmap: 0x06/],
  [{ type: 'echo_request', data: Uint8Array.of(1) }, /OFPT_ECHO_REQUEST .*1 bytes/],
  [{ type: 'echo_reply', data: new Uint8Array(0) }, /OFPT_ECHO_REPLY .*0 bytes/],
  [{ type: 'features_request' }, /OFPT_FEATURES_REQUEST/],
  [
    { type: 'features_reply', datapathId: 5n, buffers: 0, tables: 254, auxiliaryId: 0, capabilities: 1 },
    /dpid:0000000000000005\nn_tables:254/,
  ],
  [{ type: 'get_config_request' }, /OFPT_GET_CONFIG_REQUEST/],
  [{ type: 'get_config_reply', flags: 0, missSendLen: 128 }, /OFPT_GET_CONFIG_REPLY .*miss_send_len=128/],
  [
    // OpenFlow 1.5.1 section 7.4.6: a change of a group, passed on.
    {
      type: 'unknown',
      code: 32,
      body: encode({ type: 'group_mod', mod: { command: 'add', id: 9, type: 'all', buckets: [] } }, 1),
    },
    /OFPT_REQUESTFORWARD .*reason=group_mod[\s\S]*group_id=9/,
  ],
  [{ type: 'set_config', flags: 0, missSendLen: 0xffff }, /OFPT_SET_CONFIG .*miss_send_len=65535/],
  [{ type: 'barrier_request' }, /OFPT_BARRIER_REQUEST/],
  [{ type: 'barrier_reply' }, /OFPT_BARRIER_REPLY/],
  [{ type: 'flow_mod', mod: any }, /OFPT_FLOW_MOD .*ADD table:3 priority=5 cookie:0x1 actions=drop/],
  [{ type: 'flow_mod', mod: { ...any, command: 'delete_strict' } }, /DEL_STRICT/],
  [{ type: 'flow_mod', mod: { ...any, command: 'modify' } }, /MOD table:3/],
  [
    {
      type: 'packet_out',
      match: Match.of([field('in_port_oxm'), 0xfffffffd]),
      actions: [{ type: 'resubmit', table: 8 }],
      packet: new Uint8Array(14),
    },
    /OFPT_PACKET_OUT .*in_port=CONTROLLER actions=resubmit\(,8\) data_len=14/,
  ],
  [{ type: 'flow_desc_request', table: 4 }, /OFPST_FLOW request .*table=4/],
  [{ type: 'group_desc_request' }, /OFPST_GROUP_DESC request/],
  [{ type: 'meter_config_request' }, /OFPST_METER_CONFIG request .*meter=all/],
  [{ type: 'meter_features_request' }, /OFPST_METER_FEATURES request/],
  [{ type: 'port_desc_request' }, /OFPST_PORT_DESC request .*port=ANY/],
  [{ type: 'multipart', reply: false, kind: 0, more: false, body: new Uint8Array(0) }, /OFPST_DESC request/],
  [
    { type: 'role_request', role: 'primary', generation: 5n },
    /OFPT_ROLE_REQUEST .*role=(?:primary|master) generation_id=5/,
  ],
  [{ type: 'role_reply', role: 'equal', generation: 5n }, /OFPT_ROLE_REPLY .*role=equal/],
  [
    { type: 'set_async', packetIn: ['action', 'no_match'], portStatus: ['add'], flowRemoved: ['delete'] },
    /OFPT_SET_ASYNC[\s\S]*primary:\n\s+PACKET_IN: no_match action\n\s+PORT_STATUS: add\n\s+FLOW_REMOVED: delete/,
  ],
  [
    { type: 'bundle_control', bundle: 5, control: 'open_request', flags: ['atomic', 'ordered'] },
    /bundle_id=0x5 type=OPEN_REQUEST flags=atomic ordered/,
  ],
  [{ type: 'bundle_control', bundle: 5, control: 'commit_request', flags: [] }, /type=COMMIT_REQUEST/],
  [
    { type: 'bundle_add', bundle: 5, flags: ['atomic'], message: { type: 'flow_mod', mod: any } },
    /OFPT_BUNDLE_ADD_MESSAGE[\s\S]*bundle_id=0x5 flags=atomic[\s\S]*OFPT_FLOW_MOD .*ADD table:3/,
  ],
  [{ type: 'set_packet_in_format', format: 2 }, /NXT_SET_PACKET_IN_FORMAT .*format=nxt_packet_in2/],
  [{ type: 'set_controller_id', id: 77 }, /NXT_SET_CONTROLLER_ID .*id=77/],
  [packetIn, /NXT_PACKET_IN2 .*table_id=3 cookie=0x5 total_len=14 reg0=0x5 \(via action\)/],
  [{ type: 'resume', packetIn: { ...packetIn, continuation } }, /NXT_RESUME .*table_id=3 cookie=0x5/],
  [
    {
      type: 'tlv_table_mod',
      command: 'add',
      mappings: [{ optionClass: 0x102, optionType: 0x80, length: 4, index: 0 }],
    },
    /NXT_TLV_TABLE_MOD[\s\S]*ADD[\s\S]*0x102\s+0x80\s+4\s+tun_metadata0/,
  ],
  [{ type: 'tlv_table_request' }, /NXT_TLV_TABLE_REQUEST/],
  [{ type: 'tlv_table_reply', maxSpace: 256, maxFields: 64, mappings: [] }, /max option space=256 max fields=64/],
  [{ type: 'ct_flush_zone', zone: 5 }, /NXT_CT_FLUSH_ZONE .*zone_id=5/],
  [
    {
      type: 'ct_flush',
      ipProto: 6,
      zone: 5,
      original: { src: 0x0a010101, dst: 0x0a010102, srcPort: 1, dstPort: 2 },
    },
    /NXT_CT_FLUSH .*zone=5 .*ct_nw_src=10\.1\.1\.1,ct_nw_dst=10\.1\.1\.2,ct_tp_src=1,ct_tp_dst=2,ct_nw_proto=6/,
  ],
  [
    { type: 'error', errorType: 4, code: 9, experimenter: 0, name: '', data: encode({ type: 'barrier_request' }) },
    /OFPT_ERROR .*OFPBMC_BAD_PREREQ\nOFPT_BARRIER_REQUEST/,
  ],
  ...(['add', 'modify', 'delete'] as const).map(
    (command) =>
      [
        { type: 'meter_mod', mod: { command, id: 4, flags: ['kbps'], bands: [] } },
        new RegExp(`OFPT_METER_MOD .*${command.slice(0, 3).toUpperCase()} meter=4`),
      ] as const,
  ),
  ...(['add', 'modify', 'delete', 'insert_bucket', 'remove_bucket', 'add_or_mod'] as const).map(
    (command) =>
      [
        {
          type: 'group_mod',
          mod: {
            command,
            id: 4,
            type: 'all',
            buckets: [],
            ...(command.endsWith('_bucket') ? { commandBucket: BucketId.last } : {}),
          },
        },
        new RegExp(
          `OFPT_GROUP_MOD[\\s\\S]*${command === 'add_or_mod' ? 'ADD_OR_MOD' : command.slice(0, 3).toUpperCase()}[\\s\\S]*group_id=4`,
        ),
      ] as const,
  ),
];

/** Which messages are encoded; the others are a switch's. */
const encoded: { readonly [T in Message['type']]: boolean } = {
  hello: true,
  error: true,
  echo_request: true,
  echo_reply: true,
  features_request: true,
  features_reply: true,
  get_config_request: true,
  get_config_reply: true,
  set_config: true,
  packet_in: true,
  flow_removed: false,
  port_status: false,
  packet_out: true,
  flow_mod: true,
  group_mod: true,
  meter_mod: true,
  flow_desc_request: true,
  flow_desc_reply: false,
  group_desc_request: true,
  group_desc_reply: false,
  meter_config_request: true,
  meter_config_reply: false,
  port_desc_request: true,
  port_desc_reply: false,
  meter_features_request: true,
  meter_features_reply: false,
  multipart: true,
  barrier_request: true,
  barrier_reply: true,
  role_request: true,
  role_reply: true,
  set_async: true,
  bundle_control: true,
  bundle_add: true,
  set_packet_in_format: true,
  set_controller_id: true,
  resume: true,
  tlv_table_mod: true,
  tlv_table_request: true,
  tlv_table_reply: true,
  ct_flush_zone: true,
  ct_flush: true,
  unknown: true,
};

describe('messages', () => {
  it.each(cases.map(([message, pattern]) => [message.type, message, pattern] as const))(
    '%s',
    (_type, message, pattern) => {
      const printed = ofpPrint(encode(message, 1));
      expect(printed).not.toContain('decode error');
      expect(printed).toMatch(pattern);
      const decoded = decodeMessage(encode(message, 1));
      if (message.type !== 'error') {
        expect(decoded).toMatchObject({ ok: true, value: { message: { type: message.type } } });
      }
    },
  );

  it('are all there', () => {
    const types = new Set(cases.map(([{ type }]) => type));
    for (const [type, ours] of Object.entries(encoded)) {
      if (ours) expect(types, type).toContain(type);
      else expect(() => encode({ type } as Message), type).toThrow(RangeError);
    }
  });
});

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
