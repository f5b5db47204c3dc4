/** Answers to ARP requests and Neighbor Solicitations for a router's own addresses. ovn-northd(8), "Ingress Table 3: IP Input". */
import type { Feature } from '../feature.ts';
import { quote } from '../flow.ts';
import { networkText } from '../net.ts';
import { lrIn, routerRegister } from '../pipeline.ts';
import { whereAnswering, whereResident } from './gateway.ts';

const { inportEth } = routerRegister;

const arpReply =
  `eth.dst = eth.src; eth.src = ${inportEth}; arp.op = 2; /* ARP reply */ arp.tha = arp.sha; arp.sha = ${inportEth}; ` +
  'arp.tpa <-> arp.spa; outport = inport; flags.loopback = 1; output;';

const advertisement =
  `nd_na_router { eth.src = ${inportEth}; ip6.src = nd.target; nd.tll = ${inportEth}; ` +
  'outport = inport; flags.loopback = 1; output; };';

export const neighborReply: Feature = {
  name: 'neighbour replies',

  perRouterPort(port, emit) {
    const inport = `inport == ${quote(port.name)}`;
    const hint = { hint: port.uuid };
    for (const ip of port.ip4) {
      const match = `${inport} && arp.op == 1 && arp.tpa == ${ip.text} && arp.spa == ${networkText(ip)}${whereAnswering(port)}`;
      emit(lrIn.ip_input, 90, match, arpReply, hint);
    }
    for (const ip of port.ip6) {
      const match = `${inport} && ip6.dst == {${ip.text}, ${ip.solicitedNode}} && nd_ns && nd.target == ${ip.text}${whereResident(port)}`;
      emit(lrIn.ip_input, 90, match, advertisement, hint);
    }
  },
};
