/** Messages to bytes (OpenFlow 1.5.1 section 7). */
import { putActions, putInstructions } from './action-encode.ts';
import { ActionList } from './action-list.ts';
import { Writer } from './buffer.ts';
import { NX_VENDOR } from './fields.ts';
import type { Bucket, FlowMod, GroupMod, MeterMod } from './flow.ts';
import { Match, putMatch } from './match.ts';
import type { CtTuple, FlowDescRequest, Message, MessageOf, PacketIn, TlvMapping } from './messages.ts';
import { putOxm } from './oxm.ts';
import {
  BUCKET_WATCH_GROUP,
  BUCKET_WATCH_PORT,
  BUCKET_WEIGHT,
  BUNDLE_CONTROLS,
  BUNDLE_FLAGS,
  FLOW_COMMANDS,
  FLOW_FLAGS,
  flagBits,
  GROUP_ADD_OR_MOD,
  GROUP_COMMANDS,
  GROUP_TYPES,
  METER_COMMANDS,
  METER_FLAGS,
  MessageType,
  MultipartType,
  NTR_VENDOR,
  NxMessage,
  OFP_VERSION,
  PacketInProperty,
  PORT_REASONS,
  REASONS,
  REMOVED_REASONS,
  ROLES,
  TLV_COMMANDS,
} from './wire.ts';

const NO_BUFFER = 0xffffffff;
const ANY = 0xffffffff;
/** Of a flow-mod without its match and instructions. */
const FLOW_MOD_LENGTH = 48;

function header(w: Writer, type: number, xid: number): number {
  const start = w.pos;
  w.u8(OFP_VERSION);
  w.u8(type);
  w.u16(0);
  w.u32(xid);
  return start;
}

function nxHeader(w: Writer, subtype: number, xid: number): number {
  const start = header(w, MessageType.experimenter, xid);
  w.u32(NX_VENDOR);
  w.u32(subtype);
  return start;
}

function multipart(w: Writer, kind: number, xid: number): number {
  const start = header(w, MessageType.multipartRequest, xid);
  w.u16(kind);
  w.u16(0);
  w.u32(0);
  return start;
}

/** Appends a flow-mod. The fast path of `encodeMessage`. */
export function encodeFlowMod(w: Writer, xid: number, mod: FlowMod): void {
  const start = w.pos;
  w.reserve(FLOW_MOD_LENGTH);
  const { view } = w;
  view.setUint32(start, (OFP_VERSION << 24) | (MessageType.flowMod << 16));
  view.setUint32(start + 4, xid);
  view.setBigUint64(start + 8, mod.cookie);
  view.setBigUint64(start + 16, mod.cookieMask ?? 0n);
  view.setUint8(start + 24, mod.table);
  view.setUint8(start + 25, FLOW_COMMANDS.indexOf(mod.command));
  view.setUint16(start + 26, mod.idleTimeout ?? 0);
  view.setUint16(start + 28, mod.hardTimeout ?? 0);
  view.setUint16(start + 30, mod.priority);
  view.setUint32(start + 32, NO_BUFFER);
  view.setUint32(start + 36, mod.outPort ?? ANY);
  view.setUint32(start + 40, mod.outGroup ?? ANY);
  view.setUint16(start + 44, flagBits(FLOW_FLAGS, mod.flags));
  view.setUint16(start + 46, mod.importance ?? 0);
  w.pos = start + FLOW_MOD_LENGTH;
  putMatch(w, mod.match);
  if (mod.actions instanceof ActionList) w.putWire(mod.actions.wire);
  else putInstructions(w, mod.actions);
  w.length16(start + 2, start);
}

function putBucket(w: Writer, bucket: Bucket, select: boolean): void {
  const start = w.pos;
  w.u32(0);
  w.u32(bucket.id);
  putActions(w, bucket.actions);
  w.length16(start + 2, start + 8);
  const weight = bucket.weight ?? (select ? 1 : undefined);
  if (weight !== undefined) {
    w.u32((BUCKET_WEIGHT << 16) | 8);
    w.u16(weight);
    w.u16(0);
  }
  if (bucket.watchPort !== undefined) {
    w.u32((BUCKET_WATCH_PORT << 16) | 8);
    w.u32(bucket.watchPort);
  }
  if (bucket.watchGroup !== undefined) {
    w.u32((BUCKET_WATCH_GROUP << 16) | 8);
    w.u32(bucket.watchGroup);
  }
  w.length16(start, start);
}

function putGroupMod(w: Writer, mod: GroupMod): void {
  w.u16(mod.command === 'add_or_mod' ? GROUP_ADD_OR_MOD : GROUP_COMMANDS.indexOf(mod.command));
  w.u8(GROUP_TYPES.indexOf(mod.type));
  w.u8(0);
  w.u32(mod.id);
  const lengthAt = w.pos;
  w.u32(0);
  w.u32(mod.commandBucket ?? ANY);
  const start = w.pos;
  for (const bucket of mod.buckets) putBucket(w, bucket, mod.type === 'select');
  w.length16(lengthAt, start);
  if (mod.selection === undefined) return;
  const { method, param, fields } = mod.selection;
  const at = w.pos;
  w.u16(0xffff);
  w.u16(0);
  w.u32(NTR_VENDOR);
  w.u32(1);
  w.u32(0);
  for (let i = 0; i < 16; i++) w.u8(i < 15 && i < method.length ? method.charCodeAt(i) : 0);
  w.u64(param);
  for (const { field, mask } of fields) putOxm(w, field, mask ?? field.ones, undefined);
  w.length16(at + 2, at);
  w.pad8(at);
}

function putMeterMod(w: Writer, mod: MeterMod): void {
  w.u16(METER_COMMANDS.indexOf(mod.command));
  w.u16(flagBits(METER_FLAGS, mod.flags));
  w.u32(mod.id);
  for (const band of mod.bands) {
    w.u16(band.type === 'drop' ? 1 : 2);
    w.u16(16);
    w.u32(band.rate);
    w.u32(band.burstSize);
    w.u8(band.precLevel ?? 0);
    w.zeros(3);
  }
}

function putFlowDescRequest(w: Writer, m: FlowDescRequest): void {
  w.u8(m.table ?? 0xff);
  w.zeros(3);
  w.u32(m.outPort ?? ANY);
  w.u32(m.outGroup ?? ANY);
  w.u32(0);
  w.u64(m.cookie ?? 0n);
  w.u64(m.cookieMask ?? 0n);
  putMatch(w, m.match ?? Match.any);
}

function putPropertyBytes(w: Writer, type: number, value: Uint8Array): void {
  const start = w.pos;
  w.u16(type);
  w.u16(value.length + 4);
  w.put(value);
  w.pad8(start);
}

function putPacketIn(w: Writer, m: PacketIn): void {
  putPropertyBytes(w, PacketInProperty.packet, m.packet);
  if (m.fullLength !== undefined) {
    w.u32((PacketInProperty.fullLength << 16) | 8);
    w.u32(m.fullLength);
  }
  if (m.bufferId !== undefined) {
    w.u32((PacketInProperty.bufferId << 16) | 8);
    w.u32(m.bufferId);
  }
  w.u32((PacketInProperty.table << 16) | 5);
  w.u8(m.table);
  w.zeros(3);
  if (m.cookie !== 0n) {
    w.u32((PacketInProperty.cookie << 16) | 16);
    w.u32(0);
    w.u64(m.cookie);
  }
  w.u32((PacketInProperty.reason << 16) | 5);
  w.u8(REASONS.indexOf(m.reason));
  w.zeros(3);
  const start = w.pos;
  w.u16(PacketInProperty.metadata);
  w.u16(0);
  w.putWire(m.metadata.key);
  w.length16(start + 2, start);
  w.pad8(start);
  if (m.userdata !== undefined) putPropertyBytes(w, PacketInProperty.userdata, m.userdata);
  if (m.continuation !== undefined) putPropertyBytes(w, PacketInProperty.continuation, m.continuation);
}

function putMappings(w: Writer, mappings: readonly TlvMapping[]): void {
  for (const m of mappings) {
    w.u16(m.optionClass);
    w.u8(m.optionType);
    w.u8(m.length);
    w.u16(m.index);
    w.u16(0);
  }
}

function putAsync(w: Writer, m: MessageOf<'set_async'>): void {
  const both = (type: number, mask: number): void => {
    // The even number is the secondary role's, the odd one for primary and equal.
    w.u16(type + 1);
    w.u16(8);
    w.u32(mask);
  };
  both(0, flagBits(REASONS, m.packetIn));
  both(2, flagBits(PORT_REASONS, m.portStatus));
  both(4, flagBits(REMOVED_REASONS, m.flowRemoved));
}

function putCtAddress(w: Writer, type: number, address: number | bigint): void {
  w.u16(type);
  w.u16(20);
  // IPv4 addresses travel as IPv4-mapped IPv6 ones (RFC 4291 section 2.5.5.2).
  w.uint(typeof address === 'bigint' ? address : (0xffffn << 32n) | BigInt(address), 16);
  w.u32(0);
}

function putCtTuple(w: Writer, type: number, tuple: CtTuple): void {
  const start = w.pos;
  w.u16(type);
  w.u16(0);
  w.u32(0);
  const part = (kind: number, length: number, value: number | undefined): void => {
    if (value === undefined) return;
    w.u16(kind);
    w.u16(length === 2 ? 8 : 5);
    if (length === 2) w.u16(value);
    else w.u8(value);
    w.zeros(4 - length);
  };
  if (tuple.src !== undefined) putCtAddress(w, 0, tuple.src);
  if (tuple.dst !== undefined) putCtAddress(w, 1, tuple.dst);
  part(2, 2, tuple.srcPort);
  part(3, 2, tuple.dstPort);
  part(4, 2, tuple.icmpId);
  part(5, 1, tuple.icmpType);
  part(6, 1, tuple.icmpCode);
  w.length16(start + 2, start);
}

function putBody(w: Writer, xid: number, m: Message): number {
  switch (m.type) {
    case 'hello': {
      const start = header(w, MessageType.hello, xid);
      w.u32((1 << 16) | 8);
      w.u32(m.versions.reduce((bits, version) => (bits | (1 << version)) >>> 0, 0));
      return start;
    }
    case 'error': {
      const start = header(w, MessageType.error, xid);
      w.u16(m.errorType);
      w.u16(m.code);
      if (m.experimenter !== 0) w.u32(m.experimenter);
      w.put(m.data);
      return start;
    }
    case 'echo_request':
    case 'echo_reply': {
      const start = header(w, m.type === 'echo_request' ? MessageType.echoRequest : MessageType.echoReply, xid);
      w.put(m.data);
      return start;
    }
    case 'features_request':
      return header(w, MessageType.featuresRequest, xid);
    case 'features_reply': {
      const start = header(w, MessageType.featuresReply, xid);
      w.u64(m.datapathId);
      w.u32(m.buffers);
      w.u8(m.tables);
      w.u8(m.auxiliaryId);
      w.u16(0);
      w.u32(m.capabilities);
      w.u32(0);
      return start;
    }
    case 'get_config_request':
      return header(w, MessageType.getConfigRequest, xid);
    case 'get_config_reply':
    case 'set_config': {
      const start = header(w, m.type === 'set_config' ? MessageType.setConfig : MessageType.getConfigReply, xid);
      w.u16(m.flags);
      w.u16(m.missSendLen);
      return start;
    }
    case 'packet_out': {
      const start = header(w, MessageType.packetOut, xid);
      w.u32(NO_BUFFER);
      const lengthAt = w.pos;
      w.u32(0);
      putMatch(w, m.match);
      const actions = w.pos;
      putActions(w, m.actions);
      w.length16(lengthAt, actions);
      w.put(m.packet);
      return start;
    }
    case 'group_mod': {
      const start = header(w, MessageType.groupMod, xid);
      putGroupMod(w, m.mod);
      return start;
    }
    case 'meter_mod': {
      const start = header(w, MessageType.meterMod, xid);
      putMeterMod(w, m.mod);
      return start;
    }
    case 'flow_desc_request': {
      const start = multipart(w, MultipartType.flowDesc, xid);
      putFlowDescRequest(w, m);
      return start;
    }
    case 'group_desc_request': {
      const start = multipart(w, MultipartType.groupDesc, xid);
      w.u32(m.group ?? 0xfffffffc);
      w.u32(0);
      return start;
    }
    case 'meter_config_request': {
      const start = multipart(w, MultipartType.meterConfig, xid);
      w.u32(m.meter ?? ANY);
      w.u32(0);
      return start;
    }
    case 'port_desc_request': {
      const start = multipart(w, MultipartType.portDesc, xid);
      w.u32(m.port ?? ANY);
      w.u32(0);
      return start;
    }
    case 'meter_features_request':
      return multipart(w, MultipartType.meterFeatures, xid);
    case 'multipart': {
      const start = header(w, m.reply ? MessageType.multipartReply : MessageType.multipartRequest, xid);
      w.u16(m.kind);
      w.u16(m.more ? 1 : 0);
      w.u32(0);
      w.put(m.body);
      return start;
    }
    case 'barrier_request':
      return header(w, MessageType.barrierRequest, xid);
    case 'barrier_reply':
      return header(w, MessageType.barrierReply, xid);
    case 'role_request':
    case 'role_reply': {
      const start = header(w, m.type === 'role_request' ? MessageType.roleRequest : MessageType.roleReply, xid);
      w.u32(ROLES.indexOf(m.role));
      w.u32(0);
      w.u64(m.generation);
      return start;
    }
    case 'set_async': {
      const start = header(w, MessageType.setAsync, xid);
      putAsync(w, m);
      return start;
    }
    case 'bundle_control': {
      const start = header(w, MessageType.bundleControl, xid);
      w.u32(m.bundle);
      w.u16(BUNDLE_CONTROLS.indexOf(m.control));
      w.u16(flagBits(BUNDLE_FLAGS, m.flags));
      return start;
    }
    case 'bundle_add': {
      const start = header(w, MessageType.bundleAdd, xid);
      w.u32(m.bundle);
      w.u16(0);
      w.u16(flagBits(BUNDLE_FLAGS, m.flags));
      encodeMessage(w, xid, m.message);
      return start;
    }
    case 'set_packet_in_format': {
      const start = nxHeader(w, NxMessage.setPacketInFormat, xid);
      w.u32(m.format);
      return start;
    }
    case 'set_controller_id': {
      const start = nxHeader(w, NxMessage.setControllerId, xid);
      w.zeros(6);
      w.u16(m.id);
      return start;
    }
    case 'packet_in': {
      const start = nxHeader(w, NxMessage.packetIn2, xid);
      putPacketIn(w, m);
      return start;
    }
    case 'resume': {
      const start = nxHeader(w, NxMessage.resume, xid);
      const { userdata: _, ...rest } = m.packetIn;
      putPacketIn(w, rest);
      return start;
    }
    case 'tlv_table_mod': {
      const start = nxHeader(w, NxMessage.tlvTableMod, xid);
      w.u16(TLV_COMMANDS.indexOf(m.command));
      w.zeros(6);
      putMappings(w, m.mappings);
      return start;
    }
    case 'tlv_table_request':
      return nxHeader(w, NxMessage.tlvTableRequest, xid);
    case 'tlv_table_reply': {
      const start = nxHeader(w, NxMessage.tlvTableReply, xid);
      w.u32(m.maxSpace);
      w.u16(m.maxFields);
      w.zeros(10);
      putMappings(w, m.mappings);
      return start;
    }
    case 'ct_flush_zone': {
      const start = nxHeader(w, NxMessage.ctFlushZone, xid);
      w.zeros(6);
      w.u16(m.zone);
      return start;
    }
    case 'ct_flush': {
      const start = nxHeader(w, NxMessage.ctFlush, xid);
      w.u8(m.ipProto);
      w.zeros(7);
      if (m.original !== undefined) putCtTuple(w, 0, m.original);
      if (m.reply !== undefined) putCtTuple(w, 1, m.reply);
      if (m.zone !== undefined) {
        w.u32((2 << 16) | 8);
        w.u16(m.zone);
        w.u16(0);
      }
      return start;
    }
    case 'unknown': {
      const start = header(w, m.code, xid);
      w.put(m.body);
      return start;
    }
    case 'flow_mod':
    case 'flow_removed':
    case 'port_status':
    case 'flow_desc_reply':
    case 'group_desc_reply':
    case 'meter_config_reply':
    case 'port_desc_reply':
    case 'meter_features_reply':
      throw new RangeError(`${m.type} is a switch's message: controllers do not send it`);
  }
}

/**
 * Appends a message to the writer.
 * Throws a RangeError if it is longer than 65535 bytes, or holds what the protocol cannot carry.
 */
export function encodeMessage(w: Writer, xid: number, message: Message): void {
  if (message.type === 'flow_mod') {
    encodeFlowMod(w, xid, message.mod);
    return;
  }
  const start = putBody(w, xid, message);
  w.length16(start + 2, start);
}

/** A message's bytes. */
export function encode(message: Message, xid = 0): Uint8Array {
  const w = new Writer(256);
  encodeMessage(w, xid, message);
  return w.copy();
}
