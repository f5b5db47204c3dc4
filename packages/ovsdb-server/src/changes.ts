/** What a transaction has done so far: enough to undo it, and to say what it changed. */
import { datumsEqual } from '@weft/ovsdb/datum';
import type { Row, RowChange } from '@weft/ovsdb/row';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { MemoryTable } from './memory-table.ts';

interface Touched {
  readonly table: MemoryTable;
  readonly uuid: Uuid;
  /** Before the transaction. */
  readonly old: Row | undefined;
}

/** A committed change. The server knows its table without a look-up. */
export interface TableChange extends RowChange {
  readonly at: MemoryTable;
}

/** Up to so many rows are looked for one by one. */
const fewRows = 8;

export class Journal {
  readonly #order: Touched[] = [];
  /** The same, for more than a few. */
  #byRow: Map<MemoryTable, Map<Uuid, Touched>> | undefined;

  get isEmpty(): boolean {
    return this.#order.length === 0;
  }

  /** Replaces (or with undefined deletes) a row, and remembers what was there first. */
  write(table: MemoryTable, uuid: Uuid, next: Row | undefined): void {
    const old = table.replace(uuid, next);
    if (old === next || this.before(table, uuid) !== undefined) return;
    const touched = { table, uuid, old };
    this.#order.push(touched);
    if (this.#byRow !== undefined) this.#file(this.#byRow, touched);
    else if (this.#order.length > fewRows) {
      this.#byRow = new Map();
      for (const each of this.#order) this.#file(this.#byRow, each);
    }
  }

  #file(byRow: Map<MemoryTable, Map<Uuid, Touched>>, touched: Touched): void {
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
    for (const { table, uuid, old } of this.#order) {
      const next = table.get(uuid);
      if (old === undefined) {
        if (next !== undefined) changes.push({ at: table, table: table.name, uuid, new: next });
      } else if (next === undefined) {
        changes.push({ at: table, table: table.name, uuid, old });
      } else if (next !== old) {
        const merged = restoreIdentity(table, old, next);
        if (merged !== old) changes.push({ at: table, table: table.name, uuid, old, new: merged });
      }
    }
    return changes;
  }
}

/**
 * Values that went there and back are put back as they were, so that `===` tells which columns changed, and nobody hears of a change that is none.
 */
function restoreIdentity(table: MemoryTable, old: Row, next: Row): Row {
  let changed = false;
  let restored: { _uuid: Uuid; [column: string]: Row[string] } | undefined;
  for (const column of table.allColumns) {
    const before = old[column];
    if (before === next[column]) continue;
    if (datumsEqual(before, next[column])) {
      restored ??= { ...next };
      restored[column] = before;
    } else changed = true;
  }
  const result = changed ? (restored ?? next) : old;
  if (result !== next) table.replace(old._uuid, result);
  return result;
}

/** Does a store have to know of them? */
export function arePersistent(changes: readonly TableChange[]): boolean {
  for (const { at, old, new: next } of changes) {
    if (old === undefined || next === undefined) return true;
    for (const column of at.persistentColumns) if (old[column] !== next[column]) return true;
  }
  return false;
}
