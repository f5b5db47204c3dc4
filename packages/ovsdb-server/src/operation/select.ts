/** RFC 7047 section 5.2.2. */
import { type Atom, compareAtoms } from '@weft/ovsdb/atom';
import { typeOfColumn } from '@weft/ovsdb/condition';
import { atomsOf, type Datum } from '@weft/ovsdb/datum';
import type { Row } from '@weft/ovsdb/row';
import type { MemoryTable } from '../memory-table.ts';
import { type Piece, rowsPerPiece, type Text } from '../pieces.ts';
import { type OperationContext, parseColumns, tableOf, whereOf } from './context.ts';
import type { Members } from './members.ts';

/** Returns the result as JSON text; it is of the rows as they are now, whenever its pieces are made. Errors: those of `parseCondition` and of `parseColumns`. */
export function select(context: OperationContext, members: Members): Text {
  const table = tableOf(context, members);
  const where = members.array('where');
  const columnsJson = members.has('columns') ? members.array('columns') : undefined;
  // No document has it, but ovsdb-server takes it.
  const sortJson = members.has('sort') ? members.array('sort') : undefined;
  members.end();

  const condition = whereOf(context, table, where);
  const columns = columnsJson === undefined ? table.allColumns : parseColumns(table, columnsJson);
  const sort = sortJson === undefined ? [] : parseColumns(table, sortJson);
  const rows = table.matching(condition);
  if (sort.length > 0) rows.sort(orderBy(table, sort));
  // Like a relation, a result has no row twice.
  const shown = columns.includes('_uuid') ? undefined : new Set<string>();
  let separator = '';
  const part = (start: number): string => {
    let texts = '';
    for (const row of rows.slice(start, start + rowsPerPiece)) {
      const text = table.text.object(row, columns, false);
      if (shown?.has(text)) continue;
      shown?.add(text);
      texts += separator + text;
      separator = ',';
    }
    return texts;
  };
  if (rows.length <= rowsPerPiece) return `{"rows":[${part(0)}]}`;
  const pieces: Piece[] = [];
  for (let start = 0; start < rows.length; start += rowsPerPiece) pieces.push(() => part(start));
  return ['{"rows":[', ...pieces, ']}'];
}

/** Ascending by each of the columns in turn; a shorter set or map before a longer one. */
function orderBy(table: MemoryTable, columns: readonly string[]): (a: Row, b: Row) => number {
  const types = columns.map((column) => typeOfColumn(table.schema, column)!);
  return (a, b) => {
    for (const [i, column] of columns.entries()) {
      const [x, y] = [table.read(a, column), table.read(b, column)];
      const order =
        compareLists(atomsOf(types[i]!, x), atomsOf(types[i]!, y)) || compareLists(valuesOf(x), valuesOf(y));
      if (order !== 0) return order;
    }
    return 0;
  };
}

function valuesOf(datum: Datum): readonly Atom[] {
  return datum instanceof Map ? [...(datum as ReadonlyMap<Atom, Atom>).values()] : [];
}

function compareLists(a: readonly Atom[], b: readonly Atom[]): number {
  if (a.length !== b.length) return a.length - b.length;
  for (const [i, atom] of a.entries()) {
    const order = compareAtoms(atom, b[i]!);
    if (order !== 0) return order;
  }
  return 0;
}
