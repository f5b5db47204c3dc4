/** The last transactions, for clients that reconnect and ask what happened meanwhile (ovsdb-server(7) section 4.1.15). */
import type { Row } from '@weft/ovsdb/row';
import { type Uuid, zeroUuid } from '@weft/ovsdb/uuid';
import type { TableChange } from './changes.ts';
import type { MemoryTable } from './memory-table.ts';

export interface Committed {
  readonly id: Uuid;
  readonly changes: readonly TableChange[];
}

const maxTransactions = 1000;
/** Old rows are kept alive by the history; this bounds how many. */
const maxChanges = 50_000;
/** And this, about, how much memory their values take: a row may hold a text of a megabyte, or a set of 25,000 ports. */
const maxBytes = 32 << 20;

export class History {
  #first: Uuid;
  #entries: Committed[] = [];
  /** What each entry keeps alive, in bytes. */
  #weights: number[] = [];
  #changes = 0;
  #bytes = 0;

  /** `first` names the state that the database was loaded in. */
  constructor(first: Uuid) {
    this.#first = first;
  }

  get lastId(): Uuid {
    return this.#entries.at(-1)?.id ?? this.#first;
  }

  get length(): number {
    return this.#entries.length;
  }

  add(committed: Committed): void {
    this.#entries.push(committed);
    const weight = committed.changes.reduce((sum, change) => sum + keptBytes(change), 0);
    this.#weights.push(weight);
    this.#bytes += weight;
    this.#changes += committed.changes.length;
    while (
      this.#entries.length > maxTransactions ||
      ((this.#changes > maxChanges || this.#bytes > maxBytes) && this.#entries.length > 1)
    ) {
      const dropped = this.#entries.shift()!;
      this.#bytes -= this.#weights.shift()!;
      this.#changes -= dropped.changes.length;
      this.#first = dropped.id;
    }
  }

  /** The net changes after the transaction `id`, or undefined if it is not known. */
  since(id: Uuid): readonly TableChange[] | undefined {
    // What a client sends that has nothing yet.
    if (id === zeroUuid) return undefined;
    if (id === this.lastId) return [];
    const index = id === this.#first ? -1 : this.#entries.findIndex((entry) => entry.id === id);
    if (index === -1 && id !== this.#first) return undefined;
    return compose(this.#entries.slice(index + 1));
  }

  /** The present state is known by another name, which need not be remembered by the old one. */
  rename(id: Uuid): void {
    if (id !== this.lastId) this.add({ id, changes: [] });
  }

  restart(id: Uuid): void {
    this.#first = id;
    this.#entries = [];
    this.#weights = [];
    this.#changes = 0;
    this.#bytes = 0;
  }
}

/** About the memory of what only the history still holds: the row as it was, without the values that it shares with the row as it became. */
function keptBytes({ at, old, new: next, columns }: TableChange): number {
  if (old === undefined) return 0;
  let bytes = 8 * at.allColumns.length;
  for (const column of columns) {
    const value = old[column];
    if (next !== undefined && next[column] === value) continue;
    if (typeof value === 'string') bytes += value.length;
    else if (Array.isArray(value)) bytes += 8 * value.length;
    else if (value instanceof Map) bytes += 64 * value.size;
  }
  return bytes;
}

/** Several transactions as one: each row once, from its first state to its last. */
export function compose(commits: readonly Committed[]): readonly TableChange[] {
  if (commits.length === 1) return commits[0]!.changes;
  const net = new Map<MemoryTable, Map<Uuid, { readonly old: Row | undefined; next: Row | undefined }>>();
  for (const { changes } of commits) {
    for (const { at, uuid, old, new: next } of changes) {
      let rows = net.get(at);
      if (rows === undefined) {
        rows = new Map();
        net.set(at, rows);
      }
      const earlier = rows.get(uuid);
      if (earlier === undefined) rows.set(uuid, { old, next });
      else earlier.next = next;
    }
  }
  const changes: TableChange[] = [];
  for (const [at, rows] of net) {
    for (const [uuid, { old, next }] of rows) {
      if (old === next) continue;
      changes.push({ at, table: at.name, uuid, old, new: next, columns: at.columns });
    }
  }
  return changes;
}
