import { formatIpv6, formatMac, type Ipv6, type Mac } from './address.ts';
import { Reader, Writer } from './cursor.ts';
import { requireMac } from './ethernet.ts';
import { encodeIcmpv6, type IcmpMessage } from './icmp.ts';
import { requireIpv6 } from './ipv6.ts';

/** RFC 4861 section 4. */
export const ndType = { routerSolicit: 133, routerAdvert: 134, neighborSolicit: 135, neighborAdvert: 136 } as const;
export const ndOption = { sourceLinkLayer: 1, targetLinkLayer: 2, prefix: 3, mtu: 5 } as const;
/** The flags in the second word of a neighbor advertisement. */
export const advertFlag = { router: 0x80000000, solicited: 0x40000000, override: 0x20000000 } as const;

/** An option's payload, without type and length. */
export interface NdOption {
  readonly type: number;
  readonly data: Uint8Array;
}

/** A neighbor solicitation or advertisement. */
export interface NeighborMessage {
  readonly type: typeof ndType.neighborSolicit | typeof ndType.neighborAdvert;
  /** A union of {@link advertFlag}; 0 in solicitations. */
  readonly flags: number;
  readonly target: Ipv6;
  readonly options: readonly NdOption[];
}

/** Undefined if it is another message, truncated, or has an option of length zero (which RFC 4861 says to discard). */
export function decodeNeighbor(message: IcmpMessage): NeighborMessage | undefined {
  const { type } = message;
  if ((type !== ndType.neighborSolicit && type !== ndType.neighborAdvert) || message.code !== 0) return undefined;
  const reader = new Reader(message.body);
  const target = formatIpv6(reader.take(16));
  const options = decodeOptions(reader);
  return reader.ok && options !== undefined ? { type, flags: message.rest, target, options } : undefined;
}

function decodeOptions(reader: Reader): NdOption[] | undefined {
  const options: NdOption[] = [];
  while (reader.ok && reader.remaining > 0) {
    const type = reader.u8();
    const length = reader.u8();
    if (length === 0) return undefined;
    options.push({ type, data: reader.take(length * 8 - 2) });
  }
  return options;
}

/** A neighbor solicitation or advertisement with its checksum, which covers the addresses (RFC 4861 sections 4.3 and 4.4). */
export function encodeNeighbor(message: NeighborMessage, source: Ipv6, destination: Ipv6): Uint8Array {
  const body = new Writer().put(requireIpv6(message.target));
  for (const { type, data } of message.options)
    body
      .u8(type)
      .u8((data.length + 2) / 8)
      .put(data);
  return encodeIcmpv6({ type: message.type, code: 0, rest: message.flags, body: body.finish() }, source, destination);
}

/** A source or target link-layer address option. */
export const linkLayerOption = (type: number, mac: Mac): NdOption => ({ type, data: requireMac(mac) });

/** The MAC in an option of this type, if there is one. */
export function linkLayerIn(message: NeighborMessage, type: number): Mac | undefined {
  const option = message.options.find((candidate) => candidate.type === type && candidate.data.length >= 6);
  return option && formatMac(option.data.subarray(0, 6));
}
