// Random command lines, ours and the C programs' side by side on twin databases: `npm run bench -- ctl-random [LINES [SEED]]`, 20,000 by default.
// Says how many were alike, and prints those that were not.
import { foundation, randomCommandLine, randomSource } from '../interop/ctl-random.ts';
import { Comparison } from '../interop/ctl-twins.ts';

const lines = Number(process.argv[2] ?? 20_000);
const seed = Number(process.argv[3] ?? 1);

async function main(): Promise<void> {
  const random = randomSource(seed);
  const twins = await Comparison.start();
  let different = 0;
  const started = Date.now();
  try {
    for (let i = 0; i < lines; i++) {
      // Three in four are for the northbound database, which has more commands.
      const which = Math.floor(i / 40) % 4 === 3 ? 'sb' : 'nb';
      if (i % 40 === 0) {
        // One in five has a daemon run them, and half of these one of the other program's.
        const turn = Math.floor(i / 40) % 10;
        if (turn === 4 || turn === 9) twins.startDaemons(which, { crossed: turn === 9 });
        else twins.stopDaemons(which);
        await twins.reset(which);
        for (const line of foundation[which]) await twins.run(which, line.split(' '));
      }
      const difference = await twins.run(which, randomCommandLine(which, random));
      if (difference === undefined) continue;
      different++;
      console.log(`${difference}\n`);
    }
  } finally {
    twins.stop();
  }
  const seconds = (Date.now() - started) / 1000;
  console.log(
    `${lines} command lines from seed ${seed} in ${seconds.toFixed(0)} s: ${lines - different} alike, ${different} different`,
  );
  process.exitCode = different === 0 ? 0 : 1;
}

await main();
