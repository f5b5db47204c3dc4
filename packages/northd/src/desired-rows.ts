/**
 * The desired rows of every output table but Logical_Flow, by natural key. A derivation's sink sets them; the writer takes what changed and makes
 * the database so.
 */

/** Column values; a column that is absent is not northd's to say. */
export type DesiredRow = { readonly [column: string]: unknown };

/**
 * The value of a column that refers to rows of its own, which nobody else refers to and which have no name: they are compared by content, and
 * replaced as a whole.
 */
export class Children {
  readonly table: string;
  readonly rows: readonly DesiredRow[];

  constructor(table: string, rows: readonly DesiredRow[]) {
    this.table = table;
    this.rows = rows;
  }
}

/** Which database a table is in. */
export type Database = 'nb' | 'sb';

export class DesiredTable {
  readonly database: Database;
  readonly table: string;
  readonly #rows = new Map<string, DesiredRow>();
  readonly #owners = new Map<string, object>();
  readonly #keys = new Map<object, string>();
  #changed = new Set<string>();

  constructor(database: Database, table: string) {
    this.database = database;
    this.table = table;
  }

  get(key: string): DesiredRow | undefined {
    return this.#rows.get(key);
  }

  get size(): number {
    return this.#rows.size;
  }

  [Symbol.iterator](): Iterator<[string, DesiredRow]> {
    return this.#rows[Symbol.iterator]();
  }

  set(key: string, row: DesiredRow | undefined): void {
    if (row === undefined) this.#rows.delete(key);
    else this.#rows.set(key, row);
    this.#changed.add(key);
  }

  /**
   * Sets the row that `owner` wants, under whatever key it has now; without a row, the owner wants none. For rows whose key is a name that another
   * object may take over in the same flush: an owner that lets go of a key does not disturb who has it since.
   */
  claim(owner: object, key: string | undefined, row: DesiredRow | undefined): void {
    const before = this.#keys.get(owner);
    if (before !== undefined && before !== key) {
      this.#keys.delete(owner);
      if (this.#owners.get(before) === owner) {
        this.#owners.delete(before);
        this.set(before, undefined);
      }
    }
    if (key === undefined || row === undefined) return;
    this.#keys.set(owner, key);
    this.#owners.set(key, owner);
    this.set(key, row);
  }

  /** Asks that the writer looks at this key again. */
  touch(key: string): void {
    this.#changed.add(key);
  }

  get hasChanged(): boolean {
    return this.#changed.size > 0;
  }

  takeChanged(): ReadonlySet<string> {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }
}

export class DesiredRows {
  readonly #tables = new Map<string, DesiredTable>();

  table(database: Database, table: string): DesiredTable {
    const name = `${database} ${table}`;
    let desired = this.#tables.get(name);
    if (desired === undefined) {
      desired = new DesiredTable(database, table);
      this.#tables.set(name, desired);
    }
    return desired;
  }

  tables(): Iterable<DesiredTable> {
    return this.#tables.values();
  }
}
