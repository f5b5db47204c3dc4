/** Cutting `ovs-ofctl` syntax into `key=value`, `key:value` and `key(value)` items. */

/** What is wrong with a text, and where. */
export interface TextError {
  /** Offset of the offending character. */
  readonly offset: number;
  readonly message: string;
}

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: TextError };

/** Thrown inside the parsers and caught by `parsing`. Not an Error: nobody reads its stack, and making one costs more than the parse. */
export class TextParseError {
  readonly message: string;
  readonly offset: number;

  constructor(message: string, offset: number) {
    this.message = message;
    this.offset = offset;
  }
}

/** Runs a parser; an error of syntax becomes a result. */
export function parsing<T>(parse: () => T): Parsed<T> {
  try {
    return { ok: true, value: parse() };
  } catch (error) {
    if (error instanceof TextParseError) return { ok: false, error: { offset: error.offset, message: error.message } };
    throw error;
  }
}

/** One item of a list: `key`, `key=value`, `key:value`, or `key(value)` and what follows the parenthesis. */
export interface Item {
  readonly key: string;
  /** Undefined for a bare key. */
  readonly value: string | undefined;
  /** The text after the closing parenthesis, such as `->reg0[3]`. */
  readonly tail: string;
  readonly offset: number;
  readonly valueOffset: number;
}

/** A value that contains the list's separators, such as `(1,0x800)` or `[::1]`, is kept whole. Separators are commas and blanks. */
export function items(text: string, base = 0): Item[] {
  const out: Item[] = [];
  let i = 0;
  while (i < text.length) {
    if (isSeparator(text.charCodeAt(i))) {
      i++;
      continue;
    }
    const start = i;
    // The key ends at the first of `=`, `:`, `(`, a separator or the end; brackets of a subfield belong to it.
    let depth = 0;
    let quoted = false;
    while (i < text.length) {
      const c = text[i]!;
      if (quoted) {
        if (c === '\\') i++;
        else if (c === '"') quoted = false;
      } else if (c === '"') quoted = true;
      else if (c === '[') depth++;
      else if (c === ']') depth--;
      else if (depth === 0 && (c === '=' || c === ':' || c === '(' || isSeparator(text.charCodeAt(i)))) break;
      i++;
    }
    const key = text.slice(start, i);
    const opener = text[i];
    let value: string | undefined;
    let tail = '';
    let valueOffset = base + i;
    if (opener === '(') {
      const close = closing(text, i, base);
      value = text.slice(i + 1, close);
      valueOffset = base + i + 1;
      i = close + 1;
      const tailStart = i;
      while (i < text.length && !isSeparator(text.charCodeAt(i))) i++;
      tail = text.slice(tailStart, i);
    } else if (opener === '=' || opener === ':') {
      i++;
      const valueStart = i;
      valueOffset = base + i;
      i = valueEnd(text, i, base);
      value = text.slice(valueStart, i);
    }
    out.push({ key, value, tail, offset: base + start, valueOffset });
  }
  return out;
}

function isSeparator(code: number): boolean {
  return code === 0x2c || code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
}

function valueEnd(text: string, from: number, base: number): number {
  let i = from;
  while (i < text.length && !isSeparator(text.charCodeAt(i))) {
    if (text[i] === '(') i = closing(text, i, base);
    else if (text[i] === '"') {
      i++;
      while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
    }
    i++;
  }
  return Math.min(i, text.length);
}

/** The index of the parenthesis that closes the one at `open`. */
function closing(text: string, open: number, base: number): number {
  let depth = 0;
  for (let i = open; i < text.length; i++) {
    const c = text[i];
    if (c === '(') depth++;
    else if (c === ')' && --depth === 0) return i;
    else if (c === '"') {
      i++;
      while (i < text.length && text[i] !== '"') i += text[i] === '\\' ? 2 : 1;
    }
  }
  throw new TextParseError('this parenthesis is not closed', base + open);
}

const NUMBER = /^(?:0[xX][0-9a-fA-F]+|\d+)$/;

/** An unsigned integer in decimal or, after 0x, in hexadecimal. */
export function parseInteger(text: string, max: number, offset: number): number {
  const trimmed = text.trim();
  const value = NUMBER.test(trimmed) ? Number(trimmed) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new TextParseError(`"${text}" is not a number`, offset);
  if (value > max) throw new TextParseError(`${text} is larger than ${max}`, offset);
  return value;
}

/** As `parseInteger`, for up to `bits` bits. */
export function parseBig(text: string, bits: number, offset: number): bigint {
  const trimmed = text.trim();
  if (!NUMBER.test(trimmed)) throw new TextParseError(`"${text}" is not a number`, offset);
  const value = BigInt(trimmed);
  if (value >> BigInt(bits) !== 0n) throw new TextParseError(`${text} does not fit in ${bits} bits`, offset);
  return value;
}

/** `hh.hh.hh`, hex digits in pairs that dots may separate. */
export function parseHexBytes(text: string, offset: number): Uint8Array {
  const digits = text.replaceAll('.', '').trim();
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(digits)) throw new TextParseError(`"${text}" is not pairs of hex digits`, offset);
  const out = new Uint8Array(digits.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(digits.slice(i * 2, i * 2 + 2), 16);
  return out;
}

/** The inverse of `parseHexBytes`. */
export function formatHexBytes(bytes: Uint8Array): string {
  let out = '';
  for (let i = 0; i < bytes.length; i++) out += `${i === 0 ? '' : '.'}${bytes[i]!.toString(16).padStart(2, '0')}`;
  return out;
}
