import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle } from './bundle.ts';
import { routerConfigs } from './configs/router.ts';
import { diff } from './diff.ts';
import { normalise } from './normalise.ts';
import { cNorthd, type NorthdCommand, Side, weftNorthd } from './side.ts';

/** One northd stops and another goes on with its databases: nothing that is right already is written again. */
let dir: string;
let side: Side;
let weft: NorthdCommand;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'weft-takeover-'));
  await bundle('weft-northd', join(dir, 'weft-northd.mjs'));
  weft = weftNorthd(join(dir, 'weft-northd.mjs'));
  side = new Side('takeover', dir, weft);
  await side.start();
  const fabric = routerConfigs.find(({ name }) => name === 'a small fabric');
  if (fabric === undefined) throw new Error('the fabric is not among the configurations');
  for (const { nb } of fabric.steps) await side.nbctl(nb);
  await side.nbctl(['pg-add pg1 p0-0 p1-0', 'lr-route-add lr1 10.9.0.0/16 10.0.0.200']);
});

afterAll(async () => {
  await side?.stop();
  await rm(dir, { recursive: true, force: true });
});

/** Stops the northd of the moment, starts another, and waits until it has answered. */
async function replaceBy(command: NorthdCommand): Promise<void> {
  await side.stopNorthd();
  side.startNorthd(command);
  await side.nbctl(['sync']);
}

/** Every row of SB with its uuid and the version that changes with each write; without the row that each `sync` counts up. */
async function rows(): Promise<ReadonlyMap<string, readonly string[]>> {
  const { sb } = await side.dump();
  const tables = sb.filter(({ name }) => name !== 'SB_Global');
  return new Map(tables.map((table) => [table.name, table.rows.map((row) => JSON.stringify(row)).sort()]));
}

async function content() {
  const { nb, sb } = await side.dump();
  const counted = new Set(['NB_Global', 'SB_Global']);
  return normalise(
    nb.filter(({ name }) => !counted.has(name)),
    sb.filter(({ name }) => !counted.has(name)),
  );
}

describe('a northd that takes databases over', () => {
  test('from itself writes nothing', async () => {
    const before = await rows();
    await replaceBy(weft);
    expect(diff(before, await rows())).toBe('');
  });

  test('from ours, being C, keeps the content', async () => {
    const before = await content();
    await replaceBy(cNorthd);
    expect(diff(before, await content())).toBe('');
  });

  test('from C, being ours, writes nothing', async () => {
    const before = await rows();
    await replaceBy(weft);
    expect(diff(before, await rows())).toBe('');
  });

  test('puts right datapaths that somebody else spoilt', async () => {
    const before = await content();
    const { sb } = await side.dump();
    const datapaths = sb.find(({ name }) => name === 'Datapath_Binding')?.rows ?? [];
    const uuids = datapaths.map((row) => (row._uuid as [string, string])[1]);
    await side.sbctl([
      'create Datapath_Binding tunnel_key=999999',
      ...uuids.map((uuid) => `clear Datapath_Binding ${uuid} external_ids`),
    ]);
    // A northd sees what others write to SB by another connection than the `sync`.
    await expect
      .poll(
        async () => {
          await side.nbctl(['sync']);
          return diff(before, await content());
        },
        { timeout: 20_000 },
      )
      .toBe('');
  });
});
