import { castOf } from '@weft/cli/demo/lab';
import { run, waitFor } from '@weft/cli/demo/process';
import { guests, ping, pingUntilAnswered } from '@weft/cli/demo/walkthrough';
import { describe, expect, it } from 'vitest';
import { buildTutorialNetwork, labOfSuite } from '../lab.ts';

// Everything but the controllers is C: what goes wrong here is theirs.
describe('a controller that comes and goes', () => {
  const lab = labOfSuite({ ...castOf('c'), controller1: 'weft', controller2: 'weft' }, async (lab) => {
    await buildTutorialNetwork(lab);
    await pingUntilAnswered(lab, guests.g1, '192.168.2.30');
  });
  const appctl = (n: 1 | 2, ...args: string[]) => run(['ovs-appctl', '-t', lab.controllerSocket(n), ...args]);
  const chassis = async () =>
    (await lab.sbctl('--bare', '--columns=name', 'list', 'Chassis')).split('\n').filter(Boolean).sort();
  const flows = async (n: 1 | 2) => (await lab.dumpFlows(n)).split('\n').sort();

  it('loses no packet of a ping at 100 a second when it is killed and started again', async () => {
    const before = await flows(1);
    const pinging = ping(lab, guests.g1, '192.168.2.30', { count: 500, interval: 0.01 });
    await new Promise((done) => setTimeout(done, 1000));
    lab.daemon('controller1').kill('SIGKILL');
    await waitFor('the controller to end', () => !lab.daemon('controller1').alive());
    await lab.startController(1);
    // It has read the switch, compared, and said so.
    await lab.nbctl('--wait=hv', 'sync');
    const result = await pinging;
    expect({ sent: result.sent, received: result.received }).toEqual({ sent: 500, received: 500 });
    expect(await flows(1)).toEqual(before);
    // Not one flow was written, for all were right.
    expect((await appctl(1, 'inc-engine/show-stats')).split('\n')[0]).toMatch(
      / 0 added, 0 removed, [1-9]\d* found right/,
    );
  }, 60_000);

  it('keeps forwarding while the southbound database is down, and takes up again', async () => {
    lab.daemon('sb').kill('SIGKILL');
    await waitFor('the database to end', () => !lab.daemon('sb').alive());
    await waitFor(
      'the controller to notice',
      async () => (await appctl(1, 'connection-status')).trim() === 'not connected',
    );
    expect((await ping(lab, guests.g1, '192.168.2.30')).received).toBe(3);
    await lab.startDatabase('sb');
    await waitFor('the connection', async () => (await appctl(1, 'connection-status')).trim() === 'connected');
    await lab.nbctl('--wait=hv', '--timeout=20', 'sync');
    expect((await ping(lab, guests.g1, '192.168.2.30')).received).toBe(3);
  }, 60_000);

  it('stays registered when it ends to be restarted', async () => {
    const installed = await flows(2);
    await appctl(2, 'exit', '--restart');
    await waitFor('the controller to end', () => !lab.daemon('controller2').alive());
    expect(await chassis()).toEqual(['node1', 'node2']);
    expect(await flows(2)).toEqual(installed);
    await lab.startController(2);
    await lab.nbctl('--wait=hv', 'sync');
    expect(await flows(2)).toEqual(installed);
  }, 30_000);

  it('takes leave when it ends for good', async () => {
    await appctl(2, 'exit');
    await waitFor('the controller to end', () => !lab.daemon('controller2').alive());
    expect(await chassis()).toEqual(['node1']);
    expect((await lab.sbctl('--bare', '--columns=name', 'list', 'Chassis_Private')).trim()).toBe('node1');
    const bound = await lab.sbctl('--bare', '--columns=chassis', 'find', 'Port_Binding', 'logical_port=ls1-node2-ns1');
    expect(bound.trim()).toBe('');
    expect(await lab.vsctl(2, 'list-ports', 'br-int')).not.toContain('ovn-');
    // The other one takes its tunnel down.
    await waitFor('the tunnel to go', async () => !(await lab.vsctl(1, 'list-ports', 'br-int')).includes('ovn-node2'));
    await lab.startController(2);
    await pingUntilAnswered(lab, guests.g1, '192.168.2.30');
  }, 60_000);
});
