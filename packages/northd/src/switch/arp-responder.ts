/** ls_in_arp_rsp: ARP requests and neighbour solicitations for known addresses are answered on the spot (ovn-northd(8), Ingress Table 19). */
import type { Feature } from '../feature.ts';
import { type Emit, quote } from '../flow.ts';
import type { SwitchPort } from '../model.ts';
import type { Ip4, Ip6 } from '../net.ts';
import { lsIn } from '../pipeline.ts';

export const arpResponder: Feature = {
  name: 'ARP responder',

  perSwitch(_ls, emit) {
    emit(lsIn.arp_rsp, 0, '1', 'next;');
  },

  perSwitchPort(port, emit) {
    if (port.type === 'localnet') {
      // Such a request reaches every chassis: if each of them answered, it would confuse the physical network.
      const options = { hint: port.uuid, inOutPort: port.name };
      emit(lsIn.arp_rsp, 100, `inport == ${quote(port.name)}`, 'next;', options);
    }
    if (port.type === 'virtual' || port.type === 'external' || !answersFor(port)) return;
    for (const { mac, ip4, ip6 } of port.addresses) {
      for (const ip of ip4) answerArp(port, mac, ip, emit);
      for (const ip of ip6) answerNd(port, mac, ip, emit);
    }
  },
};

function answersFor(port: SwitchPort): boolean {
  if (port.hasUnknown || port.ls.vlanPassthru) return false;
  if (port.type === 'router' || port.type === 'localport') return true;
  return port.model.booleanOption('ignore_lsp_down', true) || port.row.up === true;
}

function answerArp(port: SwitchPort, mac: string, { text }: Ip4, emit: Emit): void {
  const match = `arp.tpa == ${text} && arp.op == 1`;
  const reply =
    `eth.dst = eth.src; eth.src = ${mac}; arp.op = 2; /* ARP reply */ arp.tha = arp.sha; arp.sha = ${mac}; ` +
    `arp.tpa = arp.spa; arp.spa = ${text}; outport = inport; flags.loopback = 1; output;`;
  emit(lsIn.arp_rsp, 50, match, reply, { hint: port.uuid });
  passOwn(port, match, emit);
}

function answerNd(port: SwitchPort, mac: string, { text, solicitedNode }: Ip6, emit: Emit): void {
  const match = `nd_ns && ip6.dst == {${text}, ${solicitedNode}} && nd.target == ${text}`;
  const advertise = port.type === 'router' ? 'nd_na_router' : 'nd_na';
  const reply =
    `${advertise} { eth.src = ${mac}; ip6.src = ${text}; nd.target = ${text}; nd.tll = ${mac}; ` +
    'outport = inport; flags.loopback = 1; output; };';
  emit(lsIn.arp_rsp, 50, match, reply, { hint: port.uuid });
  passOwn(port, match, emit);
}

/** A port that asks for its own address wants to know whether somebody else has it. */
function passOwn(port: SwitchPort, match: string, emit: Emit): void {
  const options = { hint: port.uuid, inOutPort: port.name };
  emit(lsIn.arp_rsp, 100, `${match} && inport == ${quote(port.name)}`, 'next;', options);
}
