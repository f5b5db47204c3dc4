import type { Group } from '@weft/openflow/flow';
import { describe, expect, test } from 'vitest';
import {
  addFlow,
  addMeter,
  addPort,
  addSwitch,
  chassisBed,
  FakeSwitch,
  id,
  plug,
  renumbered,
  type TestBed,
} from './testing.ts';

describe('numbers that flows refer to', () => {
  async function numbered(): Promise<TestBed> {
    const bed = chassisBed();
    addSwitch(bed, 1);
    addPort(bed, 1, 1);
    plug(bed, 1, 'tap1', new Map([['iface-id', 'p1']]), [1]);
    addMeter(bed, 1, 'm');
    addFlow(bed, 1, 1, 'ip4.src == {10.0.0.1, 10.0.0.2} && tcp.dst == {80, 443}', 'next;');
    addFlow(bed, 2, 1, 'ip4', 'ct_lb_mark(backends=10.0.0.1:80,10.0.0.2:80);');
    addFlow(bed, 3, 1, 'ip6', 'set_meter(100); log(verdict=drop, meter="m"); next;');
    await bed.idle();
    return bed;
  }

  test('are taken over, and stay when what they are for changes', async () => {
    const bed = await numbered();
    expect([bed.switch.groupTable.size, bed.switch.meterTable.size]).toEqual([1, 2]);
    const peer = renumbered(bed.switch, (n) => n + 1000);
    const ids = () => ({
      groups: [...peer.groupTable.keys()],
      meters: [...peer.meterTable.keys()],
      conjunctions: peer.contents().flows.flatMap((flow) => /conj_id=\d+/.exec(flow) ?? []),
    });
    const before = ids();
    const next = await bed.fresh(peer);
    addFlow(next, 1, 1, 'ip4.src == {10.0.0.1, 10.0.0.3} && tcp.dst == {80, 443}', 'next;');
    next.sb('Meter_Band', id('Meter_Band', 1), { rate: 7 });
    await next.idle();
    expect(ids()).toEqual(before);
    expect(next.controller.sync.stats).toMatchObject({ added: 1, removed: 1, groups: 0, meters: 1 });
  });

  test('stay if the switch names the fields of a hash in an order of its own', async () => {
    const bed = await numbered();
    const balance = 'ct_lb_mark(backends=10.0.0.1:80,10.0.0.2:80; hash_fields="eth_dst,eth_src,tcp_src");';
    addFlow(bed, 2, 1, 'ip4', balance);
    await bed.idle();
    const peer = renumbered(bed.switch, (n) => n + 1000);
    for (const [id, group] of peer.groupTable)
      if (group.selection !== undefined) {
        const fields = [...group.selection.fields].reverse();
        peer.groupTable.set(id, { ...group, selection: { ...group.selection, fields } });
      }
    const { controller } = await bed.fresh(peer);
    expect(controller.sync.stats).toMatchObject({ added: 0, removed: 0, groups: 0, meters: 0 });
  });

  test('that are in the way make room', async () => {
    const bed = await numbered();
    // Another controller's group has the number that this one gives to its own.
    const [group] = bed.switch.groupTable.values();
    const peer = new FakeSwitch();
    peer.groupTable.set(7, { ...(group as Group), id: 7 });
    const next = await bed.fresh(peer);
    expect([...peer.groupTable.keys()]).toEqual([7]);
    addFlow(next, 2, 1, 'ip4', 'ct_lb_mark(backends=10.0.0.3:80,10.0.0.2:80);');
    await next.idle();
    expect(peer.groupTable.size).toBe(1);
    expect(next.flows()).toEqual((await next.fresh()).flows());
  });

  test('a meter that no row describes has one, and is made when a row does', async () => {
    const bed = await numbered();
    addFlow(bed, 4, 1, 'arp', 'log(verdict=drop, meter="later"); next;');
    await bed.idle();
    const flow = () => bed.flows().find((text) => text.includes('priority=4 '));
    expect(flow()).toMatch(/"meterId":\d+/);
    expect(bed.switch.meterTable.size).toBe(2);
    const before = flow();
    addMeter(bed, 2, 'later');
    await bed.idle();
    expect(flow()).toBe(before);
    expect(bed.switch.meterTable.size).toBe(3);
  });

  test('each logical flow has its own meter for a rate', async () => {
    const bed = await numbered();
    addFlow(bed, 4, 1, 'arp', 'set_meter(100); next;');
    await bed.idle();
    expect(bed.switch.meterTable.size).toBe(3);
    addFlow(bed, 4, 1, 'arp', 'next;');
    await bed.idle();
    expect(bed.switch.meterTable.size).toBe(2);
  });
});
