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

export class LogFile {
  readonly #path: string;
  readonly #fd: number;
  #length = 0;
  /** Records that may not have reached the disk. */
  #unsynced = false;
  /** A failed write may have left something behind the records. */
  #ragged = false;

  /** Opens or creates a file. Throws the system's error. */
  constructor(path: string, mode: number) {
    this.#path = path;
    this.#fd = openSync(path, 'a+', mode);
  }

  /** Bytes of whole records. */
  get length(): number {
    return this.#length;
  }

  /** The records from the beginning to the first that is not whole. What follows that is overwritten by what is appended. */
  read(): LogRecord[] {
    const { records, length, rest } = parseLog(readFileSync(this.#path));
    this.#length = length;
    this.#ragged = rest > 0;
    // Whoever wrote them may not have synced them.
    this.#unsynced = length > 0;
    return records;
  }

  /** Appends records, all or none. Throws the system's error. */
  append(records: readonly LogRecord[]): void {
    if (this.#ragged) this.#cutTo(this.#length);
    let text = '';
    for (const { sequence, id, changes } of records) {
      const line = `${sequence} ${id} ${changes}\n`;
      text += `${crc32(line).toString(16).padStart(checksumLength, '0')} ${line}`;
    }
    const bytes = Buffer.byteLength(text);
    try {
      let written = writeSync(this.#fd, text);
      if (written < bytes) {
        const rest = Buffer.from(text);
        while (written < bytes) written += writeSync(this.#fd, rest, written);
      }
    } catch (error) {
      this.#ragged = true;
      throw error;
    }
    this.#length += bytes;
    this.#unsynced = true;
  }

  /** When it returns, all records survive the failure of the machine. Throws the system's error. */
  sync(): void {
    if (!this.#unsynced) return;
    fdatasyncSync(this.#fd);
    this.#unsynced = false;
  }

  /** Drops all records. */
  clear(): void {
    this.#cutTo(0);
  }

  close(): void {
    closeSync(this.#fd);
  }

  #cutTo(length: number): void {
    ftruncateSync(this.#fd, length);
    this.#length = length;
    this.#ragged = false;
    if (length === 0) this.#unsynced = false;
  }
}

/** The whole records at the beginning of `bytes`, how many bytes they take, and how many follow them. */
export function parseLog(bytes: Buffer): {
  readonly records: LogRecord[];
  readonly length: number;
  readonly rest: number;
} {
  const records: LogRecord[] = [];
  let length = 0;
  for (let end = bytes.indexOf(newline); end !== -1; end = bytes.indexOf(newline, length)) {
    const start = length + checksumLength + 1;
    if (start > end) break;
    const checksum = bytes.toString('latin1', length, length + checksumLength);
    if (crc32(bytes.subarray(start, end + 1)) !== Number.parseInt(checksum, 16)) break;
    const line = bytes.toString('utf8', start, end);
    const first = line.indexOf(' ');
    const second = line.indexOf(' ', first + 1);
    records.push({
      sequence: Number(line.slice(0, first)),
      id: line.slice(first + 1, second),
      changes: line.slice(second + 1),
    });
    length = end + 1;
  }
  return { records, length, rest: bytes.length - length };
}
