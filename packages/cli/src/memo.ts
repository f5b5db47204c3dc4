/**
 * What a monitored daemon leaves to the one that is started when it has crashed: a line in a file without a name, which the monitor opens and hands to each
 * of them, and which is gone when the monitor is.
 */
import { fstatSync, ftruncateSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Memo {
  /** What was written last; undefined: nothing was. */
  read(): string | undefined;
  /** @param line without line breaks */
  write(line: string): void;
}

/** The descriptor of an empty one; undefined if there is no place for it. */
export function openMemo(): number | undefined {
  const file = join(tmpdir(), `weft-memo-${process.pid}`);
  try {
    const fd = openSync(file, 'wx+', 0o600);
    unlinkSync(file);
    return fd;
  } catch {
    return undefined;
  }
}

/** The one that is open as `fd`. */
export function memoOf(fd: number): Memo {
  return {
    read() {
      const bytes = Buffer.alloc(fstatSync(fd).size);
      // From the start: all processes have one position.
      const length = readSync(fd, bytes, 0, bytes.length, 0);
      const [line] = bytes.toString('utf8', 0, length).split('\n');
      return line === '' ? undefined : line;
    },
    write(line) {
      // The line break first ends what counts, then the file: whoever dies between the two leaves a line that is whole.
      const length = writeSync(fd, Buffer.from(`${line}\n`), 0, undefined, 0);
      ftruncateSync(fd, length);
    },
  };
}
