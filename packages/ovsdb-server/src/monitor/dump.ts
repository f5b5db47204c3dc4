/** What a monitor is told of many rows at once, above all its initial contents, in pieces, so that a large database neither blocks the others nor becomes one string. */
import type { Row } from '@weft/ovsdb/row';
import type { MemoryTable } from '../memory-table.ts';
import { type Piece, rowsPerPiece } from '../pieces.ts';
import type { MonitorView } from './view.ts';

/** A table smaller than this is not worth keeping serialised. One of some hundred switches is: each has hundreds of ports. */
const keepFrom = 32;

/** `<table-updates>` in pieces. They show the state of now, whenever they are made. */
export function dumpPieces(view: MonitorView): Piece[] {
  const pieces: Piece[] = ['{'];
  let tables = 0;
  for (const [table, { view: tableView, filter }] of view.tables) {
    if (!tableView.selects.initial || table.size === 0) continue;
    const rows: Piece[] = [];
    if (filter.everything && table.size >= keepFrom) rows.push(...tableView.pieces());
    else rows.push(...rowPieces([...filter.rows()], (row) => tableView.initial(row)));
    if (rows.length === 0) continue;
    if (tables++ > 0) pieces.push(',');
    pieces.push(...tablePieces(table, rows));
  }
  pieces.push('}');
  return pieces;
}

/** The updates of these rows. They are as the rows are now, whenever the pieces are made: rows are immutable. */
export function rowPieces(rows: readonly Row[], text: (row: Row) => string | undefined): Piece[] {
  const pieces: Piece[] = [];
  for (let start = 0; start < rows.length; start += rowsPerPiece) {
    const part = rows.slice(start, start + rowsPerPiece);
    pieces.push(() => part.map((row) => `"${row._uuid}":${text(row)}`).join(','));
  }
  return pieces;
}

/** `"TABLE":{row updates}` */
export function tablePieces(table: MemoryTable, rows: readonly Piece[]): Piece[] {
  const pieces: Piece[] = [`${JSON.stringify(table.name)}:{`];
  rows.forEach((piece, i) => {
    if (i > 0) pieces.push(',');
    pieces.push(piece);
  });
  pieces.push('}');
  return pieces;
}
