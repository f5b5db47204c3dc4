import { decodeArp, encodeArp } from '@weft/packet/arp';
import { decodeEthernet, type EthernetFrame, etherType } from '@weft/packet/ethernet';
import { decodeIcmp, encodeIcmpv4 } from '@weft/packet/icmp';
import { decodeIpv4, encodeIpv4, ipProtocol } from '@weft/packet/ipv4';
import { decodeIpv6, encodeIpv6, plainIpv6 } from '@weft/packet/ipv6';
import { decodeNeighbor, encodeNeighbor, linkLayerIn, ndOption, ndType } from '@weft/packet/nd';
import { decodeTcp, encodeTcp, encodeUdp, tcpFlag } from '@weft/packet/transport';
import { describe, expect, test } from 'vitest';
import { BufferedPackets } from './buffered.ts';
import { arpRequest, icmpError, neighborAdvert, neighborSolicit, rejection, tcpReset } from './replies.ts';

const none = new Uint8Array();
const guest = '0a:00:00:00:00:01';
const router = '0a:00:00:00:00:02';

const frame = (type: number, payload: Uint8Array): EthernetFrame => ({
  source: guest,
  destination: router,
  vlans: [],
  etherType: type,
  payload,
});

const ipv4 = (protocol: number, payload: Uint8Array) =>
  frame(
    etherType.ipv4,
    encodeIpv4({
      source: '10.0.0.1',
      destination: '10.0.1.1',
      protocol,
      ttl: 1,
      tos: 0,
      identification: 9,
      fragment: 0,
      options: none,
      payload,
    }),
  );

const udp = encodeUdp(
  { sourcePort: 1000, destinationPort: 53, payload: Uint8Array.of(1, 2, 3) },
  '10.0.0.1',
  '10.0.1.1',
);

const segment = (flags: number) => ({
  sourcePort: 1000,
  destinationPort: 80,
  sequence: 5,
  acknowledgment: 77,
  flags,
  window: 100,
  urgent: 0,
  options: none,
  payload: none,
});

describe('answers', () => {
  test('arp asks everybody for the destination, and says who asks', () => {
    const request = decodeEthernet(arpRequest(ipv4(ipProtocol.udp, udp)) ?? none);
    expect(request).toMatchObject({ source: guest, destination: 'ff:ff:ff:ff:ff:ff', etherType: etherType.arp });
    expect(decodeArp(request?.payload ?? none)).toEqual({
      operation: 1,
      senderMac: guest,
      senderIp: '10.0.0.1',
      targetMac: '00:00:00:00:00:00',
      targetIp: '10.0.1.1',
    });
  });

  test('arp is not for packets that are no IPv4', () => {
    const packet = { operation: 1, senderMac: guest, senderIp: '1.1.1.1', targetMac: router, targetIp: '1.1.1.2' };
    expect(arpRequest(frame(etherType.arp, encodeArp(packet)))).toBeUndefined();
  });

  test('nd_ns asks the solicited-node group', () => {
    const packet = encodeIpv6(plainIpv6('fd00::1', 'fd01::abcd', ipProtocol.udp, 64, none));
    const solicit = decodeEthernet(neighborSolicit(frame(etherType.ipv6, packet)) ?? none);
    expect(solicit?.destination).toBe('33:33:ff:00:ab:cd');
    const ip = decodeIpv6(solicit?.payload ?? none);
    expect(ip).toMatchObject({ source: 'fd00::1', destination: 'ff02::1:ff00:abcd', hopLimit: 255 });
    const icmp = decodeIcmp(ip?.payload ?? none);
    const message = icmp && decodeNeighbor(icmp);
    expect(message?.target).toBe('fd01::abcd');
    expect(message && linkLayerIn(message, ndOption.sourceLinkLayer)).toBe(guest);
  });

  test('nd_na answers for the target', () => {
    const solicit = encodeNeighbor(
      { type: ndType.neighborSolicit, flags: 0, target: 'fd00::9', options: [] },
      'fd00::1',
      'ff02::1:ff00:9',
    );
    const asked = frame(etherType.ipv6, encodeIpv6(plainIpv6('fd00::1', 'ff02::1:ff00:9', 58, 255, solicit)));
    const answer = decodeEthernet(neighborAdvert(asked, true) ?? none);
    expect(answer).toMatchObject({ source: router, destination: guest });
    const ip = decodeIpv6(answer?.payload ?? none);
    expect(ip).toMatchObject({ source: 'fd00::9', destination: 'fd00::1', hopLimit: 255 });
    const icmp = decodeIcmp(ip?.payload ?? none);
    // Router, solicited, override.
    expect(icmp).toMatchObject({ type: ndType.neighborAdvert, rest: 0xe0000000 });
  });

  test('icmp4 quotes the packet that it is about', () => {
    const original = ipv4(ipProtocol.udp, udp);
    const error = decodeEthernet(icmpError(original, 'same') ?? none);
    expect(error).toMatchObject({ source: guest, destination: router });
    const ip = decodeIpv4(error?.payload ?? none);
    expect(ip).toMatchObject({ protocol: ipProtocol.icmp, ttl: 255, source: '10.0.0.1', destination: '10.0.1.1' });
    const icmp = decodeIcmp(ip?.payload ?? none);
    expect(icmp).toMatchObject({ type: 3, code: 1 });
    expect(icmp?.body).toEqual(original.payload);
  });

  test('no ICMP error is about an ICMP error', () => {
    const error = encodeIcmpv4({ type: 3, code: 1, rest: 0, body: none });
    expect(icmpError(ipv4(ipProtocol.icmp, error), 'same')).toBeUndefined();
    const echo = encodeIcmpv4({ type: 8, code: 0, rest: 0, body: none });
    expect(icmpError(ipv4(ipProtocol.icmp, echo), 'same')).toBeDefined();
  });

  test.each([
    ['with an acknowledgment', tcpFlag.ack, { sequence: 77, acknowledgment: 0, flags: tcpFlag.rst }],
    ['without one', tcpFlag.syn, { sequence: 0, acknowledgment: 6, flags: tcpFlag.rst | tcpFlag.ack }],
  ])('tcp_reset of a segment %s', (_what, flags, expected) => {
    const original = ipv4(ipProtocol.tcp, encodeTcp(segment(flags), '10.0.0.1', '10.0.1.1'));
    const ip = decodeIpv4(decodeEthernet(tcpReset(original, 'back') ?? none)?.payload ?? none);
    expect(ip).toMatchObject({ source: '10.0.1.1', destination: '10.0.0.1' });
    expect(decodeTcp(ip?.payload ?? none)).toMatchObject({ sourcePort: 80, destinationPort: 1000, ...expected });
  });

  test('nothing answers a reset', () => {
    const reset = encodeTcp(segment(tcpFlag.rst), '10.0.0.1', '10.0.1.1');
    expect(tcpReset(ipv4(ipProtocol.tcp, reset), 'same')).toBeUndefined();
  });

  test('reject goes back where the packet came from', () => {
    const answer = decodeEthernet(rejection(ipv4(ipProtocol.udp, udp)) ?? none);
    expect(answer).toMatchObject({ source: router, destination: guest });
    const ip = decodeIpv4(answer?.payload ?? none);
    expect(ip).toMatchObject({ source: '10.0.1.1', destination: '10.0.0.1' });
    expect(decodeIcmp(ip?.payload ?? none)).toMatchObject({ type: 3, code: 3 });
  });
});

describe('packets that wait', () => {
  test('are few for each hop, and not old', () => {
    const waiting = new BufferedPackets<number>();
    for (let n = 0; n < 10; n++) waiting.add('hop', n, n);
    expect(waiting.take('hop', 10)).toEqual([6, 7, 8, 9]);
    expect(waiting.take('hop', 10)).toEqual([]);
    waiting.add('hop', 1, 0);
    expect(waiting.take('hop', 5000)).toEqual([]);
    waiting.add('hop', 1, 0);
    waiting.expire(5000);
    expect(waiting.size).toBe(0);
  });
});
