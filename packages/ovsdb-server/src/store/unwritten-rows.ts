/** The rows that the SQL tables of a store lack, and in which order they are written. */
import type { Row } from '@weft/ovsdb/row';
import type { Uuid } from '@weft/ovsdb/uuid';
import { union } from '../changes.ts';

export interface UnwrittenRow {
  readonly table: string;
  readonly uuid: Uuid;
  /** Undefined: it has been deleted. */
  row: Row | undefined;
  /** Number of the transaction that wrote or deleted it. */
  sequence: number;
  /** Its table has none of that uuid. */
  readonly isNew: boolean;
  /** In all others it is as in its table or, if it is new, has its defaults. Undefined: it may differ in any, and its table may have it or not. */
  columns: readonly string[] | undefined;
}

export class UnwrittenRows {
  readonly #tables = new Map<string, Map<Uuid, UnwrittenRow>>();
  /** Rows of one table to be written next, by descending uuid: neighbours in a table share pages, and pages are what a commit costs. */
  #queue: UnwrittenRow[] = [];
  /** Written, but not committed yet. */
  #taken: UnwrittenRow[] = [];

  get isEmpty(): boolean {
    return this.#tables.size === 0;
  }

  get size(): number {
    let size = 0;
    for (const rows of this.#tables.values()) size += rows.size;
    return size;
  }

  /** All of them. */
  get areTaken(): boolean {
    return this.size === this.#taken.length;
  }

  /** A transaction has written or (without `row`) deleted a row. */
  add(
    table: string,
    uuid: Uuid,
    row: Row | undefined,
    sequence: number,
    isNew: boolean,
    columns?: readonly string[],
  ): void {
    let rows = this.#tables.get(table);
    if (rows === undefined) {
      rows = new Map();
      this.#tables.set(table, rows);
    }
    const known = rows.get(uuid);
    if (known === undefined) {
      rows.set(uuid, { table, uuid, row, sequence, isNew, columns });
      return;
    }
    // A deletion names all columns, so of a row that comes again all are written.
    known.columns = known.columns === undefined || columns === undefined ? undefined : union(known.columns, columns);
    known.row = row;
    known.sequence = sequence;
  }

  /** The next row to write. Undefined: `done` or `undo` comes first. */
  take(): UnwrittenRow | undefined {
    const row = this.#queue.pop() ?? this.#queueTable().pop();
    if (row !== undefined) this.#taken.push(row);
    return row;
  }

  /** The tables have all that was taken. */
  done(): void {
    for (const { table, uuid } of this.#taken) {
      const rows = this.#tables.get(table);
      rows?.delete(uuid);
      if (rows?.size === 0) this.#tables.delete(table);
    }
    this.#taken = [];
  }

  /** The tables have nothing of what was taken. */
  undo(): void {
    this.#taken = [];
    this.#queue = [];
  }

  clear(): void {
    this.#tables.clear();
    this.undo();
  }

  /** Goes on with a table of which nothing has been taken. */
  #queueTable(): UnwrittenRow[] {
    const busy = new Set(this.#taken.map(({ table }) => table));
    for (const [table, rows] of this.#tables) {
      if (busy.has(table)) continue;
      this.#queue = [...rows.values()].sort((a, b) => (a.uuid < b.uuid ? 1 : -1));
      break;
    }
    return this.#queue;
  }
}
