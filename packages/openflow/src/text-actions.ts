/** Actions in `ovs-ofctl` syntax, as Open vSwitch prints those of OpenFlow 1.5 (ovs-actions(7)). */
import type { Action, ControllerAction, CtAction, LearnAction, NatAction } from './actions.ts';
import { formatIpv4, formatIpv6 } from './address.ts';
import type { Field, FieldValue } from './fields.ts';
import { formatHexBytes } from './text-scan.ts';
import { encapsulations, formatHex, formatPort, formatSubfield, formatValue } from './text-value.ts';

/** As in a match, but a decimal value stays decimal under its mask, and a flag is named without a sign. */
function formatSet(f: Field, value: FieldValue, mask: FieldValue | undefined): string {
  if (f.format === 'decimal' && mask !== undefined) return `${value}/0x${mask.toString(16)}`;
  if (f.format === 'tunnel-flags') return value === 0 ? '0' : 'oam';
  return formatValue(f, value, mask);
}

function formatController(a: ControllerAction): string {
  const parts: string[] = [];
  const plain =
    (a.reason === undefined || a.reason === 'action') &&
    (a.controllerId ?? 0) === 0 &&
    (a.userdata === undefined || a.userdata.length === 0) &&
    a.pause !== true &&
    a.meterId === undefined;
  if (plain) return `CONTROLLER:${a.maxLen ?? 65535}`;
  if (a.reason !== undefined && a.reason !== 'action') parts.push(`reason=${a.reason}`);
  if (a.maxLen !== undefined && a.maxLen !== 0xffff) parts.push(`max_len=${a.maxLen}`);
  if (a.controllerId !== undefined && a.controllerId !== 0) parts.push(`id=${a.controllerId}`);
  if (a.userdata !== undefined && a.userdata.length > 0) parts.push(`userdata=${formatHexBytes(a.userdata)}`);
  if (a.pause === true) parts.push('pause');
  if (a.meterId !== undefined) parts.push(`meter_id=${a.meterId}`);
  return `controller(${parts.join(',')})`;
}

function formatNat(a: NatAction): string {
  if (a.direction === undefined) return 'nat';
  let range = '';
  if (a.ip !== undefined) {
    const v6 = typeof a.ip.min === 'bigint';
    const one = (ip: FieldValue): string => (typeof ip === 'bigint' ? formatIpv6(ip) : formatIpv4(ip));
    const wrapped = (ip: FieldValue): string => (v6 && a.port !== undefined ? `[${one(ip)}]` : one(ip));
    range = wrapped(a.ip.min) + (a.ip.max === undefined ? '' : `-${wrapped(a.ip.max)}`);
  }
  if (a.port !== undefined) {
    range += `:${a.port.min}${a.port.max === undefined ? '' : `-${a.port.max}`}`;
  }
  const parts = [range === '' ? a.direction : `${a.direction}=${range}`];
  if (a.persistent === true) parts.push('persistent');
  if (a.algorithm !== undefined) parts.push(a.algorithm);
  return `nat(${parts.join(',')})`;
}

function formatCt(a: CtAction): string {
  const parts: string[] = [];
  if (a.commit === true) parts.push('commit');
  if (a.force === true) parts.push('force');
  if (a.table !== undefined) parts.push(`table=${a.table}`);
  if (typeof a.zone === 'object') parts.push(`zone=${formatSubfield(a.zone)}`);
  else if (a.zone !== undefined && a.zone !== 0) parts.push(`zone=${a.zone}`);
  const exec: Action[] = [];
  for (const inner of a.actions ?? []) {
    if (inner.type === 'nat') parts.push(formatNat(inner));
    else exec.push(inner);
  }
  if (exec.length > 0) parts.push(`exec(${formatActions(exec)})`);
  if (a.alg !== undefined) parts.push(`alg=${a.alg}`);
  return `ct(${parts.join(',')})`;
}

function formatLearn(a: LearnAction): string {
  const parts = [`table=${a.table}`];
  if ((a.idleTimeout ?? 0) !== 0) parts.push(`idle_timeout=${a.idleTimeout}`);
  if ((a.hardTimeout ?? 0) !== 0) parts.push(`hard_timeout=${a.hardTimeout}`);
  if ((a.finIdleTimeout ?? 0) !== 0) parts.push(`fin_idle_timeout=${a.finIdleTimeout}`);
  if ((a.finHardTimeout ?? 0) !== 0) parts.push(`fin_hard_timeout=${a.finHardTimeout}`);
  if (a.priority !== undefined && a.priority !== 32768) parts.push(`priority=${a.priority}`);
  if (a.sendFlowRem === true) parts.push('send_flow_rem');
  if (a.deleteLearned === true) parts.push('delete_learned');
  if ((a.cookie ?? 0n) !== 0n) parts.push(`cookie=0x${a.cookie?.toString(16)}`);
  if ((a.limit ?? 0) !== 0) parts.push(`limit=${a.limit}`);
  if (a.resultDst !== undefined) parts.push(`result_dst=${formatSubfield(a.resultDst)}`);
  for (const spec of a.specs) {
    switch (spec.type) {
      case 'match-value':
        if (spec.dst.ofs === 0 && spec.dst.bits === spec.dst.field.bits) {
          const { field } = spec.dst;
          parts.push(`${field.name}=${formatValue(field, spec.value, undefined)}`);
        } else {
          parts.push(`${formatSubfield(spec.dst)}=${formatHex(spec.value)}`);
        }
        break;
      case 'match-field': {
        const dst = formatSubfield(spec.dst);
        const src = formatSubfield(spec.src);
        parts.push(dst === src ? dst : `${dst}=${src}`);
        break;
      }
      case 'load-value':
        parts.push(`load:${formatHex(spec.value)}->${formatSubfield(spec.dst)}`);
        break;
      case 'load-field':
        parts.push(`load:${formatSubfield(spec.src)}->${formatSubfield(spec.dst)}`);
        break;
      case 'output':
        parts.push(`output:${formatSubfield(spec.src)}`);
        break;
    }
  }
  return `learn(${parts.join(',')})`;
}

function hex4(value: number): string {
  return `0x${value.toString(16).padStart(4, '0')}`;
}

/** One action. */
function formatAction(a: Action): string {
  switch (a.type) {
    case 'output':
      return a.port <= 0xfffffff0 ? `output:${a.port}` : formatPort(a.port);
    case 'output_trunc':
      return `output(port=${formatPort(a.port)},max_len=${a.maxLen})`;
    case 'output_reg':
      return `output:${formatSubfield(a.src)}`;
    case 'group':
      return `group:${a.group}`;
    case 'controller':
      return formatController(a);
    case 'set_queue':
      return `set_queue:${a.queue}`;
    case 'bundle': {
      const dst = a.dst === undefined ? '' : `${formatSubfield(a.dst)},`;
      const members = a.members.map(formatPort).join(',');
      const name = a.dst === undefined ? 'bundle' : 'bundle_load';
      return `${name}(${a.fields},${a.basis},${a.algorithm},ofport,${dst}members:${members})`;
    }
    case 'multipath':
      return `multipath(${a.fields},${a.basis},${a.algorithm},${a.links},${a.arg},${formatSubfield(a.dst)})`;
    case 'set_field':
      return `set_field:${formatSet(a.field, a.value, a.mask)}->${a.field.name}`;
    case 'move':
      return `move:${formatSubfield(a.src)}->${formatSubfield(a.dst)}`;
    case 'push_vlan':
    case 'push_mpls':
    case 'pop_mpls':
      return `${a.type}:${hex4(a.ethertype)}`;
    case 'encap': {
      const named = Object.entries(encapsulations).find(([, packetType]) => packetType === a.packetType);
      return `encap(${named?.[0] ?? hex4(a.packetType)})`;
    }
    case 'decap':
      return a.packetType === 0xfffe
        ? 'decap()'
        : `decap(packet_type(ns=${a.packetType >>> 16},type=${formatHex(a.packetType & 0xffff)}))`;
    case 'dec_ttl':
      return a.controllerIds === undefined ? 'dec_ttl' : `dec_ttl(${a.controllerIds.join(',')})`;
    case 'mod_nw_ttl':
      return `mod_nw_ttl:${a.ttl}`;
    case 'set_mpls_ttl':
      return `set_mpls_ttl(${a.ttl})`;
    case 'push':
      return `push:${formatSubfield(a.src)}`;
    case 'pop':
      return `pop:${formatSubfield(a.dst)}`;
    case 'resubmit': {
      const port = a.port === undefined ? '' : formatPort(a.port);
      if (a.table === undefined && a.ct !== true) return `resubmit:${port === '' ? 'IN_PORT' : port}`;
      return `resubmit(${port},${a.table ?? ''}${a.ct === true ? ',ct' : ''})`;
    }
    case 'clone':
      return `clone(${formatActions(a.actions)})`;
    case 'ct':
      return formatCt(a);
    case 'nat':
      return formatNat(a);
    case 'learn':
      return formatLearn(a);
    case 'fin_timeout':
      return `fin_timeout(idle_timeout=${a.idleTimeout},hard_timeout=${a.hardTimeout})`;
    case 'note':
      return `note:${formatHexBytes(a.data)}`;
    case 'sample': {
      const port = a.samplingPort === undefined ? '' : `,sampling_port=${formatPort(a.samplingPort)}`;
      const ids = `collector_set_id=${a.collectorSetId ?? 0},obs_domain_id=${a.obsDomainId ?? 0},obs_point_id=${a.obsPointId ?? 0}`;
      return `sample(probability=${a.probability},${ids}${port}${a.direction === undefined ? '' : `,${a.direction}`})`;
    }
    case 'conjunction':
      return `conjunction(${a.id},${a.clause}/${a.count})`;
    case 'check_pkt_larger':
      return `check_pkt_larger(${a.length})->${formatSubfield(a.dst)}`;
    case 'delete_field':
      return `delete_field:${a.field.name}`;
    case 'meter':
      return `meter:${a.meter}`;
    case 'write_actions':
      return `write_actions(${formatActions(a.actions)})`;
    case 'write_metadata':
      return `write_metadata:${formatHex(a.value)}${a.mask === undefined ? '' : `/${formatHex(a.mask)}`}`;
    case 'goto_table':
      return `goto_table:${a.table}`;
    case 'pop_queue':
    case 'pop_vlan':
    case 'dec_mpls_ttl':
    case 'dec_nsh_ttl':
    case 'ct_clear':
    case 'exit':
    case 'clear_actions':
      return a.type;
  }
}

/** A list of actions; `drop` for an empty one. */
export function formatActions(actions: Iterable<Action>): string {
  let out = '';
  for (const action of actions) out += (out === '' ? '' : ',') + formatAction(action);
  return out === '' ? 'drop' : out;
}
