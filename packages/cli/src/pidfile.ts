/**
 * Pidfiles as the C programs have them: a file with the process ID, on which that process holds a POSIX lock while it lives. `ovs-appctl -t NAME`
 * believes a pidfile only if it is locked by the process that it names; so does a second daemon that wants to start.
 */
import { closeSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { systemReason } from '@weft/jsonrpc/connect';
import { openSqlite, type Sqlite } from '@weft/ovsdb-server/store/load-sqlite';

/** Another process runs already, or the pidfile cannot be made. */
export class PidfileError extends Error {
  override name = 'PidfileError';
}

export interface Pidfile {
  readonly path: string;
  /** False if this machine offers no way to lock it; then `ovs-appctl` must be told the control socket's path. */
  readonly locked: boolean;
  /** Deletes the file, and with it the lock. */
  remove(): void;
}

/**
 * Writes this process's ID to `path` and locks the file.
 * @throws PidfileError if a running process has it locked, unless `overwrite`.
 */
export function createPidfile(path: string, options: { readonly overwrite?: boolean } = {}): Pidfile {
  const holder = lockHolder(path);
  if (holder !== undefined && !options.overwrite) {
    throw new PidfileError(`${path}: already running as pid ${holder}, aborting`);
  }
  // Made aside and renamed, so that whoever looks sees either no file or a whole and locked one.
  const temporary = `${path}.tmp${process.pid}`;
  try {
    closeSync(openSync(temporary, 'w', 0o644));
    const lock = takeLock(temporary);
    const fd = openSync(temporary, 'r+');
    writeSync(fd, `${process.pid}\n`);
    // A POSIX lock ends when its process closes any descriptor of the file: this one stays open for good.
    renameSync(temporary, path);
    return {
      path,
      locked: lock !== undefined,
      remove: () => {
        rmSync(path, { force: true });
        lock?.close();
      },
    };
  } catch (cause) {
    rmSync(temporary, { force: true });
    const reason = cause instanceof Error ? systemReason(cause) : String(cause);
    throw new PidfileError(`${path}: create failed (${reason})`, { cause });
  }
}

/**
 * Locks the whole of an empty file. Node has no call for POSIX locks, but SQLite takes them on every database, and an empty file is one. An
 * exclusive transaction in which nothing happens holds the lock and writes nothing.
 */
function takeLock(path: string): Sqlite | undefined {
  let database: Sqlite;
  try {
    database = openSqlite(path, { timeout: 0 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
  database.pragma('journal_mode = MEMORY');
  database.exec('BEGIN EXCLUSIVE');
  return database;
}

/**
 * The process that the pidfile names, if it has a lock on it. The system lists locks by the file's number only, which a file of another file system may
 * have too: on a tmpfs like /run such numbers are small.
 */
export function lockHolder(path: string): number | undefined {
  let inode: number;
  let named: number;
  let locks: string;
  try {
    inode = statSync(path).ino;
    named = Number.parseInt(readFileSync(path, 'utf8'), 10);
    locks = readFileSync('/proc/locks', 'utf8');
  } catch {
    return undefined;
  }
  for (const line of locks.split('\n')) {
    // 1: POSIX  ADVISORY  WRITE 28173 fe:00:2146613 0 EOF
    const match = /POSIX\s+ADVISORY\s+WRITE\s+(\d+)\s+[0-9a-f]+:[0-9a-f]+:(\d+)\s/.exec(line);
    if (match !== null && Number(match[2]) === inode && Number(match[1]) === named) return named;
  }
  return undefined;
}

/**
 * The process of a pidfile, if it runs.
 * @throws PidfileError in the words of `ovs-appctl`.
 */
export function readPidfile(path: string): number {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new PidfileError(`cannot read pidfile "${path}" (No such file or directory)`, { cause });
  }
  const pid = Number.parseInt(text, 10);
  // Without a lock there may still be such a process: one that runs where nothing can lock.
  if (!(pid > 0) || (lockHolder(path) !== pid && !isRunning(pid))) {
    throw new PidfileError(`cannot read pidfile "${path}" (No such process)`);
  }
  return pid;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
