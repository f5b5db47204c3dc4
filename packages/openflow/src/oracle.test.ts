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
import { type FlowMod, flowKey, type Meter } from './flow.ts';
import { Match } from './match.ts';
import { decodeMessage } from './message-decode.ts';
import { encode } from './message-encode.ts';
import type { Message } from './messages.ts';
import { startTap, type Tap } from './tap.ts';
import { requireProgram, startSwitch, type TestSwitch } from './testing.ts';
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
    // A band without a burst of its own is said to have one as large as its rate.
    const kept = (meter: Meter): Meter =>
      meter.flags.includes('burst')
        ? meter
        : { ...meter, bands: meter.bands.map((band) => ({ ...band, burstSize: band.rate })) };
    for (const meter of meters) sw.ofctl('add-meter', 'br-int', formatMeter(meter));
    expect(sort(await connection.dumpMeters())).toEqual(sort(meters.map(kept)));
    const dumpBlocks = () => {
      const text = sw.ofctl('dump-meters', 'br-int').split('\n').slice(1).join('\n');
      const blocks = text.split(/\n\s*\n/).filter((block) => block.includes('meter='));
      return blocks.map((block) => block.trim()).sort();
    };
    const blocks = dumpBlocks();
    const back = blocks.map((block) => {
      const meter = parseMeter(block);
      if (!meter.ok) throw new Error(meter.error.message);
      return meter.value;
    });
    expect(sort(back)).toEqual(sort(meters));
    sw.ofctl('del-meters', 'br-int');
    await connection.batch(meters.map((meter) => ({ type: 'meter_mod', mod: { ...meter, command: 'add' } })));
    expect(dumpBlocks()).toEqual(blocks);
    // Changed and taken away by our bytes.
    const changed = meters.map((meter) => ({ ...meter, bands: meter.bands.map((band) => ({ ...band, rate: 7 })) }));
    await connection.batch(changed.map((meter) => ({ type: 'meter_mod', mod: { ...meter, command: 'modify' } })));
    expect(sort(await connection.dumpMeters())).toEqual(sort(changed.map(kept)));
    await connection.batch(meters.map((meter) => ({ type: 'meter_mod', mod: { ...meter, command: 'delete' } })));
    expect(await connection.dumpMeters()).toEqual([]);
  });
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
