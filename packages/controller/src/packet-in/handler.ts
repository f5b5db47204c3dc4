/**
 * Packets that the switch hands to the controller: some are answered, from some something is learned. What a packet is for stands in its userdata;
 * where it was in the logical pipeline, in the registers that come with it.
 */

import { Opcode } from '@weft/lflow/pipeline';
import { readActions } from '@weft/openflow/action-decode';
import { type Action, Port } from '@weft/openflow/actions';
import { Reader } from '@weft/openflow/buffer';
import { type Field, field } from '@weft/openflow/fields';
import { Match } from '@weft/openflow/match';
import type { Message, PacketIn } from '@weft/openflow/messages';
import type { Transaction } from '@weft/ovsdb-client/transaction';
import { bigintToBytes, formatIpv4, formatIpv6 } from '@weft/packet/address';
import { decodeEthernet, type EthernetFrame } from '@weft/packet/ethernet';
import type { SbRow, sb } from '@weft/schemas/sb';
import type { Logger } from '../feature.ts';
import type { Model } from '../model/model.ts';
import { load, macValue, resubmit } from '../physical/terms.ts';
import { register, table } from '../pipeline.ts';
import { BufferedPackets } from './buffered.ts';
import { arpRequest, icmpError, neighborAdvert, neighborSolicit, rejection, tcpReset } from './replies.ts';

export interface HandlerOptions {
  readonly model: Model;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: Logger;
  readonly send: (messages: readonly Message[]) => void;
  /** Commits a small transaction to the southbound database; failures are the caller's business no more. */
  readonly transact: (build: (transaction: Transaction<typeof sb>) => void) => Promise<void>;
}

/** Bytes of userdata before an action's own: the opcode and padding. */
const headerLength = 8;

/** The registers, in the order in which they are put back. */
const carried: readonly Field[] = [
  field(register.datapath),
  ...Array.from({ length: 16 }, (_, i) => field(`reg${i}`)),
  field('pkt_mark'),
];

/** A packet that waits, with the registers to go on with. */
interface Held {
  readonly frame: Uint8Array;
  readonly metadata: Match;
}

export class PacketInHandler {
  readonly #options: HandlerOptions;
  readonly #held = new BufferedPackets<Held>();
  /** Learned, and on its way to the database. */
  readonly #learning = new Set<string>();

  constructor(options: HandlerOptions) {
    this.#options = options;
  }

  /** The switch is another one, or has restarted. */
  reset(): void {
    this.#held.clear();
  }

  handle(packetIn: PacketIn): void {
    const { userdata, packet } = packetIn;
    const frame = decodeEthernet(packet);
    if (frame === undefined || userdata === undefined || userdata.length < 4) return;
    const code = new DataView(userdata.buffer, userdata.byteOffset).getUint32(0);
    const nested = userdata.subarray(headerLength);
    switch (code) {
      case Opcode.arp:
        this.#hold(packetIn);
        this.#answer(packetIn, nested, arpRequest(frame));
        return;
      case Opcode.ndNs:
        this.#hold(packetIn);
        this.#answer(packetIn, nested, neighborSolicit(frame));
        return;
      case Opcode.ndNa:
        this.#answer(packetIn, nested, neighborAdvert(frame, false));
        return;
      case Opcode.ndNaRouter:
        this.#answer(packetIn, nested, neighborAdvert(frame, true));
        return;
      case Opcode.icmp:
      case Opcode.icmp4Error:
      case Opcode.icmp6Error:
        this.#answer(packetIn, nested, icmpError(frame, 'same'));
        return;
      case Opcode.tcpReset:
        this.#answer(packetIn, nested, tcpReset(frame, 'same'));
        return;
      case Opcode.reject:
        this.#answer(packetIn, nested, rejection(frame));
        return;
      case Opcode.putArp:
        this.#learnNeighbor(packetIn, frame, formatIpv4(bigintToBytes(BigInt(get(packetIn, 'reg0')), 4)));
        return;
      case Opcode.putNd:
        this.#learnNeighbor(packetIn, frame, formatIpv6(wide(packetIn)));
        return;
      case Opcode.putFdb:
        this.#learnMac(packetIn, frame);
        return;
    }
  }

  /** Lets packets go whose next hop is known by now. */
  modelChanged(): void {
    if (this.#held.size === 0) return;
    for (const hop of this.#held.hops()) {
      const mac = this.#macOf(hop);
      if (mac !== undefined) this.#release(hop, mac);
    }
    this.#held.expire(this.#options.now());
  }

  /** Runs the nested actions on `reply` where the packet was. */
  #answer(packetIn: PacketIn, nested: Uint8Array, reply: Uint8Array | undefined): void {
    if (reply === undefined) return;
    const reader = new Reader(nested);
    const actions = readActions(reader);
    if (reader.error !== undefined) {
      this.#options.log.warn(`packet-in with malformed actions in its userdata: ${reader.error.message}`);
      return;
    }
    this.#send(packetIn.metadata, reply, actions);
  }

  #send(metadata: Match, packet: Uint8Array, actions: readonly Action[]): void {
    const state: Action[] = [];
    for (const target of carried) {
      const term = metadata.get(target);
      if (term !== undefined) state.push({ type: 'set_field', field: target, value: term.value });
    }
    const match = Match.of([field('in_port_oxm'), Port.controller]);
    this.#options.send([{ type: 'packet_out', match, actions: [...state, ...actions], packet }]);
  }

  /** The next hop of a packet: output port and address. The logical router put the address into reg0, or xxreg0. */
  #hopOf(packetIn: PacketIn, frame: EthernetFrame): string {
    const ip =
      frame.etherType === 0x86dd
        ? formatIpv6(wide(packetIn))
        : formatIpv4(bigintToBytes(BigInt(get(packetIn, 'reg0')), 4));
    return `${get(packetIn, register.datapath)}/${get(packetIn, register.outport)}/${ip}`;
  }

  #hold(packetIn: PacketIn): void {
    const frame = decodeEthernet(packetIn.packet);
    if (frame === undefined) return;
    const hop = this.#hopOf(packetIn, frame);
    this.#held.add(hop, { frame: packetIn.packet, metadata: packetIn.metadata }, this.#options.now());
  }

  #release(hop: string, mac: string): void {
    const target = load('eth_dst', macValue(mac));
    for (const { frame, metadata } of this.#held.take(hop, this.#options.now()))
      this.#send(metadata, frame, [target, resubmit(table.detectLargePackets)]);
  }

  #macOf(hop: string): string | undefined {
    const [datapath = '', port = '', ip = ''] = hop.split('/');
    const binding = this.#portAt(Number(datapath), Number(port));
    return binding && this.#options.model.macBindingOf(binding.logical_port, ip)?.mac;
  }

  #portAt(datapathKey: number, portKey: number): SbRow<'Port_Binding'> | undefined {
    const { model } = this.#options;
    const datapath = model.datapathByKey.one(datapathKey);
    return datapath && model.portByKey.one(`${datapath._uuid}/${portKey}`);
  }

  /** `put_arp`, `put_nd`: the packet's source MAC is that of `ip`, seen at the input port. */
  #learnNeighbor(packetIn: PacketIn, frame: EthernetFrame, ip: string): void {
    const { model, now } = this.#options;
    const datapathKey = Number(get(packetIn, register.datapath));
    const portKey = Number(get(packetIn, register.inport));
    const mac = frame.source;
    // Whoever waits for it need not wait for the database.
    this.#release(`${datapathKey}/${portKey}/${ip}`, mac);
    const port = this.#portAt(datapathKey, portKey);
    if (port === undefined) return;
    const { logical_port, datapath } = port;
    const known = model.macBindingOf(logical_port, ip);
    if (known?.mac === mac) return;
    this.#once(`${logical_port}/${ip}/${mac}`, (transaction) => {
      const values = { mac, timestamp: now() };
      if (known !== undefined) transaction.update('MAC_Binding', known._uuid, values);
      else transaction.insert('MAC_Binding', { logical_port, ip, datapath, ...values });
    });
  }

  /** `put_fdb`: the packet's source MAC is behind the input port. */
  #learnMac(packetIn: PacketIn, frame: EthernetFrame): void {
    const { model } = this.#options;
    const dp_key = Number(get(packetIn, register.datapath));
    const port_key = Number(get(packetIn, register.inport));
    const mac = frame.source;
    const known = model.fdbByKey.one(`${dp_key}/${mac}`);
    if (known?.port_key === port_key) return;
    this.#once(`${dp_key}/${mac}/${port_key}`, (transaction) => {
      if (known !== undefined) transaction.update('FDB', known._uuid, { port_key });
      else transaction.insert('FDB', { mac, dp_key, port_key });
    });
  }

  /** Many packets may say the same before the first one's news has come back. */
  #once(key: string, build: (transaction: Transaction<typeof sb>) => void): void {
    if (this.#learning.has(key)) return;
    this.#learning.add(key);
    void this.#options.transact(build).finally(() => this.#learning.delete(key));
  }
}

const get = (packetIn: PacketIn, name: string): number | bigint => packetIn.metadata.get(field(name))?.value ?? 0;

/** The 16 bytes of xxreg0, which the match holds as reg0 to reg3. */
function wide(packetIn: PacketIn): Uint8Array {
  let value = 0n;
  for (const name of ['reg0', 'reg1', 'reg2', 'reg3']) value = (value << 32n) | BigInt(get(packetIn, name));
  return bigintToBytes(value, 16);
}
