import { listNamespaces, removeNamespace } from '@weft/cli/demo/namespaces';

/** Removes the namespaces that killed test runs left behind: the process id in their names says that nobody uses them any more. */
export default async function setup(): Promise<void> {
  for (const name of listNamespaces('weft-it')) {
    const pid = Number(/^weft-it(\d+)-/.exec(name)?.[1]);
    if (!Number.isInteger(pid)) continue;
    try {
      process.kill(pid, 0);
    } catch {
      await removeNamespace(name);
    }
  }
}
