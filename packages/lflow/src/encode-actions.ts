/**
 * Actions to OpenFlow. The encodings, userdata included, are ovn-controller's, so that a switch changes hands without a rewrite of its flows.
 */

import { putActions } from '@weft/openflow/action-encode';
import { type Action, load, type NatAction } from '@weft/openflow/actions';
import { Writer } from '@weft/openflow/buffer';
import { type FieldValue, field, type Subfield, whole } from '@weft/openflow/fields';
import type { LflowAction } from './action-ast.ts';
import type { ActionContext, GroupSpec } from './action-context.ts';
import { type Constant, type FieldRef, unreachable } from './ast.ts';
import { encodeDhcpv4, encodeDhcpv6 } from './dhcp-options.ts';
import { balancingGroup, forwardingGroup, selectionGroup } from './encode-groups.ts';
import { learnEcmpNextHop, learnLbAffinity } from './learn-actions.ts';
import { encodeNdRa } from './nd-ra-options.ts';
import { FlagBit, flagBit, LogicalField, Opcode, openflowTable, Table } from './pipeline.ts';
import { eventUserdata, logUserdata } from './report-userdata.ts';
import { toSubfield } from './symbols.ts';
import { type Bytes, userdata } from './userdata.ts';

/** Encodes parsed actions. Throws LflowError where an option's name or value is wrong. */
export function encodeActions(actions: readonly LflowAction[], context: ActionContext): Action[] {
  const encoder = new Encoder(context);
  encoder.all(actions);
  return encoder.out;
}

const REG0 = whole(field('reg0'));
const XXREG0 = whole(field('xxreg0'));
const ETH_SRC = whole(field('eth_src'));
const ETH_DST = whole(field('eth_dst'));

function sameSubfield(a: Subfield, b: Subfield): boolean {
  return a.field === b.field && a.ofs === b.ofs && a.bits === b.bits;
}

function clearFlag(bit: number): Action {
  return load(flagBit(bit), 0);
}

class Encoder {
  readonly out: Action[] = [];
  readonly #context: ActionContext;

  constructor(context: ActionContext) {
    this.#context = context;
  }

  all(actions: readonly LflowAction[]): void {
    for (const action of actions) this.#one(action);
  }

  #put(...actions: readonly Action[]): void {
    for (const action of actions) this.out.push(action);
  }

  #nested(actions: readonly LflowAction[]): Action[] {
    return encodeActions(actions, this.#context);
  }

  #nextTable(): number {
    return openflowTable(this.#context.pipeline, this.#context.table + 1);
  }

  #outputTable(): number {
    return this.#context.pipeline === 'ingress' ? Table.detectLargePackets : Table.saveInputPort;
  }

  #controller(data: Bytes, pause = false): Action {
    return toController(data, pause, this.#context.controllerMeter);
  }

  #one(action: LflowAction): void {
    const context = this.#context;
    switch (action.kind) {
      case 'output':
        this.#put({ type: 'resubmit', table: this.#outputTable() });
        return;
      case 'next':
        this.#put({
          type: 'resubmit',
          table: openflowTable(action.pipeline ?? context.pipeline, action.table ?? context.table + 1),
        });
        return;
      case 'decrement-ttl':
        this.#put({ type: 'dec_ttl', controllerIds: [] });
        return;
      case 'load':
        this.#load(action.dst, action.value);
        return;
      case 'move':
        this.#put({ type: 'move', src: toSubfield(action.src), dst: toSubfield(action.dst) });
        return;
      case 'exchange': {
        const left = toSubfield(action.left);
        const right = toSubfield(action.right);
        this.#put(
          { type: 'push', src: right },
          { type: 'push', src: left },
          { type: 'pop', dst: right },
          { type: 'pop', dst: left },
        );
        return;
      }
      case 'push':
        this.#put({ type: 'push', src: toSubfield(action.field) });
        return;
      case 'pop':
        this.#put({ type: 'pop', dst: toSubfield(action.field) });
        return;
      case 'ovn-load':
        this.#ovnLoad(action.dst.name, action.value);
        return;
      case 'ct_next':
        this.#put({ type: 'ct', zone: this.#zone(), table: this.#nextTable() });
        return;
      case 'ct_clear':
        this.#put({ type: 'ct_clear' });
        return;
      case 'ct_commit': {
        const inner = this.#nested(action.actions);
        // The older form knows no routers.
        const zone = action.form === 'list' ? LogicalField.portZone : this.#zone();
        this.#put({ type: 'ct', commit: true, zone, actions: [{ type: 'nat', direction: 'src' }, ...inner] });
        return;
      }
      case 'ct_commit_nat':
        this.#put({
          type: 'ct',
          commit: true,
          zone: this.#zone(),
          table: this.#nextTable(),
          actions: [{ type: 'nat' }],
        });
        return;
      case 'ct_dnat':
      case 'ct_snat':
      case 'ct_dnat_in_czone':
      case 'ct_snat_in_czone':
        this.#nat(action);
        return;
      case 'ct_lb':
      case 'ct_lb_mark':
        this.#loadBalance(action);
        return;
      case 'ct_snat_to_vip':
        this.#put({ type: 'resubmit', table: Table.ctSnatHairpin });
        return;
      case 'select':
        this.#group(selectionGroup(action, this.#nextTable()));
        return;
      case 'clone':
        this.#put({ type: 'clone', actions: this.#nested(action.actions) });
        return;
      case 'arp':
        this.#replace(Opcode.arp, action.actions);
        return;
      case 'nd_ns':
        this.#replace(Opcode.ndNs, action.actions);
        return;
      case 'nd_na':
        this.#replace(Opcode.ndNa, action.actions);
        return;
      case 'nd_na_router':
        this.#replace(Opcode.ndNaRouter, action.actions);
        return;
      case 'icmp4':
      case 'icmp6':
        this.#replace(Opcode.icmp, action.actions);
        return;
      case 'icmp4_error':
        this.#replace(Opcode.icmp4Error, action.actions);
        return;
      case 'icmp6_error':
        this.#replace(Opcode.icmp6Error, action.actions);
        return;
      case 'tcp_reset':
        this.#replace(Opcode.tcpReset, action.actions);
        return;
      case 'sctp_abort':
        this.#replace(Opcode.sctpAbort, action.actions);
        return;
      case 'reject':
        this.#replace(Opcode.reject, action.actions);
        return;
      case 'get_arp':
      case 'get_nd':
        this.#withArguments(
          [
            [LogicalField.outport, action.port],
            [action.kind === 'get_arp' ? REG0 : XXREG0, action.ip],
          ],
          () => this.#put(load(ETH_DST, 0n), { type: 'resubmit', table: Table.macBinding }),
        );
        return;
      case 'put_arp':
      case 'put_nd':
        this.#withArguments(
          [
            [LogicalField.inport, action.port],
            [action.kind === 'put_arp' ? REG0 : XXREG0, action.ip],
            [ETH_SRC, action.mac],
          ],
          () => this.#put(this.#controller(userdata(action.kind === 'put_arp' ? Opcode.putArp : Opcode.putNd))),
        );
        return;
      case 'lookup_arp':
      case 'lookup_nd':
      case 'lookup_arp_ip':
      case 'lookup_nd_ip':
        this.#lookupBinding(action);
        return;
      case 'get_fdb':
        this.#withArguments([[ETH_DST, action.mac]], () =>
          this.#put(load(LogicalField.outport, 0), { type: 'resubmit', table: Table.getFdb }),
        );
        if (action.dst.symbol.name !== 'outport')
          this.#put({ type: 'move', src: LogicalField.outport, dst: toSubfield(action.dst) });
        return;
      case 'put_fdb':
        this.#withArguments(
          [
            [LogicalField.inport, action.port],
            [ETH_SRC, action.mac],
          ],
          () => this.#put(this.#controller(userdata(Opcode.putFdb))),
        );
        return;
      case 'lookup_fdb':
        this.#withArguments(
          [
            [LogicalField.inport, action.port],
            [ETH_SRC, action.mac],
          ],
          () => this.#put(clearFlag(FlagBit.lookupFdb), { type: 'resubmit', table: Table.lookupFdb }),
        );
        this.#put({ type: 'move', src: flagBit(FlagBit.lookupFdb), dst: toSubfield(action.dst) });
        return;
      case 'chk_lb_hairpin':
        this.#test(FlagBit.lookupLbHairpin, Table.checkLbHairpin, action.dst);
        return;
      case 'chk_lb_hairpin_reply':
        this.#test(FlagBit.lookupLbHairpin, Table.checkLbHairpinReply, action.dst);
        return;
      case 'check_in_port_sec':
        this.#test(FlagBit.portSecurityDrop, Table.checkInPortSecurity, action.dst);
        return;
      case 'check_out_port_sec':
        this.#test(FlagBit.portSecurityDrop, Table.checkOutPortSecurity, action.dst);
        return;
      case 'chk_ecmp_nh_mac':
        this.#test(FlagBit.lookupCommitEcmpNextHop, Table.ecmpNextHopMac, action.dst);
        return;
      case 'chk_ecmp_nh':
        this.#test(FlagBit.lookupCommitEcmpNextHop, Table.ecmpNextHop, action.dst);
        return;
      case 'chk_lb_aff':
        this.#test(FlagBit.useLbAffinity, Table.checkLbAffinity, action.dst);
        return;
      case 'dns_lookup':
        this.#put(this.#controller(this.#result(Opcode.dnsLookup, action.dst), true));
        return;
      case 'check_pkt_larger':
        this.#put({ type: 'check_pkt_larger', length: action.length, dst: toSubfield(action.dst) });
        return;
      case 'put_dhcp_opts': {
        const data = this.#result(Opcode.putDhcpOpts, action.dst);
        data.raw(encodeDhcpv4(action.options, action.offset, (name) => context.lookupDhcpv4Option(name)));
        this.#put(this.#controller(data, true));
        return;
      }
      case 'put_dhcpv6_opts': {
        const data = this.#result(Opcode.putDhcpv6Opts, action.dst);
        data.raw(encodeDhcpv6(action.options, (name) => context.lookupDhcpv6Option(name)));
        this.#put(this.#controller(data, true));
        return;
      }
      case 'put_nd_ra_opts': {
        const data = this.#result(Opcode.putNdRaOpts, action.dst);
        data.raw(encodeNdRa(action.options, action.offset));
        this.#put(this.#controller(data, true));
        return;
      }
      case 'set_queue':
        this.#put({ type: 'set_queue', queue: action.queue });
        return;
      case 'set_meter': {
        const meter = context.allocateMeter({ kind: 'rate', rate: action.rate, burst: action.burst });
        if (meter !== undefined) this.#put({ type: 'meter', meter });
        return;
      }
      case 'log':
        this.#log(action);
        return;
      case 'fwd_group':
        this.#group(forwardingGroup(action, this.#outputTable(), context));
        return;
      case 'trigger_event':
        this.#put(this.#controller(eventUserdata(action)));
        return;
      case 'igmp':
        this.#put(this.#controller(userdata(Opcode.igmp)));
        return;
      case 'bind_vport': {
        const key = context.lookupPort(action.virtualPort);
        if (key === undefined) return;
        this.#withArguments([[LogicalField.inport, action.port]], () =>
          this.#put(this.#controller(userdata(Opcode.bindVport).u32(key))),
        );
        return;
      }
      case 'handle_svc_check':
        this.#withArguments([[LogicalField.inport, action.port]], () =>
          this.#put(this.#controller(userdata(Opcode.handleSvcCheck))),
        );
        return;
      case 'handle_dhcpv6_reply':
        this.#put(this.#controller(userdata(Opcode.handleDhcpv6Reply)));
        return;
      case 'handle_bfd_msg':
        this.#put(this.#controller(userdata(Opcode.bfdMessage)));
        return;
      case 'commit_ecmp_nh':
        this.#put(...learnEcmpNextHop(action));
        return;
      case 'commit_lb_aff':
        this.#put(learnLbAffinity(action, context.datapath.type));
        return;
      case 'sample': {
        if (!context.hasCollectorSet(action.collectorSet)) return;
        this.#put({
          type: 'sample',
          probability: action.probability,
          collectorSetId: action.collectorSet,
          obsDomainId: ((action.obsDomain << 24) | (context.datapath.tunnelKey & 0xffffff)) >>> 0,
          obsPointId: action.obsPoint === 'cookie' ? context.cookie : action.obsPoint,
        });
        return;
      }
      default:
        unreachable(action);
    }
  }

  #load(dst: FieldRef, constant: Constant): void {
    const { base } = dst.symbol;
    const target = toSubfield(dst);
    if (constant.kind === 'string') {
      const key = constant.value === '' ? 0 : (this.#context.lookupPort(constant.value) ?? 0);
      this.#put(load(target, key));
      return;
    }
    if (constant.kind !== 'integer') return;
    const ones = (1n << BigInt(target.bits)) - 1n;
    if (constant.mask === undefined && target.bits === base.bits && base.bits === 8 * Math.ceil(base.bits / 8)) {
      this.#put(load(target, constant.value));
      return;
    }
    // A field that fills its bytes only in part is set under a mask too.
    const mask = ((constant.mask === undefined ? ones : BigInt(constant.mask)) & ones) << BigInt(target.ofs);
    const value = (BigInt(constant.value) << BigInt(target.ofs)) & mask;
    if (base.wide) {
      this.#put({ type: 'set_field', field: base.field, value, mask });
      return;
    }
    this.#put({ type: 'set_field', field: base.field, value: Number(value), mask: Number(mask) });
  }

  #ovnLoad(name: string, value: FieldValue): void {
    if (name === 'icmp4.frag_mtu') {
      this.#put(this.#controller(userdata(Opcode.putIcmp4FragMtu).number(value, 2), true));
      return;
    }
    this.#put(this.#controller(userdata(Opcode.putIcmp6FragMtu).number(value, 4), true));
  }

  /** The conntrack zone of the datapath. */
  #zone(): Subfield {
    return this.#context.datapath.type === 'switch' ? LogicalField.portZone : LogicalField.dnatZone;
  }

  #nat(action: LflowAction & { readonly kind: 'ct_dnat' | 'ct_snat' | 'ct_dnat_in_czone' | 'ct_snat_in_czone' }): void {
    const direction = action.kind.startsWith('ct_snat') ? 'src' : 'dst';
    const zone = action.kind === 'ct_snat' ? LogicalField.snatZone : LogicalField.dnatZone;
    const table = this.#nextTable();
    if (action.ip === undefined) {
      this.#put({ type: 'ct', zone, table, actions: [{ type: 'nat' }] });
      return;
    }
    const { address, family } = action.ip;
    // The switch takes no translation to 0.0.0.0 or ::.
    if (BigInt(address) === 0n) {
      this.#put({ type: 'ct', commit: true, zone, table, actions: [{ type: 'nat', direction }] });
      return;
    }
    const nat: NatAction = {
      type: 'nat',
      direction,
      ip: { min: family === 'ipv6' ? BigInt(address) : address },
      ...(action.ports === undefined
        ? {}
        : {
            port:
              action.ports.max === undefined
                ? { min: action.ports.min }
                : { min: action.ports.min, max: action.ports.max },
          }),
    };
    this.#put({ type: 'ct', commit: true, zone, table, actions: [nat] });
  }

  #loadBalance(action: LflowAction & { readonly kind: 'ct_lb' | 'ct_lb_mark' }): void {
    const zone = this.#zone();
    const table = this.#nextTable();
    if (action.backends.length === 0) this.#put({ type: 'ct', zone, table, actions: [{ type: 'nat' }] });
    else this.#group(balancingGroup(action, zone, table));
  }

  #group(group: GroupSpec | undefined): void {
    if (group !== undefined) this.#put({ type: 'group', group: this.#context.allocateGroup(group) });
  }

  /** Sends the packet to the controller, which makes another of it, applies `actions` and sends that back. */
  #replace(opcode: number, actions: readonly LflowAction[]): void {
    const writer = new Writer();
    putActions(writer, this.#nested(actions));
    this.#put(this.#controller(userdata(opcode).raw(writer.copy())));
  }

  /** Moves arguments to the fields where `run` expects them, saving what those fields hold and restoring it afterwards. */
  #withArguments(args: readonly (readonly [Subfield, FieldRef])[], run: () => void): void {
    const moved = args
      .map(([dst, ref]) => ({ dst, src: toSubfield(ref) }))
      .filter(({ dst, src }) => !sameSubfield(dst, src));
    for (const { dst } of moved) this.#put({ type: 'push', src: dst });
    for (const { src } of [...moved].reverse()) this.#put({ type: 'push', src });
    for (const { dst } of moved) this.#put({ type: 'pop', dst });
    run();
    for (const { dst } of [...moved].reverse()) this.#put({ type: 'pop', dst });
  }

  /** Clears a flag, lets a table set it, and copies it to where the action wants it. */
  #test(bit: number, table: number, dst: FieldRef): void {
    this.#put(clearFlag(bit), { type: 'resubmit', table }, { type: 'move', src: flagBit(bit), dst: toSubfield(dst) });
  }

  #lookupBinding(
    action: LflowAction & { readonly kind: 'lookup_arp' | 'lookup_nd' | 'lookup_arp_ip' | 'lookup_nd_ip' },
  ): void {
    const address = action.kind.startsWith('lookup_arp') ? REG0 : XXREG0;
    const { mac } = action;
    if (mac !== undefined) {
      this.#withArguments(
        [
          [LogicalField.inport, action.port],
          [address, action.ip],
          [ETH_SRC, mac],
        ],
        () => this.#test(FlagBit.lookupMac, Table.macLookup, action.dst),
      );
      return;
    }
    // The table of bindings looks at outport, and answers in eth.dst, which must survive.
    this.#withArguments(
      [
        [LogicalField.outport, action.port],
        [address, action.ip],
      ],
      () => {
        this.#put({ type: 'push', src: ETH_DST });
        this.#test(FlagBit.lookupMac, Table.macBinding, action.dst);
        this.#put({ type: 'pop', dst: ETH_DST });
      },
    );
  }

  /** Userdata of a function: the opcode, and where its result goes as an OXM header (the one that OpenFlow 1.5 prefers) and a bit offset. */
  #result(opcode: number, dst: FieldRef): Bytes {
    const { field: target, ofs } = toSubfield(dst);
    return userdata(opcode)
      .u32((target.oxm[0]?.header ?? 0) | target.bytes)
      .u32(ofs);
  }

  #log(action: LflowAction & { readonly kind: 'log' }): void {
    const { meter: name } = action;
    // Logging has a meter of its own or none.
    const meter = name === undefined ? undefined : this.#context.allocateMeter({ kind: 'name', name });
    this.#put(toController(logUserdata(action), false, meter));
  }
}

function toController(data: Bytes, pause: boolean, meterId: number | undefined): Action {
  return {
    type: 'controller',
    userdata: data.done(),
    ...(pause ? { pause } : {}),
    ...(meterId === undefined ? {} : { meterId }),
  };
}
