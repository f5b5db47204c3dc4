/**
 * Running in the background and under a monitor (ovn-northd(8), `--detach`, `--monitor`). Node cannot fork: each stage is the same program, started anew with
 * the same arguments, and told its stage by the environment.
 *
 *     starter ──(detach)──► monitor ──► daemon
 *
 * The starter ends when the daemon is ready, or with the daemon's error. Without `--detach` the monitor is the process that was called.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Memo, memoOf, openMemo } from './memo.ts';

export interface BackgroundOptions {
  readonly name: string;
  readonly detach: boolean;
  readonly monitor: boolean;
  readonly argv: readonly string[];
  /** What the monitor has to say. */
  readonly log: (level: 'info' | 'warn' | 'error', message: string) => void;
}

/** The process that is the daemon. */
export interface DaemonStage {
  /** A monitor waits for its end, and starts it again after a defect. */
  readonly monitored: boolean;
  /** What the daemon before it left; undefined: no monitor would start one after it. */
  readonly memo: Memo | undefined;
  /** Lets the starter end; it prints `text`. Only the first call counts. */
  ready(text?: string): void;
}

const stageVariable = 'WEFT_DAEMON_STAGE';
/** The descriptor on which the process above waits to hear that the daemon is ready. */
const readyVariable = 'WEFT_DAEMON_READY_FD';
/** The descriptor of the memo. */
const memoVariable = 'WEFT_DAEMON_MEMO_FD';
/** Ends the text that goes there. */
const endOfText = '\0';
const restartIntervalMs = 10_000;

/** Signals that indicate a programming error, in the words of strsignal(3). */
const faults: { readonly [signal: string]: string } = {
  SIGABRT: 'Aborted',
  SIGALRM: 'Alarm clock',
  SIGBUS: 'Bus error',
  SIGFPE: 'Floating point exception',
  SIGILL: 'Illegal instruction',
  SIGPIPE: 'Broken pipe',
  SIGSEGV: 'Segmentation fault',
  SIGXCPU: 'CPU time limit exceeded',
  SIGXFSZ: 'File size limit exceeded',
};
const otherSignals: { readonly [signal: string]: string } = {
  SIGHUP: 'Hangup',
  SIGINT: 'Interrupt',
  SIGKILL: 'Killed',
  SIGTERM: 'Terminated',
};

/** Resolves in the daemon to its stage, and in the processes above it to their exit status. */
export async function enterBackground(options: BackgroundOptions): Promise<DaemonStage | number> {
  const stage = take(stageVariable);
  const readyFd = Number(take(readyVariable) ?? Number.NaN);
  const memoFd = take(memoVariable);
  if (stage === undefined && options.detach) return detach(options);
  if (stage !== 'daemon' && options.monitor) return monitor(options, Number.isNaN(readyFd) ? undefined : readyFd);
  let open = !Number.isNaN(readyFd);
  return {
    monitored: options.monitor,
    memo: memoFd === undefined ? undefined : memoOf(Number(memoFd)),
    ready: (text = '') => {
      if (!open) return;
      open = false;
      tell(readyFd, text + endOfText);
    },
  };
}

/** A process of ours that starts another one, with descriptor 3 for being told that it is ready, and 4 for the memo. */
function startAgain(
  options: BackgroundOptions,
  stage: string,
  how: 'apart' | 'with our descriptors',
  memo?: number,
): ChildProcess {
  const apart = how === 'apart';
  return spawn(process.execPath, [...process.execArgv, process.argv[1] ?? '', ...options.argv], {
    detached: apart,
    // Until it is ready, what it complains about reaches whoever started it.
    stdio: apart
      ? ['ignore', 'ignore', 'pipe', 'pipe']
      : ['inherit', 'inherit', 'inherit', 'pipe', ...(memo === undefined ? [] : [memo])],
    env: {
      ...process.env,
      [stageVariable]: stage,
      [readyVariable]: '3',
      ...(memo === undefined ? {} : { [memoVariable]: '4' }),
    },
  });
}

function detach(options: BackgroundOptions): Promise<number> {
  const child = startAgain(options, options.monitor ? 'monitor' : 'daemon', 'apart');
  return new Promise((resolve, reject) => {
    child.stderr?.on('data', (data: Uint8Array) => process.stderr.write(data));
    whenReady(child, (text) => {
      process.stdout.write(text);
      // The daemon holds this end of no pipe open any more.
      child.stderr?.destroy();
      child.unref();
      resolve(0);
    });
    child.once('error', (error) => reject(new Error(`could not start in the background (${error.message})`)));
    child.once('close', (code, signal) => {
      if (signal !== null) process.stderr.write(`${options.name}: could not start: killed (${signal})\n`);
      resolve(code ?? 1);
    });
  });
}

async function monitor(options: BackgroundOptions, readyFd: number | undefined): Promise<number> {
  const { name, log } = options;
  // Once its starter has ended, nobody reads what it complains about.
  process.stderr.on('error', () => undefined);
  let state = 'healthy';
  let ready = false;
  const memo = openMemo();
  for (let crashes = 0; ; ) {
    const child = startAgain(options, 'daemon', 'with our descriptors', memo);
    const started = performance.now();
    process.title = `${name}: monitoring pid ${child.pid} (${state})`;
    whenReady(child, (text) => {
      if (!ready && readyFd !== undefined) tell(readyFd, text + endOfText);
      ready = true;
    });
    const { code, signal } = await ended(child);
    const what = `pid ${child.pid} died, ${signal === null ? `exit status ${code}` : `killed (${signalText(signal)})`}`;
    if (signal === null || faults[signal] === undefined || !ready) {
      log('info', `${what}, exiting`);
      return code ?? 1;
    }
    state = `${++crashes} crashes: ${what}`;
    const rest = started + restartIntervalMs - performance.now();
    // The first crash is forgiven at once.
    if (rest > 0 && crashes > 1) {
      log('warn', `${state}, waiting until 10 seconds since last restart`);
      await sleep(rest);
    }
    log('error', `${state}, restarting`);
  }
}

function ended(child: ChildProcess): Promise<{ readonly code: number | null; readonly signal: string | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

function signalText(signal: string): string {
  return faults[signal] ?? otherSignals[signal] ?? signal;
}

function whenReady(child: ChildProcess, then: (text: string) => void): void {
  let text = '';
  child.stdio[3]?.on('data', (data: Uint8Array) => {
    text += Buffer.from(data).toString();
    if (text.endsWith(endOfText)) then(text.slice(0, -endOfText.length));
  });
}

function tell(fd: number, text: string): void {
  try {
    writeSync(fd, text);
  } catch {
    // Whoever waited is gone.
  }
  closeSync(fd);
}

function take(variable: string): string | undefined {
  const text = process.env[variable];
  delete process.env[variable];
  return text;
}
