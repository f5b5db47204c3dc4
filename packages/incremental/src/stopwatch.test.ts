import { expect, test } from 'vitest';
import { Stopwatches } from './stopwatch.ts';

let now = 0;
const run = async (watches: Stopwatches<'a' | 'b'>, name: 'a' | 'b', ms: number): Promise<void> => {
  await watches.time(name, async () => {
    now += ms;
  });
};

test('a stopwatch knows extremes, a percentile and two averages', async () => {
  const watches = new Stopwatches(['a', 'b'], () => now);
  for (let ms = 1; ms <= 20; ms++) await run(watches, 'a', ms);
  await run(watches, 'b', 10);
  await run(watches, 'b', 20);
  expect(watches.show('a')).toContain(
    'Total samples: 20\n  Maximum: 20 msec\n  Minimum: 1 msec\n  95th percentile: 19.0',
  );
  // The first sample counts whole; of each later one, a half and a hundredth.
  expect(watches.show('b')).toContain('Short term average: 15.000000 msec\n  Long term average: 10.100000 msec');
  expect(watches.show()).toBe(`${watches.show('a')}\n${watches.show('b')}`);
  expect(watches.show('c')).toBeUndefined();
  watches.reset('a');
  expect(watches.show('a')).toContain('Total samples: 0\n  Maximum: 0');
  expect(watches.show('b')).toContain('Total samples: 2');
  watches.reset();
  expect(watches.show('b')).toContain('Total samples: 0');
});

test('what failed is no sample', async () => {
  const watches = new Stopwatches(['a'], () => now);
  await expect(watches.time('a', () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(watches.show('a')).toContain('Total samples: 0');
});
