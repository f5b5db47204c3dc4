/** The rows that have been fetched, and which questions they answer. */
import type { Row } from '@weft/ovsdb/row';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { matches, type Query, queryKey } from './query.ts';

/** Thrown by a read whose answer is not there yet: whoever runs the command fetches it, and runs the command again. */
export class MissingRows extends Error {
  override name = 'MissingRows';
  readonly queries: readonly Query[];

  constructor(queries: readonly Query[]) {
    super('rows are missing');
    this.queries = queries;
  }
}

/** The rows that queries were answered with, all of one state of the database. */
export class Snapshot {
  readonly #schema: DatabaseSchema;
  readonly #answers = new Map<string, readonly Row[]>();
  /** The answers that have all columns that commands read, by table. */
  readonly #whole = new Map<string, (readonly Row[])[]>();
  /** The rows of a table by uuid; made when one is asked for. */
  readonly #rows = new Map<string, Map<string, Row>>();

  constructor(schema: DatabaseSchema) {
    this.#schema = schema;
  }

  /** Records what the database answered, in the order in which it did. */
  add(query: Query, rows: readonly Row[]): void {
    this.#answers.set(queryKey(query), rows);
    if (query.kind === 'ids' || query.kind === 'column') return;
    const whole = this.#whole.get(query.table);
    if (whole === undefined) this.#whole.set(query.table, [rows]);
    else whole.push(rows);
    this.#rows.delete(query.table);
  }

  /** The rows of the database that answer the query, or undefined if that cannot be told from what was fetched. */
  answer(query: Query): readonly Row[] | undefined {
    if (query.kind === 'uuid') {
      const row = this.#rowsOf(query.table).get(query.uuid);
      if (row !== undefined) return [row];
    }
    const known = this.#answers.get(queryKey(query));
    if (known !== undefined) return known;
    const all = this.#answers.get(queryKey({ kind: 'all', table: query.table }));
    if (query.kind === 'uuid') return all && [];
    const table = this.#schema.tables[query.table]!;
    return all?.filter((row) => matches(query, row, table));
  }

  #rowsOf(table: string): ReadonlyMap<string, Row> {
    let rows = this.#rows.get(table);
    if (rows === undefined) {
      rows = new Map();
      for (const answer of this.#whole.get(table) ?? []) for (const row of answer) rows.set(row._uuid, row);
      this.#rows.set(table, rows);
    }
    return rows;
  }
}
