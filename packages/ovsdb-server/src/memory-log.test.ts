import { expect, it } from 'vitest';
import { MemoryLog } from './memory-log.ts';

it('speaks after ten seconds, and when the peak has grown by half', () => {
  const lines: string[] = [];
  let [now, peak] = [0, 1000];
  const log = new MemoryLog({
    log: (line) => lines.push(line),
    now: () => now,
    peak: () => peak,
    usage: () => `cells:${peak}`,
  });
  const at = (ms: number, kB: number): string[] => {
    [now, peak] = [ms, kB];
    log.look();
    return lines.splice(0);
  };
  expect(at(5000, 1000)).toEqual([]);
  expect(at(10_001, 2000)).toEqual(['2000 kB peak resident set size after 10.0 seconds', 'cells:2000']);
  expect(at(15_000, 2999)).toEqual([]);
  expect(at(20_501, 3000)).toEqual([
    'peak resident set size grew 50% in last 10.5 seconds, from 2000 kB to 3000 kB',
    'cells:3000',
  ]);
  expect(at(30_000, 3100)).toEqual([]);
});
