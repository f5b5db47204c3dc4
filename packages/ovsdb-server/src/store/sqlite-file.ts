/** Opens SQLite files, brings them to the disk, and says in words what is wrong with them. */
import {
  accessSync,
  closeSync,
  constants,
  fdatasync,
  fsyncSync,
  open as openFile,
  openSync,
  readSync,
  rmSync,
} from 'node:fs';
import { systemReason } from '@weft/jsonrpc/connect';
import { OvsdbError } from '@weft/ovsdb/error';
import { openSqlite, type Sqlite } from './load-sqlite.ts';

/** Errors: `I/O error`, with the file and the reason. */
export function openDatabase(file: string): Sqlite {
  try {
    accessSync(file, constants.R_OK);
  } catch (cause) {
    throw new OvsdbError('I/O error', `${file}: open failed (${systemReason(cause as Error)})`, { cause });
  }
  try {
    return openSqlite(file, { fileMustExist: true });
  } catch (error) {
    throw ioError(file, error);
  }
}

/** Makes an empty file, for its owner and group alone as ovsdb-tool makes it: databases hold keys and secrets. Errors: `I/O error`, if it exists for one. */
export function createFile(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o640));
  } catch (cause) {
    throw new OvsdbError('I/O error', `${file}: create failed (${systemReason(cause as Error)})`, { cause });
  }
  removeCompanions(file);
}

/** Removes what is beside a database file, which a database of that name left that is gone: it would be taken for the log of the new one. */
export function removeCompanions(file: string): void {
  for (const suffix of ['-wal', '-shm', '-log', '-log2']) rmSync(file + suffix, { force: true });
}

/** When it returns, what has been committed survives the failure of the machine. SQLite itself syncs what it moves to its main file. */
export function syncWal(file: string): void {
  const wal = openSync(`${file}-wal`, 'r');
  try {
    fsyncSync(wal);
  } finally {
    closeSync(wal);
  }
}

/** As `syncWal`, but nobody waits for the disk. */
export function syncWalLater(file: string, done: (error: Error | null) => void): void {
  openFile(`${file}-wal`, 'r', (error, wal) => {
    if (error !== null) done(error);
    else
      fdatasync(wal, (failure) => {
        closeSync(wal);
        done(failure);
      });
  });
}

const reasons: { readonly [code: string]: string } = {
  SQLITE_NOTADB: 'the file is not a database, or is damaged',
  SQLITE_CORRUPT: 'the file is damaged',
  SQLITE_FULL: 'No space left on device',
  ENOSPC: 'No space left on device',
  EDQUOT: 'No space left on device',
  EACCES: 'the file cannot be written',
  EROFS: 'the file cannot be written',
  SQLITE_READONLY: 'the file cannot be written',
  SQLITE_CANTOPEN: 'the file does not exist or cannot be opened',
  SQLITE_BUSY: 'the file is in use',
};

/** What a failed call of SQLite or of the system means for the file. */
export function ioError(file: string, error: unknown): OvsdbError {
  if (error instanceof OvsdbError) return error;
  const code = (error as { code?: string }).code ?? '';
  if (code === 'SQLITE_NOTADB' && isFileOfOvsdbServer(file)) {
    const reason = 'a file of ovsdb-server (import it with "weft-ovsdb import")';
    return new OvsdbError('I/O error', `${file}: ${reason}`, { cause: error });
  }
  const base = Object.keys(reasons).find((prefix) => code.startsWith(prefix));
  const reason = base === undefined ? (error instanceof Error ? error.message : String(error)) : reasons[base]!;
  return new OvsdbError('I/O error', `${file}: ${reason}`, { cause: error });
}

/** By its first line (ovsdb(5)); of a cluster, it cannot be imported, which the import says. */
function isFileOfOvsdbServer(file: string): boolean {
  const start = Buffer.alloc(6);
  try {
    const fd = openSync(file, 'r');
    readSync(fd, start);
    closeSync(fd);
  } catch {
    return false;
  }
  return start.toString('latin1') === 'OVSDB ';
}
