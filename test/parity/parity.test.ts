import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundle } from './bundle.ts';
import { aclConfigs } from './configs/acl.ts';
import { dhcpConfigs } from './configs/dhcp.ts';
import { gatewayConfigs } from './configs/gateway.ts';
import { natConfigs } from './configs/nat.ts';
import { oddConfigs } from './configs/odd.ts';
import { routerConfigs } from './configs/router.ts';
import { switchConfigs } from './configs/switch.ts';
import { compareConfig } from './run.ts';
import { cNorthd, Side, weftNorthd } from './side.ts';

/**
 * The southbound tables that weft-northd writes equal those of a live ovn-northd, over northbound contents that together use every feature
 * it has. PARITY_SELF=1 compares C with C instead, which shows that the comparison itself is sound.
 */
let root: string;
let c: Side;
let ours: Side;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'weft-parity-'));
  const program = join(root, 'weft-northd.mjs');
  const self = process.env.PARITY_SELF === '1';
  if (!self) await bundle('weft-northd', program);
  const dirs = await Promise.all(['c', 'w'].map((name) => mkdtemp(join(root, name))));
  c = new Side('C', dirs[0]!, cNorthd);
  ours = new Side('weft', dirs[1]!, self ? cNorthd : weftNorthd(program));
  await Promise.all([c.start(), ours.start()]);
});

afterAll(async () => {
  await Promise.all([c?.stop(), ours?.stop()]);
  await rm(root, { recursive: true, force: true });
});

for (const config of [
  ...switchConfigs,
  ...routerConfigs,
  ...dhcpConfigs,
  ...aclConfigs,
  ...gatewayConfigs,
  ...natConfigs,
  ...oddConfigs,
]) {
  test(config.name, async () => {
    let difference: string;
    try {
      difference = await compareConfig(c, ours, config);
    } catch (error) {
      await Promise.all([c.reset(), ours.reset()]);
      throw error;
    }
    expect(difference).toBe('');
  });
}
