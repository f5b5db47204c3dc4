import { formatMac, type Mac, macBytes } from './address.ts';
import { Reader, Writer } from './cursor.ts';

export const etherType = {
  ipv4: 0x0800,
  arp: 0x0806,
  rarp: 0x8035,
  vlan: 0x8100,
  ipv6: 0x86dd,
  serviceVlan: 0x88a8,
} as const;

/** An IEEE 802.1Q tag. `control` is the 16-bit TCI: PCP, DEI, VID. */
export interface VlanTag {
  readonly tpid: number;
  readonly control: number;
}

export interface EthernetFrame {
  readonly destination: Mac;
  readonly source: Mac;
  /** From the outermost inwards. */
  readonly vlans: readonly VlanTag[];
  readonly etherType: number;
  readonly payload: Uint8Array;
}

const isVlan = (type: number) => type === etherType.vlan || type === etherType.serviceVlan;

/** IEEE 802.3 clause 3, without the frame check sequence. Undefined if the frame is too short. */
export function decodeEthernet(bytes: Uint8Array): EthernetFrame | undefined {
  const reader = new Reader(bytes);
  const destination = formatMac(reader.take(6));
  const source = formatMac(reader.take(6));
  const vlans: VlanTag[] = [];
  let type = reader.u16();
  while (reader.ok && isVlan(type)) {
    vlans.push({ tpid: type, control: reader.u16() });
    type = reader.u16();
  }
  if (!reader.ok) return undefined;
  return { destination, source, vlans, etherType: type, payload: reader.rest() };
}

/** A frame, with its VLAN tags, without padding and checksum (IEEE 802.3, 802.1Q). */
export function encodeEthernet(frame: EthernetFrame): Uint8Array {
  const writer = new Writer().put(requireMac(frame.destination)).put(requireMac(frame.source));
  for (const tag of frame.vlans) writer.u16(tag.tpid).u16(tag.control);
  return writer.u16(frame.etherType).put(frame.payload).finish();
}

/** For encoders: the bytes of a MAC that the caller vouches for. Throws TypeError on text that is none. */
export function requireMac(mac: Mac): Uint8Array {
  const bytes = macBytes(mac);
  if (bytes === undefined) throw new TypeError(`not a MAC address: ${mac}`);
  return bytes;
}
