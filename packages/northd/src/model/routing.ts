/**
 * Static routes as the flows need them: parsed, with the port and the source address that they lead to, grouped where several share a prefix.
 * Keyed by route and by network, so that a new port or route costs what it touches and not the size of the router.
 */
import type { Relation } from '@weft/incremental/relation';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { NbRow } from '@weft/schemas/nb';
import type { Model } from '../model.ts';
import { type Ip, ip4, ip6, networkText, parseIp, sameNetwork } from '../net.ts';
import { numbering, routerOfKey } from './numbering.ts';
import type { RouterPort } from './router-port.ts';

type RouteRow = NbRow<'Logical_Router_Static_Route'>;

/** What a Logical_Router_Static_Route says, where that makes sense. */
export interface ParsedRoute {
  /** The prefix; `ip_prefix` may have host bits, which do not count. */
  readonly prefix: Ip;
  /** `policy` is src-ip: the prefix is compared with the packet's source. */
  readonly bySource: boolean;
  /** `route_table`, empty for the main table. */
  readonly table: string;
  /** Packets are dropped (`nexthop` is "discard"). */
  readonly discard: boolean;
  /** Undefined where packets go to their destination directly. */
  readonly nexthop: Ip | undefined;
  readonly outputPort: string | undefined;
}

/** Where a route leads: the router port, and the address of it that neighbours are asked from. */
export interface RoutePath {
  readonly port: RouterPort;
  readonly source: Ip;
}

export class Routing {
  readonly #model: Model;
  readonly #parsed: (row: RouteRow) => ParsedRoute | undefined;
  readonly #path: (row: RouteRow) => RoutePath | undefined;
  /** `ROUTER NETWORK/PLEN` → the ports with an address in that network. */
  readonly #connected: Relation<string, Uuid>;
  /** `ROUTER FAMILY` → the prefix lengths of the connected networks. */
  readonly #prefixLengths: Relation<string, number>;
  /** `ROUTER TABLE POLICY PREFIX` → the routes with all that in common. */
  readonly #siblings: Relation<string, Uuid>;
  readonly #groupNumber: (key: string) => number;
  readonly #tableNumber: (key: string) => number;
  readonly #policyNumber: (key: string) => number;

  constructor(model: Model) {
    this.#model = model;
    const { rt, nb } = model;
    this.#parsed = rt.memo('static route', (row: RouteRow) => parseRoute(row, model.problem));
    this.#connected = rt.relation('connected networks', nb.Logical_Router_Port, (row) => {
      const port = model.routerPort(row);
      return port === undefined
        ? []
        : [...port.ip4, ...port.ip6].map((ip): [string, Uuid] => [`${port.lr.uuid} ${networkText(ip)}`, port.uuid]);
    });
    this.#prefixLengths = rt.relation('connected prefix lengths', nb.Logical_Router_Port, (row) => {
      const port = model.routerPort(row);
      return port === undefined
        ? []
        : [...port.ip4, ...port.ip6].map((ip): [string, number] => [`${port.lr.uuid} ${ip.family}`, ip.plen]);
    });
    this.#path = rt.memo('path of static route', (row: RouteRow) => this.#findPath(row));
    this.#siblings = rt.relation('routes by prefix', nb.Logical_Router_Static_Route, (row) => {
      const key = this.#siblingKey(row);
      return key === undefined ? [] : [[key, row._uuid] as const];
    });
    const groups = rt.relation('ECMP groups', nb.Logical_Router_Static_Route, (row) => {
      const key = this.#siblingKey(row);
      return key === undefined || this.#siblings.get(key).length < 2 ? [] : [[routerOfKey(key), key] as const];
    });
    const tables = rt.relation('route tables', nb.Logical_Router_Static_Route, (row) => {
      const lr = model.routerOfStaticRoute.one(row._uuid);
      return lr === undefined || row.route_table === '' ? [] : [[lr._uuid, `${lr._uuid} ${row.route_table}`] as const];
    });
    const portTables = rt.relation('route tables of ports', nb.Logical_Router_Port, (row) => {
      const lr = model.routerOfPort.one(row._uuid);
      const table = row.options.get('route_table') ?? '';
      return lr === undefined || table === '' ? [] : [[lr._uuid, `${lr._uuid} ${table}`] as const];
    });
    this.#groupNumber = numbering(model, 'ECMP group number', (lr) => groups.get(lr));
    const policies = rt.relation('policies with several next hops', nb.Logical_Router_Policy, (row) => {
      const lr = row.nexthops.length > 1 ? model.routerOfPolicy.one(row._uuid) : undefined;
      return lr === undefined ? [] : [[lr._uuid, `${lr._uuid} ${row._uuid}`] as const];
    });
    this.#policyNumber = numbering(model, 'policy group number', (lr) => policies.get(lr));
    this.#tableNumber = numbering(model, 'route table number', (lr) => [
      ...new Set([...tables.get(lr), ...portTables.get(lr)]),
    ]);
  }

  /** The route, or undefined if it makes no sense (which is reported) or is in no router. */
  parsed(row: RouteRow): ParsedRoute | undefined {
    return this.#parsed(row);
  }

  /** The routes of the same router with the same prefix, policy and table that lead somewhere, ascending by uuid; this one among them. */
  siblings(row: RouteRow): readonly Uuid[] {
    const key = this.#siblingKey(row);
    return key === undefined ? [] : this.#siblings.get(key);
  }

  /** The number of the ECMP group of a route that has siblings: 1 to 65535, unique in its router. */
  groupNumber(row: RouteRow): number {
    return this.#groupNumber(this.#siblingKey(row) ?? '');
  }

  /** The number of the next hops of a policy that has several, unique in its router. */
  policyNumber(lr: Uuid, policy: Uuid): number {
    return this.#policyNumber(`${lr} ${policy}`);
  }

  /** The number of a route table: 0 for the main table (""), else unique in its router. */
  tableNumber(lr: Uuid, table: string): number {
    return table === '' ? 0 : this.#tableNumber(`${lr} ${table}`);
  }

  /** Where the route leads; undefined, and reported, if nowhere. */
  path(row: RouteRow): RoutePath | undefined {
    return this.#path(row);
  }

  #findPath(row: RouteRow): RoutePath | undefined {
    const route = this.#parsed(row);
    const lr = this.#model.routerOfStaticRoute.one(row._uuid)?._uuid;
    if (route === undefined || lr === undefined || route.discard) return undefined;
    const { nexthop, prefix, outputPort } = route;
    const model = this.#model;
    if (outputPort === undefined) {
      const path = nexthop && this.pathTo(lr, nexthop);
      if (path === undefined) {
        model.problem(`static route ${row.ip_prefix} is skipped: no port leads to its next hop "${row.nexthop}"`);
      }
      return path;
    }
    const portRow = model.routerPortByName.one(outputPort);
    const port = portRow && model.routerPort(portRow);
    if (port === undefined) {
      model.problem(`static route ${row.ip_prefix} is skipped: there is no router port "${outputPort}"`);
      return undefined;
    }
    // As for C, such a route is the other router's.
    if (port.lr.uuid !== lr) model.problem(`static route ${row.ip_prefix}: port "${outputPort}" is of another router`);
    const own: readonly Ip[] = prefix.family === 4 ? port.ip4 : port.ip6;
    const source = (nexthop && own.find((ip) => sameNetwork(ip, nexthop))) ?? own[0];
    if (source === undefined) {
      model.problem(
        `static route ${row.ip_prefix} is skipped: port "${outputPort}" has no IPv${prefix.family} address`,
      );
      return undefined;
    }
    return { port, source };
  }

  /** The port with a network that has `ip`: of several, the one with the least uuid, as for C. */
  pathTo(lr: Uuid, ip: Ip): RoutePath | undefined {
    const networks = this.#prefixLengths
      .get(`${lr} ${ip.family}`)
      .map((plen) => (ip.family === 4 ? ip4(ip.value, plen) : ip6(ip.value, plen)));
    const uuids = networks.flatMap((network) => this.#connected.get(`${lr} ${networkText(network)}`)).sort();
    for (const uuid of uuids) {
      const row = this.#model.nb.Logical_Router_Port.get(uuid);
      const port = row && this.#model.routerPort(row);
      const own: readonly Ip[] = port === undefined ? [] : ip.family === 4 ? port.ip4 : port.ip6;
      const source = own.find((address) => sameNetwork(address, ip));
      if (port !== undefined && source !== undefined) return { port, source };
    }
    return undefined;
  }

  /** Undefined for a route that leads nowhere. */
  #siblingKey(row: RouteRow): string | undefined {
    const route = this.#parsed(row);
    const lr = this.#model.routerOfStaticRoute.one(row._uuid);
    if (route === undefined || lr === undefined || !(route.discard || this.#path(row) !== undefined)) return undefined;
    // Host bits tell routes apart here, though their flows match the same.
    const { prefix } = route;
    return `${lr._uuid} ${route.bySource ? 'src' : 'dst'} ${prefix.text}/${prefix.plen} ${route.table}`;
  }
}

function parseRoute(row: RouteRow, problem: (message: string) => void): ParsedRoute | undefined {
  const skip = (why: string): undefined => {
    problem(`static route ${row.ip_prefix} (${row._uuid}) is skipped: ${why}`);
    return undefined;
  };
  const prefix = parseIp(row.ip_prefix);
  if (prefix === undefined) return skip(`ip_prefix "${row.ip_prefix}" is not a prefix`);
  const discard = row.nexthop === 'discard';
  const nexthop = discard || row.nexthop === '' ? undefined : parseIp(row.nexthop);
  if (nexthop === undefined && !discard && row.nexthop !== '')
    return skip(`next hop "${row.nexthop}" is not an address`);
  if (nexthop !== undefined) {
    if (row.nexthop.includes('/')) return skip(`next hop "${row.nexthop}" has a mask`);
    if (nexthop.family !== prefix.family) return skip(`next hop "${row.nexthop}" is of the other address family`);
  }
  return {
    prefix,
    bySource: row.policy === 'src-ip',
    table: row.route_table,
    discard,
    // Flows have it as it was written.
    nexthop: nexthop && { ...nexthop, text: row.nexthop },
    outputPort: row.output_port,
  };
}
