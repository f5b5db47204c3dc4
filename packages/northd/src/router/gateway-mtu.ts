/**
 * Packets that are larger than a port's `gateway_mtu`: the check, and the ICMP errors that tell the sender. ovn-northd(8), "Ingress Table 18:
 * Check packet length", "Ingress Table 19: Handle larger packets"; ovn-nb(5), Logical_Router_Port options.
 */
import type { Feature } from '../feature.ts';
import { type Emit, quote } from '../flow.ts';
import type { RouterPort } from '../model.ts';
import { lrIn, routerRegister, type Stage } from '../pipeline.ts';

/** The octets of an Ethernet header, which check_pkt_larger() counts and an MTU does not. */
const ethernetHeader = 14;

/** The `gateway_mtu` of a port in octets; 0 if it has none. */
function gatewayMtu(port: RouterPort): number {
  const mtu = Number.parseInt(port.row.options.get('gateway_mtu') ?? '0', 10);
  return Math.max(mtu || 0, 0);
}

/** The action that marks packets that are too large for the port; empty where it has no `gateway_mtu`. */
export function checkLarger(port: RouterPort): string {
  const mtu = gatewayMtu(port);
  return mtu === 0 ? '' : `${routerRegister.packetLarger} = check_pkt_larger(${mtu + ethernetHeader}); `;
}

/** Which packets need no check (`gateway_mtu_bypass`, an expression). */
export function bypassMtu(port: RouterPort): string | undefined {
  return gatewayMtu(port) === 0 ? undefined : port.row.options.get('gateway_mtu_bypass');
}

export const largerPackets: Feature = {
  name: 'larger packets',

  perRouter(_lr, emit) {
    emit(lrIn.chk_pkt_len, 0, '1', 'next;');
    emit(lrIn.larger_pkts, 0, '1', 'next;');
  },

  perRouterPort(port, emit) {
    const outport = `outport == ${quote(port.name)}`;
    const mtu = gatewayMtu(port);
    if (mtu > 0) {
      emit(lrIn.chk_pkt_len, 50, outport, `${checkLarger(port)}next;`, { hint: port.uuid });
      const bypass = bypassMtu(port);
      if (bypass !== undefined) emit(lrIn.chk_pkt_len, 55, `${outport} && (${bypass})`, 'next;', { hint: port.uuid });
      tooBig(emit, lrIn.ip_input, port, `inport == ${quote(port.name)}`, mtu);
    }
    for (const gateway of port.model.routerPortSets.withMtu(port.lr.uuid)) {
      if (gateway.uuid === port.uuid || gatewayMtu(gateway) === 0) continue;
      const match = `inport == ${quote(port.name)} && outport == ${quote(gateway.name)}`;
      tooBig(emit, lrIn.larger_pkts, port, match, gatewayMtu(gateway));
    }
  },
};

/** Answers marked packets with an ICMP error from `port`, which starts through the pipeline anew. */
function tooBig(emit: Emit, stage: Stage, port: RouterPort, match: string, mtu: number): void {
  const { packetLarger, egressLoopback } = routerRegister;
  const marked = `${packetLarger} && ${egressLoopback} == 0`;
  const start = `${egressLoopback} = 1; ${packetLarger} = 0; eth.dst = ${port.mac};`;
  const end = `next(pipeline=ingress, table=${lrIn.admission.table}); };`;
  const four = port.ip4[0];
  if (four !== undefined) {
    emit(
      stage,
      150,
      `${match} && ip4 && ${marked}`,
      `icmp4_error {${start} ip4.dst = ip4.src; ip4.src = ${four.text}; ip.ttl = 255; ` +
        'icmp4.type = 3; /* Destination Unreachable. */ icmp4.code = 4; /* Frag Needed and DF was Set. */ ' +
        `icmp4.frag_mtu = ${mtu}; ${end}`,
      { hint: port.uuid },
    );
  }
  const six = port.ip6[0];
  if (six !== undefined) {
    emit(
      stage,
      150,
      `${match} && ip6 && ${marked}`,
      `icmp6_error {${start} ip6.dst = ip6.src; ip6.src = ${six.text}; ip.ttl = 255; ` +
        `icmp6.type = 2; /* Packet Too Big. */ icmp6.code = 0; icmp6.frag_mtu = ${mtu}; ${end}`,
      { hint: port.uuid },
    );
  }
}
