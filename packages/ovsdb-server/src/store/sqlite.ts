/**
 * The embedded store. A commit appends one record to a log table, which is cheap; the tables that people query follow in the background, a few
 * moments later and in pieces, and the log is cut when they have caught up. Loading reads the tables and replays what the log has beyond them.
 */
import { existsSync } from 'node:fs';
import { applyDifference } from '@weft/ovsdb/diff';
import { OvsdbError } from '@weft/ovsdb/error';
import { type Json, jsonText } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { parseSchema, schemaToJson } from '@weft/ovsdb/schema-json';
import { type Uuid, zeroUuid } from '@weft/ovsdb/uuid';
import { decodeDatum } from '@weft/ovsdb/wire';
import type { TableChange } from '../changes.ts';
import type { MemoryTable } from '../memory-table.ts';
import { openSqlite, type Sqlite, type Statement } from './load-sqlite.ts';
import { SqlTable, unused } from './sql-table.ts';
import type { AppendResult, Loaded, LogEntry, Store } from './store.ts';

/** "weft" in ASCII, where file(1) and we look for it. */
const applicationId = 0x77656674;
const format = 1;
/** Rows that one step of the background work writes: about 10 ms. */
const rowsPerStep = 400;
/** How long nothing must have been appended before the tables follow the log: a burst of work has the processor for itself. */
const foldDelayMs = 1000;
/** Appends that never pause that long put it off so many times at most, so the log stays short. */
const maxDelays = 15;

/** Runs the background work: `after` calls back once, `ms` milliseconds later; `soon` when the event loop has nothing else to do. */
export interface Scheduler {
  after(ms: number, callback: () => void): void;
  soon(callback: () => void): void;
}

export const systemScheduler: Scheduler = {
  after: (ms, callback) => void setTimeout(callback, ms).unref(),
  soon: (callback) => void setImmediate(callback),
};

export class SqliteStore implements Store {
  schema: DatabaseSchema;
  readonly name: string;
  readonly #db: Sqlite;
  readonly #scheduler: Scheduler;
  #tables: Map<string, SqlTable>;
  readonly #begin: Statement;
  readonly #commit: Statement;
  readonly #rollback: Statement;
  readonly #appendLog: Statement;
  readonly #cutLog: Statement;
  /** Rows that the SQL tables lack, with the number of the transaction that wrote (or without a row: deleted) them. */
  #dirty = new Map<string, Map<Uuid, { readonly row: Row | undefined; readonly sequence: number }>>();
  #folding = false;
  /** The last transaction that was there when the background work last looked, and how often it has waited since it was to begin. */
  #seen = 0;
  #delays = 0;
  /** Rows to write next, of one table, by descending uuid: neighbours in a table share pages, and pages are what a commit costs. */
  #next: { readonly name: string; readonly uuids: Uuid[] } = { name: '', uuids: [] };
  #closed = false;
  #fullSync = false;
  #sequence = 0;

  private constructor(file: string, db: Sqlite, schema: DatabaseSchema, scheduler: Scheduler) {
    this.name = file;
    this.#db = db;
    this.schema = schema;
    this.#scheduler = scheduler;
    this.#tables = sqlTables(db, schema);
    this.#begin = db.prepare('BEGIN IMMEDIATE');
    this.#commit = db.prepare('COMMIT');
    this.#rollback = db.prepare('ROLLBACK');
    this.#appendLog = db.prepare('INSERT INTO _log (seq, id, changes) VALUES (?, ?, ?)');
    this.#cutLog = db.prepare('DELETE FROM _log WHERE seq <= ? AND seq < (SELECT max(seq) FROM _log)');
  }

  /** Creates a database file. Throws `I/O error` if it exists or cannot be written. */
  static create(file: string, schema: DatabaseSchema): void {
    if (existsSync(file)) throw new OvsdbError('I/O error', `${file}: create failed (File exists)`);
    const db = open(file, false);
    try {
      db.pragma(`application_id = ${applicationId}`);
      db.pragma('journal_mode = WAL');
      db.transaction(() => {
        db.exec('CREATE TABLE _meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID');
        db.exec('CREATE TABLE _log (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, changes TEXT NOT NULL)');
        putMeta(db, 'format', String(format));
        putMeta(db, 'schema', jsonText(schemaToJson(schema)));
        for (const table of sqlTables(db, schema).values()) table.create();
      })();
    } finally {
      db.close();
    }
  }

  /** Opens a database file. Throws `I/O error` if it is not one, is damaged, or is of a later format. */
  static open(file: string, scheduler: Scheduler = systemScheduler): SqliteStore {
    const db = open(file, true);
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
      // In pages: a checkpoint waits for the disk.
      db.pragma('wal_autocheckpoint = 4000');
      const version = Number(getMeta(db, 'format'));
      if (!(version <= format))
        throw new OvsdbError('I/O error', `${file}: format ${version} is newer than this program`);
      return new SqliteStore(file, db, storedSchema(file, db), scheduler);
    } catch (error) {
      db.close();
      throw ioError(file, error);
    }
  }

  load(tables: ReadonlyMap<string, MemoryTable>): Loaded {
    try {
      const sequences = new Map<string, Map<Uuid, number>>();
      const log = this.#db.prepare('SELECT seq, id, changes FROM _log ORDER BY seq').all() as {
        readonly seq: number;
        readonly id: Uuid;
        readonly changes: string;
      }[];
      for (const [name, sqlTable] of this.#tables) {
        const table = tables.get(name)!;
        const written = new Map<Uuid, number>();
        sqlTable.load(table, (row, sequence) => {
          table.replace(row._uuid, row);
          if (log.length > 0 && sequence >= log[0]!.seq) written.set(row._uuid, sequence);
        });
        sequences.set(name, written);
      }
      for (const { seq, changes } of log) {
        for (const [name, uuid, kind, json] of JSON.parse(changes) as LoggedChange[]) {
          // What a step of the background work wrote already is newer than this record.
          if ((sequences.get(name)?.get(uuid) ?? 0) >= seq) continue;
          const table = tables.get(name);
          if (table === undefined) continue;
          const row = replay(table, uuid, kind, json);
          table.replace(uuid, row);
          this.#mark(name, uuid, row, seq);
        }
      }
      const last = log.at(-1);
      this.#sequence = last?.seq ?? Number(getMeta(this.#db, 'sequence') ?? '0');
      const lastId = last?.id ?? getMeta(this.#db, 'id') ?? zeroUuid;
      if (this.#dirty.size > 0) this.#scheduleFold();
      return { sequence: this.#sequence, lastId };
    } catch (error) {
      throw ioError(this.name, error);
    }
  }

  append(sequence: number, entries: readonly LogEntry[], durable: boolean): AppendResult {
    let seq = sequence;
    if (durable !== this.#fullSync) {
      this.#fullSync = durable;
      this.#db.pragma(`synchronous = ${durable ? 'FULL' : 'NORMAL'}`);
    }
    try {
      // One statement is a transaction of its own.
      if (entries.length > 1) this.#begin.run();
      for (const { id, changes } of entries) this.#appendLog.run(++seq, id, logText(changes));
      if (entries.length > 1) this.#commit.run();
    } catch (error) {
      if (this.#db.inTransaction) this.#rollback.run();
      if ((error as { code?: string }).code === 'SQLITE_CONSTRAINT_PRIMARYKEY') return 'conflict';
      throw ioError(this.name, error);
    }
    seq = sequence;
    for (const { changes } of entries) {
      seq++;
      for (const change of changes) this.#mark(change.table, change.uuid, change.new, seq);
    }
    this.#sequence = seq;
    this.#scheduleFold();
    return 'ok';
  }

  replace(schema: DatabaseSchema, tables: ReadonlyMap<string, Iterable<Row>>, id: Uuid): void {
    const old = this.#tables;
    const next = sqlTables(this.#db, schema);
    const sequence = this.#sequence + 1;
    try {
      this.#db.pragma('synchronous = FULL');
      this.#fullSync = true;
      this.#db.transaction(() => {
        for (const table of old.values()) table.drop();
        for (const [name, table] of next) {
          table.create();
          for (const row of tables.get(name) ?? []) table.put(row, sequence);
        }
        this.#db.exec('DELETE FROM _log');
        putMeta(this.#db, 'schema', jsonText(schemaToJson(schema)));
        putMeta(this.#db, 'sequence', String(sequence));
        putMeta(this.#db, 'id', id);
      })();
    } catch (error) {
      throw ioError(this.name, error);
    }
    this.#sequence = sequence;
    this.#tables = next;
    this.#dirty.clear();
    this.schema = schema;
  }

  compact(): void {
    while (this.#dirty.size > 0) this.#foldStep();
    this.#db.pragma('wal_checkpoint(TRUNCATE)');
    this.#db.exec('VACUUM');
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    while (this.#dirty.size > 0) this.#foldStep();
    this.#db.close();
  }

  #mark(table: string, uuid: Uuid, row: Row | undefined, sequence: number): void {
    let rows = this.#dirty.get(table);
    if (rows === undefined) {
      rows = new Map();
      this.#dirty.set(table, rows);
    }
    rows.set(uuid, { row, sequence });
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
    try {
      this.#foldStep();
    } catch {
      // The log has it all; a full disk may have room again later.
      this.#scheduler.after(5000, () => this.#fold());
      return;
    }
    if (this.#dirty.size === 0) this.#folding = false;
    else this.#scheduler.soon(() => this.#fold());
  }

  /** Writes some rows to their tables; with the last of them the log can be cut. */
  #foldStep(): void {
    const written: [Map<Uuid, unknown>, string, Uuid][] = [];
    this.#begin.run();
    try {
      while (written.length < rowsPerStep) {
        const { name, uuids } = this.#next;
        const uuid = uuids.pop();
        if (uuid === undefined) {
          if (!this.#queueTable(written)) break;
          continue;
        }
        const rows = this.#dirty.get(name);
        const change = rows?.get(uuid);
        if (rows === undefined || change === undefined) continue;
        const table = this.#tables.get(name);
        if (change.row === undefined) table?.delete(uuid);
        else table?.put(change.row, change.sequence);
        written.push([rows, name, uuid]);
      }
      let rest = -written.length;
      for (const rows of this.#dirty.values()) rest += rows.size;
      if (rest === 0) this.#cutLog.run(this.#sequence);
      this.#commit.run();
    } catch (error) {
      this.#next = { name: '', uuids: [] };
      if (this.#db.inTransaction) this.#rollback.run();
      throw ioError(this.name, error);
    }
    for (const [rows, name, uuid] of written) {
      rows.delete(uuid);
      if (rows.size === 0) this.#dirty.delete(name);
    }
  }

  /** Goes on with another table that this step has not written yet; false if there is none. */
  #queueTable(written: readonly (readonly [unknown, string, Uuid])[]): boolean {
    const done = new Set(written.map(([, name]) => name));
    for (const [name, rows] of this.#dirty) {
      if (done.has(name)) continue;
      this.#next = { name, uuids: [...rows.keys()].sort().reverse() };
      return true;
    }
    return false;
  }
}

/** table, row, insert | modify | delete, columns. */
type LoggedChange = readonly [string, Uuid, 'i' | 'm' | 'd', { readonly [column: string]: Json }?];

function logText(changes: readonly TableChange[]): string {
  const texts: string[] = [];
  for (const { at, uuid, old, new: next } of changes) {
    const head = `[${JSON.stringify(at.name)},"${uuid}"`;
    if (next === undefined) texts.push(`${head},"d"]`);
    else if (old === undefined) texts.push(`${head},"i",${at.text.object(next, at.persistentColumns, true)}]`);
    else {
      const difference = at.text.difference(old, next, at.persistentColumns);
      if (difference !== undefined) texts.push(`${head},"m",${difference}]`);
    }
  }
  return `[${texts.join(',')}]`;
}

function replay(table: MemoryTable, uuid: Uuid, kind: 'i' | 'm' | 'd', json: LoggedChange[3]): Row | undefined {
  const old = table.get(uuid);
  if (kind === 'd') return undefined;
  const columns = Object.entries(json ?? {});
  const typeOf = (column: string) => table.schema.columns[column]!.type;
  if (kind === 'i') {
    return table.text.make(
      uuid,
      columns.map(([column, value]) => [column, decodeDatum(typeOf(column), value, { relaxed: true })] as const),
    );
  }
  // A row that a later record deletes may be gone from its table already.
  if (old === undefined) return undefined;
  const next: { _uuid: Uuid; [column: string]: Row[string] } = { ...old };
  for (const [column, value] of columns) next[column] = applyDifference(typeOf(column), old[column], value);
  return next;
}

function sqlTables(db: Sqlite, schema: DatabaseSchema): Map<string, SqlTable> {
  const taken = new Set(['_meta', '_log']);
  return new Map(
    Object.entries(schema.tables).map(([name, table]) => [name, new SqlTable(db, name, unused(name, taken), table)]),
  );
}

function open(file: string, mustExist: boolean): Sqlite {
  try {
    return openSqlite(file, { fileMustExist: mustExist });
  } catch (error) {
    throw ioError(file, error);
  }
}

function storedSchema(file: string, db: Sqlite): DatabaseSchema {
  const text = getMeta(db, 'schema') ?? 'null';
  try {
    return parseSchema(JSON.parse(text));
  } catch (cause) {
    // A later version of this program may know types and constraints that this one does not.
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OvsdbError('I/O error', `${file}: the schema in it cannot be understood: ${reason}`, { cause });
  }
}

function putMeta(db: Sqlite, key: string, value: string): void {
  db.prepare('INSERT OR REPLACE INTO _meta VALUES (?, ?)').run(key, value);
}

function getMeta(db: Sqlite, key: string): string | undefined {
  return db.prepare('SELECT value FROM _meta WHERE key = ?').pluck().get(key) as string | undefined;
}

const reasons: { readonly [code: string]: string } = {
  SQLITE_NOTADB: 'the file is not a database, or is damaged',
  SQLITE_CORRUPT: 'the file is damaged',
  SQLITE_FULL: 'No space left on device',
  SQLITE_READONLY: 'the file cannot be written',
  SQLITE_CANTOPEN: 'the file does not exist or cannot be opened',
  SQLITE_BUSY: 'the file is in use',
};

function ioError(file: string, error: unknown): OvsdbError {
  if (error instanceof OvsdbError) return error;
  const code = (error as { code?: string }).code ?? '';
  const base = Object.keys(reasons).find((prefix) => code.startsWith(prefix));
  const reason = base === undefined ? (error instanceof Error ? error.message : String(error)) : reasons[base]!;
  return new OvsdbError('I/O error', `${file}: ${reason}`, { cause: error });
}
