/** Runs a ctl program in this process. */
import { closeSync, existsSync, openSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { isatty } from 'node:tty';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import type { LogFile, SyslogBatch } from '@weft/vlog/log';
import { systemSocket } from '@weft/vlog/syslog';
import { type Host, main } from './main.ts';
import type { Program } from './program.ts';

/** Runs `program` with the process's arguments and sets the exit status. `background` is loaded for daemon mode alone. */
export async function runProcess<D extends DatabaseSchema>(
  program: Program<D>,
  background: Host['background'],
): Promise<void> {
  const status = await main(program, {
    argv: process.argv.slice(2),
    env: process.env,
    stdout: (text) => writeAll(1, text),
    stderr: (text) => writeAll(2, text),
    now: Date.now,
    isTerminal: isatty(2),
    stdoutIsTerminal: isatty(1),
    alarm: (seconds, before) => {
      const timer = setTimeout(() => {
        void before().finally(() => process.kill(process.pid, 'SIGALRM'));
      }, seconds * 1000);
      timer.unref();
    },
    log: { openFile: openLogFile, sendSyslog, hostname },
    background,
  });
  process.exitCode = status;
}

/** Opens a log file for appending; throws the system's error. */
export function openLogFile(path: string): LogFile {
  const fd = openSync(path, 'a', 0o640);
  return { write: (text) => writeAll(fd, text), close: () => closeSync(fd) };
}

/** Sends messages to the system log. */
export async function sendSyslog(batch: SyslogBatch): Promise<void> {
  // Where there is no system log, as in most containers, nothing is loaded for it.
  if (batch.method.kind === 'libc' && batch.target === undefined && !existsSync(systemSocket)) return;
  const { sendBatch } = await import('@weft/vlog/syslog-sender');
  await sendBatch(batch);
}

/** Writes before the process can end, whatever is at the other end: a file, a terminal or a pipe that is full for a while. */
function writeAll(fd: number, text: string): void {
  let bytes = Buffer.from(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(writeSync(fd, bytes));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') return;
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
