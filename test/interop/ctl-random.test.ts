/** A few hundred random command lines, ours and the C programs' side by side. `npm run bench -- ctl-random` runs 20,000. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { foundation, randomCommandLine, randomSource } from './ctl-random.ts';
import { Comparison } from './ctl-twins.ts';

let twins: Comparison;
beforeAll(async () => {
  twins = await Comparison.start();
});
afterAll(() => twins.stop());

const seed = Number(process.env.SEED ?? 1);
const lines = Number(process.env.LINES ?? 250);

for (const which of ['nb', 'sb'] as const) {
  it(`${which}: ${lines} lines from seed ${seed}`, { timeout: 600_000 }, async () => {
    const random = randomSource(seed);
    const differences: string[] = [];
    for (let i = 0; i < lines && differences.length < Number(process.env.MOST ?? 10); i++) {
      if (i % 40 === 0) {
        if (i % 200 === 80 || i % 200 === 160) twins.startDaemons(which, { crossed: i % 200 === 80 });
        else twins.stopDaemons(which);
        await twins.reset(which);
        for (const line of foundation[which]) await twins.run(which, line.split(' '));
      }
      const difference = await twins.run(which, randomCommandLine(which, random));
      if (difference !== undefined) differences.push(difference);
    }
    expect(differences.join('\n\n')).toBe('');
  });
}
