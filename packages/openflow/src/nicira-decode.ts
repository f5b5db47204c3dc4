/** Bytes to the messages of the Nicira extensions, as Open vSwitch 3.1 sends them. */
import type { Reader } from './buffer.ts';
import { pick, readProperties } from './decode-helpers.ts';
import { Match, readOxms } from './match.ts';
import type { CtTuple, Message, PacketIn, TlvMapping } from './messages.ts';
import { NxMessage, PacketInProperty, REASONS, TLV_COMMANDS } from './wire.ts';

function readPacketIn(r: Reader): PacketIn {
  let packet: Uint8Array = new Uint8Array(0);
  let fullLength: number | undefined;
  let bufferId: number | undefined;
  let table = 0;
  let cookie = 0n;
  let reason: (typeof REASONS)[number] = 'action';
  let metadata = Match.any;
  let userdata: Uint8Array | undefined;
  let continuation: Uint8Array | undefined;
  readProperties(r, 'a packet-in', (type) => {
    switch (type) {
      case PacketInProperty.packet:
        packet = r.rest();
        return;
      case PacketInProperty.fullLength:
        fullLength = r.u32();
        return;
      case PacketInProperty.bufferId:
        bufferId = r.u32();
        return;
      case PacketInProperty.table:
        table = r.u8();
        return;
      case PacketInProperty.cookie:
        r.skip(4);
        cookie = r.u64();
        return;
      case PacketInProperty.reason:
        reason = pick(r, REASONS, r.u8(), 'packet-in reason');
        return;
      case PacketInProperty.metadata:
        metadata = readOxms(r);
        return;
      case PacketInProperty.userdata:
        userdata = r.rest();
        return;
      case PacketInProperty.continuation:
        continuation = r.rest();
        return;
      default:
        return false;
    }
  });
  return {
    type: 'packet_in',
    packet,
    ...(fullLength === undefined ? {} : { fullLength }),
    ...(bufferId === undefined ? {} : { bufferId }),
    table,
    cookie,
    reason,
    metadata,
    ...(userdata === undefined ? {} : { userdata }),
    ...(continuation === undefined ? {} : { continuation }),
  };
}

function readMappings(r: Reader): TlvMapping[] {
  const mappings: TlvMapping[] = [];
  while (r.ok && r.remaining > 0) {
    const optionClass = r.u16();
    const optionType = r.u8();
    const length = r.u8();
    const index = r.u16();
    r.skip(2);
    mappings.push({ optionClass, optionType, length, index });
  }
  return mappings;
}

/** Reads a Nicira message's body; undefined for a subtype that is not known. */
export function readNicira(r: Reader, subtype: number): Message | undefined {
  switch (subtype) {
    case NxMessage.packetIn2:
      return readPacketIn(r);
    case NxMessage.resume:
      return { type: 'resume', packetIn: readPacketIn(r) };
    case NxMessage.setPacketInFormat:
      return { type: 'set_packet_in_format', format: r.u32() };
    case NxMessage.setControllerId:
      r.skip(6);
      return { type: 'set_controller_id', id: r.u16() };
    case NxMessage.tlvTableMod: {
      const command = pick(r, TLV_COMMANDS, r.u16(), 'TLV table command');
      r.skip(6);
      return { type: 'tlv_table_mod', command, mappings: readMappings(r) };
    }
    case NxMessage.tlvTableRequest:
      return { type: 'tlv_table_request' };
    case NxMessage.tlvTableReply: {
      const maxSpace = r.u32();
      const maxFields = r.u16();
      r.skip(10);
      return { type: 'tlv_table_reply', maxSpace, maxFields, mappings: readMappings(r) };
    }
    case NxMessage.ctFlushZone:
      r.skip(6);
      return { type: 'ct_flush_zone', zone: r.u16() };
    case NxMessage.ctFlush:
      return readCtFlush(r);
    default:
      return undefined;
  }
}

/** IPv4 addresses travel as IPv4-mapped IPv6 ones. */
function readCtAddress(r: Reader): number | bigint {
  const address = r.bigint(16);
  return address >> 32n === 0xffffn ? Number(address & 0xffffffffn) : address;
}

function readCtTuple(r: Reader): CtTuple {
  let tuple: CtTuple = {};
  r.skip(4);
  readProperties(r, "a connection's tuple", (type) => {
    if (type === 0) tuple = { ...tuple, src: readCtAddress(r) };
    else if (type === 1) tuple = { ...tuple, dst: readCtAddress(r) };
    else if (type === 2) tuple = { ...tuple, srcPort: r.u16() };
    else if (type === 3) tuple = { ...tuple, dstPort: r.u16() };
    else if (type === 4) tuple = { ...tuple, icmpId: r.u16() };
    else if (type === 5) tuple = { ...tuple, icmpType: r.u8() };
    else if (type === 6) tuple = { ...tuple, icmpCode: r.u8() };
    else return false;
  });
  return tuple;
}

function readCtFlush(r: Reader): Message {
  const ipProto = r.u8();
  r.skip(7);
  let original: CtTuple | undefined;
  let reply: CtTuple | undefined;
  let zone: number | undefined;
  readProperties(r, 'a ct_flush', (type) => {
    if (type === 0) original = readCtTuple(r);
    else if (type === 1) reply = readCtTuple(r);
    else if (type === 2) zone = r.u16();
    else return false;
  });
  return {
    type: 'ct_flush',
    ipProto,
    ...(zone === undefined ? {} : { zone }),
    ...(original === undefined ? {} : { original }),
    ...(reply === undefined ? {} : { reply }),
  };
}
