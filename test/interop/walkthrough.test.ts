import { resolve } from 'node:path';
import { type Cast, castOf } from '@weft/cli/demo/lab';
import { run, waitFor } from '@weft/cli/demo/process';
import {
  captureUnderlay,
  guests,
  ping,
  pingUntilAnswered,
  pingWithForeignMac,
  plug,
  routerCommands,
  switchCommands,
} from '@weft/cli/demo/walkthrough';
import { describe, expect, it } from 'vitest';
import { labOfSuite } from '../lab.ts';

// Each part of the system, exchanged for its counterpart: one by one among ours, and one by one among theirs.
const parts: readonly (keyof Cast)[] = ['databases', 'northd', 'controller1', 'controller2', 'ctl'];
const casts: [string, Cast][] = [
  ['every program ours', castOf('weft')],
  ...parts.map((part): [string, Cast] => [`ours, but ${part} the C one`, { ...castOf('weft'), [part]: 'c' }]),
  ...parts.map((part): [string, Cast] => [`the C programs, but ${part} ours`, { ...castOf('c'), [part]: 'weft' }]),
];

describe.each(casts)('the walkthrough: %s', (_name, cast) => {
  const lab = labOfSuite(cast);

  it('makes the tunnels and registers the chassis', async () => {
    const tunnel = await waitFor('the tunnel to node2', async () =>
      (await lab.vsctl(1, '--bare', '--columns=type,options', 'find', 'Interface', 'name=ovn-node2-0')).trim(),
    );
    expect(tunnel.split('\n')).toEqual(['geneve', 'csum=true key=flow remote_ip=10.1.1.42']);
    expect((await lab.vsctl(1, 'get', 'Bridge', 'br-int', 'fail_mode', 'datapath_type')).trim().split('\n')).toEqual([
      'secure',
      'netdev',
    ]);
    await waitFor('two chassis', async () =>
      (await lab.sbctl('--bare', '--columns=name', 'list', 'Chassis')).includes('node2'),
    );
  });

  it('joins two guests over Geneve', async () => {
    for (const guest of Object.values(guests)) await plug(lab, guest);
    for (const args of switchCommands) await lab.nbctl(...args);
    await lab.nbctl('--wait=hv', 'sync');
    const { packets, result } = await captureUnderlay(lab, 2, () => pingUntilAnswered(lab, guests.g1, '192.168.1.20'));
    expect(result).toMatchObject({ sent: 3, received: 3, ttls: [64, 64, 64] });
    expect(packets).toMatch(
      /Geneve.*vni 0x1, options \[class Open Virtual Networking \(OVN\) \(0x102\) type 0x80\(C\) len 8\]/,
    );
  });

  it('says that the ports are up, and installed', async () => {
    await waitFor(
      'the port to be up',
      async () => (await lab.nbctl('lsp-get-up', guests.g1.logicalPort)).trim() === 'up',
    );
    await waitFor('ovn-installed', async () =>
      (await lab.vsctl(1, 'get', 'Interface', 'veth11', 'external_ids:ovn-installed')).includes('true'),
    );
  });

  it('drops a spoofed source', async () => {
    expect((await pingWithForeignMac(lab, guests.g1, '192.168.1.20')).received).toBe(0);
    expect((await pingUntilAnswered(lab, guests.g1, '192.168.1.20')).received).toBe(3);
  });

  it('routes, and resolves the guest that is known only by its MAC', async () => {
    for (const args of routerCommands) await lab.nbctl(...args);
    await lab.nbctl('--wait=hv', 'sync');
    expect((await pingUntilAnswered(lab, guests.g1, '192.168.1.1')).ttls).toEqual([254, 254, 254]);
    expect((await pingUntilAnswered(lab, guests.g1, '192.168.2.1')).ttls).toEqual([254, 254, 254]);
    expect((await pingUntilAnswered(lab, guests.g1, '192.168.2.30')).ttls).toEqual([63, 63, 63]);
    expect((await pingUntilAnswered(lab, guests.g3, '192.168.1.20')).ttls).toEqual([63, 63, 63]);
    const bindings = await lab.sbctl('--bare', '--columns=ip,mac', 'find', 'MAC_Binding', 'logical_port=lr1-ls2');
    expect(bindings.split(/\s+/).filter(Boolean)).toEqual(['192.168.2.30', '00:00:00:00:00:03']);
  });

  it('shows byte for byte what the C programs show', async () => {
    const { env } = lab;
    for (const which of ['nbctl', 'sbctl']) {
      const ours = await run([resolve('node_modules/.bin', which), 'show'], { env });
      expect(ours).toBe(await run([`ovn-${which}`, 'show'], { env }));
      expect(ours).not.toBe('');
    }
  });

  it('removes its chassis when the controller ends in peace', async () => {
    // Not by a signal: that leaves the chassis in place, so that its traffic goes on.
    await run(['ovs-appctl', '-t', lab.controllerSocket(2), 'exit']);
    await waitFor(
      'the chassis to go',
      async () => !(await lab.sbctl('--bare', '--columns=name', 'list', 'Chassis')).includes('node2'),
    );
    expect((await ping(lab, guests.g1, '192.168.1.1', { count: 1 })).received).toBe(1);
  });
});
