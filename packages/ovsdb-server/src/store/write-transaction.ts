/** The SQL transaction in which a file always is that is served: it keeps other writers out. */
import type { Sqlite, Statement } from './load-sqlite.ts';

export class WriteTransaction {
  readonly #db: Sqlite;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #rollback: Statement;
  #begun = false;

  constructor(db: Sqlite) {
    this.#db = db;
    this.#begin = db.prepare('BEGIN IMMEDIATE');
    this.#commit = db.prepare('COMMIT');
    this.#rollback = db.prepare('ROLLBACK');
  }

  /** If it has not begun. Throws if another process writes for too long. */
  begin(): void {
    if (this.#begun) return;
    this.#begin.run();
    this.#begun = true;
  }

  /** As `begin`, but false if another process writes. */
  tryBegin(): boolean {
    try {
      this.begin();
      return true;
    } catch {
      return false;
    }
  }

  /** Commits, and begins the next. Throws the error of SQLite; nothing is committed then. */
  commit(): void {
    this.#commit.run();
    this.#begun = false;
    this.tryBegin();
  }

  /** Takes back what was written since it began, and lets others write. */
  rollback(): void {
    // SQLite ends it itself after some errors.
    if (this.#db.inTransaction) this.#rollback.run();
    this.#begun = false;
  }
}
