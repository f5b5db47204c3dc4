/** `lflow-list --ovs`: both programs read the flows of one bridge of a live ovs-vswitchd, and print the same. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { accepts } from '@weft/cli/demo/process';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runC, runOurs, Twin, temporaryFolder } from './ctl-twins.ts';

const { dir, remove } = temporaryFolder();
const children: ChildProcess[] = [];
let server: Twin;

async function appears(file: string): Promise<void> {
  for (let i = 0; i < 500 && !(await accepts(file)); i++) await new Promise((done) => setTimeout(done, 20));
  if (!existsSync(file))
    throw new Error(`${file} does not appear: is the Debian package openvswitch-switch installed?`);
}

function run(program: string, args: readonly string[]): string {
  const result = spawnSync(program, args, {
    encoding: 'utf8',
    env: { PATH: process.env.PATH ?? '', OVS_RUNDIR: dir, OVN_RUNDIR: dir },
  });
  if (result.status !== 0) throw new Error(`${program} ${args.join(' ')}: ${result.error ?? result.stderr}`);
  return result.stdout;
}

beforeAll(async () => {
  const env = { PATH: process.env.PATH ?? '', OVS_RUNDIR: dir, OVS_DBDIR: dir, OVS_LOGDIR: dir };
  const start = (program: string, args: readonly string[]) =>
    children.push(spawn(program, args, { env, stdio: 'ignore' }));
  run('ovsdb-tool', ['create', join(dir, 'conf.db'), '/usr/share/openvswitch/vswitch.ovsschema']);
  const db = join(dir, 'vswitch.sock');
  start('ovsdb-server', [join(dir, 'conf.db'), `--remote=punix:${db}`, `--unixctl=${join(dir, 'o.ctl')}`]);
  await appears(db);
  run('ovs-vsctl', [`--db=unix:${db}`, '--no-wait', 'init']);
  const options = ['--enable-dummy=override', '--disable-system', `--unixctl=${join(dir, 'v.ctl')}`];
  start('ovs-vswitchd', [`unix:${db}`, ...options]);
  run('ovs-vsctl', [`--db=unix:${db}`, 'add-br', 'br-int', '--', 'set', 'bridge', 'br-int', 'datapath_type=dummy']);
  await appears(join(dir, 'br-int.mgmt'));

  server = await Twin.start(dir, 'sb');
  const sb = (...args: string[]) => run('ovn-sbctl', [`--db=unix:${server.socket}`, ...args]).trim();
  const datapath = sb('create', 'Datapath_Binding', 'tunnel_key=1', 'external_ids:name=sw0');
  const flow = (table: number) =>
    sb(
      ...['create', 'Logical_Flow', `logical_datapath=${datapath}`, 'pipeline=ingress', `table_id=${table}`],
      ...['priority=10', 'match="ip4"', 'actions="next;"'],
    );
  sb('chassis-add', 'ch', 'geneve', '1.2.3.4');
  const records = [
    flow(0),
    flow(3),
    sb('create', 'Port_Binding', 'logical_port=p', `datapath=${datapath}`, 'tunnel_key=5'),
    sb('create', 'Multicast_Group', 'name=mc', `datapath=${datapath}`, 'tunnel_key=32768'),
    sb('create', 'MAC_Binding', 'logical_port=p', 'ip=1.2.3.4', `datapath=${datapath}`, 'mac="0a:00:00:00:00:01"'),
    sb('--bare', '--columns=_uuid', 'list', 'Chassis'),
  ];
  const bridge = `unix:${join(dir, 'br-int.mgmt')}`;
  records.forEach((uuid, i) => {
    for (const text of [
      `table=${i},priority=${i * 10},ip,metadata=1,reg14=${i},actions=ct(table=9,zone=NXM_NX_REG13[0..15]),output:3`,
      `table=${i + 40},tcp6,idle_timeout=3600,hard_timeout=7200,send_flow_rem,importance=4,actions=write_metadata:4`,
      `table=${i + 20},priority=7,check_overlap,no_packet_counts,no_byte_counts,actions=in_port,local`,
      `table=${i + 60},priority=0,actions=drop`,
    ]) {
      run('ovs-ofctl', ['-O', 'OpenFlow15', 'add-flow', bridge, `cookie=0x${uuid.slice(0, 8)},${text}`]);
    }
  });
});

afterAll(() => {
  server?.stop();
  for (const child of children) child.kill();
  remove();
});

/** Without what passes between two runs, and the program's name. */
function comparable(text: string): string {
  return text
    .replaceAll('ovn-sbctl', 'sbctl')
    .replace(/duration=\d+(\.(\d{3})+)?s/g, 'duration')
    .replace(/idle_age=\d+/g, 'idle_age')
    .replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z\|\d+\|/gm, '');
}

it.each([
  { args: ['--ovs', 'lflow-list'], has: 'actions=IN_PORT,LOCAL' },
  { args: ['--ovs', '--stats', 'lflow-list', 'sw0'], has: 'hard_timeout=7200' },
  { args: ['--uuid', '--ovs', '--stats', '--vflows', 'lflow-list'], has: 'MC Groups' },
  { args: [`--ovs=unix:${join(dir, 'br-int.mgmt')}`, 'dump-flows'], has: 'table=60 actions=drop' },
  { args: ['--stats', 'lflow-list'], has: 'match=(ip4)' },
  { args: ['--ovs=unix:/nonexistent', 'lflow-list'], has: 'match=(ip4)' },
  { args: ['--ovs=nonsense', 'lflow-list'], has: 'match=(ip4)' },
  { args: ['--ovs=tcp:127.0.0.1:1', 'lflow-list'], has: 'match=(ip4)' },
  { args: ['--ovs=junk', '--stats', '--vflows', 'lflow-list'], has: 'match=(ip4)' },
  // What is warned of comes in the order of the commands.
  {
    args: 'destroy Chassis -- --ovs=junk lflow-list -- destroy Chassis -- --ovs=junk dump-flows'.split(' '),
    has: 'match=(ip4)',
  },
])('$args', async ({ args, has }) => {
  const c = runC('sb', args, server.socket, dir);
  const ours = await runOurs('sb', args, server.socket, dir);
  expect(comparable(c.stdout)).toContain(has);
  expect(comparable(ours.stdout)).toBe(comparable(c.stdout));
  expect(comparable(ours.stderr)).toBe(comparable(c.stderr));
  expect(ours.status).toBe(c.status);
});
