import { expect, it } from 'vitest';
import { askToMakeWay, becomeOnlyOne } from './only-one.ts';

it('one process of a name is the only one, and hears when another asks it to make way', async () => {
  const name = `weft-test-only-one-${process.pid}`;
  await askToMakeWay(name);
  const first = await becomeOnlyOne(name);
  if (first === undefined) throw new Error('there is another');
  expect(await becomeOnlyOne(name)).toBeUndefined();
  const asked = new Promise<void>((resolve) => {
    first.onAsked = resolve;
  });
  void askToMakeWay(name);
  await asked;
});
