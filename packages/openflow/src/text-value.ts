/** Field values, masks, ports and subfields in `ovs-ofctl` syntax (ovs-fields(7), "Data" of each format). */
import { Port } from './actions.ts';
import {
  formatEthernet,
  formatIpv4,
  formatIpv6,
  parseEthernet,
  parseIpv4,
  parseIpv6,
  prefixLength,
  prefixMask,
} from './address.ts';
import { type Field, type FieldValue, fieldByName, type Subfield } from './fields.ts';
import { portFrom16 } from './match.ts';
import { parseBig, parseInteger, TextParseError } from './text-scan.ts';

/** Names of ports that a bridge has, for texts that use them. */
export type PortNames = (name: string) => number | undefined;

const CT_STATE = ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'];
const TCP_FLAGS = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ns', '[200]', '[400]', '[800]'];
const TUNNEL_FLAGS = ['oam'];
const FRAGS: readonly (readonly [string, number, number])[] = [
  ['no', 0, 3],
  ['yes', 1, 1],
  ['first', 1, 3],
  ['later', 3, 3],
  ['not_later', 0, 2],
  // Open vSwitch prints this so too; no packet tells the two apart.
  ['later', 2, 2],
];
const PORT_NAMES: ReadonlyMap<string, number> = new Map([
  ['IN_PORT', Port.inPort],
  ['TABLE', Port.table],
  ['NORMAL', Port.normal],
  ['FLOOD', Port.flood],
  ['ALL', Port.all],
  ['CONTROLLER', Port.controller],
  ['LOCAL', Port.local],
  ['ANY', Port.any],
  ['NONE', Port.any],
  ['UNSET', Port.unset],
]);
const PORT_NUMBERS: ReadonlyMap<number, string> = new Map([
  [Port.inPort, 'IN_PORT'],
  [Port.table, 'TABLE'],
  [Port.normal, 'NORMAL'],
  [Port.flood, 'FLOOD'],
  [Port.all, 'ALL'],
  [Port.controller, 'CONTROLLER'],
  [Port.local, 'LOCAL'],
  [Port.any, 'ANY'],
  [Port.unset, 'UNSET'],
]);

/** A port as ovs-ofctl(8) writes it: a reserved one by its name in capitals. */
export function formatPort(port: number): string {
  return PORT_NUMBERS.get(port) ?? String(port);
}

/** A port's number for a number or a reserved name; for other names `names` is asked. */
export function parsePort(text: string, offset: number, names?: PortNames): number {
  const reserved = PORT_NAMES.get(text.toUpperCase());
  if (reserved !== undefined) return reserved;
  if (/^\d/.test(text)) return portFrom16(parseInteger(text, 0xffffffff, offset));
  let name = text;
  if (text.startsWith('"')) {
    try {
      name = String(JSON.parse(text));
    } catch {
      throw new TextParseError(`${text} is not a quoted name`, offset);
    }
  }
  const port = names?.(name);
  if (port === undefined) throw new TextParseError(`no port is named ${text}`, offset);
  return port;
}

/** Numbers that Open vSwitch prints in hexadecimal; zero is a bare 0. */
export function formatHex(value: FieldValue): string {
  return value === 0 || value === 0n ? '0' : `0x${value.toString(16)}`;
}

function formatFlags(names: readonly string[], value: number, mask: number | undefined): string {
  if (mask === undefined) {
    const set = names.filter((_, bit) => (value & (1 << bit)) !== 0);
    return set.length === 0 ? '0' : set.join('|');
  }
  let out = '';
  for (let bit = 0; bit < names.length; bit++) {
    if ((mask & (1 << bit)) !== 0) out += ((value & (1 << bit)) !== 0 ? '+' : '-') + names[bit];
  }
  return out;
}

function flagNamesOf(f: Field): readonly string[] | undefined {
  if (f.format === 'ct-state') return CT_STATE;
  if (f.format === 'tcp-flags') return TCP_FLAGS;
  return f.format === 'tunnel-flags' ? TUNNEL_FLAGS : undefined;
}

/** A value with its mask, if it has one. */
export function formatValue(f: Field, value: FieldValue, mask: FieldValue | undefined): string {
  switch (f.format) {
    case 'ethernet': {
      const text = formatEthernet(value as bigint);
      return mask === undefined ? text : `${text}/${formatEthernet(mask as bigint)}`;
    }
    case 'ipv4': {
      const text = formatIpv4(value as number);
      if (mask === undefined) return text;
      const length = prefixLength(BigInt(mask), 32);
      return `${text}/${length ?? formatIpv4(mask as number)}`;
    }
    case 'ipv6': {
      const text = formatIpv6(value as bigint);
      if (mask === undefined) return text;
      const length = prefixLength(mask as bigint, 128);
      return `${text}/${length ?? formatIpv6(mask as bigint)}`;
    }
    case 'port':
      return formatPort(f.bits === 16 ? portFrom16(value as number) : (value as number));
    case 'frag': {
      const bits = (mask as number | undefined) ?? 3;
      const named = FRAGS.find(([, v, m]) => v === value && m === bits);
      return named?.[0] ?? `${formatHex(value)}/${formatHex(bits)}`;
    }
    case 'ct-state':
    case 'tcp-flags':
    case 'tunnel-flags': {
      const names = flagNamesOf(f) ?? [];
      const known = 2 ** names.length - 1;
      const v = value as number;
      // The one tunnel flag is always printed with its sign.
      const m = f.format === 'tunnel-flags' ? ((mask as number | undefined) ?? 1) : (mask as number | undefined);
      if (v > known || (m !== undefined && m > known)) {
        return m === undefined ? formatHex(v) : `${formatHex(v)}/${formatHex(m)}`;
      }
      return formatFlags(names, v, m);
    }
    case 'packet-type': {
      const v = value as number;
      return `(${v >>> 16},${formatHex(v & 0xffff)})`;
    }
    case 'decimal':
      return mask === undefined ? String(value) : `0x${value.toString(16)}/0x${mask.toString(16)}`;
    case 'hexadecimal':
      return mask === undefined ? formatHex(value) : `${formatHex(value)}/${formatHex(mask)}`;
  }
}

function parseFlags(names: readonly string[], text: string, offset: number): { value: number; mask?: number } {
  let value = 0;
  let mask = 0;
  if (text.startsWith('+') || text.startsWith('-')) {
    const pattern = /([+-])(\w+|\[\d+\])/gy;
    let end = 0;
    for (let m = pattern.exec(text); m !== null; m = pattern.exec(text)) {
      const bit = names.indexOf(m[2]!);
      if (bit < 0) throw new TextParseError(`no flag is named ${m[2]}`, offset + m.index);
      mask |= 1 << bit;
      if (m[1] === '+') value |= 1 << bit;
      end = pattern.lastIndex;
    }
    if (end !== text.length) throw new TextParseError(`"${text}" is not a list of +flag and -flag`, offset + end);
    return { value, mask };
  }
  for (const name of text.split('|')) {
    const bit = names.indexOf(name);
    if (bit < 0) throw new TextParseError(`no flag is named ${name}`, offset);
    value |= 1 << bit;
  }
  return { value };
}

function parseOne(f: Field, text: string, offset: number, names?: PortNames): FieldValue {
  const wrong = (what: string): TextParseError => new TextParseError(`"${text}" is not ${what}`, offset);
  switch (f.format) {
    case 'ethernet': {
      const value = parseEthernet(text);
      if (value === undefined) throw wrong('an Ethernet address');
      return value;
    }
    case 'ipv4': {
      const value = parseIpv4(text);
      if (value === undefined) throw wrong('an IPv4 address');
      return value;
    }
    case 'ipv6': {
      const value = parseIpv6(text);
      if (value === undefined) throw wrong('an IPv6 address');
      return value;
    }
    case 'port': {
      const port = parsePort(text, offset, names);
      return f.bits === 16 ? port & 0xffff : port;
    }
    case 'packet-type': {
      const match = /^\((\w+),(\w+)\)$/.exec(text);
      if (match === null) throw wrong('a packet type (namespace,type)');
      return parseInteger(match[1]!, 0xffff, offset) * 65536 + parseInteger(match[2]!, 0xffff, offset);
    }
    default:
      return f.wide ? parseBig(text, f.bits, offset) : parseInteger(text, f.ones as number, offset);
  }
}

/** Parses a value with or without a mask. */
export function parseValue(
  f: Field,
  text: string,
  offset: number,
  names?: PortNames,
): { value: FieldValue; mask?: FieldValue | undefined } {
  if (f.format === 'frag') {
    const named = FRAGS.find(([name]) => name === text);
    if (named !== undefined) return { value: named[1], mask: named[2] };
  }
  const flags = flagNamesOf(f);
  if (flags !== undefined && !/^\d/.test(text)) return parseFlags(flags, text, offset);
  const slash = text.indexOf('/');
  if (slash < 0) return { value: parseOne(f, text, offset, names) };
  const value = parseOne(f, text.slice(0, slash), offset, names);
  const maskText = text.slice(slash + 1);
  if ((f.format === 'ipv4' || f.format === 'ipv6') && /^\d+$/.test(maskText)) {
    const mask = prefixMask(parseInteger(maskText, f.bits, offset + slash + 1), f.bits);
    return { value, mask: f.wide ? mask : Number(mask) };
  }
  return { value, mask: parseOne(f, maskText, offset + slash + 1) };
}

/** `NXM_NX_REG0[0..15]`, `NXM_NX_REG0[3]` or `NXM_NX_REG0[]`. */
export function formatSubfield(s: Subfield): string {
  const name = s.field.nxm?.name ?? s.field.name;
  if (s.ofs === 0 && s.bits === s.field.bits) return `${name}[]`;
  return s.bits === 1 ? `${name}[${s.ofs}]` : `${name}[${s.ofs}..${s.ofs + s.bits - 1}]`;
}

/** Parses a field with or without bits in brackets. */
export function parseSubfield(text: string, offset: number): Subfield {
  const match = /^\s*(\w+)\s*(?:\[(?:(\d+)(?:\.\.(\d+))?)?\])?\s*$/.exec(text);
  const f = match === null ? undefined : fieldByName(match[1]!);
  if (match === null || f === undefined) throw new TextParseError(`"${text}" names no field`, offset);
  if (match[2] === undefined) return { field: f, ofs: 0, bits: f.bits };
  const ofs = Number(match[2]);
  const end = match[3] === undefined ? ofs : Number(match[3]);
  if (end < ofs || end >= f.headerLength * 8) {
    throw new TextParseError(`${f.name} has ${f.bits} bits: it has no bits ${ofs}..${end}`, offset);
  }
  return { field: f, ofs, bits: end - ofs + 1 };
}

/** Packet types by the names that `encap` gives them (ovs-actions(7)). */
export const encapsulations: Readonly<Record<string, number>> = {
  ethernet: 0,
  mpls: 0x18847,
  mpls_mc: 0x18848,
  nsh: 0x1894f,
};
