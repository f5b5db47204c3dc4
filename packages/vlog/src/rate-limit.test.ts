import { describe, expect, it } from 'vitest';
import { RateLimiter } from './rate-limit.ts';

describe('a rate limit', () => {
  it('lets a burst through, then what the rate allows, and says how many it dropped', () => {
    const limiter = new RateLimiter({ burst: 3, perMinute: 60 });
    const at = (now: number) => limiter.admit('again', now);
    expect([at(0), at(0), at(0)].map(({ admitted }) => admitted)).toEqual([true, true, true]);
    expect([at(0), at(100), at(400)].map(({ admitted }) => admitted)).toEqual([false, false, false]);
    expect(at(2000)).toEqual({
      admitted: true,
      notice: 'Dropped 3 log messages in last 2 seconds (most recently, 2 seconds ago) due to excessive rate',
    });
    expect(at(3000)).toEqual({ admitted: true });
  });

  it('is for each message by itself, and keeps none for ever', () => {
    const limiter = new RateLimiter({ burst: 1, perMinute: 1 });
    for (let i = 0; i < 5000; i++) expect(limiter.admit(`message ${i}`, i).admitted).toBe(true);
    expect(limiter.admit('message 4999', 5000).admitted).toBe(false);
  });
});
