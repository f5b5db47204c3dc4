/**
 * The embedded store. A commit appends one record to a log file, which is cheap; the SQL tables that people query follow in the background, a few
 * moments later and in pieces, and the log is cut when they have caught up. Loading reads the tables and replays what the log has beyond them.
 *
 * The SQLite file is locked for writing as long as it is served (`file-lock.ts` keeps our programs out, SQLite's lock others), and open for reading to
 * everybody.
 */
import { realpathSync } from 'node:fs';
import { OvsdbError } from '@weft/ovsdb/error';
import { jsonText } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { schemaToJson } from '@weft/ovsdb/schema-json';
import { type Uuid, zeroUuid } from '@weft/ovsdb/uuid';
import type { MemoryTable } from '../memory-table.ts';
import { checkpoint, walLength } from './checkpoint.ts';
import { FileLock } from './file-lock.ts';
import { Fold, type LoggedRow } from './fold.ts';
import type { Sqlite } from './load-sqlite.ts';
import { Log } from './log.ts';
import type { LogRecord } from './log-file.ts';
import { logText, readLogText, replay } from './logged-change.ts';
import { getMeta, putMeta, putProgress, savedBy, storedSchema } from './meta.ts';
import { Past } from './past.ts';
import { type Scheduler, systemScheduler } from './scheduler.ts';
import { SqlTable, unused } from './sql-table.ts';
import { createFile, ioError, openDatabase, syncWal, syncWalLater } from './sqlite-file.ts';
import type { AppendResult, Loaded, LogEntry, Store } from './store.ts';
import { WriteTransaction } from './write-transaction.ts';

/** "weft" in ASCII, where file(1) and we look for it. */
const applicationId = 0x77656674;
/** 1 had the log in a table. */
const format = 2;
/** Of new files, in bytes: a switch with a hundred ports fits. */
const pageSize = 8192;
const usualWalBytes = 32 << 20;
/**
 * The log is kept for people beyond what the tables need of it: so many bytes of the last transactions at least, some 10,000 of nbctl's, and up to twice as
 * many. Whoever opens the file after a failure looks at them all, which this bounds.
 */
const keptBytes = 4 << 20;
export interface OpenOptions {
  readonly readOnly?: boolean;
  readonly scheduler?: Scheduler;
  /** When SQLite's wal has so many it is time for a checkpoint. */
  readonly walBytes?: number;
  /** About how many bytes of the last transactions are kept for `history`. */
  readonly keep?: number;
}

export class SqliteStore implements Store {
  schema: DatabaseSchema;
  readonly name: string;
  readonly #db: Sqlite;
  #tables: Map<string, SqlTable>;
  readonly #transaction: WriteTransaction;
  /** Both are absent in a store that is only read. */
  readonly #fileLock: FileLock | undefined;
  readonly #log: Log | undefined;
  readonly #past: Past;
  readonly #fold: Fold;
  #closed = false;
  /** While a checkpoint is under way. */
  #checkpointed: Promise<void> | undefined;
  #sequence = 0;
  #lastId: Uuid = zeroUuid;
  /** A conversion has been committed that may not have reached the disk. */
  #convertedUnsynced = false;
  /** The whole path, without symbolic links, as SQLite finds its own files: a daemon leaves the directory that it was started in. */
  readonly #path: string;

  private constructor(
    file: string,
    db: Sqlite,
    schema: DatabaseSchema,
    served: { readonly fileLock: FileLock; readonly log: Log } | undefined,
    options: OpenOptions,
  ) {
    this.name = file;
    this.#path = realpathSync(file);
    this.#db = db;
    this.schema = schema;
    this.#fileLock = served?.fileLock;
    this.#log = served?.log;
    this.#past = new Past(db, options.keep ?? keptBytes);
    this.#tables = sqlTables(db, schema);
    this.#transaction = new WriteTransaction(db);
    const { scheduler = systemScheduler, walBytes = usualWalBytes } = options;
    this.#fold = new Fold(db, this.#transaction, this.#tables, scheduler, (sequence, goOn) => {
      this.#log?.saved(sequence, (done) => syncWalLater(this.#path, done));
      if (walLength(this.#path) < walBytes) goOn();
      else this.#checkpoint(goOn);
    });
  }

  /** Creates a database file. Throws `I/O error` if it exists or cannot be written. */
  static create(file: string, schema: DatabaseSchema): void {
    createFile(file);
    const db = openDatabase(file);
    try {
      db.pragma(`page_size = ${pageSize}`);
      db.pragma(`application_id = ${applicationId}`);
      db.pragma('journal_mode = WAL');
      db.transaction(() => {
        db.exec('CREATE TABLE _meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID');
        putMeta(db, 'format', String(format));
        putMeta(db, 'schema', jsonText(schemaToJson(schema)));
        for (const table of sqlTables(db, schema).values()) table.create();
      })();
    } finally {
      db.close();
    }
  }

  /**
   * Opens a database file: to serve it, or only to read it as it is now. Throws `I/O error` if it is not one, is damaged, is of a later format, or
   * another process serves it.
   */
  static open(file: string, options: OpenOptions = {}): SqliteStore {
    const db = openDatabase(file);
    let fileLock: FileLock | undefined;
    let log: Log | undefined;
    try {
      if (db.pragma('application_id', { simple: true }) !== applicationId) {
        throw new OvsdbError(
          'I/O error',
          `${file}: not a database of weft-ovsdb (import a file of ovsdb-server with "weft-ovsdb import")`,
        );
      }
      db.pragma('journal_mode = WAL');
      db.pragma('synchronous = NORMAL');
      db.pragma('busy_timeout = 5000');
      db.pragma('wal_autocheckpoint = 0');
      db.pragma('journal_size_limit = 0');
      // Before anything is read: who serves the file may be about to leave, and takes the log along.
      if (options.readOnly !== true) fileLock = FileLock.take(realpathSync(file));
      const version = Number(getMeta(db, 'format'));
      if (!(version <= format))
        throw new OvsdbError('I/O error', `${file}: format ${version} is newer than this program`);
      const schema = storedSchema(file, db);
      if (fileLock === undefined) return new SqliteStore(file, db, schema, undefined, options);
      log = new Log(realpathSync(file), options.keep ?? keptBytes);
      const store = new SqliteStore(file, db, schema, { fileLock, log }, options);
      store.#transaction.begin();
      if (version === 1) store.#takeOverLogTable(log);
      return store;
    } catch (error) {
      log?.close();
      db.close();
      fileLock?.release();
      throw ioError(file, error);
    }
  }

  load(tables: ReadonlyMap<string, MemoryTable>): Loaded {
    try {
      const { saved, records } = this.#readLog();
      const first = records[0]?.sequence ?? Number.POSITIVE_INFINITY;
      const sequences = new Map<string, Map<Uuid, number>>();
      for (const [name, sqlTable] of this.#tables) {
        const table = tables.get(name)!;
        const written = new Map<Uuid, number>();
        sqlTable.load(table, (row, sequence) => {
          table.replace(row._uuid, row);
          if (sequence >= first) written.set(row._uuid, sequence);
        });
        sequences.set(name, written);
      }
      this.#fold.restart(this.#tables, saved);
      this.#sequence = saved;
      this.#lastId = getMeta(this.#db, 'id') ?? zeroUuid;
      let lost = false;
      for (const { sequence, id, changes } of records) {
        // The machine failed before a record between these had reached the disk.
        lost = sequence !== this.#sequence + 1;
        if (lost) break;
        this.#sequence = sequence;
        this.#lastId = id;
        const rows: LoggedRow[] = [];
        for (const [name, uuid, kind, json] of readLogText(changes).changes) {
          // An older version wrote some rows of transactions that come after the one up to which the tables have everything.
          if ((sequences.get(name)?.get(uuid) ?? 0) >= sequence) continue;
          const table = tables.get(name);
          if (table === undefined) continue;
          const row = replay(table, uuid, kind, json);
          rows.push({ table: name, uuid, old: table.get(uuid), new: row });
          table.replace(uuid, row);
        }
        if (this.#log !== undefined) this.#fold.add(id, rows);
      }
      // The numbers of the records that are no use are given out again.
      if (lost && this.#log !== undefined) {
        this.#log.damage.push(
          `${this.name}: transactions after number ${this.#sequence} are lost, since a record of the log is missing`,
        );
        this.#fold.finish();
        syncWal(this.#path);
        this.#log.clear();
        this.#log.sync();
      }
      return { sequence: this.#sequence, lastId: this.#lastId };
    } catch (error) {
      this.#abandon();
      throw ioError(this.name, error);
    } finally {
      if (this.#log === undefined && !this.#closed) this.#transaction.rollback();
    }
  }

  /** What cannot be loaded is left as it is, log included, for whoever repairs it or tries again. */
  #abandon(): void {
    this.#closed = true;
    this.#fold.close();
    this.#log?.close();
    this.#db.close();
    this.#fileLock?.release();
  }

  get damage(): readonly string[] {
    return this.#log?.damage ?? [];
  }

  append(sequence: number, entries: readonly LogEntry[], durable: boolean): AppendResult {
    if (this.#log === undefined) throw new OvsdbError('I/O error', `${this.name}: it was opened to be read`);
    if (sequence !== this.#sequence || !this.#transaction.tryBegin()) return 'conflict';
    let seq = sequence;
    const date = Date.now();
    const records: LogRecord[] = [];
    for (const entry of entries) records.push({ sequence: ++seq, id: entry.id, changes: logText(entry, date) });
    try {
      // After a conversion that the disk would not take for certain, what follows is no more durable than it.
      if (durable && this.#convertedUnsynced) this.#syncConverted();
      this.#log.append(records, durable);
    } catch (error) {
      throw ioError(this.name, error);
    }
    for (const { id, changes } of entries) this.#fold.add(id, changes);
    this.#sequence = seq;
    this.#lastId = records.at(-1)!.id;
    return 'ok';
  }

  replace(schema: DatabaseSchema, tables: ReadonlyMap<string, Iterable<Row>>, id: Uuid, comment: string): void {
    const old = this.#tables;
    const next = sqlTables(this.#db, schema);
    const sequence = this.#sequence + 1;
    // What has been written of the old tables is taken back: should this fail, they are as they were.
    this.#fold.rewind();
    try {
      this.#transaction.begin();
      for (const table of old.values()) table.drop();
      for (const [name, table] of next) {
        table.create();
        for (const row of tables.get(name) ?? []) table.put(row, sequence);
      }
      putMeta(this.#db, 'schema', jsonText(schemaToJson(schema)));
      // Records of the log up to this number do not count any more.
      putProgress(this.#db, sequence, id);
      this.#past.clear();
      this.#transaction.commit();
    } catch (error) {
      this.#transaction.rollback();
      throw ioError(this.name, error);
    }
    // From here on the file has them, whatever else fails.
    this.#sequence = sequence;
    this.#lastId = id;
    this.#tables = next;
    this.#fold.restart(next, sequence);
    // The wal has them all.
    this.#fold.schedule();
    this.schema = schema;
    this.#convertedUnsynced = true;
    try {
      this.#syncConverted();
      this.#forget(comment);
    } catch {
      // The log stays as it is: if the disk has not got the new tables, it leads to the last state of the old ones.
    }
  }

  #syncConverted(): void {
    syncWal(this.#path);
    this.#convertedUnsynced = false;
  }

  compact(): void {
    try {
      this.#fold.finish();
      this.#transaction.begin();
      this.#past.clear();
      this.#transaction.commit();
      syncWal(this.#path);
      this.#forget('compacted by weft-ovsdb');
      this.#transaction.rollback();
      this.#db.exec('VACUUM');
      this.#db.pragma('wal_checkpoint(TRUNCATE)');
    } catch (error) {
      throw ioError(this.name, error);
    } finally {
      this.#transaction.tryBegin();
    }
  }

  /** What happened to the database, as far as that is kept, in order. */
  history(): LogRecord[] {
    return this.#past.followedBy(Log.peek(this.#path));
  }

  close(): void | Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#fold.close();
    // Who leaves last takes SQLite's files away.
    return this.#checkpointed === undefined ? this.#leave() : this.#checkpointed.then(() => this.#leave());
  }

  #leave(): void {
    if (this.#log === undefined) {
      this.#db.close();
      return;
    }
    try {
      this.#fold.finish();
      this.#transaction.begin();
      this.#past.add(Log.peek(this.#path));
      this.#transaction.commit();
      syncWal(this.#path);
      this.#log.close();
      this.#log.remove();
    } finally {
      this.#transaction.rollback();
      this.#db.close();
      this.#fileLock?.release();
    }
  }

  #checkpoint(done: () => void): void {
    this.#checkpointed = checkpoint(this.#path).then(() => {
      this.#checkpointed = undefined;
      if (this.#closed) return;
      // Only one that begins now finds that the wal can begin anew.
      this.#transaction.rollback();
      this.#transaction.tryBegin();
      done();
    });
  }

  /** The tables have everything, and have reached the disk: the log begins anew, with no more than a comment. */
  #forget(comment: string): void {
    this.#log?.clear();
    const changes = logText({ changes: [], comments: [comment] }, Date.now());
    this.#log?.append([{ sequence: this.#sequence, id: this.#lastId, changes }]);
  }

  /**
   * The number of the transaction up to which the tables have everything, and what the log has beyond it, in order. A store that is only read finds log and
   * tables at one moment, and begins a transaction in which it can read the tables.
   */
  #readLog(): { readonly saved: number; readonly records: LogRecord[] } {
    if (this.#log !== undefined) {
      const saved = savedBy(this.#db);
      return { saved, records: this.#log.read(saved) };
    }
    for (;;) {
      this.#db.exec('BEGIN');
      const saved = savedBy(this.#db);
      const records = Log.peek(this.#path, saved);
      const other = openDatabase(this.#path);
      const now = savedBy(other);
      other.close();
      // Else the server that has the file dropped records between our looks.
      if (saved === now) return { saved, records };
      this.#transaction.rollback();
    }
  }

  /** A file of format 1: what its log table holds goes to the log. */
  #takeOverLogTable(log: Log): void {
    const rows = this.#db.prepare('SELECT seq AS sequence, id, changes FROM _log ORDER BY seq').all() as LogRecord[];
    log.clear();
    log.append(rows);
    log.sync();
    if (rows.length > 0) putMeta(this.#db, 'sequence', String(rows[0]!.sequence - 1));
    putMeta(this.#db, 'format', String(format));
    this.#db.exec('DROP TABLE _log');
    this.#transaction.commit();
    syncWal(this.#path);
  }
}

function sqlTables(db: Sqlite, schema: DatabaseSchema): Map<string, SqlTable> {
  const taken = new Set(['_meta', '_log']);
  return new Map(
    Object.entries(schema.tables).map(([name, table]) => [name, new SqlTable(db, name, unused(name, taken), table)]),
  );
}
