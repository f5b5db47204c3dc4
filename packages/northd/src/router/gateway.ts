/**
 * Gateways: routers that live on one chassis (`options:chassis`), and ports whose traffic with the outside goes through one chassis (distributed
 * gateway ports). ovn-northd(8), "Ingress Table 20: Gateway Redirect"; ovn-architecture(7), "Gateways"; ovn-nb(5), "Distributed Gateway Ports".
 */
import type { Feature } from '../feature.ts';
import { quote } from '../flow.ts';
import type { Router, RouterPort } from '../model.ts';
import { lrIn } from '../pipeline.ts';

/** What a match ends with that holds on the chassis alone that `port`, a gateway port, is on at the moment; empty for other ports. */
export function whereResident(port: RouterPort): string {
  return port.isGateway ? residentAt(port.redirectName) : '';
}

/**
 * The same for answers to ARP requests that may come from a physical network, which shall learn one place for an address: where the port resides.
 */
export function whereAnswering(port: RouterPort): string {
  const residence = port.switchPort?.ls.hasLocalnet ? port.residence : undefined;
  return residence === undefined ? '' : residentAt(residence);
}

const residentAt = (redirectPort: string): string => ` && is_chassis_resident(${quote(redirectPort)})`;

/** Whether the router has to do with the outside: then packets for its own addresses may be for NAT or load balancers. */
export function isGatewayRouter(lr: Router): boolean {
  return lr.gatewayChassis !== undefined || lr.model.routerPortSets.gateways(lr.uuid).length > 0;
}

/** Whether packets go to the port's gateway chassis by the physical network instead of tunnels (`options:redirect-type`). */
export function isBridged(port: RouterPort): boolean {
  return port.row.options.get('redirect-type') === 'bridged';
}

export const gatewayRedirect: Feature = {
  name: 'gateway redirection',

  perRouter(_lr, emit) {
    emit(lrIn.gw_redirect, 0, '1', 'next;');
  },

  perRouterPort(port, emit) {
    if (!port.isGateway) return;
    const { name, redirectName, mac } = port;
    const redirect = `outport = ${quote(redirectName)}; next;`;
    const outport = `outport == ${quote(name)}`;
    if (!port.switchPort?.ls.hasVtep) emit(lrIn.gw_redirect, 50, outport, redirect, { hint: port.uuid });
    if (!isBridged(port)) return;
    // Packets go to the gateway's chassis through the physical network, by the port's own address.
    const elsewhere = `${outport} && !is_chassis_resident(${quote(redirectName)})`;
    emit(lrIn.arp_resolve, 50, elsewhere, `eth.dst = ${mac}; next;`, { hint: port.uuid });
  },
};
