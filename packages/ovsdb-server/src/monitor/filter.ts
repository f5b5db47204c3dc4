/** Which rows of a table a conditional monitor wants: one clause must hold. Tests by hash as far as the clauses allow. */
import type { Atom } from '@weft/ovsdb/atom';
import { type Clause, type Condition, conditionToJson, holds, typeOfColumn } from '@weft/ovsdb/condition';
import type { Datum } from '@weft/ovsdb/datum';
import type { Row } from '@weft/ovsdb/row';
import { indexableAtom, type MemoryTable } from '../memory-table.ts';

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
  /** For clauses that hold exactly if the column holds the atom. */
  readonly #exact = new Map<string, Set<Atom>>();
  /** For clauses that hold exactly if the map in the column has the pair: by key, the values. */
  readonly #pairs = new Map<string, Map<Atom, Set<Atom>>>();
  readonly #others: Clause[] = [];

  constructor(table: MemoryTable, condition: Condition) {
    this.table = table;
    this.everything = condition.length === 0 || condition.includes(true);
    const clauses = new Map<string, FilterClause>();
    for (const clause of condition) {
      if (typeof clause === 'boolean') continue;
      const key = JSON.stringify(conditionToJson([clause]), (_, value: unknown) =>
        typeof value === 'bigint' ? value.toString() : value,
      );
      if (clauses.has(key)) continue;
      const atom = indexableAtom(table.schema, clause);
      clauses.set(key, { key, clause, atom });
      const pair = pairOf(clause);
      if (pair !== undefined) {
        const [key, value] = pair;
        const values = this.#pairs.get(clause.column) ?? new Map<Atom, Set<Atom>>();
        this.#pairs.set(clause.column, values);
        values.set(key, (values.get(key) ?? new Set()).add(value));
      } else if (atom !== undefined && isExact(table, clause)) {
        const atoms = this.#exact.get(clause.column) ?? new Set();
        atoms.add(atom);
        this.#exact.set(clause.column, atoms);
      } else this.#others.push(clause);
    }
    this.clauses = clauses;
  }

  get key(): string {
    return this.everything ? 'true' : [...this.clauses.keys()].sort().join();
  }

  matches(row: Row): boolean {
    if (this.everything) return true;
    for (const [column, atoms] of this.#exact) {
      const datum: Datum = row[column];
      if (Array.isArray(datum)) {
        for (const atom of datum as readonly Atom[]) if (atoms.has(atom)) return true;
      } else if (datum !== undefined && atoms.has(datum as Atom)) return true;
    }
    for (const [column, values] of this.#pairs) {
      const map = row[column] as ReadonlyMap<Atom, Atom>;
      for (const [key, wanted] of values) {
        const value = map.get(key);
        if (value !== undefined && wanted.has(value)) return true;
      }
    }
    return this.#others.some((clause) => holds(clause, row, this.table.read));
  }

  /** The rows that match, found through indexes as far as the clauses allow. */
  rows(): Iterable<Row> {
    if (this.everything) return this.table.rows();
    return this.rowsOf(this.clauses.values(), (row) => this.matches(row));
  }

  /** The rows for which one of `clauses` may hold and `test` does, each once. */
  rowsOf(clauses: Iterable<FilterClause>, test: (row: Row) => boolean): Iterable<Row> {
    const found = new Set<Row>();
    // Many clauses may lead to the same rows: those of a map, of which only the key is looked up. Each is tested once, for a test may look at all clauses.
    const tested = new Set<Row>();
    const lookedUp = new Map<string, Set<Atom>>();
    for (const { clause, atom } of clauses) {
      const atoms = lookedUp.get(clause.column) ?? new Set();
      lookedUp.set(clause.column, atoms);
      if (atom !== undefined && atoms.has(atom)) continue;
      const candidates = this.table.rowsFor(clause);
      if (candidates === undefined) {
        // No index can tell, so look at all rows, and at once for all clauses.
        const rows: Row[] = [];
        for (const row of this.table.rows()) if (test(row)) rows.push(row);
        return rows;
      }
      if (atom !== undefined) atoms.add(atom);
      for (const row of candidates) {
        if (tested.has(row)) continue;
        tested.add(row);
        if (test(row)) found.add(row);
      }
    }
    return found;
  }
}

/** True if the clause holds exactly for the rows whose column holds its one atom. */
function isExact(table: MemoryTable, clause: Clause): boolean {
  const kind = typeOfColumn(table.schema, clause.column)?.kind;
  if (kind === 'scalar' || kind === 'optional') return true;
  return (
    kind === 'set' && clause.function === 'includes' && !(Array.isArray(clause.argument) && clause.argument.length > 1)
  );
}

/** The one pair that a map must have for the clause to hold, if that is what it says. */
function pairOf(clause: Clause): readonly [Atom, Atom] | undefined {
  if (clause.function !== 'includes' || !(clause.argument instanceof Map) || clause.argument.size !== 1)
    return undefined;
  return (clause.argument as ReadonlyMap<Atom, Atom>).entries().next().value;
}
