/**
 * Who may write a database file, among our programs. SQLite's own lock does not say it: it is given up and taken again with each commit, and whoever waits
 * for it may come in between. This one is held from the opening to the end of the process, whatever ends it. It is SQLite's lock of an empty file beside
 * the database, since Node.js has no other that the system takes back from a process that died.
 */
import { closeSync, openSync, rmSync, statSync } from 'node:fs';
import { openSqlite, type Sqlite } from './load-sqlite.ts';

/** How long another process may take to end. */
const patienceMs = 5000;

export class FileLock {
  readonly #path: string;
  readonly #db: Sqlite;

  private constructor(path: string, db: Sqlite) {
    this.#path = path;
    this.#db = db;
  }

  /**
   * Takes the lock of `file`, a whole path without symbolic links, for which it waits up to `patience` milliseconds. Throws the system's error, or
   * SQLite's: SQLITE_BUSY if another process keeps it.
   */
  static take(file: string, patience = patienceMs): FileLock {
    const path = `${file}-lock`;
    const mode = statSync(file).mode & 0o666;
    for (;;) {
      create(path, mode);
      const waitedFor = inode(path);
      const db = openSqlite(path, { timeout: patience });
      let refusal: unknown;
      try {
        // Nothing is ever written; no file is made for what might be.
        db.pragma('journal_mode = MEMORY');
        db.exec('BEGIN EXCLUSIVE');
      } catch (error) {
        refusal = error;
      }
      // Else its holder has removed it meanwhile, and others may lock another file of that name.
      const isThere = waitedFor !== undefined && inode(path) === waitedFor;
      if (isThere && refusal === undefined) return new FileLock(path, db);
      db.close();
      if (isThere) throw refusal;
    }
  }

  release(): void {
    try {
      rmSync(this.#path, { force: true });
    } catch {
      // On a medium that cannot be written to any more the file stays, which is no lock by itself.
    } finally {
      this.#db.close();
    }
  }
}

/** A file that is there is not opened: if it is this process that has locked it, closing it again would end the lock. */
function create(path: string, mode: number): void {
  try {
    closeSync(openSync(path, 'wx', mode));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function inode(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
