import { expect, it } from 'vitest';
import { systemClock } from './clock.ts';

it('a time that no timer can wait for does not come at once', async () => {
  let came = false;
  const cancel = systemClock.after(3_000_000_000, () => {
    came = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(came).toBe(false);
  cancel();
});
