import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Cast, Lab } from '@weft/cli/demo/lab';
import { guests, plug, routerCommands, startEverything, switchCommands } from '@weft/cli/demo/walkthrough';
import { afterAll, beforeAll } from 'vitest';

/** Two hypervisors for the tests of a suite: before the first of them all programs are started and `prepare` runs, after the last all is removed. */
export function labOfSuite(cast: Cast, prepare: (lab: Lab) => Promise<void> = async () => {}): Lab {
  const lab = new Lab({
    prefix: `weft-it${process.pid}-`,
    dir: mkdtempSync(join(tmpdir(), 'weft-it-')),
    bin: resolve('node_modules/.bin'),
    cast,
  });
  beforeAll(async () => {
    if (process.getuid?.() !== 0) throw new Error('These tests make network namespaces, which needs root.');
    await startEverything(lab);
    await prepare(lab);
  });
  afterAll(() => lab.remove());
  return lab;
}

/** The network of docs/tutorial.md: two switches, a router between them, and the three guests. */
export async function buildTutorialNetwork(lab: Lab): Promise<void> {
  for (const guest of Object.values(guests)) await plug(lab, guest);
  for (const args of [...switchCommands, ...routerCommands]) await lab.nbctl(...args);
  await lab.nbctl('--wait=hv', 'sync');
}
