/** Parses actions in `ovs-ofctl` syntax (ovs-actions(7)). What OpenFlow 1.5 folds into Set-Field becomes `set_field` here too. */
import {
  type Action,
  type LearnAction,
  type LearnSpec,
  load,
  type NatAction,
  type PacketInReason,
  Port,
} from './actions.ts';
import { parseIpv4, parseIpv6 } from './address.ts';
import { type Field, type FieldValue, field, fieldByName, fillsBytes, type Subfield } from './fields.ts';
import { argument, arrow, fail, flatArguments, integer, oneOf } from './text-item.ts';
import {
  type Item,
  items,
  type Parsed,
  parseBig,
  parseHexBytes,
  parseInteger,
  parsing,
  TextParseError,
} from './text-scan.ts';
import { encapsulations, type PortNames, parsePort, parseSubfield, parseValue } from './text-value.ts';
import { BUNDLE_ALGORITHMS, HASH_FIELDS, MULTIPATH_ALGORITHMS, REASONS } from './wire.ts';

const U16 = 0xffff;
const U32 = 0xffffffff;

/** `mod_*` and other old names of a set-field. */
const SETTERS: ReadonlyMap<string, Field> = new Map([
  ['mod_dl_src', field('eth_src')],
  ['mod_dl_dst', field('eth_dst')],
  ['mod_nw_src', field('ip_src')],
  ['mod_nw_dst', field('ip_dst')],
  ['mod_nw_ecn', field('nw_ecn')],
  ['mod_tp_src', field('tcp_src')],
  ['mod_tp_dst', field('tcp_dst')],
  ['set_tunnel', field('tun_id')],
  ['set_tunnel64', field('tun_id')],
  ['set_mpls_label', field('mpls_label')],
  ['set_mpls_tc', field('mpls_tc')],
  ['mod_vlan_pcp', field('vlan_pcp')],
]);

function parseController(item: Item): Action {
  if (item.value === undefined) return { type: 'controller' };
  if (/^\d+$/.test(item.value)) {
    const maxLen = integer(item, U16);
    return maxLen === U16 ? { type: 'controller' } : { type: 'controller', maxLen };
  }
  let action: Action = { type: 'controller' };
  for (const part of items(item.value, item.valueOffset)) {
    if (part.key === 'max_len') {
      const maxLen = integer(part, U16);
      if (maxLen !== U16) action = { ...action, maxLen };
    } else if (part.key === 'reason') {
      const reason: PacketInReason = oneOf(REASONS, argument(part), part, 'a reason for a packet-in');
      if (reason !== 'action') action = { ...action, reason };
    } else if (part.key === 'id') {
      const controllerId = integer(part, U16);
      if (controllerId !== 0) action = { ...action, controllerId };
    } else if (part.key === 'userdata') {
      const userdata = parseHexBytes(argument(part), part.valueOffset);
      if (userdata.length > 0) action = { ...action, userdata };
    } else if (part.key === 'pause') action = { ...action, pause: true };
    else if (part.key === 'meter_id') action = { ...action, meterId: integer(part) };
    else fail(part, `controller has no option ${part.key}`);
  }
  return action;
}

function parseRange(item: Item): Pick<NatAction, 'ip' | 'port'> {
  const text = argument(item);
  // Brackets stand around IPv6 addresses that a port follows.
  const bracketed = /^\[([^\]]+)\](?:-\[([^\]]+)\])?(?::(\d+)(?:-(\d+))?)?$/.exec(text);
  const v6 = bracketed === null && text.includes('::') ? /^([^-]+)(?:-([^-]+))?$/.exec(text) : null;
  const plain = /^([\d.]+)?(?:-([\d.]+))?(?::(\d+)(?:-(\d+))?)?$/.exec(text);
  const colons = /^([0-9a-fA-F:.]+)(?:-([0-9a-fA-F:.]+))?$/.exec(text);
  const match = bracketed ?? v6 ?? plain ?? colons;
  if (match === null) fail(item, `"${text}" is not a range of addresses and ports`);
  const address = (part: string): FieldValue => {
    const ip = parseIpv4(part) ?? parseIpv6(part);
    if (ip === undefined) fail(item, `"${part}" is not an IP address`);
    return ip;
  };
  const min = match[1] === undefined || match[1] === '' ? undefined : address(match[1]);
  const max = match[2] === undefined ? undefined : address(match[2]);
  return {
    ...(min === undefined ? {} : { ip: max === undefined ? { min } : { min, max } }),
    ...(match[3] === undefined
      ? {}
      : {
          port: match[4] === undefined ? { min: Number(match[3]) } : { min: Number(match[3]), max: Number(match[4]) },
        }),
  };
}

function parseNat(item: Item): NatAction {
  let nat: NatAction = { type: 'nat' };
  for (const part of items(item.value ?? '', item.valueOffset)) {
    if (part.key === 'src' || part.key === 'dst') {
      nat = { ...nat, direction: part.key, ...(part.value === undefined ? {} : parseRange(part)) };
    } else if (part.key === 'persistent') nat = { ...nat, persistent: true };
    else if (part.key === 'hash' || part.key === 'random') nat = { ...nat, algorithm: part.key };
    else fail(part, `nat has no option ${part.key}`);
  }
  return nat;
}

function parseCt(item: Item, names: PortNames | undefined): Action {
  let ct: Extract<Action, { type: 'ct' }> = { type: 'ct' };
  let actions: Action[] = [];
  for (const part of items(item.value ?? '', item.valueOffset)) {
    if (part.key === 'commit') ct = { ...ct, commit: true };
    else if (part.key === 'force') ct = { ...ct, force: true };
    else if (part.key === 'table') ct = { ...ct, table: integer(part, 254) };
    else if (part.key === 'zone') {
      const text = argument(part);
      const zone = /^\d/.test(text) ? integer(part, U16) : parseSubfield(text, part.valueOffset);
      if (zone !== 0) ct = { ...ct, zone };
    } else if (part.key === 'nat') actions = [...actions, parseNat(part)];
    else if (part.key === 'exec') actions = [...actions, ...parseList(argument(part), part.valueOffset, names)];
    else if (part.key === 'alg')
      ct = { ...ct, alg: oneOf(['ftp', 'tftp'] as const, argument(part), part, 'an application layer gateway') };
    else fail(part, `ct has no option ${part.key}`);
  }
  return actions.length === 0 ? ct : { ...ct, actions };
}

function isWhole(s: Subfield): boolean {
  return s.ofs === 0 && s.bits === s.field.bits;
}

function learnSpec(part: Item): LearnSpec | undefined {
  if (part.key === 'output') return { type: 'output', src: parseSubfield(argument(part), part.valueOffset) };
  if (part.key === 'load') {
    const { left, right, rightOffset } = arrow(part);
    const dst = parseSubfield(right, rightOffset);
    if (!/^\s*\d/.test(left)) {
      return { type: 'load-field', dst, src: { ...parseSubfield(left, part.valueOffset), bits: dst.bits } };
    }
    const value = parseBig(left, dst.bits, part.valueOffset);
    return { type: 'load-value', dst, value: dst.bits > 32 ? value : Number(value) };
  }
  const name = /^\w+/.exec(part.key)?.[0] ?? '';
  const known = fieldByName(name === 'in_port' ? 'NXM_OF_IN_PORT' : name);
  if (known === undefined) return undefined;
  const dst = parseSubfield(part.key, part.offset);
  if (part.value === undefined) return { type: 'match-field', dst, src: dst };
  if (/^[A-Za-z_]\w*(?:\[.*\])?$/.test(part.value) && fieldByName(/^\w+/.exec(part.value)?.[0] ?? '') !== undefined) {
    return { type: 'match-field', dst, src: parseSubfield(part.value, part.valueOffset) };
  }
  if (isWhole(dst))
    return { type: 'match-value', dst, value: parseValue(dst.field, part.value, part.valueOffset).value };
  const value = parseBig(part.value, dst.bits, part.valueOffset);
  return { type: 'match-value', dst, value: dst.bits > 32 ? value : Number(value) };
}

function parseLearn(item: Item): LearnAction {
  let learn: LearnAction = { type: 'learn', table: 1, specs: [] };
  const specs: LearnSpec[] = [];
  const timeouts = new Map<string, 'idleTimeout' | 'hardTimeout' | 'finIdleTimeout' | 'finHardTimeout'>([
    ['idle_timeout', 'idleTimeout'],
    ['hard_timeout', 'hardTimeout'],
    ['fin_idle_timeout', 'finIdleTimeout'],
    ['fin_hard_timeout', 'finHardTimeout'],
  ]);
  for (const part of items(item.value ?? '', item.valueOffset)) {
    const timeout = timeouts.get(part.key);
    if (timeout !== undefined) {
      const seconds = integer(part, U16);
      if (seconds !== 0) learn = { ...learn, [timeout]: seconds };
    } else if (part.key === 'table') learn = { ...learn, table: integer(part, 254) };
    else if (part.key === 'priority') {
      const priority = integer(part, U16);
      if (priority !== 32768) learn = { ...learn, priority };
    } else if (part.key === 'cookie') {
      const cookie = parseBig(argument(part), 64, part.valueOffset);
      if (cookie !== 0n) learn = { ...learn, cookie };
    } else if (part.key === 'limit') {
      const limit = integer(part);
      if (limit !== 0) learn = { ...learn, limit };
    } else if (part.key === 'result_dst') {
      learn = { ...learn, resultDst: parseSubfield(argument(part), part.valueOffset) };
    } else if (part.key === 'send_flow_rem') learn = { ...learn, sendFlowRem: true };
    else if (part.key === 'delete_learned') learn = { ...learn, deleteLearned: true };
    else {
      const spec = learnSpec(part);
      if (spec === undefined) fail(part, `learn has no option ${part.key}`);
      specs.push(spec);
    }
  }
  return { ...learn, specs };
}

function parseSample(item: Item, names: PortNames | undefined): Action {
  let sample: Extract<Action, { type: 'sample' }> = { type: 'sample', probability: 0 };
  for (const part of items(item.value ?? '', item.valueOffset)) {
    const number = (): number => integer(part);
    if (part.key === 'probability') sample = { ...sample, probability: integer(part, U16) };
    else if (part.key === 'collector_set_id')
      sample = number() === 0 ? sample : { ...sample, collectorSetId: number() };
    else if (part.key === 'obs_domain_id') sample = number() === 0 ? sample : { ...sample, obsDomainId: number() };
    else if (part.key === 'obs_point_id') sample = number() === 0 ? sample : { ...sample, obsPointId: number() };
    else if (part.key === 'sampling_port') {
      sample = { ...sample, samplingPort: parsePort(argument(part), part.valueOffset, names) };
    } else if (part.key === 'ingress' || part.key === 'egress') sample = { ...sample, direction: part.key };
    else fail(part, `sample has no option ${part.key}`);
  }
  if (sample.probability === 0) fail(item, 'sample needs a probability of at least 1');
  return sample;
}

function parseBundle(item: Item, names: PortNames | undefined): Action {
  const args = flatArguments(item);
  const loads = item.key === 'bundle_load';
  const [fields = '', basis = '', algorithm = '', kind = ''] = args;
  if (kind !== 'ofport') fail(item, `${item.key} chooses among ofport members only`);
  const first = loads ? 5 : 4;
  const members = args.slice(first);
  const lead = /^(?:members|slaves):(.*)$/.exec(members[0] ?? '');
  if (lead === null) fail(item, `${item.key} needs members:PORT,…`);
  members[0] = lead[1]!;
  return {
    type: 'bundle',
    fields: oneOf(HASH_FIELDS, fields, item, 'a set of fields to hash'),
    basis: parseInteger(basis, U16, item.valueOffset),
    algorithm: oneOf(BUNDLE_ALGORITHMS, algorithm, item, 'a bundle algorithm'),
    ...(loads ? { dst: parseSubfield(args[4] ?? '', item.valueOffset) } : {}),
    members: members.filter((m) => m !== '').map((m) => parsePort(m, item.valueOffset, names)),
  };
}

function parseMultipath(item: Item): Action {
  const args = flatArguments(item);
  if (args.length !== 6) fail(item, 'multipath takes six arguments');
  const [fields, basis, algorithm, links, arg, dst] = args as [string, string, string, string, string, string];
  return {
    type: 'multipath',
    fields: oneOf(HASH_FIELDS, fields, item, 'a set of fields to hash'),
    basis: parseInteger(basis, U16, item.valueOffset),
    algorithm: oneOf(MULTIPATH_ALGORITHMS, algorithm, item, 'a multipath algorithm'),
    links: parseInteger(links, 65536, item.valueOffset),
    arg: parseInteger(arg, U32, item.valueOffset),
    dst: parseSubfield(dst, item.valueOffset),
  };
}

function parseOutput(item: Item, names: PortNames | undefined): Action {
  const text = argument(item);
  if (text.includes('=')) {
    const parts = new Map(items(text, item.valueOffset).map((part) => [part.key, part]));
    const port = parts.get('port');
    const maxLen = parts.get('max_len');
    if (port === undefined || maxLen === undefined) fail(item, 'output(…) takes port and max_len');
    return { type: 'output_trunc', port: parsePort(argument(port), port.valueOffset, names), maxLen: integer(maxLen) };
  }
  if (
    /^[A-Za-z_]\w*(?:\[[\d.]*\])?$/.test(text) &&
    fieldByName(/^\w+/.exec(text)![0]) !== undefined &&
    text !== 'in_port'
  ) {
    return { type: 'output_reg', src: parseSubfield(text, item.valueOffset) };
  }
  return toPort(parsePort(text, item.valueOffset, names));
}

function toPort(port: number): Action {
  return port === Port.controller ? { type: 'controller' } : { type: 'output', port };
}

function parseResubmit(item: Item, names: PortNames | undefined): Action {
  const [port = '', table = '', ct] = flatArguments(item);
  const number = port === '' ? Port.inPort : parsePort(port, item.valueOffset, names);
  if (ct !== undefined && ct !== 'ct') fail(item, `resubmit has no option ${ct}`);
  return {
    type: 'resubmit',
    ...(number === Port.inPort ? {} : { port: number }),
    ...(table === '' ? {} : { table: parseInteger(table, 254, item.valueOffset) }),
    ...(ct === 'ct' ? { ct: true } : {}),
  };
}

function parseSetField(item: Item, names: PortNames | undefined): Action {
  const { left, right, rightOffset } = arrow(item);
  const target = fieldByName(right.trim());
  if (target === undefined) throw new TextParseError(`${right} names no field`, rightOffset);
  const { value, mask } = parseValue(target, left.trim(), item.valueOffset, names);
  if (mask === undefined || (mask === target.ones && fillsBytes(target)))
    return { type: 'set_field', field: target, value };
  return { type: 'set_field', field: target, value, mask };
}

function parseOne(item: Item, names: PortNames | undefined): Action | readonly Action[] {
  const setter = SETTERS.get(item.key);
  if (setter !== undefined) {
    return { type: 'set_field', field: setter, value: parseValue(setter, argument(item), item.valueOffset).value };
  }
  switch (item.key.toLowerCase()) {
    case 'output':
      return parseOutput(item, names);
    case 'controller':
      return parseController(item);
    case 'group':
      return { type: 'group', group: integer(item) };
    case 'enqueue': {
      const [port = '', queue = ''] = argument(item).split(/[,:]/);
      return [
        { type: 'set_queue', queue: parseInteger(queue, U32, item.valueOffset) },
        { type: 'output', port: parsePort(port, item.valueOffset, names) },
        { type: 'pop_queue' },
      ];
    }
    case 'set_queue':
      return { type: 'set_queue', queue: integer(item) };
    case 'bundle':
    case 'bundle_load':
      return parseBundle(item, names);
    case 'multipath':
      return parseMultipath(item);
    case 'set_field':
      return parseSetField(item, names);
    case 'load': {
      const { left, right, rightOffset } = arrow(item);
      const dst = parseSubfield(right, rightOffset);
      return load(dst, parseBig(left, dst.bits, item.valueOffset));
    }
    case 'move': {
      const { left, right, rightOffset } = arrow(item);
      const src = parseSubfield(left, item.valueOffset);
      const dst = parseSubfield(right, rightOffset);
      if (src.bits !== dst.bits) fail(item, `the source has ${src.bits} bits, the destination ${dst.bits}`);
      return { type: 'move', src, dst };
    }
    case 'mod_nw_tos': {
      const tos = integer(item, 255);
      if ((tos & 3) !== 0) fail(item, `${tos} has ECN bits: the DSCP is a multiple of 4`);
      return { type: 'set_field', field: field('ip_dscp'), value: tos >> 2 };
    }
    case 'mod_vlan_vid':
      return { type: 'set_field', field: field('vlan_vid'), value: integer(item, 4095) | 0x1000 };
    case 'strip_vlan':
    case 'pop_vlan':
      return { type: 'pop_vlan' };
    case 'push_vlan':
      return { type: 'push_vlan', ethertype: integer(item, U16) };
    case 'push_mpls':
      return { type: 'push_mpls', ethertype: integer(item, U16) };
    case 'pop_mpls':
      return { type: 'pop_mpls', ethertype: integer(item, U16) };
    case 'encap': {
      const text = argument(item).trim();
      const named = Object.entries(encapsulations).find(([name]) => name === text);
      if (named !== undefined) return { type: 'encap', packetType: named[1] };
      return { type: 'encap', packetType: integer(item) };
    }
    case 'decap': {
      const match = /^packet_type\(ns=(\w+),type=(\w+)\)$/.exec(item.value ?? '');
      if (match === null) return { type: 'decap', packetType: 0xfffe };
      const ns = parseInteger(match[1]!, U16, item.valueOffset);
      return { type: 'decap', packetType: ns * 65536 + parseInteger(match[2]!, U16, item.valueOffset) };
    }
    case 'dec_ttl':
      if (item.value === undefined) return { type: 'dec_ttl' };
      return {
        type: 'dec_ttl',
        controllerIds: flatArguments(item)
          .filter((id) => id !== '')
          .map((id) => parseInteger(id, U16, item.valueOffset)),
      };
    case 'mod_nw_ttl':
      return { type: 'mod_nw_ttl', ttl: integer(item, 255) };
    case 'set_mpls_ttl':
      return { type: 'set_mpls_ttl', ttl: integer(item, 255) };
    case 'push':
      return { type: 'push', src: parseSubfield(argument(item), item.valueOffset) };
    case 'pop':
      return { type: 'pop', dst: parseSubfield(argument(item), item.valueOffset) };
    case 'resubmit':
      return parseResubmit(item, names);
    case 'clone':
      return { type: 'clone', actions: parseList(argument(item), item.valueOffset, names) };
    case 'ct':
      return parseCt(item, names);
    case 'nat':
      return parseNat(item);
    case 'learn':
      return parseLearn(item);
    case 'fin_timeout': {
      const parts = new Map(items(argument(item), item.valueOffset).map((part) => [part.key, part]));
      const seconds = (key: string): number => {
        const part = parts.get(key);
        return part === undefined ? 0 : integer(part, U16);
      };
      return { type: 'fin_timeout', idleTimeout: seconds('idle_timeout'), hardTimeout: seconds('hard_timeout') };
    }
    case 'note': {
      const data = parseHexBytes(argument(item), item.valueOffset);
      // The action's length is a multiple of 8 and 10 bytes of it are its header (ovs-actions(7), "note").
      const padded = new Uint8Array(data.length + ((6 - data.length) & 7));
      padded.set(data);
      return { type: 'note', data: padded };
    }
    case 'sample':
      return parseSample(item, names);
    case 'conjunction': {
      const match = /^\s*(\w+)\s*,\s*(\d+)\s*\/\s*(\d+)\s*$/.exec(argument(item));
      if (match === null) fail(item, 'conjunction takes ID,K/N');
      const clause = Number(match[2]);
      const count = Number(match[3]);
      if (clause < 1 || clause > count || count > 64) fail(item, `conjunction has no clause ${clause}/${count}`);
      return { type: 'conjunction', id: parseInteger(match[1]!, U32, item.valueOffset), clause, count };
    }
    case 'check_pkt_larger':
      return {
        type: 'check_pkt_larger',
        length: integer(item, U16),
        dst: parseSubfield(item.tail.replace(/^->/, ''), item.valueOffset),
      };
    case 'delete_field': {
      const target = fieldByName(argument(item).trim());
      if (target === undefined) fail(item, `${item.value} names no field`);
      return { type: 'delete_field', field: target };
    }
    case 'meter':
      return { type: 'meter', meter: integer(item) };
    case 'write_actions':
      return { type: 'write_actions', actions: parseList(argument(item), item.valueOffset, names) };
    case 'write_metadata': {
      const [value = '', mask] = argument(item).split('/');
      const bits = mask === undefined ? 0xffffffffffffffffn : parseBig(mask, 64, item.valueOffset);
      const parsed = parseBig(value, 64, item.valueOffset);
      return { type: 'write_metadata', value: parsed, ...(bits === 0xffffffffffffffffn ? {} : { mask: bits }) };
    }
    case 'goto_table':
      return { type: 'goto_table', table: integer(item, 254) };
    case 'pop_queue':
    case 'dec_mpls_ttl':
    case 'dec_nsh_ttl':
    case 'ct_clear':
    case 'exit':
    case 'clear_actions':
      return { type: item.key as 'exit' };
  }
  if (item.value === undefined) return toPort(parsePort(item.key, item.offset, names));
  fail(item, `unknown action ${item.key}`);
}

function parseList(text: string, offset: number, names: PortNames | undefined): Action[] {
  const out: Action[] = [];
  const list = items(text, offset);
  if (list.length === 1 && list[0]?.key === 'drop') return out;
  for (const item of list) {
    if (item.key === 'drop') fail(item, 'drop must stand alone');
    const action = parseOne(item, names);
    if (Array.isArray(action)) out.push(...action);
    else out.push(action as Action);
  }
  return out;
}

/** Parses a list of actions, such as `set_field:0x1->reg0,resubmit(,4)`. */
export function parseActions(text: string, names?: PortNames): Parsed<Action[]> {
  return parsing(() => parseList(text, 0, names));
}

/** As `parseActions`, inside another parser: throws a TextParseError whose offset counts from `offset`. */
export function actionsAt(text: string, offset: number, names?: PortNames): Action[] {
  return parseList(text, offset, names);
}
