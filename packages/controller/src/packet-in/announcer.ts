/**
 * Gratuitous ARP, and RARP for ports without an IPv4 address: what tells the physical network behind a localnet port that a MAC is on this chassis
 * now (ovn-architecture(7), "Localnet"). Sent when the port comes, and again with growing pauses, for a switch may miss the first.
 */
import { type Action, Port } from '@weft/openflow/actions';
import { field } from '@weft/openflow/fields';
import { Match } from '@weft/openflow/match';
import type { Message } from '@weft/openflow/messages';
import { broadcastMac, type Ipv4, type Mac, zeroMac } from '@weft/packet/address';
import { arpOperation, encodeArp } from '@weft/packet/arp';
import { encodeEthernet, etherType } from '@weft/packet/ethernet';
import { load, resubmit } from '../physical/terms.ts';
import { register, table } from '../pipeline.ts';

/** A port, and what it announces. */
export interface Announcement {
  readonly datapathKey: number;
  readonly portKey: number;
  readonly addresses: readonly { readonly mac: Mac; readonly ips: readonly Ipv4[] }[];
}

/** Calls back after some milliseconds; the result cancels. */
export type Timer = (ms: number, callback: () => void) => () => void;

const firstPauseMs = 1000;
const longestPauseMs = 16_000;

export class Announcer {
  readonly #send: (messages: readonly Message[]) => void;
  readonly #timer: Timer;
  readonly #cancel = new Map<string, () => void>();

  constructor(send: (messages: readonly Message[]) => void, timer: Timer) {
    this.#send = send;
    this.#timer = timer;
  }

  /** Announces from now on; undefined ends it. */
  set(key: string, announcement: Announcement | undefined): void {
    this.#cancel.get(key)?.();
    this.#cancel.delete(key);
    if (announcement !== undefined) this.#announce(key, announcement, firstPauseMs);
  }

  stop(): void {
    for (const key of [...this.#cancel.keys()]) this.set(key, undefined);
  }

  #announce(key: string, announcement: Announcement, pause: number): void {
    this.#cancel.delete(key);
    this.#send(messagesOf(announcement));
    if (pause > longestPauseMs) return;
    this.#cancel.set(
      key,
      this.#timer(pause, () => this.#announce(key, announcement, pause * 2)),
    );
  }
}

/** Packets that enter the logical pipeline as if the port had sent them. */
function messagesOf({ datapathKey, portKey, addresses }: Announcement): readonly Message[] {
  const match = Match.of([field('in_port_oxm'), Port.controller]);
  const actions: readonly Action[] = [
    load(register.datapath, datapathKey),
    load(register.inport, portKey),
    resubmit(table.logicalIngress),
  ];
  return addresses.flatMap(({ mac, ips }) =>
    (ips.length > 0 ? ips.map((ip) => gratuitousArp(mac, ip)) : [reverseArp(mac)]).map(
      (packet): Message => ({ type: 'packet_out', match, actions, packet }),
    ),
  );
}

/** RFC 5227 section 3: an ARP request for one's own address. */
function gratuitousArp(mac: Mac, ip: Ipv4): Uint8Array {
  const { request } = arpOperation;
  const payload = encodeArp({ operation: request, senderMac: mac, senderIp: ip, targetMac: zeroMac, targetIp: ip });
  return encodeEthernet({ source: mac, destination: broadcastMac, vlans: [], etherType: etherType.arp, payload });
}

function reverseArp(mac: Mac): Uint8Array {
  const none = '0.0.0.0';
  const operation = arpOperation.reverseRequest;
  const payload = encodeArp({ operation, senderMac: mac, senderIp: none, targetMac: mac, targetIp: none });
  return encodeEthernet({ source: mac, destination: broadcastMac, vlans: [], etherType: etherType.rarp, payload });
}
