/** The words in which physical flows are written: `match({ in_port: 2, dl_vlan: 42 })`, `load('reg14', 1)`, `resubmit(8)`. */
import { type Action, Port } from '@weft/openflow/actions';
import { type FieldValue, field, subfield } from '@weft/openflow/fields';
import type { Flow } from '@weft/openflow/flow';
import { Match, MatchBuilder } from '@weft/openflow/match';
import { ipBytes, macBytes } from '@weft/packet/address';
import { flag, programRegisters, register, vlanPresent } from '../pipeline.ts';

/** A value, or a value and a mask. */
export type TermValue = FieldValue | readonly [FieldValue, FieldValue];

/** A match by field names; later fields may need what earlier ones say (`eth_type` before `ip_src`). */
export function match(terms: { readonly [field: string]: TermValue }): Match {
  const builder = new MatchBuilder();
  for (const [name, value] of Object.entries(terms)) {
    if (typeof value === 'object') builder.set(field(name), value[0], value[1]);
    else builder.set(field(name), value);
  }
  return builder.build();
}

/** Of OVS's short names for protocols (ovs-fields(7)). */
export const protocol = {
  arp: { eth_type: 0x0806 },
  ip: { eth_type: 0x0800 },
  ipv6: { eth_type: 0x86dd },
  udp: { eth_type: 0x0800, nw_proto: 17 },
  icmp6: { eth_type: 0x86dd, nw_proto: 58 },
} as const;

/** Packets with this VLAN id. */
export const vlan = (id: number) => ({ vlan_vid: vlanPresent | id }) as const;
/** Packets with no VLAN header. */
export const noVlan = { vlan_tci: [0, vlanPresent] } as const;

export const load = (name: string, value: FieldValue): Action => {
  const target = field(name);
  return { type: 'set_field', field: target, value: target.wide ? BigInt(value) : Number(value) };
};

export const loadMasked = (name: string, value: FieldValue, mask: FieldValue): Action => {
  const target = field(name);
  return target.wide
    ? { type: 'set_field', field: target, value: BigInt(value), mask: BigInt(mask) }
    : { type: 'set_field', field: target, value: Number(value), mask: Number(mask) };
};

export const setFlag = (bit: number): Action => loadMasked(register.flags, bit, bit);
export const clearFlag = (bit: number): Action => loadMasked(register.flags, 0, bit);
/** For matches on one flag. */
export const flagSet = (bit: number) => ({ [register.flags]: [bit, bit] }) as const;
export const flagClear = (bit: number) => ({ [register.flags]: [0, bit] }) as const;

/** Moves `bits` bits. */
export const move = (from: string, fromOffset: number, to: string, toOffset: number, bits: number): Action => ({
  type: 'move',
  src: subfield(field(from), fromOffset, bits),
  dst: subfield(field(to), toOffset, bits),
});

export const resubmit = (table: number): Action => ({ type: 'resubmit', table });
export const output = (port: number): Action => ({ type: 'output', port });
export const clone = (actions: readonly Action[]): Action => ({ type: 'clone', actions });
export const popVlan: Action = { type: 'pop_vlan' };
export const pushVlan = (id: number): readonly Action[] => [
  { type: 'push_vlan', ethertype: 0x8100 },
  load('vlan_vid', vlanPresent | id),
];
export const ctClear: Action = { type: 'ct_clear' };
export const conjunction = (id: number, clause: number, count: number): Action => ({
  type: 'conjunction',
  id,
  clause,
  count,
});

/** `actions` with the input port unset, so that they may output to where the packet came from. */
export const withoutInPort = (actions: readonly Action[]): readonly Action[] => {
  const inPort = field('in_port');
  return [
    { type: 'push', src: subfield(inPort, 0, 16) },
    // Port.any, in the 16 bits that this field has.
    { type: 'set_field', field: inPort, value: Port.any & 0xffff },
    ...actions,
    { type: 'pop', dst: subfield(inPort, 0, 16) },
  ];
};

/** Zeros the logical program's registers. */
export const clearProgramRegisters: readonly Action[] = programRegisters.map((name) => load(name, 0));

/** The number that a MAC is in a match; throws on text that is none, which callers check. */
export function macValue(mac: string): bigint {
  const bytes = macBytes(mac);
  if (bytes === undefined) throw new TypeError(`not a MAC address: ${mac}`);
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** The number that an address is in a match: a number for IPv4, a bigint for IPv6. */
export function ipValue(ip: string): FieldValue {
  const bytes = ipBytes(ip);
  if (bytes === undefined) throw new TypeError(`not an IP address: ${ip}`);
  const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return bytes.length === 4 ? Number(value) : value;
}

/** The first 32 bits of a row's uuid: what its flows carry as cookie. */
export const cookieOf = (uuid: string): bigint => BigInt(`0x${uuid.slice(0, 8)}`);

/** Makes the flows of one row, all with its cookie. */
export function flowsOf(uuid: string | undefined): {
  readonly flows: Flow[];
  add(table: number, priority: number, match: Match, actions: readonly Action[]): void;
} {
  const cookie = uuid === undefined ? 0n : cookieOf(uuid);
  const flows: Flow[] = [];
  return { flows, add: (table, priority, m, actions) => flows.push({ table, priority, cookie, match: m, actions }) };
}

export { flag, Match };
