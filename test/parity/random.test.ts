import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundle } from './bundle.ts';
import { randomSteps } from './random.ts';
import { compare } from './run.ts';
import { cNorthd, Side, weftNorthd } from './side.ts';

/**
 * Equality with C over random northbound histories. The seeds are fixed, so that a failure is a failure of the code; RANDOM_SEEDS=10-20 runs
 * others, RANDOM_STEPS=400 longer ones.
 */
const [first = 1, last = first] = (process.env.RANDOM_SEEDS ?? '1-2').split('-').map(Number);
const count = Number(process.env.RANDOM_STEPS ?? 60);

let root: string;
let c: Side;
let ours: Side;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'weft-random-'));
  const program = join(root, 'weft-northd.mjs');
  await bundle('weft-northd', program);
  const dirs = await Promise.all(['c', 'w'].map((name) => mkdtemp(join(root, name))));
  c = new Side('C', dirs[0]!, cNorthd);
  ours = new Side('weft', dirs[1]!, weftNorthd(program));
  await Promise.all([c.start(), ours.start()]);
});

afterAll(async () => {
  await Promise.all([c?.stop(), ours?.stop()]);
  await rm(root, { recursive: true, force: true });
});

for (let seed = first; seed <= last; seed++) {
  test(`random history ${seed}`, async () => {
    try {
      const done: string[] = [];
      for (const step of randomSteps(seed, count)) {
        const [accepted, also] = await Promise.all([c, ours].map((side) => side.tryNbctl(step)));
        expect(also).toBe(accepted);
        if (!accepted) continue;
        done.push(step.join(' -- '));
        const difference = await compare(c, ours, { hints: false });
        expect(difference === '' ? '' : `${difference}\n\nafter:\n${done.join('\n')}`).toBe('');
      }
    } finally {
      await Promise.all([c.reset(), ours.reset()]);
    }
  }, 300_000);
}
