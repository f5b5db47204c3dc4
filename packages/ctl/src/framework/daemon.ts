/**
 * Daemon mode (ovn-nbctl(8), "Daemon Mode"): a process that keeps its connection and runs command lines that come over its control socket, in the
 * form that the C programs use too: method `run`, whose parameters are options, `--`, and commands.
 */
import { existsSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { listen } from '@weft/jsonrpc/listen';
import { parsePassive } from '@weft/jsonrpc/remote';
import { CommandError, UnixctlServer } from '@weft/jsonrpc/unixctl-server';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { registerVlogCommands } from '@weft/vlog/commands';
import type { Log } from '@weft/vlog/log';
import { parseGlobal } from './argv.ts';
import { CtlError } from './ctl-error.ts';
import { applyLogOption, logRun, reason } from './ctl-log.ts';
import { passedOptions } from './daemon-client.ts';
import { globalOptions, logOptions, readOptions, type Settings } from './global-options.ts';
import { versionText } from './information.ts';
import { execute, type Host, localOptions, parse, refuseWaiting } from './main.ts';
import { failureReason, logDirectory, openSession, runDirectory } from './open-session.ts';
import type { Program } from './program.ts';
import type { Runnable } from './run.ts';
import type { Session } from './session.ts';

/** Starts the daemon. In the process that was called, prints the socket once it serves, and resolves to the exit status. */
export async function runDaemon<D extends DatabaseSchema>(
  program: Program<D>,
  host: Host,
  settings: Settings,
  log: Log,
): Promise<number> {
  const background = await host.background();
  const stage = await background.enter({
    name: program.name,
    argv: host.argv,
    detach: settings.detach,
    monitor: settings.monitor,
    log: (level, message) => {
      log.write('daemon', level === 'error' ? 'err' : level, message);
      void log.flush();
    },
  });
  if (typeof stage === 'number') return stage;
  const rundir = runDirectory(host.env);
  const path = absolute(settings.unixctl ?? `${program.name}.${process.pid}.ctl`, rundir);
  const pidfilePath =
    settings.pidfile === undefined ? undefined : absolute(settings.pidfile || `${program.name}.pid`, rundir);
  return orFail(async () => {
    if (settings.user !== undefined) background.becomeUser(settings.user, log.path === undefined ? [] : [log.path]);
    const pidfile =
      pidfilePath === undefined
        ? undefined
        : background.createPidfile(pidfilePath, { overwrite: settings.overwritePidfile });
    try {
      await serve(program, host, settings, log, path, stage.ready);
    } finally {
      pidfile?.remove();
    }
    return 0;
  });
}

/** What keeps a daemon from starting is a failure as any other. */
async function orFail<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    if (error instanceof CtlError) throw error;
    throw new CtlError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** Serves until it is told to end. */
async function serve<D extends DatabaseSchema>(
  program: Program<D>,
  host: Host,
  settings: Settings,
  log: Log,
  path: string,
  ready: (text: string) => void,
): Promise<void> {
  let session: Session | undefined;
  const openedSession = async () => {
    if (session === undefined || session.closed) session = await openSession(program, host, settings, log);
    return session;
  };
  const server = new UnixctlServer((command, error) => log.write('unixctl', 'err', `${command}: ${String(error)}`));
  // One transaction after the other, in the order in which they came.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = (task: () => Promise<string>): Promise<string> => {
    const result = last.then(task, task);
    last = result.catch(() => undefined);
    return result;
  };
  server.register('run', {
    usage: '[options] command [arg...] [-- [options] command [arg...] ...]',
    maxArgs: Number.POSITIVE_INFINITY,
    run: async (args, gone) => {
      try {
        const line = readLine(program, host, settings, args, log);
        if (!line.waits) return await inTurn(async () => runOne(program, host, await openedSession(), line, args, log));
        // Who waits holds nobody up, and ends with who asked.
        const own = await openSession(program, host, settings, log);
        const close = () => own.close();
        // It may have gone while a server was looked for.
        if (gone.aborted) close();
        else gone.addEventListener('abort', close);
        return await runOne(program, host, own, line, args, log).finally(close);
      } catch (error) {
        if (error instanceof CtlError) throw new CommandError(error.message);
        if (gone.aborted) return '';
        throw error;
      } finally {
        await log.flush();
      }
    },
  });
  const { stop, stopped } = stopper();
  server.register('exit', {
    run: () => {
      setImmediate(stop);
      return '';
    },
  });
  server.register('version', { run: () => versionText(program) });
  registerVlogCommands(server, log.vlog, {
    reopen: () => log.reopenFile(reason),
    close: () => log.closeFile(),
    syslogPrefix: () => log.syslogPrefix,
  });
  rmSync(path, { force: true });
  const listener = await listen(parsePassive(`punix:${path}`), ({ stream }) => void server.accept(stream)).catch(
    (error: unknown) => {
      // Node reports a missing directory as one that may not be written.
      const why = existsSync(dirname(path)) ? failureReason(error) : 'No such file or directory';
      throw new CtlError(`${path}: could not initialize control socket (${why})`, { cause: error });
    },
  );
  if (settings.chdir) process.chdir('/');
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.once(signal, stop);
  ready(`${path}\n`);
  // The caller has ended, and standard error with it.
  log.vlog.set('console:off');
  await stopped;
  session?.close();
  listener.close();
  rmSync(path, { force: true });
}

function stopper(): { readonly stop: () => void; readonly stopped: Promise<void> } {
  let stop: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  return { stop: () => stop(), stopped };
}

/** Options of a command line that a daemon runs; the others are those of processes and connections. */
const optionsOfCommands = new Map(
  [...globalOptions].filter(([name]) => passedOptions.has(name) || (logOptions.has(name) && name !== '--no-syslog')),
);

/** A command line that a daemon runs. */
interface CommandLine<D extends DatabaseSchema> {
  readonly commands: readonly Runnable<D>[];
  readonly settings: Settings;
  /** It may wait for what others do. */
  readonly waits: boolean;
}

function readLine<D extends DatabaseSchema>(
  program: Program<D>,
  host: Host,
  { tls }: Settings,
  args: readonly string[],
  log: Log,
): CommandLine<D> {
  const parsed = parseGlobal(args, optionsOfCommands, localOptions(program));
  refuseWaiting(program, parsed);
  // What is said of logs is said to the daemon.
  const read = readOptions(parsed.global, (name, value) =>
    applyLogOption(log, name, value, program.name, logDirectory(host.env)),
  );
  const settings = { ...read, tls };
  const commands = parse(program, parsed, log);
  const waits = settings.wait !== 'none' || commands.some(({ command }) => command.name === 'wait-until');
  return { commands, settings, waits };
}

function runOne<D extends DatabaseSchema>(
  program: Program<D>,
  host: Host,
  session: Session,
  { commands, settings }: CommandLine<D>,
  args: readonly string[],
  log: Log,
): Promise<string> {
  logRun(
    log,
    ['run', ...args],
    commands.map(({ command }) => command),
  );
  const result = execute(program, host, session, commands, settings, args, log);
  return settings.timeout === 0 ? result : within(settings.timeout, result);
}

function within<T>(seconds: number, result: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new CtlError('timeout expired')), seconds * 1000);
    result.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function absolute(file: string, rundir: string): string {
  return file.startsWith('/') ? file : `${rundir}/${file}`;
}
