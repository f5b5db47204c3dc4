/** The options of put_nd_ra_opts, as the Router Advertisement that they make (RFC 4861 section 4.2, RFC 4191, RFC 8106). */
import type { NamedOption } from './action-ast.ts';
import type { Constant } from './ast.ts';
import { LflowError } from './lexer.ts';
import { parseIpv6 } from './number.ts';
import { Bytes } from './userdata.ts';

const optionNames = ['addr_mode', 'router_preference', 'slla', 'prefix', 'mtu', 'rdnss', 'dnssl', 'route_info'];
const numeric: ReadonlySet<string> = new Set(['slla', 'prefix', 'mtu', 'rdnss']);

/** Flags of the advertisement and of prefixes. */
const MANAGED = 0x80;
const OTHER = 0x40;
const ON_LINK = 0x80;
const AUTONOMOUS = 0x40;
const FOREVER = 0xffffffff;

const preferences: ReadonlyMap<string, number> = new Map([
  ['HIGH', 0x08],
  ['MEDIUM', 0x00],
  ['LOW', 0x18],
]);

/** Whether `put_nd_ra_opts` has an option of that name (ovn-sb(5)). */
export function isNdRaOption(name: string): boolean {
  return optionNames.includes(name);
}

/** Throws LflowError if an option has a value of another kind than it takes. */
export function checkNdRaOption({ name, values, offset }: NamedOption): void {
  const [value] = values;
  if (numeric.has(name) ? value?.kind === 'integer' : value?.kind === 'string') return;
  const kind = numeric.has(name) ? 'numeric' : 'string';
  throw new LflowError(`IPv6 ND RA option ${name} requires ${kind} value.`, offset);
}

/** The advertisement's ICMPv6 header and options. Throws LflowError. */
export function encodeNdRa(options: readonly NamedOption[], offset: number): Uint8Array {
  let flags = 0;
  let slaac = true;
  let preference = 0;
  let linkAddress = false;
  let prefix = false;
  for (const option of options) {
    const { name, values } = option;
    const [value] = values;
    if (name === 'addr_mode') {
      const mode = text(value);
      if (mode !== 'slaac' && mode !== 'dhcpv6_stateful' && mode !== 'dhcpv6_stateless') throw invalid(option);
      slaac = mode !== 'dhcpv6_stateful';
      flags |= mode === 'dhcpv6_stateful' ? MANAGED : mode === 'dhcpv6_stateless' ? OTHER : 0;
    } else if (name === 'router_preference') {
      const bits = preferences.get(text(value));
      if (bits === undefined) throw invalid(option);
      preference = bits;
    }
    linkAddress ||= name === 'slla';
    prefix ||= name === 'prefix';
  }
  const out = new Bytes();
  // Type, code, checksum (computed by the controller), hop limit, flags, router lifetime, reachable time, retransmission timer.
  out
    .u8(134)
    .u8(0)
    .u16(0)
    .u8(255)
    .u8(flags | preference)
    .u16(0xffff)
    .u32(0)
    .u32(0);
  for (const option of options) encodeOption(out, option, slaac);
  if (!linkAddress) throw new LflowError('slla option not present', offset);
  if (slaac && !prefix) {
    throw new LflowError('prefix option needs to be set when address mode is slaac/dhcpv6_stateless.', offset);
  }
  return out.done();
}

function invalid(option: NamedOption): LflowError {
  return new LflowError(`Invalid value for "${option.name}" option`, option.offset);
}

function text(constant: Constant | undefined): string {
  return constant?.kind === 'string' ? constant.value : '';
}

function encodeOption(out: Bytes, option: NamedOption, slaac: boolean): void {
  const [value] = option.values;
  switch (option.name) {
    case 'slla':
      if (value?.kind !== 'integer' || value.format !== 'ethernet') throw invalid(option);
      out.u8(1).u8(1).number(value.value, 6);
      return;
    case 'mtu':
      if (value?.kind !== 'integer' || value.format !== 'decimal') throw invalid(option);
      out.u8(5).u8(1).u16(0).number(value.value, 4);
      return;
    case 'prefix':
      if (value?.kind !== 'integer' || value.mask === undefined) throw invalid(option);
      out
        .u8(3)
        .u8(4)
        .u8(prefixLength(BigInt(value.mask)))
        .u8(ON_LINK | (slaac ? AUTONOMOUS : 0));
      out.u32(FOREVER).u32(FOREVER).u32(0).number(value.value, 16);
      return;
    case 'rdnss':
      if (value?.kind !== 'integer' || value.format !== 'ipv6' || option.values.length > 1) throw invalid(option);
      out.u8(25).u8(3).u16(0).u32(FOREVER).number(value.value, 16);
      return;
    case 'dnssl': {
      const names = new Bytes();
      for (const domain of text(value) === '' ? [] : text(value).split(',')) {
        for (const label of domain.trim().split('.')) {
          const bytes = new TextEncoder().encode(label);
          names.u8(bytes.length).raw(bytes);
        }
        names.u8(0);
      }
      while (names.length % 8 !== 0) names.u8(0);
      out
        .u8(31)
        .u8(1 + names.length / 8)
        .u16(0)
        .u32(FOREVER)
        .raw(names.done());
      return;
    }
    case 'route_info':
      for (const route of text(value).split(',')) encodeRoute(out, option, route.trim());
  }
}

/** `HIGH-aef0::/48` (RFC 4191 section 2.3). */
function encodeRoute(out: Bytes, option: NamedOption, route: string): void {
  const found = /^(HIGH|MEDIUM|LOW)-([^/]+)(?:\/(\d+))?$/.exec(route);
  const address = found === null ? undefined : parseIpv6(found[2] ?? '');
  const length = Number(found?.[3] ?? 128);
  if (found === null || address === undefined || length > 128) throw invalid(option);
  const words = length > 64 ? 3 : length > 0 ? 2 : 1;
  out
    .u8(24)
    .u8(words)
    .u8(length)
    .u8(preferences.get(found[1] ?? '') ?? 0)
    .u32(FOREVER);
  const prefix = (address >> BigInt(128 - length)) << BigInt(128 - length);
  out.number(prefix >> BigInt(128 - 64 * (words - 1)), 8 * (words - 1));
}

function prefixLength(mask: bigint): number {
  let bits = 0;
  for (let rest = mask; rest !== 0n; rest >>= 1n) bits += Number(rest & 1n);
  return bits;
}
