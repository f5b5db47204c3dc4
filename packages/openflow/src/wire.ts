/** The protocol's numbers (OpenFlow 1.5.1 section 7; the Nicira extensions as Open vSwitch 3.1 sends them). */
import type { HashFields, PacketInReason } from './actions.ts';

export const OFP_VERSION = 0x06;

export const MessageType = {
  hello: 0,
  error: 1,
  echoRequest: 2,
  echoReply: 3,
  experimenter: 4,
  featuresRequest: 5,
  featuresReply: 6,
  getConfigRequest: 7,
  getConfigReply: 8,
  setConfig: 9,
  packetIn: 10,
  flowRemoved: 11,
  portStatus: 12,
  packetOut: 13,
  flowMod: 14,
  groupMod: 15,
  portMod: 16,
  tableMod: 17,
  multipartRequest: 18,
  multipartReply: 19,
  barrierRequest: 20,
  barrierReply: 21,
  roleRequest: 24,
  roleReply: 25,
  getAsyncRequest: 26,
  getAsyncReply: 27,
  setAsync: 28,
  meterMod: 29,
  roleStatus: 30,
  tableStatus: 31,
  requestForward: 32,
  bundleControl: 33,
  bundleAdd: 34,
} as const;

export const MultipartType = {
  desc: 0,
  flowDesc: 1,
  aggregate: 2,
  groupStats: 6,
  groupDesc: 7,
  meterStats: 9,
  meterConfig: 10,
  meterFeatures: 11,
  portDesc: 13,
} as const;

/** Subtypes of Nicira messages. */
export const NxMessage = {
  role: 10,
  setPacketInFormat: 16,
  setControllerId: 20,
  tlvTableMod: 24,
  tlvTableRequest: 25,
  tlvTableReply: 26,
  setAsyncConfig2: 27,
  resume: 28,
  ctFlushZone: 29,
  packetIn2: 30,
  ctFlush: 32,
} as const;

export const ActionCode = {
  output: 0,
  setMplsTtl: 15,
  decMplsTtl: 16,
  pushVlan: 17,
  popVlan: 18,
  pushMpls: 19,
  popMpls: 20,
  setQueue: 21,
  group: 22,
  setNwTtl: 23,
  decNwTtl: 24,
  setField: 25,
  copyField: 28,
  meter: 29,
  experimenter: 0xffff,
} as const;

export const InstructionCode = {
  gotoTable: 1,
  writeMetadata: 2,
  writeActions: 3,
  applyActions: 4,
  clearActions: 5,
} as const;

/** Subtypes of Nicira actions. */
export const Nx = {
  popQueue: 5,
  regMove: 6,
  regLoad: 7,
  note: 8,
  multipath: 10,
  bundle: 12,
  bundleLoad: 13,
  resubmitTable: 14,
  outputReg: 15,
  learn: 16,
  exit: 17,
  finTimeout: 19,
  controller: 20,
  decTtlCntIds: 21,
  stackPush: 27,
  stackPop: 28,
  sample: 29,
  conjunction: 34,
  ct: 35,
  nat: 36,
  controller2: 37,
  sample2: 38,
  outputTrunc: 39,
  sample3: 41,
  clone: 42,
  ctClear: 43,
  resubmitTableCt: 44,
  learn2: 45,
  encap: 46,
  decap: 47,
  decNshTtl: 48,
  checkPktLarger: 49,
  deleteField: 50,
} as const;

export const REASONS: readonly PacketInReason[] = [
  'no_match',
  'action',
  'invalid_ttl',
  'action_set',
  'group',
  'packet_out',
  'implicit_miss',
];

export const HASH_FIELDS: readonly HashFields[] = [
  'eth_src',
  'symmetric_l4',
  'symmetric_l3l4',
  'symmetric_l3l4+udp',
  'nw_src',
  'nw_dst',
  'symmetric_l3',
];
export const BUNDLE_ALGORITHMS = ['active_backup', 'hrw'] as const;
export const MULTIPATH_ALGORITHMS = ['modulo_n', 'hash_threshold', 'hrw', 'iter_hash'] as const;

export const CtFlag = { commit: 1, force: 2 } as const;
/** An application layer gateway is named by its protocol's well-known port. */
export const CT_ALG_PORTS = { ftp: 21, tftp: 69 } as const;
export const NatFlag = { src: 1, dst: 2, persistent: 4, hash: 8, random: 16 } as const;
export const NatRange = { ipv4Min: 1, ipv4Max: 2, ipv6Min: 4, ipv6Max: 8, portMin: 16, portMax: 32 } as const;
export const LearnFlag = { sendFlowRem: 1, deleteLearned: 2, writeResult: 4 } as const;
export const LearnSpecBits = { immediate: 0x2000, load: 0x0800, output: 0x1000, bits: 0x03ff } as const;

export const FLOW_COMMANDS = ['add', 'modify', 'modify_strict', 'delete', 'delete_strict'] as const;
/** Names of the bits of a flow's flags, from the lowest. */
export const FLOW_FLAGS = [
  'send_flow_rem',
  'check_overlap',
  'reset_counts',
  'no_packet_counts',
  'no_byte_counts',
] as const;
export const GROUP_TYPES = ['all', 'select', 'indirect', 'ff'] as const;
/** By number; 4 is not used. Open vSwitch's add-or-modify has the highest 16-bit number. */
export const GROUP_COMMANDS = ['add', 'modify', 'delete', 'insert_bucket', undefined, 'remove_bucket'] as const;
export const GROUP_ADD_OR_MOD = 0x8000;
export const METER_COMMANDS = ['add', 'modify', 'delete'] as const;
export const METER_FLAGS = ['kbps', 'pktps', 'burst', 'stats'] as const;
export const ROLES = ['nochange', 'equal', 'primary', 'secondary'] as const;
export const PORT_REASONS = ['add', 'delete', 'modify'] as const;
export const REMOVED_REASONS = [
  'idle_timeout',
  'hard_timeout',
  'delete',
  'group_delete',
  'meter_delete',
  'eviction',
] as const;
export const BUNDLE_CONTROLS = [
  'open_request',
  'open_reply',
  'close_request',
  'close_reply',
  'commit_request',
  'commit_reply',
  'discard_request',
  'discard_reply',
] as const;
export const BUNDLE_FLAGS = ['atomic', 'ordered'] as const;
export const TLV_COMMANDS = ['add', 'delete', 'clear'] as const;

/** The experimenter whose group property carries a select group's method (ovs-ofctl(8), "selection_method"). */
export const NTR_VENDOR = 0x0000154d;
export const BUCKET_WEIGHT = 0;
export const BUCKET_WATCH_PORT = 1;
export const BUCKET_WATCH_GROUP = 2;

/** Properties of NXT_PACKET_IN2. */
export const PacketInProperty = {
  packet: 0,
  fullLength: 1,
  bufferId: 2,
  table: 3,
  cookie: 4,
  reason: 5,
  metadata: 6,
  userdata: 7,
  continuation: 8,
} as const;

/** The numbers of flags as one number. */
export function flagBits<T>(names: readonly T[], set: readonly T[] | undefined): number {
  let bits = 0;
  if (set !== undefined) for (const name of set) bits |= 1 << names.indexOf(name);
  return bits;
}

/** The names of the flags that are set; bits without a name are left out. */
export function flagNames<T>(names: readonly T[], bits: number): T[] {
  return names.filter((_, bit) => (bits & (1 << bit)) !== 0);
}
