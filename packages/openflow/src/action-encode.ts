/** Actions and instructions to bytes (OpenFlow 1.5.1 sections 7.2.6 and 7.2.7; the Nicira extensions of ovs-actions(7)). */
import { type Action, type ActionOf, type ControllerAction, type CtAction, type NatAction, Port } from './actions.ts';
import type { Writer } from './buffer.ts';
import type { Subfield } from './fields.ts';
import { putLearn } from './learn.ts';
import { endNx, nx } from './nx-action.ts';
import { ofsNbits, putNxHeader, putOxm, putOxmId } from './oxm.ts';
import {
  ActionCode,
  BUNDLE_ALGORITHMS,
  CT_ALG_PORTS,
  CtFlag,
  HASH_FIELDS,
  InstructionCode,
  MULTIPATH_ALGORITHMS,
  NatFlag,
  NatRange,
  Nx,
  REASONS,
} from './wire.ts';

/** Whether an action is an instruction of its own and not part of Apply-Actions. */
function isInstruction(type: Action['type']): boolean {
  return type === 'clear_actions' || type === 'write_actions' || type === 'write_metadata' || type === 'goto_table';
}

function port16(port: number): number {
  return port & 0xffff;
}

function simple(w: Writer, code: number, value: number): void {
  w.u16(code);
  w.u16(8);
  w.u32(value);
}

function putStack(w: Writer, subtype: number, s: Subfield): void {
  const start = nx(w, subtype);
  w.u16(s.ofs);
  putNxHeader(w, s.field);
  w.u16(s.bits);
  w.zeros(6);
  endNx(w, start);
}

function putController(w: Writer, a: ControllerAction): void {
  const maxLen = a.maxLen ?? 0xffff;
  const reason = REASONS.indexOf(a.reason ?? 'action');
  const controllerId = a.controllerId ?? 0;
  const userdata = a.userdata !== undefined && a.userdata.length > 0 ? a.userdata : undefined;
  if (userdata === undefined && a.pause !== true && a.meterId === undefined) {
    if (controllerId === 0 && reason === 1) {
      putOutput(w, Port.controller, maxLen);
      return;
    }
    const start = nx(w, Nx.controller);
    w.u16(maxLen);
    w.u16(controllerId);
    w.u8(reason);
    w.u8(0);
    endNx(w, start);
    return;
  }
  const start = nx(w, Nx.controller2);
  w.zeros(6);
  if (maxLen !== 0xffff) putProperty16(w, 0, maxLen);
  if (controllerId !== 0) putProperty16(w, 1, controllerId);
  if (reason !== 1) {
    w.u32((2 << 16) | 5);
    w.u8(reason);
    w.zeros(3);
  }
  if (userdata !== undefined) {
    const at = w.pos;
    w.u16(3);
    w.u16(userdata.length + 4);
    w.put(userdata);
    w.pad8(at);
  }
  if (a.pause === true) {
    w.u32((4 << 16) | 4);
    w.u32(0);
  }
  if (a.meterId !== undefined) {
    w.u32((5 << 16) | 8);
    w.u32(a.meterId);
  }
  endNx(w, start);
}

function putProperty16(w: Writer, type: number, value: number): void {
  w.u16(type);
  w.u16(8);
  w.u16(value);
  w.u16(0);
}

function putOutput(w: Writer, port: number, maxLen: number): void {
  w.u32((ActionCode.output << 16) | 16);
  w.u32(port);
  w.u16(maxLen);
  w.zeros(6);
}

function putCt(w: Writer, a: CtAction): void {
  const start = nx(w, Nx.ct);
  w.u16((a.commit === true ? CtFlag.commit : 0) | (a.force === true ? CtFlag.force : 0));
  const zone = a.zone ?? 0;
  if (typeof zone === 'number') {
    w.u32(0);
    w.u16(zone);
  } else {
    putNxHeader(w, zone.field);
    w.u16(ofsNbits(zone));
  }
  w.u8(a.table ?? 0xff);
  w.zeros(3);
  w.u16(a.alg === undefined ? 0 : CT_ALG_PORTS[a.alg]);
  if (a.actions !== undefined) putActions(w, a.actions);
  endNx(w, start);
}

function putNat(w: Writer, a: NatAction): void {
  const start = nx(w, Nx.nat);
  w.u16(0);
  let flags = a.direction === 'src' ? NatFlag.src : a.direction === 'dst' ? NatFlag.dst : 0;
  if (a.persistent === true) flags |= NatFlag.persistent;
  if (a.algorithm !== undefined) flags |= NatFlag[a.algorithm];
  w.u16(flags);
  const { ip, port } = a;
  let present = 0;
  if (ip !== undefined) {
    const v6 = typeof ip.min === 'bigint';
    present |= v6 ? NatRange.ipv6Min : NatRange.ipv4Min;
    if (ip.max !== undefined) present |= v6 ? NatRange.ipv6Max : NatRange.ipv4Max;
  }
  if (port !== undefined) {
    present |= NatRange.portMin;
    if (port.max !== undefined) present |= NatRange.portMax;
  }
  w.u16(present);
  if (ip !== undefined) {
    const width = typeof ip.min === 'bigint' ? 16 : 4;
    w.uint(ip.min, width);
    if (ip.max !== undefined) w.uint(ip.max, width);
  }
  if (port !== undefined) {
    w.u16(port.min);
    if (port.max !== undefined) w.u16(port.max);
  }
  endNx(w, start);
}

function putBundle(w: Writer, a: ActionOf<'bundle'>): void {
  const start = nx(w, a.dst === undefined ? Nx.bundle : Nx.bundleLoad);
  w.u16(BUNDLE_ALGORITHMS.indexOf(a.algorithm));
  w.u16(HASH_FIELDS.indexOf(a.fields));
  w.u16(a.basis);
  // The members are OpenFlow ports: the header of NXM_OF_IN_PORT says so.
  w.u32(2);
  w.u16(a.members.length);
  w.u16(a.dst === undefined ? 0 : ofsNbits(a.dst));
  if (a.dst === undefined) w.u32(0);
  else putNxHeader(w, a.dst.field);
  w.zeros(4);
  for (const member of a.members) w.u16(port16(member));
  endNx(w, start);
}

function putMultipath(w: Writer, a: ActionOf<'multipath'>): void {
  const start = nx(w, Nx.multipath);
  w.u16(HASH_FIELDS.indexOf(a.fields));
  w.u16(a.basis);
  w.u16(0);
  w.u16(MULTIPATH_ALGORITHMS.indexOf(a.algorithm));
  w.u16(a.links - 1);
  w.u32(a.arg);
  w.u16(0);
  w.u16(ofsNbits(a.dst));
  putNxHeader(w, a.dst.field);
  endNx(w, start);
}

function putSample(w: Writer, a: ActionOf<'sample'>): void {
  const extended = a.samplingPort !== undefined || a.direction !== undefined;
  // The oldest form that has room for it, as ovs-ofctl chooses.
  const start = nx(w, a.direction !== undefined ? Nx.sample3 : extended ? Nx.sample2 : Nx.sample);
  w.u16(a.probability);
  w.u32(a.collectorSetId ?? 0);
  w.u32(a.obsDomainId ?? 0);
  w.u32(a.obsPointId ?? 0);
  if (extended) {
    w.u16(port16(a.samplingPort ?? Port.any));
    w.u8(a.direction === 'ingress' ? 1 : a.direction === 'egress' ? 2 : 0);
    w.zeros(5);
  }
  endNx(w, start);
}

function putSetField(w: Writer, a: ActionOf<'set_field'>): void {
  const start = w.pos;
  w.u16(ActionCode.setField);
  w.u16(0);
  putOxm(w, a.field, a.value, a.mask);
  w.pad8(start);
  w.length16(start + 2, start);
}

function putMove(w: Writer, a: ActionOf<'move'>): void {
  const start = w.pos;
  w.u16(ActionCode.copyField);
  w.u16(0);
  w.u16(a.dst.bits);
  w.u16(a.src.ofs);
  w.u16(a.dst.ofs);
  w.u16(0);
  putOxmId(w, a.src.field);
  putOxmId(w, a.dst.field);
  w.pad8(start);
  w.length16(start + 2, start);
}

/** Writes one action. Throws a RangeError for an instruction, and for what the action cannot carry. */
function putAction(w: Writer, a: Action): void {
  switch (a.type) {
    case 'set_field':
      putSetField(w, a);
      return;
    case 'resubmit': {
      const start = nx(w, a.ct === true ? Nx.resubmitTableCt : Nx.resubmitTable);
      w.u16(port16(a.port ?? Port.inPort));
      w.u8(a.table ?? 0xff);
      w.zeros(3);
      endNx(w, start);
      return;
    }
    case 'move':
      putMove(w, a);
      return;
    case 'output':
      putOutput(w, a.port, a.port === Port.controller ? (a.maxLen ?? 0xffff) : 0);
      return;
    case 'output_trunc': {
      const start = nx(w, Nx.outputTrunc);
      w.u16(port16(a.port));
      w.u32(a.maxLen);
      endNx(w, start);
      return;
    }
    case 'output_reg': {
      const start = nx(w, Nx.outputReg);
      w.u16(ofsNbits(a.src));
      putNxHeader(w, a.src.field);
      w.u16(a.maxLen ?? 0xffff);
      endNx(w, start);
      return;
    }
    case 'group':
      simple(w, ActionCode.group, a.group);
      return;
    case 'controller':
      putController(w, a);
      return;
    case 'set_queue':
      simple(w, ActionCode.setQueue, a.queue);
      return;
    case 'pop_queue':
      endNx(w, nx(w, Nx.popQueue));
      return;
    case 'bundle':
      putBundle(w, a);
      return;
    case 'multipath':
      putMultipath(w, a);
      return;
    case 'push_vlan':
      simple(w, ActionCode.pushVlan, (a.ethertype << 16) >>> 0);
      return;
    case 'pop_vlan':
      simple(w, ActionCode.popVlan, 0);
      return;
    case 'push_mpls':
      simple(w, ActionCode.pushMpls, (a.ethertype << 16) >>> 0);
      return;
    case 'pop_mpls':
      simple(w, ActionCode.popMpls, (a.ethertype << 16) >>> 0);
      return;
    case 'encap': {
      const start = nx(w, Nx.encap);
      w.u16(0);
      w.u32(a.packetType);
      endNx(w, start);
      return;
    }
    case 'decap': {
      const start = nx(w, Nx.decap);
      w.u16(0);
      w.u32(a.packetType);
      endNx(w, start);
      return;
    }
    case 'dec_ttl': {
      if (a.controllerIds === undefined) {
        simple(w, ActionCode.decNwTtl, 0);
        return;
      }
      const start = nx(w, Nx.decTtlCntIds);
      w.u16(a.controllerIds.length);
      w.zeros(4);
      for (const id of a.controllerIds) w.u16(id);
      endNx(w, start);
      return;
    }
    case 'mod_nw_ttl':
      simple(w, ActionCode.setNwTtl, (a.ttl << 24) >>> 0);
      return;
    case 'set_mpls_ttl':
      simple(w, ActionCode.setMplsTtl, (a.ttl << 24) >>> 0);
      return;
    case 'dec_mpls_ttl':
      simple(w, ActionCode.decMplsTtl, 0);
      return;
    case 'dec_nsh_ttl':
      endNx(w, nx(w, Nx.decNshTtl));
      return;
    case 'push':
      putStack(w, Nx.stackPush, a.src);
      return;
    case 'pop':
      putStack(w, Nx.stackPop, a.dst);
      return;
    case 'clone': {
      const start = nx(w, Nx.clone);
      w.zeros(6);
      putActions(w, a.actions);
      endNx(w, start);
      return;
    }
    case 'ct':
      putCt(w, a);
      return;
    case 'nat':
      putNat(w, a);
      return;
    case 'ct_clear':
      endNx(w, nx(w, Nx.ctClear));
      return;
    case 'learn':
      putLearn(w, a);
      return;
    case 'fin_timeout': {
      const start = nx(w, Nx.finTimeout);
      w.u16(a.idleTimeout);
      w.u16(a.hardTimeout);
      endNx(w, start);
      return;
    }
    case 'note': {
      const start = nx(w, Nx.note);
      w.put(a.data);
      endNx(w, start);
      return;
    }
    case 'exit':
      endNx(w, nx(w, Nx.exit));
      return;
    case 'sample':
      putSample(w, a);
      return;
    case 'conjunction': {
      const start = nx(w, Nx.conjunction);
      w.u8(a.clause - 1);
      w.u8(a.count);
      w.u32(a.id);
      endNx(w, start);
      return;
    }
    case 'check_pkt_larger': {
      const start = nx(w, Nx.checkPktLarger);
      w.u16(a.length);
      w.u16(a.dst.ofs);
      putNxHeader(w, a.dst.field);
      w.zeros(6);
      endNx(w, start);
      return;
    }
    case 'delete_field': {
      const start = nx(w, Nx.deleteField);
      putNxHeader(w, a.field);
      w.zeros(10);
      endNx(w, start);
      return;
    }
    case 'meter':
      simple(w, ActionCode.meter, a.meter);
      return;
    case 'clear_actions':
    case 'write_actions':
    case 'write_metadata':
    case 'goto_table':
      throw new RangeError(`${a.type} is an instruction and cannot stand in a list of actions`);
  }
}

/** Writes actions one after the other. */
export function putActions(w: Writer, actions: readonly Action[]): void {
  for (const action of actions) putAction(w, action);
}

/** Writes a flow's actions as instructions: Apply-Actions for the actions proper, in the order of the protocol. */
export function putInstructions(w: Writer, actions: readonly Action[]): void {
  let apply = -1;
  for (const action of actions) {
    if (!isInstruction(action.type)) {
      if (apply < 0) {
        apply = w.pos;
        w.u16(InstructionCode.applyActions);
        w.u16(0);
        w.u32(0);
      }
      putAction(w, action);
      continue;
    }
    if (apply >= 0) w.length16(apply + 2, apply);
    apply = -1;
    putInstruction(w, action);
  }
  if (apply >= 0) w.length16(apply + 2, apply);
}

function putInstruction(w: Writer, a: Action): void {
  switch (a.type) {
    case 'clear_actions':
      simple(w, InstructionCode.clearActions, 0);
      return;
    case 'goto_table':
      simple(w, InstructionCode.gotoTable, (a.table << 24) >>> 0);
      return;
    case 'write_metadata':
      w.u16(InstructionCode.writeMetadata);
      w.u16(24);
      w.u32(0);
      w.u64(a.value);
      w.u64(a.mask ?? 0xffffffffffffffffn);
      return;
    case 'write_actions': {
      const start = w.pos;
      w.u16(InstructionCode.writeActions);
      w.u16(0);
      w.u32(0);
      putActions(w, a.actions);
      w.length16(start + 2, start);
      return;
    }
    default:
      throw new RangeError(`${a.type} is not an instruction`);
  }
}
