import { describe, expect, test } from 'vitest';
import {
  addFlow,
  addMeter,
  addPort,
  addSwitch,
  chassisBed,
  datapath,
  id,
  inTable,
  plug,
  type TestBed,
} from './testing.ts';

describe('logical flows', () => {
  async function bedWithPort(): Promise<TestBed> {
    const bed = chassisBed();
    addSwitch(bed, 1);
    addSwitch(bed, 2);
    addPort(bed, 1, 1);
    plug(bed, 1, 'tap1', new Map([['iface-id', 'p1']]), [1]);
    await bed.idle();
    return bed;
  }

  test('are compiled for local datapaths only', async () => {
    const bed = await bedWithPort();
    addFlow(bed, 1, 1, 'ip4', 'next;');
    addFlow(bed, 2, 2, 'ip4', 'next;');
    await bed.idle();
    expect(inTable(bed, 11)).toHaveLength(1);
    expect(inTable(bed, 11)[0]).toContain('metadata=1');
  });

  test('for ports that are elsewhere are left out', async () => {
    const bed = await bedWithPort();
    addPort(bed, 2, 1);
    addFlow(bed, 1, 1, 'inport == "p1"', 'next;');
    addFlow(bed, 2, 1, 'inport == "p2"', 'next;');
    await bed.idle();
    expect(inTable(bed, 11)).toHaveLength(1);
    plug(bed, 2, 'tap2', new Map([['iface-id', 'p2']]), [1, 2]);
    await bed.idle();
    expect(inTable(bed, 11)).toHaveLength(2);
  });

  test('that are malformed are named once, and skipped', async () => {
    const bed = await bedWithPort();
    addFlow(bed, 1, 1, 'ip4 &&', 'next;');
    addFlow(bed, 2, 1, 'ip4', 'jump;');
    addFlow(bed, 3, 1, 'ip4', 'next;');
    await bed.idle();
    expect(inTable(bed, 11)).toHaveLength(1);
    expect(bed.log.filter((line) => line.includes(id('Logical_Flow', 1)))).toHaveLength(1);
    expect(bed.log.filter((line) => line.includes(id('Logical_Flow', 2)))).toHaveLength(1);
    // Compiled again, for a reason of their own, they are not named again.
    bed.sb('Datapath_Binding', datapath(1), { tunnel_key: 9 });
    await bed.idle();
    expect(bed.log.filter((line) => line.includes(id('Logical_Flow', 1)))).toHaveLength(1);
    // Of one that is gone it is not remembered that it was wrong.
    bed.sb('Logical_Flow', id('Logical_Flow', 1), undefined);
    await bed.idle();
    addFlow(bed, 1, 1, 'ip4 &&', 'next;');
    await bed.idle();
    expect(bed.log.filter((line) => line.includes(id('Logical_Flow', 1)))).toHaveLength(2);
  });

  test('take samples where the bridge has a set of collectors', async () => {
    const bed = await bedWithPort();
    addFlow(bed, 1, 1, 'ip4', 'sample(probability=5, collector_set=7); next;');
    await bed.idle();
    const sampling = () => inTable(bed, 11).some((flow) => flow.includes('"collectorSetId":7'));
    const collectors = (n: number, values: object | undefined) =>
      bed.ovs('Flow_Sample_Collector_Set', id('Flow_Sample_Collector_Set', n), values as { id: number } | undefined);
    expect(sampling()).toBe(false);
    collectors(1, { id: 7, bridge: id('Bridge', 2) });
    collectors(2, { id: 8, bridge: id('Bridge', 1) });
    await bed.idle();
    expect(sampling()).toBe(false);
    collectors(1, { bridge: id('Bridge', 1) });
    await bed.idle();
    expect(sampling()).toBe(true);
    expect(bed.flows()).toEqual((await bed.fresh()).flows());
    collectors(1, undefined);
    await bed.idle();
    expect(sampling()).toBe(false);
    expect(bed.flows()).toEqual((await bed.fresh()).flows());
  });

  test('of the physical network take samples of what they drop', async () => {
    const bed = await bedWithPort();
    const samples = () => bed.flows().filter((flow) => flow.includes('"type":"sample"'));
    const options = (values: Readonly<Record<string, string>>) =>
      bed.sb('SB_Global', id('SB_Global', 1), { options: new Map(Object.entries(values)) });
    options({ debug_drop_collector_set: '7', debug_drop_domain_id: '3' });
    await bed.idle();
    expect(samples()).toEqual([]);
    bed.ovs('Flow_Sample_Collector_Set', id('Flow_Sample_Collector_Set', 1), { id: 7, bridge: id('Bridge', 1) });
    await bed.idle();
    // Tables 0, 40 and 65, and what would go back to the port that it came from.
    expect(samples()).toHaveLength(4);
    for (const flow of samples())
      expect(flow).toContain(`"obsDomainId":${3 << 24},"obsPointId":${/=(\d+)/.exec(flow)?.[1]}`);
    expect(bed.flows()).toEqual((await bed.fresh()).flows());
    options({ debug_drop_collector_set: 'seven' });
    await bed.idle();
    expect(samples()).toEqual([]);
    expect(bed.flows()).toEqual((await bed.fresh()).flows());
  });

  test('have the template variables of this chassis', async () => {
    const bed = await bedWithPort();
    const variables = (chassis: number, values: Readonly<Record<string, string>> | undefined) =>
      bed.sb(
        'Chassis_Template_Var',
        id('Chassis_Template_Var', chassis),
        values && { chassis: `hv${chassis}`, variables: new Map(Object.entries(values)) },
      );
    expect(bed.conditions?.Chassis_Template_Var).toEqual([['chassis', '==', 'hv1']]);
    addFlow(bed, 1, 1, 'ip4.dst == ^vip', 'reg0 = ^mark; next;');
    addFlow(bed, 2, 1, 'tcp.dst == ^port && ip4', 'next;');
    variables(2, { vip: '1.1.1.1', mark: '1', port: '1' });
    await bed.idle();
    expect(inTable(bed, 11)).toEqual([]);
    variables(1, { vip: '10.0.0.9', mark: '5', port: '80' });
    await bed.idle();
    expect(inTable(bed, 11)).toHaveLength(2);
    expect(bed.flows()).toEqual((await bed.fresh()).flows());
    // Only what names the variable is compiled anew.
    const compiled = () => bed.controller.model.runtime.stats().get('logical flows') ?? 0;
    const before = compiled();
    variables(1, { vip: '10.0.0.9', mark: '5', port: '443' });
    await bed.idle();
    expect(compiled() - before).toBe(1);
    expect(inTable(bed, 11).some((flow) => flow.includes('tcp_dst=443'))).toBe(true);
    expect(bed.flows()).toEqual((await bed.fresh()).flows());
    variables(1, undefined);
    await bed.idle();
    expect(inTable(bed, 11)).toEqual([]);
  });

  test('that the switch refuses do not keep the others out', async () => {
    const bed = await bedWithPort();
    bed.switch.refuses = (message) => message.type === 'flow_mod' && message.mod.priority === 2;
    addFlow(bed, 1, 1, 'ip4', 'next;');
    addFlow(bed, 2, 1, 'ip4', 'next;');
    bed.sb('SB_Global', id('SB_Global', 1), { nb_cfg: 7 });
    await bed.idle();
    expect(inTable(bed, 11)).toHaveLength(1);
    expect(bed.log.filter((line) => line.includes('refused'))).toHaveLength(1);
    const { bundles } = bed.switch;
    // It is told once, and not tried over and over.
    await bed.idle();
    expect(bed.switch.bundles).toBe(bundles);
  });

  test('get to a switch that refuses meters', async () => {
    const bed = await bedWithPort();
    bed.switch.refuses = (message) => message.type === 'meter_mod';
    addMeter(bed, 1, 'm');
    addFlow(bed, 1, 1, 'ip4', 'log(verdict=allow, meter="m"); next;');
    await bed.idle();
    expect(inTable(bed, 11)).toHaveLength(1);
    expect(bed.controller.sync.inStep).toBe(true);
    expect(bed.log).toEqual([expect.stringContaining('refused')]);
    addFlow(bed, 1, 1, 'ip4', 'next;');
    await bed.idle();
    expect(inTable(bed, 11)).toHaveLength(1);
    expect(bed.log).toHaveLength(2);
  });

  test('follow their address set', async () => {
    const bed = await bedWithPort();
    bed.sb('Address_Set', id('Address_Set', 1), { name: 'as', addresses: ['10.0.0.1', '10.0.0.2'] });
    addFlow(bed, 1, 1, 'ip4.src == $as', 'next;');
    await bed.idle();
    expect(inTable(bed, 11)).toHaveLength(2);
    bed.sb('Address_Set', id('Address_Set', 1), { addresses: ['10.0.0.1', '10.0.0.2', '10.0.0.7'] });
    await bed.idle();
    expect(inTable(bed, 11)).toHaveLength(3);
  });
});
