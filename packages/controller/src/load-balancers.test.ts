import { flowKey } from '@weft/openflow/flow';
import { Match } from '@weft/openflow/match';
import { describe, expect, test } from 'vitest';
import { parseSnatIps, parseVip } from './physical/hairpin.ts';
import { addSwitch, chassisBed, id, inTable, plug, type TestBed } from './testing.ts';

const datapath = id('Datapath_Binding', 1);
const balancer = id('Load_Balancer', 1);

/** A switch with a port of this chassis, and a load balancer on it. */
async function balanced(vips: readonly (readonly [string, string])[], options: object = {}): Promise<TestBed> {
  const bed = chassisBed();
  addSwitch(bed, 1);
  bed.sb('Port_Binding', id('Port_Binding', 1), { logical_port: 'p1', datapath, tunnel_key: 1 });
  plug(bed, 1, 'tap1', new Map([['iface-id', 'p1']]), [1]);
  bed.sb('Load_Balancer', balancer, {
    name: 'lb',
    vips: new Map(vips),
    protocol: 'tcp',
    datapaths: [datapath],
    options: new Map(Object.entries({ hairpin_orig_tuple: 'true', ...options })),
  });
  await bed.idle();
  return bed;
}

describe('a load balancer', () => {
  test('has a flow for each backend that may meet itself, and one for each VIP', async () => {
    const bed = await balanced([
      ['10.9.0.9:80', '10.0.0.1:8080,10.0.0.2:8080'],
      ['[fd09::9]', 'fd00::1'],
    ]);
    expect(inTable(bed, 68)).toHaveLength(3);
    expect(inTable(bed, 70)).toHaveLength(2);
    expect(bed.flows()).toEqual((await bed.fresh()).flows());
  });

  test('of datapaths elsewhere has none', async () => {
    const bed = await balanced([['10.9.0.9:80', '10.0.0.1:8080']]);
    bed.sb('Load_Balancer', balancer, { datapaths: [id('Datapath_Binding', 2)] });
    await bed.idle();
    expect([...inTable(bed, 68), ...inTable(bed, 70)]).toEqual([]);
  });

  test('is known by the variables of the chassis if it is a template', async () => {
    const bed = await balanced([['^vip:^port', '^backends']], { template: 'true' });
    expect(inTable(bed, 68)).toEqual([]);
    const variables = new Map([
      ['vip', '10.9.0.9'],
      ['port', '80'],
      ['backends', '10.0.0.1:1,10.0.0.2:2'],
    ]);
    bed.sb('Chassis_Template_Var', id('Chassis_Template_Var', 1), { chassis: 'hv1', variables });
    await bed.idle();
    expect(inTable(bed, 68)).toHaveLength(2);
  });

  test('marks its connections, or labels them, as northd says', async () => {
    const bed = await balanced([['10.9.0.9:80', '10.0.0.1:8080']]);
    expect(inTable(bed, 68)[0]).toContain('ct_mark=2/2');
    bed.sb('SB_Global', id('SB_Global', 1), { options: new Map([['lb_hairpin_use_ct_mark', 'false']]) });
    await bed.idle();
    expect(inTable(bed, 68)[0]).toContain('ct_label=2/2');
  });

  test('is told of what makes no sense, and has the rest', async () => {
    const bed = await balanced(
      [
        ['10.9.0.9:80', '10.0.0.1'],
        ['10.9.0.8:80', '10.0.0.1:1'],
      ],
      { hairpin_snat_ip: 'nowhere' },
    );
    expect(inTable(bed, 70)).toHaveLength(1);
    expect(bed.log.join('\n')).toContain("load balancer lb: VIP '10.9.0.9:80' and its backends '10.0.0.1' do not fit");
    expect(bed.log.join('\n')).toContain("load balancer lb: hairpin_snat_ip 'nowhere' is no address");
  });
});

test('what the switch has learned stays when the controller reads it', async () => {
  const bed = await balanced([['10.9.0.9:80', '10.0.0.1:8080']]);
  const learned = [69, 76, 77, 78].map((table) => ({
    table,
    priority: 32768,
    cookie: 7n,
    match: Match.any,
    actions: [],
  }));
  const foreign = { table: 70, priority: 32768, cookie: 7n, match: Match.any, actions: [] };
  for (const flow of [...learned, foreign]) bed.switch.table.set(flowKey(flow), flow);
  bed.controller.recompute();
  await bed.idle();
  for (const flow of learned) expect(bed.switch.table.has(flowKey(flow))).toBe(true);
  expect(bed.switch.table.has(flowKey(foreign))).toBe(false);
});

describe('a VIP', () => {
  test.each([
    ['10.9.0.9:80', '10.0.0.1:8080,10.0.0.2:1', 2],
    ['10.9.0.9:80', ',10.0.0.1:8080,', 1],
    ['10.9.0.9', '', 0],
    ['10.9.0.9:0', '10.0.0.1,10.0.0.2:0', 2],
    ['[fd09::9]:80', '[fd00::1]:80', 1],
    ['fd09::9', '[fd00::1],fd00::2', 2],
  ])('%s has the backends %s', (vip, backends, count) => expect(parseVip(vip, backends)?.backends).toHaveLength(count));

  test.each([
    ['10.9.0.9:80', '10.0.0.1'],
    ['10.9.0.9', '10.0.0.1:80'],
    ['10.9.0.9:80', '[fd00::1]:80'],
    ['10.9.0.9:80', '10.0.0.1:80, 10.0.0.2:80'],
    ['10.9.0.9:80', '10.0.0.1:0x50'],
    ['10.9.0.9:65536', '10.0.0.1:80'],
    ['[10.9.0.9]:80', '10.0.0.1:80'],
    ['^vip:80', '10.0.0.1:80'],
    ['', ''],
  ])('%s does not fit with %s', (vip, backends) => expect(parseVip(vip, backends)).toBeUndefined());
});

test('the sources of hairpins are one address of each family', () => {
  expect(parseSnatIps(' 1.2.3.4  fd0a::1 ')).toEqual({ ipv4: '1.2.3.4', ipv6: 'fd0a::1' });
  expect(parseSnatIps('')).toEqual({});
  expect(parseSnatIps('1.2.3.4/24')).toBeUndefined();
});
