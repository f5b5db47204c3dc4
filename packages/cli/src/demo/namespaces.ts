import { readdirSync } from 'node:fs';
import { run, tryRun, waitFor } from './process.ts';

/** Network namespaces that a lab made itself, all under one prefix, so that any later run can find and remove them. */

/** The namespaces whose names begin with `prefix`. */
export function listNamespaces(prefix: string): string[] {
  try {
    return readdirSync('/run/netns').filter((name) => name.startsWith(prefix));
  } catch {
    return [];
  }
}

/** Makes a network namespace with its loopback up. Fails if there is one of this name. */
export async function addNamespace(name: string): Promise<void> {
  await run(['ip', 'netns', 'add', name]);
  await run(['ip', '-n', name, 'link', 'set', 'lo', 'up']);
}

/** Ends every process in the namespace (they are the lab's: nobody else knows of it), then removes it. Somebody else may be at it, too. */
export async function removeNamespace(name: string): Promise<void> {
  const pids = async () => {
    const { code, stdout } = await tryRun(['ip', 'netns', 'pids', name]);
    return code === 0 ? stdout.split('\n').filter(Boolean).map(Number) : [];
  };
  const signal = (list: readonly number[], kind: NodeJS.Signals) => {
    for (const pid of list) {
      try {
        process.kill(pid, kind);
      } catch {
        // It ended between the look and the signal.
      }
    }
  };
  signal(await pids(), 'SIGTERM');
  try {
    await waitFor(`the processes in ${name} to end`, async () => (await pids()).length === 0, 3_000);
  } catch {
    signal(await pids(), 'SIGKILL');
    await waitFor(`the processes in ${name} to end`, async () => (await pids()).length === 0, 5_000);
  }
  const { code, stderr } = await tryRun(['ip', 'netns', 'delete', name]);
  if (code !== 0 && listNamespaces(name).includes(name)) throw new Error(`${name} cannot be removed: ${stderr.trim()}`);
}

/** A veth pair between two namespaces, both ends up, checksums computed in software (the userspace datapath needs them complete). */
export async function connect(a: { ns: string; dev: string }, b: { ns: string; dev: string }): Promise<void> {
  await run(['ip', 'link', 'add', a.dev, 'netns', a.ns, 'type', 'veth', 'peer', 'name', b.dev, 'netns', b.ns]);
  for (const { ns, dev } of [a, b]) {
    await run(['ip', '-n', ns, 'link', 'set', dev, 'up']);
    await run(['ip', 'netns', 'exec', ns, 'ethtool', '-K', dev, 'tx', 'off']);
  }
}
