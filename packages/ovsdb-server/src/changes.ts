/** What a transaction has done so far: enough to undo it, and to say what it changed. */
import { datumsEqual } from '@weft/ovsdb/datum';
import type { Row } from '@weft/ovsdb/row';
import type { UnfinishedRow } from '@weft/ovsdb/row-shape';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { MemoryTable } from './memory-table.ts';

/** A row that the transaction has touched. */
export interface Touched {
  readonly table: MemoryTable;
  readonly uuid: Uuid;
  /** Before the transaction. */
  readonly old: Row | undefined;
  /** Now. */
  readonly next: Row | undefined;
  /** As in `TableChange`. */
  readonly columns: readonly string[];
}

/** A committed change: inserted if there is no `old`, deleted if there is no `new`, else modified. */
export interface TableChange {
  readonly at: MemoryTable;
  readonly table: string;
  readonly uuid: Uuid;
  readonly old: Row | undefined;
  readonly new: Row | undefined;
  /**
   * In all others the two states agree; if the row is new, all others have their defaults. Whoever works on a change looks at these, not at all columns:
   * mostly one or two.
   */
  readonly columns: readonly string[];
}

/** Up to so many rows are looked for one by one. */
const fewRows = 8;

export class Journal {
  readonly #order: Mutable<Touched>[] = [];
  /** The same, for more than a few. */
  #byRow: Map<MemoryTable, Map<Uuid, Mutable<Touched>>> | undefined;

  get isEmpty(): boolean {
    return this.#order.length === 0;
  }

  /** Replaces (or with undefined deletes) a row, and remembers what was there first. `columns`: as in `TableChange`. */
  write(table: MemoryTable, uuid: Uuid, next: Row | undefined, columns: readonly string[] = table.columns): void {
    const old = table.replace(uuid, next, columns);
    if (old === next) return;
    const known = this.#find(table, uuid);
    if (known !== undefined) {
      known.next = next;
      known.columns = union(known.columns, columns);
      return;
    }
    const touched = { table, uuid, old, next, columns };
    this.#order.push(touched);
    if (this.#byRow !== undefined) this.#file(this.#byRow, touched);
    else if (this.#order.length > fewRows) {
      this.#byRow = new Map();
      for (const each of this.#order) this.#file(this.#byRow, each);
    }
  }

  #file(byRow: Map<MemoryTable, Map<Uuid, Mutable<Touched>>>, touched: Mutable<Touched>): void {
    let rows = byRow.get(touched.table);
    if (rows === undefined) {
      rows = new Map();
      byRow.set(touched.table, rows);
    }
    rows.set(touched.uuid, touched);
  }

  /** Rows touched so far; it grows while it is read if `write` is called meanwhile. */
  touched(): readonly Touched[] {
    return this.#order;
  }

  /** The row as it was before the transaction, if the transaction touched it. */
  before(table: MemoryTable, uuid: Uuid): Touched | undefined {
    return this.#find(table, uuid);
  }

  #find(table: MemoryTable, uuid: Uuid): Mutable<Touched> | undefined {
    if (this.#byRow !== undefined) return this.#byRow.get(table)?.get(uuid);
    for (const touched of this.#order) if (touched.uuid === uuid && touched.table === table) return touched;
    return undefined;
  }

  undo(): void {
    for (let i = this.#order.length - 1; i >= 0; i--) {
      const { table, uuid, old } = this.#order[i]!;
      table.replace(uuid, old);
    }
    this.#order.length = 0;
    this.#byRow = undefined;
  }

  /** The net changes, each row once. A row that ends as it began is none. */
  changes(): TableChange[] {
    const changes: TableChange[] = [];
    for (const { table, uuid, old, next, columns } of this.#order) {
      const merged = old === undefined || next === undefined ? next : restoreIdentity(table, old, next, columns);
      if (merged !== old) changes.push({ at: table, table: table.name, uuid, old, new: merged, columns });
    }
    return changes;
  }
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Names that are in one of the two lists, each of which has none twice. */
export function union(a: readonly string[], b: readonly string[]): readonly string[] {
  const added = b.filter((column) => !a.includes(column));
  return added.length === 0 ? a : [...a, ...added];
}

/**
 * Values that went there and back are put back as they were, so that `===` tells which columns changed, and nobody hears of a change that is none.
 */
function restoreIdentity(table: MemoryTable, old: Row, next: Row, columns: readonly string[]): Row {
  let changed = false;
  let restored: UnfinishedRow | undefined;
  for (const column of columns) {
    const before = old[column];
    if (before === next[column]) continue;
    if (datumsEqual(before, next[column])) {
      restored ??= table.text.copy(next);
      restored[column] = before;
    } else changed = true;
  }
  const result = changed ? (restored ?? next) : old;
  if (result !== next) table.replace(old._uuid, result);
  return result;
}

/** Does a store have to know of them? */
export function arePersistent(changes: readonly TableChange[]): boolean {
  for (const { at, old, new: next, columns } of changes) {
    if (old === undefined || next === undefined) return true;
    for (const column of columns) {
      if (old[column] !== next[column] && at.schema.columns[column]?.ephemeral === false) return true;
    }
  }
  return false;
}
