import { expect, it } from 'vitest';
import { intersectAll, type Ternary } from './terms.ts';

it('alternatives that differ in the upper half of a wide field multiply without being compared with each other', () => {
  const either = (i: number): Ternary[] =>
    [96, 64].map((register) => ({ value: 1n << BigInt(register + i), mask: 1n << BigInt(register + i) }));
  let all: readonly Ternary[] = either(0);
  for (let i = 1; i < 16; i++) all = intersectAll(all, either(i));
  expect(all.length).toBe(2 ** 16);
});
