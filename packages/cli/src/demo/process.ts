import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Milliseconds until the command is ended. */
  readonly timeout?: number;
  readonly input?: string;
}

/** A command that did not do what it should, with all that it said. */
export class CommandError extends Error {
  constructor(command: readonly string[], result: RunResult) {
    super(`${command.join(' ')}: exit code ${result.code}\n${result.stdout}${result.stderr}`.trim());
    this.name = 'CommandError';
  }
}

/** Runs a command to its end and gives what it said, whatever its exit code. */
export function tryRun(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve) => {
    const [program = '', ...args] = command;
    const child = spawn(program, args, {
      env: { ...process.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      timeout: options.timeout ?? 60_000,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', (error) => resolve({ code: 127, stdout, stderr: `${stderr}${error.message}\n` }));
    child.on('close', (code, signal) =>
      resolve({ code: code ?? 128, stdout, stderr: signal ? `${stderr}ended by ${signal}\n` : stderr }),
    );
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}

/** Runs a command that must succeed, and gives its standard output. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await tryRun(command, options);
  if (result.code !== 0) throw new CommandError(command, result);
  return result.stdout;
}

export interface Daemon {
  readonly pid: number;
  /** Whether it still runs. */
  alive(): boolean;
  /** Ends it with a signal and waits until it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts a program that stays, its output going to a log file. It outlives us: the lab is left running with `--keep`. */
export function startDaemon(
  name: string,
  command: readonly string[],
  logFile: string,
  env: Readonly<Record<string, string>>,
): Daemon {
  const [program = '', ...args] = command;
  const log = openSync(logFile, 'a');
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', log, log], detached: true });
  closeSync(log);
  let ended = false;
  const gone = new Promise<void>((resolve) => {
    const end = () => {
      ended = true;
      resolve();
    };
    child.on('exit', end);
    child.on('error', end);
  });
  child.unref();
  if (child.pid === undefined) throw new Error(`${name}: ${program} could not be started`);
  const { pid } = child;
  return {
    pid,
    alive: () => !ended,
    async kill(signal = 'SIGTERM') {
      if (!ended) process.kill(pid, signal);
      const timer = setTimeout(() => {
        if (!ended) process.kill(pid, 'SIGKILL');
      }, 10_000);
      await gone;
      clearTimeout(timer);
    },
  };
}

/** Whether a server accepts connections at a Unix socket. Its file is there a moment earlier, when connections are refused. */
export function accepts(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', () => resolve(false));
  });
}

/**
 * Waits until `condition` gives something truthy, and returns that.
 * @param what completes the sentence "still waiting for ..." of the error
 * @param timeout in milliseconds
 */
export async function waitFor<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  timeout = 20_000,
): Promise<T> {
  const deadline = Date.now() + timeout;
  let last: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) throw new Error(`still waiting for ${what} after ${timeout / 1000} s`, { cause: last });
    await sleep(50);
  }
}

/** The last lines of a log file, for an error message. */
export function tail(file: string, lines = 12): string {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  } catch {
    return '';
  }
}
