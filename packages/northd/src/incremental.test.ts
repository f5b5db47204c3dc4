import { rowFactory } from '@weft/ovsdb/row-shape';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { NbTable } from '@weft/schemas/nb';
import { sb } from '@weft/schemas/sb';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Allocations } from './allocations.ts';
import type { Northd } from './northd.ts';
import { flowLines, NbState, newCore, rowLines } from './testing/nb-state.ts';

/** One random change: what to do, and three numbers to choose by. */
type Step = readonly [kind: string, a: number, b: number, c: number];

const pick = <T>(items: readonly T[], n: number): T => items[n % items.length] as T;
const map = (entries: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
  new Map(Object.entries(entries).sort());

const addresses = [
  [],
  ['00:00:00:00:00:01'],
  ['00:00:00:00:00:02 10.0.0.2 fd01::2'],
  ['00:00:00:00:00:03 10.0.0.3', 'unknown'],
  ['unknown'],
  ['dynamic'],
  ['00:00:00:00:00:04 dynamic'],
  ['router'],
  ['not an address'],
] as const;
const types = ['', '', '', 'router', 'localnet', 'external', 'localport', 'virtual', 'vtep', 'l2gateway'] as const;
const portOptions = [
  map({}),
  map({ 'router-port': 'lrp0' }),
  map({ 'requested-tnl-key': '3' }),
  map({ qos_max_rate: '100' }),
  map({ 'requested-chassis': 'hv1,hv2' }),
  map({ 'virtual-ip': '10.0.0.99', 'virtual-parents': 'p0,p1' }),
];
const switchConfigs = [
  map({}),
  map({ 'vlan-passthru': 'true' }),
  map({ subnet: '10.0.0.0/29' }),
  map({ subnet: '10.0.0.0/29', exclude_ips: '10.0.0.2..10.0.0.3', ipv6_prefix: 'fd02::' }),
  map({ 'requested-tnl-key': '2' }),
];

type Change = (world: World, a: number, b: number, c: number) => void;

/** A network and the chassis under it. */
class World {
  readonly nb = new NbState();
  readonly chassis = new Map<Uuid, object>();
  #pending: { uuid: Uuid; new?: object }[] = [];

  constructor() {
    this.nb.insert('NB_Global', { options: map({ mac_prefix: '0a:00:00', svc_monitor_mac: '0a:00:00:00:00:01' }) });
  }

  setChassis(name: string, config: Readonly<Record<string, string>> | undefined): void {
    const uuid = `00000000-0000-4000-9000-0000000000${name.slice(2).padStart(2, '0')}`;
    const row = config && rowFactory(sb.tables.Chassis)(uuid, { name, other_config: map(config), encaps: [] });
    if (row === undefined) this.chassis.delete(uuid);
    else this.chassis.set(uuid, row);
    this.#pending.push(row === undefined ? { uuid } : { uuid, new: row });
  }

  flushTo(northd: Northd): void {
    northd.model.sb.Chassis.apply(this.#pending as never);
    this.#pending = [];
    this.nb.flushTo(northd);
  }

  recomputed(allocations: Allocations): Northd {
    const northd = this.nb.recomputed(allocations);
    northd.model.sb.Chassis.apply([...this.chassis].map(([uuid, row]) => ({ uuid, new: row })) as never);
    northd.flush();
    return northd;
  }
}

const changes: Readonly<Record<string, Change>> = {
  addSwitch: ({ nb }, a) => {
    if (nb.uuids('Logical_Switch').length < 4) nb.insert('Logical_Switch', { name: `ls${a % 5}` });
  },
  removeSwitch: ({ nb }, a) => {
    const uuid = choose(nb, 'Logical_Switch', a);
    if (uuid === undefined) return;
    const ports = nb.get('Logical_Switch', uuid)?.ports as readonly Uuid[];
    nb.delete('Logical_Switch', uuid);
    for (const port of ports) removePort(nb, port);
  },
  setSwitch: ({ nb }, a, b) => change(nb, 'Logical_Switch', a, { other_config: pick(switchConfigs, b) }),
  addPort: ({ nb }, a, b, c) => {
    const ls = choose(nb, 'Logical_Switch', a);
    if (ls === undefined || named(nb, `p${b % 7}`)) return;
    const port = nb.insert('Logical_Switch_Port', { name: `p${b % 7}`, addresses: sorted(pick(addresses, c)) });
    nb.link('Logical_Switch', ls, 'ports', port);
  },
  removePort: ({ nb }, a) => {
    const uuid = choose(nb, 'Logical_Switch_Port', a);
    if (uuid === undefined) return;
    nb.unlink('Logical_Switch', 'ports', uuid);
    removePort(nb, uuid);
  },
  movePort: ({ nb }, a, b) => {
    const uuid = choose(nb, 'Logical_Switch_Port', a);
    const ls = choose(nb, 'Logical_Switch', b);
    if (uuid === undefined || ls === undefined) return;
    nb.unlink('Logical_Switch', 'ports', uuid);
    nb.link('Logical_Switch', ls, 'ports', uuid);
  },
  renamePort: ({ nb }, a, b) => {
    if (!named(nb, `p${b % 7}`)) change(nb, 'Logical_Switch_Port', a, { name: `p${b % 7}` });
  },
  setAddresses: ({ nb }, a, b, c) =>
    change(nb, 'Logical_Switch_Port', a, {
      addresses: sorted(pick(addresses, b)),
      port_security: sorted(pick(addresses, c)),
    }),
  setType: ({ nb }, a, b, c) =>
    change(nb, 'Logical_Switch_Port', a, { type: pick(types, b), options: pick(portOptions, c) }),
  setEnabled: ({ nb }, a, b) => change(nb, 'Logical_Switch_Port', a, { enabled: pick([undefined, false, true], b) }),
  setParent: ({ nb }, a, b, c) =>
    change(nb, 'Logical_Switch_Port', a, {
      parent_name: pick([undefined, 'p0', 'p1'], b),
      tag_request: pick([undefined, 0, 0, 1, 42], c),
    }),
  addRouterPort: ({ nb }, a, b) => {
    const name = pick(['lrp0', 'lrp1', 'p3'], b);
    if (nb.uuids('Logical_Router_Port').some((uuid) => nb.get('Logical_Router_Port', uuid)?.name === name)) return;
    const lr = choose(nb, 'Logical_Router', a) ?? nb.insert('Logical_Router', { name: 'lr0' });
    const port = nb.insert('Logical_Router_Port', { name, mac: '00:00:00:00:11:00', networks: ['10.0.0.1/24'] });
    nb.link('Logical_Router', lr, 'ports', port);
  },
  removeRouterPort: ({ nb }, a) => {
    const uuid = choose(nb, 'Logical_Router_Port', a);
    if (uuid === undefined) return;
    nb.unlink('Logical_Router', 'ports', uuid);
    nb.delete('Logical_Router_Port', uuid);
  },
  addGroup: ({ nb }, a) => {
    const name = `pg${a % 3}`;
    const taken = nb.uuids('Port_Group').some((uuid) => nb.get('Port_Group', uuid)?.name === name);
    if (!taken) nb.insert('Port_Group', { name });
  },
  joinGroup: ({ nb }, a, b) => {
    const group = choose(nb, 'Port_Group', a);
    const port = choose(nb, 'Logical_Switch_Port', b);
    if (group === undefined || port === undefined) return;
    const ports = nb.get('Port_Group', group)?.ports as readonly Uuid[];
    nb.update('Port_Group', group, {
      ports: ports.includes(port) ? ports.filter((other) => other !== port) : [...ports, port].sort(),
    });
  },
  removeGroup: ({ nb }, a) => {
    const uuid = choose(nb, 'Port_Group', a);
    if (uuid !== undefined) nb.delete('Port_Group', uuid);
  },
  chassis: (world, a, b) =>
    world.setChassis(
      pick(['hv1', 'hv2'], a),
      pick<Record<string, string> | undefined>([undefined, {}, { 'ct-no-masked-label': 'true' }], b),
    ),
  ignoreDown: ({ nb }, a) =>
    change(nb, 'NB_Global', 0, {
      options: map({
        mac_prefix: '0a:00:00',
        svc_monitor_mac: '0a:00:00:00:00:01',
        ...(a % 2 ? { ignore_lsp_down: 'false' } : {}),
      }),
    }),
};

const sorted = (words: readonly string[]): readonly string[] => [...words].sort();

function choose(nb: NbState, table: NbTable, n: number): Uuid | undefined {
  const uuids = nb.uuids(table);
  return uuids.length === 0 ? undefined : pick(uuids, n);
}

function change(nb: NbState, table: NbTable, n: number, values: Parameters<NbState['update']>[2]): void {
  const uuid = choose(nb, table, n);
  if (uuid !== undefined) nb.update(table, uuid, values);
}

const named = (nb: NbState, name: string): boolean =>
  nb.uuids('Logical_Switch_Port').some((uuid) => nb.get('Logical_Switch_Port', uuid)?.name === name);

/** As the database does it: weak references to the port vanish with it. */
function removePort(nb: NbState, uuid: Uuid): void {
  nb.unlink('Port_Group', 'ports', uuid);
  nb.delete('Logical_Switch_Port', uuid);
}

describe('switches and southbound tables', () => {
  it('have after any history the flows and rows that a fresh start computes', () => {
    const step: fc.Arbitrary<Step> = fc.tuple(
      fc.constantFrom(...Object.keys(changes), 'addPort', 'addPort', 'setAddresses', 'setType'),
      fc.nat(20),
      fc.nat(20),
      fc.nat(20),
    );
    fc.assert(
      fc.property(
        fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 14 }),
        (rounds) => {
          const failures: string[] = [];
          const allocations = new Allocations();
          const northd = newCore((message) => failures.push(message), allocations);
          const world = new World();
          for (const steps of rounds) {
            for (const [kind, a, b, c] of steps) changes[kind]?.(world, a, b, c);
            world.flushTo(northd);
            const fresh = world.recomputed(allocations);
            expect(flowLines(northd)).toEqual(flowLines(fresh));
            expect(rowLines(northd)).toEqual(rowLines(fresh));
          }
          expect(failures.filter((message) => /^feature|Error/.test(message))).toEqual([]);
        },
      ),
      { numRuns: 200 },
    );
    // Ten seconds of computing, which take longer where others compute, too.
  }, 300_000);
});
