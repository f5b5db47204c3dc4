/**
 * The SQL tables follow the log in the background. What has come together is written in short steps, but as one SQL transaction: whoever reads the tables
 * finds a state that the database was in, and so does who loads them after a failure, however much of the log that has left.
 */
import type { Uuid } from '@weft/ovsdb/uuid';
import type { TableChange } from '../changes.ts';
import type { Sqlite } from './load-sqlite.ts';
import { putProgress } from './meta.ts';
import type { Scheduler } from './scheduler.ts';
import type { SqlTable } from './sql-table.ts';
import { type UnwrittenRow, UnwrittenRows } from './unwritten-rows.ts';
import type { WriteTransaction } from './write-transaction.ts';

/** A step lasts that long, and looks at the clock after so many rows. */
const stepMs = 8;
const rowsPerLook = 16;
/** How long nothing must have been appended before the tables follow: a burst of work has the processor for itself, and a row that changes often is written once. */
const delayMs = 1000;
/** Appends that never pause that long put it off so many times at most, so the log stays short. */
const maxDelays = 15;
/** So many are not put off: the pages of one SQL transaction go to the disk together. */
const manyRows = 16_384;
/** After a failure; a full disk may have room again later. */
const retryMs = 5000;

/** What became of a row: `TableChange`, as far as it matters here. */
export interface LoggedRow extends Pick<TableChange, 'table' | 'uuid' | 'old' | 'new'> {
  readonly columns?: readonly string[];
}

/** Hears up to which transaction the tables have everything. No step comes before it says `goOn`. */
type OnSaved = (sequence: number, goOn: () => void) => void;

/** What is being written. */
interface Batch {
  readonly rows: UnwrittenRows;
  /** Those that have not been written yet. */
  left: Iterator<UnwrittenRow, undefined>;
}

export class Fold {
  readonly #db: Sqlite;
  readonly #transaction: WriteTransaction;
  readonly #scheduler: Scheduler;
  readonly #onSaved: OnSaved;
  #tables: ReadonlyMap<string, SqlTable>;
  /** What comes is in here, and is of later transactions than the batch. */
  #rows = new UnwrittenRows(0);
  #batch: Batch | undefined;
  /** The tables have everything up to this transaction. */
  #saved = 0;
  #scheduled = false;
  #closed = false;

  constructor(
    db: Sqlite,
    transaction: WriteTransaction,
    tables: ReadonlyMap<string, SqlTable>,
    scheduler: Scheduler,
    onSaved: OnSaved,
  ) {
    this.#db = db;
    this.#transaction = transaction;
    this.#tables = tables;
    this.#scheduler = scheduler;
    this.#onSaved = onSaved;
  }

  /** The tables, which may be others than before, have everything up to that transaction, and what was to be written is not. */
  restart(tables: ReadonlyMap<string, SqlTable>, sequence: number): void {
    this.#tables = tables;
    this.#saved = sequence;
    this.#rows = new UnwrittenRows(sequence);
    this.#batch = undefined;
  }

  /** The log has one more transaction. Without `columns`, a row may differ in any from what its table has. */
  add(id: Uuid, changes: Iterable<LoggedRow>): void {
    for (const { table, uuid, old, new: next, columns } of changes) {
      this.#rows.add(table, uuid, next, old === undefined, columns);
    }
    this.#rows.end(id);
    this.schedule();
  }

  /** Something has been written, if only to the tables themselves: when it is time, who looks after the files is told. */
  schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#later();
  }

  /** Brings the tables up to the last transaction at once. Throws the error of SQLite. */
  finish(): void {
    while (this.#lacks()) this.#step(Number.POSITIVE_INFINITY);
  }

  /** Takes back what has been written of the batch: it begins again. */
  rewind(): void {
    this.#transaction.rollback();
    if (this.#batch !== undefined) this.#batch.left = this.#batch.rows.inOrder();
  }

  close(): void {
    this.#closed = true;
  }

  #later(delays = 0): void {
    const seen = this.#rows.sequence;
    this.#scheduler.after(delayMs, () => {
      const paused = seen === this.#rows.sequence;
      if (paused || delays === maxDelays || this.#rows.size >= manyRows) this.#fold();
      else this.#later(delays + 1);
    });
  }

  #fold(): void {
    if (this.#closed) return;
    try {
      // Else somebody could not wait, and has finished it.
      if (this.#lacks()) this.#step(performance.now() + stepMs);
    } catch {
      // The log has it all.
      this.#scheduler.after(retryMs, () => this.#fold());
      return;
    }
    if (this.#batch !== undefined) this.#scheduler.soon(() => this.#fold());
    else this.#onSaved(this.#saved, () => this.#goOn());
  }

  #goOn(): void {
    this.#scheduled = this.#lacks();
    if (this.#scheduled) this.#later();
  }

  /** True if the tables lack something. */
  #lacks(): boolean {
    return this.#batch !== undefined || this.#rows.sequence > this.#saved;
  }

  /** Writes rows until that time, and commits if they were the last of the batch. */
  #step(until: number): void {
    this.#batch ??= this.#nextBatch();
    const { rows } = this.#batch;
    try {
      this.#transaction.begin();
      if (!this.#write(this.#batch, until)) return;
      putProgress(this.#db, rows.sequence, rows.id);
      this.#transaction.commit();
    } catch (error) {
      this.rewind();
      throw error;
    }
    this.#batch = undefined;
    this.#saved = rows.sequence;
  }

  #nextBatch(): Batch {
    const rows = this.#rows;
    this.#rows = new UnwrittenRows(rows.sequence);
    return { rows, left: rows.inOrder() };
  }

  /** False if there was no time for all. */
  #write({ left }: Batch, until: number): boolean {
    for (let n = 1; ; n++) {
      const next = left.next();
      if (next.done === true) return true;
      const { table, uuid, row, sequence, isNew, columns } = next.value;
      if (row === undefined) this.#tables.get(table)?.delete(uuid);
      else this.#tables.get(table)?.put(row, sequence, isNew, columns);
      if (n % rowsPerLook === 0 && performance.now() >= until) return false;
    }
  }
}
