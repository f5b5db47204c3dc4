/** Texts that may be long. In pieces, each made when its turn comes, they neither block the others nor become one string, whose length V8 limits. */

export type Piece = string | Buffer | (() => string | Buffer | undefined);

/** One string is the usual case; pieces follow each other without anything between them. */
export type Text = string | readonly Piece[];

/** Rows that are serialised without looking at the clock. */
export const rowsPerPiece = 500;

/** A JSON array of these. */
export function arrayText(elements: readonly Text[]): Text {
  if (elements.every((element) => typeof element === 'string')) return `[${elements.join(',')}]`;
  const pieces: Piece[] = ['['];
  for (const [i, element] of elements.entries()) {
    if (i > 0) pieces.push(',');
    if (typeof element === 'string') pieces.push(element);
    else for (const piece of element) pieces.push(piece);
  }
  pieces.push(']');
  return pieces;
}

/** All of it at once, for whoever needs that. */
export function wholeText(text: Text): string {
  if (typeof text === 'string') return text;
  return text.map((piece) => String((typeof piece === 'function' ? piece() : piece) ?? '')).join('');
}

export interface TextSink {
  send(message: string): void;
  /** Sends one message that consists of these pieces. */
  stream(pieces: readonly Piece[]): void;
}

/** Sends one message, of which `text` is in the middle. */
export function sendAround(sink: TextSink, head: string, text: Text, tail: string): void {
  if (typeof text === 'string') sink.send(head + text + tail);
  else sink.stream([head, ...text, tail]);
}
