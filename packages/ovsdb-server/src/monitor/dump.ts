/** The initial contents of a monitor, in pieces, so that a large database neither blocks the others nor becomes one string. */
import type { MonitorView } from './view.ts';

/** Rows that are serialised without looking at the clock. */
const rowsPerPiece = 500;

export type Piece = string | Buffer | (() => string | Buffer | undefined);

/** A table smaller than this is not worth keeping serialised. */
const keepFrom = 256;

/** `<table-updates>` in pieces. They show the state of now, whenever they are made. */
export function dumpPieces(view: MonitorView): Piece[] {
  const pieces: Piece[] = ['{'];
  let tables = 0;
  for (const [table, { view: tableView, filter }] of view.tables) {
    if (!tableView.selects.initial || table.size === 0) continue;
    const rows: Piece[] = [];
    if (filter.everything && table.size >= keepFrom) rows.push(...tableView.pieces());
    else {
      const wanted = [...filter.rows()];
      for (let start = 0; start < wanted.length; start += rowsPerPiece) {
        const part = wanted.slice(start, start + rowsPerPiece);
        rows.push(() => part.map((row) => `"${row._uuid}":${tableView.initial(row)}`).join(','));
      }
    }
    if (rows.length === 0) continue;
    pieces.push(`${tables++ === 0 ? '' : ','}${JSON.stringify(table.name)}:{`);
    rows.forEach((piece, i) => {
      if (i > 0) pieces.push(',');
      pieces.push(piece);
    });
    pieces.push('}');
  }
  pieces.push('}');
  return pieces;
}
