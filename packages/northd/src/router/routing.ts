/** IP routing: connected networks, static routes, ECMP, route tables. ovn-northd(8), "Ingress Table 12" to "Ingress Table 14". */
import type { Feature } from '../feature.ts';
import { quote } from '../flow.ts';
import type { ParsedRoute, RoutePath } from '../model/routing.ts';
import type { RouterPort } from '../model.ts';
import { type Ip, isLinkLocal, networkText } from '../net.ts';
import { lrIn, routerRegister } from '../pipeline.ts';

const { routeTable, ecmpGroup, ecmpMember, nextHopIp4, nextHopIp6, sourceIp4, sourceIp6 } = routerRegister;

/** Of two routes with one prefix, the connected one is taken, then the one by destination. */
const rank = { bySource: 0, byDestination: 1, connected: 2 } as const;

/** The longest prefix first; the rank decides between equal ones. */
function priority(plen: number, rank: number): number {
  return plen * 3 + rank;
}

/** Sets the next hop and what the packet leaves with. */
export function hop(nexthop: Ip | undefined, { port, source }: RoutePath): string {
  const six = source.family === 6;
  return (
    `${six ? nextHopIp6 : nextHopIp4} = ${nexthop?.text ?? `ip${source.family}.dst`}; ` +
    `${six ? sourceIp6 : sourceIp4} = ${source.text}; eth.src = ${port.mac}; outport = ${quote(port.name)};`
  );
}

const forward = (nexthop: Ip | undefined, path: RoutePath): string =>
  `ip.ttl--; ${ecmpGroup} = 0; ${hop(nexthop, path)} flags.loopback = 1; next;`;

/** A link-local prefix is on every link: it means the link that the packet came in from. */
const onLink = (prefix: Ip, port: RouterPort): string =>
  prefix.family === 6 && isLinkLocal(prefix) ? `inport == ${quote(port.name)} && ` : '';

export const routing: Feature = {
  name: 'routing',

  perRouter(_lr, emit) {
    emit(lrIn.ip_routing_pre, 0, '1', `${routeTable} = 0; next;`);
    emit(lrIn.ip_routing, 10550, 'nd_rs || nd_ra', 'drop;');
    emit(lrIn.ip_routing, 0, '1', 'drop;');
    emit(lrIn.ip_routing_ecmp, 150, `${ecmpGroup} == 0`, 'next;');
    emit(lrIn.ip_routing_ecmp, 0, '1', 'drop;');
  },

  perRouterPort(port, emit) {
    for (const source of [...port.ip4, ...port.ip6]) {
      const match = `${onLink(source, port)}ip${source.family}.dst == ${networkText(source)}`;
      const order = priority(source.plen, rank.connected);
      emit(lrIn.ip_routing, order, match, forward(undefined, { port, source }), { hint: port.uuid });
    }
    const table = port.row.options.get('route_table') ?? '';
    if (table !== '') {
      const number = port.model.routing.tableNumber(port.lr.uuid, table);
      emit(lrIn.ip_routing_pre, 100, `inport == ${quote(port.name)}`, `${routeTable} = ${number}; next;`);
    }
  },

  perStaticRoute({ row, lr, model }, emit) {
    const { routing } = model;
    const route = routing.parsed(row);
    if (route === undefined) return;
    const path = routing.path(row);
    if (path === undefined && !route.discard) return;
    const match = matchOf(route, routing.tableNumber(lr.uuid, route.table));
    const order = priority(route.prefix.plen, route.bySource ? rank.bySource : rank.byDestination);
    const siblings = routing.siblings(row);
    const hint = { hint: row._uuid, on: path?.port.lr.uuid };
    if (siblings.length < 2) {
      if (path === undefined) emit(lrIn.ip_routing, order, match, 'drop;', hint);
      else
        emit(lrIn.ip_routing, order, `${onLink(route.prefix, path.port)}${match}`, forward(route.nexthop, path), hint);
      return;
    }
    const group = routing.groupNumber(row);
    const member = siblings.indexOf(row._uuid) + 1;
    // One of the members speaks for the group.
    if (member === 1) {
      const members = siblings.map((_, i) => i + 1).join(', ');
      const select = `ip.ttl--; flags.loopback = 1; ${ecmpGroup} = ${group}; ${ecmpMember} = select(${members});`;
      emit(lrIn.ip_routing, order, match, select);
    }
    // What is hashed to a member that discards finds no flow in the next table, and is dropped there.
    if (path !== undefined) {
      const selected = `${ecmpGroup} == ${group} && ${ecmpMember} == ${member}`;
      emit(lrIn.ip_routing_ecmp, 100, selected, `${hop(route.nexthop, path)} next;`, hint);
    }
  },
};

/** Routes by source of the main table hold for packets of all tables. */
function matchOf({ prefix, bySource }: ParsedRoute, table: number): string {
  const compare = `ip${prefix.family}.${bySource ? 'src' : 'dst'} == ${networkText(prefix)}`;
  return bySource && table === 0 ? compare : `${routeTable} == ${table} && ${compare}`;
}
