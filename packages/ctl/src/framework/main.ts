/** A ctl program's way from its command line to its exit status. Everything that it touches outside is in `Host`. */
import { ConnectionClosedError } from '@weft/jsonrpc/peer';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import type { Log, LogOutputs } from '@weft/vlog/log';
import { type GlobalArguments, parseCommands, parseGlobal, parseOptionSpec } from './argv.ts';
import { colourError, colourOverview } from './colour.ts';
import { CtlError, UsageError } from './ctl-error.ts';
import { applyLogOption, createLog, logCall } from './ctl-log.ts';
import { globalOptions, readOptions, type Settings } from './global-options.ts';
import {
  databaseRemotes,
  failureReason,
  logDirectory,
  lossReason,
  openSession,
  socketDirectory,
  tlsOptions,
} from './open-session.ts';
import type { OptionSpec } from './option-values.ts';
import type { Program } from './program.ts';
import { type Runnable, type RunOptions, runCommands } from './run.ts';
import type { Session } from './session.ts';
import { suggestion } from './suggest.ts';
import { opensslText } from './tls-failure.ts';
import { wordsOf } from './words.ts';

/** The process, as far as a ctl program uses it. */
export interface Host {
  readonly argv: readonly string[];
  readonly env: { readonly [name: string]: string | undefined };
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly now: () => number;
  /** Standard error is a terminal: a person reads messages. */
  readonly isTerminal: boolean;
  readonly stdoutIsTerminal: boolean;
  /** Ends the process as the timer's signal does, after `before`. */
  readonly alarm: (seconds: number, before: () => Promise<void>) => void;
  readonly log: Pick<LogOutputs, 'openFile' | 'sendSyslog'> & { readonly hostname: () => string };
  /** What only a daemon needs. */
  readonly background: () => Promise<Background>;
}

/** How a process becomes a daemon. */
export interface Background {
  /** Resolves in the daemon to how it says that it is ready, and in the processes that start it to their exit status. */
  enter(options: {
    readonly name: string;
    readonly argv: readonly string[];
    readonly detach: boolean;
    readonly monitor: boolean;
    readonly log: (level: 'info' | 'warn' | 'error', message: string) => void;
  }): Promise<{ ready(text?: string): void } | number>;
  /** Writes and locks a pidfile. Throws an error that says what is wrong. */
  createPidfile(path: string, options: { readonly overwrite?: boolean }): { remove(): void };
  /** `--user`; `files` are made and stay writable. Throws an error that says what is wrong. */
  becomeUser(user: string, files: readonly string[]): void;
}

/** Runs a program; resolves to its exit status. */
export async function main<D extends DatabaseSchema>(program: Program<D>, host: Host): Promise<number> {
  const log = createLog(program.name, host);
  try {
    return await run(program, host, log);
  } catch (error) {
    if (!(error instanceof CtlError)) throw error;
    if (error.message === '') return 1;
    if (!(error instanceof UsageError)) log.write('db_ctl_base', 'err', error.message, true);
    const message = `${program.name}: ${error.message}${host.isTerminal ? hint(error) : ''}`;
    host.stderr(`${coloured(host, host.isTerminal) ? colourError(message) : message}\n`);
    return 1;
  } finally {
    await log.flush();
  }
}

/** Options of programs that can wait for the rest of the system. */
export const waitOptions: ReadonlySet<string> = new Set(['--wait', '--no-wait', '--print-wait-time']);

/** @throws CtlError for options about waiting where there is nothing to wait for */
export function refuseWaiting<D extends DatabaseSchema>(
  { root }: Program<D>,
  { global }: Pick<GlobalArguments, 'global'>,
): void {
  const given = root.canWait ? undefined : global.find(({ name }) => waitOptions.has(name));
  if (given !== undefined) throw new CtlError(`${given.name} not supported`);
}

async function run<D extends DatabaseSchema>(program: Program<D>, host: Host, log: Log): Promise<number> {
  if (host.argv[0] === '--completion' || host.argv[0] === '--complete') return completion(program, host, log);
  const parsed = parseGlobal(
    [...environmentOptions(program, host, log), ...host.argv],
    globalOptions,
    localOptions(program),
  );
  const method = host.env.OVS_SYSLOG_METHOD;
  if (method !== undefined && method !== '') applyLogOption(log, '--syslog-method', method, program.name, '');
  refuseWaiting(program, parsed);
  const apply = (name: string, value: string | undefined): void =>
    applyLogOption(log, name, value, program.name, logDirectory(host.env));
  const targets: (string | undefined)[] = [];
  const settings = readOptions(parsed.global, (name, value) => {
    // What it says of itself obeys all the options.
    if (name === '--syslog-target') targets.push(value);
    else apply(name, value);
  });
  for (const target of targets) apply('--syslog-target', target);
  if (settings.tls.caCert === 'none') {
    log.write('stream_ssl', 'warn', 'Peer certificate validation disabled (this is a security risk)');
  }
  if (settings.show !== undefined) {
    const { information } = await import('./information.ts');
    host.stdout(await information(settings.show, program, host.env, host.argv));
    return 0;
  }
  const timeout = settings.timeout || environmentTimeout(host);
  if (timeout > 0) {
    host.alarm(timeout, () => {
      log.write('fatal_signal', 'warn', 'terminating with signal 14 (Alarm clock)');
      return log.flush();
    });
  }
  if (settings.detach) {
    if (parsed.rest.length > 0) {
      throw new CtlError('non-option arguments not supported with --detach (use --help for help)');
    }
    const { runDaemon } = await import('./daemon.ts');
    return runDaemon(program, host, settings, log);
  }
  const daemon = settings.unixctl ?? host.env[program.environment.daemon];
  if (daemon !== undefined && daemon !== '') {
    const { callDaemon, databaseOption } = await import('./daemon-client.ts');
    if (!parsed.global.some(({ name }) => name === databaseOption)) {
      return callDaemon(host, daemon, parsed, program, log);
    }
    const why = `not using ${program.name} daemon because of ${databaseOption.slice(2)} option`;
    log.write('ovn_dbctl', 'warn', why);
  }
  const commands = parse(program, parsed, log);
  logCall(
    log,
    [program.name, ...host.argv],
    commands.map(({ command }) => command),
  );
  const session = await openSession(program, host, settings, log);
  try {
    const text = await execute(program, host, session, commands, settings, host.argv, log);
    const overview = commands.every(({ command }) => command.name === 'show') && !settings.oneline;
    host.stdout(overview && coloured(host, host.stdoutIsTerminal) ? colourOverview(text) : text);
  } catch (error) {
    if (error instanceof CtlError || !session.closed) throw error;
    const remotes = databaseRemotes(program, host.env, settings.db);
    throw new CtlError(`${remotes}: database connection failed (${connectionFailure(error, session.name, log)})`);
  } finally {
    session.close();
  }
  return 0;
}

/** Why the server was lost; where it is SSL that failed, that is said in the log. */
function connectionFailure(error: unknown, remote: string, log: Log): string {
  if (!(error instanceof Error)) return 'End of file';
  const ssl = error instanceof ConnectionClosedError ? undefined : opensslText(error);
  if (ssl === undefined) return lossReason(error, remote, log);
  const reason = 'Input/output error';
  log.write('stream_ssl', 'warn', `SSL_read: ${ssl}`);
  log.write('jsonrpc', 'warn', `${remote}: receive error: ${reason}`);
  log.write('reconnect', 'warn', `${remote}: connection dropped (${reason})`);
  return reason;
}

function coloured(host: Host, isTerminal: boolean): boolean {
  return isTerminal && (host.env.NO_COLOR ?? '') === '';
}

/** What a mistyped word may stand for. */
function hint({ mistyped }: CtlError): string {
  return mistyped === undefined ? '' : suggestion(mistyped.word, mistyped.known);
}

/** The shells' side of completion; without a database only what needs none is completed. */
async function completion<D extends DatabaseSchema>(program: Program<D>, host: Host, log: Log): Promise<number> {
  const { complete, completionNames, completionScript } = await import('./completion.ts');
  const [what, ...words] = host.argv;
  if (what === '--completion') {
    const script = completionScript(program.name, words[0] ?? 'bash');
    if (script === undefined) throw new CtlError('argument to --completion must be "bash" or "zsh"');
    host.stdout(script);
    return 0;
  }
  let settings = readOptions([]);
  // Options in front of the command say where the database is; a line that is not finished may be wrong in many ways.
  let line = words;
  try {
    const before = [...environmentOptions(program, host, log), ...words.slice(0, -1)];
    const parsed = parseGlobal(before, globalOptions, localOptions(program));
    settings = readOptions(parsed.global);
    line = [...parsed.rest, words.at(-1) ?? ''];
  } catch (error) {
    if (!(error instanceof CtlError)) throw error;
  }
  const { words: known, names } = complete(program, program.nameSources, line);
  const candidates = [...known];
  if (names.length > 0) {
    const session = await openSession(program, host, settings, log);
    candidates.push(
      ...(await completionNames((queries, columns) => session.read(queries, { columns, replicated: columns }), names)),
    );
    session.close();
  }
  host.stdout(candidates.map((candidate) => `${candidate}\n`).join(''));
  return 0;
}

/** Options from the environment come before those of the command line, so that those win. */
function environmentOptions<D extends DatabaseSchema>(program: Program<D>, host: Host, log: Log): string[] {
  return wordsOf(host.env[program.environment.options] ?? '', (problem) => log.write('svec', 'warn', problem));
}

function environmentTimeout(host: Host): number {
  const text = host.env.OVS_CTL_TIMEOUT ?? '';
  return /^[0-9]+$/.test(text) ? Number(text) : 0;
}

/** The options of all commands. */
export function localOptions<D extends DatabaseSchema>(program: Program<D>): ReadonlyMap<string, OptionSpec> {
  const options = new Map<string, OptionSpec>();
  for (const command of program.commands.values()) {
    for (const text of command.options ?? []) {
      const { name, spec } = parseOptionSpec(text);
      options.set(name, spec);
    }
  }
  return options;
}

/** Parses the commands and has each, in their order, check and say what it can without a database. */
export function parse<D extends DatabaseSchema>(
  program: Program<D>,
  parsed: Pick<GlobalArguments, 'local' | 'rest'>,
  log: Pick<Log, 'write'>,
): Runnable<D>[] {
  const commands = parseCommands(parsed, program.commands);
  for (const { command, invocation } of commands) {
    if (typeof command.reads === 'function') command.reads(invocation, program);
    const warning = command.warning?.(invocation);
    if (warning !== undefined) log.write('db_ctl_base', 'warn', warning);
  }
  return commands;
}

/** Runs commands on an open session. */
export function execute<D extends DatabaseSchema>(
  program: Program<D>,
  host: Pick<Host, 'now' | 'env'>,
  session: Session,
  commands: readonly Runnable<D>[],
  settings: Settings,
  argv: readonly string[],
  log: Log,
): Promise<string> {
  const warn: RunOptions['warn'] = (module, message, level = 'WARN') =>
    log.write(module, level === 'ERR' ? 'err' : 'warn', message);
  const options: RunOptions = {
    style: settings.style,
    oneline: settings.oneline,
    dryRun: settings.dryRun,
    commandLine: `${program.name}: ${[program.name, ...argv].join(' ')}`,
    wait: settings.wait,
    printWaitTime: settings.printWaitTime,
    warn,
    readSwitch: async (given, cookies, details) => {
      const rundir = socketDirectory(host.env);
      const remote = given ?? `unix:${rundir}/br-int.mgmt`;
      try {
        const { readSwitch } = await import('./read-switch.ts');
        const options = { remote, rundir, ...tlsOptions(settings.tls) };
        return { flows: await readSwitch(options, cookies, details, log) };
      } catch (error) {
        return { flows: new Map(), problem: `${remote}: connection failed (${failureReason(error)})` };
      }
    },
    now: host.now,
  };
  return runCommands(session, program, commands, options);
}
