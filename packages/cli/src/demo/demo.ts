import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { castOf, Lab } from './lab.ts';
import { askToMakeWay, becomeOnlyOne } from './only-one.ts';
import { CommandError, tryRun, waitFor } from './process.ts';
import {
  captureUnderlay,
  guests,
  type PingResult,
  pingUntilAnswered,
  pingWithForeignMac,
  plug,
  routerCommands,
  switchCommands,
} from './walkthrough.ts';

export interface DemoOptions {
  /** Leave everything running at the end, and say how to talk to it. */
  readonly keep: boolean;
  /** Only remove what an earlier demo left. */
  readonly down: boolean;
  /** Where to say what happens. */
  readonly print: (line: string) => void;
  /** Whether to use colour. */
  readonly colour: boolean;
}

const dir = '/run/weft-demo';

/** The programs that the demo needs, and the Debian package of each. */
const needed = {
  ip: 'iproute2',
  ping: 'iputils-ping',
  tcpdump: 'tcpdump',
  ethtool: 'ethtool',
  'ovs-vswitchd': 'openvswitch-switch',
};

/** What keeps the demo from running, in one sentence; undefined if nothing does. */
async function obstacle(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'The demo makes network namespaces, which needs root: run it as root.';
  const missing = [];
  for (const [program, debian] of Object.entries(needed)) {
    const found = await tryRun(['sh', '-c', 'command -v "$0"', program]);
    if (found.code !== 0) missing.push(`${program} (Debian package ${debian})`);
  }
  if (missing.length > 0) return `The demo needs ${missing.join(', ')}.`;
  const tun = await tryRun(['test', '-c', '/dev/net/tun']);
  if (tun.code !== 0) return 'The demo needs /dev/net/tun, which this kernel does not offer: load its tun module.';
  return undefined;
}

/**
 * Plays the walkthrough on this machine, with every program Weft's own: two hypervisors with real Open vSwitch, guests, pings.
 * @returns the exit code
 */
export async function runDemo({ keep, down, print, colour }: DemoOptions): Promise<number> {
  const paint = (code: number, text: string) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text);
  const lab = new Lab({
    prefix: 'weft-demo-',
    dir,
    // The programs stand beside the one that plays the demo.
    bin: dirname(fileURLToPath(import.meta.url)).replace(/\/dist$/, '/node_modules/.bin'),
    cast: castOf('weft'),
  });
  const why = await obstacle();
  if (why !== undefined) {
    print(why);
    return 1;
  }
  const name = 'weft-demo';
  const tryToBe = async () => {
    if (down) await askToMakeWay(name);
    return becomeOnlyOne(name);
  };
  const onlyOne = down ? await waitFor('the running demo to end', tryToBe, 30_000) : await tryToBe();
  if (onlyOne === undefined) {
    print('Another demo is running on this machine: wait for its end, or remove it with npm run demo -- --down.');
    return 1;
  }
  await lab.remove();
  if (down) {
    print('The demo is removed.');
    return 0;
  }
  let interruption: string | undefined;
  /** Takes away what stands, so that whatever is being waited for fails; the end of the demo does the rest. */
  const interrupt = (why: string) => {
    if (interruption !== undefined) return;
    interruption = why;
    print(`\n${why}: removing the demo`);
    // Nobody waits longer for a ping than this.
    setTimeout(() => lab.remove().finally(() => process.exit(130)), 3_000).unref();
    lab.stop().catch(() => {});
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => interrupt(signal));
  onlyOne.onAsked = () => interrupt('npm run demo -- --down');

  const timings: [string, number][] = [];
  const started = performance.now();
  const step = async (title: string, body: () => Promise<void>) => {
    if (interruption !== undefined) throw new Error(interruption);
    print(`\n${paint(1, `▶ ${title}`)}`);
    const before = performance.now();
    await body();
    const took = performance.now() - before;
    timings.push([title, took]);
    print(paint(2, `  ${took.toFixed(0)} ms`));
  };
  const show = (text: string) => {
    for (const line of text.trimEnd().split('\n')) if (line !== '') print(`    ${line}`);
  };
  const command = async (which: 'nbctl' | 'sbctl', ...args: string[]) => {
    print(`  ${paint(36, `$ ${which} ${args.join(' ')}`)}`);
    show(await lab.ctl(which, ...args));
  };
  const problems: string[] = [];
  const check = (what: string, good: boolean) => {
    print(`  ${good ? paint(32, '✔') : paint(31, '✘')} ${what}`);
    if (!good) problems.push(what);
  };
  const checkPing = (what: string, result: PingResult, ttl: number) => {
    show(
      result.output
        .split('\n')
        .filter((line) => line.includes('ttl='))
        .join('\n'),
    );
    check(
      `${what}: ${result.received} of ${result.sent} answered, ttl ${ttl}`,
      result.received === result.sent && result.ttls.every((seen) => seen === ttl),
    );
  };
  try {
    mkdirSync(dir, { recursive: true });
    await step('Two hypervisors, each a network namespace, and the underlay between them', async () => {
      await lab.addNodes();
      show(await lab.exec('weft-demo-node1', ['ip', '-brief', 'link']));
    });
    await step('Central on node1: the two databases and northd', async () => {
      await lab.startDatabase('nb');
      await lab.startDatabase('sb');
      await lab.startNorthd();
      await command('nbctl', 'set-connection', 'ptcp:6641:10.1.1.41');
      await command('sbctl', 'set-connection', 'ptcp:6642:10.1.1.41');
    });
    for (const n of [1, 2] as const)
      await step(`node${n}: Open vSwitch and the controller`, async () => {
        await lab.startOpenVSwitch(n);
        print(`  ${paint(36, `$ ovs-vsctl set Open_vSwitch . ${lab.controllerSettings(n).join(' ')}`)}`);
        await lab.vsctl(n, 'set', 'Open_vSwitch', '.', ...lab.controllerSettings(n));
        await lab.startController(n);
      });
    await step('Three guests, plugged into the hypervisors', async () => {
      for (const guest of Object.values(guests)) {
        await lab.addGuest(guest);
        await plug(lab, guest);
        print(`  ${guest.logicalPort}: ${guest.mac} ${guest.address} on node${guest.node}`);
      }
    });
    await step('A logical switch over both hypervisors', async () => {
      for (const args of switchCommands) await command('nbctl', ...args);
      await command('nbctl', '--wait=hv', 'sync');
    });
    await step('node1 pings node2 through a Geneve tunnel', async () => {
      const { packets, result } = await captureUnderlay(lab, 4, () =>
        pingUntilAnswered(lab, guests.g1, '192.168.1.20'),
      );
      checkPing('192.168.1.10 → 192.168.1.20', result, 64);
      print('  on the underlay:');
      show(packets);
      check('Geneve with vni 0x1 and 8 bytes of options', /Geneve.*vni 0x1, options.*len 8\]/.test(packets));
    });
    await step('A spoofed source MAC is dropped', async () => {
      const result = await pingWithForeignMac(lab, guests.g1, '192.168.1.20');
      check(`00:00:00:00:66:66 is not allowed: ${result.received} of ${result.sent} answered`, result.received === 0);
    });
    await step('A second switch, and a router between the two', async () => {
      for (const args of routerCommands) await command('nbctl', ...args);
      await command('nbctl', '--wait=hv', 'sync');
    });
    await step('The gateways answer, and the router forwards', async () => {
      checkPing('192.168.1.10 → its gateway 192.168.1.1', await pingUntilAnswered(lab, guests.g1, '192.168.1.1'), 254);
      checkPing(
        '192.168.1.10 → the far gateway 192.168.2.1',
        await pingUntilAnswered(lab, guests.g1, '192.168.2.1'),
        254,
      );
      checkPing('192.168.1.10 → 192.168.2.30, routed', await pingUntilAnswered(lab, guests.g1, '192.168.2.30'), 63);
    });
    await step('What stands now', async () => {
      await command('nbctl', 'show');
      await command('sbctl', 'show');
      await command('sbctl', '--columns=logical_port,ip,mac', 'list', 'MAC_Binding');
      const logical = (await lab.sbctl('lflow-list')).split('\n').filter((line) => line.includes('table=')).length;
      print(`  ${logical} logical flows`);
      for (const n of [1, 2] as const) {
        const flows = (await lab.dumpFlows(n)).split('\n').filter((line) => line.includes('actions=')).length;
        print(`  ${flows} OpenFlow flows on node${n}`);
      }
    });
  } catch (error) {
    if (interruption !== undefined) {
      await lab.remove();
      return 130;
    }
    problems.push(error instanceof CommandError ? error.message : ((error as Error).stack ?? String(error)));
    print(`  ${paint(31, '✘')} ${problems.at(-1)}`);
  }

  if (interruption !== undefined) {
    await lab.remove();
    return 130;
  }
  print(`\n${paint(1, 'Summary')}`);
  for (const [title, took] of timings) print(`  ${took.toFixed(0).padStart(6)} ms  ${title}`);
  print(`  ${(performance.now() - started).toFixed(0).padStart(6)} ms  in all`);
  if (problems.length > 0)
    print(`${problems.length} thing${problems.length > 1 ? 's' : ''} went wrong; the logs are in ${dir}.`);
  else print('Everything works.');
  if (keep) {
    print(`\nIt is left running. To talk to it:`);
    for (const [name, value] of Object.entries(lab.env)) print(`  export ${name}=${value}`);
    print('  node_modules/.bin/nbctl show');
    print(`  ip netns exec ${lab.guestNamespace(guests.g1)} ping 192.168.2.30`);
    print(`  ovs-vsctl --db=unix:${lab.socket('ovs1')} show`);
    print('To remove it: npm run demo -- --down');
  } else if (problems.length > 0) await lab.stop();
  else await lab.remove();
  return problems.length > 0 ? 1 : 0;
}
