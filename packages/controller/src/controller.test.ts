import type { Action } from '@weft/openflow/actions';
import { field } from '@weft/openflow/fields';
import { flowKey, type Group } from '@weft/openflow/flow';
import { decodeArp } from '@weft/packet/arp';
import { decodeEthernet } from '@weft/packet/ethernet';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addChassis, chassisBed, FakeSwitch, id, plug, type TestBed, tunnel } from './testing.ts';

const datapath = (n: number) => id('Datapath_Binding', n);
const portId = (n: number) => id('Port_Binding', n);

function addSwitch(bed: TestBed, n: number): void {
  bed.sb('Datapath_Binding', datapath(n), { tunnel_key: n, external_ids: new Map([['logical-switch', 'x']]) });
}

function addPort(bed: TestBed, n: number, on: number, values: object = {}): void {
  const mac = `00:00:00:00:00:${n.toString(16).padStart(2, '0')} 10.0.0.${n}`;
  bed.sb('Port_Binding', portId(n), {
    logical_port: `p${n}`,
    datapath: datapath(on),
    tunnel_key: n,
    mac: [mac],
    port_security: [mac],
    up: false,
    ...values,
  });
}

function addFlow(bed: TestBed, n: number, on: number, match: string, actions: string, values: object = {}): void {
  const common = { logical_datapath: datapath(on), pipeline: 'ingress', table_id: 3, priority: n };
  bed.sb('Logical_Flow', id('Logical_Flow', n), { ...common, match, actions, ...values });
}

const inTable = (bed: TestBed, table: number) => bed.flows().filter((flow) => flow.startsWith(`table=${table} `));

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

describe('laws', () => {
  /** One step of a history. Everything in it may come and go in any order. */
  const step = fc.oneof(
    fc.record({
      what: fc.constant('port' as const),
      n: fc.integer({ min: 1, max: 4 }),
      on: fc.integer({ min: 1, max: 2 }),
    }),
    fc.record({ what: fc.constant('no port' as const), n: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ what: fc.constant('plug' as const), n: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ what: fc.constant('unplug' as const), n: fc.integer({ min: 1, max: 4 }) }),
    fc.record({
      what: fc.constant('bind' as const),
      n: fc.integer({ min: 1, max: 4 }),
      chassis: fc.integer({ min: 0, max: 2 }),
    }),
    fc.record({
      what: fc.constant('flow' as const),
      n: fc.integer({ min: 1, max: 4 }),
      on: fc.integer({ min: 1, max: 2 }),
      form: fc.nat(8),
    }),
    fc.record({ what: fc.constant('shared flow' as const), n: fc.integer({ min: 9, max: 10 }) }),
    fc.record({
      what: fc.constant('group' as const),
      members: fc.uniqueArray(fc.integer({ min: 1, max: 2 }), { maxLength: 2 }),
    }),
    fc.record({ what: fc.constant('no flow' as const), n: fc.integer({ min: 1, max: 10 }) }),
    fc.record({
      what: fc.constant('patch' as const),
      a: fc.integer({ min: 1, max: 2 }),
      b: fc.integer({ min: 1, max: 2 }),
    }),
    fc.record({ what: fc.constant('no patch' as const) }),
    fc.record({
      what: fc.constant('multicast' as const),
      on: fc.integer({ min: 1, max: 2 }),
      members: fc.uniqueArray(fc.integer({ min: 1, max: 4 })),
    }),
    fc.record({ what: fc.constant('address set' as const), members: fc.uniqueArray(fc.integer({ min: 1, max: 9 })) }),
    fc.record({
      what: fc.constant('neighbor' as const),
      n: fc.integer({ min: 1, max: 4 }),
      mac: fc.integer({ min: 0, max: 9 }),
    }),
    fc.record({ what: fc.constant('tunnel' as const), there: fc.boolean() }),
  );
  type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

  const forms = [
    (n: number) => [`inport == "p${n}"`, 'next;'],
    (n: number) => [`ip4.dst == 10.0.0.${n}`, `outport = "p${n}"; output;`],
    () => ['ip4.src == $as', 'next;'],
    (n: number) => [`outport == "p${n}" && ip4`, 'drop;'],
    () => ['eth.mcast', 'outport = "flood"; output;'],
    () => ['ip4 &&', 'next;'],
    (n: number) => ['ip4.src == $as && tcp.dst == {80, 443}', `reg0 = ${n}; next;`],
    (n: number) => ['ip4 && udp', `ct_lb_mark(backends=10.0.0.${n}:80,10.0.0.9:80);`],
    () => ['ip6', 'set_meter(100, 10); log(verdict=drop, meter="m"); next;'],
  ] as const;

  class History {
    readonly bed: TestBed = chassisBed();
    readonly #plugged = new Set<number>();
    #tunnel = false;

    constructor() {
      addChassis(this.bed, 2);
      for (const n of [1, 2]) addSwitch(this.bed, n);
      // Something of everything is there from the start, so that most steps change what matters.
      for (const n of [1, 2, 3, 4]) {
        addPort(this.bed, n, 1 + (n % 2));
        for (const form of forms.keys()) this.apply({ what: 'flow', n: 10 * form + n, on: 1 + (n % 2), form });
      }
      addMeter(this.bed, 1, 'm');
      this.apply({ what: 'shared flow', n: 9 });
      this.apply({ what: 'group', members: [1, 2] });
      this.apply({ what: 'plug', n: 1 });
      this.apply({ what: 'tunnel', there: true });
    }

    #ports(): readonly number[] {
      return [...this.#plugged, ...(this.#tunnel ? [102] : [])];
    }

    apply(change: Step): void {
      const { bed } = this;
      switch (change.what) {
        case 'port': {
          addPort(bed, change.n, change.on);
          return;
        }
        case 'no port':
          bed.sb('Port_Binding', portId(change.n), undefined);
          return;
        case 'plug':
          this.#plugged.add(change.n);
          {
            plug(bed, change.n, `tap${change.n}`, new Map([['iface-id', `p${change.n}`]]), this.#ports());
            return;
          }
        case 'unplug':
          this.#plugged.delete(change.n);
          bed.ovs('Bridge', id('Bridge', 1), {
            ports: this.#ports()
              .map((port) => id('Port', port))
              .sort(),
          });
          return;
        case 'bind':
          if (bed.rows.sb.get('Port_Binding')?.has(portId(change.n)))
            bed.sb('Port_Binding', portId(change.n), {
              chassis: change.chassis === 0 ? undefined : id('Chassis', change.chassis),
            });
          return;
        case 'flow': {
          const [match = '', actions = ''] = forms[change.form]?.(change.n % 10) ?? [];
          addFlow(bed, change.n, change.on, match, actions);
          return;
        }
        case 'shared flow': {
          addFlow(bed, change.n, 1, 'arp || (ip4.src == $as && tcp.src == {80, 443})', 'next;', {
            logical_datapath: undefined,
            logical_dp_group: id('Logical_DP_Group', 1),
          });
          return;
        }
        case 'group':
          bed.sb('Logical_DP_Group', id('Logical_DP_Group', 1), { datapaths: change.members.map(datapath).sort() });
          return;
        case 'no flow':
          bed.sb('Logical_Flow', id('Logical_Flow', change.n), undefined);
          return;
        case 'patch': {
          const patch = (n: number, on: number, peer: number) =>
            addPort(bed, n, on, { type: 'patch', options: new Map([['peer', `p${peer}`]]), port_security: [] });
          patch(11, change.a, 12);
          patch(12, change.b, 11);
          return;
        }
        case 'no patch':
          bed.sb('Port_Binding', portId(12), undefined);
          return;
        case 'multicast':
          bed.sb('Multicast_Group', id('Multicast_Group', change.on), {
            datapath: datapath(change.on),
            name: 'flood',
            tunnel_key: 32768,
            ports: change.members.map(portId).sort(),
          });
          return;
        case 'address set':
          bed.sb('Address_Set', id('Address_Set', 1), {
            name: 'as',
            addresses: change.members.map((n) => `10.0.0.${n}`).sort(),
          });
          return;
        case 'neighbor':
          bed.sb('MAC_Binding', id('MAC_Binding', change.n), {
            logical_port: `p${change.n}`,
            ip: '10.0.0.99',
            mac: `00:00:00:00:01:0${change.mac}`,
            datapath: datapath(1),
          });
          return;
        case 'tunnel':
          this.#tunnel = change.there;
          if (change.there) {
            tunnel(bed, 2, this.#ports());
            return;
          }
          bed.ovs('Bridge', id('Bridge', 1), {
            ports: this.#ports()
              .map((port) => id('Port', port))
              .sort(),
          });
          return;
      }
    }
  }

  test('after any history the switch has what a fresh start computes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 3, maxLength: 25, size: 'max' }),
        async (history) => {
          const run = new History();
          await run.bed.idle();
          for (const together of history) {
            for (const change of together) run.apply(change);
            await run.bed.idle();
          }
          const fresh = await run.bed.fresh();
          expect(run.bed.flows()).toEqual(fresh.flows());
          expect([...run.bed.controller.model.localDatapaths()].sort()).toEqual(
            [...fresh.controller.model.localDatapaths()].sort(),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  test('a switch with the same under other numbers stays as it is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 3, maxLength: 25, size: 'max' }),
        fc.integer({ min: 2, max: 20 }),
        async (history, factor) => {
          const run = new History();
          await run.bed.idle();
          for (const change of history) run.apply(change);
          await run.bed.idle();
          const peer = renumbered(run.bed.switch, (n) => n * factor + 1);
          const before = peer.contents();
          const { controller } = await run.bed.fresh(peer);
          expect(controller.sync.stats).toMatchObject({ added: 0, removed: 0, groups: 0, meters: 0 });
          expect(controller.sync.stats.kept).toBe(peer.table.size);
          expect(peer.contents()).toEqual(before);
        },
      ),
      { numRuns: 60 },
    );
  });
});

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

function addMeter(bed: TestBed, n: number, name: string): void {
  bed.sb('Meter_Band', id('Meter_Band', n), { action: 'drop', rate: 10 * n, burst_size: 0 });
  bed.sb('Meter', id('Meter', n), { name, unit: 'pktps', bands: [id('Meter_Band', n)] });
}

/** The switch as it would be if somebody else had given the numbers. */
function renumbered(from: FakeSwitch, number: (n: number) => number): FakeSwitch {
  const to = new FakeSwitch();
  const conjId = field('conj_id');
  const action = (one: Action): Action => {
    if (one.type === 'group') return { ...one, group: number(one.group) };
    if (one.type === 'meter') return { ...one, meter: number(one.meter) };
    if (one.type === 'conjunction') return { ...one, id: number(one.id) };
    if (one.type === 'controller' && one.meterId !== undefined) return { ...one, meterId: number(one.meterId) };
    return one;
  };
  for (const flow of from.table.values()) {
    const id = flow.match.get(conjId)?.value;
    const match = id === undefined ? flow.match : flow.match.with(conjId, number(Number(id)));
    const actions = [...flow.actions].map(action);
    const next = { ...flow, match, actions: actions[0]?.type === 'conjunction' ? actions.reverse() : actions };
    to.table.set(flowKey(next), next);
  }
  for (const group of from.groupTable.values()) to.groupTable.set(number(group.id), { ...group, id: number(group.id) });
  for (const meter of from.meterTable.values()) to.meterTable.set(number(meter.id), { ...meter, id: number(meter.id) });
  return to;
}
