/**
 * One file of the store's log: a line for each transaction, with a checksum, so that what a failure of the machine left half written is seen to be no
 * record. Appending is one system call; SQLite's commit takes ten times that.
 */
import { closeSync, fdatasyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import type { Uuid } from '@weft/ovsdb/uuid';

export interface LogRecord {
  /** Number of the transaction. */
  readonly sequence: number;
  /** Names the state after it. */
  readonly id: Uuid;
  /** JSON text, which `logged-change.ts` writes and reads. */
  readonly changes: string;
}

/** Hexadecimal digits of the checksum of what follows them in the line. */
const checksumLength = 8;
const newline = 0x0a;
const space = 0x20;
/** Lines of most commits fit. */
const usualBytes = 16 * 1024;
const digits = '0123456789abcdef';

export class LogFile {
  readonly #path: string;
  readonly #fd: number;
  #length = 0;
  #last = 0;
  /** Something may not have reached the disk. */
  #unsynced = false;
  /** A sync has failed. The system drops what it could not write, and the next sync would succeed without it. */
  #forgotten = false;
  /** There may be something behind the records, in the file or, when that has been cut off, on the disk; whoever had the file before may have left it. */
  #ragged = true;
  /** Lines that are about to be written. */
  #lines = Buffer.allocUnsafeSlow(usualBytes);

  /** Opens or creates a file. Throws the system's error. */
  constructor(path: string, mode: number) {
    this.#path = path;
    this.#fd = openSync(path, 'a+', mode);
  }

  /** Bytes of whole records. */
  get length(): number {
    return this.#length;
  }

  /** Number of the last transaction in it, or more if that was taken back; 0 if there is none. */
  get last(): number {
    return this.#last;
  }

  /** The records from the beginning to the first that is not whole. What follows that is overwritten by what is appended. */
  read(after: number): ParsedLog {
    const parsed = parseLog(readFileSync(this.#path), after);
    const { length, last } = parsed;
    this.#length = length;
    this.#last = last;
    // Whoever wrote them may not have synced them.
    this.#unsynced = length > 0;
    return parsed;
  }

  /** Appends records, all or none. Throws the system's error. */
  append(records: readonly LogRecord[]): void {
    if (this.#ragged) this.#repair();
    let bytes = 0;
    for (const record of records) bytes = this.#encode(record, bytes);
    try {
      for (let written = 0; written < bytes; ) written += writeSync(this.#fd, this.#lines, written, bytes - written);
    } catch (error) {
      this.takeBackTo(this.#length);
      throw error;
    }
    this.#length += bytes;
    this.#last = records.at(-1)?.sequence ?? this.#last;
    this.#unsynced = true;
    if (this.#lines.length > usualBytes) this.#lines = Buffer.allocUnsafeSlow(usualBytes);
  }

  /** Puts the line of a record at `start` of `#lines`; returns where it ends. Text becomes bytes once, for the checksum and for the file. */
  #encode({ sequence, id, changes }: LogRecord, start: number): number {
    const line = `${sequence} ${id} ${changes}\n`;
    const from = start + checksumLength + 1;
    // A short text is not measured: none takes more than three bytes for each of its UTF-16 units.
    const room = from + (line.length < usualBytes ? 3 * line.length : Buffer.byteLength(line));
    if (room > this.#lines.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(room, 2 * this.#lines.length));
      this.#lines.copy(larger, 0, 0, start);
      this.#lines = larger;
    }
    const lines = this.#lines;
    const end = from + lines.write(line, from, 'utf8');
    let checksum = crc32(lines.subarray(from, end));
    for (let i = start + checksumLength; i > start; checksum >>>= 4) lines[--i] = digits.charCodeAt(checksum & 15);
    lines[from - 1] = space;
    return end;
  }

  /** When it returns, all records survive the failure of the machine. Throws the system's error. */
  sync(): void {
    if (!this.#unsynced) return;
    try {
      if (this.#forgotten) this.#writeAgain();
      fdatasyncSync(this.#fd);
    } catch (error) {
      this.#forgotten = true;
      throw error;
    }
    this.#unsynced = false;
    this.#forgotten = false;
  }

  /** Hands the system what it has forgotten, while it still shows it to readers. */
  #writeAgain(): void {
    const bytes = readFileSync(this.#path);
    if (parseLog(bytes).length < this.#length)
      throw new Error(`${this.#path}: records are lost that could not be synced`);
    // Not the file that is appended to: that one writes at the end, wherever it is told to.
    const fd = openSync(this.#path, 'r+');
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, at);
    } finally {
      closeSync(fd);
    }
  }

  /**
   * Drops what follows the first `length` bytes, which nobody has been told of: at once, since whoever opens the file would take it for records. If that
   * fails it is tried again before anything is appended.
   */
  takeBackTo(length: number): void {
    this.#length = length;
    this.#ragged = true;
    try {
      this.#repair();
    } catch {
      // Whoever calls has the first error to tell.
    }
  }

  /** Drops all records. */
  clear(): void {
    this.#cutTo(0);
  }

  close(): void {
    closeSync(this.#fd);
  }

  /** What was there must not come back behind records that are as long: their numbers are given out again. */
  #repair(): void {
    this.#cutTo(this.#length);
    this.sync();
    this.#ragged = false;
  }

  #cutTo(length: number): void {
    ftruncateSync(this.#fd, length);
    this.#length = length;
    if (length === 0) this.#last = 0;
    this.#unsynced = true;
  }
}

/** What a file says, up to the first record that is not whole. */
export interface ParsedLog {
  readonly records: LogRecord[];
  /** Number of the last of all the transactions, 0 if there is none. */
  readonly last: number;
  /** In bytes, of all whole records. */
  readonly length: number;
  /** How many bytes follow them. */
  readonly rest: number;
}

/** Reads the records of the transactions that come after the one with the number `after`; most of a log is there for people, and it is long. */
export function parseLog(bytes: Buffer, after = 0): ParsedLog {
  const records: LogRecord[] = [];
  let length = 0;
  let last = 0;
  for (let end = bytes.indexOf(newline); end !== -1; end = bytes.indexOf(newline, length)) {
    const start = length + checksumLength + 1;
    if (start > end) break;
    const checksum = bytes.toString('latin1', length, length + checksumLength);
    if (crc32(bytes.subarray(start, end + 1)) !== Number.parseInt(checksum, 16)) break;
    length = end + 1;
    const first = bytes.indexOf(space, start);
    last = Number(bytes.toString('latin1', start, first));
    if (last <= after) continue;
    const second = bytes.indexOf(space, first + 1);
    records.push({
      sequence: last,
      id: bytes.toString('latin1', first + 1, second),
      changes: bytes.toString('utf8', second + 1, end),
    });
  }
  return { records, last, length, rest: bytes.length - length };
}
