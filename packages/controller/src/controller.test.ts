import { decodeArp } from '@weft/packet/arp';
import { decodeEthernet } from '@weft/packet/ethernet';
import { describe, expect, test } from 'vitest';
import {
  addChassis,
  addFlow,
  addPort,
  addSwitch,
  chassisBed,
  datapath,
  id,
  inTable,
  plug,
  portId,
  type TestBed,
  tunnel,
} from './testing.ts';

describe('a port of this chassis', () => {
  test('is claimed, gets its flows, and is up once they are in the switch', async () => {
    const bed = chassisBed();
    addSwitch(bed, 1);
    addPort(bed, 1, 1);
    plug(bed, 1, 'tap1', new Map([['iface-id', 'p1']]), [1]);
    await bed.idle();
    const claim = bed.written.sb.find((operation) => operation.table === 'Port_Binding');
    expect(claim?.row).toEqual({ chassis: ['uuid', id('Chassis', 1)] });
    expect(inTable(bed, 0).some((flow) => flow.includes(' in_port_oxm=1 '))).toBe(true);

    // The claim comes back.
    bed.sb('Port_Binding', portId(1), { chassis: id('Chassis', 1) });
    await bed.idle();
    expect(bed.written.sb.at(-1)).toMatchObject({ table: 'Port_Binding', row: { up: true } });
    expect(JSON.stringify(bed.written.ovs)).toContain('ovn-installed');
  });

  test('is released when its interface goes', async () => {
    const bed = chassisBed();
    addSwitch(bed, 1);
    addPort(bed, 1, 1, { chassis: id('Chassis', 1), up: true });
    plug(bed, 1, 'tap1', new Map([['iface-id', 'p1']]), [1]);
    await bed.idle();
    bed.ovs('Bridge', id('Bridge', 1), { ports: [] });
    await bed.idle();
    expect(bed.written.sb.at(-1)).toMatchObject({ table: 'Port_Binding', row: { chassis: ['set', []], up: false } });
    expect(inTable(bed, 0)).toHaveLength(1);
  });

  test('keeps its conntrack zone when its row is made anew', async () => {
    for (const first of ['old', 'new'] as const) {
      const bed = chassisBed();
      addSwitch(bed, 1);
      addPort(bed, 1, 1);
      plug(bed, 1, 'tap1', new Map([['iface-id', 'p1']]), [1]);
      await bed.idle();
      const zone = bed.controller.model.ctZones.get('p1')?.zone;
      const remove = () => bed.sb('Port_Binding', portId(1), undefined);
      if (first === 'old') remove();
      addPort(bed, 9, 1, { logical_port: 'p1' });
      if (first === 'new') remove();
      await bed.idle();
      expect(bed.controller.model.ctZones.get('p1')?.zone).toBe(zone);
      expect(bed.flows()).toEqual((await bed.fresh()).flows());
    }
  });

  test('is left alone when another chassis is asked for', async () => {
    const bed = chassisBed();
    addChassis(bed, 2);
    addSwitch(bed, 1);
    const options = new Map([['requested-chassis', 'hv2']]);
    addPort(bed, 1, 1, { options, requested_chassis: id('Chassis', 2) });
    plug(bed, 1, 'tap1', new Map([['iface-id', 'p1']]), [1]);
    await bed.idle();
    expect(bed.written.sb.filter((operation) => operation.table === 'Port_Binding')).toEqual([]);
  });
});

describe('a port on a physical network', () => {
  async function announced(mac: readonly string[]): Promise<TestBed> {
    const bed = chassisBed([['ovn-bridge-mappings', 'phys:br-phys']]);
    addSwitch(bed, 1);
    addPort(bed, 1, 1, { mac });
    addPort(bed, 2, 1, {
      type: 'localnet',
      options: new Map([['network_name', 'phys']]),
      port_security: [],
      mac: ['unknown'],
    });
    plug(bed, 2, 'patch-br-int-to-p2', new Map(), [2]);
    plug(bed, 1, 'tap1', new Map([['iface-id', 'p1']]), [1, 2]);
    await bed.idle();
    bed.advance(60_000);
    return bed;
  }
  const packets = (bed: TestBed) =>
    bed.switch.sent.flatMap((message) => {
      const frame = message.type === 'packet_out' ? decodeEthernet(message.packet) : undefined;
      return frame === undefined ? [] : [{ type: frame.etherType, arp: decodeArp(frame.payload) }];
    });

  test('announces itself by gratuitous ARP, less and less often', async () => {
    const bed = await announced(['00:00:00:00:00:01 10.0.0.1']);
    // At once, and after 1, 2, 4, 8 and 16 seconds more.
    expect(packets(bed)).toHaveLength(6);
    expect(packets(bed)[0]).toMatchObject({
      type: 0x0806,
      arp: { operation: 1, senderMac: '00:00:00:00:00:01', senderIp: '10.0.0.1', targetIp: '10.0.0.1' },
    });
  });

  test('announces itself by RARP if it has no IPv4 address', async () => {
    const bed = await announced(['00:00:00:00:00:01 fd00::1']);
    expect(packets(bed)[0]).toMatchObject({ type: 0x8035, arp: { operation: 3, targetMac: '00:00:00:00:00:01' } });
  });

  test('stops when it goes', async () => {
    const bed = await announced(['00:00:00:00:00:01 10.0.0.1']);
    const before = bed.switch.sent.length;
    bed.ovs('Bridge', id('Bridge', 1), { ports: [id('Port', 2)] });
    await bed.idle();
    bed.advance(60_000);
    expect(bed.switch.sent.length).toBe(before);
  });
});

describe('what is asked for', () => {
  test('grows with the local datapaths and what patch ports reach from them', async () => {
    const bed = chassisBed();
    for (const n of [1, 2, 3]) addSwitch(bed, n);
    addPort(bed, 1, 1);
    plug(bed, 1, 'tap1', new Map([['iface-id', 'p1']]), [1]);
    addPort(bed, 11, 1, { type: 'patch', options: new Map([['peer', 'p12']]) });
    await bed.idle();
    const of = (n: number) => ['logical_datapath', '==', ['uuid', datapath(n)]];
    expect(bed.conditions?.Port_Binding).toContainEqual(['logical_port', '==', 'p1']);
    expect(bed.conditions?.Logical_Flow).toEqual([of(1), ['logical_dp_group', '!=', ['set', []]]]);
    addPort(bed, 12, 2, { type: 'patch', options: new Map([['peer', 'p11']]) });
    await bed.idle();
    expect(bed.conditions?.Logical_Flow).toContainEqual(of(2));
    expect(bed.conditions?.Logical_Flow).not.toContainEqual(of(3));
    expect(bed.conditions?.Port_Binding).toContainEqual(['datapath', '==', ['uuid', datapath(2)]]);
  });

  test('is everything with ovn-monitor-all', async () => {
    const bed = chassisBed([['ovn-monitor-all', 'true']]);
    await bed.idle();
    expect(new Set(Object.values(bed.conditions ?? {}))).toEqual(new Set([true]));
  });
});

describe('a restart', () => {
  async function populated(): Promise<TestBed> {
    const bed = chassisBed();
    addChassis(bed, 2);
    addSwitch(bed, 1);
    addPort(bed, 1, 1, { chassis: id('Chassis', 1), up: true });
    addPort(bed, 2, 1, { chassis: id('Chassis', 2), up: true });
    plug(bed, 1, 'tap1', new Map([['iface-id', 'p1']]), [1]);
    tunnel(bed, 2, [1, 102]);
    addFlow(bed, 1, 1, 'inport == "p1" && ip4', 'outport = "p2"; output;');
    await bed.idle();
    return bed;
  }

  test('writes nothing to a switch that is right', async () => {
    const bed = await populated();
    const before = bed.flows();
    const again = await bed.fresh();
    expect(again.flows()).toEqual(before);
    const bundles = again.switch.bundles;
    again.controller.recompute();
    await again.idle();
    expect(again.switch.bundles).toBe(bundles);
    expect(again.controller.sync.stats.kept).toBe(before.length);
  });

  test('repairs what is wrong, and nothing else', async () => {
    const bed = await populated();
    const [key, flow] = [...bed.switch.table][5] ?? [];
    if (key === undefined || flow === undefined) throw new Error('no flow');
    bed.switch.table.delete(key);
    const foreign = { ...flow, priority: 7777 };
    bed.switch.table.set('foreign', foreign);
    const { added, removed } = bed.controller.sync.stats;
    bed.controller.recompute();
    await bed.idle();
    expect(bed.controller.sync.stats.added - added).toBe(1);
    expect(bed.controller.sync.stats.removed - removed).toBe(1);
  });

  test('takes nothing away before the southbound database has said everything', async () => {
    const bed = await populated();
    const before = bed.switch.table.size;
    const other = chassisBed();
    // The same switch, a database that has not been heard.
    other.controller.sbConnected(undefined);
    other.controller.switchConnected(bed.switch);
    await other.idle();
    expect(bed.switch.table.size).toBe(before);
  });
});

describe('work done', () => {
  test('one more port runs as many derivations on 10 switches as on 100', async () => {
    const runs = async (switches: number) => {
      const bed = chassisBed();
      for (let n = 1; n <= switches; n++) {
        addSwitch(bed, n);
        addPort(bed, n, n, { chassis: id('Chassis', 1), up: true });
        addFlow(bed, n, n, `inport == "p${n}"`, 'next;');
      }
      const plugged = [1, 2, 3];
      for (const n of plugged) plug(bed, n, `tap${n}`, new Map([['iface-id', `p${n}`]]), plugged);
      plug(bed, 200, 'tap200', new Map([['iface-id', 'p200']]), [...plugged, 200]);
      await bed.idle();
      bed.controller.runtime.resetStats();
      const { added } = bed.controller.sync.stats;
      addPort(bed, 200, 1, { chassis: id('Chassis', 1), up: true });
      addFlow(bed, 200, 1, 'inport == "p200"', 'next;');
      await bed.idle();
      return { runs: [...bed.controller.runtime.stats()].sort(), added: bed.controller.sync.stats.added - added };
    };
    const few = await runs(10);
    expect(few.added).toBeGreaterThan(0);
    expect(await runs(100)).toEqual(few);
  });
});
