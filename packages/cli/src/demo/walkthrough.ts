import type { Guest, Lab } from './lab.ts';
import { waitFor } from './process.ts';

/** The tutorial that the demo plays and that the interop tests check: two hypervisors, two switches, a router. */

export const guests = {
  g1: {
    node: 1,
    name: 'ns1',
    port: 'veth11',
    mac: '00:00:00:00:00:01',
    address: '192.168.1.10/24',
    gateway: '192.168.1.1',
    logicalPort: 'ls1-node1-ns1',
  },
  g2: {
    node: 2,
    name: 'ns1',
    port: 'veth21',
    mac: '00:00:00:00:00:02',
    address: '192.168.1.20/24',
    gateway: '192.168.1.1',
    logicalPort: 'ls1-node2-ns1',
  },
  g3: {
    node: 2,
    name: 'ns2',
    port: 'veth22',
    mac: '00:00:00:00:00:03',
    address: '192.168.2.30/24',
    gateway: '192.168.2.1',
    logicalPort: 'ls2-node2-ns2',
  },
} as const satisfies Record<string, Guest>;

export interface PingResult {
  readonly sent: number;
  readonly received: number;
  /** The ttl of each answer. */
  readonly ttls: readonly number[];
  readonly output: string;
}

export interface PingOptions {
  readonly count?: number;
  /** Seconds between two packets. */
  readonly interval?: number;
}

/** Pings from a guest, and reads what ping says. */
export async function ping(
  lab: Lab,
  guest: Guest,
  to: string,
  { count = 3, interval = 0.2 }: PingOptions = {},
): Promise<PingResult> {
  const { stdout, stderr } = await lab.tryExec(
    lab.guestNamespace(guest),
    ['ping', '-n', '-c', `${count}`, '-i', `${interval}`, '-W', '1', to],
    { timeout: (count * interval + 30) * 1000 },
  );
  const counts = /(\d+) packets transmitted, (\d+) received/.exec(stdout);
  return {
    sent: Number(counts?.[1] ?? 0),
    received: Number(counts?.[2] ?? 0),
    ttls: [...stdout.matchAll(/ttl=(\d+)/g)].map((match) => Number(match[1])),
    output: `${stdout}${stderr}`.trim(),
  };
}

/**
 * Pings until three in a row are answered, and gives those: while a router resolves an address, and chassis hear of it, packets may be lost, with
 * the C programs as with ours.
 */
export function pingUntilAnswered(lab: Lab, guest: Guest, to: string): Promise<PingResult> {
  return waitFor(
    `${to} to answer ${guest.logicalPort}`,
    async () => {
      if ((await ping(lab, guest, to, { count: 1 })).received === 0) return undefined;
      const result = await ping(lab, guest, to);
      return result.received === result.sent && result;
    },
    30_000,
  );
}

/** Captures packets on the underlay while `traffic` runs, as tcpdump prints them. */
export async function captureUnderlay<T>(
  lab: Lab,
  count: number,
  traffic: () => Promise<T>,
): Promise<{ packets: string; result: T }> {
  const capture = lab.tryExec(
    lab.node(2),
    ['tcpdump', '-i', 'uplink', '-nn', '-l', '-v', '-c', `${count}`, 'udp', 'port', '6081'],
    { timeout: 15_000 },
  );
  // tcpdump says nothing that can be waited for before it captures; half a second is what it needs.
  await new Promise((resolve) => setTimeout(resolve, 500));
  const result = await traffic();
  return { packets: (await capture).stdout.trim(), result };
}

/** Central and hypervisors, up to the tunnels between them. */
export async function startEverything(lab: Lab): Promise<void> {
  await lab.addNodes();
  await lab.startDatabase('nb');
  await lab.startDatabase('sb');
  await lab.startNorthd();
  for (const n of [1, 2] as const) await lab.startOpenVSwitch(n);
  await lab.nbctl('set-connection', 'ptcp:6641:10.1.1.41');
  await lab.sbctl('set-connection', 'ptcp:6642:10.1.1.41');
  for (const n of [1, 2] as const) {
    await lab.vsctl(n, 'set', 'Open_vSwitch', '.', ...lab.controllerSettings(n));
    await lab.startController(n);
  }
  for (const guest of Object.values(guests)) await lab.addGuest(guest);
}

/** Plugs a guest's veth into the integration bridge of its hypervisor, and says which logical port it is (`external_ids:iface-id`). */
export async function plug(lab: Lab, guest: Guest): Promise<void> {
  await lab.vsctl(
    guest.node,
    'add-port',
    'br-int',
    guest.port,
    '--',
    'set',
    'Interface',
    guest.port,
    `external-ids:iface-id=${guest.logicalPort}`,
  );
}

const addressOf = (guest: Guest): string => guest.address.replace(/\/.*/, '');

/** The commands of the first half: one switch over both hypervisors. */
export const switchCommands: readonly (readonly string[])[] = [
  ['ls-add', 'ls1'],
  ...[guests.g1, guests.g2].flatMap((guest) => [
    ['lsp-add', 'ls1', guest.logicalPort],
    ['lsp-set-addresses', guest.logicalPort, `${guest.mac} ${addressOf(guest)}`],
    ['lsp-set-port-security', guest.logicalPort, `${guest.mac} ${addressOf(guest)}`],
  ]),
];

/**
 * The commands of the second half: another switch, and a router between the two. The guest there is known to the router only by its MAC, so it
 * has to resolve the address.
 */
export const routerCommands: readonly (readonly string[])[] = [
  ['ls-add', 'ls2'],
  ['lsp-add', 'ls2', guests.g3.logicalPort],
  ['lsp-set-addresses', guests.g3.logicalPort, guests.g3.mac],
  ['lsp-set-port-security', guests.g3.logicalPort, guests.g3.mac],
  ['lr-add', 'lr1'],
  ['lrp-add', 'lr1', 'lr1-ls1', '00:00:00:00:11:00', '192.168.1.1/24'],
  ['lsp-add', 'ls1', 'ls1-lr1'],
  ['lsp-set-type', 'ls1-lr1', 'router'],
  ['lsp-set-addresses', 'ls1-lr1', '00:00:00:00:11:00'],
  ['lsp-set-options', 'ls1-lr1', 'router-port=lr1-ls1'],
  ['lrp-add', 'lr1', 'lr1-ls2', '00:00:00:00:12:00', '192.168.2.1/24'],
  ['lsp-add', 'ls2', 'ls2-lr1'],
  ['lsp-set-type', 'ls2-lr1', 'router'],
  ['lsp-set-addresses', 'ls2-lr1', '00:00:00:00:12:00'],
  ['lsp-set-options', 'ls2-lr1', 'router-port=lr1-ls2'],
];

/** What a spoofer does: sends from a MAC that port security does not allow. Gives how many of its pings were answered. */
export async function pingWithForeignMac(lab: Lab, guest: Guest, to: string): Promise<PingResult> {
  const namespace = lab.guestNamespace(guest);
  const setMac = (mac: string) => lab.exec(namespace, ['ip', 'link', 'set', 'eth0', 'address', mac]);
  await setMac('00:00:00:00:66:66');
  try {
    await lab.exec(namespace, ['ip', 'neighbour', 'flush', 'dev', 'eth0']);
    return await ping(lab, guest, to);
  } finally {
    await setMac(guest.mac);
  }
}
