import type { Uuid } from '@weft/ovsdb/uuid';
import type { NbTable } from '@weft/schemas/nb';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flowLines, NbState, newCore } from '../testing/nb-state.ts';

/** One random change: what to do, and three numbers to choose by. */
type Step = readonly [kind: string, a: number, b: number, c: number];

const networks = [
  ['192.168.1.1/24'],
  ['192.168.1.1/24', '192.168.2.1/24', 'fd01::1/64'],
  ['10.0.0.1/8', 'fd02::1/64'],
  ['192.168.1.2/24'],
  ['nonsense'],
] as const;
const addresses = [
  [],
  ['00:00:00:00:00:01'],
  ['00:00:00:00:00:02 192.168.1.10 fd01::10'],
  ['00:00:00:00:00:03 192.168.2.10 10.0.0.10', 'unknown'],
  ['unknown'],
  ['router'],
  ['not an address'],
] as const;
const prefixes = ['0.0.0.0/0', '10.1.0.0/16', '10.1.2.3/16', 'fd77::/32', 'nonsense'] as const;
const nexthops = ['192.168.1.254', '10.0.0.254', 'fd01::fe', 'discard', '', 'nonsense'] as const;
const macs = ['00:00:00:00:11:00', '00:00:00:00:12:00', 'nonsense'] as const;

const pick = <T>(items: readonly T[], n: number): T => items[n % items.length] as T;
const map = (entries: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
  new Map(Object.entries(entries).sort());

/** What can happen to a network; each works on whatever is there, and does nothing where there is nothing. */
const changes: Readonly<Record<string, (nb: NbState, a: number, b: number, c: number) => void>> = {
  addSwitch: (nb, a) => {
    if (nb.uuids('Logical_Switch').length < 4) nb.insert('Logical_Switch', { name: `ls${a % 5}` });
  },
  removeSwitch: (nb, a) => remove(nb, 'Logical_Switch', a),
  addRouter: (nb, a, b) => {
    if (nb.uuids('Logical_Router').length > 3) return;
    nb.insert('Logical_Router', { name: `lr${a % 5}`, enabled: pick([undefined, true, false], b) });
  },
  removeRouter: (nb, a) => remove(nb, 'Logical_Router', a),
  setRouter: (nb, a, b, c) =>
    change(nb, 'Logical_Router', a, {
      enabled: pick([undefined, true, false], b),
      options: pick(
        [map({}), map({ always_learn_from_arp_request: 'false' }), map({ dynamic_neigh_routers: 'true' })],
        c,
      ),
    }),
  addRouterPort: (nb, a, b, c) => {
    const lr = choose(nb, 'Logical_Router', a);
    if (lr === undefined) return;
    const port = nb.insert('Logical_Router_Port', {
      name: `lrp${b % 6}`,
      mac: pick(macs, b),
      networks: [...pick(networks, c)].sort(),
    });
    nb.link('Logical_Router', lr, 'ports', port);
  },
  removeRouterPort: (nb, a) => removeFrom(nb, 'Logical_Router', 'ports', 'Logical_Router_Port', a),
  setRouterPort: (nb, a, b, c) =>
    change(nb, 'Logical_Router_Port', a, {
      networks: [...pick(networks, b)].sort(),
      mac: pick(macs, c),
      enabled: pick([undefined, false], b + c),
      peer: pick([undefined, undefined, 'lrp0', 'lrp1'], c),
      options: pick([map({}), map({ gateway_mtu: '1400' }), map({ route_table: 'rtb1' })], b),
      ipv6_ra_configs: pick([map({}), map({ address_mode: 'slaac' })], a),
    }),
  addPort: (nb, a, b, c) => {
    const ls = choose(nb, 'Logical_Switch', a);
    if (ls === undefined) return;
    const port = nb.insert('Logical_Switch_Port', { name: `lsp${b % 8}`, addresses: [...pick(addresses, c)].sort() });
    nb.link('Logical_Switch', ls, 'ports', port);
  },
  removePort: (nb, a) => removeFrom(nb, 'Logical_Switch', 'ports', 'Logical_Switch_Port', a),
  setPort: (nb, a, b, c) =>
    change(nb, 'Logical_Switch_Port', a, {
      addresses: [...pick(addresses, b)].sort(),
      enabled: pick([undefined, false, true], c),
      port_security: [...pick(addresses, c)].filter((entry) => entry !== 'router' && entry !== 'unknown').sort(),
    }),
  attach: (nb, a, b) =>
    change(nb, 'Logical_Switch_Port', a, {
      type: pick(['router', 'router', 'router', '', 'localnet'], b),
      options: map({ 'router-port': `lrp${b % 6}` }),
      addresses: ['router'],
    }),
  addRoute: (nb, a, b, c) => {
    const lr = choose(nb, 'Logical_Router', a);
    if (lr === undefined) return;
    const route = nb.insert('Logical_Router_Static_Route', {
      ip_prefix: pick(prefixes, b),
      nexthop: pick(nexthops, c),
      policy: pick([undefined, 'src-ip', 'dst-ip'], b + c),
      output_port: pick([undefined, 'lrp0', 'lrp9'], a + c),
      route_table: pick(['', 'rtb1'], a + b),
    });
    nb.link('Logical_Router', lr, 'static_routes', route);
  },
  removeRoute: (nb, a) => removeFrom(nb, 'Logical_Router', 'static_routes', 'Logical_Router_Static_Route', a),
  setRoute: (nb, a, b, c) =>
    change(nb, 'Logical_Router_Static_Route', a, { ip_prefix: pick(prefixes, b), nexthop: pick(nexthops, c) }),
  addNat: (nb, a, b, c) => {
    const lr = choose(nb, 'Logical_Router', a);
    if (lr === undefined) return;
    const nat = nb.insert('NAT', {
      type: pick(['snat', 'dnat', 'dnat_and_snat'], b),
      external_ip: pick(['192.168.1.1', '10.0.0.50', 'fd01::50', 'nonsense'], c),
      logical_ip: pick(['192.168.2.10', '192.168.2.0/24', 'fd02::10'], a + c),
      external_mac: pick([undefined, '00:00:00:00:99:01'], a + b),
      logical_port: pick([undefined, 'lsp1'], b + c),
    });
    nb.link('Logical_Router', lr, 'nat', nat);
  },
  removeNat: (nb, a) => removeFrom(nb, 'Logical_Router', 'nat', 'NAT', a),
  setGateway: (nb, a, b) => {
    const chassis = choose(nb, 'Gateway_Chassis', b) ?? nb.insert('Gateway_Chassis', { name: 'g', chassis_name: 'gw' });
    change(nb, 'Logical_Router_Port', a, { gateway_chassis: b % 2 === 0 ? [chassis] : [] });
  },
  setGatewayRouter: (nb, a, b) =>
    change(nb, 'Logical_Router', a, { options: pick([map({}), map({ chassis: 'gw1' })], b) }),
  addPolicy: (nb, a, b, c) => {
    const lr = choose(nb, 'Logical_Router', a);
    if (lr === undefined) return;
    const policy = nb.insert('Logical_Router_Policy', {
      priority: 100 + (b % 3),
      match: 'ip4',
      action: pick(['allow', 'drop', 'reroute'], b),
      nexthops: pick([[], ['192.168.1.254'], ['10.0.0.254', '192.168.1.254']], c),
    });
    nb.link('Logical_Router', lr, 'policies', policy);
  },
  removePolicy: (nb, a) => removeFrom(nb, 'Logical_Router', 'policies', 'Logical_Router_Policy', a),
  addQos: (nb, a, b) => {
    const ls = choose(nb, 'Logical_Switch', a);
    if (ls === undefined) return;
    const qos = nb.insert('QoS', {
      direction: 'from-lport',
      priority: b,
      match: 'ip4',
      action: new Map([['dscp', 3]]),
    });
    nb.link('Logical_Switch', ls, 'qos_rules', qos);
  },
  removeQos: (nb, a) => removeFrom(nb, 'Logical_Switch', 'qos_rules', 'QoS', a),
  addGroup: (nb, a, b) => {
    if (nb.uuids('Port_Group').length > 2) return;
    const port = choose(nb, 'Logical_Switch_Port', b);
    nb.insert('Port_Group', { name: `pg${a % 3}`, ports: port === undefined ? [] : [port] });
  },
  removeGroup: (nb, a) => {
    const uuid = choose(nb, 'Port_Group', a);
    if (uuid === undefined) return;
    for (const acl of (nb.get('Port_Group', uuid)?.acls ?? []) as readonly Uuid[]) nb.delete('ACL', acl);
    nb.delete('Port_Group', uuid);
  },
  setGroup: (nb, a, b, c) => {
    const ports = [choose(nb, 'Logical_Switch_Port', b), choose(nb, 'Logical_Switch_Port', c)];
    change(nb, 'Port_Group', a, { ports: [...new Set(ports.filter((port) => port !== undefined))].sort() });
  },
  addAcl: (nb, a, b, c) => {
    const owner = pick(['Logical_Switch', 'Port_Group'] as const, a);
    const uuid = choose(nb, owner, b);
    if (uuid === undefined) return;
    const acl = nb.insert('ACL', {
      direction: pick(['from-lport', 'to-lport'], c),
      priority: 100 + (b % 3),
      match: pick(['ip4', 'tcp || udp', '1'], a),
      action: pick(['allow', 'allow-related', 'drop', 'reject', 'allow-stateless'], a + b),
      log: c % 3 === 0,
      meter: pick([undefined, 'm1'], c),
    });
    nb.link(owner, uuid, 'acls', acl);
  },
  removeAcl: (nb, a) => {
    const uuid = choose(nb, 'ACL', a);
    if (uuid === undefined) return;
    nb.unlink('Logical_Switch', 'acls', uuid);
    nb.unlink('Port_Group', 'acls', uuid);
    nb.delete('ACL', uuid);
  },
  setAcl: (nb, a, b) => change(nb, 'ACL', a, { action: pick(['allow', 'allow-related', 'drop'], b) }),
  addMeter: (nb, a) => {
    if (nb.uuids('Meter').length === 0) nb.insert('Meter', { name: 'm1', unit: 'pktps', fair: a % 2 === 0 });
  },
  removeMeter: (nb, a) => {
    const uuid = choose(nb, 'Meter', a);
    if (uuid !== undefined) nb.delete('Meter', uuid);
  },
};

function choose(nb: NbState, table: NbTable, n: number): Uuid | undefined {
  const uuids = nb.uuids(table);
  return uuids.length === 0 ? undefined : pick(uuids, n);
}

function change(nb: NbState, table: NbTable, n: number, values: Parameters<NbState['update']>[2]): void {
  const uuid = choose(nb, table, n);
  if (uuid !== undefined) nb.update(table, uuid, values);
}

/** As the database does it: what only the removed row referred to goes with it. */
function remove(nb: NbState, table: 'Logical_Switch' | 'Logical_Router', n: number): void {
  const uuid = choose(nb, table, n);
  const row = uuid === undefined ? undefined : nb.get(table, uuid);
  if (uuid === undefined || row === undefined) return;
  nb.delete(table, uuid);
  const owned = (column: string, of: NbTable): void => {
    for (const member of (row[column] ?? []) as readonly Uuid[]) nb.delete(of, member);
  };
  owned('ports', table === 'Logical_Switch' ? 'Logical_Switch_Port' : 'Logical_Router_Port');
  if (table === 'Logical_Router') {
    owned('static_routes', 'Logical_Router_Static_Route');
    owned('policies', 'Logical_Router_Policy');
    owned('nat', 'NAT');
  } else {
    owned('acls', 'ACL');
    owned('qos_rules', 'QoS');
  }
  // A port group loses the ports that are gone: its references are weak.
  for (const group of nb.uuids('Port_Group')) dropDeadPorts(nb, group);
}

function removeFrom(nb: NbState, owner: NbTable, column: string, table: NbTable, n: number): void {
  const uuid = choose(nb, table, n);
  if (uuid === undefined) return;
  nb.unlink(owner, column, uuid);
  nb.delete(table, uuid);
  for (const group of nb.uuids('Port_Group')) dropDeadPorts(nb, group);
}

function dropDeadPorts(nb: NbState, group: Uuid): void {
  const ports = nb.get('Port_Group', group)?.ports as readonly Uuid[];
  const alive = ports.filter((port) => nb.get('Logical_Switch_Port', port) !== undefined);
  if (alive.length < ports.length) nb.update('Port_Group', group, { ports: alive });
}

describe('switches and routers', () => {
  it('have after any history the flows that a fresh start computes', () => {
    // More comes than goes, else the networks stay small.
    const kinds = Object.keys(changes).flatMap((kind) => (kind.startsWith('remove') ? [kind] : [kind, kind, kind]));
    const step: fc.Arbitrary<Step> = fc.tuple(fc.constantFrom(...kinds), fc.nat(20), fc.nat(20), fc.nat(20));
    // Several changes in one update are as usual as one.
    const update = fc.array(step, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(update, { minLength: 1, maxLength: 40 }), (updates) => {
        const nb = new NbState();
        const northd = newCore();
        for (const steps of updates) {
          for (const [kind, a, b, c] of steps) changes[kind]?.(nb, a, b, c);
          nb.flushTo(northd);
        }
        expect(flowLines(northd)).toEqual(flowLines(nb.recomputed()));
      }),
      { numRuns: 300 },
    );
  });
});
