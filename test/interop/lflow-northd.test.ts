// Every logical flow that a live ovn-northd writes for a network with most of its features, compiled by the C controller and by ours.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { accepts, waitFor } from '@weft/cli/demo/process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LflowOracle, type OracleFlow } from './lflow-oracle.ts';
import { compareWithOracle } from './lflow-ours.ts';

const dir = mkdtempSync(join(tmpdir(), 'weft-lflow-northd-'));
const children: ChildProcess[] = [];
const env = { ...process.env, OVN_RUNDIR: dir, OVS_RUNDIR: dir, OVN_LOGDIR: dir };

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { env, encoding: 'utf8', maxBuffer: 1 << 28 });
}

const nbctl = (...args: string[]): string => run('ovn-nbctl', `--db=unix:${dir}/nb.sock`, ...args);

/** ovn-nbctl's commands, one a line. */
const network = `
ls-add sw0
lsp-add sw0 vm1
lsp-set-addresses vm1 "00:00:00:00:00:01 10.0.0.11 fd00::11"
lsp-set-port-security vm1 "00:00:00:00:00:01 10.0.0.11 fd00::11"
lsp-add sw0 vm2
lsp-set-addresses vm2 unknown
lsp-add sw0 ext
lsp-set-type ext localnet
lsp-set-addresses ext unknown
lsp-add sw0 vip1
lsp-set-type vip1 virtual
set Logical_Switch_Port vip1 options:virtual-ip=10.0.0.50 options:virtual-parents=vm1,vm2
lsp-add sw0 sw0-lr0
lsp-set-type sw0-lr0 router
lsp-set-addresses sw0-lr0 router
lsp-set-options sw0-lr0 router-port=lr0-sw0
lr-add lr0
lrp-add lr0 lr0-sw0 00:00:00:00:ff:01 10.0.0.1/24 fd00::1/64
set Logical_Router_Port lr0-sw0 ipv6_ra_configs:address_mode=slaac ipv6_ra_configs:mtu=1400 options:gateway_mtu=1400
ls-add sw1
lsp-add sw1 vm3
lsp-set-addresses vm3 "00:00:00:00:00:03 20.0.0.3"
lsp-add sw1 sw1-lr0
lsp-set-type sw1-lr0 router
lsp-set-addresses sw1-lr0 router
lsp-set-options sw1-lr0 router-port=lr0-sw1
lrp-add lr0 lr0-sw1 00:00:00:00:ff:02 20.0.0.1/24
lrp-set-gateway-chassis lr0-sw1 hv1 20
lr-nat-add lr0 snat 20.0.0.100 10.0.0.0/24
lr-nat-add lr0 dnat_and_snat 20.0.0.110 10.0.0.11
lr-nat-add lr0 dnat_and_snat 20.0.0.111 10.0.0.12 vm1 00:00:00:00:00:aa
--portrange lr-nat-add lr0 dnat_and_snat 20.0.0.112 10.0.0.13 1000-2000
--stateless lr-nat-add lr0 dnat_and_snat 20.0.0.113 10.0.0.14
lr-route-add lr0 30.0.0.0/8 20.0.0.9
--ecmp-symmetric-reply lr-route-add lr0 40.0.0.0/8 20.0.0.10
--ecmp-symmetric-reply lr-route-add lr0 40.0.0.0/8 20.0.0.11
--policy=src-ip lr-route-add lr0 10.0.0.0/24 20.0.0.12
lr-route-add lr0 50.0.0.0/8 discard
--bfd lr-route-add lr0 60.0.0.0/8 20.0.0.13 lr0-sw1
lr-policy-add lr0 10 "ip4.src == 10.0.0.0/24" reroute 20.0.0.20
lr-policy-add lr0 11 "ip4.src == 10.0.1.0/24" reroute 20.0.0.20,20.0.0.21
lr-policy-add lr0 12 "ip4.src == 10.0.2.0/24" drop
lr-policy-add lr0 13 "ip4.src == 10.0.3.0/24" allow pkt_mark=100
lr-add gw
set Logical_Router gw options:chassis=hv1 options:dnat_force_snat_ip=30.0.0.5 options:lb_force_snat_ip=30.0.0.6
lrp-add gw gw-sw1 00:00:00:00:ff:03 20.0.0.2/24
lsp-add sw1 sw1-gw
lsp-set-type sw1-gw router
lsp-set-addresses sw1-gw router
lsp-set-options sw1-gw router-port=gw-sw1
lr-nat-add gw snat 20.0.0.200 10.9.0.0/24
lr-nat-add gw dnat 20.0.0.201 10.9.0.1
lb-add lb0 10.0.0.100:80 10.0.0.11:80,10.0.0.12:80 tcp
lb-add lb1 10.0.0.101:53 10.0.0.11:53 udp
lb-add lb2 [fd00::100]:80 [fd00::11]:80 tcp
lb-add lb3 10.0.0.102 10.0.0.11
--event lb-add lb4 10.0.0.103:80 "" tcp
--reject lb-add lb5 10.0.0.104:80 "" tcp
lb-add lb6 10.0.0.105:80 10.0.0.11:80 tcp
set Load_Balancer lb6 options:affinity_timeout=30
lb-add lb7 10.0.0.106:80 10.0.0.11:80,10.0.0.12:80 tcp
set Load_Balancer lb7 options:skip_snat=true selection_fields=ip_src,ip_dst
lb-add lb8 10.0.0.107:80 10.0.0.11:80 tcp
set Load_Balancer lb8 options:hairpin_snat_ip=10.0.0.99
ls-lb-add sw0 lb0
ls-lb-add sw0 lb1
ls-lb-add sw0 lb2
ls-lb-add sw0 lb3
ls-lb-add sw0 lb4
ls-lb-add sw0 lb5
ls-lb-add sw0 lb6
ls-lb-add sw0 lb8
lr-lb-add gw lb0
lr-lb-add gw lb6
lr-lb-add gw lb7
lr-lb-add lr0 lb0
lr-lb-add lr0 lb2
meter-add acl-meter drop 10 pktps 5
pg-add pg0 vm1 vm2
create Address_Set name=as0 addresses=10.0.0.0/24,10.1.0.5
--log --severity=info --name=a1 --meter=acl-meter acl-add sw0 from-lport 1002 "inport == @pg0 && ip4 && tcp.dst == {80, 443}" allow-related
acl-add sw0 to-lport 1003 "outport == @pg0 && ip4.src == $as0 && tcp.dst == {80, 443}" allow-related
acl-add sw0 to-lport 1001 "ip6 && udp" reject
--label=1234 acl-add sw0 from-lport 1000 "ip4 && udp.dst == 1000" allow-related
acl-add sw0 to-lport 900 "ip" drop
acl-add sw1 from-lport 900 "ip4" allow-stateless
--apply-after-lb acl-add sw0 from-lport 1010 "ip4 && icmp4" allow-related
qos-add sw0 from-lport 100 "inport == \\"vm1\\"" dscp=48 rate=1000 burst=2000
copp-add copp0 arp acl-meter
ls-copp-add copp0 sw0
set Logical_Switch sw0 other_config:mcast_snoop=true other_config:mcast_querier=true other_config:mcast_eth_src=00:00:00:00:00:77 other_config:mcast_ip4_src=10.0.0.254
`;

/** Ports of the network, by the oracle's ports that stand in for them. */
const standIns: readonly (readonly [RegExp, string])[] = [
  [/"(vm1|vm3|sw1-lr0|sw1-gw)"/g, '"lp1"'],
  [/"(vm2|ext|sw0-lr0)"/g, '"lp2"'],
  [/"vip1"/g, '"lvip"'],
  [/"(cr-)?(lr0-sw0|lr0-sw1|gw-sw1)"/g, '"lrp"'],
  [/"_MC_\w+"/g, '"_MC_flood"'],
  [/@\w+/g, '@pg1'],
  [/\$\w+/g, '$as1'],
  [/meter="[^"]*"/g, 'meter="m1"'],
];

const oracle = new LflowOracle();

beforeAll(async () => {
  if (!existsSync('/usr/bin/ovn-northd'))
    throw new Error('this test compares with the C programs and needs the Debian package ovn-central');
  for (const name of ['nb', 'sb']) {
    run('ovsdb-tool', 'create', `${dir}/${name}.db`, `/usr/share/ovn/ovn-${name}.ovsschema`);
    const args = [`--remote=punix:${dir}/${name}.sock`, `--unixctl=${dir}/${name}.ctl`, `${dir}/${name}.db`];
    children.push(spawn('ovsdb-server', args, { env, stdio: 'ignore' }));
  }
  for (const name of ['nb', 'sb']) await waitFor(`the database ${name}`, () => accepts(`${dir}/${name}.sock`));
  const northd = [`--ovnnb-db=unix:${dir}/nb.sock`, `--ovnsb-db=unix:${dir}/sb.sock`, `--unixctl=${dir}/northd.ctl`];
  children.push(spawn('ovn-northd', northd, { env, stdio: 'ignore' }));
  run('ovn-sbctl', `--db=unix:${dir}/sb.sock`, 'chassis-add', 'hv1', 'geneve', '127.0.0.1');
  const script = network
    .trim()
    .split('\n')
    .map((line) => `ovn-nbctl --db=unix:${dir}/nb.sock -- ${line}`)
    .join('\n')
    .replaceAll('$as0', '\\$as0');
  execFileSync('bash', ['-e', '-c', script], { env, stdio: 'pipe' });
  for (const [name, options] of [
    [
      '10.0.0.0/24',
      'server_id=10.0.0.1 server_mac=00:00:00:00:ff:01 lease_time=3600 router=10.0.0.1 dns_server={8.8.8.8,1.1.1.1} mtu=1400',
    ],
    ['fd00::/64', 'server_id=00:00:00:00:ff:01 dns_server=fd00::53'],
  ] as const) {
    const uuid = nbctl('create', 'DHCP_Options', `cidr=${JSON.stringify(name)}`).trim();
    const version = name.includes(':') ? 'v6' : 'v4';
    nbctl(`lsp-set-dhcp${version}-options`, 'vm1', uuid);
    nbctl(`dhcp-options-set-options`, uuid, ...options.split(' '));
  }
  const dns = nbctl('create', 'DNS', 'records={"a.b"="10.0.0.11"}').trim();
  nbctl('set', 'Logical_Switch', 'sw0', `dns_records=${dns}`);
  nbctl('--wait=sb', 'sync');
  await oracle.start();
}, 120_000);

afterAll(async () => {
  await oracle.stop();
  await Promise.all(
    children.map(
      (child) =>
        new Promise<void>((resolve) => {
          if (child.exitCode !== null) return resolve();
          child.once('exit', () => resolve());
          child.kill('SIGKILL');
        }),
    ),
  );
  rmSync(dir, { recursive: true, force: true });
});

/** The logical flows of the network, with the oracle's names. */
function logicalFlows(): OracleFlow[] {
  const table = JSON.parse(
    run(
      'ovn-sbctl',
      `--db=unix:${dir}/sb.sock`,
      '--format=json',
      '--columns=pipeline,table_id,match,actions,external_ids',
      'list',
      'Logical_Flow',
    ),
  ) as { headings: string[]; data: unknown[][] };
  const seen = new Map<string, OracleFlow>();
  for (const [pipeline, number, match, actions, ids] of table.data) {
    const stage = new Map((ids as ['map', [string, string][]])[1]).get('stage-name') ?? '';
    const rename = (text: unknown): string =>
      standIns.reduce((done, [from, to]) => done.replace(from, to), String(text));
    const flow: OracleFlow = {
      match: rename(match),
      actions: rename(actions),
      pipeline: pipeline as 'ingress' | 'egress',
      table: Number(number),
      datapath: stage.startsWith('lr_') ? 'router' : 'switch',
    };
    seen.set(JSON.stringify(flow), flow);
  }
  return [...seen.values()];
}

describe('the logical flows of a live ovn-northd', () => {
  it('become the flows that ovn-controller makes of them, or fewer', async () => {
    const flows = logicalFlows();
    expect(flows.length).toBeGreaterThan(400);
    const comparisons = await compareWithOracle(oracle, flows);
    const different = comparisons.filter(
      ({ ours, theirs, ourError, theirError }) =>
        ourError !== theirError ||
        ours.length > theirs.length ||
        (ours.length === theirs.length && ours.join('\n') !== theirs.join('\n')),
    );
    expect(
      different.map(({ flow, ours, theirs, ourError, theirError }) => ({
        flow,
        ours: ourError ?? ours,
        theirs: theirError ?? theirs,
      })),
    ).toEqual([]);
    const empty = comparisons.filter(({ theirs }) => theirs.length === 0);
    expect(empty.length).toBeLessThan(comparisons.length / 10);
  }, 120_000);
});
