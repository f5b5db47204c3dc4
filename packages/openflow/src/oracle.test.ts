/** Our bytes and texts against those of the C programs, live. */
import { execFile, execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { arbitraryFlow, arbitraryGroup, arbitraryMeter } from '../test/arbitrary.ts';
import { Connection } from './connection.ts';
import { errorName } from './error-names.ts';
import { field, NX_VENDOR } from './fields.ts';
import { BucketId, type FlowMod, flowKey } from './flow.ts';
import { Match } from './match.ts';
import { decodeMessage } from './message-decode.ts';
import { encode } from './message-encode.ts';
import type { Message } from './messages.ts';
import { startTap, type Tap } from './tap.ts';
import { ofpPrint, requireProgram, startSwitch, type TestSwitch } from './testing.ts';
import { formatActions } from './text-actions.ts';
import { formatFlow, formatGroup, formatMeter, parseFlow, parseGroup, parseMeter } from './text-flow.ts';
import { formatMatch } from './text-match.ts';

const run = promisify(execFile);
let sw: TestSwitch;
let tap: Tap;
let connection: Connection;

beforeAll(async () => {
  requireProgram('ovs-ofctl', 'openvswitch-common');
  sw = startSwitch();
  tap = await startTap(join(sw.dir, 'tap.sock'), sw.remote.slice('unix:'.length));
  await new Promise<void>((resolve) => {
    connection = new Connection({ remote: sw.remote }, { connected: () => resolve() });
    connection.start();
  });
});
afterAll(() => {
  connection?.close();
  tap?.close();
  sw?.stop();
});

/** Random flows, no two of which are the same entry of the switch. */
function sampleFlows(count: number): FlowMod[] {
  const flows = new Map<string, FlowMod>();
  for (const flow of fc.sample(arbitraryFlow, count)) flows.set(flowKey(flow), flow);
  return [...flows.values()];
}

const comparable = (flow: FlowMod): unknown => ({ ...flow, match: flow.match.key });
const byKey = (flows: readonly FlowMod[]): FlowMod[] => [...flows].sort((a, b) => (flowKey(a) < flowKey(b) ? -1 : 1));
const deleteAll: Message = {
  type: 'flow_mod',
  mod: { command: 'delete', table: 255, priority: 0, cookie: 0n, match: Match.any, actions: [] },
};

describe('random flows', () => {
  it('through a live ovs-vswitchd come back as they were, as bytes and as text', async () => {
    const flows = sampleFlows(1500);
    // A switch refuses some random combinations; those are named, and everything else must come back.
    const refused = new Set<FlowMod>();
    for (const flow of flows) {
      await connection.batch([{ type: 'flow_mod', mod: flow }]).catch(() => refused.add(flow));
    }
    expect(refused.size).toBeLessThan(flows.length / 20);
    const kept = byKey(flows.filter((flow) => !refused.has(flow)));

    const dumped = (await connection.dumpFlows()).map(
      ({ durationSec, durationNsec, packetCount, byteCount, idleAge, ...flow }) => ({
        command: 'add' as const,
        ...flow,
      }),
    );
    expect(byKey(dumped).map(comparable)).toEqual(kept.map(comparable));

    const lines = sw
      .ofctl('dump-flows', 'br-int', '--no-stats')
      .split('\n')
      .filter((line) => line.includes('actions='));
    const parsed = lines.map((line) => {
      const flow = parseFlow(line);
      if (!flow.ok) throw new Error(`${flow.error.message}: ${line.slice(flow.error.offset)}`);
      return flow.value;
    });
    const keys = new Set(kept.map(flowKey));
    expect(lines.filter((_, i) => !keys.has(flowKey(parsed[i]!)))).toEqual([]);
    for (const [i, flow] of byKey(parsed).entries()) expect(comparable(flow)).toEqual(comparable(kept[i]!));

    // What we print of match and actions is what ovs-ofctl prints.
    const theirs = new Map(parsed.map((flow, i) => [flowKey(flow), lines[i]!]));
    for (const flow of kept) {
      const match = formatMatch(flow.match);
      const ours = `${match} actions=${formatActions(flow.actions)}`;
      const line = theirs.get(flowKey(flow)) ?? '';
      expect(line.slice(-ours.length)).toBe(ours);
    }
    await connection.batch([deleteAll]);
  });

  it('as our text, parsed by ovs-ofctl, are our bytes', async () => {
    const flows = sampleFlows(600);
    const accepted: FlowMod[] = [];
    for (const flow of flows) {
      await connection.batch([{ type: 'flow_mod', mod: flow }]).then(
        () => accepted.push(flow),
        () => {},
      );
    }
    await connection.batch([deleteAll]);
    const file = join(sw.dir, 'flows.txt');
    writeFileSync(file, accepted.map((flow) => `${formatFlow(flow)}\n`).join(''));
    tap.messages.length = 0;
    await run('ovs-ofctl', ['-O', 'OpenFlow15', 'add-flows', tap.path, file]);
    const mods = tap.messages.filter((bytes) => bytes[1] === 14);
    expect(mods).toHaveLength(accepted.length);
    for (const [i, bytes] of mods.entries()) {
      const decoded = decodeMessage(bytes);
      if (!decoded.ok) throw new Error(`${decoded.error.message} in ${formatFlow(accepted[i]!)}`);
      const flow = accepted[i]!;
      // `+flag-flag…` that names all flags is sent with a mask of them by ovs-ofctl and without one by us: the same match.
      if ([field('ct_state'), field('tun_flags')].some((f) => flow.match.get(f) !== undefined)) {
        expect(decoded.value.message).toMatchObject({ type: 'flow_mod', mod: { match: { key: flow.match.key } } });
        continue;
      }
      const ours = encode({ type: 'flow_mod', mod: flow }, decoded.value.xid);
      expect([formatFlow(accepted[i]!), Buffer.from(bytes).toString('hex')]).toEqual([
        formatFlow(accepted[i]!),
        Buffer.from(ours).toString('hex'),
      ]);
    }
    await connection.batch([deleteAll]);
  });
});

describe('random groups and meters', () => {
  it('through a live ovs-vswitchd come back as they were, as bytes and as text', async () => {
    const groups = [...new Map(fc.sample(arbitraryGroup, 100).map((group) => [group.id, group])).values()];
    await connection.batch(groups.map((group) => ({ type: 'group_mod', mod: { ...group, command: 'add' } })));
    const sort = <T extends { id: number }>(list: readonly T[]): T[] => [...list].sort((a, b) => a.id - b.id);
    expect(sort(await connection.dumpGroups())).toEqual(sort(groups));
    const lines = sw
      .ofctl('dump-groups', 'br-int')
      .split('\n')
      .filter((line) => line.includes('group_id='));
    const parsed = lines.map((line) => {
      const group = parseGroup(line);
      if (!group.ok) throw new Error(`${group.error.message}: ${line.slice(group.error.offset)}`);
      return group.value;
    });
    expect(sort(parsed)).toEqual(sort(groups));
    sw.ofctl('del-groups', 'br-int');
    const file = join(sw.dir, 'groups.txt');
    writeFileSync(file, groups.map((group) => `${formatGroup(group)}\n`).join(''));
    sw.ofctl('add-groups', 'br-int', file);
    expect(sort(await connection.dumpGroups())).toEqual(sort(groups));
    sw.ofctl('del-groups', 'br-int');

    const meters = [...new Map(fc.sample(arbitraryMeter, 20).map((meter) => [meter.id, meter])).values()];
    for (const meter of meters) sw.ofctl('add-meter', 'br-int', formatMeter(meter));
    expect(sort(await connection.dumpMeters())).toEqual(sort(meters));
    const text = sw.ofctl('dump-meters', 'br-int').split('\n').slice(1).join('\n');
    const blocks = text.split(/\n\s*\n/).filter((block) => block.includes('meter='));
    const back = blocks.map((block) => {
      const meter = parseMeter(block);
      if (!meter.ok) throw new Error(meter.error.message);
      return meter.value;
    });
    expect(sort(back)).toEqual(sort(meters));
    sw.ofctl('del-meters', 'br-int');
  });
});

describe('ovs-ofctl ofp-print decodes', () => {
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
});

describe('errors', () => {
  it('have the names that ovs-ofctl prints', () => {
    // All in one stream: ofp-parse prints one after the other.
    const known: [number, number, number][] = [];
    for (let type = 0; type < 18; type++) for (let code = 0; code < 20; code++) known.push([type, code, 0]);
    for (let code = 0; code < 60; code++) known.push([0xffff, code, NX_VENDOR]);
    const file = join(sw.dir, 'errors.bin');
    const messages = known.map(([errorType, code, experimenter], i) =>
      encode({ type: 'error', errorType, code, experimenter, name: '', data: new Uint8Array(0) }, i + 1),
    );
    writeFileSync(file, Buffer.concat(messages));
    const printed = execFileSync('ovs-ofctl', ['ofp-parse', file], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const names = new Map(
      [...printed.matchAll(/\(xid=0x([0-9a-f]+)\): ((?:OFP|NX)\w+)/g)].map((m) => [Number.parseInt(m[1]!, 16), m[2]!]),
    );
    expect(names.size).toBeGreaterThan(150);
    for (const [i, [type, code, experimenter]] of known.entries()) {
      const theirs = names.get(i + 1);
      const ours = errorName(type, code, experimenter);
      if (theirs !== undefined) expect(ours).toBe(theirs);
      else expect(ours).toMatch(/code|error/);
    }
  });
});
