import type { sb } from '@weft/schemas/sb';
import { expect, test } from 'vitest';
import { type Write, Writes } from './writes.ts';

test('what is wrong with a write is told once, and forgotten with the write', () => {
  const writes = new Writes<typeof sb>();
  const write: Write<typeof sb> = () => {};
  for (let i = 0; i < 100; i++) {
    writes.set(`port ${i}`, write);
    expect(writes.isNews(`port ${i}`, 'constraint violation')).toBe(true);
    expect(writes.isNews(`port ${i}`, 'constraint violation')).toBe(false);
    if (i % 2 === 0) writes.set(`port ${i}`, undefined);
    else writes.settle(new Map([[`port ${i}`, write]]));
    expect(writes.isNews(`port ${i}`, 'constraint violation')).toBe(true);
  }
  expect(writes.complaints).toBe(0);
});
