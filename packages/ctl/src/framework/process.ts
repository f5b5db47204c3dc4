/** Runs a ctl program in this process. */
import { writeSync } from 'node:fs';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { main } from './main.ts';
import type { Program } from './program.ts';

export async function runProcess<D extends DatabaseSchema>(program: Program<D>): Promise<void> {
  const status = await main(program, {
    argv: process.argv.slice(2),
    env: process.env,
    stdout: (text) => writeAll(1, text),
    stderr: (text) => writeAll(2, text),
    now: Date.now,
    isTerminal: process.stderr.isTTY === true,
    stdoutIsTerminal: process.stdout.isTTY === true,
    alarm: (seconds) => {
      const timer = setTimeout(() => {
        const time = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
        writeAll(2, `${time}|00001|fatal_signal|WARN|terminating with signal 14 (Alarm clock)\n`);
        process.kill(process.pid, 'SIGALRM');
      }, seconds * 1000);
      timer.unref();
    },
  });
  process.exitCode = status;
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
