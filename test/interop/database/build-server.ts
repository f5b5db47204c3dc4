/** Bundles weft-ovsdb from the sources of this moment, to where it finds its native module. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { bundle } from '../../parity/bundle.ts';

/** Returns the path of the program, which is removed when this process ends. */
export async function buildServer(): Promise<string> {
  removeStale();
  const file = resolve(`dist/weft-ovsdb-test-${process.pid}.mjs`);
  await bundle('weft-ovsdb', file);
  process.once('exit', () => rmSync(file, { force: true }));
  return file;
}

/** Test workers are killed when they are done, and leave their file behind. */
function removeStale(): void {
  for (const name of existsSync('dist') ? readdirSync('dist') : []) {
    const pid = Number(/^weft-ovsdb-test-(\d+)\.mjs$/.exec(name)?.[1]);
    if (Number.isInteger(pid) && !existsSync(`/proc/${pid}`)) rmSync(resolve('dist', name), { force: true });
  }
}
