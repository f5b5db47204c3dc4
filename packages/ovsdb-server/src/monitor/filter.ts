/** Which rows of a table a conditional monitor wants: one clause must hold. Finds them by indexes as far as the clauses allow. */
import type { Atom } from '@weft/ovsdb/atom';
import type { Clause, Condition } from '@weft/ovsdb/condition';
import type { Row } from '@weft/ovsdb/row';
import { indexableAtom, type MemoryTable } from '../memory-table.ts';
import { datumKey } from '../unique-index.ts';
import { AnyOf } from './any-of.ts';

/** A clause with the atom that every row for which it holds has in the column, if there is one. */
export interface FilterClause {
  readonly key: string;
  readonly clause: Clause;
  readonly atom: Atom | undefined;
}

export class TableFilter {
  readonly table: MemoryTable;
  /** All rows are wanted. */
  readonly everything: boolean;
  readonly clauses: ReadonlyMap<string, FilterClause>;
  readonly #anyOf: AnyOf;

  constructor(table: MemoryTable, condition: Condition) {
    this.table = table;
    const clauses = new Map<string, FilterClause>();
    for (const clause of condition) {
      if (typeof clause === 'boolean') continue;
      // A column's name and a function's have no space, and the value comes last.
      const key = `${clause.column} ${clause.function} ${datumKey(clause.argument)}`;
      if (!clauses.has(key)) clauses.set(key, { key, clause, atom: indexableAtom(table.schema, clause) });
    }
    this.clauses = clauses;
    const tested = [...clauses.values()].map(({ clause }) => clause);
    this.#anyOf = new AnyOf(tested, table.read);
    this.everything = condition.length === 0 || condition.includes(true) || this.#anyOf.always;
  }

  get key(): string {
    return this.everything ? 'true' : [...this.clauses.keys()].sort().join();
  }

  matches(row: Row): boolean {
    return this.everything || this.#anyOf.holds(row);
  }

  /** The rows that match, found through indexes as far as the clauses allow. */
  rows(): Iterable<Row> {
    if (this.everything) return this.table.rows();
    return this.rowsOf([...this.clauses.values()], (row) => this.matches(row));
  }

  /** The rows for which one of `clauses` may hold and `test` does, each once. */
  *rowsOf(clauses: readonly FilterClause[], test: (row: Row) => boolean): Iterable<Row> {
    // If one of them has to look at all rows, no other need be looked up.
    const hopeless = clauses.find(({ atom }) => atom === undefined);
    const named = hopeless === undefined ? clauses : [hopeless];
    for (const row of this.table.candidatesForAny(named.map(({ clause }) => clause))) if (test(row)) yield row;
  }
}
