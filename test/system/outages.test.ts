import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { castOf } from '@weft/cli/demo/lab';
import { run, waitFor } from '@weft/cli/demo/process';
import { guests, ping, pingUntilAnswered } from '@weft/cli/demo/walkthrough';
import { describe, expect, it } from 'vitest';
import { buildTutorialNetwork, labOfSuite } from '../lab.ts';

// Programs die and databases go away; packets must not notice. Each test pings at 100 packets a second through the event.
describe('outages', () => {
  const lab = labOfSuite(castOf('weft'), async (lab) => {
    await buildTutorialNetwork(lab);
    await pingUntilAnswered(lab, guests.g1, '192.168.1.20');
    await pingUntilAnswered(lab, guests.g1, '192.168.2.30');
  });

  /** Pings both the neighbour and the routed guest at 100 packets a second while `event` happens, and gives how many were lost. */
  async function lostDuring(event: () => Promise<void>): Promise<number> {
    const pings = ['192.168.1.20', '192.168.2.30'].map((to) =>
      ping(lab, guests.g1, to, { count: 500, interval: 0.01 }),
    );
    await sleep(500);
    await event();
    const results = await Promise.all(pings);
    return results.reduce((lost, { sent, received }) => lost + sent - received, 0);
  }

  const contents = (which: 'nb' | 'sb') => run(['ovsdb-client', 'dump', `unix:${lab.socket(which)}`]);

  it('a killed and restarted controller loses no packet', async () => {
    const before = await lab.dumpFlows(1);
    const lost = await lostDuring(async () => {
      await lab.daemon('controller1').kill('SIGKILL');
      await sleep(1000);
      await lab.startController(1);
    });
    expect(lost).toBe(0);
    await lab.nbctl('--wait=hv', 'sync');
    expect((await lab.dumpFlows(1)).split('\n').sort()).toEqual(before.split('\n').sort());
  });

  it('a controller that ends with --restart leaves its chassis and loses no packet', async () => {
    const chassis = await lab.sbctl('--columns=_uuid,name', 'list', 'Chassis');
    const lost = await lostDuring(async () => {
      await run(['ovs-appctl', '-t', lab.controllerSocket(1), 'exit', '--restart']);
      await waitFor('the controller to end', () => !lab.daemon('controller1').alive());
      await lab.startController(1);
    });
    expect(lost).toBe(0);
    expect(await lab.sbctl('--columns=_uuid,name', 'list', 'Chassis')).toBe(chassis);
  });

  it('a killed and restarted northd writes nothing', async () => {
    const before = await contents('sb');
    const lost = await lostDuring(async () => {
      await lab.daemon('northd').kill('SIGKILL');
      await lab.startNorthd();
      await sleep(1500);
    });
    expect(lost).toBe(0);
    expect(await contents('sb')).toBe(before);
  });

  it.each(['sb', 'nb'] as const)(
    'a killed %s database loses no packet and nothing that was committed',
    async (which) => {
      const before = await contents('nb');
      const lost = await lostDuring(async () => {
        await lab.daemon(which).kill('SIGKILL');
        await sleep(1500);
        await lab.startDatabase(which);
      });
      expect(lost).toBe(0);
      expect(await contents('nb')).toBe(before);
      // And everybody comes back to it.
      await lab.nbctl('--wait=hv', '--timeout=30', 'sync');
      await lab.nbctl('ls-add', `after-${which}`);
      await lab.nbctl('--wait=hv', '--timeout=30', 'sync');
      expect(await lab.sbctl('--bare', '--columns=external_ids', 'list', 'Datapath_Binding')).toContain(
        `after-${which}`,
      );
    },
  );

  it('rows that make no sense are named once and skipped, and the rest works', async () => {
    await lab.nbctl('lsp-add', 'ls1', 'bad-mac', '--', 'set', 'Logical_Switch_Port', 'bad-mac', 'addresses="zz:zz"');
    await lab.nbctl(
      ...['lsp-add', 'ls1', 'no-router', '--', 'lsp-set-type', 'no-router', 'router'],
      ...['--', 'lsp-set-options', 'no-router', 'router-port=nowhere'],
    );
    await lab.nbctl(
      '--',
      '--id=@p',
      'create',
      'Logical_Router_Port',
      'name=bad-net',
      'mac="00:00:00:00:13:00"',
      'networks="1.2.3"',
      ...['--', 'add', 'Logical_Router', 'lr1', 'ports', '@p'],
    );
    await lab.nbctl('--wait=hv', 'sync');
    await lab.nbctl('--wait=hv', 'sync');
    const log = readFileSync(lab.logFile('northd'), 'utf8');
    for (const name of ['zz:zz', 'bad-net']) {
      expect(
        log.split('\n').filter((line) => line.includes(name)),
        name,
      ).toHaveLength(1);
    }
    expect((await ping(lab, guests.g1, '192.168.2.30')).received).toBe(3);
    await lab.nbctl('lsp-del', 'bad-mac', '--', 'lsp-del', 'no-router', '--', 'lrp-del', 'bad-net');
  });

  it('a malformed logical flow is logged and skipped by the controller', async () => {
    await run(['ovs-appctl', '-t', join(lab.options.dir, 'northd.ctl'), 'pause']);
    const datapath = (
      await lab.sbctl('--bare', '--columns=_uuid', 'find', 'Datapath_Binding', 'external_ids:name=ls1')
    ).trim();
    const flow = ['pipeline=ingress', 'table_id=0', 'priority=1000', `logical_datapath=${datapath}`];
    await lab.sbctl('create', 'Logical_Flow', ...flow, 'match="ip4.src == 1.2.3.4.5"', 'actions="next;"');
    const binding = ['logical_port=lr1-ls2', 'ip=zz', 'mac="00:00:00:00:00:09"', `datapath=${datapath}`];
    const bad = (await lab.sbctl('create', 'MAC_Binding', ...binding)).trim();
    await lab.sbctl('create', 'Logical_Flow', ...flow, 'match="eth.src == 0a:00:00:00:99:99"', 'actions="drop;"');
    await waitFor('the good flow to be in the switch', async () =>
      (await lab.dumpFlows(1)).includes('dl_src=0a:00:00:00:99:99'),
    );
    const log = readFileSync(lab.logFile('controller1'), 'utf8');
    expect(log).toContain('1.2.3.4.5');
    expect(log.split('\n').filter((line) => line.includes("ip 'zz'"))).toHaveLength(1);
    expect(log).not.toContain('TypeError');
    await lab.sbctl('destroy', 'MAC_Binding', bad);
    expect((await ping(lab, guests.g1, '192.168.2.30')).received).toBe(3);
    await run(['ovs-appctl', '-t', join(lab.options.dir, 'northd.ctl'), 'resume']);
    await waitFor(
      'northd to remove what is not its own',
      async () => !(await lab.dumpFlows(1)).includes('dl_src=0a:00:00:00:99:99'),
    );
  });
});
