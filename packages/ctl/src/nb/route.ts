/** Static routes of logical routers. */
import { compareStrings } from '@weft/ovsdb/atom';
import { toMap } from '@weft/ovsdb/datum';
import { parseUuid } from '@weft/ovsdb/uuid';
import type { NbRow } from '@weft/schemas/nb';
import { CtlError } from '../framework/ctl-error.ts';
import { type Cidr, formatIp, formatNetwork, networkOf, parseCidr, parseIpv4, parseIpv6 } from '../net/address.ts';
import { findRouterPort, needRouter, notFound } from './find.ts';
import { isOn } from './parse.ts';
import type { NbCommand, NbContext, NbReads, NbTransaction } from './types.ts';

type Route = NbRow<'Logical_Router_Static_Route'>;
type Policy = 'dst-ip' | 'src-ip';

const routeReads: NbReads = {
  Logical_Router: ['name', 'ports', 'static_routes'],
  Logical_Router_Port: ['name'],
  Logical_Router_Static_Route: ['ip_prefix', 'nexthop', 'output_port', 'policy', 'options', 'route_table', 'bfd'],
};

/** Keeps the network part of a prefix; undefined if it is none. */
function parsePrefix(text: string): Cidr | undefined {
  return parseCidr(text);
}

/** The normal form of a prefix. */
function cidrText(text: string): string | undefined {
  const cidr = parsePrefix(text);
  return cidr === undefined ? undefined : formatNetwork(cidr);
}

/** The normal form of a prefix, by which routes are compared; text that is none stands for itself. */
function normalPrefix(text: string): string {
  return cidrText(text) ?? text;
}

/** The normal form of a next hop of this family. */
function parseNexthop(text: string, bits: number): string | undefined {
  if (text === 'discard') return text;
  const address = bits === 32 ? parseIpv4(text) : parseIpv6(text);
  return address === undefined ? undefined : formatIp(address);
}

function policyOption(context: Pick<NbContext, 'options'>): Policy | undefined {
  const policy = context.options.get('--policy');
  if (policy === undefined) return undefined;
  if (policy !== 'dst-ip' && policy !== 'src-ip') throw new CtlError(`bad policy: ${policy}`);
  return policy;
}

const lrRouteAdd: NbCommand = {
  name: 'lr-route-add',
  args: 'ROUTER PREFIX NEXTHOP [PORT]',
  options: ['--may-exist', '--ecmp', '--ecmp-symmetric-reply', '--policy=', '--route-table=', '--bfd?'],
  reads: { ...routeReads, BFD: ['logical_port', 'dst_ip'] },
  summary: 'adds a static route to a router; a next hop of "discard" drops',
  examples: [
    'lr-route-add lr0 0.0.0.0/0 10.0.0.254',
    '--policy=src-ip lr-route-add lr0 192.168.2.0/24 10.0.0.253 lr0-public',
    '--ecmp lr-route-add lr0 172.16.0.0/16 10.0.0.3',
  ],
  run: (context) => {
    const { tx, args, options } = context;
    const [routerName, prefixText, nexthopText, portName] = args as [string, string, string, string?];
    const router = needRouter(tx, routerName);
    const policy = policyOption(context);
    const table = options.get('--route-table') ?? '';
    const cidr = parsePrefix(prefixText);
    if (cidr === undefined) throw new CtlError(`bad prefix argument: ${prefixText}`);
    const prefix = formatNetwork(cidr);
    const nexthop = parseNexthop(nexthopText, cidr.bits);
    if (nexthop === undefined)
      throw new CtlError(`bad IPv${cidr.bits === 32 ? 4 : 6} nexthop argument: ${nexthopText}`);
    const port = outputPort(tx, portName);
    const givenBfd = options.get('--bfd');
    const knownBfd = givenBfd === undefined ? undefined : bfdRecord(tx, givenBfd);
    if (nexthop === 'discard' && (options.has('--ecmp') || options.has('--ecmp-symmetric-reply'))) {
      throw new CtlError('ecmp is not valid for discard routes.');
    }
    if (nexthop === 'discard' && options.has('--bfd')) throw new CtlError('bfd dst_ip cannot be discard.');
    if (nexthop === 'discard' && portName !== undefined) throw new CtlError('outport is not valid for discard routes.');
    const bfd = options.has('--bfd') ? (knownBfd ?? bfdSession(tx, nexthop, portName)) : undefined;
    const symmetric = options.has('--ecmp-symmetric-reply');
    const ecmp = options.has('--ecmp') || symmetric;
    const same = tx
      .many('Logical_Router_Static_Route', router.static_routes)
      .filter(
        (route) =>
          route.route_table === table &&
          (route.policy ?? 'dst-ip') === (policy ?? 'dst-ip') &&
          normalPrefix(route.ip_prefix) === prefix,
      );
    if (!ecmp) {
      const [old] = same;
      if (old !== undefined && !options.has('--may-exist')) {
        throw new CtlError(
          `duplicate prefix: ${prefix} (policy: ${policy ?? 'dst-ip'}). Use option --ecmp to allow this for ECMP routing.`,
        );
      }
      if (old !== undefined) {
        tx.update('Logical_Router_Static_Route', old._uuid, {
          ip_prefix: prefix,
          nexthop,
          ...(port === undefined ? {} : { output_port: port }),
          ...(policy === undefined ? {} : { policy }),
          ...(bfd === undefined ? {} : { bfd }),
        });
        return;
      }
    } else if (same.some((route) => route.nexthop === nexthop)) {
      if (options.has('--may-exist')) return;
      throw new CtlError('duplicate nexthop for the same ECMP route');
    }
    const route = tx.insert('Logical_Router_Static_Route', {
      ip_prefix: prefix,
      nexthop,
      output_port: port,
      policy,
      route_table: table,
      bfd,
      ...(symmetric ? { options: toMap([['ecmp_symmetric_reply', 'true']]) as ReadonlyMap<string, string> } : {}),
    });
    tx.mutateSet('Logical_Router', router._uuid, 'static_routes', { insert: [route] });
  },
};

function outputPort(tx: NbTransaction, name: string | undefined): string | undefined {
  if (name === undefined) return undefined;
  const port = findRouterPort(tx, name);
  if (port === undefined) throw new CtlError(notFound(name, 'port'));
  return name;
}

/** The BFD session that `--bfd=UUID` gives. */
function bfdRecord(tx: NbTransaction, given: string): string {
  const uuid = parseUuid(given);
  const row = uuid === undefined ? undefined : tx.get('BFD', uuid);
  if (row === undefined) throw new CtlError(`no entry found in the BFD table`);
  return row._uuid;
}

/** The BFD session that watches the next hop: without a port, one that is there; with a port, a new one. */
function bfdSession(tx: NbTransaction, nexthop: string, port: string | undefined): string {
  if (port === undefined) {
    const [known] = tx.inOrder('BFD', tx.holding('BFD', 'dst_ip', nexthop));
    if (known === undefined) throw new CtlError('insert entry in the BFD table failed');
    return known._uuid;
  }
  return tx.insert('BFD', { dst_ip: nexthop, logical_port: port });
}

const lrRouteDel: NbCommand = {
  name: 'lr-route-del',
  args: 'ROUTER [PREFIX [NEXTHOP [PORT]]]',
  options: ['--if-exists', '--policy=', '--route-table='],
  reads: routeReads,
  summary: 'removes the routes of a router that match what is given',
  examples: ['lr-route-del lr0 0.0.0.0/0', '--policy=src-ip lr-route-del lr0'],
  run: (context) => {
    const { tx, args, options } = context;
    const [routerName, prefixText, nexthopText, port] = args as [string, string?, string?, string?];
    const router = needRouter(tx, routerName);
    const policy = policyOption(context);
    const table = options.get('--route-table') ?? '';
    if (args.length === 1 && policy === undefined) {
      tx.update('Logical_Router', router._uuid, { static_routes: [] });
      return;
    }
    let prefix: Cidr | undefined;
    if (prefixText !== undefined) {
      prefix = parsePrefix(prefixText);
      if (prefix === undefined) throw new CtlError(`bad prefix argument: ${prefixText}`);
    }
    let nexthop: string | undefined;
    if (nexthopText !== undefined) {
      // Either family: a next hop of the other matches nothing.
      nexthop = nexthopText === 'discard' ? nexthopText : cidrText(nexthopText);
      if (nexthop === undefined) throw new CtlError(`bad nexthop argument: ${nexthopText}`);
    }
    const wanted = prefix === undefined ? undefined : formatNetwork(prefix);
    const found = tx.many('Logical_Router_Static_Route', router.static_routes).filter((route) => {
      if (policy !== undefined && (route.policy ?? 'dst-ip') !== policy) return false;
      if (wanted !== undefined && normalPrefix(route.ip_prefix) !== wanted) return false;
      if (options.has('--route-table') && route.route_table !== table) return false;
      if (nexthop !== undefined && normalNexthop(route) !== nexthop) return false;
      return port === undefined || route.output_port === port;
    });
    if (found.length > 0) {
      tx.mutateSet('Logical_Router', router._uuid, 'static_routes', { remove: found.map((route) => route._uuid) });
      return;
    }
    if (options.has('--if-exists')) return;
    throw new CtlError(
      `no matching route: policy '${policy ?? 'any'}', prefix '${wanted ?? (policy === undefined ? 'any' : '(null)')}', nexthop '${nexthop ?? 'any'}', output_port '${port ?? 'any'}'.`,
    );
  },
};

function normalNexthop(route: Pick<Route, 'nexthop'>): string {
  return parseNexthop(route.nexthop, 32) ?? parseNexthop(route.nexthop, 128) ?? route.nexthop;
}

interface Listed {
  readonly cidr: Cidr;
  readonly route: Route;
}

const lrRouteList: NbCommand = {
  name: 'lr-route-list',
  args: 'ROUTER',
  options: ['--route-table='],
  reads: routeReads,
  summary: 'prints the routes of a router, by table, in the order in which they are tried',
  examples: ['lr-route-list lr0'],
  run: ({ tx, args, options, print }) => {
    const router = needRouter(tx, args[0]!);
    const onlyTable = options.get('--route-table');
    const listed: Listed[] = [];
    for (const route of tx.many('Logical_Router_Static_Route', router.static_routes)) {
      const cidr = parsePrefix(route.ip_prefix);
      if (cidr === undefined) continue;
      if (onlyTable === undefined || route.route_table === onlyTable) listed.push({ cidr, route });
    }
    let printed = false;
    for (const bits of [32, 128] as const) {
      const family = listed.filter(({ cidr }) => cidr.bits === bits).sort(inOrder);
      if (family.length === 0) continue;
      if (printed) print('');
      printed = true;
      print(`IPv${bits === 32 ? 4 : 6} Routes`);
      let table: string | undefined;
      family.forEach((entry, i) => {
        if (entry.route.route_table !== table) {
          if (table !== undefined) print('');
          table = entry.route.route_table;
          print(table === '' ? 'Route Table <main>:' : `Route Table ${table}:`);
        }
        print(routeLine(entry, isEcmp(family, i)));
      });
    }
  },
};

/** Routes of one table stand together, in the order in which they are tried: the longer prefix first, destination before source. */
function inOrder(a: Listed, b: Listed): number {
  const table = compareStrings(a.route.route_table, b.route.route_table);
  if (table !== 0) return table;
  const priority = priorityOf(b) - priorityOf(a);
  if (priority !== 0) return priority;
  const [x, y] = [networkOf(a.cidr).value, networkOf(b.cidr).value];
  return x !== y ? (x < y ? -1 : 1) : compareStrings(a.route.nexthop, b.route.nexthop);
}

function priorityOf({ cidr, route }: Listed): number {
  return cidr.prefixLength * 2 + (route.policy === 'src-ip' ? 0 : 1);
}

/** Is there another route for the same prefix? The list is in order. */
function isEcmp(family: readonly Listed[], i: number): boolean {
  const same = (other: Listed | undefined) =>
    other !== undefined &&
    other.route.route_table === family[i]!.route.route_table &&
    priorityOf(other) === priorityOf(family[i]!) &&
    formatNetwork(other.cidr) === formatNetwork(family[i]!.cidr);
  return same(family[i - 1]) || same(family[i + 1]);
}

function routeLine({ cidr, route }: Listed, ecmp: boolean): string {
  // What is no address is not printed.
  const nexthop = parseNexthop(route.nexthop, cidr.bits) ?? '';
  let line = `${formatNetwork(cidr).padStart(25)} ${nexthop.padStart(25)}`;
  line += ` ${route.policy ?? 'dst-ip'}`;
  if (route.output_port !== undefined) line += ` ${route.output_port}`;
  if (route.options.get('ic-learned-route') !== undefined) line += ' (learned)';
  if (ecmp) line += ' ecmp';
  if (isOn(route.options, 'ecmp_symmetric_reply')) line += ' ecmp-symmetric-reply';
  if (route.bfd !== undefined) line += ' bfd';
  return line;
}

export const routeCommands: readonly NbCommand[] = [lrRouteAdd, lrRouteDel, lrRouteList];
