/** RFC 7047 section 5.2.2. */
import { type Atom, compareAtoms } from '@weft/ovsdb/atom';
import { typeOfColumn } from '@weft/ovsdb/condition';
import { atomsOf, type Datum } from '@weft/ovsdb/datum';
import type { Row } from '@weft/ovsdb/row';
import type { MemoryTable } from '../memory-table.ts';
import type { Piece } from '../monitor/dump.ts';
import { type OperationContext, parseColumns, tableOf, whereOf } from './context.ts';
import type { Members } from './members.ts';
import type { ResultText } from './result.ts';

/** A result of more rows is in pieces. */
const manyRows = 2000;
/** Rows of a piece. */
const rowsPerPiece = 250;

/** Errors: those of `parseCondition` and of `parseColumns`. */
export function select(context: OperationContext, members: Members): ResultText {
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
  if (rows.length > manyRows && columns.includes('_uuid')) return inPieces(table, rows, columns);
  const texts = rows.map((row) => table.text.object(row, columns, false));
  // Like a relation, a result has no row twice.
  return `{"rows":[${(columns.includes('_uuid') ? texts : [...new Set(texts)]).join(',')}]}`;
}

function inPieces(table: MemoryTable, rows: readonly Row[], columns: readonly string[]): Piece[] {
  const pieces: Piece[] = [];
  for (let start = 0; start < rows.length; start += rowsPerPiece) {
    pieces.push(() => {
      let text = start === 0 ? '{"rows":[' : ',';
      const end = Math.min(start + rowsPerPiece, rows.length);
      for (let i = start; i < end; i++)
        text += `${i === start ? '' : ','}${table.text.object(rows[i]!, columns, false)}`;
      return text;
    });
  }
  pieces.push(']}');
  return pieces;
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
