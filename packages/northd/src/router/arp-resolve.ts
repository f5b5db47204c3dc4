/**
 * From the next hop's IP address to its Ethernet address, where NB knows it; where it does not, MAC_Binding may. ovn-northd(8), "Ingress Table
 * 17: ARP/ND Resolution".
 *
 * A switch port's flows on the routers around it are the switch port's own derivation, so one more port costs one derivation, however many
 * ports the router and the switch have.
 */
import { isOn } from '../boolean-option.ts';
import type { Feature } from '../feature.ts';
import { type Emit, quote } from '../flow.ts';
import type { RouterPort, SwitchPort } from '../model.ts';
import { type Ip, type PortAddresses, parseIp, sameNetwork } from '../net.ts';
import { lrIn, routerRegister } from '../pipeline.ts';
import { oneOrSet } from './text.ts';

const stage = lrIn.arp_resolve;
const { nextHopIp4, nextHopIp6 } = routerRegister;
const unknownMac = '00:00:00:00:00:00';

const nextHop = (ip: Ip): string => (ip.family === 4 ? nextHopIp4 : nextHopIp6);

export const arpResolve: Feature = {
  name: 'ARP resolve',

  perRouter(_lr, emit) {
    emit(stage, 500, 'ip4.mcast || ip6.mcast', 'next;');
    emit(stage, 1, 'ip4', `get_arp(outport, ${nextHopIp4}); next;`);
    emit(stage, 1, 'ip6', `get_nd(outport, ${nextHopIp6}); next;`);
    emit(stage, 0, '1', 'drop;');
  },

  perSwitchPort(port, emit) {
    if (!port.enabled) return;
    if (port.isRouter) routersOnSwitch(port, emit);
    else if (port.type === 'virtual') virtualHost(port, emit);
    else for (const addresses of port.addresses) hosts(port, addresses, emit);
  },

  perRouterPort(port, emit) {
    const peer = port.peerRouterPort;
    if (peer === undefined) return;
    // C leaves no blank before `==` here, and we are to be equal to it.
    const options = { hint: port.uuid, on: peer.lr.uuid };
    const outport = `outport == ${quote(peer.name)}`;
    const actions = `eth.dst = ${port.mac}; next;`;
    if (port.ip4.length > 0) emit(stage, 100, `${outport} && ${nextHopIp4}== ${oneOrSet(port.ip4)}`, actions, options);
    if (port.ip6.length > 0) emit(stage, 100, `${outport} && ${nextHopIp6} == ${oneOrSet(port.ip6)}`, actions, options);
  },
};

/** The router ports on the port's switch that have a network with `ip` in it. */
function* reachableFrom(port: SwitchPort, ip: Ip): Iterable<RouterPort> {
  for (const { peer } of port.ls.routerPorts) {
    const own: readonly Ip[] = peer === undefined ? [] : ip.family === 4 ? peer.ip4 : peer.ip6;
    if (peer !== undefined && own.some((address) => sameNetwork(address, ip))) yield peer;
  }
}

function resolve(port: SwitchPort, ip: Ip, mac: string, emit: Emit): void {
  for (const peer of reachableFrom(port, ip)) {
    emit(stage, 100, `outport == ${quote(peer.name)} && ${nextHop(ip)} == ${ip.text}`, `eth.dst = ${mac}; next;`, {
      hint: port.uuid,
      on: peer.lr.uuid,
    });
  }
}

function hosts(port: SwitchPort, addresses: PortAddresses, emit: Emit): void {
  for (const ip of addresses.ip4) resolve(port, ip, addresses.mac, emit);
  for (const ip of addresses.ip6) resolve(port, ip, addresses.mac, emit);
}

/** The address of a virtual port is where its parent of the moment is; unknown, to be asked for each time, while it has none. */
function virtualHost(port: SwitchPort, emit: Emit): void {
  const { model } = port;
  const { options } = port.row;
  const ip = parseIp(options.get('virtual-ip') ?? '');
  if (ip === undefined || (options.get('virtual-parents') ?? '') === '') return;
  const binding = model.bindingByName.one(port.name);
  // Without a chassis, the parent is one of the past.
  const parentName = binding?.chassis === undefined ? undefined : binding.virtual_parent;
  if (parentName === undefined || parentName === '') {
    resolve(port, ip, unknownMac, emit);
    return;
  }
  const parentRow = model.switchPortByName.one(parentName);
  const parent = parentRow && model.switchPort(parentRow);
  for (const { mac } of parent?.addresses ?? []) resolve(port, ip, mac, emit);
}

/** What the router on this port has to know of the other routers on the switch. */
function routersOnSwitch(port: SwitchPort, emit: Emit): void {
  const { peer } = port;
  if (peer === undefined || isOn(peer.lr.row.options, 'dynamic_neigh_routers')) return;
  const options = { hint: port.uuid, on: peer.lr.uuid };
  for (const other of port.ls.routerPorts) {
    const router = other.peer;
    if (router === undefined || router.uuid === peer.uuid) continue;
    const outport = `outport == ${quote(peer.name)}`;
    const actions = `eth.dst = ${router.mac}; next;`;
    const { ip4, ip6 } = router;
    if (ip4.length > 0) emit(stage, 100, `${outport} && ${nextHopIp4} == ${oneOrSet(ip4)}`, actions, options);
    if (ip6.length > 0) emit(stage, 100, `${outport} && ${nextHopIp6} == ${oneOrSet(ip6)}`, actions, options);
  }
}
