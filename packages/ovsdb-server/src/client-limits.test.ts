import { constants } from 'node:buffer';
import { expect, it } from 'vitest';
import { clientLimits } from './client-limits.ts';

const GB = 1 << 30;

it('a message may be the larger the more memory there is, and fits into the log', () => {
  // Of a small machine, the default heap of Node.js, 8 GB and 24 GB.
  expect(clientLimits(GB)).toMatchObject({ maxBytes: 256 << 20, maxValues: 8_000_000 });
  expect(clientLimits(4 * GB)).toMatchObject({ maxBytes: 256 << 20, maxValues: 16_777_216 });
  expect(clientLimits(6 * GB)).toMatchObject({ maxBytes: 384 << 20, maxValues: 25_165_824 });
  expect(clientLimits(18 * GB)).toMatchObject({ maxBytes: constants.MAX_STRING_LENGTH, maxValues: 75_497_472 });
  // A million logical flows have 28 million values, 440 MB.
  expect(clientLimits(9 * GB).maxBytes).toBeGreaterThan(440e6);
  expect(clientLimits(9 * GB).maxValues).toBeGreaterThan(28e6);
});
