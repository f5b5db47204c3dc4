import { isUuid } from '@weft/ovsdb/uuid';
import { expect, it } from 'vitest';
import { newUuid } from './new-uuid.ts';

it('makes distinct uuids of version 4', () => {
  const made = new Set(Array.from({ length: 2000 }, newUuid));
  expect(made.size).toBe(2000);
  for (const uuid of made) {
    expect(isUuid(uuid)).toBe(true);
    expect(uuid[14]).toBe('4');
    expect('89ab').toContain(uuid[19]);
  }
  // Each of the other digits takes every value.
  for (let i = 0; i < 36; i++) {
    const seen = new Set([...made].map((uuid) => uuid[i]));
    expect(seen.size).toBe([8, 13, 14, 18, 23].includes(i) ? 1 : i === 19 ? 4 : 16);
  }
});
