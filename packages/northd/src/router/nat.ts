/**
 * Network address translation on gateway routers and at distributed gateway ports. ovn-northd(8), router "Ingress Table 4: UNSNAT", "Ingress Table 7:
 * DNAT", "Egress Table 0" to "Egress Table 5", and the parts of IP Input and ARP/ND Resolution about NAT; ovn-nb(5), NAT.
 *
 * On a gateway router a rule holds at every port; at a distributed gateway port it holds on the gateway's chassis, or, for a distributed rule, on the
 * chassis of the rule's logical port.
 */
import type { Feature } from '../feature.ts';
import { type Emit, quote } from '../flow.ts';
import type { Nat, RouterPort } from '../model.ts';
import { type Ip, networkText } from '../net.ts';
import { lrIn, lrOut, lsIn, routerRegister } from '../pipeline.ts';
import { requestsToRouter } from '../switch/l2-lookup.ts';

const { inportEth, dnatLocal, egressLoopback, nextHopIp4, nextHopIp6, sourceIp4, sourceIp6 } = routerRegister;

/** A rule with many bits in its logical address goes before one with few; a rule at a gateway port before one of a gateway router. */
const snatPriority = { gatewayRouter: 1, gatewayPort: 129 } as const;

export const nat: Feature = {
  name: 'NAT',

  perRouter(lr, emit) {
    for (const stage of [
      lrIn.unsnat,
      lrIn.dnat,
      lrOut.undnat,
      lrOut.post_undnat,
      lrOut.snat,
      lrOut.post_snat,
      lrOut.egr_loop,
    ]) {
      emit(stage, 0, '1', 'next;');
    }
    emit(lrOut.chk_dnat_local, 0, '1', `${dnatLocal} = 0; next;`);
    // Solicitations that the chassis itself sends (nd_ns) must not go through conntrack.
    emit(lrOut.snat, 120, 'nd_ns', 'next;');
    if (!lr.model.nats.hasAny(lr.uuid)) return;
    const isGatewayRouter = lr.gatewayChassis !== undefined;
    if (isGatewayRouter || lr.model.routerPortSets.gateways(lr.uuid).length > 0) {
      const natted = lr.model.usesCtMark ? 'ct_mark.natted' : 'ct_label.natted';
      emit(lrOut.chk_dnat_local, 50, `ip && ${natted} == 1`, `${dnatLocal} = 1; next;`, { hint: lr.uuid });
    }
    if (!isGatewayRouter) return;
    emit(lrOut.undnat, 100, 'nd || nd_rs || nd_ra', 'next;');
    emit(lrOut.undnat, 50, 'ip', 'flags.loopback = 1; ct_dnat;');
    emit(lrOut.post_undnat, 50, 'ip && ct.new', 'ct_commit { } ; next; ');
  },

  perNat(nat, emit) {
    const { parsed, lr, row } = nat;
    // Whoever asks for the external address, at whatever port.
    const { match, reply } = neighborRequest(parsed.external, inportEth);
    emit(lrIn.ip_input, 90, match, reply, { hint: row._uuid });
    if (parsed.dnat) forwardRequests(nat, emit);
    if (lr.gatewayChassis !== undefined) onGatewayRouter(nat, emit);
    else if (nat.gateway !== undefined) atGatewayPort(nat, nat.gateway, emit);
  },
};

/** A request for the Ethernet address of `ip`, and the answer to it. */
function neighborRequest(ip: Ip, mac: string): { readonly match: string; readonly reply: string } {
  if (ip.family === 4) {
    return {
      match: `arp.op == 1 && arp.tpa == ${ip.text}`,
      reply:
        `eth.dst = eth.src; eth.src = ${mac}; arp.op = 2; /* ARP reply */ arp.tha = arp.sha; arp.sha = ${mac}; ` +
        'arp.tpa <-> arp.spa; outport = inport; flags.loopback = 1; output;',
    };
  }
  return {
    match: `ip6.dst == {${ip.text}, ${ip.solicitedNode}} && nd_ns && nd.target == ${ip.text}`,
    reply:
      `nd_na { eth.src = ${mac}; ip6.src = nd.target; nd.tll = ${mac}; ` +
      'outport = inport; flags.loopback = 1; output; };',
  };
}

/** The switches around the router hand requests for the external address to it. */
function forwardRequests({ lr, parsed }: Nat, emit: Emit): void {
  for (const { switchPort, enabled } of lr.ports) {
    if (switchPort === undefined || !enabled) continue;
    requestsToRouter(switchPort, [parsed.external], emit, switchPort.ls.uuid);
  }
}

function onGatewayRouter({ parsed, row }: Nat, emit: Emit): void {
  const { external, logical, dnat, snat } = parsed;
  const hint = { hint: row._uuid };
  const ip = `ip${external.family}`;
  const toExternal = `ip && ${ip}.dst == ${external.text}`;
  if (dnat) emit(lrIn.dnat, 100, toExternal, `flags.loopback = 1; ct_dnat(${logical.text});`, hint);
  if (!snat) return;
  emit(lrIn.unsnat, 90, toExternal, 'ct_snat;', hint);
  // Replies of connections that came from outside have their source translated back by conntrack.
  const outgoing = `ip && ${ip}.src == ${source(logical)} && (!ct.trk || !ct.rpl)`;
  emit(lrOut.snat, logical.plen + snatPriority.gatewayRouter, outgoing, `ct_snat(${external.text});`, hint);
}

/** A single address as it is, else `NETWORK/PLEN`. */
const source = (ip: Ip): string => (ip.plen === (ip.family === 4 ? 32 : 128) ? ip.text : networkText(ip));

function atGatewayPort({ parsed, row }: Nat, gateway: RouterPort, emit: Emit): void {
  const { external, logical, dnat, snat, distributed } = parsed;
  const hint = { hint: row._uuid };
  const ip = `ip${external.family}`;
  const name = quote(gateway.name);
  const resident = ` && is_chassis_resident(${quote(distributed?.port ?? gateway.redirectName)})`;
  // A distributed rule's address is reached on one chassis only: what gets past the gateway redirection need not be checked again.
  const onGateway = distributed === undefined ? resident : '';
  const setSource = distributed === undefined ? '' : `eth.src = ${distributed.mac}; `;

  const request = neighborRequest(external, distributed?.mac ?? inportEth);
  const asked = `inport == ${name} && ${request.match}`;
  emit(lrIn.ip_input, 92, `${asked}${resident}`, request.reply, hint);
  emit(lrIn.ip_input, 91, asked, 'drop;', hint);
  if (!dnat) emit(lrIn.ip_input, 120, `inport == ${name} && ${ip}.src == ${external.text}`, 'next;', hint);

  const toExternal = `ip && ${ip}.dst == ${external.text} && inport == ${name}`;
  if (snat) {
    emit(lrIn.unsnat, 100, `${toExternal} && flags.loopback == 0${onGateway}`, 'ct_snat_in_czone;', hint);
    const looped = `${toExternal} && flags.loopback == 1 && flags.use_snat_zone == 1${onGateway}`;
    emit(lrIn.unsnat, 100, looped, 'ct_snat;', hint);
  }
  const leaving = `ip && ${ip}.src == ${source(logical)} && outport == ${name}`;
  if (dnat) {
    emit(lrIn.dnat, 100, `${toExternal}${onGateway}`, `ct_dnat_in_czone(${logical.text});`, hint);
    emit(lrOut.undnat, 100, `${leaving}${onGateway}`, `${setSource}ct_dnat_in_czone;`, hint);
  }
  if (snat) {
    const priority = logical.plen + snatPriority.gatewayPort;
    emit(lrOut.snat, priority, `${leaving}${resident}`, `${setSource}ct_snat_in_czone(${external.text});`, hint);
    // What was translated on this chassis already is translated again in a zone of its own.
    const again = `${setSource}${dnatLocal} = 0; ct_snat(${external.text});`;
    emit(lrOut.snat, priority + 1, `${leaving}${resident} && ${dnatLocal} == 1`, again, hint);
  }

  const mac = distributed?.mac ?? gateway.mac;
  const nextHop = external.family === 4 ? nextHopIp4 : nextHopIp6;
  emit(lrIn.arp_resolve, 100, `outport == ${name} && ${nextHop} == ${external.text}`, `eth.dst = ${mac}; next;`, hint);
  // What comes back out of the port that it came in at was not translated.
  const unchanged = `inport == ${name} && outport == ${name} && ${ip}.dst == ${external.text}`;
  emit(lrIn.arp_resolve, 150, unchanged, 'drop;', hint);

  emit(lrOut.chk_dnat_local, 50, `ip && ${ip}.dst == ${external.text}${resident}`, `${dnatLocal} = 1; next;`, hint);
  emit(lrOut.egr_loop, 100, `${ip}.dst == ${external.text} && outport == ${name}${resident}`, loopBack, hint);
  if (distributed === undefined) return;
  const admit = `eth.dst == ${distributed.mac} && inport == ${name}${resident}`;
  emit(lrIn.admission, 50, admit, `${inportEth} = ${gateway.mac}; next;`, hint);
  const register = external.family === 4 ? sourceIp4 : sourceIp6;
  const direct = `${setSource}${register} = ${external.text}; next;`;
  emit(lrIn.gw_redirect, 100, `${ip}.src == ${logical.text} && outport == ${name}${resident}`, direct, hint);
  const { switchPort } = gateway;
  // The switch port has the router's addresses, these among them, if it says so.
  if (!switchPort?.row.addresses.includes('router')) return;
  const output = `outport = ${quote(switchPort.name)}; output;`;
  emit(lsIn.l2_lkup, 50, `eth.dst == ${distributed.mac}${resident}`, output, {
    hint: switchPort.uuid,
    on: switchPort.ls.uuid,
  });
}

/** Starts the packet through the router anew, as if it had come in at the port that it was about to leave. */
const loopBack =
  'clone { ct_clear; inport = outport; outport = ""; eth.dst <-> eth.src; flags = 0; flags.loopback = 1; ' +
  `flags.use_snat_zone = ${dnatLocal}; ` +
  `${Array.from({ length: 10 }, (_, i) => `reg${i} = 0; `).join('')}` +
  `${egressLoopback} = 1; next(pipeline=ingress, table=${lrIn.admission.table}); };`;
