/**
 * The arguments of actions and functions, action by action. Each parser starts after the name and ends before the `;`. One file, because it is one table.
 */
import { fieldByName } from '@weft/openflow/fields';
import {
  type Endpoint,
  type LflowAction,
  type LookupFunctionName,
  type NamedOption,
  type NatActionName,
  type OptionFunctionName,
  type Protocol,
  protocols,
  type Severity,
  severities,
  type Verdict,
  verdicts,
} from './action-ast.ts';
import type { Constant, FieldRef } from './ast.ts';
import { encodeDhcpv4, encodeDhcpv6 } from './dhcp-options.ts';
import { type Lexer, LflowError } from './lexer.ts';
import { checkNdRaOption, encodeNdRa, isNdRaOption } from './nd-ra-options.ts';
import { parseIpv4, parseIpv6 } from './number.ts';
import type { ActionParser } from './parse-actions.ts';

type Statement = (parser: ActionParser, name: string) => LflowAction;
type BitFunction = (parser: ActionParser, name: string, dst: FieldRef) => LflowAction;

/** `(`, then fields separated by commas, a port's or an integer one of so many bits, then `)`. */
function fields<T extends readonly ('port' | number)[]>(
  parser: ActionParser,
  ...kinds: T
): { -readonly [K in keyof T]: FieldRef } {
  const found = kinds.map((kind, i) => {
    parser.lexer.expect(i === 0 ? '(' : ',');
    return kind === 'port' ? parser.portField() : parser.integerField(kind);
  });
  parser.lexer.expect(')');
  return found as { -readonly [K in keyof T]: FieldRef };
}

/** `ct_dnat`, `ct_dnat(IP)`, `ct_dnat(IP, PORT-PORT)` and their kin. */
export const nat: Statement = ({ lexer }, name) => {
  const kind = name as NatActionName;
  if (!lexer.match('(')) return { kind, ip: undefined, ports: undefined };
  const ip = address(lexer, 'expecting IPv4 or IPv6 address');
  let ports: { min: number; max: number | undefined } | undefined;
  if (lexer.match(',')) {
    if (lexer.type !== 'integer' || lexer.format !== 'decimal')
      throw lexer.syntaxError('expecting Integer for port range');
    const min = Number(lexer.value);
    if (min % 0x10000 === 0) throw lexer.syntaxError("range can't be 0");
    if (min > 0xffff) throw lexer.syntaxError('expecting Integer for port range');
    lexer.next();
    let max: number | undefined;
    if (lexer.match('-')) {
      if ((lexer.type as string) !== 'integer') throw lexer.syntaxError('expecting Integer for port range');
      max = Number(lexer.value);
      if (max <= min || max > 65535) throw lexer.syntaxError('range high should be greater than range low');
      lexer.next();
    }
    ports = { min, max };
  }
  lexer.expect(')');
  return { kind, ip, ports };
};

function address(lexer: Lexer, complaint: string): { family: 'ipv4' | 'ipv6'; address: number | bigint } {
  if (lexer.type !== 'integer' || (lexer.format !== 'ipv4' && lexer.format !== 'ipv6'))
    throw lexer.syntaxError(complaint);
  const found = { family: lexer.format as 'ipv4' | 'ipv6', address: lexer.value };
  lexer.next();
  return found;
}

const ctLb: Statement = ({ lexer }, name) => {
  const backends: Endpoint[] = [];
  let hashFields: string | undefined;
  let flag: 'skip_snat' | 'force_snat' | undefined;
  if (lexer.match('(') && !lexer.match(')')) {
    if (!lexer.matchId('backends')) throw lexer.syntaxError('expecting backends');
    lexer.expect('=');
    while (lexer.type !== ';' && lexer.type !== ')') {
      backends.push(backend(lexer));
      lexer.match(',');
    }
    // The hash fields may come first; a flag ends the list.
    while (lexer.type !== ')') {
      const separator = lexer.type === ';' ? undefined : lexer.syntaxError("expecting `)'");
      lexer.next();
      if (flag !== undefined) throw lexer.syntaxError("expecting `;'");
      if (hashFields === undefined && lexer.matchId('hash_fields')) {
        if (!lexer.match('=') || (lexer.type as string) !== 'string') throw lexer.syntaxError('invalid hash_fields');
        hashFields = knownFields(lexer);
      } else if (lexer.matchId('skip_snat')) {
        flag = 'skip_snat';
      } else if (lexer.matchId('force_snat')) {
        flag = 'force_snat';
      } else {
        throw lexer.syntaxError("expecting `;'");
      }
      if (separator !== undefined) throw separator;
    }
    lexer.expect(')');
  }
  return { kind: name as 'ct_lb', backends, hashFields, flag };
};

/** The names in `hash_fields`. */
export function fieldNames(text: string): string[] {
  return text.split(/[,\s]+/).filter((name) => name !== '');
}

/** A string of names of the switch's fields. ovn-controller ends over a name that is none. */
function knownFields(lexer: Lexer): string {
  const unknown = fieldNames(lexer.text).find((name) => fieldByName(name) === undefined);
  if (unknown !== undefined) throw lexer.fail(`hash_fields names ${unknown}, which is no field.`);
  return lexer.expectString();
}

function backend(lexer: Lexer): Endpoint {
  const bracket = lexer.match('[');
  if (bracket && lexer.format !== 'ipv6') throw lexer.syntaxError('expecting IPv6 address');
  const { family, address: ip } = address(lexer, bracket ? 'expecting IPv6 address' : 'expecting IP address');
  if (bracket) {
    if (lexer.type !== ']') throw lexer.syntaxError('no closing square bracket');
    lexer.next();
  }
  let port: number | undefined;
  if ((family === 'ipv4' || bracket) && lexer.match(':')) {
    port = demand(lexer, 65535, 'expecting port number');
  }
  return { family, address: ip, port };
}

/** Of a member that names none. */
const defaultWeight = 100;

/** `R = select(N1=W1, …)` */
export function select({ lexer }: ActionParser, dst: FieldRef, offset: number): LflowAction {
  lexer.expect('(');
  if (dst.bits < 16) {
    const { ofs, bits, symbol } = dst;
    throw lexer.fail(
      `cannot use ${bits}-bit field ${symbol.name}[${ofs}..${ofs + bits - 1}] for "select", which requires at least 16 bits.`,
      offset,
    );
  }
  const members: { id: number; weight: number }[] = [];
  while (!lexer.match(')')) {
    const id = demand(lexer, 65535, 'expecting id');
    let weight = defaultWeight;
    if (lexer.match('=')) {
      weight = demand(lexer, 65535, 'expecting weight');
      if (weight === 0) throw lexer.syntaxError("weight can't be 0");
    }
    members.push({ id, weight });
    lexer.match(',');
  }
  if (members.length < 2) throw lexer.syntaxError('expecting at least 2 group members');
  return { kind: 'select', dst, members };
}

/** `R = lookup_arp(P, A, M)` and its kin. */
export const lookup: BitFunction = (parser, name, dst) => {
  const kind = name as LookupFunctionName;
  const width = name.startsWith('lookup_arp') ? 32 : 128;
  if (name === 'lookup_arp' || name === 'lookup_nd') {
    const [port, ip, mac] = fields(parser, 'port', width, 48);
    return { kind, dst, port, ip, mac };
  }
  const [port, ip] = fields(parser, 'port', width);
  return { kind, dst, port, ip, mac: undefined };
};

/** `name = constants` pairs up to the closing parenthesis. `known` may throw at a name, at which the lexer is, and `check` at what it is given. */
function options(lexer: Lexer, known: (name: string) => void, check?: (option: NamedOption) => void): NamedOption[] {
  const found: NamedOption[] = [];
  while (!lexer.match(')')) {
    if (lexer.type !== 'id') throw lexer.plainSyntaxError();
    const name = lexer.text;
    const offset = lexer.start;
    known(name);
    lexer.next();
    lexer.expect('=');
    const option = { name, values: constants(lexer), offset };
    check?.(option);
    found.push(option);
    lexer.match(',');
  }
  return found;
}

function constants(lexer: Lexer): Constant[] {
  const values: Constant[] = [];
  if (!lexer.match('{')) return [constant(lexer)];
  do {
    values.push(constant(lexer, values[0]));
    lexer.match(',');
  } while (!lexer.match('}'));
  return values;
}

/** A constant, of the same type as the first of its set. */
function constant(lexer: Lexer, first?: Constant): Constant {
  const offset = lexer.start;
  if (first?.kind === 'string' && (lexer.type === 'integer' || lexer.type === 'masked-integer'))
    throw lexer.syntaxError('expecting string');
  if (first?.kind === 'integer' && lexer.type === 'string') throw lexer.syntaxError('expecting integer');
  if (lexer.type === 'string') return { kind: 'string', value: lexer.expectString(), offset };
  if (lexer.type === 'address-set') throw lexer.syntaxError('expecting address set name');
  if (lexer.type === 'port-group') throw lexer.syntaxError('expecting port group name');
  if (lexer.type !== 'integer' && lexer.type !== 'masked-integer') throw lexer.syntaxError('expecting constant');
  const value: Constant = {
    kind: 'integer',
    value: lexer.value,
    mask: lexer.type === 'masked-integer' ? lexer.mask : undefined,
    format: lexer.format,
    offset,
  };
  lexer.next();
  return value;
}

/** `R = put_dhcp_opts(…)` and its kin. What DHCP options there are is known when the action is encoded. */
export const putOptions: BitFunction = ({ lexer, doubts }, name, dst) => {
  const kind = name as OptionFunctionName;
  const offset = lexer.start;
  lexer.expect('(');
  const known = (option: string): void => {
    const complaint = lexer.syntaxError(`expecting ${optionKinds[kind]} option name`);
    if (kind === 'put_dhcp_opts')
      doubts.push((lookups) => (lookups.lookupDhcpv4Option(option) === undefined ? complaint : undefined));
    else if (kind === 'put_dhcpv6_opts')
      doubts.push((lookups) => (lookups.lookupDhcpv6Option(option) === undefined ? complaint : undefined));
    else if (!isNdRaOption(option)) throw complaint;
  };
  const found = options(lexer, known, kind === 'put_nd_ra_opts' ? checkNdRaOption : undefined);
  if (kind === 'put_dhcp_opts')
    doubts.push((lookups) =>
      complaintOf(() => encodeDhcpv4(found, offset, (option) => lookups.lookupDhcpv4Option(option))),
    );
  else if (kind === 'put_dhcpv6_opts')
    doubts.push((lookups) => complaintOf(() => encodeDhcpv6(found, (option) => lookups.lookupDhcpv6Option(option))));
  else encodeNdRa(found, offset);
  return { kind, dst, options: found, offset };
};

const optionKinds: Readonly<Record<OptionFunctionName, string>> = {
  put_dhcp_opts: 'DHCPv4',
  put_dhcpv6_opts: 'DHCPv6',
  put_nd_ra_opts: 'IPv6 ND RA',
};

function complaintOf(run: () => unknown): LflowError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof LflowError) return error;
    throw error;
  }
}

/** Other functions whose result is one bit. */
export const functions: ReadonlyMap<string, BitFunction> = new Map<string, BitFunction>([
  [
    'check_pkt_larger',
    ({ lexer }, _, dst) => {
      lexer.expect('(');
      const length = lexer.expectSmallInteger("`;'");
      lexer.expect(')');
      // The switch compares 16 bits.
      return { kind: 'check_pkt_larger', dst, length: length & 0xffff };
    },
  ],
  [
    'lookup_fdb',
    (parser, _, dst) => {
      const [port, mac] = fields(parser, 'port', 48);
      return { kind: 'lookup_fdb', dst, port, mac };
    },
  ],
]);

const getBinding: Statement = (parser, name) => {
  const [port, ip] = fields(parser, 'port', name === 'get_arp' ? 32 : 128);
  return { kind: name as 'get_arp', port, ip };
};

const putBinding: Statement = (parser, name) => {
  const [port, ip, mac] = fields(parser, 'port', name === 'put_arp' ? 32 : 128, 48);
  return { kind: name as 'put_arp', port, ip, mac };
};

const stack: Statement = (parser, name) => {
  const { lexer } = parser;
  lexer.expect('(');
  const offset = lexer.start;
  const field = parser.field();
  if (name === 'pop' && !field.symbol.writable)
    throw lexer.fail(`Field ${field.symbol.name} is not modifiable.`, offset);
  lexer.expect(')');
  return { kind: name as 'push', field };
};

/** `set_meter(rate)` or `set_meter(rate, burst)`. What is no number is none, as ovn-controller has it. */
const setMeter: Statement = ({ lexer }) => {
  lexer.expect('(');
  const start = lexer.start;
  const rate = numberOrNone(lexer) ?? 0;
  const burst = lexer.match(',') ? numberOrNone(lexer) : undefined;
  lexer.expect(')');
  if (rate === 0) throw lexer.fail('Rate 0 for set_meter is not in valid.', start);
  return { kind: 'set_meter', rate, burst };
};

/** A decimal integer of 32 bits. Anything else is passed over. */
function numberOrNone(lexer: Lexer): number | undefined {
  const value = number(lexer, 0xffffffff);
  if (value === undefined) lexer.next();
  return value;
}

const isDecimal = (lexer: Lexer): boolean => lexer.type === 'integer' && lexer.format === 'decimal';

/** A decimal integer of at most `max`, or undefined with nothing consumed. */
function number(lexer: Lexer, max: number): number | undefined {
  if (!isDecimal(lexer) || lexer.value > max) return undefined;
  const value = Number(lexer.value);
  lexer.next();
  return value;
}

/** As `number`; throws `complaint` if there is none. */
function demand(lexer: Lexer, max: number, complaint: string): number {
  const value = number(lexer, max);
  if (value === undefined) throw lexer.syntaxError(complaint);
  return value;
}

const log: Statement = ({ lexer }) => {
  let name: string | undefined;
  let severity: Severity | undefined;
  let verdict: Verdict | undefined;
  let meter: string | undefined;
  if (lexer.match('(')) {
    while (!lexer.match(')')) {
      if (lexer.matchId('verdict')) {
        lexer.expect('=');
        verdict = oneOf(lexer, verdicts);
        if (verdict === undefined) throw lexer.syntaxError('unknown verdict');
        lexer.next();
      } else if (lexer.matchId('name')) {
        lexer.expect('=');
        if (lexer.type === 'string' && lexer.text.length >= 64) {
          throw lexer.syntaxError('name must be shorter than 64 characters');
        }
        name = lexer.expectString();
      } else if (lexer.matchId('severity')) {
        lexer.expect('=');
        severity = oneOf(lexer, severities);
        if (lexer.type !== 'id') throw lexer.syntaxError('expecting severity');
        if (severity === undefined) throw lexer.syntaxError('unknown severity');
        lexer.next();
      } else if (lexer.matchId('meter')) {
        lexer.expect('=');
        meter = lexer.expectString();
      } else {
        throw lexer.plainSyntaxError();
      }
      lexer.match(',');
    }
  }
  if (verdict === undefined) throw lexer.syntaxError('expecting verdict');
  return { kind: 'log', name, severity: severity ?? 'info', verdict, meter };
};

function boolean(lexer: Lexer): boolean {
  const word = lexer.type === 'id' || lexer.type === 'string' ? lexer.text : '';
  if (word !== 'true' && word !== 'false') throw lexer.syntaxError('expecting true or false');
  lexer.next();
  return word === 'true';
}

/** The current identifier if it is one of `words`. */
function oneOf<T extends string>(lexer: Lexer, words: readonly T[]): T | undefined {
  return lexer.type === 'id' ? words.find((word) => word === lexer.text) : undefined;
}

const fwdGroup: Statement = ({ lexer }) => {
  let liveness = false;
  const childPorts: string[] = [];
  if (lexer.match('(')) {
    if (lexer.matchId('liveness')) {
      lexer.expect('=');
      liveness = boolean(lexer);
      lexer.expect(',');
    }
    if (lexer.matchId('childports')) {
      lexer.expect('=');
      while (!lexer.match(')')) {
        childPorts.push(lexer.expectString('logical switch port'));
        lexer.match(',');
      }
    }
  }
  // ovn-controller takes it, and does nothing.
  if (childPorts.length === 0)
    throw lexer.syntaxError(lexer.type === ';' ? 'expecting logical switch port' : "expecting `;'");
  return { kind: 'fwd_group', liveness, childPorts };
};

const uuid = /^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$/;

const triggerEvent: Statement = ({ lexer }) => {
  lexer.expect('(');
  if (!lexer.matchId('event')) throw lexer.syntaxError("Expecting 'event' option");
  lexer.expect('=');
  if (lexer.type !== 'string') throw lexer.syntaxError('Expecting string');
  if (lexer.text !== 'empty_lb_backends') throw lexer.syntaxError("Unknown event '-1'");
  lexer.next();
  lexer.match(',');
  const known = (name: string): void => {
    if (!['vip', 'protocol', 'load_balancer'].includes(name))
      throw lexer.syntaxError('expecting empty_lb_backends option name');
  };
  const check = ({ name, values, offset }: NamedOption): void => {
    if (values[0]?.kind !== 'string')
      throw lexer.fail(`empty_lb_backends option ${name} requires string value.`, offset);
  };
  const found = options(lexer, known, check);
  for (const { name, values, offset } of found) {
    const [value] = values;
    if (value?.kind !== 'string') continue;
    // Port 0 is none.
    if (name === 'vip' && (parseEndpoint(value.value) ?? parseEndpoint(value.value.replace(/:0*$/, ''))) === undefined)
      throw lexer.fail(`Invalid load balancer VIP '${value.value}'`, offset);
    if (name === 'protocol' && !protocols.includes(value.value as Protocol)) {
      throw lexer.fail(`Load balancer protocol '${value.value}' is not 'tcp', 'udp', or 'sctp'`, offset);
    }
    if (name === 'load_balancer' && !uuid.test(value.value))
      throw lexer.fail(`Load balancer '${value.value}' is not a UUID`, offset);
  }
  return { kind: 'trigger_event', options: found };
};

const commitEcmpNh: Statement = ({ lexer }) => {
  lexer.expect('(');
  if (!lexer.matchId('ipv6')) throw lexer.syntaxError('invalid parameter');
  lexer.expect('=');
  const ipv6 = boolean(lexer);
  lexer.expect(',');
  if (!lexer.matchId('proto')) throw lexer.syntaxError('invalid parameter');
  const protocol = parseProtocol(lexer);
  lexer.expect(')');
  return { kind: 'commit_ecmp_nh', ipv6, protocol };
};

function parseProtocol(lexer: Lexer): Protocol {
  lexer.expect('=');
  const protocol = oneOf(lexer, protocols);
  if (protocol === undefined) throw lexer.syntaxError('invalid protocol');
  lexer.next();
  return protocol;
}

const commitLbAff: Statement = ({ lexer }) => {
  lexer.expect('(');
  const vip = endpoint(lexer, 'vip');
  lexer.expect(',');
  const target = endpoint(lexer, 'backend', vip.family);
  lexer.expect(',');
  let protocol: Protocol | undefined;
  if (vip.port !== undefined) {
    if (!lexer.matchId('proto')) throw lexer.syntaxError('invalid parameter');
    protocol = parseProtocol(lexer);
    lexer.expect(',');
  }
  if (!lexer.matchId('timeout')) throw lexer.syntaxError('invalid parameter');
  lexer.expect('=');
  const timeout = demand(lexer, 65535, 'expecting affinity timeout');
  lexer.expect(')');
  return { kind: 'commit_lb_aff', vip, backend: target, protocol, timeout };
};

function endpoint(lexer: Lexer, name: string, family?: Endpoint['family']): Endpoint {
  if (!lexer.matchId(name)) throw lexer.syntaxError('invalid parameter');
  lexer.expect('=');
  if (lexer.type !== 'string') throw lexer.syntaxError('invalid parameter');
  const parsed = parseEndpoint(lexer.text);
  if (parsed === undefined) throw lexer.syntaxError('invalid parameter');
  if (family !== undefined && parsed.family !== family) throw lexer.syntaxError('invalid protocol family');
  lexer.next();
  return parsed;
}

/** `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]` or `[::1]:80`. */
function parseEndpoint(text: string): Endpoint | undefined {
  const found = /^(?:\[([^\]]+)\]|([0-9.]+)|([0-9a-fA-F:.]+))(?::([0-9]{1,5}))?$/.exec(text);
  if (found === null) return undefined;
  const [, bracketed, v4, v6, portText] = found;
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && (port > 65535 || port === 0)) return undefined;
  if (v4 !== undefined) {
    const value = parseIpv4(v4);
    return value === undefined ? undefined : { family: 'ipv4', address: value, port };
  }
  const value = parseIpv6(bracketed ?? (portText === undefined ? (v6 ?? '') : text));
  return value === undefined
    ? undefined
    : { family: 'ipv6', address: value, port: bracketed === undefined ? undefined : port };
}

const sample: Statement = ({ lexer }) => {
  let probability = 0;
  let collectorSet = 0;
  let obsDomain = 0;
  let obsPoint: number | 'cookie' = 0;
  const parenthesis = lexer.match('(');
  while (parenthesis && !lexer.match(')')) {
    if (lexer.matchId('probability')) {
      lexer.expect('=');
      probability = isDecimal(lexer) ? demand(lexer, 65535, 'expecting probability') : 0;
    } else if (lexer.matchId('collector_set')) {
      lexer.expect('=');
      collectorSet = numberOrNone(lexer) ?? 0;
    } else if (lexer.matchId('obs_domain')) {
      lexer.expect('=');
      obsDomain = isDecimal(lexer) ? demand(lexer, 255, 'obs_domain must be 8-bit long') : (numberOrNone(lexer) ?? 0);
    } else if (lexer.matchId('obs_point')) {
      lexer.expect('=');
      if (lexer.type === 'address-set' && lexer.text === 'cookie') {
        lexer.next();
        obsPoint = 'cookie';
      } else {
        obsPoint = demand(lexer, 0xffffffff, 'malformed sample observation_point_id');
      }
    } else {
      throw lexer.syntaxError('unknown argument');
    }
    lexer.match(',');
  }
  if (probability === 0) throw lexer.fail('probability must be greater than zero');
  return { kind: 'sample', probability, collectorSet, obsDomain, obsPoint };
};

/** Queue numbers end here (ovn-sb(5)). */
const lastQueue = 61440;

/** Actions that are not assignments, by name. */
export const statements: ReadonlyMap<string, Statement> = new Map<string, Statement>([
  ['ct_lb', ctLb],
  ['ct_lb_mark', ctLb],
  ['get_arp', getBinding],
  ['get_nd', getBinding],
  ['put_arp', putBinding],
  ['put_nd', putBinding],
  ['push', stack],
  ['pop', stack],
  ['set_meter', setMeter],
  ['log', log],
  ['fwd_group', fwdGroup],
  ['trigger_event', triggerEvent],
  ['commit_ecmp_nh', commitEcmpNh],
  ['commit_lb_aff', commitLbAff],
  ['sample', sample],
  [
    'put_fdb',
    (parser) => {
      const [port, mac] = fields(parser, 'port', 48);
      return { kind: 'put_fdb', port, mac };
    },
  ],
  [
    'set_queue',
    ({ lexer }) => {
      lexer.expect('(');
      const offset = lexer.start;
      const queue = lexer.expectSmallInteger("`;'");
      lexer.expect(')');
      if (queue > lastQueue)
        throw lexer.fail(`Queue ID ${queue} for set_queue is not in valid range 0 to ${lastQueue}.`, offset);
      return { kind: 'set_queue', queue };
    },
  ],
  [
    'bind_vport',
    (parser) => {
      const { lexer } = parser;
      lexer.expect('(');
      const virtualPort = lexer.expectString('port name string');
      lexer.expect(',');
      const port = parser.portField();
      lexer.expect(')');
      return { kind: 'bind_vport', virtualPort, port };
    },
  ],
  [
    'handle_svc_check',
    (parser) => {
      const [port] = fields(parser, 'port');
      return { kind: 'handle_svc_check', port };
    },
  ],
  [
    'handle_bfd_msg',
    ({ lexer }) => {
      lexer.expect('(');
      lexer.expect(')');
      return { kind: 'handle_bfd_msg' };
    },
  ],
]);
