/** Has a daemon run the command line, ours or the C program's (`OVN_NB_DAEMON`, `-u`). */
import { resolve } from 'node:path';
import { UnixctlCommandError, UnixctlConnectError, unixctl } from '@weft/jsonrpc/unixctl-client';
import type { Log } from '@weft/vlog/log';
import type { GlobalArguments } from './argv.ts';
import { CtlError, UsageError } from './ctl-error.ts';
import { logOptions } from './global-options.ts';
import type { Host } from './main.ts';
import { socketDirectory } from './open-session.ts';

/** Options of commands, which the daemon understands. */
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

/** Options that this process obeys, whoever runs the commands. */
const ownOptions = new Set([...logOptions, '--unixctl', '--timeout']);

/** Says which database is meant, which may not be the daemon's: given it, the daemon is not used. */
export const databaseOption = '--db';

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
  const passed = parsed.global.filter(({ name }) => passedOptions.has(name) && !ownOptions.has(name));
  for (const { name } of parsed.global) {
    if (passedOptions.has(name) || ownOptions.has(name)) continue;
    log.write('ovn_dbctl', 'info', `using ${program.name} daemon, ignoring ${name.slice(2)} option`);
  }
  const args = [
    ...passed.map((o) => option(o.name, o.value)),
    ...parsed.local.map((o) => option(o.name, o.value)),
    '--',
    ...parsed.rest,
  ];
  try {
    // A relative name is looked for where Open vSwitch's sockets lie, though a daemon makes its own among OVN's.
    host.stdout(await unixctl(resolve(socketDirectory(host.env), socket), 'run', args));
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
