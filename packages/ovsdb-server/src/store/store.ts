/** Where a database is kept: an ordered log of committed transactions with compare-and-append, and a snapshot. */
import type { Row } from '@weft/ovsdb/row';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { TableChange } from '../changes.ts';
import type { MemoryTable } from '../memory-table.ts';

export interface LogEntry {
  /** Names the state after the transaction, as monitor_cond_since knows it. */
  readonly id: Uuid;
  readonly changes: readonly TableChange[];
  /** What `comment` operations said. */
  readonly comments: readonly string[];
}

export interface Loaded {
  /** Number of the last transaction. */
  readonly sequence: number;
  /** Its id. */
  readonly lastId: Uuid;
}

/** `conflict`: another writer appended meanwhile. Neither entry of this batch is in the log then. */
export type AppendResult = 'ok' | 'conflict';

export interface Store {
  readonly schema: DatabaseSchema;
  /** For messages. */
  readonly name: string;
  /** What `load` could not read and left out, in words. Absent: everything can be read, or nothing. */
  readonly damage?: readonly string[];
  /** Puts every row into `tables`, whose indexes are exact then. */
  load(tables: ReadonlyMap<string, MemoryTable>): Loaded | Promise<Loaded>;
  /**
   * Appends transactions after number `sequence`, all or none. When it returns (or its promise resolves) they survive the end of this process, and
   * with `durable` the failure of the machine. Throws if the medium fails.
   */
  append(sequence: number, entries: readonly LogEntry[], durable: boolean): AppendResult | Promise<AppendResult>;
  /** Calls back for each batch that another process appended. Returns a function that ends it. Absent: there can be no other writer. */
  watch?(listener: () => void): () => void;
  /**
   * Replaces everything, schema included, atomically and durably. `comment` says why, to whoever looks at what became of the database. At once, unlike
   * `append`: a transaction that is executed meanwhile would be one of tables that are gone.
   */
  replace(schema: DatabaseSchema, tables: ReadonlyMap<string, Iterable<Row>>, id: Uuid, comment: string): void;
  /** Gives back the room that old data takes. */
  compact(): void | Promise<void>;
  close(): void | Promise<void>;
}
