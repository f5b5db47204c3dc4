import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { run, tryRun, waitFor } from '@weft/cli/demo/process';
import { expect, test } from 'vitest';
import { generator, randomSteps } from '../parity/random.ts';
import { cNorthd, Side } from '../parity/side.ts';
import { DummySwitch } from './dummy-switch.ts';

/**
 * Two switches of one southbound database, both chassis node1: the C controller programs one and ours the other. They must have the same flows after
 * every step of a random history, which both followed from step to step. RANDOM_SEEDS=10-20 runs other histories, RANDOM_STEPS=200 longer ones.
 */
const [first = 1, last = first] = (process.env.RANDOM_SEEDS ?? '1-1').split('-').map(Number);
const count = Number(process.env.RANDOM_STEPS ?? 30);

/** A switch with its controller. */
class Hypervisor extends DummySwitch {
  readonly #program: string;

  constructor(dir: string, program: string) {
    super(dir);
    this.#program = program;
  }

  /** Everything of it, for a southbound database. */
  async join(southbound: string): Promise<void> {
    await this.startDatabase('ovs', '/usr/share/openvswitch/vswitch.ovsschema');
    await this.vsctl('--no-wait', 'init');
    await this.startSwitch();
    await this.vsctl(
      ...['set', 'Open_vSwitch', '.', `external-ids:ovn-remote=${southbound}`, 'external-ids:system-id=node1'],
      ...['external-ids:ovn-encap-ip=127.0.0.1', 'external-ids:ovn-encap-type=geneve'],
      ...['external-ids:ovn-bridge-mappings=phys:br-phys', '--', 'add-br', 'br-phys', '--', 'add-br', 'br-int'],
    );
    await this.startController(this.#program);
  }

  async restartController(): Promise<void> {
    await this.killController();
    await this.startController(this.#program);
  }

  #dump(what: string): Promise<string> {
    return this.ofctl(`dump-${what}`, '--no-stats', '--names');
  }

  /** The switch's flows, with what the numbers mean that each controller gives for itself: groups, meters, conntrack zones and conjunctions. */
  async flows(): Promise<readonly string[]> {
    const [flows, groups, meters, zones] = await Promise.all([
      this.#dump('flows'),
      this.#dump('groups'),
      this.#dump('meters'),
      this.appctl('ct-zone-list'),
    ]);
    const groupOf = new Map(
      [...groups.matchAll(/group_id=(\d+),(.*)/g)].map(([, id = '', rest = '']) => [id, rest] as const),
    );
    const meterOf = new Map(
      [...meters.matchAll(/meter=(\d+) ((?:.|\n)*?)(?=\nmeter=|$)/g)].map(
        ([, id = '', rest = '']) => [id, rest.trim()] as const,
      ),
    );
    const zoneOf = new Map(
      [...zones.matchAll(/^(\S+) (\d+)$/gm)].map(([, name = '', zone = '']) => [Number(zone), name]),
    );
    return flows
      .split('\n')
      .filter(Boolean)
      .map((flow) =>
        flow
          .replaceAll(/conj_id=\d+|conjunction\(\d+/g, (id) => id.replace(/\d+/, 'N'))
          .replaceAll(/meter:(\d+)/g, (_, id: string) => `meter:{${meterOf.get(id)}}`)
          .replaceAll(/group:(\d+)/g, (_, id: string) => `group:{${groupOf.get(id)}}`)
          .replaceAll(
            /set_field:(0x[0-9a-f]+)(->reg1[123],)/g,
            (_, zone: string, register: string) => `set_field:${zoneOf.get(Number(zone)) ?? zone}${register}`,
          ),
      )
      .sort();
  }
}

/** Changes around a chassis: interfaces, other chassis, what routers and switches learned. */
function chassisStep(seed: number): (central: Side, both: readonly Hypervisor[]) => Promise<string> {
  const random = generator(seed);
  const int = (n: number): number => Math.floor(random() * n);
  const pick = <T>(items: readonly T[]): T => items[int(items.length)] as T;
  const port = (): string => pick(['p0', 'p1', 'p2', 'p3', 'p10', 'p11', 'c0', 'c1']);
  const anyPort = (): string => pick(['p0', 'p1', 'p2', 'p3', 'p10', 'p11', 'c0', 'c1', 'cr-r0', 'cr-r2']);
  const vsctl = async (both: readonly Hypervisor[], words: string): Promise<string> => {
    await Promise.all(both.map((hypervisor) => hypervisor.vsctl(...words.split(' '))));
    return `ovs-vsctl ${words}`;
  };
  const sbctl = async (central: Side, words: string): Promise<string> => {
    const { code } = await tryRun(['ovn-sbctl', '--timeout=20', `--db=${central.sb}`, ...words.split(' ')]);
    return `ovn-sbctl ${words} (${code})`;
  };
  const columnOf = async (central: Side, name: string, column: string): Promise<string> => {
    const find = ['--bare', `--columns=${column}`, 'find', 'Port_Binding', `logical_port=${name}`];
    return (await run(['ovn-sbctl', `--db=${central.sb}`, ...find])).trim();
  };
  const nbctl = async (central: Side, words: string): Promise<string> =>
    (await central.tryNbctl([words])) ? `ovn-nbctl ${words}` : '';
  const balancer = (): string => `lb${int(4)}`;
  const backends = (six: boolean, port: string): string =>
    [0, 1, 2]
      .slice(int(2))
      .map((n) => (six ? `[fd0${n}::1]${port}` : `10.0.${n}.1${port}`))
      .join(',');
  const vip = (): string => {
    const six = int(3) === 0;
    const port = pick(['', ':80', ':8080']);
    return `${six ? `[fd9${int(2)}::9]` : `10.9.${int(2)}.9`}${port} ${backends(six, port)}`;
  };
  // What is on every chassis is bound by none.
  const bind = async (central: Side, name: string, chassis: string): Promise<string> =>
    ['localnet', 'localport', 'patch'].includes(await columnOf(central, name, 'type'))
      ? ''
      : sbctl(central, `--may-exist lsp-bind ${name} ${chassis}`);
  return (central, both) =>
    pick<() => Promise<string>>([
      ...Array<() => Promise<string>>(5).fill(() => {
        // One interface a port: of several, each controller takes its choice.
        const name = port();
        return vsctl(
          both,
          `--may-exist add-port br-int if-${name} -- set Interface if-${name} type=dummy external-ids:iface-id=${name}`,
        );
      }),
      () => vsctl(both, `--if-exists del-port br-int if-${port()}`),
      () => vsctl(both, `--if-exists remove Interface if-${port()} external-ids iface-id`),
      () =>
        vsctl(both, `set Open_vSwitch . external-ids:ovn-bridge-mappings=${pick(['phys:br-phys', 'other:br-phys'])}`),
      () => vsctl(both, `set Open_vSwitch . external-ids:ovn-monitor-all=${pick(['true', 'false'])}`),
      () =>
        vsctl(
          both,
          `set Open_vSwitch . external-ids:ovn-encap-type=${pick(['geneve', 'geneve,vxlan', 'vxlan,geneve'])}`,
        ),
      () => vsctl(both, `set Open_vSwitch . external-ids:ovn-chassis-mac-mappings=phys:aa:bb:cc:00:00:0${int(3)}`),
      () => sbctl(central, `--may-exist chassis-add node2 geneve 10.1.1.42`),
      () => sbctl(central, `--may-exist chassis-add node3 ${pick(['vxlan', 'geneve', 'geneve,vxlan'])} 10.1.1.43`),
      () => sbctl(central, `--if-exists chassis-del ${pick(['node2', 'node3'])}`),
      ...Array<() => Promise<string>>(4).fill(() => bind(central, anyPort(), pick(['node2', 'node3']))),
      () => sbctl(central, `lsp-unbind ${anyPort()}`),
      async () => {
        const name = `r${int(8)}`;
        const datapath = await columnOf(central, name, 'datapath');
        const ip = pick([`10.0.${int(8)}.9`, `fd0${int(8)}::9`]).replaceAll(':', '\\:');
        return sbctl(
          central,
          `create MAC_Binding logical_port=${name} ip="${ip}" mac="00\\:00\\:00\\:00\\:00\\:9${int(9)}" datapath=${datapath}`,
        );
      },
      () => sbctl(central, `--all destroy MAC_Binding`),
      () =>
        sbctl(
          central,
          `create FDB mac="00\\:00\\:00\\:00\\:0f\\:0${int(9)}" dp_key=${1 + int(4)} port_key=${1 + int(4)}`,
        ),
      () => sbctl(central, `--all destroy FDB`),
      ...Array<() => Promise<string>>(4).fill(() => {
        const name = balancer();
        const add = `--may-exist lb-add ${name} ${vip()} ${pick(['tcp', 'udp', 'sctp'])}`;
        return nbctl(central, `${add} -- --may-exist ls-lb-add ls${int(4)} ${name}`);
      }),
      () => nbctl(central, `--if-exists lb-del ${balancer()}`),
      () =>
        nbctl(
          central,
          `set Load_Balancer ${balancer()} options:hairpin_snat_ip="${pick(['1.2.3.4', 'fd0a\\::1', '1.2.3.4 fd0a\\::1'])}"`,
        ),
    ])();
}

/** Logical flows may say different things of the same packets. Which one the switch has is for each controller to choose. */
function withoutRivals(sides: readonly (readonly string[])[]): readonly (readonly string[])[] {
  const cookies = sides.map(
    (flows) => new Map(flows.map((flow) => [matchOf(flow), /cookie=(0x[0-9a-f]+)/.exec(flow)?.[1]] as const)),
  );
  return sides.map((flows) =>
    flows.filter((flow) => new Set(cookies.flatMap((of) => of.get(matchOf(flow)) ?? [])).size < 2),
  );
}

function matchOf(flow: string): string {
  return flow.replace(/cookie=0x[0-9a-f]+/, '').replace(/ actions=.*/, '');
}

/** The row that a flow is from. */
async function origin(central: Side, uuid: string): Promise<string> {
  const list = (...words: string[]) =>
    tryRun(['ovn-sbctl', `--db=${central.sb}`, ...words]).then(({ stdout }) => stdout);
  const rows = await Promise.all([
    list('--columns=pipeline,table_id,priority,match,actions,tags', 'list', 'Logical_Flow', uuid),
    list('list', 'Port_Binding', uuid),
    list('list', 'Multicast_Group', uuid),
  ]);
  return rows.join('');
}

for (let seed = first; seed <= last; seed++) {
  test(`random history ${seed}`, async () => {
    const dir = mkdtempSync(join(tmpdir(), 'weft-random-chassis-'));
    const central = new Side('C', dir, cNorthd);
    const theirs = new Hypervisor(join(dir, 'theirs'), 'ovn-controller');
    const ours = new Hypervisor(join(dir, 'ours'), resolve('node_modules/.bin/weft-controller'));
    const both = [theirs, ours];
    const done: string[] = [];
    try {
      await central.start();
      for (const hypervisor of both) await hypervisor.join(central.sb);
      const random = generator(seed + 7);
      const around = chassisStep(seed + 8);
      for (const step of randomSteps(seed, count)) {
        for (let n = Math.floor(random() * 3); n > 0; n--) done.push(await around(central, both));
        if (await central.tryNbctl(step)) done.push(step.join(' -- '));
        await central.nbctl(['sync'], 'hv');
        // What is left of the past goes with a computation from nothing, or, where ovn-controller does not see it even then, with another process.
        await theirs.appctl('inc-engine/recompute');
        let flows: readonly (readonly string[])[] = [];
        const areEqual = () =>
          waitFor(
            'equal flows',
            async () => {
              flows = withoutRivals(await Promise.all(both.map((hypervisor) => hypervisor.flows())));
              return JSON.stringify(flows[0]) === JSON.stringify(flows[1]);
            },
            5_000,
          ).catch(() => false);
        if (await areEqual()) continue;
        done.push('(ovn-controller starts anew)');
        await theirs.restartController();
        await central.nbctl(['sync'], 'hv');
        if (await areEqual()) continue;
        const [c = [], weft = []] = flows;
        const missing = c.filter((flow) => !weft.includes(flow));
        const surplus = weft.filter((flow) => !c.includes(flow));
        const cookies = new Set(
          [...missing, ...surplus].map((flow) => /cookie=0x([0-9a-f]+)/.exec(flow)?.[1]?.padStart(8, '0')),
        );
        const rows = await Promise.all([...cookies].map((cookie) => origin(central, cookie ?? '')));
        expect({ missing, surplus }, `${rows.join('')}\nafter:\n${done.join('\n')}`).toEqual({
          missing: [],
          surplus: [],
        });
      }
    } finally {
      await Promise.all(both.map((hypervisor) => hypervisor.stop()));
      await central.stop();
      rmSync(dir, { recursive: true, force: true });
    }
  }, 900_000);
}
