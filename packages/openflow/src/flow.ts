/** Flows, groups and meters: what a controller puts into a switch. */
import type { Actions } from './action-list.ts';
import type { Action } from './actions.ts';
import type { Field, FieldValue } from './fields.ts';
import type { Match } from './match.ts';

export type FlowFlag = 'send_flow_rem' | 'check_overlap' | 'reset_counts' | 'no_packet_counts' | 'no_byte_counts';

/** An entry of a flow table. */
export interface Flow {
  readonly table: number;
  /** 0 to 65535; 32768 is what `ovs-ofctl` uses when none is given. */
  readonly priority: number;
  readonly cookie: bigint;
  readonly match: Match;
  /** In instruction order (ovs-actions(7), "INSTRUCTIONS"): an empty list drops. */
  readonly actions: Actions;
  /** Seconds; 0 or left out: never. */
  readonly idleTimeout?: number;
  readonly hardTimeout?: number;
  readonly importance?: number;
  readonly flags?: readonly FlowFlag[];
}

/** A flow as the switch reports it. */
export interface FlowStats extends Flow {
  readonly durationSec: number;
  readonly durationNsec: number;
  readonly packetCount: bigint;
  readonly byteCount: bigint;
  /** Seconds since a packet last matched, where the switch tells. */
  readonly idleAge?: number;
}

export type FlowCommand = 'add' | 'modify' | 'modify_strict' | 'delete' | 'delete_strict';

/** A change to the flow tables. */
export interface FlowMod extends Flow {
  readonly command: FlowCommand;
  /** Which cookie bits a modify or delete compares; 0 if left out. */
  readonly cookieMask?: bigint;
  /** A delete takes only flows that output to this port or group. Any if left out. */
  readonly outPort?: number;
  readonly outGroup?: number;
}

/** What makes two flows the same entry of a switch: table, priority and match. */
export function flowKey(flow: Flow): string {
  return `${flow.table},${flow.priority},${flow.match.key}`;
}

export type GroupType = 'all' | 'select' | 'indirect' | 'ff';

export interface Bucket {
  /** Unique in the group. */
  readonly id: number;
  /** Share of a select group's traffic. 1 if left out in a select group. */
  readonly weight?: number | undefined;
  readonly watchPort?: number | undefined;
  readonly watchGroup?: number | undefined;
  readonly actions: readonly Action[];
}

export interface Group {
  readonly id: number;
  readonly type: GroupType;
  readonly buckets: readonly Bucket[];
  /** How a select group chooses a bucket; the switch's own way if left out. */
  readonly selection?: GroupSelection | undefined;
}

/** The `selection_method` of ovs-ofctl(8): `dp_hash`, or `hash` over fields (with masks). */
export interface GroupSelection {
  readonly method: string;
  readonly param: bigint;
  readonly fields: readonly { readonly field: Field; readonly mask?: FieldValue | undefined }[];
}

export type GroupCommand = 'add' | 'modify' | 'add_or_mod' | 'delete' | 'insert_bucket' | 'remove_bucket';

export interface GroupMod extends Group {
  readonly command: GroupCommand;
  /** For insert_bucket and remove_bucket: a bucket's id, or one of the BucketId constants. */
  readonly commandBucket?: number;
}

/** Bucket numbers with a meaning of their own (OpenFlow 1.5.1 section 7.3.4.3). */
export const BucketId = { first: 0xfffffffd, last: 0xfffffffe, all: 0xffffffff } as const;

export type MeterFlag = 'kbps' | 'pktps' | 'burst' | 'stats';

export interface MeterBand {
  readonly type: 'drop' | 'dscp_remark';
  readonly rate: number;
  readonly burstSize: number;
  readonly precLevel?: number;
}

export interface Meter {
  readonly id: number;
  readonly flags: readonly MeterFlag[];
  readonly bands: readonly MeterBand[];
}

export type MeterCommand = 'add' | 'modify' | 'delete';

export interface MeterMod extends Meter {
  readonly command: MeterCommand;
}
