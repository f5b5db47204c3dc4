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
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemReason } from '@weft/jsonrpc/connect';
import { type Listener, listen } from '@weft/jsonrpc/listen';
import type { TlsFiles } from '@weft/jsonrpc/tls';
import { UnixctlServer } from '@weft/jsonrpc/unixctl-server';
import { registerVlogCommands } from '@weft/vlog/commands';
import { syslogPrefix } from '@weft/vlog/syslog';
import { Vlog } from '@weft/vlog/vlog';
import type { Logger } from 'pino';
import type { InferredOptionTypes, Options } from 'yargs';
import { enterBackground } from './background.ts';
import { type CommonOptions, type DaemonSpec, parseDaemonOptions } from './daemon-options.ts';
import { UsageError } from './getopt.ts';
import { consoleSink, fileSink, Logging, syslogSink } from './logging.ts';
import type { Memo } from './memo.ts';
import { createPidfile, type Pidfile } from './pidfile.ts';
import { runDir } from './run-dirs.ts';
import { becomeUser, findUser } from './user.ts';
import { version } from './version.ts';

export type ExitHook = (args: readonly string[]) => void | Promise<void>;

export interface Daemon<O extends { readonly [name: string]: Options }> {
  readonly name: string;
  /** Of the program's own options. */
  readonly args: InferredOptionTypes<O>;
  readonly positionals: readonly string[];
  /** From `--private-key` and its like; undefined if none of them is given. */
  readonly tls: TlsFiles | undefined;
  readonly rundir: string;
  /** Under a monitor: what is left to the daemon that is started after a crash of this one. */
  readonly memo: Memo | undefined;
  /** For the daemon's own commands. */
  readonly control: UnixctlServer;
  /**
   * Opens the control socket, which is done when `main` returns, if it has not asked for it. One that is there is taken over: before, whatever would keep the
   * daemon from starting beside another one should have done so.
   */
  listenForCommands(): Promise<void>;
  /** The logger of a module, whose levels `vlog/set` changes. */
  log(module: string): Logger;
  /** Runs before the end; the latest first. `--restart` among its arguments: a defect ends the daemon, and it is to be started again. */
  onExit(hook: ExitHook): void;
  /** Ends the daemon: hooks, then control socket and pidfile, then the process. */
  exit(code?: number, args?: readonly string[]): Promise<never>;
}

/** Hooks that hang do not keep the process for longer than that. */
const exitTimeoutMs = 10_000;

/** Runs `main` as a daemon; returns when it is ready, and in the parent of a detached one never. */
export async function runDaemon<O extends { readonly [name: string]: Options }>(
  spec: DaemonSpec<O>,
  main: (daemon: Daemon<O>) => void | Promise<void>,
): Promise<void> {
  const argv = process.argv.slice(2);
  const { product = spec.name } = spec;
  let running: Running | undefined;
  /** Whoever started it may be a monitor, from which nobody hears. */
  let logFailure = (_: string): void => {};
  try {
    const { common, args, positionals, helpText } = parseDaemonOptions(spec, argv, process.env);
    if (common.help) return finish(`${await helpText()}\n`);
    if (common.version) return finish(`${product} ${version}\n`);
    const vlog = new Vlog();
    for (const word of common.verbose) {
      const problem = vlog.set(word, { announce: true });
      if (problem !== undefined) throw new UsageError(`processing "${word}": ${problem}`);
    }
    const stage = await enterBackground({
      name: spec.name,
      detach: common.detach,
      monitor: common.monitor,
      argv,
      log: (level, message) => void logAsMonitor(spec.name, common, vlog, level, message),
    });
    if (typeof stage === 'number') process.exit(stage);
    nameProcess(spec.name);

    if (common.logFile !== undefined) makeDirectory(dirname(common.logFile));
    if (common.user !== undefined) {
      becomeUser(findUser(common.user), common.logFile === undefined ? [] : [common.logFile]);
    }
    const logging = await openLogs({ program: spec.name }, common, vlog);
    const log = logging.module('daemon');
    logFailure = (message) => {
      logging.setSink('console', undefined);
      log.fatal(message);
    };
    const control = new UnixctlServer((command, error) => log.error({ err: error }, `command ${command} failed`));
    const parts = new Running(log, common, control);
    running = parts;
    installFaultHandlers(log, parts, stage.monitored);
    parts.openPidfile();
    registerCommon(control, product, common, vlog, logging, parts);
    await main({
      name: spec.name,
      args,
      positionals,
      tls: common.tls,
      rundir: runDir(spec.suite, process.env),
      memo: stage.memo,
      control,
      log: (module) => logging.module(module),
      listenForCommands: () => parts.openControl(),
      onExit: (hook) => parts.hooks.unshift(hook),
      exit: (code = 0, exitArgs = []) => parts.exit(code, exitArgs),
    });
    await parts.openControl();
    for (const module of vlog.unknownModules()) log.warn(`-v: there is no module "${module}"`);
    if (common.detach) leaveConsole(common, logging);
    // A daemon ends when it is told to, and not because nobody can reach it.
    setInterval(() => {}, 2 ** 31 - 1);
    stage.ready();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${spec.name}: ${message}\n`);
    logFailure(message);
    // What was open by then is closed, so that nothing stays behind.
    await running?.leave([]);
    process.exit(1);
  }
}

/** The parts that live as long as the process, and their end. */
class Running {
  readonly hooks: ExitHook[] = [];
  readonly #log: Logger;
  readonly #common: CommonOptions;
  readonly #control: UnixctlServer;
  #pidfile: Pidfile | undefined;
  #opening: Promise<void> | undefined;
  #listener: Listener | undefined;
  #ending: Promise<void> | undefined;

  constructor(log: Logger, common: CommonOptions, control: UnixctlServer) {
    this.#log = log;
    this.#common = common;
    this.#control = control;
  }

  openPidfile(): void {
    const { pidfile, overwritePidfile } = this.#common;
    if (pidfile === undefined) return;
    makeDirectory(dirname(pidfile));
    this.#pidfile = createPidfile(pidfile, { overwrite: overwritePidfile });
    if (!this.#pidfile.locked)
      this.#log.warn(`${pidfile}: could not be locked: name the control socket's path to ovs-appctl`);
  }

  openControl(): Promise<void> {
    this.#opening ??= this.#openControl();
    return this.#opening;
  }

  async #openControl(): Promise<void> {
    const { unixctl } = this.#common;
    if (unixctl === undefined) return;
    makeDirectory(dirname(unixctl));
    this.#listener = await listen({ kind: 'punix', path: unixctl }, ({ stream }) => this.#control.accept(stream), {
      onError: (error) => this.#log.warn(`${unixctl}: ${error.message}`),
    });
  }

  /** Leaves nothing behind: hooks, control socket, pidfile. Once, however often it is called. */
  leave(args: readonly string[]): Promise<void> {
    this.#ending ??= (async () => {
      for (const hook of this.hooks) {
        try {
          await hook(args);
        } catch (error) {
          this.#log.error({ err: error }, 'error while ending');
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

function registerCommon(
  control: UnixctlServer,
  product: string,
  common: CommonOptions,
  vlog: Vlog,
  logging: Logging,
  running: Running,
): void {
  control.register('version', { run: () => `${product} ${version}` });
  control.register('exit', {
    run: async () => {
      await running.leave([]);
      // The answer leaves before the process does: whoever asked knows then that everything is in order.
      setTimeout(() => void running.exit(0, []), 10);
      return '';
    },
  });
  control.register('memory/show', {
    run: () => {
      const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
      const kB = (bytes: number): number => Math.round(bytes / 1024);
      return `resident-kB:${kB(rss)} heap-kB:${kB(heapTotal)} heap-used-kB:${kB(heapUsed)} external-kB:${kB(external)}`;
    },
  });
  registerVlogCommands(control, vlog, {
    reopen: () => {
      if (common.logFile === undefined) return 'Logging to file not configured';
      try {
        if (logging.hasSink('file')) logging.reopen();
        else logging.setSink('file', fileSink(common.logFile));
      } catch (error) {
        return systemReason(error as Error);
      }
      return undefined;
    },
    close: () => logging.setSink('file', undefined),
    syslogPrefix: () => syslogPrefix(common.syslogMethod),
    formats: { console: 'JSON; on a terminal for reading', file: 'JSON' },
  });
}

async function openLogs(
  source: { readonly program: string; readonly subprogram?: string },
  common: CommonOptions,
  vlog: Vlog,
): Promise<Logging> {
  const logging = new Logging(vlog, source);
  logging.setSink('console', await consoleSink(process.stderr.isTTY === true));
  if (common.logFile !== undefined) logging.setSink('file', fileSink(common.logFile));
  logging.setSink('syslog', syslogSink(vlog, logging.source, common.syslogMethod, common.syslogTarget));
  return logging;
}

/** The monitor holds no log open between two messages: logrotate need not know of it. */
async function logAsMonitor(
  program: string,
  common: CommonOptions,
  vlog: Vlog,
  level: 'info' | 'warn' | 'error',
  message: string,
): Promise<void> {
  const logging = await openLogs({ program, subprogram: 'monitor' }, common, vlog);
  logging.module('monitor')[level](message);
  for (const destination of ['console', 'file', 'syslog'] as const) logging.setSink(destination, undefined);
}

/**
 * What pidof(1), pgrep(1) and the start scripts of Open vSwitch know a process by; it would be node's name. The command line, which `process.title` would
 * overwrite, stays.
 */
function nameProcess(name: string): void {
  try {
    writeFileSync('/proc/self/comm', name);
  } catch {
    // Only Linux has it.
  }
}

/** The starter leaves now, and standard error with it. */
function leaveConsole(common: CommonOptions, logging: Logging): void {
  logging.setSink('console', undefined);
  process.stderr.on('error', () => {});
  if (common.chdir) process.chdir('/');
}

function installFaultHandlers(log: Logger, running: Running, monitored: boolean): void {
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
    // To a monitor, a defect is a signal: it starts the daemon again.
    if (monitored) void running.leave(['--restart']).then(() => process.kill(process.pid, 'SIGABRT'));
    else void running.exit(1, ['--restart']);
  };
  process.on('uncaughtException', fault);
  process.on('unhandledRejection', fault);
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
