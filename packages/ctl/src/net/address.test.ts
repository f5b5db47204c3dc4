import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIp, formatNetwork, parseCidr, parseIp, parseMac } from './address.ts';

describe('addresses', () => {
  it('IPv6 text comes back in its normal form (RFC 5952)', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), (value) => {
        const text = formatIp({ bits: 128, value });
        expect(isIPv6(text)).toBe(true);
        expect(parseIp(text)).toEqual({ bits: 128, value });
      }),
    );
    // RFC 5952 section 4: lower case, the longest run of zeros shortened, the first of two as long, never one group alone.
    expect(formatIp(parseIp('2001:DB8:0:0:1:0:0:1')!)).toBe('2001:db8::1:0:0:1');
    expect(formatIp(parseIp('2001:db8:0:1:1:1:1:1')!)).toBe('2001:db8:0:1:1:1:1:1');
  });

  it('networks lose their host bits', () => {
    expect(formatNetwork(parseCidr('10.0.1.7/24')!)).toBe('10.0.1.0/24');
    expect(formatNetwork(parseCidr('10.0.1.7/32')!)).toBe('10.0.1.7');
    expect(formatNetwork(parseCidr('10.0.1.7/255.255.0.0')!)).toBe('10.0.0.0/16');
    expect(formatNetwork(parseCidr('fd00::5/64')!)).toBe('fd00::/64');
  });

  it.each(['1.2.3', '1.2.3.4.5', '1.2.3.4/33', 'fd00::/129', ':::', '1::2::3', 'fd00:::1', '12345::', 'g::', ''])(
    '%s is none',
    (text) => expect(parseCidr(text)).toBeUndefined(),
  );

  it.each(['256.0.0.1', '01.2.3.4', ' 1.2.3.4'])('%s is no address, though it passes in a network', (text) => {
    expect(parseIp(text)).toBeUndefined();
    expect(parseCidr(text)).toBeDefined();
  });

  it('a MAC may lack leading zeros', () => {
    expect(parseMac('0:1:2:a:B:ff')).toBe('00:01:02:0a:0b:ff');
    expect(parseMac('00:01:02:0a:0b')).toBeUndefined();
    expect(parseMac('00:01:02:0a:0b:0c:0d')).toBeUndefined();
  });
});
