/**
 * Which neighbours a router learns from ARP and Neighbor Discovery packets. ovn-northd(8), "Ingress Table 1: Neighbor lookup" and "Ingress
 * Table 2: Neighbor learning"; ovn-nb(5), Logical_Router options:always_learn_from_arp_request.
 */
import { isOff } from '../boolean-option.ts';
import type { Feature } from '../feature.ts';
import { quote } from '../flow.ts';
import type { Router } from '../model.ts';
import { networkText } from '../net.ts';
import { lrIn, routerRegister } from '../pipeline.ts';
import { whereResident } from './gateway.ts';

const { neighborKnown, neighborSameMac: neighborIpKnown } = routerRegister;

/** Whether the router learns from every ARP request that it hears, and not only from those about itself or about known neighbours. */
function alwaysLearns(lr: Router): boolean {
  return !isOff(lr.row.options, 'always_learn_from_arp_request');
}

const lookupArp = `${neighborKnown} = lookup_arp(inport, arp.spa, arp.sha);`;

export const neighbor: Feature = {
  name: 'neighbours',

  perRouter(lr, emit) {
    const always = alwaysLearns(lr);
    // Set where only neighbours that are wanted may be learned.
    const wanted = always ? '' : ` ${neighborIpKnown} = 1;`;
    const lookup = lrIn.lookup_neighbor;
    emit(lookup, 100, 'arp.op == 2', `${lookupArp}${wanted} next;`);
    emit(lookup, 100, 'nd_na', `${neighborKnown} = lookup_nd(inport, nd.target, nd.tll);${wanted} next;`);
    const ifKnown = always ? '' : ` ${neighborIpKnown} = lookup_nd_ip(inport, ip6.src);`;
    emit(lookup, 100, 'nd_ns', `${neighborKnown} = lookup_nd(inport, ip6.src, nd.sll);${ifKnown} next;`);
    if (!always) {
      // An advertisement that nobody asked for (RFC 4861, section 7.2.6).
      emit(
        lookup,
        110,
        'nd_na && ip6.src == fe80::/10 && ip6.dst == ff00::/8',
        `${neighborKnown} = lookup_nd(inport, ip6.src, nd.tll);${ifKnown} next;`,
      );
    }
    emit(lookup, 0, '1', `${neighborKnown} = 1; next;`);

    const learn = lrIn.learn_neighbor;
    const nothingNew = `${neighborKnown} == 1${always ? '' : ` || ${neighborIpKnown} == 0`}`;
    emit(learn, 100, nothingNew, 'next;');
    emit(learn, 95, 'nd_ns && (ip6.src == 0 || nd.sll == 0)', 'next;');
    emit(learn, 95, 'nd_na && nd.tll == 0', 'put_nd(inport, nd.target, eth.src); next;');
    emit(learn, 90, 'arp', 'put_arp(inport, arp.spa, arp.sha); next;');
    emit(learn, 90, 'nd_na', 'put_nd(inport, nd.target, nd.tll); next;');
    emit(learn, 90, 'nd_ns', 'put_nd(inport, ip6.src, nd.sll); next;');
    emit(learn, 0, '1', 'drop;');
  },

  perRouterPort(port, emit) {
    const always = alwaysLearns(port.lr);
    const resident = whereResident(port);
    const hint = { hint: port.uuid };
    for (const ip of port.ip4) {
      const from = `inport == ${quote(port.name)} && arp.spa == ${networkText(ip)}`;
      if (always) {
        emit(lrIn.lookup_neighbor, 100, `${from} && arp.op == 1${resident}`, `${lookupArp} next;`, hint);
        continue;
      }
      emit(
        lrIn.lookup_neighbor,
        110,
        `${from} && arp.tpa == ${ip.text} && arp.op == 1${resident}`,
        `${lookupArp} ${neighborIpKnown} = 1; next;`,
        hint,
      );
      emit(
        lrIn.lookup_neighbor,
        100,
        `${from} && arp.op == 1${resident}`,
        `${lookupArp} ${neighborIpKnown} = lookup_arp_ip(inport, arp.spa); next;`,
        hint,
      );
    }
  },
};
