/** The options of put_dhcp_opts and put_dhcpv6_opts (ovn-sb(5), DHCP_Options and DHCPv6_Options), as they travel in userdata. */
import type { NamedOption } from './action-ast.ts';
import type { Constant } from './ast.ts';
import { LflowError } from './lexer.ts';
import { Bytes } from './userdata.ts';

/** What the southbound database says of an option. */
export interface OptionDefinition {
  readonly code: number;
  readonly type: string;
}

/** Options of BOOTP that have no DHCP code; the database knows them under these numbers. */
const OFFER_IP = 0;
const bootpCodes = [67, 254, 253];

/** DHCPv4: the offered address, then code, length, data of each option (RFC 2132). */
export function encodeDhcpv4(
  options: readonly NamedOption[],
  offset: number,
  lookup: (name: string) => OptionDefinition | undefined,
): Uint8Array {
  const found = options.map((option) => {
    const definition = lookup(option.name);
    if (definition === undefined) {
      throw new LflowError(`Syntax error at \`${option.name}' expecting DHCPv4 option name.`, option.offset);
    }
    checkType(option, definition, 'DHCPv4');
    return { option, definition };
  });
  const offer = found.findIndex(({ definition }) => definition.code === OFFER_IP);
  const offered = found[offer]?.option.values[0];
  if (offered?.kind !== 'integer') throw new LflowError('put_dhcp_opts requires offerip to be specified.', offset);
  const out = new Bytes().number(offered.value, 4);
  const rest = found.filter((_, i) => i !== offer);
  // The controller reads what belongs into the BOOTP header before the options.
  for (const code of bootpCodes) {
    for (const { option, definition } of rest) if (definition.code === code) encodeV4(out, option, definition);
  }
  for (const { option, definition } of rest)
    if (!bootpCodes.includes(definition.code)) encodeV4(out, option, definition);
  return out.done();
}

const stringTypes: ReadonlySet<string> = new Set(['str', 'domains']);

function checkType(option: NamedOption, definition: OptionDefinition, family: string): void {
  const [first] = option.values;
  // A host_id is either: an address or a name.
  if (definition.type === 'host_id') return;
  if (stringTypes.has(definition.type)) {
    if (first?.kind !== 'string')
      throw new LflowError(`${family} option ${option.name} requires string value.`, option.offset);
  } else if (first?.kind !== 'integer') {
    throw new LflowError(`${family} option ${option.name} requires numeric value.`, option.offset);
  }
}

function encodeV4(out: Bytes, option: NamedOption, { code, type }: OptionDefinition): void {
  const data = new Bytes();
  const [first] = option.values;
  switch (type) {
    case 'bool':
    case 'uint8':
      data.number(integer(first), 1);
      break;
    case 'uint16':
      data.number(integer(first), 2);
      break;
    case 'uint32':
      data.number(integer(first), 4);
      break;
    case 'static_routes':
      staticRoutes(data, option.values);
      break;
    case 'domains':
      if (first?.kind === 'string') searchList(data, first.value);
      break;
    case 'host_id':
    case 'str':
      if (first?.kind === 'string') data.text(first.value);
      else for (const value of option.values) data.number(integer(value), 4);
      break;
    default:
      for (const value of option.values) data.number(integer(value), 4);
  }
  if (data.length > 255) throw new LflowError(`DHCPv4 option ${option.name} is longer than 255 bytes.`, option.offset);
  out.u8(code).u8(data.length).raw(data.done());
}

function integer(constant: Constant | undefined): number | bigint {
  return constant?.kind === 'integer' ? constant.value : 0;
}

/** Pairs of destination and router (RFC 3442): prefix length, its significant octets, router. */
function staticRoutes(out: Bytes, values: readonly Constant[]): void {
  for (let i = 0; i + 1 < values.length; i += 2) {
    const destination = values[i];
    const router = values[i + 1];
    if (destination?.kind !== 'integer' || router?.kind !== 'integer') continue;
    const mask = destination.mask === undefined ? 0xffffffff : Number(destination.mask);
    const prefix = 32 - Math.clz32(mask) === 0 ? 0 : bitCount(mask);
    const address = Number(destination.value);
    out.u8(prefix);
    for (let octet = 0; octet < Math.ceil(prefix / 8); octet++) out.u8(address >>> (24 - 8 * octet));
    out.number(router.value, 4);
  }
}

function bitCount(value: number): number {
  let count = 0;
  for (let rest = value >>> 0; rest !== 0; rest >>>= 1) count += rest & 1;
  return count;
}

/** Domain names, compressed by pointers to suffixes that came before (RFC 3397, RFC 1035 section 4.1.4). */
function searchList(out: Bytes, text: string): void {
  if (text === '') return;
  const suffixes = new Map<string, number>();
  for (const domain of text.split(',')) {
    const labels = domain.split('.').filter((label) => label !== '');
    let compressed = false;
    for (let i = 0; i < labels.length && !compressed; i++) {
      const suffix = labels.slice(i).join('.');
      const at = suffixes.get(suffix);
      if (at !== undefined) {
        out.u16(0xc000 | at);
        compressed = true;
      } else {
        suffixes.set(suffix, out.length);
        const label = new TextEncoder().encode(labels[i] ?? '');
        out.u8(label.length).raw(label);
      }
    }
    if (!compressed) out.u8(0);
  }
}

/** DHCPv6: code and length in 16 bits each, then data (RFC 8415 section 21.1). */
export function encodeDhcpv6(
  options: readonly NamedOption[],
  lookup: (name: string) => OptionDefinition | undefined,
): Uint8Array {
  const out = new Bytes();
  for (const option of options) {
    const definition = lookup(option.name);
    if (definition === undefined) {
      throw new LflowError(`Syntax error at \`${option.name}' expecting DHCPv6 option name.`, option.offset);
    }
    checkType(option, definition, 'DHCPv6');
    const data = new Bytes();
    const [first] = option.values;
    // Of several strings only the first counts.
    if (first?.kind === 'string') data.text(first.value);
    for (const value of first?.kind === 'string' ? [] : option.values) {
      data.number(integer(value), definition.type === 'mac' ? 6 : 16);
    }
    out.u16(definition.code).u16(data.length).raw(data.done());
  }
  return out.done();
}
