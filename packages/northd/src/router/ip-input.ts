/**
 * What no router forwards, and what it drops although it is for itself. ovn-northd(8), "Ingress Table 3: IP Input"; the answers that a router
 * gives are in `neighbor-reply.ts` and `icmp-reply.ts`.
 */
import type { Feature } from '../feature.ts';
import type { Ip } from '../net.ts';
import { lrIn, routerRegister } from '../pipeline.ts';
import { set } from './text.ts';

const stage = lrIn.ip_input;

/** Sources and destinations that must not appear on a network (RFC 1812, section 5.3.7). The missing blank is C's, and kept to be equal. */
const martians =
  'ip4.src_mcast ||ip4.src == 255.255.255.255 || ip4.src == 127.0.0.0/8 || ip4.dst == 127.0.0.0/8 || ' +
  'ip4.src == 0.0.0.0/8 || ip4.dst == 0.0.0.0/8';

export const ipInput: Feature = {
  name: 'IP input',

  perRouter(_lr, emit) {
    emit(stage, 100, martians, 'drop;');
    // Requests for the router's own addresses are answered at priority 90.
    emit(stage, 85, 'arp || nd', 'drop;');
    emit(stage, 84, 'nd_rs || nd_ra', 'next;');
    emit(stage, 83, 'ip6.mcast_rsvd', 'drop;');
    emit(stage, 82, 'ip4.mcast || ip6.mcast', 'drop;');
    emit(stage, 50, 'eth.bcast', 'drop;');
    emit(stage, 32, 'ip.ttl == {0, 1} && !ip.later_frag && (ip4.mcast || ip6.mcast)', 'drop;');
    emit(stage, 30, 'ip.ttl == {0, 1}', 'drop;');
    emit(stage, 0, '1', 'next;');
  },

  perRouterPort(port, emit) {
    const hint = { hint: port.uuid };
    const { ip4, ip6 } = port;
    if (ip4.length > 0) {
      const own = ip4.flatMap((ip) => [ip.text, ip.broadcast]).join(', ');
      // A packet that the router itself looped back on egress has its address rightly.
      emit(stage, 100, `ip4.src == {${own}} && ${routerRegister.egressLoopback} == 0`, 'drop;', hint);
    }
    // Packets for an address that is also a source by NAT may be replies: those that NAT did not translate are dropped later.
    for (const [version, ips] of [
      ['ip4', ip4],
      ['ip6', ip6],
    ] as const) {
      const isSource = (ip: Ip): boolean => port.model.nats.isSource(port.lr.uuid, ip);
      const own = ips.filter((ip) => !isSource(ip));
      const shared = ips.filter(isSource);
      if (own.length > 0) emit(stage, 60, `${version}.dst == ${set(own)}`, 'drop;', hint);
      if (shared.length > 0) emit(lrIn.arp_resolve, 2, `${version}.dst == ${set(shared)}`, 'drop;', hint);
    }
    for (const ip of ip6) {
      // Replies of a router that delegates prefixes (RFC 8415, sections 7.2 and 18).
      emit(stage, 100, `ip6.dst == ${ip.text} && udp.src == 547 && udp.dst == 546`, 'reg0 = 0; handle_dhcpv6_reply;');
    }
  },
};
