/** What ovs-ofctl adds to a switch, in the many forms that ovs-actions(7) and ovs-fields(7) have, is what we read and print of it, and add again. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Connection } from './connection.ts';
import { Match } from './match.ts';
import { requireProgram, startSwitch, type TestSwitch } from './testing.ts';
import { formatActions } from './text-actions.ts';
import { parseFlow } from './text-flow.ts';
import { formatMatch } from './text-match.ts';

const actions: readonly string[] = [
  'drop',
  'output:1,LOCAL,IN_PORT,ALL,FLOOD,NORMAL,CONTROLLER,output:reg0[0..15],output(port=1,max_len=100)',
  'controller:77,controller(reason=invalid_ttl,max_len=99,id=7),controller(userdata=01.02.ff,pause,meter_id=1)',
  'enqueue(1,5),set_queue:7,pop_queue',
  'bundle(eth_src,50,active_backup,ofport,members:1,2),bundle_load(symmetric_l4,60,hrw,ofport,reg0[],members:2,1)',
  ...['modulo_n', 'hash_threshold', 'hrw', 'iter_hash'].map(
    (how) => `multipath(symmetric_l3l4+udp,5,${how},8,9,reg0[0..7])`,
  ),
  ...['eth_src', 'symmetric_l4', 'symmetric_l3l4', 'nw_src', 'nw_dst', 'symmetric_l3'].map(
    (fields) => `multipath(${fields},5,hrw,8,9,xxreg1[3..40])`,
  ),
  'mod_dl_src:00:00:00:00:00:01,mod_vlan_vid:5,mod_vlan_pcp:3,strip_vlan,push_vlan:0x88a8',
  'set_field:0x5/0xff->reg3,load:5->tun_id[3..8],load:1->pkt_mark[4],move:reg0[0..5]->xxreg1[3..8]',
  'set_tunnel:0x5,set_tunnel64:0x123456789a,set_field:7->tun_metadata0,delete_field:tun_metadata0',
  'resubmit(,9),resubmit(3,9),resubmit:4',
  'push:NXM_NX_XXREG1[3..40],pop:reg5[0..15]',
  'learn(table=5,idle_timeout=6,hard_timeout=7,priority=8,cookie=0x9,send_flow_rem,delete_learned,limit=10,result_dst=reg5[3],NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],eth_type=0x800,load:NXM_OF_IN_PORT[]->reg0[0..15],load:0x123456789abcdef0->xreg3[],output:NXM_OF_IN_PORT[])',
  'learn(table=5,fin_idle_timeout=6,fin_hard_timeout=7,NXM_OF_VLAN_TCI[0..11],metadata=0x5)',
  'note:01.02.03.04.05.06.07,note:00',
  'sample(probability=9,collector_set_id=8,obs_domain_id=7,obs_point_id=6)',
  'sample(probability=9,collector_set_id=8,obs_domain_id=7,obs_point_id=6,sampling_port=1,egress)',
  'clone(set_field:1->reg0,clone(output:2)),check_pkt_larger(1500)->reg0[5]',
  'exit',
  'conjunction(7,1/3),conjunction(8,3/4)',
  'push_mpls:0x8847,set_mpls_label:9,dec_mpls_ttl,pop_mpls:0x0800',
  ...['ethernet', 'mpls', 'nsh'].map((what) => `encap(${what})`),
  'decap()',
  'meter:1,output:1,clear_actions,write_actions(set_field:5->reg0,group:1),write_metadata:0x5/0xff,goto_table:9',
];

/** Actions that need a protocol. */
const tcpActions: readonly string[] = [
  'dec_ttl,dec_ttl(3,4),mod_nw_tos:16,mod_nw_ecn:2,mod_nw_ttl:64,mod_nw_src:10.0.0.1,mod_tp_dst:80',
  'fin_timeout(idle_timeout=5,hard_timeout=6)',
  'learn(table=5,eth_type=0x800,nw_proto=6,tcp_dst=tcp_src,NXM_OF_IP_SRC[])',
  'ct,ct(commit,force,alg=ftp),ct(table=5,zone=reg1[0..15]),ct_clear',
  'ct(commit,zone=9,exec(set_field:0x1->ct_mark,set_field:0x2/0xff->ct_label,move:reg0[]->ct_mark[]))',
  ...['', '(src)', '(dst)', '(src=10.0.0.1)', '(src=10.0.0.1-10.0.0.9:5-500,random)'].map(
    (nat) => `ct(commit,table=5,nat${nat})`,
  ),
];
const tcp6Actions: readonly string[] = [
  'learn(table=5,xxreg0=ipv6_src)',
  ...['dst=[fd00::1]:80,persistent', 'dst=fd00::1-fd00::9,hash'].map((nat) => `ct(commit,table=5,nat(${nat}))`),
];

const matches: readonly string[] = [
  'vlan_tci=0xf436/0xf437',
  'vlan_tci=0x1000/0x1000',
  'vlan_tci=0',
  'dl_vlan=5,dl_vlan_pcp=3',
  'dl_vlan_pcp=3',
  'tun_metadata0',
  'tun_metadata0=5/7',
  'tun_src=10.0.0.1,tun_flags=+oam,tun_gbp_id=5,tun_gbp_flags=0x9',
  'ct_state=+trk+est-new,ct_zone=5,ct_mark=1/3,ct_label=0x5/0xff',
  'icmp6,icmp_type=135,icmp_code=0,nd_target=fd00::1,nd_sll=00:00:00:00:00:01,nd_options_type=1',
  'tcp,tcp_flags=+syn-ack,tp_dst=0x10/0xfff0',
  ...['no', 'yes', 'first', 'later', 'not_later'].map((frag) => `ip,nw_frag=${frag}`),
  'mpls,mpls_label=5,mpls_tc=3,mpls_bos=1,mpls_ttl=9',
  'ipv6,ipv6_label=0x12345/0xf0f0f,nw_ecn=2,nw_tos=16',
  'in_port=LOCAL,xxreg1=0x5/0xff,xreg4=0x123456789a,reg3=1/1,metadata=5,pkt_mark=7,conj_id=9,actset_output=1',
];

let sw: TestSwitch;
let connection: Connection;

beforeAll(async () => {
  requireProgram('ovs-ofctl', 'openvswitch-common');
  sw = startSwitch();
  await new Promise<void>((resolve) => {
    connection = new Connection({ remote: sw.remote }, { connected: () => resolve() });
    connection.start();
  });
  sw.ofctl('add-tlv-map', 'br-int', '{class=0x102,type=0x80,len=4}->tun_metadata0');
  sw.ofctl('add-meter', 'br-int', 'meter=1,kbps,bands=type=drop,rate=100');
  sw.ofctl('add-group', 'br-int', 'group_id=1,type=select,bucket=bucket_id=0,weight:1,actions=output:1');
});
afterAll(() => {
  connection?.close();
  sw?.stop();
});

const dump = (): string[] =>
  sw
    .ofctl('dump-flows', 'br-int', '--no-stats')
    .split('\n')
    .filter((line) => line.includes('actions='))
    .map((line) => line.trim());

describe('what ovs-ofctl adds', () => {
  it('is read, printed, parsed and added again as the same', async () => {
    const flows = [
      ...actions.map((text) => `actions=${text}`),
      ...tcpActions.map((text) => `tcp,actions=${text}`),
      ...tcp6Actions.map((text) => `tcp6,actions=${text}`),
      ...matches.map((text) => `${text},actions=drop`),
    ].map((text, i) => `priority=${i + 1},${text}`);
    const file = join(sw.dir, 'forms.txt');
    writeFileSync(file, `${flows.join('\n')}\n`);
    sw.ofctl('add-flows', 'br-int', file);
    const theirs = dump();
    expect(theirs).toHaveLength(flows.length);

    const read = new Map((await connection.dumpFlows()).map((flow) => [flow.priority, flow]));
    const parsed = theirs.map((line) => {
      const flow = parseFlow(line);
      if (!flow.ok) throw new Error(`${flow.error.message}: ${line.slice(flow.error.offset)}`);
      return flow.value;
    });
    for (const [i, flow] of parsed.entries()) {
      const line = theirs[i] ?? '';
      for (const same of [flow, read.get(flow.priority)]) {
        const ours = `${formatMatch(same?.match ?? Match.any)} actions=${formatActions(same?.actions ?? [])}`;
        expect(line.slice(-ours.length)).toBe(ours);
      }
    }

    const everything = { table: 255, priority: 0, cookie: 0n, match: Match.any, actions: [] };
    await connection.batch([{ type: 'flow_mod', mod: { command: 'delete', ...everything } }]);
    await connection.batch(parsed.map((flow) => ({ type: 'flow_mod', mod: { ...flow, command: 'add' } })));
    expect(dump()).toEqual(theirs);
  });
});
