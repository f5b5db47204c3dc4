import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { run, waitFor } from '@weft/cli/demo/process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DummySwitch } from './dummy-switch.ts';

/**
 * Each key of ovn-controller(8), "Configuration": two chassis with a database each, one of ovn-controller, one of ours, are given the same values. What
 * they say of themselves and make on their machines must be equal.
 */
class Chassis extends DummySwitch {
  readonly #program: string;

  constructor(dir: string, program: string) {
    super(dir);
    this.#program = program;
  }

  /** Everything of it, and another chassis in its database. */
  async begin(): Promise<void> {
    await this.startDatabase('sb', '/usr/share/ovn/ovn-sb.ovsschema');
    await this.startDatabase('ovs', '/usr/share/openvswitch/vswitch.ovsschema');
    await this.vsctl('--no-wait', 'init');
    await this.startSwitch();
    await this.sbctl('init', '--', 'chassis-add', 'other', 'geneve,vxlan', '10.0.0.9');
    await this.configure([]);
    await this.startController(this.#program);
  }

  async replaceController(): Promise<void> {
    await this.leaveController({ restart: false });
    await this.startController(this.#program);
  }

  sbctl(...args: readonly string[]): Promise<string> {
    return run(['ovn-sbctl', '--timeout=20', `--db=${this.socket('sb.sock')}`, ...args]);
  }

  /** Gives it these external_ids and no others, and a mark, which is in the chassis' row when they have been taken. */
  async configure(pairs: readonly string[]): Promise<void> {
    const ids = [`ovn-remote=${this.socket('sb.sock')}`, ...pairs].map((pair) => `external-ids:${pair}`);
    await this.vsctl(
      ...['remove', 'Open_vSwitch', '.', 'external-ids', ...given, '--'],
      ...['set', 'Open_vSwitch', '.', ...basis.map((pair) => `external-ids:${pair}`), ...ids],
    );
  }

  mark(): Promise<string> {
    return this.sbctl('--bare', '--columns=other_config', '--no-heading', 'find', 'Chassis', 'name!=other');
  }

  /** What others see of it, and what it has on its machine. */
  async state(): Promise<string> {
    const csv = ['--format=csv', '--data=bare', '--no-headings'];
    const parts = await Promise.all([
      this.sbctl(...csv, '--columns=name,hostname,transport_zones,other_config', 'list', 'Chassis'),
      this.sbctl(...csv, '--columns=chassis_name,type,ip,options', 'list', 'Encap'),
      this.vsctl(...csv, '--columns=other_config', 'list', 'Open_vSwitch'),
      this.vsctl(...csv, '--columns=name,datapath_type,fail_mode', 'list', 'Bridge'),
      this.vsctl(...csv, '--columns=name,type,options', 'list', 'Interface'),
    ]);
    return parts.map((part) => part.trim().split('\n').sort().join('\n')).join('\n\n');
  }
}

const basis = ['system-id=hv1', 'ovn-encap-type=geneve', 'ovn-encap-ip=10.0.0.1', 'hostname=host'];

const configurations = [
  ['ovn-encap-type=vxlan'],
  ['ovn-encap-type="geneve,vxlan"'],
  ['ovn-encap-type=stt'],
  ['ovn-encap-ip="10.0.0.1,10.0.0.2"'],
  ['ovn-encap-ip="fd00::1"'],
  ['ovn-encap-ip-hv1=10.0.0.3'],
  ['ovn-encap-csum=false'],
  ['ovn-encap-tos=inherit'],
  ['ovn-encap-tos=5'],
  ['ovn-encap-df_default=false'],
  ['ovn-encap-df_default-hv1=true'],
  ['ovn-set-local-ip=true'],
  ['ovn-set-local-ip-hv1=TRUE'],
  ['ovn-set-local-ip=junk'],
  ['ovn-transport-zones=tz1'],
  ['ovn-transport-zones="tz2,tz1,tz1"'],
  ['ovn-transport-zones="tz1, tz2"'],
  ['ovn-transport-zones-hv1=tz3'],
  ['ovn-is-interconn=True'],
  ['ovn-is-interconn=1'],
  ['ovn-is-interconn-hv1=true'],
  ['ovn-monitor-all=true'],
  ['ovn-monitor-all=junk'],
  ['ovn-enable-lflow-cache=false'],
  ['ovn-enable-lflow-cache=junk'],
  ['ovn-limit-lflow-cache=7', 'ovn-memlimit-lflow-cache-kb=junk'],
  ['ovn-trim-limit-lflow-cache=8', 'ovn-trim-wmark-perc-lflow-cache=9', 'ovn-trim-timeout-ms=1000'],
  ['ovn-bridge-mappings="a:br-a,b:br-b"'],
  ['ovn-chassis-mac-mappings="a:aa:bb:cc:dd:ee:ff"'],
  ['hostname-hv1=other-host'],
  ['ovn-bridge-datapath-type=netdev'],
  ['ovn-remote-probe-interval=junk', 'ovn-openflow-probe-interval=-1'],
];
const given = [...new Set(configurations.flat().map((pair) => pair.replace(/=.*/, '')))];

const dir = mkdtempSync(join(tmpdir(), 'weft-config-'));
const c = new Chassis(join(dir, 'c'), 'ovn-controller');
const weft = new Chassis(join(dir, 'weft'), resolve('node_modules/.bin/weft-controller'));
const both = [c, weft];
const onBoth = <T>(what: (chassis: Chassis) => Promise<T>): Promise<T[]> => Promise.all(both.map(what));

let marks = 0;
/** Configures both, and waits until they have taken it. */
async function configure(pairs: readonly string[]): Promise<void> {
  const mark = `mark${++marks}`;
  await onBoth((chassis) => chassis.configure([...pairs, `ovn-cms-options=${mark}`]));
  await waitFor(`${mark} in the chassis`, async () =>
    (await onBoth((each) => each.mark())).every((text) => text.includes(mark)),
  );
}

async function becomeAlike(): Promise<void> {
  let states: string[] = [];
  const alike = async (): Promise<boolean> => {
    states = await onBoth((chassis) => chassis.state());
    return states[0] === states[1];
  };
  await waitFor('both to be alike', alike, 5000).catch(() => {});
  expect(states[1]).toBe(states[0]);
}

beforeAll(async () => {
  await onBoth((chassis) => chassis.begin());
  await configure([]);
}, 60_000);
afterAll(async () => {
  await onBoth((chassis) => chassis.stop());
  rmSync(dir, { recursive: true, force: true });
});

test.each(configurations)('%s', async (...pairs) => {
  await configure(pairs);
  await becomeAlike();
});

test('nothing is done while northd is of another version, if that is asked for', async () => {
  await configure([]);
  await onBoth((chassis) => chassis.sbctl('set', 'SB_Global', '.', 'options:northd_internal_version=other'));
  await onBoth((chassis) => chassis.configure(['ovn-match-northd-version=true', 'ovn-cms-options=awaited']));
  // What comes after it has been read when that is said.
  await waitFor('both to say so', () =>
    both.every((chassis) => /version.*'?other/.test(readFileSync(join(chassis.dir, 'controller.log'), 'utf8'))),
  );
  expect((await onBoth((chassis) => chassis.mark())).filter((text) => text.includes('awaited'))).toEqual([]);
  await onBoth((chassis) =>
    chassis.sbctl('set', 'SB_Global', '.', 'options:northd_internal_version=23.03.1-20.27.0-70.6'),
  );
  await waitFor('both to go on', async () =>
    (await onBoth((each) => each.mark())).every((text) => text.includes('awaited')),
  );
  await onBoth((chassis) => chassis.vsctl('remove', 'Open_vSwitch', '.', 'external-ids', 'ovn-match-northd-version'));
  await becomeAlike();
});

test('the file system-id-override names the chassis', async () => {
  await configure([]);
  for (const chassis of both) writeFileSync(join(chassis.dir, 'system-id-override'), 'by-file\n');
  await onBoth((chassis) => chassis.replaceController());
  await waitFor('the new name', async () =>
    (await onBoth((each) => each.state())).every((text) => text.includes('by-file')),
  );
  await becomeAlike();
});
