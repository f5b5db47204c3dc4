import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { run, waitFor } from '@weft/cli/demo/process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DummySwitch } from './dummy-switch.ts';

/**
 * One southbound database and one switch (on the dummy datapath, so without root), which change hands between the C controller and ours: whatever the
 * one made must be right for the other, flow for flow and row for row.
 */
class Chassis extends DummySwitch {
  constructor() {
    super(mkdtempSync(join(tmpdir(), 'weft-parity-')));
  }

  /** All but a controller. */
  async prepare(): Promise<void> {
    await this.startDatabase('nb', '/usr/share/ovn/ovn-nb.ovsschema');
    await this.startDatabase('sb', '/usr/share/ovn/ovn-sb.ovsschema');
    await this.startDatabase('ovs', '/usr/share/openvswitch/vswitch.ovsschema');
    await this.vsctl('--no-wait', 'init');
    await this.startSwitch();
    const databases = [`--ovnnb-db=${this.socket('nb.sock')}`, `--ovnsb-db=${this.socket('sb.sock')}`];
    await this.start('northd', ['ovn-northd', ...databases, `--unixctl=${join(this.dir, 'northd.ctl')}`]);
    await this.vsctl(
      ...['set', 'Open_vSwitch', '.', `external-ids:ovn-remote=${this.socket('sb.sock')}`],
      ...[
        'external-ids:ovn-encap-ip=127.0.0.1',
        'external-ids:ovn-encap-type=geneve,vxlan',
        'external-ids:system-id=node1',
      ],
      ...[
        'external-ids:ovn-bridge-mappings=phys:br-phys,wire:br-wire',
        'external-ids:ovn-chassis-mac-mappings=phys:aa:bb:cc:00:00:01',
      ],
      ...['--', 'add-br', 'br-phys', '--', 'add-br', 'br-wire'],
    );
  }

  /** Takes everything out of the switch. */
  async empty(): Promise<void> {
    for (const what of ['flows', 'groups', 'meters']) await this.ofctl(`del-${what}`);
  }

  /** Starts a controller, and waits until its flows are in the switch. */
  async control(program: string): Promise<void> {
    await this.startController(program);
    await this.sync();
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }

  nbctl = (...args: string[]) => run(['ovn-nbctl', '--timeout=20', `--db=${this.socket('nb.sock')}`, ...args]);
  sbctl = (...args: string[]) => run(['ovn-sbctl', '--timeout=20', `--db=${this.socket('sb.sock')}`, ...args]);

  /** Writes down every change of a flow, by whomever, until it is ended. */
  async watch(): Promise<{ readonly stop: () => Promise<readonly string[]> }> {
    const watcher = await this.start('watch', [
      ...[
        'ovs-ofctl',
        'monitor',
        this.socket('br-int.mgmt'),
        'watch:!initial',
        `--unixctl=${join(this.dir, 'watch.ctl')}`,
      ],
    ]);
    const log = join(this.dir, 'watch.log');
    return {
      stop: async () => {
        // When its barrier is answered, it has heard of all that was before.
        await run(['ovs-appctl', '-t', join(this.dir, 'watch.ctl'), 'ofctl/barrier']);
        await watcher.kill('SIGTERM');
        const text = readFileSync(log, 'utf8');
        rmSync(log);
        return text.split('\n').filter((line) => /event=/.test(line));
      },
    };
  }

  /** Binds a port to another chassis. */
  async bind(port: string, chassis: string): Promise<void> {
    await this.nbctl('--wait=sb', 'sync');
    await this.sbctl('lsp-bind', port, chassis);
  }

  sync(): Promise<string> {
    return this.nbctl('--wait=hv', 'sync');
  }

  async groups(): Promise<readonly string[]> {
    return this.#dump('dump-groups', 'group_id=');
  }

  async meters(): Promise<readonly string[]> {
    return this.#dump('dump-meters', 'meter=');
  }

  /** Lines of which each begins an entry, joined to entries. */
  async #dump(command: string, head: string): Promise<readonly string[]> {
    const text = await this.ofctl(command);
    const [, ...entries] = text.split(new RegExp(`^\\s*(?=${head})`, 'm'));
    return entries.map((entry) => entry.trim().replaceAll('\n', ' ')).sort();
  }

  async flows(): Promise<readonly string[]> {
    const dump = await this.ofctl('dump-flows', '--no-stats');
    return dump.split('\n').filter(Boolean).sort();
  }

  /** What a controller writes into the databases, but for times and numbers of configurations. */
  async rows(): Promise<string> {
    const list = (db: 'vsctl' | 'sbctl', table: string, columns: string) =>
      this[db]('--format=csv', '--data=string', `--columns=${columns}`, 'list', table).then((text) =>
        [table, ...text.split('\n').sort()].join('\n'),
      );
    const rows = [
      await list('sbctl', 'Chassis', 'name,hostname,other_config,external_ids,transport_zones,vtep_logical_switches'),
      await list('sbctl', 'Encap', 'chassis_name,ip,options,type'),
      await list('sbctl', 'Chassis_Private', 'name,external_ids'),
      await list('sbctl', 'Port_Binding', 'logical_port,chassis,up,encap,options'),
      await list('vsctl', 'Bridge', 'name,fail_mode,datapath_type,other_config,external_ids'),
      await list('vsctl', 'Port', 'name,external_ids'),
      await list('vsctl', 'Interface', 'name,type,options,external_ids'),
    ];
    return rows.join('\n').replaceAll(/(ovn-nb-cfg(-ts)?|ovn-startup-ts|ovn-installed-ts)=\\?"?"?\d+"?"?/g, '$1');
  }
}

/** The numbers that a controller gives as it likes mean nothing. */
const withoutNumbers = (flows: readonly string[]) =>
  flows
    .map((flow) =>
      flow.replaceAll(/(?:conj_id=|conjunction\(|group:|meter:|meter_id=)\d+/g, (id) => id.replace(/\d+/, 'N')),
    )
    .sort();

const ours = resolve('node_modules/.bin/weft-controller');
const theirs = 'ovn-controller';

/** Each adds to the network, in nbctl's, sbctl's and vsctl's words. */
const network: Record<string, (chassis: Chassis) => Promise<void>> = {
  async switches(chassis) {
    await chassis.sbctl('chassis-add', 'node2', 'geneve', '10.1.1.42');
    await chassis.nbctl(
      ...'ls-add ls1 -- lsp-add ls1 p1 -- lsp-add ls1 p2 -- lsp-add ls1 px -- lsp-add ls1 unbound'.split(' '),
      ...['--', 'lsp-set-addresses', 'p1', '00:00:00:00:00:01 192.168.1.10 fd00::10'],
      ...['--', 'lsp-set-port-security', 'p1', '00:00:00:00:00:01 192.168.1.10 fd00::10'],
      ...[
        '--',
        'lsp-set-addresses',
        'p2',
        '00:00:00:00:00:02 192.168.1.20',
        '--',
        'lsp-set-addresses',
        'px',
        'unknown',
      ],
    );
    await chassis.vsctl(...'add-port br-int if1 -- set Interface if1 type=dummy external-ids:iface-id=p1'.split(' '));
    await chassis.vsctl(...'add-port br-int if2 -- set Interface if2 type=dummy external-ids:iface-id=px'.split(' '));
    await chassis.bind('p2', 'node2');
  },
  async router(chassis) {
    await chassis.nbctl(
      ...'ls-add ls2 -- lsp-add ls2 p3 -- lsp-set-addresses p3 00:00:00:00:00:03 -- lr-add lr1'.split(' '),
      ...'-- lrp-add lr1 lr1-ls1 00:00:00:00:11:00 192.168.1.1/24 fd00::1/64 -- lrp-add lr1 lr1-ls2 00:00:00:00:12:00 192.168.2.1/24'.split(
        ' ',
      ),
      ...'-- lsp-add ls1 ls1-lr1 -- lsp-set-type ls1-lr1 router -- lsp-set-addresses ls1-lr1 router'.split(' '),
      ...'-- lsp-add ls2 ls2-lr1 -- lsp-set-type ls2-lr1 router -- lsp-set-addresses ls2-lr1 router'.split(' '),
      ...'-- lsp-set-options ls1-lr1 router-port=lr1-ls1 -- lsp-set-options ls2-lr1 router-port=lr1-ls2'.split(' '),
      ...'-- lr-route-add lr1 10.9.0.0/16 192.168.2.9 -- lr-route-add lr1 0.0.0.0/0 192.168.1.254'.split(' '),
    );
    await chassis.bind('p3', 'node2');
  },
  async 'neighbors and port security'(chassis) {
    await chassis.nbctl(
      ...[
        'lsp-set-port-security',
        'px',
        '00:00:00:00:00:05 10.0.0.5/24 10.1.0.0/16 fd00::5/64 fd01::/64',
        '00:00:00:00:00:06',
      ],
      ...['--', 'static-mac-binding-add', 'lr1-ls1', '192.168.1.77', '00:00:00:00:00:77'],
    );
    const datapath = (
      await chassis.sbctl('--bare', '--columns=datapath', 'find', 'Port_Binding', 'logical_port=lr1-ls2')
    ).trim();
    const neighbor = (ip: string) =>
      chassis.sbctl(
        'create',
        'MAC_Binding',
        'logical_port=lr1-ls2',
        `ip="${ip}"`,
        'mac="00:00:00:00:00:99"',
        `datapath=${datapath}`,
      );
    await neighbor('192.168.2.99');
    await neighbor('fd00::99');
    const key = (
      await chassis.sbctl('--bare', '--columns=tunnel_key', 'find', 'Datapath_Binding', 'external_ids:name=ls1')
    ).trim();
    await chassis.sbctl('create', 'FDB', 'mac="00:00:00:00:0f:01"', `dp_key=${key}`, 'port_key=3');
  },
  async 'containers and localports'(chassis) {
    await chassis.nbctl(
      ...'lsp-add ls1 c1 p1 42 -- lsp-add ls2 lp2 -- lsp-set-type lp2 localport -- lsp-add ls2 p4'.split(' '),
      ...[
        '--',
        'lsp-set-addresses',
        'c1',
        '00:00:00:00:00:c1 192.168.1.31',
        '--',
        'lsp-set-addresses',
        'p4',
        'unknown',
      ],
    );
    await chassis.vsctl(...'add-port br-int if3 -- set Interface if3 type=dummy external-ids:iface-id=lp2'.split(' '));
    await chassis.vsctl(...'add-port br-int if4 -- set Interface if4 type=dummy external-ids:iface-id=p4'.split(' '));
  },
  async 'a VXLAN chassis'(chassis) {
    await chassis.sbctl('chassis-add', 'node3', 'vxlan', '10.1.1.43');
    await chassis.nbctl(...'lsp-add ls2 p5 -- lsp-set-addresses p5 unknown'.split(' '));
    await chassis.bind('p5', 'node3');
  },
  async localnets(chassis) {
    await chassis.sbctl('set', 'Chassis', 'node2', 'other_config:ovn-chassis-mac-mappings="phys:aa:bb:cc:00:00:02"');
    await chassis.nbctl(
      ...'lsp-add ls1 ln1 -- lsp-set-type ln1 localnet -- lsp-set-options ln1 network_name=phys'.split(' '),
      ...'-- lsp-set-addresses ln1 unknown -- set Logical_Switch_Port ln1 tag=100'.split(' '),
      ...'-- ls-add ls3 -- lsp-add ls3 p6 -- lsp-add ls3 ln3 -- lsp-set-type ln3 localnet'.split(' '),
      ...'-- lsp-set-options ln3 network_name=wire -- lsp-set-addresses ln3 unknown'.split(' '),
    );
    await chassis.vsctl(...'add-port br-int if6 -- set Interface if6 type=dummy external-ids:iface-id=p6'.split(' '));
  },
  async 'access lists with sets and groups'(chassis) {
    await chassis.nbctl(
      ...'pg-add pg1 p1 px p2 -- create Address_Set name=as1'.split(' '),
      ...['addresses="10.0.0.1","10.0.0.2","10.1.0.0/16"', '--', 'acl-add', 'pg1', 'to-lport', '1000'],
      ...['outport == @pg1 && ip4.src == $as1 && tcp.dst == {80, 443}', 'allow-related'],
      ...['--', 'acl-add', 'ls1', 'from-lport', '900', 'ip6 && udp.src == {1000, 1001}', 'drop'],
      ...['--', 'acl-add', 'ls1', 'from-lport', '800', 'icmp', 'reject'],
    );
  },
  async 'meters and groups'(chassis) {
    await chassis.nbctl(
      ...'meter-add m-log drop 10 pktps -- meter-add m-arp drop 10 pktps -- meter-add m-nd drop 20 pktps 40'.split(' '),
      ...'-- copp-add copp0 arp m-arp -- copp-add copp0 nd-na m-nd -- ls-copp-add copp0 ls1 -- lr-copp-add copp0 lr1'.split(
        ' ',
      ),
      ...['--', '--log', '--meter=m-log', '--name=logged', 'acl-add', 'ls1', 'to-lport', '600', 'udp', 'drop'],
      ...['--', '--log', '--meter=nowhere', '--name=other', 'acl-add', 'ls2', 'to-lport', '600', 'udp', 'drop'],
      ...['--', 'qos-add', 'ls1', 'from-lport', '100', 'ip4.dst == 10.0.0.1', 'rate=1000'],
      ...['--', 'qos-add', 'ls1', 'from-lport', '100', 'ip4.dst == 10.0.0.2', 'rate=1000'],
      ...['--', 'qos-add', 'ls2', 'to-lport', '100', 'tcp', 'rate=1000', 'burst=500'],
      ...'-- --ecmp lr-route-add lr1 10.10.0.0/16 192.168.1.201 -- --ecmp lr-route-add lr1 10.10.0.0/16 192.168.1.202'.split(
        ' ',
      ),
      ...'-- --ecmp lr-route-add lr1 10.11.0.0/16 192.168.1.203 -- --ecmp lr-route-add lr1 10.11.0.0/16 192.168.2.202 -- --ecmp lr-route-add lr1 10.11.0.0/16 192.168.2.203'.split(
        ' ',
      ),
    );
  },
  async 'conjunctive matches on many datapaths'(chassis) {
    await chassis.nbctl(
      ...'pg-add pg2 p1 px p4 -- create Address_Set name=as2'.split(' '),
      ...['addresses="10.0.0.1","10.0.0.2","10.1.0.0/16"', '--', 'acl-add', 'pg2', 'to-lport', '1000'],
      ...['outport == @pg2 && ip4.src == $as2 && udp.dst == {80, 443}', 'allow-related'],
      ...['--', 'acl-add', 'pg2', 'from-lport', '1000'],
      ...[
        'inport == @pg2 && ((ip4.dst == $as2 && udp.dst == {80, 443}) || (ip4.dst == $as1 && tcp.dst == {1, 2}))',
        'allow',
      ],
      ...['--', 'acl-add', 'ls1', 'from-lport', '300', 'ip4.src == {10.0.0.1, 10.0.0.2} && tcp.dst == {80, 443}'],
      ...['drop', '--', 'acl-add', 'ls2', 'from-lport', '300'],
      ...['ip4.src == {10.0.0.1, 10.0.0.2} && tcp.dst == {80, 443}', 'drop'],
    );
  },
  async 'samples and template variables'(chassis) {
    await chassis.vsctl(
      ...'--id=@br get Bridge br-int -- --id=@cs create Flow_Sample_Collector_Set id=7 bridge=@br'.split(' '),
      ...'-- --id=@other get Bridge br-phys -- --id=@c2 create Flow_Sample_Collector_Set id=8 bridge=@other'.split(' '),
    );
    await chassis.nbctl(
      ...'set NB_Global . options:debug_drop_collector_set=7 options:debug_drop_domain_id=3'.split(' '),
      ...'-- create Chassis_Template_Var chassis=node1 variables:web=80 variables:net=10.9.0.0'.split(' '),
      ...'-- create Chassis_Template_Var chassis=node2 variables:web=81'.split(' '),
      ...['--', 'acl-add', 'ls1', 'to-lport', '700', 'ip4.src == ^net && tcp.dst == ^web', 'allow'],
      ...['--', 'acl-add', 'ls1', 'to-lport', '701', 'tcp.dst == ^nothing', 'allow'],
    );
  },
};

describe('a switch that changes hands', () => {
  const chassis = new Chassis();
  beforeAll(async () => {
    await chassis.prepare();
    await chassis.control(theirs);
  });
  afterAll(() => chassis.remove());

  it.each(Object.keys(network))(
    '%s',
    async (name) => {
      await network[name]?.(chassis);
      await chassis.sync();
      // What is left from before the last changes goes with a computation from nothing.
      await chassis.appctl('inc-engine/recompute');
      await waitFor('all ports to be up', async () => {
        const down = await chassis.sbctl(
          '--bare',
          '--columns=logical_port',
          'find',
          'Port_Binding',
          'up=false',
          'type=""',
          'chassis!=[]',
        );
        return down.trim() === '';
      });
      await chassis.sync();
      const flows = await chassis.flows();
      const numbered = { groups: await chassis.groups(), meters: await chassis.meters() };
      const rows = await chassis.rows();
      await chassis.leaveController();

      const untouched = async () => {
        expect(await chassis.flows()).toEqual(flows);
        expect({ groups: await chassis.groups(), meters: await chassis.meters() }).toEqual(numbered);
        const [first, second] = (await chassis.appctl('inc-engine/show-stats')).split('\n');
        expect(first).toContain(`; 0 added, 0 removed, ${flows.length} found right`);
        expect(second).toBe('changes of groups: 0; of meters: 0');
      };
      if (name === 'meters and groups') expect([numbered.groups.length, numbered.meters.length]).toEqual([2, 6]);
      // The switch itself bears witness.
      const watch = await chassis.watch();
      await chassis.control(ours);
      await untouched();
      expect(await chassis.rows()).toBe(rows);
      // Starting again, it keeps the numbers that it did not give.
      await chassis.leaveController();
      await chassis.control(ours);
      await untouched();
      expect(await watch.stop()).toEqual([]);
      // From nothing it makes the same.
      await chassis.empty();
      await chassis.appctl('recompute');
      await waitFor('the flows', async () => (await chassis.flows()).length === flows.length);
      expect(withoutNumbers(await chassis.flows())).toEqual(withoutNumbers(flows));
      await chassis.leaveController();
      // Theirs empties a switch when it starts, whoever was there before.
      await chassis.control(theirs);
    },
    60_000,
  );

  it('the switch itself starts anew', async () => {
    await chassis.leaveController();
    await chassis.control(ours);
    const before = await chassis.flows();
    await chassis.restartSwitch();
    await waitFor('the flows', async () => {
      const flows = await chassis.flows().catch(() => []);
      return flows.length === before.length;
    });
    // Ports have other numbers now, perhaps; all else is as it was.
    const withoutPorts = (flows: readonly string[]) =>
      flows.map((flow) => flow.replaceAll(/in_port=\d+|output:\d+/g, (port) => port.replace(/\d+/, 'N'))).sort();
    expect(withoutPorts(await chassis.flows())).toEqual(withoutPorts(before));
  }, 60_000);
});
