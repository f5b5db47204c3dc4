/**
 * The literals of texts, for compiling by shape (`shapes.ts`): finds them, and reads their values, without making objects.
 *
 * A literal here is a decimal number of two to nine digits, an IPv4, IPv6 or Ethernet address, or a quoted string, as the lexer would read it, that
 * follows a space, `{` or `(`. Single digits are left to the shape: they are opcodes and flags. What this scanner is not sure of it takes for a part of
 * the shape, and then no other text is of that shape: nothing depends on its finding all of them.
 */

/** A text with more has no shape; such texts are rare, and nobody's hot path. */
const limit = 24;

/** Kinds of literals. */
export const LiteralKind = { string: 0, decimal: 1, ipv4: 2, ethernet: 3, ipv6: 4 } as const;

/** A text with gaps for literals. */
export interface Form {
  /** What is around the literals, as UTF-16: one more than there are literals. */
  readonly pieces: readonly Uint16Array[];
  readonly kinds: readonly number[];
}

/** How many bits a literal of a kind has at most. */
export function largest(kind: number): number {
  return bitsOf[kind] ?? 128;
}

const bitsOf = [32, 30, 32, 48, 128];

const SPACE = 32;
const QUOTE = 34;
const OPENING = 40;
const CLOSING = 41;
const STAR = 42;
const COMMA = 44;
const DOT = 46;
const SLASH = 47;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
const SEMICOLON = 59;
const BACKSLASH = 92;
const BRACE = 123;
const CLOSING_BRACE = 125;

/** The values of hexadecimal digits by their characters; -1 for the other characters of ASCII. */
const hex = new Int8Array(128).fill(-1);
for (const [value, c] of [...'0123456789abcdef'].entries()) {
  hex[c.charCodeAt(0)] = value;
  hex[c.toUpperCase().charCodeAt(0)] = value;
}

/** The characters that literals start with. */
const starts = new Uint8Array(128);
for (const c of '0123456789abcdefABCDEF:"') starts[c.charCodeAt(0)] = 1;

/** The literals of the text that was scanned or read last. */
export class Literals {
  /** 0 also if the text is one that has no shape, as one with escapes in it. */
  count = 0;
  /** Of all the text but its literals, and their kinds. Of a text that was scanned. */
  hash = 0;
  readonly kinds = new Uint8Array(limit);
  /** Offsets in the text. */
  readonly starts = new Int32Array(limit);
  readonly ends = new Int32Array(limit);
  /** The values: 16 bytes for each, big-endian. A string has none until it is resolved. */
  readonly bytes = new Uint8Array(16 * limit);
  readonly #view = new DataView(this.bytes.buffer);
  readonly #groups = new Uint16Array(8);

  /** Finds and reads the literals of a text. False if the text is one that has no shape. */
  scan(text: string): boolean {
    this.count = 0;
    if (this.#scan(text)) return true;
    this.count = 0;
    return false;
  }

  #scan(text: string): boolean {
    const { length } = text;
    let hash = 0;
    let before = SPACE;
    let i = 0;
    while (i < length) {
      const c = text.charCodeAt(i);
      if (before === SPACE || before === BRACE || before === OPENING) {
        const end = c < 128 && starts[c] === 1 ? this.#literal(text, i, c) : -1;
        if (end > 0) {
          if (this.count === limit) return false;
          hash = (Math.imul(hash, 31) + this.kinds[this.count]! + 128) | 0;
          this.starts[this.count] = i;
          this.ends[this.count] = end;
          this.count++;
          before = 0;
          i = end;
          continue;
        }
      }
      if (c === QUOTE || c === SLASH) {
        // The inside of strings and comments is no place for literals.
        const end = c === QUOTE ? stringEnd(text, i) : commentEnd(text, i);
        if (end < 0) return false;
        for (; i < end; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
        before = 0;
        continue;
      }
      hash = (Math.imul(hash, 31) + c) | 0;
      before = c;
      i++;
    }
    this.hash = hash;
    return true;
  }

  /** The form of the text that was scanned last with gaps for some of its literals, which are given in order. */
  form(text: string, free: readonly number[]): Form {
    const pieces = [...free, -1].map((literal, i) => {
      const start = i === 0 ? 0 : this.ends[free[i - 1]!]!;
      const end = literal < 0 ? text.length : this.starts[literal]!;
      return Uint16Array.from({ length: end - start }, (_, k) => text.charCodeAt(start + k));
    });
    return { pieces, kinds: free.map((literal) => this.kinds[literal]!) };
  }

  /** Reads the literals of a text of a form. False if it is not of that form. */
  read(text: string, { pieces, kinds }: Form): boolean {
    let at = 0;
    for (let i = 0; i < kinds.length; i++) {
      const piece = pieces[i]!;
      if (!isAt(text, at, piece)) return false;
      at += piece.length;
      this.count = i;
      const end = this.#ofKind(text, at, kinds[i]!);
      if (end < 0) return false;
      this.starts[i] = at;
      this.ends[i] = end;
      at = end;
    }
    this.count = kinds.length;
    const last = pieces[kinds.length]!;
    return at + last.length === text.length && isAt(text, at, last);
  }

  /** The literal as it stands in the text, which must be the one that was scanned. */
  text(text: string, i: number): string {
    return text.slice(this.starts[i], this.ends[i]);
  }

  /** The string that a literal of that kind is. */
  string(text: string, i: number): string {
    return text.slice(this.starts[i]! + 1, this.ends[i]! - 1);
  }

  /** Gives a literal that names a port the port's number as its value. */
  resolve(i: number, port: number): void {
    const at = 16 * i;
    this.#view.setUint32(at, 0);
    this.#view.setUint32(at + 4, 0);
    this.#view.setUint32(at + 8, 0);
    this.#view.setUint32(at + 12, port);
  }

  /** The value of a literal that is no string. */
  value(i: number): bigint {
    return (this.#view.getBigUint64(16 * i) << 64n) | this.#view.getBigUint64(16 * i + 8);
  }

  /** Whether the value of a literal is a number of that many bits. */
  fits(i: number, bits: number): boolean {
    const at = 16 * i;
    const whole = 16 - (bits >> 3);
    for (let k = at; k < at + whole - 1; k++) if (this.bytes[k] !== 0) return false;
    return whole === 0 || this.bytes[at + whole - 1]! >> (bits & 7) === 0;
  }

  /** Whether two literals have the same value. */
  same(i: number, j: number): boolean {
    for (let k = 0; k < 16; k++) if (this.bytes[16 * i + k] !== this.bytes[16 * j + k]) return false;
    return true;
  }

  /** Reads the literal of a kind at `from`: its end, or -1 if there is none. */
  #ofKind(text: string, from: number, kind: number): number {
    switch (kind) {
      case LiteralKind.string:
        return codeAt(text, from) === QUOTE ? stringEnd(text, from) : -1;
      case LiteralKind.decimal:
        return this.#decimal(text, from);
      case LiteralKind.ipv4:
        return this.#ipv4(text, from);
      case LiteralKind.ethernet:
        return this.#ethernet(text, from);
      default:
        return this.#ipv6(text, from);
    }
  }

  /** Reads the literal at `from`, which starts with `c`: its end, or -1 if there is none. */
  #literal(text: string, from: number, c: number): number {
    if (c === QUOTE) {
      if (this.count < limit) this.kinds[this.count] = LiteralKind.string;
      return stringEnd(text, from);
    }
    let i = from;
    while (hexAt(text, i) >= 0) i++;
    switch (codeAt(text, i)) {
      case COLON: {
        const end = this.#ethernet(text, from);
        return end > 0 ? end : this.#ipv6(text, from);
      }
      case DOT:
        return this.#ipv4(text, from);
      default:
        return this.#decimal(text, from);
    }
  }

  /** A decimal number of two to nine digits. */
  #decimal(text: string, from: number): number {
    let value = 0;
    let i = from;
    let c = codeAt(text, i);
    if (c === ZERO) return -1;
    while (c >= ZERO && c <= NINE) {
      value = value * 10 + c - ZERO;
      c = codeAt(text, ++i);
    }
    const digits = i - from;
    if (digits < 2 || digits > 9 || !endsLiteral(c)) return -1;
    this.#set(LiteralKind.decimal, 0, value);
    return i;
  }

  #ipv4(text: string, from: number): number {
    let value = 0;
    let i = from;
    for (let octets = 1; ; octets++) {
      const start = i;
      let octet = 0;
      let c = codeAt(text, i);
      while (c >= ZERO && c <= NINE) {
        octet = octet * 10 + c - ZERO;
        c = codeAt(text, ++i);
      }
      const digits = i - start;
      if (digits === 0 || digits > 3 || octet > 255 || (digits > 1 && codeAt(text, start) === ZERO)) return -1;
      value = value * 256 + octet;
      if (octets === 4) {
        if (!endsLiteral(c)) return -1;
        this.#set(LiteralKind.ipv4, 0, value);
        return i;
      }
      if (c !== DOT) return -1;
      i++;
    }
  }

  /** An Ethernet address of six pairs of digits. */
  #ethernet(text: string, from: number): number {
    const end = from + 17;
    if (end > text.length) return -1;
    let high = 0;
    let low = 0;
    for (let i = from; ; i += 3) {
      const digits = (hexAt(text, i) << 4) | hexAt(text, i + 1);
      if (digits < 0) return -1;
      if (i < from + 6) high = (high << 8) | digits;
      else low = (low << 8) | digits;
      if (i + 2 === end) break;
      if (codeAt(text, i + 2) !== COLON) return -1;
    }
    if (!endsLiteral(codeAt(text, end))) return -1;
    this.#set(LiteralKind.ethernet, high, low >>> 0);
    return end;
  }

  /** An IPv6 address without dots. */
  #ipv6(text: string, from: number): number {
    const groups = this.#groups;
    let count = 0;
    let gap = -1;
    let i = from;
    let c = codeAt(text, i);
    for (;;) {
      if (c === COLON) {
        // The second colon of `::`, but at the start, where there was no first.
        if (gap >= 0 || (count === 0 && codeAt(text, ++i) !== COLON)) return -1;
        gap = count;
        c = codeAt(text, ++i);
        if (hexAt(text, i) < 0) break;
      }
      let group = 0;
      let digits = 0;
      for (let digit = hexAt(text, i); digit >= 0; digit = hexAt(text, i)) {
        group = group * 16 + digit;
        digits++;
        c = codeAt(text, ++i);
      }
      if (digits === 0 || digits > 4 || count === 8) return -1;
      groups[count++] = group;
      if (c !== COLON) break;
      c = codeAt(text, ++i);
    }
    if (!endsLiteral(c) || (gap < 0 ? count !== 8 : count > 7)) return -1;
    // One too many has no place; the scan ends over it.
    if (this.count === limit) return i;
    this.#set(LiteralKind.ipv6, 0, 0);
    const at = 16 * this.count;
    const head = gap < 0 ? count : gap;
    for (let k = 0; k < head; k++) this.#view.setUint16(at + 2 * k, groups[k]!);
    for (let k = head; k < count; k++) this.#view.setUint16(at + 2 * (8 - count + k), groups[k]!);
    return i;
  }

  /** Notes the value of the literal after the last. */
  #set(kind: number, middle: number, low: number): void {
    if (this.count === limit) return;
    this.kinds[this.count] = kind;
    const at = 16 * this.count;
    this.#view.setUint32(at, 0);
    this.#view.setUint32(at + 4, 0);
    this.#view.setUint32(at + 8, middle);
    this.#view.setUint32(at + 12, low);
  }
}

/** Whether a piece is in a text at `from`. For such short ones faster than `startsWith`. */
function isAt(text: string, from: number, piece: Uint16Array): boolean {
  const { length } = piece;
  if (from + length > text.length) return false;
  for (let i = 0; i < length; i++) if (text.charCodeAt(from + i) !== piece[i]) return false;
  return true;
}

/** The end of the string at `from`; -1 if it has none, or escapes. */
function stringEnd(text: string, from: number): number {
  for (let i = from + 1; i < text.length; i++) {
    const c = codeAt(text, i);
    if (c === QUOTE) return i + 1;
    if (c === BACKSLASH) return -1;
  }
  return -1;
}

/** The end of the comment at `from`, or of a slash alone; -1 for a comment to the end of the line. */
function commentEnd(text: string, from: number): number {
  const next = codeAt(text, from + 1);
  if (next === SLASH) return -1;
  const end = next === STAR ? text.indexOf('*/', from + 2) + 2 : 0;
  return end > from ? end : from + 1;
}

/** The character at `i`; 0 past the end, where `charCodeAt` gives a NaN that V8 throws away its code for. */
function codeAt(text: string, i: number): number {
  return i < text.length ? text.charCodeAt(i) : 0;
}

/** The value of the hexadecimal digit at `i`, or -1. */
function hexAt(text: string, i: number): number {
  const c = codeAt(text, i);
  return c < 128 ? hex[c]! : -1;
}

/** Whether a character ends what stands before it for certain. 0: the end of the text. */
function endsLiteral(c: number): boolean {
  return (
    c === SPACE || c === CLOSING || c === COMMA || c === SLASH || c === SEMICOLON || c === CLOSING_BRACE || c === 0
  );
}
