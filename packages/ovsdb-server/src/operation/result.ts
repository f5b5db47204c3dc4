/** The result of an operation, as JSON text. That of a large `select` is in pieces, which are made when they leave: rows are immutable. */
import type { Piece } from '../monitor/dump.ts';

export type ResultText = string | readonly Piece[];

/** All of an array of results, as one text. */
export function wholeText(results: readonly ResultText[]): string {
  const texts = results.map((result) =>
    typeof result === 'string'
      ? result
      : result.map((piece) => (typeof piece === 'function' ? piece() : piece)).join(''),
  );
  return `[${texts.join(',')}]`;
}

/** The same in pieces; undefined if none of the results is large. */
export function largeText(results: readonly ResultText[]): Piece[] | undefined {
  if (results.every((result) => typeof result === 'string')) return undefined;
  const pieces: Piece[] = [];
  for (const [i, result] of results.entries()) {
    pieces.push(i === 0 ? '[' : ',');
    if (typeof result === 'string') pieces.push(result);
    else for (const piece of result) pieces.push(piece);
  }
  pieces.push(']');
  return pieces;
}
