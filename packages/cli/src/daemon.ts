/**
 * What every daemon needs: options, logs, pidfile, detaching, the control socket, and an orderly end.
 *
 *     await runDaemon({ name: 'weft-northd', suite: 'ovn', description: '...', options: { 'ovnnb-db': { type: 'string' } } }, async (daemon) => {
 *       const log = daemon.log('northd');
 *       daemon.control.register('pause', { run: () => ... });
 *       daemon.onExit(async () => ...);
 *       ... start working; when this function returns, the daemon is ready.
 *     });
 */
import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Listener, listen } from '@weft/jsonrpc/listen';
import type { TlsFiles } from '@weft/jsonrpc/tls';
import { CommandError, UnixctlServer } from '@weft/jsonrpc/unixctl-server';
import type { Logger } from 'pino';
import type { InferredOptionTypes, Options } from 'yargs';
import { type CommonOptions, type DaemonSpec, parseDaemonOptions, UsageError } from './daemon-options.ts';
import { consoleSink, fileSink, Logging, syslogSink } from './logging.ts';
import { createPidfile, type Pidfile } from './pidfile.ts';
import { runDir } from './run-dirs.ts';
import { version } from './version.ts';
import { Vlog } from './vlog.ts';

export type ExitHook = (args: readonly string[]) => void | Promise<void>;

export interface Daemon<O extends { readonly [name: string]: Options }> {
  readonly name: string;
  /** Of the program's own options. */
  readonly args: InferredOptionTypes<O>;
  readonly positionals: readonly string[];
  /** From `--private-key` and its like; undefined if none of them is given. */
  readonly tls: TlsFiles | undefined;
  readonly rundir: string;
  /** For the daemon's own commands. */
  readonly control: UnixctlServer;
  /** The logger of a module, whose levels `vlog/set` changes. */
  log(module: string): Logger;
  /** Runs before the end, with the arguments of the `exit` command (none for a signal); the latest first. */
  onExit(hook: ExitHook): void;
  /** Ends the daemon: hooks, then control socket and pidfile, then the process. */
  exit(code?: number, args?: readonly string[]): Promise<never>;
}

/** Set in the environment of a detached child: the descriptor on which its parent waits to hear that it is ready. */
const readyVariable = 'WEFT_DAEMON_READY_FD';
/** Hooks that hang do not keep the process for longer than that. */
const exitTimeoutMs = 10_000;

/** Runs `main` as a daemon; returns when it is ready, and in the parent of a detached one never. */
export async function runDaemon<O extends { readonly [name: string]: Options }>(
  spec: DaemonSpec<O>,
  main: (daemon: Daemon<O>) => void | Promise<void>,
): Promise<void> {
  const argv = process.argv.slice(2);
  try {
    const { common, args, positionals, helpText } = await parseDaemonOptions(spec, argv, process.env);
    if (common.help) return finish(`${helpText}\n`);
    if (common.version) return finish(`${spec.name} ${version}\n`);
    const readyFd = takeReadyFd();
    if (common.detach && readyFd === undefined) return await detach(spec.name, argv);

    dropPrivileges(common.user);
    const vlog = new Vlog();
    for (const word of common.verbose) {
      const problem = vlog.set(word, { announce: true });
      if (problem !== undefined) throw new UsageError(`processing "${word}": ${problem}`);
    }
    const logging = await openLogs(spec.name, common, vlog);
    const log = logging.module('daemon');
    const control = new UnixctlServer((command, error) => log.error({ err: error }, `command ${command} failed`));
    const running = new Running(logging, common, control);
    installFaultHandlers(log, running);
    await running.open();

    const exit = (code: number, exitArgs: readonly string[]): Promise<never> => running.exit(code, exitArgs);
    registerCommon(control, spec.name, vlog, logging, running);
    await main({
      name: spec.name,
      args,
      positionals,
      tls: common.tls,
      rundir: runDir(spec.suite, process.env),
      control,
      log: (module) => logging.module(module),
      onExit: (hook) => running.hooks.unshift(hook),
      exit: (code = 0, exitArgs = []) => exit(code, exitArgs),
    });
    if (readyFd !== undefined) becomeReady(readyFd, common, logging);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${spec.name}: ${message}\n`);
    process.exit(1);
  }
}

/** The parts that live as long as the process, and their end. */
class Running {
  readonly hooks: ExitHook[] = [];
  readonly #logging: Logging;
  readonly #common: CommonOptions;
  readonly #control: UnixctlServer;
  #pidfile: Pidfile | undefined;
  #listener: Listener | undefined;
  #ending: Promise<void> | undefined;

  constructor(logging: Logging, common: CommonOptions, control: UnixctlServer) {
    this.#logging = logging;
    this.#common = common;
    this.#control = control;
  }

  async open(): Promise<void> {
    const { pidfile, unixctl, overwritePidfile } = this.#common;
    const log = this.#logging.module('daemon');
    if (pidfile !== undefined) {
      makeDirectory(dirname(pidfile));
      this.#pidfile = createPidfile(pidfile, { overwrite: overwritePidfile });
      if (!this.#pidfile.locked)
        log.warn(`${pidfile}: could not be locked: name the control socket's path to ovs-appctl`);
    }
    if (unixctl !== undefined) {
      makeDirectory(dirname(unixctl));
      this.#listener = await listen(
        { kind: 'punix', path: unixctl },
        ({ stream }) => {
          this.#control.accept(stream);
        },
        { onError: (error) => log.warn(`${unixctl}: ${error.message}`) },
      );
    }
  }

  /** Leaves nothing behind: hooks, control socket, pidfile. Once, however often it is called. */
  leave(args: readonly string[]): Promise<void> {
    this.#ending ??= (async () => {
      for (const hook of this.hooks) {
        try {
          await hook(args);
        } catch (error) {
          this.#logging.module('daemon').error({ err: error }, 'error while ending');
        }
      }
      await this.#listener?.close();
      this.#pidfile?.remove();
    })();
    const timeout = new Promise<void>((resolve) => setTimeout(resolve, exitTimeoutMs).unref());
    return Promise.race([this.#ending, timeout]);
  }

  async exit(code: number, args: readonly string[]): Promise<never> {
    await this.leave(args);
    process.exit(code);
  }
}

function registerCommon(control: UnixctlServer, name: string, vlog: Vlog, logging: Logging, running: Running): void {
  control.register('version', { run: () => `${name} ${version}` });
  control.register('exit', {
    usage: '[--restart | --cleanup]',
    maxArgs: 2,
    run: async (args) => {
      await running.leave(args);
      // The answer leaves before the process does: whoever asked knows then that everything is in order.
      setTimeout(() => void running.exit(0, args), 10);
      return '';
    },
  });
  control.register('vlog/set', {
    usage: '{spec | PATTERN:destination:pattern}',
    maxArgs: Number.POSITIVE_INFINITY,
    run: (args) => {
      for (const spec of args) {
        const problem = vlog.set(spec);
        if (problem !== undefined) throw new CommandError(problem);
      }
      return '';
    },
  });
  control.register('vlog/list', { run: () => vlog.list() });
  control.register('vlog/reopen', {
    run: () => {
      if (!logging.hasSink('file')) throw new CommandError('Logging to file not configured');
      logging.reopen();
      return '';
    },
  });
  control.register('vlog/close', {
    run: () => {
      logging.setSink('file', undefined);
      return '';
    },
  });
}

async function openLogs(name: string, common: CommonOptions, vlog: Vlog): Promise<Logging> {
  const logging = new Logging(vlog);
  logging.setSink('console', await consoleSink(process.stderr.isTTY === true));
  if (common.logFile !== undefined) {
    makeDirectory(dirname(common.logFile));
    logging.setSink('file', fileSink(common.logFile));
  }
  if (common.syslogTarget !== undefined) {
    logging.setSink('syslog', syslogSink(name, common.syslogTarget.host, common.syslogTarget.port));
  }
  return logging;
}

/** Starts this program again in the background, waits until that says that it is ready or ends, and exits. */
function detach(name: string, argv: readonly string[]): Promise<never> {
  const script = process.argv[1] ?? '';
  const child = spawn(process.execPath, [...process.execArgv, script, ...argv], {
    detached: true,
    // Until it is ready, what it complains about reaches whoever started it.
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    env: { ...process.env, [readyVariable]: '3' },
  });
  child.stderr?.on('data', (data: Uint8Array) => process.stderr.write(data));
  const pipe = child.stdio[3];
  pipe?.on('data', () => process.exit(0));
  return new Promise((_resolve, reject) => {
    child.once('error', (error) => reject(new Error(`could not start in the background (${error.message})`)));
    child.once('close', (code, signal) => {
      if (signal !== null) process.stderr.write(`${name}: could not start: killed (${signal})\n`);
      process.exit(code ?? 1);
    });
  });
}

function takeReadyFd(): number | undefined {
  const text = process.env[readyVariable];
  delete process.env[readyVariable];
  return text === undefined ? undefined : Number(text);
}

/** The parent leaves now, and standard error with it. */
function becomeReady(fd: number, common: CommonOptions, logging: Logging): void {
  logging.setSink('console', undefined);
  process.stderr.on('error', () => {});
  if (common.chdir) process.chdir('/');
  writeSync(fd, 'ready\n');
  closeSync(fd);
}

function installFaultHandlers(log: Logger, running: Running): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.once(signal, () => {
      log.info(`${signal}: ending`);
      void running.exit(0, []);
    });
  }
  // Standard output may be a pipe whose reader has gone.
  process.on('SIGPIPE', () => {});
  const fault = (error: unknown): void => {
    log.fatal({ err: error }, `defect: ${error instanceof Error ? error.message : error}`);
    void running.exit(1, ['--restart']);
  };
  process.on('uncaughtException', fault);
  process.on('unhandledRejection', fault);
}

/** `USER`, `USER:GROUP` or `:GROUP`, as `--user` takes it. */
function dropPrivileges(user: string | undefined): void {
  if (user === undefined) return;
  const [name = '', group] = user.split(':');
  try {
    if (group) process.setgid?.(group);
    if (name) {
      process.setuid?.(name);
    }
  } catch (cause) {
    throw new UsageError(`--user=${user}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

/** The run and log directories are made by packages and units; where there are none, by whoever may. */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch {
    // What cannot be made is reported by whoever needs it.
  }
}

function finish(text: string): never {
  process.stdout.write(text);
  process.exit(0);
}
