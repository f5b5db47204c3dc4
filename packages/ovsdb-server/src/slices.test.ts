import { expect, it } from 'vitest';
import { type SliceOfWork, Slices } from './slices.ts';

it('thousands that come at once have one slice of time between two looks at others, in turns', () => {
  let now = 0;
  const turns: (() => void)[] = [];
  const slices = new Slices(
    () => now,
    (run) => turns.push(run),
  );
  const left = new Map<number, number>();
  const order: number[] = [];
  const clients = 1000;
  for (let client = 0; client < clients; client++) {
    left.set(client, 3);
    const work: SliceOfWork = () => {
      now += 4;
      order.push(client);
      left.set(client, left.get(client)! - 1);
      if (left.get(client)! > 0) slices.add(work);
    };
    slices.start(work);
  }
  expect(now).toBeLessThanOrEqual(12);
  let looks = 0;
  while (turns.length > 0) {
    expect(turns.length).toBe(1);
    const before = now;
    turns.pop()!();
    expect(now - before).toBeLessThanOrEqual(12);
    looks++;
  }
  expect([...left.values()].every((n) => n === 0)).toBe(true);
  expect(looks).toBeGreaterThan((clients * 3) / 4);
  // Each has had a turn before one has the second, but for those that began at once.
  expect(new Set(order.slice(0, clients + 3)).size).toBe(clients);
});

it('who is alone works at once, in each turn', () => {
  const turns: (() => void)[] = [];
  const slices = new Slices(
    () => 0,
    (run) => turns.push(run),
  );
  let worked = 0;
  for (let i = 1; i <= 3; i++) {
    slices.start(() => worked++);
    expect(worked).toBe(i);
    turns.shift()?.();
  }
});
