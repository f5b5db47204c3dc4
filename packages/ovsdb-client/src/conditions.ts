/**
 * Which rows of each table the server sends: wanted, asked for, and granted. A change is asked for while another is on its way at most once;
 * what comes meanwhile is gathered (as the protocol wants it: ovsdb-server(7) section 4.1.13).
 */
import type { Json } from '@weft/ovsdb/json';
import type { DatabaseSchema, TableName } from '@weft/ovsdb/schema';

/** `[column, function, value]` (RFC 7047 section 5.1), the value in JSON: `['uuid', row._uuid]`, `['set', []]`. */
export type Clause<C extends string = string> = readonly [
  column: C | '_uuid',
  test: '<' | '<=' | '==' | '!=' | '>=' | '>' | 'includes' | 'excludes',
  value: Json,
];

/** Clauses of which one must hold; of no clauses none does. `true`: all rows. `false`: none. */
export type TableCondition<C extends string = string> = readonly (Clause<C> | boolean)[] | boolean;

/** For each table that is named, another condition. */
export type TableConditions<D extends DatabaseSchema> = {
  readonly [T in TableName<D>]?: TableCondition<keyof D['tables'][T]['columns'] & string>;
};

/** A condition as monitor_cond writes it (ovsdb-server(7), section 4.1.12). */
export function conditionJson(condition: TableCondition): readonly Json[] {
  if (typeof condition === 'boolean') return [condition];
  // An empty list means "all rows" to a server; somebody who wants a list of clauses, and has none, wants no rows.
  return condition.length === 0 ? [false] : condition;
}

export class Conditions {
  readonly #wanted = new Map<string, string>();
  #granted = new Map<string, string>();
  #asked: Map<string, string> | undefined;

  /** Returns true if that differs from what was wanted before. */
  want(table: string, condition: TableCondition): boolean {
    const text = JSON.stringify(conditionJson(condition));
    if ((this.#wanted.get(table) ?? '[true]') === text) return false;
    this.#wanted.set(table, text);
    return true;
  }

  /** A change is on its way. */
  get busy(): boolean {
    return this.#asked !== undefined;
  }

  /** Everything wanted is granted. */
  get settled(): boolean {
    return this.#asked === undefined && this.#differences().length === 0;
  }

  /** What to ask for next: tables whose condition is not granted yet; undefined if there are none or a change is on its way. */
  next(): { readonly [table: string]: readonly Json[] } | undefined {
    if (this.#asked !== undefined) return undefined;
    const tables = this.#differences();
    if (tables.length === 0) return undefined;
    this.#asked = new Map(this.#wanted);
    return Object.fromEntries(tables.map((table) => [table, this.wanted(table)]));
  }

  answered(): void {
    if (this.#asked !== undefined) this.#granted = this.#asked;
    this.#asked = undefined;
  }

  /** The server has refused the change: what was granted is wanted again, where nothing else is by now. */
  refused(): void {
    for (const [table, text] of this.#asked ?? []) {
      if (this.#wanted.get(table) === text) this.#wanted.set(table, this.#granted.get(table) ?? '[true]');
    }
  }

  /**
   * The connection was lost. Returns true if the rows at hand are those of the granted conditions; if a change was on its way, nobody knows which
   * of its rows have come.
   */
  lost(): boolean {
    const known = this.#asked === undefined;
    this.#asked = undefined;
    return known;
  }

  /** A monitor begins from nothing: with what is wanted. */
  restart(): void {
    this.#granted = new Map(this.#wanted);
    this.#asked = undefined;
  }

  granted(table: string): readonly Json[] {
    return JSON.parse(this.#granted.get(table) ?? '[true]') as readonly Json[];
  }

  wanted(table: string): readonly Json[] {
    return JSON.parse(this.#wanted.get(table) ?? '[true]') as readonly Json[];
  }

  #differences(): string[] {
    const tables: string[] = [];
    for (const [table, text] of this.#wanted) if ((this.#granted.get(table) ?? '[true]') !== text) tables.push(table);
    return tables;
  }
}
