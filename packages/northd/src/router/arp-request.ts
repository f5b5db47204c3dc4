/** Asks for the next hop's Ethernet address where it is still unknown. ovn-northd(8), "Ingress Table 21: ARP Request". */
import type { Feature } from '../feature.ts';
import { parseIp } from '../net.ts';
import { lrIn, routerRegister } from '../pipeline.ts';
import { solicitedNodeMac } from './text.ts';

const stage = lrIn.arp_request;
const { nextHopIp4, nextHopIp6, sourceIp4 } = routerRegister;
const unresolved = 'eth.dst == 00:00:00:00:00:00';

export const arpRequest: Feature = {
  name: 'ARP request',

  perRouter(_lr, emit) {
    emit(
      stage,
      100,
      `${unresolved} && ip4`,
      `arp { eth.dst = ff:ff:ff:ff:ff:ff; arp.spa = ${sourceIp4}; arp.tpa = ${nextHopIp4}; arp.op = 1; output; };`,
    );
    emit(stage, 100, `${unresolved} && ip6`, `nd_ns { nd.target = ${nextHopIp6}; output; };`);
    emit(stage, 0, '1', 'output;');
  },

  perStaticRoute({ row }, emit) {
    // Whether the route itself makes sense does not matter: nothing else leads to this next hop.
    const nexthop = parseIp(row.nexthop);
    if (nexthop?.family !== 6 || nexthop.plen !== 128) return;
    const { nexthop: text } = row;
    const { solicitedNode } = nexthop;
    emit(
      stage,
      200,
      `${unresolved} && ip6 && ${nextHopIp6} == ${text}`,
      `nd_ns { eth.dst = ${solicitedNodeMac(nexthop)}; ip6.dst = ${solicitedNode}; nd.target = ${text}; output; };`,
      { hint: row._uuid },
    );
  },
};
