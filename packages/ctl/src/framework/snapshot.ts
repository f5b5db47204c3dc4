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
  /** By table and uuid. */
  readonly #rows = new Map<string, Row>();

  constructor(schema: DatabaseSchema) {
    this.#schema = schema;
  }

  /** Records what the database answered, in the order in which it did. */
  add(query: Query, rows: readonly Row[]): void {
    this.#answers.set(queryKey(query), rows);
    if (query.kind === 'ids' || query.kind === 'column') return;
    for (const row of rows) this.#rows.set(`${query.table}|${row._uuid}`, row);
  }

  /** The rows of the database that answer the query, or undefined if that cannot be told from what was fetched. */
  answer(query: Query): readonly Row[] | undefined {
    const known = this.#answers.get(queryKey(query));
    if (known !== undefined) return known;
    const all = this.#answers.get(queryKey({ kind: 'all', table: query.table }));
    if (query.kind === 'uuid') {
      const row = this.#rows.get(`${query.table}|${query.uuid}`);
      return row === undefined ? all && [] : [row];
    }
    const table = this.#schema.tables[query.table]!;
    return all?.filter((row) => matches(query, row, table));
  }
}
