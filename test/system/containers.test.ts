import { castOf, type Guest } from '@weft/cli/demo/lab';
import { connect } from '@weft/cli/demo/namespaces';
import { waitFor } from '@weft/cli/demo/process';
import { ping, pingUntilAnswered, plug } from '@weft/cli/demo/walkthrough';
import { describe, expect, it } from 'vitest';
import { labOfSuite } from '../lab.ts';

const subnet = { gateway: '10.9.0.254', node: 1 } as const;
const container = (n: number, tag: number) => ({
  ...subnet,
  name: `k${n}`,
  port: `veth-k${n}`,
  mac: `02:00:00:00:10:0${n}`,
  address: `10.9.0.${n}/24`,
  logicalPort: `cont${n}`,
  tag,
});
const containers = [container(2, 42), container(3, 43)] as const;
const [k2, k3] = containers;
const far: Guest = {
  ...subnet,
  node: 2,
  name: 'far',
  port: 'veth-far',
  mac: '02:00:00:00:10:04',
  address: '10.9.0.4/24',
  logicalPort: 'far',
};

// ovn-architecture(7), "Life Cycle of a Container Interface Inside a VM": one virtual interface carries the containers of a guest, told apart by VLAN.
// The guest is a bridge with an access port for each container, and a trunk that is plugged into br-int.
describe('containers inside a guest', () => {
  const lab = labOfSuite(castOf('weft'), async (lab) => {
    await lab.nbctl(
      ...'ls-add c1 -- lsp-add c1 parent1 -- lsp-set-addresses parent1'.split(' '),
      '02:00:00:00:10:01 10.9.0.1',
      ...containers.flatMap(({ logicalPort, tag, mac, address }) => [
        ...['--', 'lsp-add', 'c1', logicalPort, 'parent1', `${tag}`],
        ...['--', 'lsp-set-addresses', logicalPort, `${mac} ${address.replace('/24', '')}`],
      ]),
      ...['--', 'lsp-add', 'c1', 'far', '--', 'lsp-set-addresses', 'far', `${far.mac} 10.9.0.4`],
    );
    const node = lab.node(1);
    await connect({ ns: node, dev: 'trunk' }, { ns: node, dev: 'trunk-guest' });
    await lab.vsctl(1, ...'add-br br-guest -- set Bridge br-guest datapath_type=netdev'.split(' '));
    await lab.vsctl(1, 'add-port', 'br-guest', 'trunk-guest');
    for (const guest of containers) {
      await lab.addGuest(guest);
      await lab.vsctl(1, 'add-port', 'br-guest', guest.port, `tag=${guest.tag}`);
    }
    await lab.addGuest(far);
    await plug(lab, far);
    await lab.vsctl(1, ...'add-port br-int trunk -- set Interface trunk external-ids:iface-id=parent1'.split(' '));
    await lab.nbctl('--wait=hv', 'sync');
  });

  it('reach another hypervisor, and each other', async () => {
    expect((await pingUntilAnswered(lab, k2, '10.9.0.4')).ttls).toEqual([64, 64, 64]);
    await pingUntilAnswered(lab, k2, '10.9.0.3');
    await pingUntilAnswered(lab, far, '10.9.0.3');
  });

  it('are bound to the chassis of their guest, and up', async () => {
    for (const { logicalPort } of containers) {
      expect(await lab.nbctl('lsp-get-up', logicalPort)).toBe('up\n');
      const [binding, parent] = await Promise.all(
        [logicalPort, 'parent1'].map((name) =>
          lab.sbctl('--bare', '--columns=chassis', 'find', 'Port_Binding', `logical_port=${name}`),
        ),
      );
      expect(binding).toMatch(/^[0-9a-f-]{36}\n$/);
      expect(binding).toBe(parent);
    }
  });

  it('get nothing while they are disabled, and the others do', async () => {
    await lab.nbctl('--wait=hv', 'lsp-set-enabled', 'cont2', 'disabled');
    expect((await ping(lab, k2, '10.9.0.4')).received).toBe(0);
    expect((await ping(lab, k3, '10.9.0.4')).received).toBe(3);
    await lab.nbctl('--wait=hv', 'lsp-set-enabled', 'cont2', 'enabled');
    await pingUntilAnswered(lab, k2, '10.9.0.4');
  });

  it('can change their tag', async () => {
    await lab.nbctl('--wait=hv', 'set', 'Logical_Switch_Port', 'cont2', 'tag_request=50', 'tag=50');
    expect((await ping(lab, k2, '10.9.0.4')).received).toBe(0);
    await lab.vsctl(1, 'set', 'Port', k2.port, 'tag=50');
    await pingUntilAnswered(lab, k2, '10.9.0.4');
  });

  it('go down with their guest', async () => {
    await lab.vsctl(1, 'del-port', 'br-int', 'trunk');
    for (const { logicalPort } of containers)
      await waitFor('the container to be down', async () => (await lab.nbctl('lsp-get-up', logicalPort)) === 'down\n');
  });
});
