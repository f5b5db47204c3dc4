/** Every message that we encode, decoded by `ovs-ofctl`. */
import { beforeAll, describe, expect, it } from 'vitest';
import { field } from './fields.ts';
import { BucketId } from './flow.ts';
import { Match } from './match.ts';
import { decodeMessage } from './message-decode.ts';
import { encode } from './message-encode.ts';
import type { Message } from './messages.ts';
import { ofpPrint, requireProgram } from './testing.ts';

beforeAll(() => requireProgram('ovs-ofctl', 'openvswitch-common'));

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
