import { Runtime } from '@weft/incremental/runtime';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Expiry } from './expiry.ts';

const uuid = (n: number): string => `00000000-0000-4000-8000-${n.toString().padStart(12, '0')}`;

describe('Expiry', () => {
  it('expires each row at its time, whatever was scheduled before', () => {
    const schedule = fc.tuple(fc.nat(9), fc.option(fc.nat(50), { nil: undefined }));
    fc.assert(
      fc.property(fc.array(schedule, { maxLength: 60 }), fc.nat(50), (schedules, now) => {
        const expiry = new Expiry(new Runtime());
        const last = new Map<number, number | undefined>();
        for (const [n, at] of schedules) {
          expiry.schedule(uuid(n), at);
          last.set(n, at);
        }
        const times = [...last.values()].filter((at) => at !== undefined);
        expect(expiry.next).toBe(times.length === 0 ? undefined : Math.min(...times));
        expiry.advance(now);
        for (const [n, at] of last) expect(expiry.has(uuid(n))).toBe(at !== undefined && at <= now);
        expect(expiry.next ?? Number.POSITIVE_INFINITY).toBeGreaterThan(now);
      }),
    );
  });

  it('remembers no more of rows that came and went than of those that are there', () => {
    const expiry = new Expiry(new Runtime());
    const stays = uuid(0);
    for (let n = 1; n < 10_000; n++) {
      expiry.schedule(uuid(n), 1e9 + n);
      expiry.schedule(uuid(n), undefined);
      expiry.schedule(stays, 2e9 + n);
    }
    expect(expiry.size).toBeLessThan(100);
    expect(expiry.next).toBe(2e9 + 9999);
  });

  it('gives a row another life that is scheduled anew', () => {
    const expiry = new Expiry(new Runtime());
    expiry.schedule(uuid(1), 10);
    expiry.advance(10);
    expect(expiry.has(uuid(1))).toBe(true);
    expiry.schedule(uuid(1), 30);
    expect(expiry.has(uuid(1))).toBe(false);
    expect(expiry.next).toBe(30);
  });

  it('lets no more than the limit expire at once, and the rest five seconds later', () => {
    const expiry = new Expiry(new Runtime());
    for (let n = 0; n < 5; n++) expiry.schedule(uuid(n), n);
    expiry.advance(100, 2);
    const expired = (): number => [0, 1, 2, 3, 4].filter((n) => expiry.has(uuid(n))).length;
    expect(expired()).toBe(2);
    expect(expiry.next).toBe(5100);
    expiry.advance(5099, 2);
    expect(expired()).toBe(2);
    expiry.advance(5100, 2);
    expect(expired()).toBe(4);
  });
});
