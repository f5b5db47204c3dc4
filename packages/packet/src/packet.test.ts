import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bigintToBytes,
  bytesToBigint,
  canonicalIp,
  formatIpv4,
  formatIpv6,
  formatMac,
  ipBytes,
  ipv6Bytes,
  linkLocalOf,
  macBytes,
  multicastMac,
  solicitedNode,
} from './address.ts';
import { decodeArp, encodeArp } from './arp.ts';
import { internetChecksum, pseudoHeader } from './checksum.ts';
import { decodeEthernet, encodeEthernet } from './ethernet.ts';
import { decodeIcmp, encodeIcmpv4, encodeIcmpv6 } from './icmp.ts';
import { decodeIpv4, encodeIpv4 } from './ipv4.ts';
import { decodeIpv6, encodeIpv6, plainIpv6 } from './ipv6.ts';
import { decodeNeighbor, encodeNeighbor, linkLayerIn, linkLayerOption, ndOption, ndType } from './nd.ts';
import { decodeTcp, decodeUdp, encodeTcp, encodeUdp } from './transport.ts';

const bytesOf = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const mac = bytesOf(6).map(formatMac);
const ipv4 = bytesOf(4).map(formatIpv4);
const ipv6 = bytesOf(16).map(formatIpv6);
const payload = fc.uint8Array({ maxLength: 80 });
const u8 = fc.integer({ min: 0, max: 0xff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const words = fc.integer({ min: 0, max: 10 }).chain((count) => bytesOf(count * 4));

describe('addresses', () => {
  test.each([
    // RFC 5952 sections 4 and 5.
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:DB8::A', '2001:db8::a'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::1', '::1'],
    ['192.168.1.10', '192.168.1.10'],
  ])('canonical form of %s is %s', (text, canonical) => {
    expect(canonicalIp(text)).toBe(canonical);
  });

  test.each([
    '',
    '1.2.3',
    '1.2.3.256',
    '01.2.3.4',
    '1::2::3',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    'fe80::g',
    ':1',
    '1.2.3.4::',
  ])('%j is no address', (text) => {
    expect(ipBytes(text)).toBeUndefined();
  });

  test('text and bytes agree', () => {
    fc.assert(
      fc.property(bytesOf(16), bytesOf(6), (ip, hardware) => {
        expect(ipv6Bytes(formatIpv6(ip))).toEqual(ip);
        expect(macBytes(formatMac(hardware))).toEqual(hardware);
        expect(bigintToBytes(bytesToBigint(ip), 16)).toEqual(ip);
      }),
    );
  });

  test('the addresses that RFC 4291 and RFC 2464 derive', () => {
    // RFC 4291 appendix A's example interface identifier, and section 2.7.1's solicited-node address.
    expect(linkLocalOf('34:56:78:9a:bc:de')).toBe('fe80::3656:78ff:fe9a:bcde');
    expect(solicitedNode('4037::01:800:200e:8c6c')).toBe('ff02::1:ff0e:8c6c');
    expect(multicastMac('ff02::1:ff0e:8c6c')).toBe('33:33:ff:0e:8c:6c');
  });
});

describe('checksums', () => {
  test("RFC 1071's example", () => {
    expect(internetChecksum(Uint8Array.from([0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]))).toBe(0xffff - 0xddf2);
  });

  test('does not care where the data is cut', () => {
    fc.assert(
      fc.property(payload, u8, (data, cut) => {
        expect(internetChecksum(data.subarray(0, cut), data.subarray(cut))).toBe(internetChecksum(data));
      }),
    );
  });

  test('every transport carries one that verifies', () => {
    fc.assert(
      fc.property(payload, fc.oneof(fc.tuple(ipv4, ipv4), fc.tuple(ipv6, ipv6)), (data, [source, destination]) => {
        const verify = (segment: Uint8Array, protocol: number) =>
          internetChecksum(pseudoHeader(source, destination, protocol, segment.length), segment);
        const tcp = { sequence: 1, acknowledgment: 2, flags: 2, window: 3, urgent: 0, options: new Uint8Array() };
        const ports = { sourcePort: 1, destinationPort: 2, payload: data };
        expect(verify(encodeTcp({ ...tcp, ...ports }, source, destination), 6)).toBe(0);
        expect(verify(encodeUdp(ports, source, destination), 17)).toBe(0);
        const echo = { type: 128, code: 0, rest: 7, body: data };
        expect(verify(encodeIcmpv6(echo, source, destination), 58)).toBe(0);
        expect(internetChecksum(encodeIcmpv4(echo))).toBe(0);
      }),
    );
  });
});

describe('decode(encode(x)) = x', () => {
  const same = <T>(
    arbitrary: fc.Arbitrary<T>,
    encode: (value: T) => Uint8Array,
    decode: (bytes: Uint8Array) => T | undefined,
  ) =>
    fc.assert(
      fc.property(arbitrary, (value) => {
        expect(decode(encode(value))).toEqual(value);
      }),
    );

  test('Ethernet and VLAN', () => {
    const tag = fc.record({ tpid: fc.constantFrom(0x8100, 0x88a8), control: u16 });
    const type = u16.filter((value) => value !== 0x8100 && value !== 0x88a8);
    const vlans = fc.array(tag, { maxLength: 2 });
    same(fc.record({ destination: mac, source: mac, vlans, etherType: type, payload }), encodeEthernet, decodeEthernet);
  });

  test('ARP', () => {
    const packet = { operation: u16, senderMac: mac, senderIp: ipv4, targetMac: mac, targetIp: ipv4 };
    same(fc.record(packet), encodeArp, decodeArp);
  });

  test('IPv4', () => {
    const fields = { protocol: u8, ttl: u8, tos: u8, identification: u16, fragment: u16 };
    same(fc.record({ source: ipv4, destination: ipv4, ...fields, options: words, payload }), encodeIpv4, decodeIpv4);
  });

  test('IPv4 does not take padding for payload', () => {
    const packet = {
      source: '1.2.3.4',
      destination: '5.6.7.8',
      protocol: 17,
      ttl: 1,
      tos: 0,
      identification: 0,
      fragment: 0,
    };
    const bytes = encodeIpv4({ ...packet, options: new Uint8Array(), payload: Uint8Array.of(1) });
    expect(decodeIpv4(Uint8Array.from([...bytes, 0, 0, 0]))?.payload).toEqual(Uint8Array.of(1));
  });

  test('IPv6', () => {
    const protocol = u8.filter((value) => ![0, 43, 44, 60].includes(value));
    same(
      fc
        .tuple(ipv6, ipv6, protocol, u8, payload, u8, fc.integer({ min: 0, max: 0xfffff }))
        .map(([source, destination, next, hops, data, trafficClass, flowLabel]) => ({
          ...plainIpv6(source, destination, next, hops, data),
          trafficClass,
          flowLabel,
        })),
      encodeIpv6,
      decodeIpv6,
    );
  });

  test('IPv6 finds the protocol behind extension headers', () => {
    // Hop-by-hop (8 bytes), then a fragment header, then ICMPv6.
    const extensions = Uint8Array.from([44, 0, 1, 4, 0, 0, 0, 0, 58, 0, 0, 0, 0, 0, 0, 1]);
    const packet = { ...plainIpv6('fe80::1', 'fe80::2', 58, 64, Uint8Array.of(128, 0)), nextHeader: 0, extensions };
    expect(decodeIpv6(encodeIpv6(packet))).toEqual(packet);
  });

  test('ICMP', () => {
    same(fc.record({ type: u8, code: u8, rest: u32, body: payload }), encodeIcmpv4, decodeIcmp);
  });

  test('neighbor discovery', () => {
    const type = fc.constantFrom(ndType.neighborSolicit, ndType.neighborAdvert);
    fc.assert(
      fc.property(type, ipv6, mac, u32, (kind, target, hardware, flags) => {
        const options = [linkLayerOption(ndOption.targetLinkLayer, hardware)];
        const message = { type: kind, flags, target, options };
        const icmp = decodeIcmp(encodeNeighbor(message, 'fe80::1', 'ff02::1'));
        const decoded = icmp && decodeNeighbor(icmp);
        expect(decoded).toEqual(message);
        expect(decoded && linkLayerIn(decoded, ndOption.targetLinkLayer)).toBe(hardware);
      }),
    );
  });

  test('UDP and TCP', () => {
    const ports = { sourcePort: u16, destinationPort: u16, payload };
    const tcp = { sequence: u32, acknowledgment: u32, flags: u8, window: u16, urgent: u16, options: words };
    same(fc.record(ports), (value) => encodeUdp(value, '1.2.3.4', '5.6.7.8'), decodeUdp);
    same(fc.record({ ...ports, ...tcp }), (value) => encodeTcp(value, 'fe80::1', 'fe80::2'), decodeTcp);
  });
});

test('hostile bytes make no decoder throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      for (const decode of [decodeEthernet, decodeArp, decodeIpv4, decodeIpv6, decodeIcmp, decodeUdp, decodeTcp])
        decode(bytes);
      const icmp = decodeIcmp(bytes);
      if (icmp !== undefined) decodeNeighbor({ ...icmp, type: 135 });
      // The same bytes behind headers that look right get further in.
      decodeIpv6(Uint8Array.from([0x60, 0, 0, 0, 0, bytes.length, 0, 64, ...new Uint8Array(32), ...bytes]));
    }),
  );
});
