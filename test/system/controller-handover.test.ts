import { join } from 'node:path';
import { type Cast, castOf } from '@weft/cli/demo/lab';
import { run, waitFor } from '@weft/cli/demo/process';
import { guests, ping, pingUntilAnswered } from '@weft/cli/demo/walkthrough';
import { describe, expect, it } from 'vitest';
import { buildTutorialNetwork, labOfSuite } from '../lab.ts';

const vip = '10.0.0.100';

// Packets that go through a load balancer's group, a rate limit's meter and conjunctive matches, which all have the numbers of the C controller.
describe('a hypervisor that changes hands under traffic', () => {
  const cast: { -readonly [part in keyof Cast]: Cast[part] } = castOf('c');
  const lab = labOfSuite(cast, async (lab) => {
    await buildTutorialNetwork(lab);
    const addresses = '{192.168.1.10, 192.168.1.20, 192.168.2.30}';
    await lab.nbctl(
      ...['lb-add', 'lb0', vip, '192.168.1.20,192.168.2.30', '--', 'ls-lb-add', 'ls1', 'lb0'],
      ...['--', 'qos-add', 'ls1', 'from-lport', '100', 'ip4.src == 192.168.1.10', 'rate=100000'],
      ...['--', 'acl-add', 'ls1', 'from-lport', '1000'],
      ...[`ip4.src == ${addresses} && icmp4.type == {8, 0}`, 'allow-related'],
      ...['--', 'acl-add', 'ls1', 'from-lport', '1', 'ip4', 'drop'],
    );
    await lab.nbctl('--wait=hv', 'sync');
    await pingUntilAnswered(lab, guests.g1, '192.168.2.30');
    await pingUntilAnswered(lab, guests.g1, vip);
  });
  const dump = async (what: string) => {
    const bridge = `unix:${join(lab.options.dir, 'ovs1', 'br-int.mgmt')}`;
    const text = await run(['ovs-ofctl', '-O', 'OpenFlow15', `dump-${what}`, bridge]);
    return text.split('\n').slice(1).sort();
  };
  const leave = async () => {
    await run(['ovs-appctl', '-t', lab.controllerSocket(1), 'exit', '--restart']);
    await waitFor('the controller to end', () => !lab.daemon('controller1').alive());
  };
  const flows = async () => (await lab.dumpFlows(1)).split('\n').filter(Boolean).sort();

  it('loses no packet, and no flow, group or meter is written', async () => {
    const before = await flows();
    const groups = await dump('groups');
    const meters = await dump('meters');
    expect(before.filter((flow) => /conj_id=\d{4}/.test(flow)).length).toBeGreaterThan(0);
    expect(before.filter((flow) => /group:/.test(flow)).length).toBeGreaterThan(0);
    expect(before.filter((flow) => /meter:/.test(flow)).length).toBeGreaterThan(0);
    const pinging = ping(lab, guests.g1, vip, { count: 600, interval: 0.01 });
    await new Promise((done) => setTimeout(done, 500));
    await leave();
    cast.controller1 = 'weft';
    await lab.startController(1);
    await lab.nbctl('--wait=hv', 'sync');
    // And again, with numbers that it took over.
    await leave();
    await lab.startController(1);
    await lab.nbctl('--wait=hv', 'sync');
    const { sent, received } = await pinging;
    expect({ sent, received }).toEqual({ sent: 600, received: 600 });
    expect(await flows()).toEqual(before);
    expect({ groups: await dump('groups'), meters: await dump('meters') }).toEqual({ groups, meters });
    const stats = (await run(['ovs-appctl', '-t', lab.controllerSocket(1), 'inc-engine/show-stats'])).split('\n');
    expect(stats[0]).toMatch(/ 0 added, 0 removed, [1-9]\d* found right/);
    expect(stats[1]).toBe('changes of groups: 0; of meters: 0');
  }, 60_000);

  it('and back: the C controller makes it all anew, and the same', async () => {
    const numberless = (lines: readonly string[]) =>
      lines
        .map((line) =>
          line
            .replaceAll(/(conj_id=|conjunction\(|group:|meter:|meter_id=)\d+/g, '$1N')
            .replaceAll(/set_field:0x[1-9a-f][0-9a-f]*->reg1[1-3]/g, 'zone'),
        )
        .sort();
    const before = await flows();
    await leave();
    cast.controller1 = 'c';
    await lab.startController(1);
    await lab.nbctl('--wait=hv', 'sync');
    expect(numberless(await flows())).toEqual(numberless(before));
    await pingUntilAnswered(lab, guests.g1, vip);
  }, 60_000);
});
