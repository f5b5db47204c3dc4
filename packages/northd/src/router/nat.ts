/**
 * Network address translation on gateway routers and at distributed gateway ports. ovn-northd(8), router "Ingress Table 4: UNSNAT", "Ingress Table 7:
 * DNAT", "Egress Table 0" to "Egress Table 5", and the parts of IP Input and ARP/ND Resolution about NAT; ovn-nb(5), NAT.
 *
 * On a gateway router a rule holds at every port; at a distributed gateway port it holds on the gateway's chassis, or, for a distributed rule, on the
 * chassis of the rule's logical port.
 */
import type { Feature } from '../feature.ts';
import { type Emit, quote } from '../flow.ts';
import type { ParsedNat } from '../model/nats.ts';
import type { Nat, Router, RouterPort } from '../model.ts';
import { type Ip, networkText, parseIp } from '../net.ts';
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
    forceSource(lr, emit);
  },

  perNat(nat, emit) {
    const { parsed, lr, row } = nat;
    // Whoever asks for the external address, at whatever port.
    const { match, reply } = neighborRequest(parsed.external, inportEth);
    emit(lrIn.ip_input, 90, match, reply, { hint: row._uuid });
    if (parsed.dnat) forwardRequests(nat, emit);
    const { gateway } = nat;
    if (lr.gatewayChassis !== undefined) {
      if (!nat.isContradictory) onGatewayRouter(nat, emit);
    } else if (gateway !== undefined) {
      answerAtGatewayPort(nat, gateway, emit);
      switchToRouter(nat, gateway, emit);
      if (!nat.isContradictory) atGatewayPort(nat, gateway, emit);
    }
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

/**
 * On a gateway router that is one of several, what was sent on to another destination gets a source that leads back to it (ovn-nb(5), Logical_Router
 * options:dnat_force_snat_ip).
 */
function forceSource(lr: Router, emit: Emit): void {
  for (const ip of forcedSources(lr)) {
    const family = `ip${ip.family}`;
    emit(lrIn.unsnat, 110, `${family} && ${family}.dst == ${ip.text}`, 'ct_snat;');
    emit(lrOut.snat, 100, `flags.force_snat_for_dnat == 1 && ${family}`, `ct_snat(${ip.text});`);
  }
}

/** One IPv4 and one IPv6 address at most. */
function forcedSources({ row, model }: Router): readonly Ip[] {
  const text = row.options.get('dnat_force_snat_ip');
  if (text === undefined) return [];
  const ips = text.split(' ').filter(Boolean).map(parseIp);
  const isHost = (ip: Ip | undefined): ip is Ip => ip !== undefined && ip.plen === (ip.family === 4 ? 32 : 128);
  if (ips.every(isHost) && ips.length === new Set(ips.map(({ family }) => family)).size) return ips;
  model.problem(`Logical_Router "${row.name}" dnat_force_snat_ip "${text}" is not one address of each family; ignored`);
  return [];
}

function onGatewayRouter(nat: Nat, emit: Emit): void {
  const { parsed, row, lr } = nat;
  const { logical, dnat, snat, stateless } = parsed;
  const hint = { hint: row._uuid };
  const ip = `ip${logical.family}`;
  const toExternal = `ip && ${ip}.dst == ${parsed.external.text}`;
  if (dnat) {
    const { held, exempted } = externalSetMatch(nat, 'src');
    const force = forcedSources(lr).length > 0 ? 'flags.force_snat_for_dnat = 1; ' : '';
    const action = `${force}flags.loopback = 1; ${translate(parsed, 'dst', 'ct_dnat')}`;
    emit(lrIn.dnat, 100, `${toExternal}${held}`, action, hint);
    if (exempted !== '') emit(lrIn.dnat, 100 + exemptedPriority, `${toExternal}${exempted}`, 'next;', hint);
  }
  if (!snat) return;
  emit(lrIn.unsnat, 90, toExternal, stateless ? 'next;' : 'ct_snat;', hint);
  // Replies of connections that came from outside have their source translated back by conntrack.
  const notReply = stateless ? '' : ' && (!ct.trk || !ct.rpl)';
  const outgoing = `ip && ${ip}.src == ${source(logical)}`;
  const priority = logical.plen + snatPriority.gatewayRouter;
  const { held, exempted } = externalSetMatch(nat, 'dst');
  emit(lrOut.snat, priority, `${outgoing}${held}${notReply}`, translate(parsed, 'src', 'ct_snat'), hint);
  if (exempted !== '') emit(lrOut.snat, priority + exemptedPriority, `${outgoing}${exempted}`, 'next;', hint);
}

/** Conditions on packets that have an external address as `field`: that the rule holds for it, and, if there are such, that it is exempted. */
function externalSetMatch(
  { parsed, externalSet }: Nat,
  field: 'src' | 'dst',
): { readonly held: string; readonly exempted: string } {
  if (externalSet === undefined) return { held: '', exempted: '' };
  const inSet = ` && ip${parsed.external.family}.${field} == $${externalSet.name}`;
  return externalSet.kind === 'allowed' ? { held: inSet, exempted: '' } : { held: '', exempted: inSet };
}

/** A flow that leaves exempted packets alone goes before the others of its rule. */
const exemptedPriority = 2;

/** Gives packets the rule's address as their source or destination: by a conntrack action, or, if the rule is stateless, without one. */
function translate({ external, logical, ports, stateless }: ParsedNat, what: 'src' | 'dst', action: string): string {
  const to = what === 'src' ? external : logical;
  if (stateless) return `ip${to.family}.${what}=${to.text}; next;`;
  return `${action}(${to.text}${ports === '' ? '' : `,${ports}`});`;
}

/** A single address as it is, else `NETWORK/PLEN`. */
const source = (ip: Ip): string => (ip.plen === (ip.family === 4 ? 32 : 128) ? ip.text : networkText(ip));

/** The router's switch sends what is for a distributed rule's Ethernet address to it, on the chassis of the rule's port. */
function switchToRouter({ parsed: { distributed } }: Nat, { switchPort }: RouterPort, emit: Emit): void {
  // The switch port has the router's addresses, these among them, if it says so.
  if (distributed === undefined || !switchPort?.row.addresses.includes('router')) return;
  const match = `eth.dst == ${distributed.mac} && is_chassis_resident(${quote(distributed.port)})`;
  const output = `outport = ${quote(switchPort.name)}; output;`;
  emit(lsIn.l2_lkup, 50, match, output, { hint: switchPort.uuid, on: switchPort.ls.uuid });
}

/** Only the chassis where the rule is applied answers for its address at the port. */
function answerAtGatewayPort({ parsed, row }: Nat, gateway: RouterPort, emit: Emit): void {
  const { match, reply } = neighborRequest(parsed.external, parsed.distributed?.mac ?? inportEth);
  const asked = `inport == ${quote(gateway.name)} && ${match}`;
  emit(lrIn.ip_input, 92, `${asked}${residence(parsed, gateway)}`, reply, { hint: row._uuid });
  emit(lrIn.ip_input, 91, asked, 'drop;', { hint: row._uuid });
}

function atGatewayPort(nat: Nat, gateway: RouterPort, emit: Emit): void {
  const { parsed, row } = nat;
  const { external, dnat, distributed } = parsed;
  const hint = { hint: row._uuid };
  const ip = `ip${external.family}`;
  const name = quote(gateway.name);
  const resident = residence(parsed, gateway);

  if (!dnat) emit(lrIn.ip_input, 120, `inport == ${name} && ${ip}.src == ${external.text}`, 'next;', hint);

  translateAtGatewayPort(nat, gateway, emit);
  redirect(nat, gateway, emit);

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
}

/** What a rule says of where packets leave that the gateway's chassis would have to translate. ovn-northd(8), router "Ingress Table 20". */
function redirect(nat: Nat, gateway: RouterPort, emit: Emit): void {
  const { parsed, row, lr, model, externalSet } = nat;
  const { external, logical, stateless, distributed } = parsed;
  const hint = { hint: row._uuid };
  const leaving = `outport == ${quote(gateway.name)}`;
  const ip = `ip${external.family}`;
  if (stateless && externalSet !== undefined) {
    const allowed = externalSet.kind === 'allowed';
    const action = allowed ? `outport = ${quote(gateway.redirectName)}; next;` : 'drop;';
    const match = `${leaving} && ${ip}.src == $${externalSet.name}`;
    emit(lrIn.gw_redirect, 75, match, action, { hint: gateway.uuid });
    // ovn-northd has this for one rule of a router.
    if (allowed && model.nats.isFirstRestricted(lr.uuid, row._uuid))
      emit(lrIn.gw_redirect, 70, `ip && ${ip}.dst == ${external.text}`, 'drop;');
  }
  if (distributed === undefined) return;
  const from = `${ip}.src == ${logical.text} && ${leaving}`;
  const register = external.family === 4 ? sourceIp4 : sourceIp6;
  const direct = `eth.src = ${distributed.mac}; ${register} = ${external.text}; next;`;
  emit(lrIn.gw_redirect, 100, `${from}${residence(parsed, gateway)}`, direct, hint);
  // On other chassis, or if none has claimed it, nobody has the address of a virtual port.
  if (model.switchPortByName.one(distributed.port)?.type === 'virtual') emit(lrIn.gw_redirect, 80, from, 'drop;', hint);
}

/** The chassis where a rule at a gateway port is applied. */
const residence = ({ distributed }: ParsedNat, gateway: RouterPort): string =>
  ` && is_chassis_resident(${quote(distributed?.port ?? gateway.redirectName)})`;

function translateAtGatewayPort(nat: Nat, gateway: RouterPort, emit: Emit): void {
  const { parsed, row } = nat;
  const { external, logical, dnat, snat, stateless, distributed } = parsed;
  const hint = { hint: row._uuid };
  const ip = `ip${external.family}`;
  const name = quote(gateway.name);
  const resident = residence(parsed, gateway);
  // A distributed rule's address is reached on one chassis only: what gets past the gateway redirection need not be checked again.
  const onGateway = distributed === undefined ? resident : '';
  const setSource = distributed === undefined ? '' : `eth.src = ${distributed.mac}; `;
  const arriving = `ip && ${ip}.dst == ${external.text} && inport == ${name}`;
  const leaving = `ip && ${ip}.src == ${source(logical)} && outport == ${name}`;

  if (dnat) {
    const { held, exempted } = externalSetMatch(nat, 'src');
    emit(lrIn.dnat, 100, `${arriving}${onGateway}${held}`, translate(parsed, 'dst', 'ct_dnat_in_czone'), hint);
    if (exempted !== '') emit(lrIn.dnat, 100 + exemptedPriority, `${arriving}${onGateway}${exempted}`, 'next;', hint);
    const back = stateless ? 'next;' : 'ct_dnat_in_czone;';
    emit(lrOut.undnat, 100, `${leaving}${onGateway}`, `${setSource}${back}`, hint);
  }
  if (!snat) return;
  const first = `${arriving} && flags.loopback == 0${onGateway}`;
  emit(lrIn.unsnat, 100, first, stateless ? 'next;' : 'ct_snat_in_czone;', hint);
  const priority = logical.plen + snatPriority.gatewayPort;
  const { held, exempted } = externalSetMatch(nat, 'dst');
  const out = `${leaving}${resident}`;
  emit(lrOut.snat, priority, `${out}${held}`, `${setSource}${translate(parsed, 'src', 'ct_snat_in_czone')}`, hint);
  if (exempted !== '') emit(lrOut.snat, priority + exemptedPriority, `${out}${exempted}`, 'next;', hint);
  if (stateless) return;
  const looped = `${arriving} && flags.loopback == 1 && flags.use_snat_zone == 1${onGateway}`;
  emit(lrIn.unsnat, 100, looped, 'ct_snat;', hint);
  // What was translated on this chassis already is translated again in a zone of its own.
  const again = `${setSource}${dnatLocal} = 0; ${translate(parsed, 'src', 'ct_snat')}`;
  emit(lrOut.snat, priority + 1, `${out}${held} && ${dnatLocal} == 1`, again, hint);
}

/** Starts the packet through the router anew, as if it had come in at the port that it was about to leave. */
const loopBack =
  'clone { ct_clear; inport = outport; outport = ""; eth.dst <-> eth.src; flags = 0; flags.loopback = 1; ' +
  `flags.use_snat_zone = ${dnatLocal}; ` +
  `${Array.from({ length: 10 }, (_, i) => `reg${i} = 0; `).join('')}` +
  `${egressLoopback} = 1; next(pipeline=ingress, table=${lrIn.admission.table}); };`;
