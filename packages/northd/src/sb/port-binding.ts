/** Port_Binding: a row for each logical port of a switch or router (ovn-sb(5), Port_Binding). */
import type { Uuid } from '@weft/ovsdb/uuid';
import { type Allocations, maxPortKey } from '../allocations.ts';
import type { DesiredRow } from '../desired-rows.ts';
import type { Model, RouterPort, SwitchPort } from '../model.ts';
import { parsePortAddresses } from '../net.ts';
import type { Output } from '../northd.ts';
import { isBridged } from '../router/gateway.ts';
import { periodicAdvertisement } from '../router/router-advertisement.ts';
import { queueOf, wantsQueue } from './queues.ts';

const emptyMap: ReadonlyMap<string, string> = new Map();

export const portBindings: Output = ({ model, rows, allocations }) => {
  const desired = rows.table('sb', 'Port_Binding');
  const { Logical_Switch_Port, Logical_Router_Port } = model.nb;
  const keys = tunnelKeys(model, allocations);
  const sink = (view: object, row: DesiredRow | undefined, previous: DesiredRow | undefined): void => {
    desired.claim(view, row && String(row.logical_port), row);
    if (previous === undefined) return;
    const name = String(previous.logical_port);
    // The name may be another port's by now, and with it what was allocated under it.
    const heir = desired.get(name);
    if (heir?.datapath !== previous.datapath) keys.release(previous);
    if (!(heir?.options as ReadonlyMap<string, string> | undefined)?.has('qdisc_queue_id')) {
      allocations.queues.release(name);
    }
  };

  model.rt.forEach(
    'Port_Binding of switch port',
    Logical_Switch_Port,
    (row) => {
      const port = model.switchPort(row);
      const tunnel_key = port && keys.of(port.ls.uuid, port.name, row.options);
      return tunnel_key === undefined ? undefined : switchPortBinding(port as SwitchPort, tunnel_key, allocations);
    },
    sink,
  );
  model.rt.forEach(
    'Port_Binding of router port',
    Logical_Router_Port,
    (row) => {
      const port = model.routerPort(row);
      const tunnel_key = port && keys.of(port.lr.uuid, port.name, row.options);
      return tunnel_key === undefined ? undefined : routerPortBinding(port as RouterPort, tunnel_key, allocations);
    },
    sink,
  );
  /** What claims the rows of redirect ports: the views themselves claim the ports' own. */
  const redirects = new WeakMap<object, object>();
  const redirectOf = (view: object): object => {
    const known = redirects.get(view) ?? {};
    redirects.set(view, known);
    return known;
  };
  model.rt.forEach(
    'Port_Binding of gateway',
    Logical_Router_Port,
    (row) => {
      const port = model.routerPort(row);
      if (port === undefined || !port.isGateway) return undefined;
      const tunnel_key = keys.of(port.lr.uuid, port.redirectName, emptyMap);
      return tunnel_key === undefined ? undefined : redirectBinding(port, tunnel_key, allocations);
    },
    (view, row, previous) => sink(redirectOf(view), row, previous),
  );
};

/** Tunnel keys of ports, unique in their datapath. */
function tunnelKeys(model: Model, allocations: Allocations) {
  const { Logical_Switch_Port, Logical_Router_Port } = model.nb;
  const requestedKey = (options: ReadonlyMap<string, string>): number | undefined => {
    const text = options.get('requested-tnl-key');
    return text !== undefined && /^[1-9]\d{0,4}$/.test(text) && Number(text) <= maxPortKey ? Number(text) : undefined;
  };
  const contribute =
    (ownerOf: (uuid: Uuid) => { readonly _uuid: Uuid } | undefined) =>
    (row: { readonly _uuid: Uuid; readonly name: string; readonly options: ReadonlyMap<string, string> }) => {
      const key = requestedKey(row.options);
      const datapath = key === undefined ? undefined : ownerOf(row._uuid);
      return datapath === undefined ? [] : [[`${datapath._uuid} ${key}`, row.name] as [string, string]];
    };
  const switchRequests = model.rt.relation(
    'keys that switch ports request',
    Logical_Switch_Port,
    contribute((uuid) => model.switchOfPort.one(uuid)),
  );
  const routerRequests = model.rt.relation(
    'keys that router ports request',
    Logical_Router_Port,
    contribute((uuid) => model.routerOfPort.one(uuid)),
  );
  const claimant = (datapath: Uuid, key: number): string | undefined =>
    switchRequests.get(`${datapath} ${key}`)[0] ?? routerRequests.get(`${datapath} ${key}`)[0];

  return {
    of(datapath: Uuid, name: string, options: ReadonlyMap<string, string>): number | undefined {
      const pool = allocations.portKeys(allocations.datapath(datapath));
      const requested = requestedKey(options);
      if (requested !== undefined) {
        if (claimant(datapath, requested) === name) {
          pool.assign(name, requested);
          return requested;
        }
        model.problem(`port "${name}" requests the tunnel key ${requested}, which another port of its datapath has`);
      }
      const taken = (key: number): boolean => {
        const owner = claimant(datapath, key);
        return owner !== undefined && owner !== name;
      };
      const key = pool.allocate(name, maxPortKey, taken);
      if (key === undefined) model.problem(`port "${name}" is skipped: all tunnel keys of its datapath are taken`);
      return key;
    },
    release(row: DesiredRow): void {
      allocations.releasePortKey(String(row.datapath), String(row.logical_port));
    },
  };
}

function switchPortBinding(port: SwitchPort, tunnel_key: number, allocations: Allocations): DesiredRow {
  const { row, model } = port;
  const externalIds = new Map(row.external_ids);
  const name = externalIds.get('neutron:port_name');
  if (name !== undefined) externalIds.set('name', name);
  const chassis = requestedChassis(port);
  return {
    logical_port: port.name,
    datapath: allocations.datapath(port.ls.uuid),
    tunnel_key,
    type: switchPortType(port),
    options: switchPortOptions(port),
    mac: row.addresses,
    port_security: row.port_security,
    parent_port: row.parent_name,
    tag: model.tags.of(row),
    nat_addresses: natAddresses(port),
    external_ids: externalIds,
    gateway_chassis: [],
    ha_chassis_group: haChassisGroup(port, allocations),
    requested_chassis: chassis[0],
    requested_additional_chassis: chassis.slice(1).sort(),
  };
}

function switchPortType(port: SwitchPort): string {
  if (port.type !== 'router') return port.type;
  return port.peer?.lr.gatewayChassis === undefined ? 'patch' : 'l3gateway';
}

function switchPortOptions(port: SwitchPort): ReadonlyMap<string, string> {
  const { row } = port;
  if (port.type === 'router') {
    const options = new Map<string, string>();
    const peer = row.options.get('router-port');
    if (peer !== undefined) options.set('peer', peer);
    const gateway = port.peer?.lr.gatewayChassis;
    if (gateway !== undefined) options.set('l3gateway-chassis', gateway);
    return options;
  }
  const passthru = port.ls.vlanPassthru;
  if (!passthru && !wantsQueue(port)) return row.options;
  const options = new Map(row.options);
  if (passthru) options.set('vlan-passthru', 'true');
  const queue = queueOf(port);
  if (queue !== undefined) options.set('qdisc_queue_id', queue);
  return options;
}

/** The chassis that `options:requested-chassis` names, by name or host name: the main one first. */
function requestedChassis(port: SwitchPort): readonly Uuid[] {
  const option = port.row.options.get('requested-chassis');
  if (option === undefined || option === '' || port.type === 'router') return [];
  return option.split(',').flatMap((name) => port.model.chassisNamed(name)?._uuid ?? []);
}

function haChassisGroup(port: SwitchPort, allocations: Allocations): Uuid | undefined {
  const uuid = port.type === 'external' ? port.row.ha_chassis_group : undefined;
  const group = uuid === undefined ? undefined : port.model.nb.HA_Chassis_Group.get(uuid);
  return group && allocations.uuid('HA_Chassis_Group', group.name);
}

/**
 * Addresses that the gateway's chassis announces on the physical network: the router port's own, and what the option `nat-addresses` lists
 * (ovn-sb(5), Port_Binding `nat_addresses`; NAT's and load balancers' come with those).
 */
function natAddresses(port: SwitchPort): readonly string[] {
  const { peer } = port;
  if (peer === undefined) return [];
  const { residence } = peer;
  if (residence === undefined && peer.lr.gatewayChassis === undefined) return [];
  const where = residence === undefined ? '' : ` is_chassis_resident("${residence}")`;
  const announced: string[] = [];
  const asked = port.row.options.get('nat-addresses');
  if (asked !== undefined && asked !== 'router') {
    const { addresses, error } = parsePortAddresses(asked);
    if (addresses === undefined || error !== undefined) {
      port.model.problem(`Logical_Switch_Port "${port.name}": options:nat-addresses: ${error ?? asked}`);
    } else announced.push(`${asked}${where}`);
  }
  if (asked === 'router') announced.push(...addressesOfNat(port, peer, where));
  if (residence !== undefined || port.ls.hasLocalnet) {
    announced.push(`${[peer.mac, ...peer.ip4.map(({ text }) => text)].join(' ')}${where}`);
  }
  return announced.sort();
}

/** The external addresses of the router's NAT rules: those of the gateway together, those of distributed rules each where it is. */
function addressesOfNat(port: SwitchPort, peer: RouterPort, where: string): readonly string[] {
  const central = new Set<string>();
  const announced: string[] = [];
  for (const { parsed } of port.model.nats.of(peer.lr.uuid)) {
    const { external, distributed } = parsed;
    if (external.family !== 4 || peer.ip4.some(({ text }) => text === external.text)) continue;
    if (distributed === undefined) central.add(external.text);
    else announced.push(`${distributed.mac} ${external.text} is_chassis_resident("${distributed.port}")`);
  }
  if (central.size > 0) announced.push(`${[peer.mac, ...[...central].sort()].join(' ')}${where}`);
  return announced;
}

function routerPortBinding(port: RouterPort, tunnel_key: number, allocations: Allocations): DesiredRow {
  const gateway = port.lr.gatewayChassis;
  const options = new Map<string, string>();
  const peer = port.row.peer === undefined ? port.switchPort?.name : port.peerRouterPort?.name;
  if (peer !== undefined) options.set('peer', peer);
  if (gateway !== undefined) options.set('l3gateway-chassis', gateway);
  else if (port.isGateway && peer !== undefined) options.set('chassis-redirect-port', port.redirectName);
  for (const [name, value] of periodicAdvertisement(port)) options.set(name, value);
  return {
    logical_port: port.name,
    datapath: allocations.datapath(port.lr.uuid),
    tunnel_key,
    type: gateway === undefined ? 'patch' : 'l3gateway',
    options,
    mac: macOf(port),
    port_security: [],
    parent_port: undefined,
    tag: undefined,
    nat_addresses: [],
    external_ids: port.row.external_ids,
    gateway_chassis: [],
    ha_chassis_group: undefined,
    requested_chassis: undefined,
    requested_additional_chassis: [],
  };
}

const macOf = (port: RouterPort): readonly string[] => [[port.row.mac, ...port.row.networks].join(' ')];

/** The instance of a distributed gateway port on its gateway chassis. */
function redirectBinding(port: RouterPort, tunnel_key: number, allocations: Allocations): DesiredRow {
  const options = new Map([['distributed-port', port.name]]);
  const redirect = port.row.options.get('redirect-type');
  if (redirect !== undefined) options.set('redirect-type', redirect);
  // All that leaves goes to the gateway's chassis, if no NAT is done where the packet comes from.
  const distributed = port.model.nats.macs(port.lr.uuid).length > 0;
  if (!distributed && !isBridged(port) && !port.switchPort?.ls.hasVtep) options.set('always-redirect', 'true');
  const group = port.row.ha_chassis_group;
  const groupName = group === undefined ? port.name : port.model.nb.HA_Chassis_Group.get(group)?.name;
  return {
    ...routerPortBinding(port, tunnel_key, allocations),
    logical_port: port.redirectName,
    type: 'chassisredirect',
    options,
    ha_chassis_group: groupName === undefined ? undefined : allocations.uuid('HA_Chassis_Group', groupName),
  };
}
