/** Load balancers, and the switches and routers that use them. */
import { toMap } from '@weft/ovsdb/datum';
import type { NbRow } from '@weft/schemas/nb';
import { CtlError } from '../framework/ctl-error.ts';
import { inNameOrder } from '../framework/replica-order.ts';
import { formatIp, type IpAddress, parseIpv4, parseIpv6 } from '../net/address.ts';
import { findLoadBalancer, needLoadBalancer, needRouter, needSwitch } from './find.ts';
import { isOn } from './parse.ts';
import type { NbCommand, NbContext, NbReads, NbTransaction } from './types.ts';

type LoadBalancer = NbRow<'Load_Balancer'>;
type Warn = NbContext['warn'];

interface Endpoint {
  readonly address: IpAddress;
  /** 0 if there is none. */
  readonly port: number;
}

/** `ADDRESS[:PORT]`, an IPv6 address with a port in brackets. Undefined, with an entry in the log, if it is none. */
function parseEndpoint(text: string, warn: Warn): Endpoint | undefined {
  const bad = (what: string, part: string) => {
    warn(`${text}: bad ${what} "${part}"`, 'socket_util', 'ERR');
    return undefined;
  };
  // The closing bracket may be missing at the end.
  const bracketed = /^\[([^\]]*)(?:\](?::(.*))?)?$/s.exec(text);
  const colon = text.indexOf(':');
  const isIpv6 = bracketed !== null || colon !== text.lastIndexOf(':');
  const host = bracketed?.[1] ?? (isIpv6 || colon < 0 ? text : text.slice(0, colon));
  const portText = bracketed?.[2] ?? (isIpv6 || colon < 0 ? '' : text.slice(colon + 1));
  if (portText !== '' && !(/^\d+$/.test(portText) && Number(portText) <= 65535)) return bad('port number', portText);
  const address = isIpv6 ? parseIpv6(host) : parseIpv4(host);
  // Of what has the form of an IPv6 address, nothing stands in the log.
  if (address === undefined) return isIpv6 ? undefined : bad('IP address', host);
  return { address, port: Number(portText) };
}

function formatEndpoint({ address, port }: Endpoint): string {
  const ip = formatIp(address);
  if (port === 0) return ip;
  return address.bits === 128 ? `[${ip}]:${port}` : `${ip}:${port}`;
}

const protocols = ['tcp', 'udp', 'sctp'] as const;

interface Vip {
  /** In its normal form. */
  readonly vip: string;
  readonly backends: string;
}

function parseVip(vipText: string, backendsText: string, hasProtocol: boolean, warn: Warn): Vip {
  const vip = parseEndpoint(vipText, warn);
  if (vip === undefined) {
    throw new CtlError(
      `${vipText}: should be an IP address (or an IP address and a port number with : as a separator).`,
    );
  }
  const backends = backendsText.split(',').filter((text) => text !== '');
  const errors = backendErrors(backends, vip.address.bits, vip.port > 0, formatIp(vip.address), warn);
  if (errors !== undefined) throw new CtlError(errors);
  if (vip.port === 0 && hasProtocol) throw new CtlError('Protocol is unnecessary when no port of vip is given.');
  return { vip: formatEndpoint(vip), backends: backends.join(',') };
}

/** What is wrong with backends written as addresses, in one sentence. */
function backendErrors(
  backends: readonly string[],
  bits: number,
  withPort: boolean,
  vip: string,
  warn: Warn,
): string | undefined {
  const errors: string[] = [];
  for (const text of backends) {
    const backend = parseEndpoint(text, warn);
    const what = withPort ? 'an IP address and a port number with : as a separator' : 'an IP address';
    if (backend !== undefined && backend.address.bits !== bits) {
      errors.push(`${text}: IP address family is different from VIP ${vip}`);
    } else if (backend === undefined || backend.port > 0 !== withPort) {
      errors.push(`${text}: should be ${what}`);
    }
  }
  return errors.length > 0 ? `${errors.join(', ')}.` : undefined;
}

/** With `--template`: `^VARIABLE[:^VARIABLE]`, where a colon separates two words at most; backends may be addresses too. */
function parseTemplate(vipText: string, backendsText: string, bits: 32 | 128, hasProtocol: boolean, warn: Warn): Vip {
  const words = (text: string) => text.split(':').filter((word) => word !== '');
  const vip = words(vipText);
  if (vip.length > 2) {
    throw new CtlError(`${vipText}: should be a template of the form: '^vip_variable[:^port_variable|:port]'.`);
  }
  const backends = backendsText.split(',').filter((text) => text !== '');
  const wrong = backends.find((text) => words(text).length > 2);
  if (wrong !== undefined) {
    const explicit = backendErrors(backends, bits, vip.length > 1, vip[0] ?? '', warn);
    if (explicit !== undefined) {
      throw new CtlError(
        `invalid backend: template (${words(wrong)[0]}: should be a template of the form: '^backendip_variable1[:^port_variable1|:port]'.) OR explicit (${explicit})`,
      );
    }
  }
  if (vip.length < 2 && hasProtocol) throw new CtlError('Protocol is unnecessary when no port of vip is given.');
  return {
    vip: vip.join(':'),
    backends: backends.map((text) => (wrong === undefined ? words(text).join(':') : text)).join(','),
  };
}

const lbReads: NbReads = { Load_Balancer: ['name', 'vips', 'protocol', 'options'] };

const lbAdd: NbCommand = {
  name: 'lb-add',
  args: 'LB VIP IPS [PROTOCOL] [ADDRESS_FAMILY]',
  options: ['--may-exist', '--add-duplicate', '--reject', '--event', '--add-route', '--template'],
  reads: lbReads,
  summary: 'makes a load balancer, or adds a VIP to one',
  examples: [
    'lb-add lb0 30.0.0.10:80 192.168.10.10:80,192.168.10.20:80 tcp',
    'lb-add lb1 "[fd00::1]:80" "[fd00::10]:80,[fd00::20]:80"',
  ],
  run: ({ tx, args, options, warn }) => {
    const [name, vipText, backendsText, protocolText, family] = args as [string, string, string, string?, string?];
    const addDuplicate = options.has('--add-duplicate');
    if (options.has('--reject') && options.has('--event')) {
      throw new CtlError("--reject and --event can't specified at the same time");
    }
    let protocol: (typeof protocols)[number] | undefined;
    if (protocolText !== undefined) {
      protocol = protocols.find((known) => known === protocolText);
      if (protocol === undefined) {
        throw new CtlError(`${protocolText}: protocol must be one of "tcp", "udp",  or "sctp".`);
      }
    }
    const template = options.has('--template');
    const bits = family === undefined || family === 'ipv4' ? 32 : 128;
    const { vip, backends } = template
      ? parseTemplate(vipText, backendsText, bits, protocol !== undefined, warn)
      : parseVip(vipText, backendsText, protocol !== undefined, warn);
    const existing = addDuplicate ? undefined : findLoadBalancer(tx, name);
    if (existing !== undefined) {
      if (existing.vips.has(vip) && !options.has('--may-exist')) {
        throw new CtlError(`${name}: a load balancer with this vip (${vip}) already exists`);
      }
      tx.mutateMap('Load_Balancer', existing._uuid, 'vips', { insert: [[vip, backends]] });
      tx.update('Load_Balancer', existing._uuid, { protocol: protocol ?? 'tcp' });
      return;
    }
    const settings: [string, string][] = [];
    if (options.has('--reject')) settings.push(['reject', 'true']);
    if (options.has('--event')) settings.push(['event', 'true']);
    if (options.has('--add-route')) settings.push(['add_route', 'true']);
    if (template) settings.push(['template', 'true'], ['address-family', bits === 32 ? 'ipv4' : 'ipv6']);
    tx.insert('Load_Balancer', {
      name,
      vips: toMap([[vip, backends]]) as ReadonlyMap<string, string>,
      protocol: protocol ?? 'tcp',
      options: toMap(settings) as ReadonlyMap<string, string>,
    });
  },
};

const lbDel: NbCommand = {
  name: 'lb-del',
  args: 'LB [VIP]',
  options: ['--if-exists'],
  reads: { Load_Balancer: ['name', 'vips'] },
  summary: 'deletes a load balancer, or one VIP of it; with its last VIP it goes too',
  examples: ['lb-del lb0 30.0.0.10:80', 'lb-del lb0'],
  run: ({ tx, args, options }) => {
    const [name, vip] = args as [string, string?];
    const lb = findLoadBalancer(tx, name);
    if (lb === undefined) return;
    if (vip === undefined) {
      tx.delete('Load_Balancer', lb._uuid);
      return;
    }
    if (!lb.vips.has(vip)) {
      if (options.has('--if-exists')) return;
      throw new CtlError(`vip ${vip} is not part of the load balancer.`);
    }
    tx.mutateMap('Load_Balancer', lb._uuid, 'vips', { remove: [vip] });
    if (lb.vips.size === 1) tx.delete('Load_Balancer', lb._uuid);
  },
};

/** The table of load balancers, by name: one line for each VIP that can be read. */
function printLoadBalancers({ print, warn }: NbContext, all: readonly LoadBalancer[]): void {
  const lbs = all.filter((lb) => lb.vips.size > 0);
  if (lbs.length === 0) return;
  const widest = Math.max(0, ...lbs.flatMap((lb) => [...lb.vips.keys()].map((vip) => vip.length)));
  const line = (uuid: string, name: string, protocol: string, vip: string, ips: string) =>
    `${uuid.padEnd(40)}${name.slice(0, 16).padEnd(20)}${protocol.padEnd(11)}${vip.slice(0, widest).padEnd(widest + 4)}${ips}`;
  const described = lbs.map((lb) => {
    // The first VIP's line names the load balancer, the others stand below it. A VIP that cannot be read has no line, but its place.
    const lines = [...lb.vips].map(([vip, ips], i) => {
      const protocol = protocolOf(vip, lb, warn);
      if (protocol === undefined) return '';
      return i === 0 ? line(lb._uuid, lb.name, protocol, vip, ips) : `\n${line('', '', protocol, vip, ips)}`;
    });
    return { name: lb.name, text: lines.join('') };
  });
  print(line('UUID', 'LB', 'PROTO', 'VIP', 'IPs'));
  for (const { text } of inNameOrder(described, ({ name }) => name)) print(text);
}

/** What stands under PROTO for a VIP; undefined, with an entry in the log, if the VIP cannot be read. */
function protocolOf(vip: string, lb: LoadBalancer, warn: Warn): string | undefined {
  if (isOn(lb.options, 'template')) {
    if (lb.protocol === undefined) warn(`Load Balancer ${lb._uuid} (${lb.name}) is a template and misses protocol`);
    return lb.protocol;
  }
  const endpoint = parseEndpoint(vip, warn);
  if (endpoint === undefined) return undefined;
  // The C program prints a protocol that is not set in this way.
  return endpoint.port > 0 ? (lb.protocol ?? '(null)') : '';
}

const lbList: NbCommand = {
  name: 'lb-list',
  args: '[LB]',
  reads: lbReads,
  summary: 'prints the load balancers, or one',
  examples: ['lb-list'],
  run: (context) => {
    const { tx, args } = context;
    const all = tx.all('Load_Balancer');
    const name = args[0];
    printLoadBalancers(context, name === undefined ? all : all.filter((lb) => lb.name === name));
  },
};

/** A switch or a router, as far as load balancers matter. */
interface UserKind {
  readonly table: 'Logical_Switch' | 'Logical_Router';
  readonly prefix: 'ls' | 'lr';
  readonly word: 'switch' | 'router';
  readonly argument: 'SWITCH' | 'ROUTER';
  readonly example: string;
  need(tx: NbTransaction, text: string): { readonly _uuid: string; readonly load_balancer: readonly string[] };
}

const kinds: readonly UserKind[] = [
  { table: 'Logical_Router', prefix: 'lr', word: 'router', argument: 'ROUTER', example: 'lr0', need: needRouter },
  { table: 'Logical_Switch', prefix: 'ls', word: 'switch', argument: 'SWITCH', example: 'sw0', need: needSwitch },
];

function userCommands({ table, prefix, word, argument, example, need }: UserKind): readonly NbCommand[] {
  const reads: NbReads = { [table]: ['name', 'load_balancer'], Load_Balancer: ['name'] };
  return [
    {
      name: `${prefix}-lb-add`,
      args: `${argument} LB`,
      options: ['--may-exist'],
      reads,
      summary: `has a ${word} use a load balancer`,
      examples: [`${prefix}-lb-add ${example} lb0`],
      run: ({ tx, args, options }) => {
        const user = need(tx, args[0]!);
        const lb = needLoadBalancer(tx, args[1]!);
        if (user.load_balancer.includes(lb._uuid)) {
          if (options.has('--may-exist')) return;
          throw new CtlError(`${lb._uuid} : a load balancer with this UUID already exists`);
        }
        tx.mutateSet(table, user._uuid, 'load_balancer', { insert: [lb._uuid] });
      },
    },
    {
      name: `${prefix}-lb-del`,
      args: `${argument} [LB]`,
      options: ['--if-exists'],
      reads,
      summary: `has a ${word} use a load balancer, or all, no longer`,
      examples: [`${prefix}-lb-del ${example} lb0`],
      run: ({ tx, args, options }) => {
        const user = need(tx, args[0]!);
        const name = args[1];
        if (name === undefined) {
          tx.update(table, user._uuid, { load_balancer: [] });
          return;
        }
        const lb = needLoadBalancer(tx, name);
        if (!user.load_balancer.includes(lb._uuid)) {
          if (options.has('--if-exists')) return;
          throw new CtlError(`load balancer ${name} is not part of any logical ${word}.`);
        }
        tx.mutateSet(table, user._uuid, 'load_balancer', { remove: [lb._uuid] });
      },
    },
    {
      name: `${prefix}-lb-list`,
      args: argument,
      reads: { ...reads, ...lbReads },
      summary: `prints the load balancers of a ${word}`,
      examples: [`${prefix}-lb-list ${example}`],
      run: (context) => {
        const { tx, args } = context;
        printLoadBalancers(context, tx.many('Load_Balancer', need(tx, args[0]!).load_balancer));
      },
    },
  ];
}

export const loadBalancerCommands: readonly NbCommand[] = [lbAdd, lbDel, lbList, ...kinds.flatMap(userCommands)];
