import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  addChassis,
  addFlow,
  addMeter,
  addPort,
  addSwitch,
  chassisBed,
  datapath,
  id,
  plug,
  portId,
  renumbered,
  type TestBed,
  tunnel,
} from './testing.ts';

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
