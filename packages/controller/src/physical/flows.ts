import { isDeepStrictEqual } from 'node:util';
/** Which physical flows each row of the tables asks for: the glue between the model and the functions that make flows. */
import type { Flow } from '@weft/openflow/flow';
import { ipBytes, macBytes } from '@weft/packet/address';
import type { EncapType } from '../config.ts';
import { parsePairs } from '../config.ts';
import type { Feature } from '../feature.ts';
import { dnatZoneName, snatZoneName } from '../local/ct-zones.ts';
import { tunnelTo } from '../local/tunnels.ts';
import { isContainer, type Model, type PortBinding } from '../model/model.ts';
import { baseFlows } from './base.ts';
import { dropSampler } from './drop-samples.ts';
import { chassisMacFlows, localnetPortFlows, type RouterPeer, viaLocalnetFlows } from './localnet.ts';
import { type Member, multicastFlows } from './multicast.ts';
import { bindingPriority, fdbFlows, macBindingFlows } from './neighbors.ts';
import { patchPortFlows } from './patch.ts';
import { interfacePortFlows, type PortKeys } from './port.ts';
import { parseSecurityEntry, portSecurityFlows, type SecurityEntry } from './port-security.ts';
import { remotePortFlows, type Tunnel, tunnelInputFlows } from './tunnel.ts';

/** The numbers of a port; undefined while its datapath or one of its zones is missing. */
function keysOf(model: Model, port: PortBinding, zoned: boolean): PortKeys | undefined {
  const datapath = model.tables.sb.Datapath_Binding.get(port.datapath);
  const dnat = model.zoneOf(dnatZoneName(port.datapath));
  const snat = model.zoneOf(snatZoneName(port.datapath));
  const zone = zoned ? model.zoneOf(port.logical_port) : undefined;
  const missing = dnat === undefined || snat === undefined || (zoned && zone === undefined);
  // Those of a local datapath are about to come.
  if (datapath === undefined || (missing && model.isLocalDatapath(port.datapath))) return undefined;
  return {
    uuid: port._uuid,
    datapathKey: datapath.tunnel_key,
    portKey: port.tunnel_key,
    zones: { port: zone, dnat, snat },
  };
}

function portFlows(model: Model, port: PortBinding): readonly Flow[] | undefined {
  if (!model.isLocalDatapath(port.datapath)) return undefined;
  switch (port.type) {
    case '':
    case 'localport':
      return vifFlows(model, port);
    case 'patch':
      return patchFlows(model, port);
    case 'localnet':
      return localnetFlows(model, port) ?? elsewhereFlows(model, port);
    default:
      return port.chassis === undefined ? undefined : elsewhereFlows(model, port);
  }
}

function vifFlows(model: Model, port: PortBinding): readonly Flow[] | undefined {
  const local = model.interfaceOf(port);
  if (local?.ofport === undefined) return port.type === '' ? elsewhereFlows(model, port) : undefined;
  const keys = keysOf(model, port, true);
  if (keys === undefined) return undefined;
  let container: { tag: number; parentKey: number } | undefined;
  if (isContainer(port)) {
    const parent = model.portByName.one(port.parent_port);
    if (parent === undefined || port.tag === undefined) return undefined;
    container = { tag: port.tag, parentKey: parent.tunnel_key };
  }
  return interfacePortFlows({ ...keys, ofport: local.ofport, container, localport: port.type === 'localport' });
}

/** A port that is not on this chassis: over the physical network if the switch has one, else through a tunnel. */
function elsewhereFlows(model: Model, port: PortBinding): readonly Flow[] | undefined {
  const datapath = model.tables.sb.Datapath_Binding.get(port.datapath);
  if (datapath === undefined || (isContainer(port) && port.tag === undefined)) return undefined;
  const to = { uuid: port._uuid, datapathKey: datapath.tunnel_key, portKey: port.tunnel_key };
  const localnet = model.localnetOf(port.datapath);
  if (localnet !== undefined) return viaLocalnetFlows(to, localnet.portKey);
  const { chassis } = port;
  const tunnel = chassis === undefined || chassis === model.ownChassisUuid() ? undefined : tunnelTo(model, chassis);
  return tunnel && remotePortFlows(to, tunnel);
}

function patchFlows(model: Model, port: PortBinding): readonly Flow[] | undefined {
  const peer = model.peerOf(port);
  // Both must say so: packets of a port that names the peer of another would come out where nobody expects them.
  if (peer === undefined || model.peerOf(peer) !== port) return undefined;
  const keys = keysOf(model, port, false);
  const peerKeys = keysOf(model, peer, false);
  return keys && peerKeys && patchPortFlows(keys, peerKeys);
}

function localnetFlows(model: Model, port: PortBinding): readonly Flow[] | undefined {
  const localnet = model.localnetOf(port.datapath);
  const keys = keysOf(model, port, true);
  if (localnet?.uuid !== port._uuid || keys === undefined) return undefined;
  const chassisMac = model.config()?.macMappings.get(localnet.network);
  return localnetPortFlows(
    { ...keys, ofport: localnet.ofport, tag: port.tag },
    routersOf(model, port.datapath),
    chassisMac !== undefined && macBytes(chassisMac) !== undefined ? chassisMac : undefined,
  );
}

/** The router ports that are attached to a switch. */
function routersOf(model: Model, datapath: string): readonly RouterPeer[] {
  return model.portsByDatapathAndType.get(`${datapath}/patch`).flatMap((port) => {
    const router = model.peerOf(port);
    const mac = router?.mac[0]?.split(' ')[0];
    return router === undefined || mac === undefined || macBytes(mac) === undefined
      ? []
      : [{ uuid: router._uuid, mac }];
  });
}

/** How a port is reached by a multicast packet; undefined if it is not. */
function multicastMember(model: Model, uuid: string): Member | undefined {
  const port = model.tables.sb.Port_Binding.get(uuid);
  if (port === undefined) return undefined;
  const portKey = port.tunnel_key;
  const zone = () => model.zoneOf(port.logical_port);
  switch (port.type) {
    case 'patch':
      return { kind: 'everywhere', portKey, zone: undefined };
    case 'localport':
      return { kind: 'everywhere', portKey, zone: zone() };
    case 'localnet':
      if (model.localnetOf(port.datapath)?.uuid === uuid) return { kind: 'here', portKey, zone: zone() };
      return { kind: 'elsewhere', chassis: port.chassis, zone: zone() };
    case '':
      if (model.interfaceOf(port) !== undefined) return { kind: 'here', portKey, zone: zone() };
      return { kind: 'elsewhere', chassis: port.chassis, zone: zone() };
    default:
      return { kind: 'elsewhere', chassis: port.chassis, zone: zone() };
  }
}

export const physicalFlows: Feature = (model, { flows, log }) => {
  const { runtime, tables } = model;
  const { sb } = tables;
  const put = (_key: unknown, next: readonly Flow[] | undefined, previous: readonly Flow[] | undefined) =>
    flows.replace(next, previous);

  const sampled = dropSampler(model);

  runtime.forEach(
    'flows of every chassis',
    () => [0],
    () => sampled(baseFlows()),
    put,
  );

  runtime.forEach(
    'flows of ports',
    sb.Port_Binding,
    (port) => {
      const made = portFlows(model, port);
      return made && sampled(made);
    },
    put,
  );

  runtime.forEach(
    'port security',
    model.localPorts,
    (uuid) => {
      const port = sb.Port_Binding.get(uuid);
      if (port === undefined || port.port_security.length === 0) return undefined;
      const { port_security: texts } = port;
      const datapath = sb.Datapath_Binding.get(port.datapath);
      if (datapath === undefined) return undefined;
      const entries = texts.flatMap((text): SecurityEntry[] => {
        const entry = parseSecurityEntry(text);
        if (entry === undefined)
          log.warn(`port ${port.logical_port}: '${text}' in port security begins with no MAC address; skipped`);
        return entry === undefined ? [] : [entry];
      });
      return portSecurityFlows(
        { uuid: port._uuid, datapathKey: datapath.tunnel_key, portKey: port.tunnel_key },
        entries,
      );
    },
    put,
  );

  runtime.forEach(
    'flows of tunnels',
    model.interfaces,
    (row) =>
      row.tunnelTo === undefined || row.ofport === undefined
        ? undefined
        : tunnelInputFlows({ type: row.type as EncapType, ofport: row.ofport }),
    put,
  );

  const memberOf = runtime.memo('multicast member', (uuid: string) => multicastMember(model, uuid), isDeepStrictEqual);
  runtime.forEach(
    'flows of multicast groups',
    sb.Multicast_Group,
    (group) => {
      if (!model.isLocalDatapath(group.datapath)) return undefined;
      const datapath = sb.Datapath_Binding.get(group.datapath);
      if (datapath === undefined) return undefined;
      const members: Member[] = [];
      const elsewhere = new Set<string>();
      const own = model.ownChassisUuid();
      for (const uuid of group.ports) {
        const member = memberOf(uuid);
        if (member === undefined) continue;
        members.push(member);
        if (member.kind === 'elsewhere' && member.chassis !== undefined && member.chassis !== own)
          elsewhere.add(member.chassis);
      }
      const physical = model.localnetOf(group.datapath) !== undefined;
      const tunnels = physical ? [] : [...elsewhere].map((chassis) => tunnelTo(model, chassis));
      return multicastFlows({
        uuid: group._uuid,
        datapathKey: datapath.tunnel_key,
        groupKey: group.tunnel_key,
        members,
        tunnels: tunnels.filter((tunnel): tunnel is Tunnel => tunnel !== undefined).sort((a, b) => a.ofport - b.ofport),
      });
    },
    put,
  );

  runtime.forEach(
    'flows of chassis MACs',
    sb.Chassis,
    (chassis) => {
      if (chassis._uuid === model.ownChassisUuid()) return undefined;
      const macs = [...parsePairs(chassis.other_config.get('ovn-chassis-mac-mappings')).values()];
      return chassisMacFlows(
        chassis._uuid,
        macs.filter((mac) => macBytes(mac) !== undefined),
      );
    },
    put,
  );

  const neighbor = (row: { _uuid: string; logical_port: string; ip: string; mac: string }, priority: number) => {
    const port = model.portByName.one(row.logical_port);
    if (port === undefined || !model.isLocalDatapath(port.datapath)) return undefined;
    const datapath = sb.Datapath_Binding.get(port.datapath);
    if (datapath === undefined) return undefined;
    const { _uuid: uuid, ip, mac } = row;
    if (macBytes(mac) === undefined || ipBytes(ip) === undefined) {
      log.warn(`MAC binding of port ${row.logical_port}: ip '${ip}', mac '${mac}' are not both addresses; skipped`);
      return undefined;
    }
    return macBindingFlows({ uuid, ip, mac, datapathKey: datapath.tunnel_key, portKey: port.tunnel_key, priority });
  };
  runtime.forEach('flows of MAC bindings', sb.MAC_Binding, (row) => neighbor(row, bindingPriority.learned), put);
  runtime.forEach(
    'flows of static MAC bindings',
    sb.Static_MAC_Binding,
    (row) => neighbor(row, row.override_dynamic_mac ? bindingPriority.staticOverride : bindingPriority.static),
    put,
  );
  runtime.forEach(
    'flows of FDB entries',
    sb.FDB,
    (row) => {
      const datapath = model.datapathByKey.one(row.dp_key);
      if (datapath === undefined || !model.isLocalDatapath(datapath._uuid)) return undefined;
      if (macBytes(row.mac) === undefined) {
        log.warn(`FDB entry of datapath ${row.dp_key}, port ${row.port_key}: mac '${row.mac}' is no address; skipped`);
        return undefined;
      }
      return fdbFlows({ uuid: row._uuid, datapathKey: row.dp_key, portKey: row.port_key, mac: row.mac });
    },
    put,
  );
};
