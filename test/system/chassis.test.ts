import { castOf } from '@weft/cli/demo/lab';
import { run, waitFor } from '@weft/cli/demo/process';
import { guests, ping, pingUntilAnswered, plug, switchCommands } from '@weft/cli/demo/walkthrough';
import { describe, expect, it } from 'vitest';
import { labOfSuite } from '../lab.ts';

// What an administrator changes of a chassis while it runs.
describe('a chassis that changes', () => {
  const lab = labOfSuite(castOf('weft'), async (lab) => {
    for (const guest of [guests.g1, guests.g2]) await plug(lab, guest);
    for (const args of switchCommands) await lab.nbctl(...args);
    await lab.nbctl('--wait=hv', 'sync');
    await pingUntilAnswered(lab, guests.g1, '192.168.1.20');
  });

  const tunnels = async () =>
    (await lab.vsctl(1, '--bare', '--columns=options', 'find', 'Interface', 'type=geneve')).trim().split(/\n+/).sort();

  it('keeps its row, its ports and its traffic under a new system-id', async () => {
    const before = (await lab.sbctl('--bare', '--columns=_uuid', 'find', 'Chassis', 'name=node2')).trim();
    const pings = ping(lab, guests.g1, '192.168.1.20', { count: 300, interval: 0.01 });
    await lab.vsctl(2, 'set', 'Open_vSwitch', '.', 'external-ids:system-id=node2b');
    const name = () => lab.sbctl('--bare', '--columns=name', 'list', 'Chassis');
    await waitFor('the new name', async () => (await name()).includes('node2b'));
    const { sent, received } = await pings;
    expect(received).toBe(sent);
    expect((await lab.sbctl('--bare', '--columns=_uuid', 'find', 'Chassis', 'name=node2b')).trim()).toBe(before);
    expect(
      (await lab.sbctl('--bare', '--columns=chassis_name', 'list', 'Encap')).split(/\s+/).filter(Boolean).sort(),
    ).toEqual(['node1', 'node2b']);
    expect(
      (await lab.sbctl('--bare', '--columns=name', 'list', 'Chassis_Private')).split(/\s+/).filter(Boolean).sort(),
    ).toEqual(['node1', 'node2b']);
    await lab.nbctl('--wait=hv', '--timeout=20', 'sync');
    await pingUntilAnswered(lab, guests.g1, '192.168.1.20');
  });

  it('has a tunnel to each of its addresses', async () => {
    await run(['ip', '-n', lab.node(2), 'address', 'add', '10.1.1.52/24', 'dev', 'br-ext']);
    await lab.vsctl(2, 'set', 'Open_vSwitch', '.', 'external-ids:ovn-encap-ip=10.1.1.42,10.1.1.52');
    await waitFor('two tunnels', async () => (await tunnels()).length === 2);
    expect(await tunnels()).toEqual([
      'csum=true key=flow remote_ip=10.1.1.42',
      'csum=true key=flow remote_ip=10.1.1.52',
    ]);
    await pingUntilAnswered(lab, guests.g1, '192.168.1.20');
    await lab.vsctl(2, 'set', 'Open_vSwitch', '.', 'external-ids:ovn-encap-ip=10.1.1.42');
    await waitFor('one tunnel', async () => (await tunnels()).length === 1);
    await pingUntilAnswered(lab, guests.g1, '192.168.1.20');
  });
});
