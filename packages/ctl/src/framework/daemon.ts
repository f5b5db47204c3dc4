/**
 * Daemon mode (ovn-nbctl(8), "Daemon Mode"): a process that keeps its connection and runs command lines that come over its control socket, in the
 * form that the C programs use too: method `run`, whose parameters are options, `--`, and commands.
 */
import { spawn } from 'node:child_process';
import { chownSync, rmSync, writeFileSync } from 'node:fs';
import { listen } from '@weft/jsonrpc/listen';
import { parsePassive } from '@weft/jsonrpc/remote';
import { CommandError, UnixctlServer } from '@weft/jsonrpc/unixctl-server';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { parseGlobal } from './argv.ts';
import { CtlError } from './ctl-error.ts';
import { applyOptions, defaultSettings, globalOptions, type Settings } from './global-options.ts';
import { execute, type Host, localOptions, parse } from './main.ts';
import { openSession, runDirectory } from './open-session.ts';
import type { Program } from './program.ts';
import type { Session } from './session.ts';

/** Set in the environment of the process that stays. */
const stage = 'WEFT_CTL_DAEMON';

/** Starts the daemon. In the process that was called, prints the socket once it serves, and resolves to the exit status. */
export async function runDaemon<D extends DatabaseSchema>(
  program: Program<D>,
  host: Host,
  settings: Settings,
): Promise<number> {
  if (host.env[stage] === undefined) return detach(program.name, host);
  try {
    return await serve(program, host, settings);
  } catch (error) {
    process.send?.({ failure: error instanceof Error ? error.message : String(error) });
    return 1;
  }
}

async function serve<D extends DatabaseSchema>(program: Program<D>, host: Host, settings: Settings): Promise<number> {
  const rundir = runDirectory(host.env);
  const path = settings.unixctl ?? `${rundir}/${program.name}.${process.pid}.ctl`;
  const pidfile =
    settings.pidfile === undefined ? undefined : absolute(settings.pidfile || `${program.name}.pid`, rundir);
  let session: Session | undefined;
  const openedSession = async () => {
    if (session === undefined || session.closed) session = await openSession(program, host, settings);
    return session;
  };
  const server = new UnixctlServer((command, error) => host.stderr(`${program.name}: ${command}: ${String(error)}\n`));
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
    run: (args) => inTurn(() => runOne(program, host, settings, openedSession, args)),
  });
  const { stop, stopped } = stopper();
  server.register('exit', {
    run: () => {
      setImmediate(stop);
      return '';
    },
  });
  rmSync(path, { force: true });
  const listener = await listen(parsePassive(`punix:${path}`), ({ stream }) => void server.accept(stream));
  if (pidfile !== undefined) writeFileSync(pidfile, `${process.pid}\n`);
  if (settings.user !== undefined) changeUser(settings.user, [path, ...(pidfile === undefined ? [] : [pidfile])]);
  if (settings.chdir) process.chdir('/');
  process.send?.(path);
  process.disconnect?.();
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  await stopped;
  session?.close();
  listener.close();
  rmSync(path, { force: true });
  if (pidfile !== undefined) rmSync(pidfile, { force: true });
  return 0;
}

function stopper(): { readonly stop: () => void; readonly stopped: Promise<void> } {
  let stop: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  return { stop: () => stop(), stopped };
}

async function runOne<D extends DatabaseSchema>(
  program: Program<D>,
  host: Host,
  base: Settings,
  session: () => Promise<Session>,
  args: readonly string[],
): Promise<string> {
  try {
    const parsed = parseGlobal(args, globalOptions, localOptions(program));
    const settings = { ...defaultSettings(), tls: base.tls };
    applyOptions(settings, parsed.global);
    const commands = parse(program, parsed, { isTerminal: false });
    const result = execute(program, host, await session(), commands, settings, args);
    return settings.timeout === 0 ? await result : await within(settings.timeout, result);
  } catch (error) {
    if (error instanceof CtlError) throw new CommandError(error.message);
    throw error;
  }
}

function within<T>(seconds: number, result: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new CtlError('timeout expired')), seconds * 1000);
    result.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Starts this program again as a process of its own, and waits until it serves. */
function detach(program: string, host: Host): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...host.argv], {
      detached: true,
      env: { ...host.env, [stage]: '1' },
      // The daemon holds nothing of its parent's open.
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    child.once('message', (message: string | { readonly failure: string }) => {
      if (typeof message === 'string') host.stdout(`${message}\n`);
      else host.stderr(`${program}: ${message.failure}\n`);
      child.disconnect();
      child.unref();
      resolve(typeof message === 'string' ? 0 : 1);
    });
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

function absolute(file: string, rundir: string): string {
  return file.startsWith('/') ? file : `${rundir}/${file}`;
}

/** `USER[:GROUP]`, by number or as the system knows them. */
function changeUser(text: string, files: readonly string[]): void {
  const [user, group] = text.split(':') as [string, string?];
  if (group !== undefined && group !== '') process.setgid?.(group);
  if (user !== '') process.setuid?.(user);
  const uid = process.getuid?.() ?? 0;
  for (const file of files) {
    try {
      chownSync(file, uid, process.getgid?.() ?? 0);
    } catch {
      // The socket works for its owner all the same.
    }
  }
}
