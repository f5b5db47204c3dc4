// Long transcripts, ours and the C programs' side by side on twin databases: `npm run bench -- ctl-transcripts [FILE... [--weft]]`, by default all
// of test/bench/ctl-transcripts, ours on the C ovsdb-server; `--weft`: on weft-ovsdb. Prints what was not alike.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { Comparison, shellWords, type Which } from '../interop/ctl-twins.ts';

const files = process.argv.slice(2).filter((arg) => !arg.startsWith('--'));
const folder = 'test/bench/ctl-transcripts';
const wanted = files.length > 0 ? files : readdirSync(folder).map((name) => join(folder, name));
const weftOvsdb = process.argv.includes('--weft') ? resolve('node_modules/.bin/weft-ovsdb') : undefined;

async function main(): Promise<void> {
  const twins = await Comparison.start(weftOvsdb);
  let lines = 0;
  let different = 0;
  try {
    for (const file of wanted) {
      const which: Which = basename(file).startsWith('sb') ? 'sb' : 'nb';
      await twins.reset(which);
      for (const line of readFileSync(file, 'utf8').split('\n')) {
        if (line.startsWith('#')) await twins.reset(which);
        if (line.startsWith('#') || line.trim() === '') continue;
        lines++;
        const difference = await twins.run(which, shellWords(line));
        if (difference === undefined) continue;
        different++;
        console.log(`${basename(file)}\n${difference}\n`);
      }
    }
  } finally {
    twins.stop();
  }
  console.log(`${lines} command lines: ${lines - different} alike, ${different} different`);
  process.exitCode = different === 0 ? 0 : 1;
}

await main();
