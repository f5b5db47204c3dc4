/** Rows and their changes. */
import type { Datum } from './datum.ts';
import type { Uuid } from './uuid.ts';

/** An immutable row: a property for each column. A changed row shares the values of the columns that did not change. */
export interface Row {
  readonly _uuid: Uuid;
  readonly [column: string]: Datum;
}

/** Inserted if only `new` is there, deleted if only `old` is, else modified. */
export interface RowChange<R extends Row = Row> {
  readonly table: string;
  readonly uuid: Uuid;
  readonly old?: R;
  readonly new?: R;
}
