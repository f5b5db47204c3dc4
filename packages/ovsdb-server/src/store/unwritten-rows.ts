/** The rows that the SQL tables of a store lack, up to some transaction: of a row that changed several times, the last state. */
import type { Row } from '@weft/ovsdb/row';
import { type Uuid, zeroUuid } from '@weft/ovsdb/uuid';
import { union } from '../changes.ts';

export interface UnwrittenRow {
  readonly table: string;
  readonly uuid: Uuid;
  /** Undefined: it has been deleted. */
  row: Row | undefined;
  /** Number of the transaction that wrote or deleted it. */
  sequence: number;
  /** Its table has none of that uuid. */
  readonly isNew: boolean;
  /** In all others it is as in its table or, if it is new, has its defaults. Undefined: it may differ in any, and its table may have it or not. */
  columns: readonly string[] | undefined;
}

export class UnwrittenRows {
  /** Number and id of the last transaction whose rows these are. */
  sequence: number;
  id: Uuid = zeroUuid;
  readonly #tables = new Map<string, Map<Uuid, UnwrittenRow>>();

  /** `sequence`: of the last transaction of which nothing is lacking. */
  constructor(sequence: number) {
    this.sequence = sequence;
  }

  get size(): number {
    let size = 0;
    for (const rows of this.#tables.values()) size += rows.size;
    return size;
  }

  /** The transaction after the last one has written or (without `row`) deleted a row. */
  add(table: string, uuid: Uuid, row: Row | undefined, isNew: boolean, columns?: readonly string[]): void {
    const sequence = this.sequence + 1;
    let rows = this.#tables.get(table);
    if (rows === undefined) {
      rows = new Map();
      this.#tables.set(table, rows);
    }
    const known = rows.get(uuid);
    if (known === undefined) {
      rows.set(uuid, { table, uuid, row, sequence, isNew, columns });
      return;
    }
    // A deletion names all columns, so of a row that comes again all are written.
    known.columns = known.columns === undefined || columns === undefined ? undefined : union(known.columns, columns);
    known.row = row;
    known.sequence = sequence;
  }

  /** All rows of that transaction have been added. */
  end(id: Uuid): void {
    this.sequence++;
    this.id = id;
  }

  /**
   * Table by table, by uuid: neighbours in a table share pages, and pages are what a commit costs. They are sorted a part at a time, since of many rows it
   * takes long.
   */
  *inOrder(): Generator<UnwrittenRow, undefined> {
    for (const rows of this.#tables.values()) {
      const parts: UnwrittenRow[][] = Array.from({ length: 256 }, () => []);
      for (const row of rows.values()) parts[Number.parseInt(row.uuid.slice(0, 2), 16)]!.push(row);
      for (const part of parts) yield* part.sort((a, b) => (a.uuid < b.uuid ? -1 : 1));
    }
  }
}
