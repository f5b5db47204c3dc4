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
import { FileLock } from './file-lock.ts';
import type { Sqlite, Statement } from './load-sqlite.ts';
import { Log } from './log.ts';
import type { LogRecord } from './log-file.ts';
import { logText, readLogText, replay } from './logged-change.ts';
import { getMeta, putMeta, savedBy, storedSchema } from './meta.ts';
import { Past } from './past.ts';
import { type Scheduler, systemScheduler } from './scheduler.ts';
import { SqlTable, unused } from './sql-table.ts';
import { createFile, ioError, openDatabase, syncWal, syncWalLater } from './sqlite-file.ts';
import type { AppendResult, Loaded, LogEntry, Store } from './store.ts';
import { UnwrittenRows } from './unwritten-rows.ts';

/** "weft" in ASCII, where file(1) and we look for it. */
const applicationId = 0x77656674;
/** 1 had the log in a table. */
const format = 2;
/** Of new files, in bytes: a switch with a hundred ports fits. */
const pageSize = 8192;
/** A checkpoint, for which somebody waits, comes after so many pages. */
const checkpointPages = 4000;
/** The background work writes rows for that long at a time, and looks at the clock after so many. */
const stepMs = 8;
const rowsPerLook = 16;
/** A step surely writes so many. */
const rowsOfOneStep = 256;
/** How long nothing must have been appended before the tables follow the log: a burst of work has the processor for itself. */
const foldDelayMs = 1000;
/**
 * The log is kept for people beyond what the tables need of it: so many bytes of the last transactions at least, some 10,000 of nbctl's, and up to twice as
 * many. Whoever opens the file after a failure looks at them all, which this bounds.
 */
const keptBytes = 4 << 20;
/** Appends that never pause that long put it off so many times at most, so the log stays short. */
const maxDelays = 15;

export interface OpenOptions {
  readonly readOnly?: boolean;
  readonly scheduler?: Scheduler;
  /** About how many bytes of the last transactions are kept for `history`. */
  readonly keep?: number;
}

export class SqliteStore implements Store {
  schema: DatabaseSchema;
  readonly name: string;
  readonly #db: Sqlite;
  readonly #scheduler: Scheduler;
  #tables: Map<string, SqlTable>;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #rollback: Statement;
  /** Both are absent in a store that is only read. */
  readonly #fileLock: FileLock | undefined;
  readonly #log: Log | undefined;
  readonly #past: Past;
  /** A transaction is open, which keeps other writers out. */
  #locked = false;
  readonly #unwritten = new UnwrittenRows();
  #folding = false;
  /** The last transaction that was there when the background work last looked, and how often it has waited since it was to begin. */
  #seen = 0;
  #delays = 0;
  #closed = false;
  #sequence = 0;
  #lastId: Uuid = zeroUuid;
  /** Up to this transaction the tables have everything; the file says so. */
  #saved = 0;
  /** A conversion has been committed that may not have reached the disk. */
  #convertedUnsynced = false;
  /** The whole path, without symbolic links, as SQLite finds its own files: a daemon leaves the directory that it was started in. */
  readonly #path: string;

  private constructor(
    file: string,
    db: Sqlite,
    schema: DatabaseSchema,
    served: { readonly fileLock: FileLock; readonly log: Log } | undefined,
    { scheduler = systemScheduler, keep = keptBytes }: OpenOptions,
  ) {
    this.name = file;
    this.#path = realpathSync(file);
    this.#db = db;
    this.schema = schema;
    this.#fileLock = served?.fileLock;
    this.#log = served?.log;
    this.#past = new Past(db, keep);
    this.#scheduler = scheduler;
    this.#tables = sqlTables(db, schema);
    this.#begin = db.prepare('BEGIN IMMEDIATE');
    this.#commit = db.prepare('COMMIT');
    this.#rollback = db.prepare('ROLLBACK');
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
      db.pragma(`wal_autocheckpoint = ${checkpointPages}`);
      // Before anything is read: who serves the file may be about to leave, and takes the log along.
      if (options.readOnly !== true) fileLock = FileLock.take(realpathSync(file));
      const version = Number(getMeta(db, 'format'));
      if (!(version <= format))
        throw new OvsdbError('I/O error', `${file}: format ${version} is newer than this program`);
      const schema = storedSchema(file, db);
      if (fileLock === undefined) return new SqliteStore(file, db, schema, undefined, options);
      log = new Log(realpathSync(file), options.keep ?? keptBytes);
      const store = new SqliteStore(file, db, schema, { fileLock, log }, options);
      store.#lock();
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
      this.#saved = saved;
      this.#sequence = saved;
      this.#lastId = getMeta(this.#db, 'id') ?? zeroUuid;
      let lost = false;
      for (const { sequence, id, changes } of records) {
        // The machine failed before a record between these had reached the disk.
        lost = sequence !== this.#sequence + 1;
        if (lost) break;
        this.#sequence = sequence;
        this.#lastId = id;
        for (const [name, uuid, kind, json] of readLogText(changes).changes) {
          // What a step of the background work wrote already is newer than this record.
          if ((sequences.get(name)?.get(uuid) ?? 0) >= sequence) continue;
          const table = tables.get(name);
          if (table === undefined) continue;
          const row = replay(table, uuid, kind, json);
          table.replace(uuid, row);
          this.#unwritten.add(name, uuid, row, sequence, false);
        }
      }
      // The numbers of the records that are no use are given out again.
      if (lost && this.#log !== undefined) {
        this.#log.damage.push(
          `${this.name}: transactions after number ${this.#sequence} are lost, since a record of the log is missing`,
        );
        this.#foldAll();
        syncWal(this.#path);
        this.#log.clear();
        this.#log.sync();
      }
      if (!this.#unwritten.isEmpty && this.#log !== undefined) this.#scheduleFold();
      return { sequence: this.#sequence, lastId: this.#lastId };
    } catch (error) {
      throw ioError(this.name, error);
    } finally {
      if (this.#log === undefined && this.#db.inTransaction) this.#rollback.run();
    }
  }

  get damage(): readonly string[] {
    return this.#log?.damage ?? [];
  }

  append(sequence: number, entries: readonly LogEntry[], durable: boolean): AppendResult {
    if (this.#log === undefined) throw new OvsdbError('I/O error', `${this.name}: it was opened to be read`);
    if (sequence !== this.#sequence || !this.#tryLock()) return 'conflict';
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
    seq = sequence;
    for (const { changes } of entries) {
      seq++;
      for (const { table, uuid, old, new: next, columns } of changes) {
        this.#unwritten.add(table, uuid, next, seq, old === undefined, columns);
      }
    }
    this.#sequence = seq;
    this.#lastId = records.at(-1)!.id;
    this.#scheduleFold();
    return 'ok';
  }

  replace(schema: DatabaseSchema, tables: ReadonlyMap<string, Iterable<Row>>, id: Uuid, comment: string): void {
    const old = this.#tables;
    const next = sqlTables(this.#db, schema);
    const sequence = this.#sequence + 1;
    try {
      this.#lock();
      for (const table of old.values()) table.drop();
      for (const [name, table] of next) {
        table.create();
        for (const row of tables.get(name) ?? []) table.put(row, sequence);
      }
      putMeta(this.#db, 'schema', jsonText(schemaToJson(schema)));
      // Records of the log up to this number do not count any more.
      this.#putProgress(sequence, id);
      this.#past.clear();
      this.#commitAndLock();
    } catch (error) {
      this.#unlock();
      throw ioError(this.name, error);
    }
    // From here on the file has them, whatever else fails.
    this.#sequence = sequence;
    this.#saved = sequence;
    this.#lastId = id;
    this.#tables = next;
    this.#unwritten.clear();
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
      this.#foldAll();
      this.#lock();
      this.#past.clear();
      this.#commitAndLock();
      syncWal(this.#path);
      this.#forget('compacted by weft-ovsdb');
      this.#unlock();
      this.#db.pragma('wal_checkpoint(TRUNCATE)');
      this.#db.exec('VACUUM');
    } catch (error) {
      throw ioError(this.name, error);
    } finally {
      this.#tryLock();
    }
  }

  /** What happened to the database, as far as that is kept, in order. */
  history(): LogRecord[] {
    return this.#past.followedBy(Log.peek(this.#path));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#log === undefined) {
      this.#db.close();
      return;
    }
    try {
      this.#foldAll();
      this.#lock();
      this.#past.add(Log.peek(this.#path));
      this.#commitAndLock();
      syncWal(this.#path);
      this.#log.close();
      this.#log.remove();
    } finally {
      this.#unlock();
      this.#db.close();
      this.#fileLock?.release();
    }
  }

  /** The tables have everything, and have reached the disk: the log begins anew, with no more than a comment. */
  #forget(comment: string): void {
    this.#log?.clear();
    const changes = logText({ changes: [], comments: [comment] }, Date.now());
    this.#log?.append([{ sequence: this.#sequence, id: this.#lastId, changes }]);
  }

  /** Takes the lock, if it is not ours already, by beginning a transaction. Throws if another process has it for too long. */
  #lock(): void {
    if (this.#locked) return;
    this.#begin.run();
    this.#locked = true;
  }

  #tryLock(): boolean {
    try {
      this.#lock();
      return true;
    } catch {
      return false;
    }
  }

  #unlock(): void {
    if (this.#db.inTransaction) this.#rollback.run();
    this.#locked = false;
  }

  #commitAndLock(): void {
    this.#commit.run();
    this.#locked = false;
    this.#tryLock();
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
      this.#rollback.run();
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
    this.#commitAndLock();
    syncWal(this.#path);
  }

  #scheduleFold(): void {
    if (this.#folding) return;
    this.#folding = true;
    this.#delays = 0;
    this.#foldLater();
  }

  /** Waiting also lets a row that changes often be written once. */
  #foldLater(): void {
    this.#seen = this.#sequence;
    this.#scheduler.after(foldDelayMs, () => this.#fold());
  }

  #fold(): void {
    if (this.#closed) return;
    if (this.#seen !== this.#sequence && this.#delays < maxDelays) {
      this.#delays++;
      this.#foldLater();
      return;
    }
    // So many hardly fit into one step, and what a step writes of a transaction must not be all that the disk has of it.
    if (this.#unwritten.size > rowsOfOneStep) this.#log?.syncLater(() => this.#scheduler.soon(() => this.#foldSome()));
    else this.#foldSome();
  }

  #foldSome(): void {
    if (this.#closed) return;
    try {
      this.#foldStep();
    } catch {
      // The log has it all; a full disk may have room again later.
      this.#scheduler.after(5000, () => this.#fold());
      return;
    }
    if (this.#unwritten.isEmpty) this.#folding = false;
    else this.#scheduler.soon(() => this.#fold());
  }

  #foldAll(): void {
    while (!this.#unwritten.isEmpty) this.#foldStep();
    if (this.#saved === this.#sequence) return;
    this.#lock();
    this.#putProgress(this.#sequence, this.#lastId);
    this.#commitAndLock();
    this.#saved = this.#sequence;
  }

  #putProgress(sequence: number, id: Uuid): void {
    putMeta(this.#db, 'sequence', String(sequence));
    putMeta(this.#db, 'id', id);
  }

  /** Writes some rows to their tables; with the last of them the log can be dropped. */
  #foldStep(): void {
    const end = performance.now() + stepMs;
    let caughtUp = false;
    try {
      this.#lock();
      while (this.#writeSome() && performance.now() < end);
      caughtUp = this.#unwritten.areTaken;
      if (caughtUp) this.#putProgress(this.#sequence, this.#lastId);
      // If the machine fails now, the log has the rest of the transactions whose rows these are.
      else this.#log?.sync();
      this.#commitAndLock();
    } catch (error) {
      this.#unwritten.undo();
      this.#unlock();
      throw ioError(this.name, error);
    }
    this.#unwritten.done();
    if (!caughtUp) return;
    this.#saved = this.#sequence;
    this.#log?.caughtUp((done) => syncWalLater(this.#path, done));
  }

  /** Writes as many rows as may pass without a look at the clock; false if there were fewer. */
  #writeSome(): boolean {
    for (let n = 0; n < rowsPerLook; n++) {
      const unwritten = this.#unwritten.take();
      if (unwritten === undefined) return false;
      const { table, uuid, row, sequence, isNew, columns } = unwritten;
      if (row === undefined) this.#tables.get(table)?.delete(uuid);
      else this.#tables.get(table)?.put(row, sequence, isNew, columns);
    }
    return true;
  }
}

function sqlTables(db: Sqlite, schema: DatabaseSchema): Map<string, SqlTable> {
  const taken = new Set(['_meta', '_log']);
  return new Map(
    Object.entries(schema.tables).map(([name, table]) => [name, new SqlTable(db, name, unused(name, taken), table)]),
  );
}
