import { parseMicroflow } from '@weft/lflow/microflow';
import { createSymbols } from '@weft/lflow/symbols';
import { internetChecksum, pseudoHeader } from '@weft/packet/checksum';
import { decodeEthernet } from '@weft/packet/ethernet';
import { decodeIpv4 } from '@weft/packet/ipv4';
import { decodeIpv6 } from '@weft/packet/ipv6';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { composePacket } from './compose-packet.ts';

// What the bytes are is compared with ovn-controller in test/system/control-socket.test.ts.

function compose(text: string): Uint8Array {
  const none = () => undefined;
  const flow = parseMicroflow(text, { lookupAddressSet: none, lookupPortGroup: none, lookupTemplate: none });
  if ('error' in flow) throw new Error(flow.error);
  return composePacket(flow.field);
}

test('a packet of nothing is an Ethernet header', () => {
  expect(compose('1')).toEqual(new Uint8Array(14));
});

test.each(['tcp', 'udp', 'icmp4', 'icmp6', 'tcp.flags == 2', 'nd_ns && nd.sll == 00:00:00:00:00:09'])(
  'checksums are right: %s',
  (match) => {
    for (const version of ['ip4', 'ip6']) {
      const contradiction = (match.includes('icmp4') && version === 'ip6') || (/6|nd/.test(match) && version === 'ip4');
      if (contradiction) continue;
      const frame = decodeEthernet(
        compose(`${match} && ${version} && ${version}.src == ${version === 'ip4' ? '1.2.3.4' : 'fe80::1'}`),
      );
      const packet = version === 'ip4' ? decodeIpv4(frame!.payload) : decodeIpv6(frame!.payload);
      const { source, destination, protocol, payload } = packet!;
      if (version === 'ip4') expect(internetChecksum(frame!.payload.subarray(0, 20))).toBe(0);
      const header = protocol === 1 ? new Uint8Array() : pseudoHeader(source, destination, protocol, payload.length);
      expect(internetChecksum(header, payload)).toBe(0);
    }
  },
);

test('any values make a frame', () => {
  const widths = [...createSymbols().values()].flatMap((symbol) =>
    symbol.kind === 'field' ? [[symbol.name, symbol.bits] as const] : [],
  );
  const record = fc.record({
    ...Object.fromEntries(widths.map(([name, bits]) => [name, fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n })])),
    'eth.type': fc.constantFrom(0x800n, 0x86ddn, 0x806n, 0x8035n, 0x8847n, 0x5ffn, 0n, 0xffffn),
    'ip.proto': fc.constantFrom(1n, 2n, 6n, 17n, 58n, 132n, 0n, 255n),
  });
  fc.assert(
    fc.property(record, (values: Readonly<Record<string, bigint>>) => {
      const bytes = composePacket((name) => values[name] ?? 0n);
      expect(bytes.length).toBeGreaterThanOrEqual(14);
      expect(bytes.length).toBeLessThan(200);
    }),
    { seed: 3, numRuns: 1000 },
  );
});
