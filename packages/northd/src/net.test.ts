import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  eui64,
  formatIp6,
  ip4,
  isLinkLocal,
  linkLocalAddress,
  networkText,
  parseIp,
  parseIp4Value,
  parseIp6Value,
  parseMac,
  parsePortAddresses,
  sameNetwork,
} from './net.ts';

describe('Ethernet addresses', () => {
  it('have two lower-case digits an octet', () => {
    expect(parseMac('0A:0:00:FF:1:b')).toBe('0a:00:00:ff:01:0b');
    for (const text of ['', '00:00:00:00:00', '00:00:00:00:00:00:00', 'g0:00:00:00:00:00', '00-00-00-00-00-00']) {
      expect(parseMac(text)).toBeUndefined();
    }
  });
});

describe('IPv4 addresses', () => {
  it('know their network', () => {
    expect(parseIp('192.168.1.10/24')).toMatchObject({ network: '192.168.1.0', broadcast: '192.168.1.255', plen: 24 });
    expect(parseIp('10.0.0.1')).toMatchObject({ plen: 32, network: '10.0.0.1', broadcast: '10.0.0.1' });
    expect(parseIp('10.1.2.3/255.255.0.0')).toMatchObject({ plen: 16, network: '10.1.0.0' });
    expect(networkText(ip4(0x0a010203, 0))).toBe('0.0.0.0/0');
  });

  it('are refused where they make no sense', () => {
    for (const text of ['', '10.0.0', '10.0.0.256', '10.0.0.1/33', '10.0.0.1/', '10.0.0.1/255.0.255.0', 'x']) {
      expect(parseIp(text)).toBeUndefined();
    }
    expect(parseIp4Value('255.255.255.255')).toBe(0xffffffff);
  });
});

describe('IPv6 addresses', () => {
  // RFC 5952, section 4.
  it.each([
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::1', '::1'],
    ['fe80::', 'fe80::'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
  ])('%s is %s', (text, canonical) => {
    expect(formatIp6(parseIp6Value(text) as bigint)).toBe(canonical);
  });

  it('read back as they were written', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), (value) => {
        expect(parseIp6Value(formatIp6(value))).toBe(value);
      }),
    );
  });

  it('are refused where they make no sense', () => {
    for (const text of [
      '',
      ':',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '1::2::3',
      '12345::',
      'g::',
      '1:2:3:4:5:6:7::8',
    ]) {
      expect(parseIp6Value(text)).toBeUndefined();
    }
  });

  it('follow from Ethernet addresses', () => {
    // RFC 4291, appendix A, and section 2.7.1.
    const address = linkLocalAddress('34:56:78:9a:bc:de');
    expect(address).toMatchObject({ text: 'fe80::3656:78ff:fe9a:bcde', solicitedNode: 'ff02::1:ff9a:bcde', plen: 64 });
    expect(isLinkLocal(address)).toBe(true);
    expect(formatIp6(eui64('34:56:78:9a:bc:de', parseIp6Value('2001:db8::') as bigint))).toBe(
      '2001:db8::3656:78ff:fe9a:bcde',
    );
  });
});

it('networks hold addresses of their own family', () => {
  const net = parseIp('10.0.0.1/8');
  const [inside, outside, other] = ['10.9.9.9', '11.0.0.1', 'fd00::1'].map(parseIp);
  if (!net || !inside || !outside || !other) throw new Error('not parsed');
  expect([inside, outside, other].map((ip) => sameNetwork(net, ip))).toEqual([true, false, false]);
});

describe('addresses of ports', () => {
  it('are an Ethernet address and IP addresses, up to the first that is none', () => {
    const { addresses, error } = parsePortAddresses('0A:00:00:00:00:01 10.0.0.1/24 fd00::1 nonsense 10.0.0.2');
    expect(addresses?.mac).toBe('0a:00:00:00:00:01');
    expect(addresses?.ip4.map(({ text }) => text)).toEqual(['10.0.0.1']);
    expect(addresses?.ip6.map(({ text }) => text)).toEqual(['fd00::1']);
    expect(error).toContain('nonsense');
  });

  it('need an Ethernet address', () => {
    expect(parsePortAddresses('10.0.0.1')).toEqual({ error: expect.stringContaining('10.0.0.1') });
  });
});
