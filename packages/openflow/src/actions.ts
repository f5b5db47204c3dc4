/**
 * Actions and instructions, as a closed union of tagged objects. The tags are the names of ovs-actions(7).
 *
 * OpenFlow 1.5 folds `load`, `mod_*` and `set_tunnel` into Set-Field, and `enqueue` into `set_queue`, `output`, `pop_queue`: so does this
 * union, and two lists of actions that encode alike are alike. `load()` below writes `load:value->subfield` as the `set_field` that it is.
 */
import { type Field, type FieldValue, fillsBytes, type Subfield } from './fields.ts';

/** Reserved ports of OpenFlow 1.1 and later (ovs-actions(7), "Port Specifications"). */
export const Port = {
  unset: 0xfffffff7,
  inPort: 0xfffffff8,
  table: 0xfffffff9,
  normal: 0xfffffffa,
  flood: 0xfffffffb,
  all: 0xfffffffc,
  controller: 0xfffffffd,
  local: 0xfffffffe,
  any: 0xffffffff,
} as const;

/** Why a packet-in is sent (OpenFlow 1.5.1 section 7.4.1; `implicit_miss` is Open vSwitch's). */
export type PacketInReason =
  | 'no_match'
  | 'action'
  | 'invalid_ttl'
  | 'action_set'
  | 'group'
  | 'packet_out'
  | 'implicit_miss';

/** Network address translation inside `ct`. Without `direction`, translate as the connection already does. */
export interface NatAction {
  readonly type: 'nat';
  readonly direction?: 'src' | 'dst' | undefined;
  readonly persistent?: boolean;
  readonly algorithm?: 'hash' | 'random' | undefined;
  /** Lowest and highest address; the highest is left out when it is the lowest. IPv4 as a number, IPv6 as a bigint. */
  readonly ip?: { readonly min: FieldValue; readonly max?: FieldValue | undefined } | undefined;
  readonly port?: { readonly min: number; readonly max?: number | undefined } | undefined;
}

export interface CtAction {
  readonly type: 'ct';
  readonly commit?: boolean;
  readonly force?: boolean;
  /** The zone, or the field of at least 16 bits that holds it. 0 if left out. */
  readonly zone?: number | Subfield;
  /** The table that the tracked packet goes to; without one it is not recirculated. */
  readonly table?: number | undefined;
  readonly alg?: 'ftp' | 'tftp' | undefined;
  /** `nat(…)` and the actions of `exec(…)`, in order. */
  readonly actions?: readonly Action[];
}

/** One part of a flow that `learn` makes. */
export type LearnSpec =
  | { readonly type: 'match-value'; readonly dst: Subfield; readonly value: FieldValue }
  | { readonly type: 'match-field'; readonly dst: Subfield; readonly src: Subfield }
  | { readonly type: 'load-value'; readonly dst: Subfield; readonly value: FieldValue }
  | { readonly type: 'load-field'; readonly dst: Subfield; readonly src: Subfield }
  | { readonly type: 'output'; readonly src: Subfield };

export interface LearnAction {
  readonly type: 'learn';
  readonly table: number;
  /** 32768 if left out. */
  readonly priority?: number;
  readonly idleTimeout?: number;
  readonly hardTimeout?: number;
  readonly finIdleTimeout?: number;
  readonly finHardTimeout?: number;
  readonly cookie?: bigint;
  readonly sendFlowRem?: boolean;
  readonly deleteLearned?: boolean;
  readonly limit?: number;
  readonly resultDst?: Subfield | undefined;
  readonly specs: readonly LearnSpec[];
}

export type HashFields =
  | 'eth_src'
  | 'symmetric_l4'
  | 'symmetric_l3l4'
  | 'symmetric_l3l4+udp'
  | 'nw_src'
  | 'nw_dst'
  | 'symmetric_l3';

export interface ControllerAction {
  readonly type: 'controller';
  /** Bytes of the packet to send; 65535 (all) if left out. */
  readonly maxLen?: number;
  /** `action` if left out. */
  readonly reason?: PacketInReason;
  readonly controllerId?: number;
  readonly userdata?: Uint8Array | undefined;
  readonly pause?: boolean;
  readonly meterId?: number | undefined;
}

export interface SampleAction {
  readonly type: 'sample';
  readonly probability: number;
  readonly collectorSetId?: number;
  readonly obsDomainId?: number;
  readonly obsPointId?: number;
  readonly samplingPort?: number | undefined;
  readonly direction?: 'ingress' | 'egress' | undefined;
}

/** An action, or an instruction other than Apply-Actions (which a list of actions stands for). */
export type Action =
  | { readonly type: 'output'; readonly port: number; readonly maxLen?: number | undefined }
  | { readonly type: 'output_trunc'; readonly port: number; readonly maxLen: number }
  | { readonly type: 'output_reg'; readonly src: Subfield; readonly maxLen?: number }
  | { readonly type: 'group'; readonly group: number }
  | ControllerAction
  | { readonly type: 'set_queue'; readonly queue: number }
  | { readonly type: 'pop_queue' }
  | {
      readonly type: 'bundle';
      readonly fields: HashFields;
      readonly basis: number;
      readonly algorithm: 'active_backup' | 'hrw';
      /** Where `bundle_load` writes the port; `bundle` outputs to it. */
      readonly dst?: Subfield | undefined;
      readonly members: readonly number[];
    }
  | {
      readonly type: 'multipath';
      readonly fields: HashFields;
      readonly basis: number;
      readonly algorithm: 'modulo_n' | 'hash_threshold' | 'hrw' | 'iter_hash';
      /** Number of links, from 1. */
      readonly links: number;
      readonly arg: number;
      readonly dst: Subfield;
    }
  | {
      readonly type: 'set_field';
      readonly field: Field;
      readonly value: FieldValue;
      readonly mask?: FieldValue | undefined;
    }
  | { readonly type: 'move'; readonly src: Subfield; readonly dst: Subfield }
  | { readonly type: 'push_vlan'; readonly ethertype: number }
  | { readonly type: 'pop_vlan' }
  | { readonly type: 'push_mpls'; readonly ethertype: number }
  | { readonly type: 'pop_mpls'; readonly ethertype: number }
  /** Packet types are `namespace << 16 | type` (OpenFlow 1.5.1 section 7.2.3.11); 0 is Ethernet. */
  | { readonly type: 'encap'; readonly packetType: number }
  /** 0xfffe, the default, lets the packet say what is inside it. */
  | { readonly type: 'decap'; readonly packetType: number }
  | { readonly type: 'dec_ttl'; readonly controllerIds?: readonly number[] | undefined }
  | { readonly type: 'mod_nw_ttl'; readonly ttl: number }
  | { readonly type: 'set_mpls_ttl'; readonly ttl: number }
  | { readonly type: 'dec_mpls_ttl' }
  | { readonly type: 'dec_nsh_ttl' }
  | { readonly type: 'push'; readonly src: Subfield }
  | { readonly type: 'pop'; readonly dst: Subfield }
  | {
      readonly type: 'resubmit';
      /** `Port.inPort` (keep the packet's) if left out. */
      readonly port?: number;
      /** The current table if left out. */
      readonly table?: number | undefined;
      readonly ct?: boolean;
    }
  | { readonly type: 'clone'; readonly actions: readonly Action[] }
  | CtAction
  | NatAction
  | { readonly type: 'ct_clear' }
  | LearnAction
  | { readonly type: 'fin_timeout'; readonly idleTimeout: number; readonly hardTimeout: number }
  | { readonly type: 'note'; readonly data: Uint8Array }
  | { readonly type: 'exit' }
  | SampleAction
  /** Clause `clause` of `count`, counted from 1 as in `conjunction(id, 1/2)`. */
  | { readonly type: 'conjunction'; readonly id: number; readonly clause: number; readonly count: number }
  /** Sets the one bit `dst` to whether the packet is longer than `length` bytes. */
  | { readonly type: 'check_pkt_larger'; readonly length: number; readonly dst: Subfield }
  | { readonly type: 'delete_field'; readonly field: Field }
  | { readonly type: 'meter'; readonly meter: number }
  | { readonly type: 'clear_actions' }
  | { readonly type: 'write_actions'; readonly actions: readonly Action[] }
  | { readonly type: 'write_metadata'; readonly value: bigint; readonly mask?: bigint | undefined }
  | { readonly type: 'goto_table'; readonly table: number };

export type ActionType = Action['type'];
export type ActionOf<T extends ActionType> = Extract<Action, { readonly type: T }>;

/** `load:value->dst` as the Set-Field action that OpenFlow 1.5 makes of it (ovs-actions(7), "The set_field and load actions"). */
export function load(dst: Subfield, value: FieldValue): ActionOf<'set_field'> {
  const { field, ofs, bits } = dst;
  // A field that does not fill its bytes is loaded under a mask of its bits, which Open vSwitch keeps and prints.
  if (ofs === 0 && bits === field.bits && fillsBytes(field)) {
    return { type: 'set_field', field, value: field.wide ? BigInt(value) : Number(value) };
  }
  if (field.wide) {
    const mask = ((1n << BigInt(bits)) - 1n) << BigInt(ofs);
    return { type: 'set_field', field, value: (BigInt(value) << BigInt(ofs)) & mask, mask };
  }
  const ones = bits === 32 ? 0xffffffff : (1 << bits) - 1;
  const mask = (ones << ofs) >>> 0;
  return { type: 'set_field', field, value: ((Number(value) << ofs) & mask) >>> 0, mask };
}
