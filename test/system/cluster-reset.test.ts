import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Daemon, run, waitFor } from '@weft/cli/demo/process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DummySwitch } from './dummy-switch.ts';

/**
 * Clusters, of one server each, that are set back to an earlier state: their data counts as stale until `nb-cluster-state-reset` and
 * `sb-cluster-state-reset` (ovn-northd(8), ovn-controller(8)).
 */
const dir = mkdtempSync(join(tmpdir(), 'weft-reset-'));
const hv = new DummySwitch(dir);
const own = (program: string): string => resolve('node_modules/.bin', program);
const northd = join(dir, 'northd.ctl');
const databases = ['nb', 'sb'] as const;
const servers = new Map<string, Daemon>();

async function serve(name: string): Promise<void> {
  const sockets = [`--remote=p${hv.socket(`${name}.sock`)}`, `--unixctl=${join(dir, `${name}.ctl`)}`];
  const server = await hv.start(name, ['ovsdb-server', join(dir, `${name}.db`), ...sockets], () => `${name}.sock`);
  servers.set(name, server);
}

const nbctl = (...args: readonly string[]): Promise<string> =>
  run(['ovn-nbctl', '--timeout=30', `--db=${hv.socket('nb.sock')}`, ...args]);
const ask = (...command: readonly string[]): Promise<string> => run(['ovs-appctl', '-t', northd, ...command]);
const connections = (): Promise<readonly string[]> =>
  Promise.all([ask('nb-connection-status'), ask('sb-connection-status'), hv.appctl('connection-status')]);

beforeAll(async () => {
  for (const name of databases) {
    const schema = `/usr/share/ovn/ovn-${name}.ovsschema`;
    await run(['ovsdb-tool', 'create-cluster', join(dir, `${name}.db`), schema, hv.socket(`${name}.raft`)]);
    await serve(name);
  }
  await hv.startDatabase('ovs', '/usr/share/openvswitch/vswitch.ovsschema');
  await hv.vsctl('--no-wait', 'init');
  await hv.startSwitch();
  const remotes = [`--ovnnb-db=${hv.socket('nb.sock')}`, `--ovnsb-db=${hv.socket('sb.sock')}`];
  await hv.start('northd', [own('weft-northd'), ...remotes, `--unixctl=${northd}`]);
  const ids = { 'system-id': 'hv1', 'ovn-encap-type': 'geneve', 'ovn-encap-ip': '10.0.0.1' };
  const values = Object.entries({ ...ids, 'ovn-remote': hv.socket('sb.sock') });
  await hv.vsctl('set', 'Open_vSwitch', '.', ...values.map(([key, value]) => `external-ids:${key}=${value}`));
  await hv.startController(own('weft-controller'));
  await nbctl('--wait=hv', 'sync');
}, 60_000);
afterAll(async () => {
  await hv.stop();
  rmSync(dir, { recursive: true, force: true });
});

test('a cluster that has gone back in time is used again when that is asked for', async () => {
  for (const name of databases) copyFileSync(join(dir, `${name}.db`), join(dir, `${name}.earlier`));
  for (let i = 0; i < 20; i++) await nbctl('--wait=hv', 'ls-add', `s${i}`);
  for (const name of databases) {
    await servers.get(name)?.kill('SIGKILL');
    for (const left of ['sock', 'ctl', 'raft']) rmSync(join(dir, `${name}.${left}`), { force: true });
    copyFileSync(join(dir, `${name}.earlier`), join(dir, `${name}.db`));
    await serve(name);
  }
  const complaints = (log: string): number => readFileSync(join(dir, log), 'utf8').split('stale data').length - 1;
  await waitFor(
    'the data to be found stale',
    async () => complaints('northd.log') >= 2 && complaints('controller.log') >= 1,
  );
  expect(await connections()).toEqual(['not connected\n', 'not connected\n', 'not connected\n']);
  await ask('nb-cluster-state-reset');
  await ask('sb-cluster-state-reset');
  await hv.appctl('sb-cluster-state-reset');
  await waitFor('the connections', async () => (await connections()).every((state) => state === 'connected\n'));
  await nbctl('--wait=hv', 'ls-add', 'new');
}, 60_000);
