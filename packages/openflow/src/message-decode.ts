/** Bytes to messages. Never throws: hostile bytes give an error that names the offset. */
import { readActions, readInstructions } from './action-decode.ts';
import { type Decoded, Reader } from './buffer.ts';
import { pick, readProperties, text } from './decode-helpers.ts';
import { errorName } from './error-names.ts';
import { NX_VENDOR } from './fields.ts';
import type { FlowStats } from './flow.ts';
import { readGroupDesc, readGroupMod, readMeterConfig, readMeterMod } from './group-decode.ts';
import { readMatch } from './match.ts';
import type { Envelope, Message, PortDesc } from './messages.ts';
import { readNicira } from './nicira-decode.ts';
import {
  BUNDLE_CONTROLS,
  BUNDLE_FLAGS,
  FLOW_COMMANDS,
  FLOW_FLAGS,
  flagNames,
  MessageType,
  MultipartType,
  OFP_VERSION,
  PORT_REASONS,
  REASONS,
  REMOVED_REASONS,
  ROLES,
} from './wire.ts';

const HEADER = 8;
/** Classes of flow statistics (OpenFlow 1.5.1 section 7.2.4.2). */
const OXS_CLASS = 0x8002;
interface FlowCounters {
  durationSec: number;
  durationNsec: number;
  packetCount: bigint;
  byteCount: bigint;
  idleAge?: number;
}

function readStats(r: Reader): FlowCounters {
  const counters: FlowCounters = { durationSec: 0, durationNsec: 0, packetCount: 0n, byteCount: 0n };
  const start = r.pos;
  r.skip(2);
  const length = r.u16();
  if (!r.ok) return counters;
  const outer = r.enter(start, length);
  while (r.ok && r.remaining >= 4) {
    const header = r.u32();
    const end = r.pos + (header & 0xff);
    const kind = header >>> 16 === OXS_CLASS ? (header >>> 9) & 0x7f : -1;
    if (kind === 0) {
      counters.durationSec = r.u32();
      counters.durationNsec = r.u32();
    } else if (kind === 1) counters.idleAge = r.u32();
    else if (kind === 4) counters.packetCount = r.u64();
    else if (kind === 5) counters.byteCount = r.u64();
    if (r.ok && end >= r.pos && end <= r.end) r.pos = end;
    else r.fail('a statistic is longer than its structure');
  }
  r.leave(outer);
  r.pad8(start);
  return counters;
}

function readFlowDesc(r: Reader): FlowStats {
  const start = r.pos;
  const length = r.u16();
  r.skip(2);
  const outer = r.enter(start, length);
  const table = r.u8();
  r.skip(1);
  const priority = r.u16();
  const idleTimeout = r.u16();
  const hardTimeout = r.u16();
  const flags = r.u16();
  const importance = r.u16();
  const cookie = r.u64();
  const match = readMatch(r);
  const counters = readStats(r);
  const actions = readInstructions(r);
  r.leave(outer);
  return {
    table,
    priority,
    cookie,
    match,
    actions,
    ...timeouts(idleTimeout, hardTimeout, importance, flags),
    ...counters,
  };
}

function timeouts(
  idleTimeout: number,
  hardTimeout: number,
  importance: number,
  flags: number,
): Pick<FlowStats, 'idleTimeout' | 'hardTimeout' | 'importance' | 'flags'> {
  return {
    ...(idleTimeout === 0 ? {} : { idleTimeout }),
    ...(hardTimeout === 0 ? {} : { hardTimeout }),
    ...(importance === 0 ? {} : { importance }),
    ...(flags === 0 ? {} : { flags: flagNames(FLOW_FLAGS, flags) }),
  };
}

function readFlowMod(r: Reader): Message {
  const cookie = r.u64();
  const cookieMask = r.u64();
  const table = r.u8();
  const command = pick(r, FLOW_COMMANDS, r.u8(), 'flow command');
  const idleTimeout = r.u16();
  const hardTimeout = r.u16();
  const priority = r.u16();
  r.skip(4);
  const outPort = r.u32();
  const outGroup = r.u32();
  const flags = r.u16();
  const importance = r.u16();
  const match = readMatch(r);
  const actions = readInstructions(r);
  return {
    type: 'flow_mod',
    mod: {
      command,
      table,
      priority,
      cookie,
      match,
      actions,
      ...timeouts(idleTimeout, hardTimeout, importance, flags),
      ...(cookieMask === 0n ? {} : { cookieMask }),
      ...(outPort === 0xffffffff ? {} : { outPort }),
      ...(outGroup === 0xffffffff ? {} : { outGroup }),
    },
  };
}

function readPort(r: Reader): PortDesc {
  const start = r.pos;
  const portNo = r.u32();
  const length = r.u16();
  r.skip(2);
  const hwAddr = r.bigint(6);
  r.skip(2);
  const name = text(r.take(16));
  const config = r.u32();
  const state = r.u32();
  let currSpeed = 0;
  let maxSpeed = 0;
  const outer = r.enter(start, length);
  readProperties(r, 'a port', (type) => {
    if (type !== 0) return;
    r.skip(20);
    currSpeed = r.u32();
    maxSpeed = r.u32();
  });
  r.leave(outer);
  return { portNo, hwAddr, name, config, state, currSpeed, maxSpeed };
}

function list<T>(r: Reader, read: (r: Reader) => T): T[] {
  const items: T[] = [];
  while (r.ok && r.remaining > 0) {
    const start = r.pos;
    items.push(read(r));
    if (r.ok && r.pos === start) r.fail('an entry of no length');
  }
  return items;
}

function readMultipart(r: Reader, reply: boolean): Message {
  const kind = r.u16();
  const more = (r.u16() & 1) !== 0;
  r.skip(4);
  if (reply) {
    switch (kind) {
      case MultipartType.flowDesc:
        return { type: 'flow_desc_reply', more, flows: list(r, readFlowDesc) };
      case MultipartType.groupDesc:
        return { type: 'group_desc_reply', more, groups: list(r, readGroupDesc) };
      case MultipartType.meterConfig:
        return { type: 'meter_config_reply', more, meters: list(r, readMeterConfig) };
      case MultipartType.portDesc:
        return { type: 'port_desc_reply', more, ports: list(r, readPort) };
      case MultipartType.meterFeatures: {
        const maxMeters = r.u32();
        const bandTypes = r.u32();
        const capabilities = r.u32();
        return {
          type: 'meter_features_reply',
          maxMeters,
          bandTypes,
          capabilities,
          maxBands: r.u8(),
          maxColor: r.u8(),
        };
      }
    }
    return { type: 'multipart', reply, kind, more, body: r.rest() };
  }
  switch (kind) {
    case MultipartType.flowDesc: {
      const table = r.u8();
      r.skip(3);
      const outPort = r.u32();
      const outGroup = r.u32();
      r.skip(4);
      const cookie = r.u64();
      const cookieMask = r.u64();
      return { type: 'flow_desc_request', table, outPort, outGroup, cookie, cookieMask, match: readMatch(r) };
    }
    case MultipartType.groupDesc:
      return { type: 'group_desc_request', group: r.u32() };
    case MultipartType.meterConfig:
      return { type: 'meter_config_request', meter: r.u32() };
    case MultipartType.portDesc:
      return { type: 'port_desc_request', port: r.u32() };
    case MultipartType.meterFeatures:
      return { type: 'meter_features_request' };
  }
  return { type: 'multipart', reply, kind, more, body: r.rest() };
}

function readHello(r: Reader, version: number): Message {
  let versions: number[] | undefined;
  while (r.ok && r.remaining >= 4) {
    const start = r.pos;
    const type = r.u16();
    const length = r.u16();
    if (length < 4) break;
    const outer = r.enter(start, length);
    if (type === 1 && r.remaining >= 4) {
      const bits = r.u32();
      versions = [];
      for (let v = 0; v < 32; v++) if ((bits & (1 << v)) !== 0) versions.push(v);
    }
    r.leave(outer);
    r.pad8(start);
  }
  // Without a bitmap, a peer speaks its version and all before it.
  return { type: 'hello', versions: versions ?? Array.from({ length: version }, (_, i) => i + 1) };
}

function readSetAsync(r: Reader): Message {
  const masks = [0, 0, 0, 0, 0, 0];
  readProperties(r, 'an asynchronous configuration', (type) => {
    if (type < masks.length) masks[type] = r.u32();
  });
  return {
    type: 'set_async',
    packetIn: flagNames(REASONS, masks[1]!),
    portStatus: flagNames(PORT_REASONS, masks[3]!),
    flowRemoved: flagNames(REMOVED_REASONS, masks[5]!),
  };
}

function readMessage(r: Reader, version: number, code: number, depth: number): Message {
  switch (code) {
    case MessageType.hello:
      return readHello(r, version);
    case MessageType.error: {
      const errorType = r.u16();
      const errorCode = r.u16();
      const experimenter = errorType === 0xffff ? r.u32() : 0;
      return {
        type: 'error',
        errorType,
        code: errorCode,
        experimenter,
        name: errorName(errorType, errorCode, experimenter),
        data: r.rest(),
      };
    }
    case MessageType.echoRequest:
      return { type: 'echo_request', data: r.rest() };
    case MessageType.echoReply:
      return { type: 'echo_reply', data: r.rest() };
    case MessageType.experimenter: {
      const start = r.pos;
      const vendor = r.u32();
      const subtype = r.u32();
      const message = vendor === NX_VENDOR ? readNicira(r, subtype) : undefined;
      if (message !== undefined || !r.ok) return message ?? { type: 'unknown', code, body: new Uint8Array(0) };
      r.pos = start;
      return { type: 'unknown', code, body: r.rest() };
    }
    case MessageType.featuresRequest:
      return { type: 'features_request' };
    case MessageType.featuresReply: {
      const datapathId = r.u64();
      const buffers = r.u32();
      const tables = r.u8();
      const auxiliaryId = r.u8();
      r.skip(2);
      const capabilities = r.u32();
      r.skip(4);
      return { type: 'features_reply', datapathId, buffers, tables, auxiliaryId, capabilities };
    }
    case MessageType.getConfigRequest:
      return { type: 'get_config_request' };
    case MessageType.getConfigReply:
    case MessageType.setConfig: {
      const flags = r.u16();
      const missSendLen = r.u16();
      return { type: code === MessageType.setConfig ? 'set_config' : 'get_config_reply', flags, missSendLen };
    }
    case MessageType.flowRemoved: {
      const table = r.u8();
      const reason = r.u8();
      const priority = r.u16();
      const idleTimeout = r.u16();
      const hardTimeout = r.u16();
      const cookie = r.u64();
      const match = readMatch(r);
      readStats(r);
      return { type: 'flow_removed', table, reason, priority, idleTimeout, hardTimeout, cookie, match };
    }
    case MessageType.portStatus: {
      const reason = pick(r, PORT_REASONS, r.u8(), 'port status');
      r.skip(7);
      return { type: 'port_status', reason, port: readPort(r) };
    }
    case MessageType.packetOut: {
      r.skip(4);
      const length = r.u16();
      r.skip(2);
      const match = readMatch(r);
      const outer = r.enter(r.pos, length);
      const actions = readActions(r);
      r.leave(outer);
      return { type: 'packet_out', match, actions, packet: r.rest() };
    }
    case MessageType.flowMod:
      return readFlowMod(r);
    case MessageType.groupMod:
      return readGroupMod(r);
    case MessageType.meterMod:
      return readMeterMod(r);
    case MessageType.multipartRequest:
      return readMultipart(r, false);
    case MessageType.multipartReply:
      return readMultipart(r, true);
    case MessageType.barrierRequest:
      return { type: 'barrier_request' };
    case MessageType.barrierReply:
      return { type: 'barrier_reply' };
    case MessageType.roleRequest:
    case MessageType.roleReply: {
      const role = pick(r, ROLES, r.u32(), 'role');
      r.skip(4);
      const generation = r.u64();
      return { type: code === MessageType.roleRequest ? 'role_request' : 'role_reply', role, generation };
    }
    case MessageType.setAsync:
      return readSetAsync(r);
    case MessageType.bundleControl: {
      const bundle = r.u32();
      const control = pick(r, BUNDLE_CONTROLS, r.u16(), 'bundle control');
      return { type: 'bundle_control', bundle, control, flags: flagNames(BUNDLE_FLAGS, r.u16()) };
    }
    case MessageType.bundleAdd: {
      const bundle = r.u32();
      r.skip(2);
      const flags = flagNames(BUNDLE_FLAGS, r.u16());
      if (depth > 0) r.fail('a bundle holds no bundle');
      return { type: 'bundle_add', bundle, flags, message: readEnvelope(r, depth + 1).message };
    }
    default:
      return { type: 'unknown', code, body: r.rest() };
  }
}

function readEnvelope(r: Reader, depth: number): Envelope {
  const start = r.pos;
  const version = r.u8();
  const code = r.u8();
  const length = r.u16();
  const xid = r.u32();
  const unknown: Message = { type: 'unknown', code, body: new Uint8Array(0) };
  if (!r.ok) return { version, xid, message: unknown };
  if (length < HEADER) {
    r.fail(`a message cannot be ${length} bytes long`, start + 2);
    return { version, xid, message: unknown };
  }
  const outer = r.enter(start, length);
  const anyVersion = code === MessageType.hello || code === MessageType.error;
  if (r.ok && version !== OFP_VERSION && !anyVersion)
    r.fail(`version 0x${version.toString(16)} is not OpenFlow 1.5`, start);
  const message = r.ok ? readMessage(r, version, code, depth) : unknown;
  r.leave(outer);
  return { version, xid, message };
}

/** Decodes the message that `bytes` begin with. Never throws. */
export function decodeMessage(bytes: Uint8Array): Decoded<Envelope> {
  const r = new Reader(bytes);
  return r.result(readEnvelope(r, 0));
}

/** The length of the message that begins at `offset`, or undefined while its header is not complete. Less than 8 is an error. */
export function messageLength(bytes: Uint8Array, offset: number): number | undefined {
  if (bytes.length < offset + 4) return undefined;
  return (bytes[offset + 2]! << 8) | bytes[offset + 3]!;
}
