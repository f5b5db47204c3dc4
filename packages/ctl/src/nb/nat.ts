/** NAT rules of routers. */
import { toMap } from '@weft/ovsdb/datum';
import { parseUuid } from '@weft/ovsdb/uuid';
import type { NbRow } from '@weft/schemas/nb';
import { CtlError } from '../framework/ctl-error.ts';
import { inNameOrder } from '../framework/replica-order.ts';
import { formatIp, formatNetwork, networkOf, parseCidr, parseIp, parseMac } from '../net/address.ts';
import { findPort, needRouter, needRouterPort } from './find.ts';
import type { NbCommand, NbReads, NbTransaction } from './types.ts';

type Nat = NbRow<'NAT'>;
type Router = NbRow<'Logical_Router'>;
type NatType = Nat['type'];

const natReads: NbReads = {
  Logical_Router: ['name', 'nat', 'ports'],
  Logical_Router_Port: ['name', 'networks', 'gateway_chassis', 'ha_chassis_group'],
  NAT: [
    'type',
    'external_ip',
    'logical_ip',
    'external_mac',
    'logical_port',
    'external_port_range',
    'gateway_port',
    'options',
  ],
};

function parseType(text: string): NatType {
  if (text === 'dnat' || text === 'snat' || text === 'dnat_and_snat') return text;
  throw new CtlError(`${text}: type must be one of "dnat", "snat" and "dnat_and_snat".`);
}

/** As C's `int` holds what strtol(3) reads. */
function int32(text: string): number {
  const value = BigInt(/^\s*[+-]?\d+/.exec(text)?.[0].trim().replace(/^\+/, '') ?? 0);
  return BigInt.asIntN(64, value) === value ? Number(BigInt.asIntN(32, value)) : -1;
}

/** `FIRST[-LAST]`, read as loosely as the C program reads it: hyphens count once, and what follows a number does not matter. */
function isPortRange(text: string): boolean {
  const [first, last, ...more] = text
    .split('-')
    .filter((word) => word !== '')
    .map(int32);
  if (first === undefined || !(first > 0) || more.length > 0) return false;
  if (!text.includes('-')) return true;
  return last !== undefined && last > first && last <= 65535;
}

/** The normal form of an address or network; text that is neither stands for itself. */
function normal(text: string): string {
  const cidr = parseCidr(text);
  return cidr === undefined ? text : formatNetwork(cidr);
}

interface AddArguments {
  readonly type: NatType;
  readonly externalIp: string;
  readonly logicalIp: string;
  readonly logicalPort: string | undefined;
  readonly externalMac: string | undefined;
  readonly portRange: string | undefined;
}

function parseAdd(
  tx: NbTransaction,
  args: readonly string[],
  options: ReadonlyMap<string, string | undefined>,
): AddArguments {
  const [typeText, externalIp, logicalText, ...rest] = args.slice(1) as [string, string, string, ...string[]];
  const type = parseType(typeText);
  const external = parseIp(externalIp);
  if (external === undefined) throw new CtlError(`${externalIp}: Not a valid IPv4 or IPv6 address.`);
  const version = external.bits === 32 ? 'IPv4' : 'IPv6';
  let logicalIp: string;
  if (type === 'snat') {
    const network = parseCidr(logicalText);
    if (network === undefined || network.bits !== external.bits) {
      throw new CtlError(`${logicalText}: should be an ${version} address or network.`);
    }
    logicalIp = formatNetwork(network);
  } else {
    const address = parseIp(logicalText);
    if (address === undefined || address.bits !== external.bits) {
      throw new CtlError(`${logicalText}: Not a valid ${version} address.`);
    }
    logicalIp = formatIp(address);
  }
  const hasRange = options.has('--portrange');
  const [first, second, third] = rest;
  let portRange: string | undefined;
  if (hasRange && rest.length === 1) portRange = first;
  else if (rest.length === 3) portRange = third;
  const withPort = rest.length >= 2;
  if (withPort && type !== 'dnat_and_snat') {
    throw new CtlError('logical_port and external_mac are only valid when type is "dnat_and_snat".');
  }
  if (rest.length === (hasRange ? 2 : 1)) {
    throw new CtlError('lr-nat-add with logical_port must also specify external_mac.');
  }
  if (withPort) {
    if (findPort(tx, first!) === undefined) throw new CtlError(`${first}: port name not found`);
    if (parseMac(second!) === undefined) throw new CtlError(`invalid mac address ${second}.`);
  }
  if (portRange !== undefined && !isPortRange(portRange)) throw new CtlError(`invalid port range ${portRange}.`);
  return {
    type,
    externalIp,
    logicalIp,
    logicalPort: withPort ? first : undefined,
    externalMac: withPort ? second : undefined,
    portRange,
  };
}

function isGateway(port: {
  readonly gateway_chassis: readonly string[];
  readonly ha_chassis_group?: string | undefined;
}) {
  return port.gateway_chassis.length > 0 || port.ha_chassis_group !== undefined;
}

/** The port for which the rule is meant; with several gateways one must be given or follow from the external address. */
function gatewayPort(
  tx: NbTransaction,
  router: Router,
  given: string | undefined,
  externalIp: string,
): string | undefined {
  if (given !== undefined) {
    const port = needRouterPort(tx, given);
    if (!router.ports.includes(port._uuid)) {
      throw new CtlError(`${given} is not a router port of logical router: ${router.name}.`);
    }
    if (!isGateway(port)) throw new CtlError(`${given} is not a distributed gateway router port.`);
    return port._uuid;
  }
  const gateways = tx.many('Logical_Router_Port', router.ports).filter(isGateway);
  if (gateways.length > 1 && !gateways.some((port) => port.networks.some((network) => contains(network, externalIp)))) {
    throw new CtlError(
      `logical router: ${router.name} has multiple distributed gateway ports and gateway_port can not be determined from external IP of NAT rule.`,
    );
  }
  return undefined;
}

function contains(network: string, ip: string): boolean {
  const cidr = parseCidr(network);
  const address = parseIp(ip);
  if (cidr === undefined || address === undefined || cidr.bits !== address.bits) return false;
  return networkOf({ ...address, prefixLength: cidr.prefixLength }).value === networkOf(cidr).value;
}

const natAdd: NbCommand = {
  name: 'lr-nat-add',
  args: 'ROUTER TYPE EXTERNAL_IP LOGICAL_IP [LOGICAL_PORT EXTERNAL_MAC] [EXTERNAL_PORT_RANGE]',
  options: ['--may-exist', '--stateless', '--portrange', '--add-route', '--gateway-port='],
  reads: { ...natReads, Logical_Switch_Port: ['name'] },
  summary: 'adds a NAT rule of type snat, dnat or dnat_and_snat to a router',
  examples: [
    'lr-nat-add lr0 snat 172.16.0.10 192.168.1.0/24',
    'lr-nat-add lr0 dnat_and_snat 172.16.0.11 192.168.1.10 sw0-port1 00:00:00:00:00:aa',
    '--portrange lr-nat-add lr0 dnat 172.16.0.12 192.168.1.20 1000-2000',
  ],
  run: ({ tx, args, options, warn }) => {
    const router = needRouter(tx, args[0]!);
    const { type, externalIp, logicalIp, logicalPort, externalMac, portRange } = parseAdd(tx, args, options);
    const stateless = options.has('--stateless');
    if (stateless && type !== 'dnat_and_snat') {
      throw new CtlError('stateless is not applicable to dnat or snat types');
    }
    const addRoute = options.has('--add-route');
    if (addRoute && type === 'snat') throw new CtlError('routes cannot be added for snat types.');
    const gateway = gatewayPort(tx, router, options.get('--gateway-port'), externalIp);
    let failure: string | undefined;
    for (const nat of tx.many('NAT', router.nat)) {
      const sameExternal = normal(nat.external_ip) === normal(externalIp);
      if (nat.type === type && nat.gateway_port === gateway) {
        const sameLogical = normal(nat.logical_ip) === normal(logicalIp);
        if (type === 'snat' ? sameLogical : sameExternal) {
          if (sameExternal && sameLogical) {
            if (options.has('--may-exist')) {
              tx.update('NAT', nat._uuid, { logical_port: logicalPort, external_mac: externalMac });
              return;
            }
            failure = `${externalIp}, ${logicalIp}: a NAT with this external_ip and logical_ip already exists`;
          } else {
            const what = type === 'snat' ? `logical_ip (${logicalIp})` : `external_ip (${externalIp})`;
            failure = `a NAT with this type (${type}), ${what} already exists`;
          }
        }
      }
      if (sameExternal && (stateless || nat.options.get('stateless') === 'true')) {
        if (failure !== undefined) warn(`Discarding unhandled error: ${failure}`, 'db_ctl_base', 'ERR');
        throw new CtlError(
          `${externalIp}, ${logicalIp}: External ip cannot be shared across stateless and stateful NATs`,
        );
      }
      if (failure !== undefined) throw new CtlError(failure);
    }
    const nat = tx.insert('NAT', {
      type,
      external_ip: externalIp,
      logical_ip: logicalIp,
      logical_port: logicalPort,
      external_mac: externalMac,
      gateway_port: gateway,
      ...(portRange === undefined ? {} : { external_port_range: portRange }),
      options: toMap([
        ['stateless', String(stateless)],
        ...(addRoute ? ([['add_route', 'true']] as const) : []),
      ]) as ReadonlyMap<string, string>,
    });
    tx.mutateSet('Logical_Router', router._uuid, 'nat', { insert: [nat] });
  },
};

/** The address by which a rule of this type is named. */
function keyOf(nat: Pick<Nat, 'type' | 'external_ip' | 'logical_ip'>): string {
  return normal(nat.type === 'snat' ? nat.logical_ip : nat.external_ip);
}

const natDel: NbCommand = {
  name: 'lr-nat-del',
  args: 'ROUTER [TYPE [IP] [GATEWAY_PORT]]',
  options: ['--if-exists'],
  reads: natReads,
  summary: 'removes NAT rules from a router: all, those of a type, of an address, of a gateway port',
  examples: ['lr-nat-del lr0', 'lr-nat-del lr0 snat 192.168.1.0/24'],
  details: 'IP is the logical address for snat, the external address for the other types.',
  run: ({ tx, args, options }) => {
    const [name, typeText, thirdText, portText] = args as [string, string?, string?, string?];
    const router = needRouter(tx, name);
    if (typeText === undefined) {
      tx.update('Logical_Router', router._uuid, { nat: [] });
      return;
    }
    const type = parseType(typeText);
    let ip: string | undefined;
    let portName = portText;
    if (thirdText !== undefined) {
      if (parseCidr(thirdText) === undefined) {
        if (portText !== undefined) throw new CtlError(`${thirdText}: Invalid IP address or CIDR`);
        portName = thirdText;
      } else ip = normal(thirdText);
    }
    const port = portName === undefined ? undefined : needRouterPort(tx, portName)._uuid;
    const found = tx
      .many('NAT', router.nat)
      .filter(
        (nat) =>
          nat.type === type &&
          (ip === undefined || keyOf(nat) === ip) &&
          (port === undefined || nat.gateway_port === port),
      );
    if (found.length > 0) {
      tx.mutateSet('Logical_Router', router._uuid, 'nat', { remove: found.map((nat) => nat._uuid) });
      return;
    }
    if (ip !== undefined && portName !== undefined && !options.has('--if-exists')) {
      const what = type === 'snat' ? 'logical_ip' : 'external_ip';
      throw new CtlError(`no matching NAT with the type (${type}), ${what} (${ip}) and gateway_port (${portName})`);
    }
  },
};

/** Columns' widths, and where longer values are cut. */
const natColumns = [
  { width: 17, most: 13 },
  { width: 22, most: 18 },
  { width: 19, most: 15 },
  { width: 17, most: 13 },
  { width: 20, most: Number.POSITIVE_INFINITY },
  { width: 21, most: 17 },
] as const;

function natLine(cells: readonly string[]): string {
  return cells
    .map((cell, i) => {
      const column = natColumns[i];
      return column === undefined ? cell : cell.slice(0, column.most).padEnd(column.width);
    })
    .join('');
}

const natList: NbCommand = {
  name: 'lr-nat-list',
  args: 'ROUTER',
  reads: natReads,
  summary: 'prints the NAT rules of a router',
  examples: ['lr-nat-list lr0'],
  run: ({ tx, args, print }) => {
    const router = needRouter(tx, args[0]!);
    const rules = tx.many('NAT', router.nat);
    const ports = tx.many(
      'Logical_Router_Port',
      rules.flatMap((nat) => nat.gateway_port ?? []),
    );
    const portNames = new Map(ports.map((port) => [port._uuid, port.name]));
    if (rules.length === 0) return;
    print(
      natLine(['TYPE', 'GATEWAY_PORT', 'EXTERNAL_IP', 'EXTERNAL_PORT', 'LOGICAL_IP', 'EXTERNAL_MAC', 'LOGICAL_PORT']),
    );
    const name = (nat: Nat) => {
      const gateway = nat.gateway_port === undefined ? '' : (portNames.get(nat.gateway_port) ?? '');
      return [nat.type, gateway, nat.external_ip, nat.external_port_range];
    };
    for (const nat of inNameOrder(rules, (rule) => natLine(name(rule)))) {
      print(natLine([...name(nat), nat.logical_ip, nat.external_mac ?? '', nat.logical_port ?? '']).trimEnd());
    }
  },
};

const natUpdateExtIp: NbCommand = {
  name: 'lr-nat-update-ext-ip',
  args: 'ROUTER TYPE IP ADDRESS_SET',
  options: ['--is-exempted'],
  reads: {
    Logical_Router: ['name', 'nat'],
    NAT: ['type', 'external_ip', 'logical_ip', 'allowed_ext_ips', 'exempted_ext_ips'],
    Address_Set: ['name'],
  },
  summary: 'limits a NAT rule to the external addresses of an address set, or with --is-exempted to all others',
  examples: ['lr-nat-update-ext-ip lr0 snat 192.168.1.0/24 as0'],
  run: ({ tx, args, options }) => {
    const [name, typeText, ip, setName] = args as [string, string, string, string];
    const router = needRouter(tx, name);
    const type = parseType(typeText);
    const set = tx.get('Address_Set', parseUuid(setName)) ?? tx.holding('Address_Set', 'name', setName)[0];
    if (set === undefined) throw new CtlError(`${setName}: Address Set name not found`);
    if (parseCidr(ip) === undefined) throw new CtlError(`${ip}: Invalid IP address or CIDR`);
    const nat = tx.many('NAT', router.nat).find((rule) => rule.type === type && keyOf(rule) === normal(ip));
    if (nat === undefined) throw new CtlError(`${type}: Could not locate nat rule for: ${ip}.`);
    const column = options.has('--is-exempted') ? 'exempted_ext_ips' : 'allowed_ext_ips';
    tx.update('NAT', nat._uuid, { [column]: set._uuid });
  },
};

export const natCommands: readonly NbCommand[] = [natAdd, natDel, natList, natUpdateExtIp];
