/**
 * Strings that are no UTF-8. They end no connection: the C server refuses the value, where one is wanted, and so a client can be told what is wrong with what it
 * sends, instead of sending it again whenever it is back.
 */
import { isUtf8 } from 'node:buffer';

/** A byte that belongs to no character is this much further on, among the second halves of surrogate pairs, of which none stands alone in sound text. */
const stray = 0xdc00;

/**
 * Stands for such a string in JSON. It is an array, and none that anything is written as: nobody takes it for a string, or for anything else. Written, it is the
 * string with what is no character escaped, which its reader does not take either.
 */
export class InvalidText extends Array<null> {
  /** What is made of it is a plain array. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  readonly #text: string;

  /** @param text with second halves of surrogate pairs where there is no character */
  constructor(text: string) {
    super();
    this.push(null);
    this.#text = text;
  }

  /** What it is not, in the words of the C server. */
  get fault(): string {
    const shown = invalidSequence(bytesOf(this.#text)).map((byte) => `0x${byte.toString(16).padStart(2, '0')}`);
    return `not a valid UTF-8 string: invalid UTF-8 sequence ${shown.join(' ')}`;
  }

  toJSON(): string {
    return this.#text;
  }
}

/** Text of which a part is no UTF-8, with the bytes of that part put where `InvalidText` expects them. */
export function decodeInvalid(bytes: Buffer): string {
  let text = '';
  let sound = 0;
  for (let i = 0; i < bytes.length; ) {
    const length = characterLength(bytes, i);
    if (length > 0) {
      i += length;
      continue;
    }
    text += bytes.toString('utf8', sound, i) + String.fromCharCode(stray + bytes[i]!);
    sound = ++i;
  }
  return text + bytes.toString('utf8', sound);
}

/** The bytes of the character that begins at `i`; 0 for none. */
function characterLength(bytes: Buffer, i: number): number {
  const length = leadLength(bytes[i]!);
  return length > 0 && i + length <= bytes.length && isUtf8(bytes.subarray(i, i + length)) ? length : 0;
}

/** How many bytes a character has that begins with this one; 0 if none does. */
function leadLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

function bytesOf(text: string): Buffer {
  const parts = [...text].map((character) => {
    const code = character.charCodeAt(0);
    return code >= stray + 0x80 && code <= stray + 0xff ? Buffer.of(code - stray) : surrogateBytes(character);
  });
  return Buffer.concat(parts);
}

/** UTF-8, or what it would be for half of a surrogate pair. */
function surrogateBytes(character: string): Buffer {
  const code = character.charCodeAt(0);
  if (character.length > 1 || code < 0xd800 || code > 0xdfff) return Buffer.from(character);
  return Buffer.of(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 0x3f), 0x80 | (code & 0x3f));
}

/** The first bytes that are no character, up to the one that shows it: a NUL if the text ends before. */
function invalidSequence(bytes: Buffer): number[] {
  let i = 0;
  for (let length = 1; i < bytes.length && length > 0; i += length) length = characterLength(bytes, i);
  const wanted = leadLength(bytes[i] ?? 0);
  const sequence = [bytes[i] ?? 0];
  while (sequence.length < wanted) {
    const next = bytes[i + sequence.length] ?? 0;
    sequence.push(next);
    if (!mayFollow(sequence)) break;
  }
  return sequence;
}

/** May the last of these bytes stand where it does in a character that begins with the first? */
function mayFollow(sequence: readonly number[]): boolean {
  const [lead = 0, second = 0] = sequence;
  if ((sequence.at(-1)! & 0xc0) !== 0x80) return false;
  if (sequence.length > 2) return true;
  // Overlong forms, surrogates, and what is beyond Unicode.
  const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  return second >= least && second <= most;
}
