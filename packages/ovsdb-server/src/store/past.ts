/**
 * What the log of a database said before the database was last closed: in a table of the SQLite file, so that a database that nobody serves is that one
 * file. Nothing of it is needed to know what the database holds; it is for people (`weft-ovsdb show-log`).
 */
import type { Sqlite } from './load-sqlite.ts';
import type { LogRecord } from './log-file.ts';

export class Past {
  readonly #db: Sqlite;
  readonly #maxBytes: number;

  /** `maxBytes`, about, bounds what is kept. */
  constructor(db: Sqlite, maxBytes: number) {
    this.#db = db;
    this.#maxBytes = maxBytes;
  }

  /** All that is kept, and what the log says now. */
  followedBy(log: readonly LogRecord[]): LogRecord[] {
    const exists = this.#db.prepare("SELECT 1 FROM sqlite_master WHERE name = '_log'").get() !== undefined;
    const past = exists ? this.#db.prepare('SELECT seq AS sequence, id, changes FROM _log ORDER BY seq').all() : [];
    return [...(past as LogRecord[]), ...log];
  }

  /** Keeps these too, as many of the last ones as there is room for. */
  add(records: readonly LogRecord[]): void {
    if (records.length === 0) return;
    this.#db.exec('CREATE TABLE IF NOT EXISTS _log (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, changes TEXT NOT NULL)');
    const put = this.#db.prepare('INSERT OR REPLACE INTO _log VALUES (?, ?, ?)');
    let first = records.length;
    for (let bytes = 0; first > 0 && bytes <= this.#maxBytes; ) bytes += records[--first]!.changes.length;
    for (const { sequence, id, changes } of records.slice(first)) put.run(sequence, id, changes);
    this.#db
      .prepare(
        'DELETE FROM _log WHERE seq <= (SELECT max(seq) FROM ' +
          '(SELECT seq, sum(length(changes)) OVER (ORDER BY seq DESC) AS bytes FROM _log) WHERE bytes > ?)',
      )
      .run(this.#maxBytes);
  }

  clear(): void {
    this.#db.exec('DROP TABLE IF EXISTS _log');
  }
}
