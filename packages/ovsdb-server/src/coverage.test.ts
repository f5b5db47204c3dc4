import { expect, it } from 'vitest';
import { Coverage } from './coverage.ts';

it('tells totals, and rates of the last 5 seconds, minute and hour', () => {
  let hits = 0;
  const coverage = new Coverage({ hit: () => hits, never: () => 0 });
  const line = (): string | undefined => coverage.show().split('\n')[1];
  coverage.tick();
  hits = 3;
  expect(line()).toBe('hit                        0.0/sec     0.000/sec        0.0000/sec   total: 3');
  coverage.tick();
  expect(line()).toBe('hit                        0.6/sec     0.050/sec        0.0008/sec   total: 3');
  coverage.tick();
  expect(line()).toBe('hit                        0.0/sec     0.050/sec        0.0008/sec   total: 3');
  for (let i = 0; i < 12; i++) coverage.tick();
  expect(line()).toBe('hit                        0.0/sec     0.000/sec        0.0008/sec   total: 3');
  for (let i = 0; i < 720; i++) coverage.tick();
  expect(line()).toBe('hit                        0.0/sec     0.000/sec        0.0000/sec   total: 3');
  expect(coverage.show()).toMatch(
    /^Event coverage, avg rate over last: 5 seconds, last minute, last hour, {2}hash=[0-9a-f]{8}:\n.*\n1 events never hit$/,
  );
  expect([coverage.total('hit'), coverage.total('never'), coverage.total('unknown')]).toEqual([3, 0, undefined]);
});
