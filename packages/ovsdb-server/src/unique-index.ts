/** One of a schema's `indexes`: no two rows may agree in all its columns (RFC 7047 section 3.2). Inside a transaction they may. */
import type { Datum } from '@weft/ovsdb/datum';
import type { Row } from '@weft/ovsdb/row';
import type { Uuid } from '@weft/ovsdb/uuid';

export class UniqueIndex {
  readonly columns: readonly string[];
  /** More than one only within a transaction, but then it may be all rows. */
  readonly #owners = new Map<unknown, Uuid | Set<Uuid>>();

  constructor(columns: readonly string[]) {
    this.columns = columns;
  }

  update(uuid: Uuid, old: Row | undefined, next: Row | undefined): void {
    const before = old === undefined ? undefined : this.#key(old);
    const after = next === undefined ? undefined : this.#key(next);
    if (before === after) return;
    if (before !== undefined) this.#remove(before, uuid);
    if (after !== undefined) this.#add(after, uuid);
  }

  /** The first other row that agrees with `row`, which is in the index itself; undefined if there is none. */
  otherOwner(row: Row): Uuid | undefined {
    const owners = this.#owners.get(this.#key(row));
    if (typeof owners === 'object') for (const owner of owners) if (owner !== row._uuid) return owner;
    return undefined;
  }

  /** A string column is its own key; anything else becomes text that is equal exactly for equal values. */
  #key(row: Row): unknown {
    if (this.columns.length === 1) {
      const only = row[this.columns[0]!];
      if (typeof only === 'string') return only;
    }
    let key = '\u0000';
    for (const column of this.columns) key += `${datumKey(row[column])}\u0000`;
    return key;
  }

  #add(key: unknown, uuid: Uuid): void {
    const owners = this.#owners.get(key);
    if (owners === undefined) this.#owners.set(key, uuid);
    else if (typeof owners === 'string') this.#owners.set(key, new Set([owners, uuid]));
    else owners.add(uuid);
  }

  #remove(key: unknown, uuid: Uuid): void {
    const owners = this.#owners.get(key);
    if (owners === uuid) this.#owners.delete(key);
    else if (typeof owners === 'object') {
      owners.delete(uuid);
      if (owners.size === 0) this.#owners.delete(key);
    }
  }
}

/** Text that is equal for equal values of one column, and for no others. */
export function datumKey(datum: Datum): string {
  if (typeof datum === 'string') return JSON.stringify(datum);
  if (Array.isArray(datum)) return `[${(datum as readonly Datum[]).map(datumKey).join(',')}]`;
  if (datum instanceof Map) return `{${[...datum].map(([k, v]) => `${datumKey(k)}:${datumKey(v)}`).join(',')}}`;
  return String(datum);
}
