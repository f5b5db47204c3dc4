import { isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatEthernet,
  formatIpv4,
  formatIpv6,
  parseEthernet,
  parseIpv4,
  parseIpv6,
  prefixLength,
  prefixMask,
} from './address.ts';

describe('IPv6 addresses', () => {
  // RFC 5952 section 4.
  it.each([
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:0db8::0001', '2001:db8::1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::1', '::1'],
    ['fe80::', 'fe80::'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
  ])('%s is printed as %s', (text, canonical) => {
    expect(formatIpv6(parseIpv6(text)!)).toBe(canonical);
  });

  it.each(['', ':', ':::', '1', '1:2:3:4:5:6:7:8:9', '1::2::3', 'g::', '12345::', '1:2:3:4:5:6:7::8::', '::1.2.3'])(
    '%s is none',
    (text) => expect(parseIpv6(text)).toBeUndefined(),
  );

  it('are what node:net takes for one', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), (value) => {
        const text = formatIpv6(value);
        expect(isIPv6(text)).toBe(true);
        expect(parseIpv6(text)).toBe(value);
      }),
    );
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV6()), (text) => {
        expect(parseIpv6(text) !== undefined).toBe(isIPv6(text) && !text.includes('%'));
      }),
    );
  });
});

describe('IPv4, Ethernet and masks', () => {
  it('are printed and parsed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), (value) => {
        expect(isIPv4(formatIpv4(value))).toBe(true);
        expect(parseIpv4(formatIpv4(value))).toBe(value);
      }),
    );
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 48n) - 1n }), (value) => {
        expect(parseEthernet(formatEthernet(value))).toBe(value);
      }),
    );
    for (let n = 0; n <= 128; n++) expect(prefixLength(prefixMask(n, 128), 128)).toBe(n);
    expect(prefixLength(0xff00ffn, 32)).toBeUndefined();
    expect(parseIpv4('256.0.0.1')).toBeUndefined();
    expect(parseEthernet('00:00:00:00:00')).toBeUndefined();
  });
});
