/** The messages of OpenFlow 1.5 and the Nicira extensions that an OVN controller and a switch exchange, as tagged objects. */
import type { Action, PacketInReason } from './actions.ts';
import type { FlowMod, FlowStats, Group, GroupMod, Meter, MeterMod } from './flow.ts';
import type { Match } from './match.ts';

/** An OpenFlow error with its names, such as `OFPBMC_BAD_PREREQ`. */
export interface ErrorMessage {
  readonly type: 'error';
  readonly errorType: number;
  readonly code: number;
  /** The experimenter's id, for an error of an experimenter; else 0. */
  readonly experimenter: number;
  readonly name: string;
  /** The beginning of the message that failed. */
  readonly data: Uint8Array;
}

export interface PortDesc {
  readonly portNo: number;
  readonly hwAddr: bigint;
  readonly name: string;
  readonly config: number;
  readonly state: number;
  /** kbit/s; 0 if unknown. */
  readonly currSpeed: number;
  readonly maxSpeed: number;
}

export interface PacketIn {
  readonly type: 'packet_in';
  readonly packet: Uint8Array;
  /** The packet's own length, where the switch cut it. */
  readonly fullLength?: number;
  readonly bufferId?: number;
  readonly table: number;
  readonly cookie: bigint;
  readonly reason: PacketInReason;
  /** The packet's metadata fields: registers, in_port, tunnel and so on. */
  readonly metadata: Match;
  readonly userdata?: Uint8Array;
  /** Opaque; `resume` hands it back. */
  readonly continuation?: Uint8Array;
}

export interface TlvMapping {
  readonly optionClass: number;
  readonly optionType: number;
  /** Bytes. */
  readonly length: number;
  /** N of tun_metadataN. */
  readonly index: number;
}

/** Which asynchronous messages a connection wants, as sets of reasons. */
export interface AsyncConfig {
  readonly packetIn: readonly PacketInReason[];
  readonly portStatus: readonly ('add' | 'delete' | 'modify')[];
  readonly flowRemoved: readonly (
    | 'idle_timeout'
    | 'hard_timeout'
    | 'delete'
    | 'group_delete'
    | 'meter_delete'
    | 'eviction'
  )[];
}

export type Role = 'nochange' | 'equal' | 'primary' | 'secondary';
export type BundleControl =
  | 'open_request'
  | 'open_reply'
  | 'close_request'
  | 'close_reply'
  | 'commit_request'
  | 'commit_reply'
  | 'discard_request'
  | 'discard_reply';
export type BundleFlag = 'atomic' | 'ordered';

/** One direction's tuple of a connection, for `ct_flush`. All parts are optional. */
export interface CtTuple {
  readonly src?: number | bigint;
  readonly dst?: number | bigint;
  readonly srcPort?: number;
  readonly dstPort?: number;
  readonly icmpId?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
}

export interface FlowDescRequest {
  /** 255: all. */
  readonly table?: number;
  readonly outPort?: number;
  readonly outGroup?: number;
  readonly cookie?: bigint;
  readonly cookieMask?: bigint;
  readonly match?: Match;
}

export interface FlowRemoved {
  readonly type: 'flow_removed';
  readonly table: number;
  readonly reason: number;
  readonly priority: number;
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly cookie: bigint;
  readonly match: Match;
}

/** A message without its header. */
export type Message =
  | { readonly type: 'hello'; readonly versions: readonly number[] }
  | ErrorMessage
  | { readonly type: 'echo_request'; readonly data: Uint8Array }
  | { readonly type: 'echo_reply'; readonly data: Uint8Array }
  | { readonly type: 'features_request' }
  | {
      readonly type: 'features_reply';
      readonly datapathId: bigint;
      readonly buffers: number;
      readonly tables: number;
      readonly auxiliaryId: number;
      readonly capabilities: number;
    }
  | { readonly type: 'get_config_request' }
  | { readonly type: 'get_config_reply'; readonly flags: number; readonly missSendLen: number }
  | { readonly type: 'set_config'; readonly flags: number; readonly missSendLen: number }
  | PacketIn
  | FlowRemoved
  | { readonly type: 'port_status'; readonly reason: 'add' | 'delete' | 'modify'; readonly port: PortDesc }
  | {
      readonly type: 'packet_out';
      /** The port that the packet is said to have come from. */
      readonly match: Match;
      readonly actions: readonly Action[];
      readonly packet: Uint8Array;
    }
  | { readonly type: 'flow_mod'; readonly mod: FlowMod }
  | { readonly type: 'group_mod'; readonly mod: GroupMod }
  | { readonly type: 'meter_mod'; readonly mod: MeterMod }
  | ({ readonly type: 'flow_desc_request' } & FlowDescRequest)
  | { readonly type: 'flow_desc_reply'; readonly more: boolean; readonly flows: readonly FlowStats[] }
  | { readonly type: 'group_desc_request'; readonly group?: number }
  | { readonly type: 'group_desc_reply'; readonly more: boolean; readonly groups: readonly Group[] }
  | { readonly type: 'meter_config_request'; readonly meter?: number }
  | { readonly type: 'meter_config_reply'; readonly more: boolean; readonly meters: readonly Meter[] }
  | { readonly type: 'port_desc_request'; readonly port?: number }
  | { readonly type: 'port_desc_reply'; readonly more: boolean; readonly ports: readonly PortDesc[] }
  | { readonly type: 'meter_features_request' }
  | {
      readonly type: 'meter_features_reply';
      readonly maxMeters: number;
      readonly bandTypes: number;
      readonly capabilities: number;
      readonly maxBands: number;
      readonly maxColor: number;
    }
  /** A multipart message of another kind, as bytes. */
  | {
      readonly type: 'multipart';
      readonly reply: boolean;
      readonly kind: number;
      readonly more: boolean;
      readonly body: Uint8Array;
    }
  | { readonly type: 'barrier_request' }
  | { readonly type: 'barrier_reply' }
  | { readonly type: 'role_request'; readonly role: Role; readonly generation: bigint }
  | { readonly type: 'role_reply'; readonly role: Role; readonly generation: bigint }
  | ({ readonly type: 'set_async' } & AsyncConfig)
  | {
      readonly type: 'bundle_control';
      readonly bundle: number;
      readonly control: BundleControl;
      readonly flags: readonly BundleFlag[];
    }
  | {
      readonly type: 'bundle_add';
      readonly bundle: number;
      readonly flags: readonly BundleFlag[];
      readonly message: Message;
    }
  | { readonly type: 'set_packet_in_format'; readonly format: number }
  | { readonly type: 'set_controller_id'; readonly id: number }
  | { readonly type: 'resume'; readonly packetIn: PacketIn }
  | {
      readonly type: 'tlv_table_mod';
      readonly command: 'add' | 'delete' | 'clear';
      readonly mappings: readonly TlvMapping[];
    }
  | { readonly type: 'tlv_table_request' }
  | {
      readonly type: 'tlv_table_reply';
      /** Bytes of option space in all. */
      readonly maxSpace: number;
      readonly maxFields: number;
      readonly mappings: readonly TlvMapping[];
    }
  | { readonly type: 'ct_flush_zone'; readonly zone: number }
  | {
      readonly type: 'ct_flush';
      readonly ipProto: number;
      readonly zone?: number;
      readonly original?: CtTuple;
      readonly reply?: CtTuple;
    }
  /** A message of another type, as bytes. */
  | { readonly type: 'unknown'; readonly code: number; readonly body: Uint8Array };

export type MessageOf<T extends Message['type']> = Extract<Message, { readonly type: T }>;

/** A message with the header that it came with. */
export interface Envelope {
  readonly version: number;
  readonly xid: number;
  readonly message: Message;
}
