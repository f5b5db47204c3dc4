/** Bytes to actions and instructions. Unknown or malformed ones are errors that name their offset. */
import { type Action, type CtAction, type NatAction, Port } from './actions.ts';
import type { Reader } from './buffer.ts';
import { readProperties } from './decode-helpers.ts';
import { type FieldValue, fillsBytes, NX_VENDOR, type Subfield } from './fields.ts';
import { readLearn } from './learn.ts';
import { portFrom16 } from './match.ts';
import { readOxm, readOxmId, readSubfield } from './oxm.ts';
import {
  ActionCode,
  BUNDLE_ALGORITHMS,
  CtFlag,
  HASH_FIELDS,
  InstructionCode,
  MULTIPATH_ALGORITHMS,
  NatFlag,
  NatRange,
  Nx,
  REASONS,
} from './wire.ts';

/** Actions may hold actions; deeper than this is an error. */
const MAX_DEPTH = 32;

/** The entry of a table of names; an error at `offset` if there is none. */
function named<T>(r: Reader, names: readonly T[], index: number, what: string, offset: number): T | undefined {
  const name = names[index];
  if (name === undefined) r.fail(`no ${what} has the number ${index}`, offset);
  return name;
}

/** A subfield written as `offset << 6 | bits - 1` and a header. */
function packedSubfield(r: Reader): Subfield | undefined {
  const packed = r.u16();
  return readSubfield(r, packed >> 6, (packed & 0x3f) + 1);
}

function readController2(r: Reader): Action | undefined {
  r.skip(6);
  let maxLen: number | undefined;
  let reason: (typeof REASONS)[number] | undefined;
  let controllerId: number | undefined;
  let userdata: Uint8Array | undefined;
  let pause = false;
  let meterId: number | undefined;
  readProperties(r, 'a controller action', (type) => {
    if (type === 0) maxLen = r.u16();
    else if (type === 1) controllerId = r.u16();
    else if (type === 2) reason = named(r, REASONS, r.u8(), 'packet-in reason', r.pos - 1);
    else if (type === 3) userdata = r.rest();
    else if (type === 4) pause = true;
    else if (type === 5) meterId = r.u32();
    else return false;
  });
  return {
    type: 'controller',
    ...(maxLen === undefined || maxLen === 0xffff ? {} : { maxLen }),
    ...(reason === undefined || reason === 'action' ? {} : { reason }),
    ...(controllerId === undefined || controllerId === 0 ? {} : { controllerId }),
    ...(userdata === undefined || userdata.length === 0 ? {} : { userdata }),
    ...(pause ? { pause } : {}),
    ...(meterId === undefined ? {} : { meterId }),
  };
}

function readCt(r: Reader): Action | undefined {
  const flags = r.u16();
  const at = r.pos;
  const source = r.u32();
  const ofsNbits = r.u16();
  let zone: number | Subfield = ofsNbits;
  if (source !== 0) {
    const after = r.pos;
    r.pos = at;
    const sub = readSubfield(r, ofsNbits >> 6, (ofsNbits & 0x3f) + 1);
    if (sub === undefined) return undefined;
    zone = sub;
    r.pos = after;
  }
  const table = r.u8();
  r.skip(3);
  const algAt = r.pos;
  const alg = r.u16();
  if (alg !== 0 && alg !== 21 && alg !== 69) r.fail(`no application layer gateway has the port ${alg}`, algAt);
  const actions = readActions(r);
  const ct: CtAction = {
    type: 'ct',
    ...((flags & CtFlag.commit) !== 0 ? { commit: true } : {}),
    ...((flags & CtFlag.force) !== 0 ? { force: true } : {}),
    ...(zone === 0 ? {} : { zone }),
    ...(table === 0xff ? {} : { table }),
    ...(alg === 0 ? {} : { alg: alg === 21 ? 'ftp' : 'tftp' }),
    ...(actions.length === 0 ? {} : { actions }),
  };
  return ct;
}

function readNat(r: Reader): Action {
  r.skip(2);
  const flags = r.u16();
  const present = r.u16();
  let ip: { min: FieldValue; max?: FieldValue } | undefined;
  if ((present & NatRange.ipv4Min) !== 0) ip = { min: r.u32() };
  if ((present & NatRange.ipv4Max) !== 0) ip = { min: ip?.min ?? 0, max: r.u32() };
  if ((present & NatRange.ipv6Min) !== 0) ip = { min: r.bigint(16) };
  if ((present & NatRange.ipv6Max) !== 0) ip = { min: ip?.min ?? 0n, max: r.bigint(16) };
  let port: { min: number; max?: number } | undefined;
  if ((present & NatRange.portMin) !== 0) port = { min: r.u16() };
  if ((present & NatRange.portMax) !== 0) port = { min: port?.min ?? 0, max: r.u16() };
  const nat: NatAction = {
    type: 'nat',
    ...((flags & NatFlag.src) !== 0 ? { direction: 'src' } : (flags & NatFlag.dst) !== 0 ? { direction: 'dst' } : {}),
    ...((flags & NatFlag.persistent) !== 0 ? { persistent: true } : {}),
    ...((flags & NatFlag.hash) !== 0
      ? { algorithm: 'hash' }
      : (flags & NatFlag.random) !== 0
        ? { algorithm: 'random' }
        : {}),
    ...(ip === undefined ? {} : { ip }),
    ...(port === undefined ? {} : { port }),
  };
  return nat;
}

function readBundle(r: Reader, loads: boolean, start: number): Action | undefined {
  const algorithm = named(r, BUNDLE_ALGORITHMS, r.u16(), 'bundle algorithm', start);
  const fields = named(r, HASH_FIELDS, r.u16(), 'set of hashed fields', start);
  const basis = r.u16();
  r.skip(4);
  const count = r.u16();
  const packed = r.u16();
  let dst: Subfield | undefined;
  if (loads) dst = readSubfield(r, packed >> 6, (packed & 0x3f) + 1);
  else r.skip(4);
  r.skip(4);
  const members: number[] = [];
  for (let i = 0; i < count && r.ok; i++) members.push(portFrom16(r.u16()));
  if (!r.ok || algorithm === undefined || fields === undefined) return undefined;
  return { type: 'bundle', fields, basis, algorithm, ...(dst === undefined ? {} : { dst }), members };
}

function readMultipath(r: Reader, start: number): Action | undefined {
  const fields = named(r, HASH_FIELDS, r.u16(), 'set of hashed fields', start);
  const basis = r.u16();
  r.skip(2);
  const algorithm = named(r, MULTIPATH_ALGORITHMS, r.u16(), 'multipath algorithm', start);
  const links = r.u16() + 1;
  const arg = r.u32();
  r.skip(2);
  const dst = packedSubfield(r);
  if (fields === undefined || algorithm === undefined || dst === undefined) return undefined;
  return { type: 'multipath', fields, basis, algorithm, links, arg, dst };
}

/** By their numbers, which begin with 1; 0 is none. */
const SAMPLING_DIRECTIONS = ['ingress', 'egress'] as const;

function readSample(r: Reader, subtype: number, start: number): Action {
  const probability = r.u16();
  const collectorSetId = r.u32();
  const obsDomainId = r.u32();
  const obsPointId = r.u32();
  let samplingPort: number | undefined;
  let direction: 'ingress' | 'egress' | undefined;
  if (subtype !== Nx.sample) {
    samplingPort = portFrom16(r.u16());
    if (samplingPort === Port.any) samplingPort = undefined;
    if (subtype === Nx.sample3) {
      const code = r.u8();
      if (code !== 0) direction = named(r, SAMPLING_DIRECTIONS, code - 1, 'sampling direction', start);
    }
  }
  return {
    type: 'sample',
    probability,
    ...(collectorSetId === 0 ? {} : { collectorSetId }),
    ...(obsDomainId === 0 ? {} : { obsDomainId }),
    ...(obsPointId === 0 ? {} : { obsPointId }),
    ...(samplingPort === undefined ? {} : { samplingPort }),
    ...(direction === undefined ? {} : { direction }),
  };
}

function readNx(r: Reader, subtype: number, start: number): Action | undefined {
  switch (subtype) {
    case Nx.resubmitTable:
    case Nx.resubmitTableCt: {
      const port = portFrom16(r.u16());
      const table = r.u8();
      return {
        type: 'resubmit',
        ...(port === Port.inPort ? {} : { port }),
        ...(table === 0xff ? {} : { table }),
        ...(subtype === Nx.resubmitTableCt ? { ct: true } : {}),
      };
    }
    case Nx.conjunction: {
      const clause = r.u8() + 1;
      const count = r.u8();
      return { type: 'conjunction', clause, count, id: r.u32() };
    }
    case Nx.ct:
      return readCt(r);
    case Nx.nat:
      return readNat(r);
    case Nx.ctClear:
      return { type: 'ct_clear' };
    case Nx.controller: {
      const maxLen = r.u16();
      const controllerId = r.u16();
      const reason = named(r, REASONS, r.u8(), 'packet-in reason', start);
      return {
        type: 'controller',
        ...(maxLen === 0xffff ? {} : { maxLen }),
        ...(reason === undefined || reason === 'action' ? {} : { reason }),
        ...(controllerId === 0 ? {} : { controllerId }),
      };
    }
    case Nx.controller2:
      return readController2(r);
    case Nx.clone: {
      r.skip(6);
      return { type: 'clone', actions: readActions(r) };
    }
    case Nx.learn:
    case Nx.learn2:
      return readLearn(r, subtype === Nx.learn2);
    case Nx.stackPush:
    case Nx.stackPop: {
      const ofs = r.u16();
      const at = r.pos;
      r.skip(4);
      const bits = r.u16();
      if (!r.ok) return undefined;
      r.pos = at;
      const sub = readSubfield(r, ofs, bits);
      if (sub === undefined) return undefined;
      return subtype === Nx.stackPush ? { type: 'push', src: sub } : { type: 'pop', dst: sub };
    }
    case Nx.regMove: {
      const bits = r.u16();
      const srcOfs = r.u16();
      const dstOfs = r.u16();
      const src = readSubfield(r, srcOfs, bits);
      const dst = readSubfield(r, dstOfs, bits);
      return src === undefined || dst === undefined ? undefined : { type: 'move', src, dst };
    }
    case Nx.regLoad: {
      const sub = packedSubfield(r);
      const value = r.u64();
      if (sub === undefined) return undefined;
      const { field, ofs, bits } = sub;
      const mask = ((1n << BigInt(bits)) - 1n) << BigInt(ofs);
      const full = ofs === 0 && bits === field.bits;
      const shifted = (value << BigInt(ofs)) & mask;
      return {
        type: 'set_field',
        field,
        value: field.wide ? shifted : Number(shifted),
        ...(full ? {} : { mask: field.wide ? mask : Number(mask) }),
      };
    }
    case Nx.outputReg: {
      const src = packedSubfield(r);
      const maxLen = r.u16();
      return src === undefined ? undefined : { type: 'output_reg', src, ...(maxLen === 0xffff ? {} : { maxLen }) };
    }
    case Nx.outputTrunc: {
      const port = portFrom16(r.u16());
      return { type: 'output_trunc', port, maxLen: r.u32() };
    }
    case Nx.checkPktLarger: {
      const length = r.u16();
      const ofs = r.u16();
      const dst = readSubfield(r, ofs, 1);
      return dst === undefined ? undefined : { type: 'check_pkt_larger', length, dst };
    }
    case Nx.deleteField: {
      const field = readOxmId(r);
      return field === undefined ? undefined : { type: 'delete_field', field };
    }
    case Nx.bundle:
    case Nx.bundleLoad:
      return readBundle(r, subtype === Nx.bundleLoad, start);
    case Nx.multipath:
      return readMultipath(r, start);
    case Nx.popQueue:
      return { type: 'pop_queue' };
    case Nx.note:
      return { type: 'note', data: r.rest() };
    case Nx.exit:
      return { type: 'exit' };
    case Nx.finTimeout: {
      const idleTimeout = r.u16();
      return { type: 'fin_timeout', idleTimeout, hardTimeout: r.u16() };
    }
    case Nx.decTtlCntIds: {
      const count = r.u16();
      r.skip(4);
      const controllerIds: number[] = [];
      for (let i = 0; i < count && r.ok; i++) controllerIds.push(r.u16());
      return { type: 'dec_ttl', controllerIds };
    }
    case Nx.sample:
    case Nx.sample2:
    case Nx.sample3:
      return readSample(r, subtype, start);
    case Nx.encap: {
      const at = r.pos;
      r.skip(2);
      const packetType = r.u32();
      if (r.remaining > 0) r.fail('properties of an encap action are not known here', at);
      return { type: 'encap', packetType };
    }
    case Nx.decap: {
      r.skip(2);
      return { type: 'decap', packetType: r.u32() };
    }
    case Nx.decNshTtl:
      return { type: 'dec_nsh_ttl' };
    default:
      r.fail(`unknown Nicira action ${subtype}`, start);
      return undefined;
  }
}

function readBody(r: Reader, code: number, start: number): Action | undefined {
  switch (code) {
    case ActionCode.setField: {
      const term = readOxm(r);
      if (term === undefined) return undefined;
      const { field, value, mask } = term;
      if (mask === undefined || (mask === field.ones && fillsBytes(field))) return { type: 'set_field', field, value };
      return { type: 'set_field', field, value, mask };
    }
    case ActionCode.experimenter: {
      const vendor = r.u32();
      const subtype = r.u16();
      if (!r.ok) return undefined;
      if (vendor !== NX_VENDOR) {
        r.fail(`unknown experimenter 0x${vendor.toString(16)}`, start);
        return undefined;
      }
      return readNx(r, subtype, start);
    }
    case ActionCode.output: {
      const port = r.u32();
      const maxLen = r.u16();
      if (port !== Port.controller) return { type: 'output', port };
      return maxLen === 0xffff ? { type: 'controller' } : { type: 'controller', maxLen };
    }
    case ActionCode.copyField: {
      const bits = r.u16();
      const srcOfs = r.u16();
      const dstOfs = r.u16();
      r.skip(2);
      const src = readSubfield(r, srcOfs, bits);
      const dst = readSubfield(r, dstOfs, bits);
      return src === undefined || dst === undefined ? undefined : { type: 'move', src, dst };
    }
    case ActionCode.group:
      return { type: 'group', group: r.u32() };
    case ActionCode.setQueue:
      return { type: 'set_queue', queue: r.u32() };
    case ActionCode.meter:
      return { type: 'meter', meter: r.u32() };
    case ActionCode.pushVlan:
      return { type: 'push_vlan', ethertype: r.u16() };
    case ActionCode.popVlan:
      return { type: 'pop_vlan' };
    case ActionCode.pushMpls:
      return { type: 'push_mpls', ethertype: r.u16() };
    case ActionCode.popMpls:
      return { type: 'pop_mpls', ethertype: r.u16() };
    case ActionCode.setNwTtl:
      return { type: 'mod_nw_ttl', ttl: r.u8() };
    case ActionCode.decNwTtl:
      return { type: 'dec_ttl' };
    case ActionCode.setMplsTtl:
      return { type: 'set_mpls_ttl', ttl: r.u8() };
    case ActionCode.decMplsTtl:
      return { type: 'dec_mpls_ttl' };
    default:
      r.fail(`unknown action ${code}`, start);
      return undefined;
  }
}

/** Reads one action: a header, a body, padding. */
function readAction(r: Reader): Action | undefined {
  const start = r.pos;
  const code = r.u16();
  const length = r.u16();
  if (!r.ok) return undefined;
  if (length < 8 || (length & 7) !== 0) {
    r.fail(`an action cannot be ${length} bytes long`, start);
    return undefined;
  }
  const outer = r.enter(start, length);
  const action = readBody(r, code, start);
  r.leave(outer);
  return action;
}

/** Reads actions up to the end of the input. */
export function readActions(r: Reader): Action[] {
  const actions: Action[] = [];
  if (++r.depth > MAX_DEPTH) r.fail(`actions nest deeper than ${MAX_DEPTH}`);
  while (r.ok && r.remaining > 0) {
    const action = readAction(r);
    if (action !== undefined) actions.push(action);
  }
  r.depth--;
  return actions;
}

/** Reads instructions up to the end of the input, as the flow's one list of actions. */
export function readInstructions(r: Reader): Action[] {
  const actions: Action[] = [];
  while (r.ok && r.remaining > 0) {
    const start = r.pos;
    const code = r.u16();
    const length = r.u16();
    if (!r.ok) break;
    if (length < 8) {
      r.fail(`an instruction cannot be ${length} bytes long`, start);
      break;
    }
    const outer = r.enter(start, length);
    switch (code) {
      case InstructionCode.applyActions:
        r.skip(4);
        for (const action of readActions(r)) actions.push(action);
        break;
      case InstructionCode.writeActions:
        r.skip(4);
        actions.push({ type: 'write_actions', actions: readActions(r) });
        break;
      case InstructionCode.clearActions:
        actions.push({ type: 'clear_actions' });
        break;
      case InstructionCode.gotoTable:
        actions.push({ type: 'goto_table', table: r.u8() });
        break;
      case InstructionCode.writeMetadata: {
        r.skip(4);
        const value = r.u64();
        const mask = r.u64();
        actions.push({ type: 'write_metadata', value, ...(mask === 0xffffffffffffffffn ? {} : { mask }) });
        break;
      }
      default:
        r.fail(`unknown instruction ${code}`, start);
    }
    r.leave(outer);
  }
  return actions;
}
