/** The rows that have been fetched, and which questions they answer. */
import type { Row } from '@weft/ovsdb/row';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import { isOrdered, matches, type Query, queryKey } from './query.ts';

/** What the database answered. */
export interface Answer {
  readonly rows: readonly Row[];
  /** For a query that asks for an order: the uuids that entered a C program's replica of the table (`entryOrder`); absent: those of the rows, as they stand. */
  readonly entered?: readonly Uuid[] | undefined;
}

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
  readonly #entered = new Map<string, readonly Uuid[] | undefined>();
  /** The answers that have all columns that commands read, by table. */
  readonly #whole = new Map<string, (readonly Row[])[]>();
  /** The rows of a table by uuid; made when one is asked for. */
  readonly #rows = new Map<string, Map<string, Row>>();

  constructor(schema: DatabaseSchema) {
    this.#schema = schema;
  }

  /** Records what the database answered. */
  add(query: Query, { rows, entered }: Answer): void {
    this.#answers.set(queryKey(query), rows);
    if (isOrdered(query)) this.#entered.set(query.table, entered);
    if (query.kind === 'ids' || query.kind === 'column') return;
    const whole = this.#whole.get(query.table);
    if (whole === undefined) this.#whole.set(query.table, [rows]);
    else whole.push(rows);
    this.#rows.delete(query.table);
  }

  /** The rows of the database that answer the query, in any order, or undefined if that cannot be told from what was fetched. */
  answer(query: Query): readonly Row[] | undefined {
    if (query.kind === 'uuid') {
      const row = this.find(query.table, query.uuid);
      if (row !== undefined) return [row];
    }
    const known = this.#answers.get(queryKey(query));
    if (known !== undefined || query.kind === 'all') return known;
    const { table } = query;
    const all = this.#answers.get(queryKey({ kind: 'all', table }));
    if (query.kind === 'ids') return all;
    const rows = all ?? this.#answers.get(queryKey({ kind: 'rows', table }));
    if (query.kind === 'uuid') return rows && [];
    return rows?.filter((row) => matches(query, row, this.#schema.tables[table]!));
  }

  /** A row that was fetched with all columns that commands read. */
  find(table: string, uuid: Uuid): Row | undefined {
    return this.#rowsOf(table).get(uuid);
  }

  /** The uuids that entered a C program's replica of the table, where they are not those of what answers a query of kind `all` or `ids`, as it stands. */
  entered(table: string): readonly Uuid[] | undefined {
    return this.#entered.get(table);
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
