/**
 * The log beside an SQLite file: transactions that its tables may lack, and before them some that are kept for people (`weft-ovsdb show-log`). Two files by
 * turns: when one has grown long, the other is emptied and goes on, once the tables that took over from it have reached the disk. Records name their
 * transaction's number, so it does no harm that one is there longer than the tables need it.
 */
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { LogFile, type LogRecord, type ParsedLog, parseLog } from './log-file.ts';

const suffixes = ['-log', '-log2'] as const;

export class Log {
  readonly #paths: readonly string[];
  readonly #files: readonly [LogFile, LogFile];
  /** What `read` found that is no record, in words: the machine failed while it was written, or somebody else wrote to a file. */
  readonly damage: string[] = [];
  /** Which one is appended to. */
  #active = 0;
  #turning = false;
  #closed = false;
  /** As soon as a file has so many bytes it is the other one's turn. */
  readonly #turnBytes: number;

  /** `file` is the SQLite file. Throws the system's error. */
  constructor(file: string, turnBytes: number) {
    this.#turnBytes = turnBytes;
    // A daemon leaves the directory that it was started in.
    this.#paths = suffixes.map((suffix) => resolve(file) + suffix);
    const mode = statSync(file).mode & 0o666;
    this.#files = [new LogFile(this.#paths[0]!, mode), new LogFile(this.#paths[1]!, mode)];
    // If they were there already, whoever made them may have died before they had names on the disk.
    syncFolder(file);
  }

  /** The records in the log of `file` of the transactions after the one with that number, without touching it. */
  static peek(file: string, after = 0): LogRecord[] {
    return inOrder(suffixes.map((suffix) => parseLog(contents(file + suffix), after).records));
  }

  /** The records of the transactions after the one with that number; to be called before anything is appended. */
  read(after: number): LogRecord[] {
    const [first, second] = this.#files.map((file) => file.read(after)) as [ParsedLog, ParsedLog];
    for (const [i, { length, rest }] of [first, second].entries()) {
      if (rest > 0)
        this.damage.push(
          `${this.#paths[i]}: ${rest} bytes from byte ${length} on are no whole records, and are dropped`,
        );
    }
    if (second.last > first.last) this.#active = 1;
    return inOrder([first.records, second.records]);
  }

  /** Appends records, all or none; with `durable` they survive the failure of the machine. Throws the system's error. */
  append(records: readonly LogRecord[], durable = false): void {
    const file = this.#files[this.#active]!;
    const { length } = file;
    file.append(records);
    if (!durable) return;
    try {
      this.sync();
    } catch (error) {
      // They are refused, and others will have their numbers.
      file.takeBackTo(length);
      throw error;
    }
  }

  /** When it returns, all records survive the failure of the machine. Throws the system's error. */
  sync(): void {
    for (const file of this.#files) file.sync();
  }

  /**
   * The tables have everything up to that transaction; `sync` brings them to the disk and calls back, with an error if it could not. If the file that is
   * appended to is long, the other one's turn comes, unless it has something that the tables lack.
   */
  saved(sequence: number, sync: (done: (error: Error | null) => void) => void): void {
    const other = this.#files[1 - this.#active]!;
    if (this.#turning || this.#files[this.#active]!.length < this.#turnBytes || other.last > sequence) return;
    this.#turning = true;
    sync((error) => {
      this.#turning = false;
      if (error !== null || this.#closed) return;
      try {
        other.clear();
        this.#active = 1 - this.#active;
      } catch {
        // It is tried again when the tables have more.
      }
    });
  }

  /** Drops all records at once. Throws the system's error. */
  clear(): void {
    for (const file of this.#files) file.clear();
  }

  close(): void {
    this.#closed = true;
    for (const file of this.#files) file.close();
  }

  /** Removes the files, after `close`. */
  remove(): void {
    for (const path of this.#paths) rmSync(path, { force: true });
  }
}

/** Of a file that the server which has it may remove. */
function contents(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return Buffer.alloc(0);
  }
}

function inOrder(files: readonly (readonly LogRecord[])[]): LogRecord[] {
  return files.flat().sort((a, b) => a.sequence - b.sequence);
}

/** Makes the names of new files survive the failure of the machine. */
export function syncFolder(file: string): void {
  const folder = openSync(dirname(file), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
