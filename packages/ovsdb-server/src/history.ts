/** The last transactions, for clients that reconnect and ask what happened meanwhile (ovsdb-server(7) section 4.1.15). */
import type { Atom } from '@weft/ovsdb/atom';
import { type Datum, datumsEqual, differingRange } from '@weft/ovsdb/datum';
import { differingKeys } from '@weft/ovsdb/differing-keys';
import type { Row } from '@weft/ovsdb/row';
import { type Uuid, zeroUuid } from '@weft/ovsdb/uuid';
import { type TableChange, union } from './changes.ts';
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

interface Entry {
  readonly committed: Committed;
  /** About how many bytes it keeps alive. */
  readonly weight: number;
}

export class History {
  /** Names the state before the first entry. */
  #first: Uuid;
  /** Of which the first `#dropped` are gone: to move all the others up for each would cost more than all else here. */
  #entries: (Entry | undefined)[] = [];
  #dropped = 0;
  #changes = 0;
  #bytes = 0;
  /** What `since` found last: all who lose their connection at once ask for the same. */
  #asked: { readonly id: Uuid; readonly changes: readonly TableChange[] } | undefined;

  /** `first` names the state that the database was loaded in. */
  constructor(first: Uuid) {
    this.#first = first;
  }

  get lastId(): Uuid {
    return this.#entries.at(-1)?.committed.id ?? this.#first;
  }

  get length(): number {
    return this.#entries.length - this.#dropped;
  }

  add(committed: Committed): void {
    this.#asked = undefined;
    let weight = 0;
    for (const change of committed.changes) weight += keptBytes(change);
    this.#entries.push({ committed, weight });
    this.#bytes += weight;
    this.#changes += committed.changes.length;
    while (
      this.length > maxTransactions ||
      ((this.#changes > maxChanges || this.#bytes > maxBytes) && this.length > 1)
    ) {
      this.#drop();
    }
  }

  #drop(): void {
    const { committed, weight } = this.#entries[this.#dropped]!;
    this.#entries[this.#dropped++] = undefined;
    this.#bytes -= weight;
    this.#changes -= committed.changes.length;
    this.#first = committed.id;
    if (this.#dropped < maxTransactions) return;
    this.#entries = this.#entries.slice(this.#dropped);
    this.#dropped = 0;
  }

  /** The net changes after the transaction `id`, or undefined if it is not known. */
  since(id: Uuid): readonly TableChange[] | undefined {
    // What a client sends that has nothing yet.
    if (id === zeroUuid) return undefined;
    if (id === this.lastId) return [];
    if (this.#asked?.id === id) return this.#asked.changes;
    const index =
      id === this.#first ? this.#dropped - 1 : this.#entries.findIndex((entry) => entry?.committed.id === id);
    if (index === -1 && id !== this.#first) return undefined;
    const changes = compose(this.#entries.slice(index + 1).map((entry) => entry!.committed));
    this.#asked = { id, changes };
    return changes;
  }

  /** The present state is known by another name, which need not be remembered by the old one. */
  rename(id: Uuid): void {
    if (id !== this.lastId) this.add({ id, changes: [] });
  }

  restart(id: Uuid): void {
    this.#asked = undefined;
    this.#first = id;
    this.#entries = [];
    this.#dropped = 0;
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
    bytes += valueBytes(value, next?.[column]);
  }
  return bytes;
}

/** About the memory of a value, without the texts that it shares with the value that took its place. */
function valueBytes(value: Datum, next: Datum): number {
  if (typeof value === 'string') return value.length;
  let bytes = 0;
  if (Array.isArray(value)) {
    const atoms = value as readonly Atom[];
    bytes = 8 * atoms.length;
    if (typeof atoms[0] !== 'string') return bytes;
    const { start, endA } = differingRange(atoms, Array.isArray(next) ? (next as readonly Atom[]) : []);
    for (let i = start; i < endA; i++) bytes += textBytes(atoms[i]);
  } else if (value instanceof Map) {
    const map = value as ReadonlyMap<Atom, Atom>;
    bytes = 64 * map.size;
    const changed = next instanceof Map ? differingKeys(map, next as ReadonlyMap<Atom, Atom>) : map.keys();
    for (const key of changed) if (map.has(key)) bytes += textBytes(key) + textBytes(map.get(key));
  }
  return bytes;
}

function textBytes(atom: Atom | undefined): number {
  return typeof atom === 'string' ? atom.length : 0;
}

/** Several transactions as one: each row once, from its first state to its last. Of a column that went there and back nobody hears. */
export function compose(commits: readonly Committed[]): readonly TableChange[] {
  if (commits.length === 1) return commits[0]!.changes;
  const net = new NetChanges();
  for (const { changes } of commits) net.add(changes);
  return net.changes();
}

/** The same, of transactions that come one by one: each costs as much as it changed, however many came before it. */
export class NetChanges {
  readonly #tables = new Map<MemoryTable, Map<Uuid, NetChange>>();

  /** Rows of which no change is `wanted` are left out. */
  add(changes: readonly TableChange[], wanted: (change: TableChange) => boolean = () => true): void {
    for (const change of changes) {
      const { at, uuid, old, new: next, columns } = change;
      const known = this.#tables.get(at);
      const earlier = known?.get(uuid);
      // Of a row that came and went nothing is left: a client that reads no more may not read for weeks.
      if (earlier !== undefined && earlier.old === undefined && next === undefined) known?.delete(uuid);
      else if (earlier !== undefined) {
        earlier.next = next;
        earlier.columns = union(earlier.columns, columns);
      } else if (wanted(change)) {
        let rows = known;
        if (rows === undefined) {
          rows = new Map();
          this.#tables.set(at, rows);
        }
        rows.set(uuid, { old, next, columns });
      }
    }
  }

  /** How many rows it knows of. */
  get size(): number {
    let size = 0;
    for (const rows of this.#tables.values()) size += rows.size;
    return size;
  }

  changes(): readonly TableChange[] {
    const changes: TableChange[] = [];
    for (const [at, rows] of this.#tables) {
      for (const [uuid, { old, next, columns }] of rows) {
        if (old === next) continue;
        const differing =
          old === undefined || next === undefined
            ? columns
            : columns.filter((column) => !datumsEqual(old[column], next[column]));
        changes.push({ at, table: at.name, uuid, old, new: next, columns: differing });
      }
    }
    return changes;
  }
}

interface NetChange {
  readonly old: Row | undefined;
  next: Row | undefined;
  columns: readonly string[];
}
