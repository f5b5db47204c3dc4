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
    return this.rowsOf(this.clauses.values(), (row) => this.matches(row));
  }

  /** The rows for which one of `clauses` may hold and `test` does, each once. */
  *rowsOf(clauses: Iterable<FilterClause>, test: (row: Row) => boolean): Iterable<Row> {
    for (const row of this.#candidates([...clauses])) if (test(row)) yield row;
  }

  /** Each once, though many clauses may lead to it: those of a map, of which only the key is looked up. */
  #candidates(clauses: readonly FilterClause[]): Iterable<Row> {
    const candidates = new Set<Row>();
    const lookedUp = new Map<string, Set<Atom>>();
    // No index can tell which rows one of them wants, so look at all, and at once for all clauses.
    if (clauses.some(({ atom }) => atom === undefined)) return this.table.rows();
    for (const { clause, atom } of clauses) {
      const atoms = lookedUp.get(clause.column) ?? new Set();
      lookedUp.set(clause.column, atoms);
      if (atoms.has(atom!)) continue;
      atoms.add(atom!);
      const rows = this.table.rowsFor(clause);
      if (rows === undefined) return this.table.rows();
      for (const row of rows) candidates.add(row);
    }
    return candidates;
  }
}
