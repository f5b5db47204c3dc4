/** ls_in_l2_lkup and ls_in_l2_unknown: where a packet goes (ovn-northd(8), Ingress Tables 25 and 26). */
import type { Uuid } from '@weft/ovsdb/uuid';
import type { Feature } from '../feature.ts';
import { type Emit, quote } from '../flow.ts';
import type { RouterPort, Switch, SwitchPort } from '../model.ts';
import type { Ip } from '../net.ts';
import { flags, lsIn } from '../pipeline.ts';
import { multicastGroup } from '../sb/multicast-group.ts';

const flood = quote(multicastGroup.flood.name);
const floodL2 = quote(multicastGroup.floodL2.name);
const unknown = quote(multicastGroup.unknown.name);

export const l2Lookup: Feature = {
  name: 'L2 lookup',

  perSwitch(ls, emit) {
    const monitor = 'eth.dst == $svc_monitor_mac && (tcp || icmp || icmp6)';
    emit(lsIn.l2_lkup, 110, monitor, 'handle_svc_check(inport);');
    emit(lsIn.l2_lkup, 70, 'eth.mcast', `outport = ${flood}; output;`);
    emit(lsIn.l2_lkup, 0, '1', 'outport = get_fdb(eth.dst); next;');
    const actions = ls.hasUnknown ? `outport = ${unknown}; output;` : 'drop;';
    emit(lsIn.l2_unknown, 50, 'outport == "none"', actions);
    emit(lsIn.l2_unknown, 0, '1', 'output;');
  },

  perSwitchPort(port, emit) {
    const name = quote(port.name);
    if (!port.enabled && port.type !== 'external') {
      const options = { hint: port.uuid, inOutPort: port.name };
      emit(lsIn.l2_unknown, 50, `outport == ${name}`, 'drop;', options);
    }
    if (port.type === 'router') forwardToRouter(port, emit);
    if (port.type === 'external') return;
    const actions = port.enabled ? `outport = ${name}; output;` : 'drop;';
    for (const { mac } of port.ownAddresses) {
      emit(lsIn.l2_lkup, 50, `eth.dst == ${mac}`, actions, { hint: port.uuid });
    }
    if (port.isRouter && port.row.addresses.includes('router')) {
      const { peer } = port;
      if (peer !== undefined) emit(lsIn.l2_lkup, 50, toRouter(port, peer), actions, { hint: port.uuid });
    }
  },
};

/** What is sent to the router's Ethernet address; through a localnet port only where the router's gateway port is. */
function toRouter(port: SwitchPort, peer: RouterPort): string {
  const match = `eth.dst == ${peer.mac}`;
  const residence = port.ls.hasLocalnet ? peer.residence : undefined;
  return residence === undefined ? match : `${match} && is_chassis_resident(${quote(residence)})`;
}

/** Requests for the router's addresses go to the router alone (and, if they say so, to the rest of L2); its own are not sent back to it. */
function forwardToRouter(port: SwitchPort, emit: Emit): void {
  const { peer } = port;
  if (peer === undefined || !peer.enabled) return;
  requestsToRouter(port, [...peer.ip4, ...peer.ip6], emit);
  if (hasFloodL2(port.ls)) {
    const macs = [...new Set([peer.mac, ...port.model.nats.macs(peer.lr.uuid)])].sort();
    const own = `eth.src == {${macs.join(', ')}} && (arp.op == 1 || rarp.op == 3 || nd_ns)`;
    emit(lsIn.l2_lkup, 75, own, `outport = ${floodL2}; output;`);
  }
}

/** Hands ARP and ND requests for addresses to the router that `port` leads to; `on` is the port's switch where another object emits. */
export function requestsToRouter(port: SwitchPort, ips: readonly Ip[], emit: Emit, on?: Uuid): void {
  const name = quote(port.name);
  const actions = hasFloodL2(port.ls)
    ? `clone {outport = ${name}; output; }; outport = ${floodL2}; output;`
    : `outport = ${name}; output;`;
  for (const { family, text } of ips) {
    const request = family === 4 ? `arp.op == 1 && arp.tpa == ${text}` : `nd_ns && nd.target == ${text}`;
    emit(lsIn.l2_lkup, 80, `${flags.fromRouter} == 0 && ${request}`, actions, { hint: port.uuid, on });
  }
}

/** Ports count that are disabled, too, though then the group may have no members: so does C. */
function hasFloodL2(ls: Switch): boolean {
  return ls.model.hasPortIn(ls.uuid, 'unrouted');
}
