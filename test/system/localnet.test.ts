import { setTimeout as sleep } from 'node:timers/promises';
import { castOf, type Guest, type Maker } from '@weft/cli/demo/lab';
import { ping, pingUntilAnswered, plug } from '@weft/cli/demo/walkthrough';
import { describe, expect, it } from 'vitest';
import { labOfSuite } from '../lab.ts';

const a: Guest = {
  node: 1,
  name: 'phys',
  port: 'veth-a',
  mac: '02:00:00:00:20:01',
  address: '10.8.0.1/24',
  gateway: '10.8.0.254',
  logicalPort: 'ln-a',
};
const b: Guest = {
  ...a,
  node: 2,
  port: 'veth-b',
  mac: '02:00:00:00:20:02',
  address: '10.8.0.2/24',
  logicalPort: 'ln-b',
};

// ovn-architecture(7), "Localnet ports": the packets of such a switch leave by the bridge that ovn-bridge-mappings names, with the VLAN of the
// localnet port, and by no tunnel. One hypervisor of each maker: what leaves one must be what the other takes.
describe.each<[Maker, Maker]>([
  ['weft', 'weft'],
  ['weft', 'c'],
])('a switch on a physical network: controllers %s and %s', (controller1, controller2) => {
  const lab = labOfSuite({ ...castOf('weft'), controller1, controller2 }, async (lab) => {
    for (const n of [1, 2] as const)
      await lab.vsctl(n, 'set', 'Open_vSwitch', '.', 'external-ids:ovn-bridge-mappings=physnet:br-ext');
    await lab.nbctl(
      ...'ls-add ln -- lsp-add ln ln-phys -- lsp-set-type ln-phys localnet -- lsp-set-addresses ln-phys unknown'.split(
        ' ',
      ),
      ...'-- lsp-set-options ln-phys network_name=physnet -- set Logical_Switch_Port ln-phys tag=77'.split(' '),
      ...[a, b].flatMap((guest, i) => [
        ...['--', 'lsp-add', 'ln', guest.logicalPort],
        ...['--', 'lsp-set-addresses', guest.logicalPort, `${guest.mac} 10.8.0.${i + 1} fd08::${i + 1}`],
      ]),
    );
    for (const [i, guest] of [a, b].entries()) {
      await lab.addGuest(guest);
      await lab.exec(lab.guestNamespace(guest), [
        ...['ip', 'address', 'add', `fd08::${i + 1}/64`, 'dev', 'eth0', 'nodad'],
      ]);
      await plug(lab, guest);
    }
    await lab.nbctl('--wait=hv', 'sync');
  });

  /** What the physical network sees of a ping: each packet's VLAN, or none. */
  async function pingOnTheWire(to: string): Promise<string> {
    await pingUntilAnswered(lab, a, to);
    const capture = lab.tryExec(
      lab.node(2),
      // The second expression is for packets behind a VLAN tag.
      [
        'tcpdump',
        '-i',
        'uplink',
        '-nn',
        '-e',
        '-l',
        '-c',
        '2',
        'icmp or icmp6[0] == 128 or udp port 6081 or (vlan and (icmp or ip6))',
      ],
      { timeout: 10_000 },
    );
    await sleep(500);
    expect((await ping(lab, a, to)).received).toBe(3);
    return (await capture).stdout;
  }

  it.each(['10.8.0.2', 'fd08::2'])('carries packets to %s with the tag, through no tunnel', async (to) => {
    const wire = await pingOnTheWire(to);
    expect(wire).toContain('vlan 77');
    expect(wire).not.toContain('6081');
  });

  it('follows a tag that is taken away', async () => {
    await lab.nbctl('--wait=hv', 'clear', 'Logical_Switch_Port', 'ln-phys', 'tag');
    const wire = await pingOnTheWire('10.8.0.2');
    expect(wire).toContain('10.8.0.1 > 10.8.0.2');
    expect(wire).not.toContain('vlan');
  });

  it('follows the bridge mappings', async () => {
    const patch = 'patch-ln-phys-to-br-int';
    expect(await lab.vsctl(1, 'list-ports', 'br-ext')).toContain(patch);
    await lab.vsctl(1, 'remove', 'Open_vSwitch', '.', 'external-ids', 'ovn-bridge-mappings');
    await lab.nbctl('--wait=hv', 'sync');
    expect(await lab.vsctl(1, 'list-ports', 'br-ext')).not.toContain(patch);
    expect((await ping(lab, a, '10.8.0.2')).received).toBe(0);
    await lab.vsctl(1, 'set', 'Open_vSwitch', '.', 'external-ids:ovn-bridge-mappings=physnet:br-ext');
    await lab.nbctl('--wait=hv', 'sync');
    await pingUntilAnswered(lab, a, '10.8.0.2');
  });
});
