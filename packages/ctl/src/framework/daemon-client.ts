/** Has a daemon run the command line, ours or the C program's (`OVN_NB_DAEMON`, `-u`). */
import { UnixctlCommandError, UnixctlConnectError, unixctl } from '@weft/jsonrpc/unixctl-client';
import type { Log } from '@weft/vlog/log';
import type { GlobalArguments } from './argv.ts';
import { CtlError, UsageError } from './ctl-error.ts';
import type { Host } from './main.ts';

/** Options of commands, which the daemon understands; the others are for this process. */
export const passedOptions = new Set([
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

/** Options that say which database it is, so that the daemon's may not be the one that is meant. */
const ofConnection = new Set(['--db']);

/** The option for which the daemon is not used, if there is one; an explicit socket is always used. */
export function connectionOption(parsed: GlobalArguments): string | undefined {
  return parsed.global.find(({ name }) => ofConnection.has(name))?.name;
}

/**
 * Has the daemon at `socket` run the command line.
 * @throws CtlError with its answer, or if it cannot be reached
 */
export async function callDaemon(
  host: Host,
  socket: string,
  parsed: GlobalArguments,
  program: { readonly name: string; readonly environment: { readonly daemon: string } },
  log: Log,
): Promise<number> {
  const option = (name: string, value: string | undefined) => (value === undefined ? name : `${name}=${value}`);
  const args = [
    ...parsed.global.filter(({ name }) => passedOptions.has(name)).map((o) => option(o.name, o.value)),
    ...parsed.local.map((o) => option(o.name, o.value)),
    '--',
    ...parsed.rest,
  ];
  try {
    host.stdout(await unixctl(socket, 'run', args));
    return 0;
  } catch (error) {
    if (error instanceof UnixctlCommandError) throw new CtlError(error.message.replace(/\n$/, ''));
    if (!(error instanceof UnixctlConnectError)) throw error;
    log.write('unixctl', 'warn', `failed to connect to ${socket}`);
    const [reason = 'connection closed'] = /(?<=\()[^()]*(?=\)$)/.exec(error.message) ?? [];
    const { name, environment } = program;
    const why = `${socket}: could not connect to ${name} daemon (${reason})`;
    const message = `${why}; unset ${environment.daemon} to avoid using daemon`;
    log.write('ovn_dbctl', 'err', message);
    throw new UsageError(message);
  }
}
