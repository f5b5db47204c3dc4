/** Text that is put together from many pieces. */

/** Joined at a time: few enough that the pieces die young, many enough that joining is rare. */
const piecesPerPart = 1024;

/**
 * Collects the pieces of a long text. Strings that are added up one by one become a tree, which the engine keeps in memory until somebody reads it, and
 * then takes apart; for megabytes that costs more than to make the pieces.
 */
export class LongText {
  readonly #parts: string[] = [];
  #pieces: string[] = [];

  add(piece: string): void {
    if (this.#pieces.push(piece) === piecesPerPart) this.#join();
  }

  toString(): string {
    this.#join();
    return this.#parts.join('');
  }

  #join(): void {
    this.#parts.push(this.#pieces.join(''));
    this.#pieces = [];
  }
}
