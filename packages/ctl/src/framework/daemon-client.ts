/** Has a daemon run the command line, ours or the C program's (`OVN_NB_DAEMON`, `-u`). */
import { UnixctlCommandError, UnixctlConnectError, unixctl } from '@weft/jsonrpc/unixctl-client';
import type { GlobalArguments } from './argv.ts';
import { CtlError } from './ctl-error.ts';
import { globalOptions } from './global-options.ts';
import type { Host } from './main.ts';

/** Options that the daemon understands; the others are for this process. */
const passed = new Set([
  '--no-wait',
  '--wait',
  '--print-wait-time',
  '--dry-run',
  '--oneline',
  '--timeout',
  '--format',
  '--data',
  '--no-headings',
  '--pretty',
  '--bare',
  '--max-column-width',
]);

/** Options that say where the database is, so that the daemon's connection may not be the one that is meant. */
const ofConnection = new Set([
  '--db',
  '--no-leader-only',
  '--leader-only',
  '--no-shuffle-remotes',
  '--shuffle-remotes',
]);

/** The option for which the daemon is not used, if there is one; an explicit socket is always used. */
export function connectionOption(parsed: GlobalArguments): string | undefined {
  return parsed.global.find(({ name }) => ofConnection.has(name))?.name;
}

export async function callDaemon(host: Host, socket: string, parsed: GlobalArguments): Promise<number> {
  const option = (name: string, value: string | undefined) => (value === undefined ? name : `${name}=${value}`);
  const args = [
    ...parsed.global
      .filter(({ name }) => passed.has(name) && globalOptions.has(name))
      .map((o) => option(o.name, o.value)),
    ...parsed.local.map((o) => option(o.name, o.value)),
    '--',
    ...parsed.rest,
  ];
  try {
    host.stdout(await unixctl(socket, 'run', args));
    return 0;
  } catch (error) {
    if (error instanceof UnixctlCommandError) throw new CtlError(error.message.replace(/\n$/, ''));
    if (error instanceof UnixctlConnectError) throw new CtlError(error.message);
    throw error;
  }
}
