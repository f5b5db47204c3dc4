/**
 * The lexical syntax that matches and actions share (ovn-sb(5), Logical_Flow, "match" and "actions").
 */
import { isAlphanumeric, isDecimal, isIdPart, isIdStart, isSpace } from './characters.ts';
import { hexDigit, type NumberFormat, narrow, parseEthernet, parseIpv4, parseIpv6, type Value } from './number.ts';

export type Punctuation =
  | '('
  | ')'
  | '['
  | ']'
  | '{'
  | '}'
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | '!'
  | '&&'
  | '||'
  | '..'
  | ','
  | ';'
  | '='
  | '<->'
  | '--'
  | '-'
  | ':';

export type TokenType =
  | 'end'
  | 'id'
  | 'string'
  | 'integer'
  | 'masked-integer'
  | 'address-set'
  | 'port-group'
  | 'error'
  | Punctuation;

/**
 * A complaint about a text. `offset` is where in the text, counted in UTF-16 units from 0. Parsers throw it to `Compiler`, which makes it a value; it is no
 * Error, because a stack trace would cost far more than the parsing, and nobody reads it.
 */
export class LflowError {
  readonly message: string;
  readonly offset: number;
  /** What stands before it and is not checked yet. */
  doubts: readonly Doubt<never>[] | undefined;

  constructor(message: string, offset: number) {
    this.message = message;
    this.offset = offset;
  }
}

/**
 * What a parser cannot check itself, because it takes knowledge of the network: whether a name is known, for one. ovn-controller checks such things as it
 * reads them; here they are checked afterwards, and where something else is wrong too, what stands first is what is complained of.
 */
export type Doubt<Lookups> = (lookups: Lookups) => LflowError | undefined;

/** Scans one text; `type` and its companions describe the current token, `next` moves on. Throws LflowError at what is no token. */
export class Lexer {
  readonly #text: string;
  #position = 0;
  /** Where the current token starts. */
  start = 0;
  type: TokenType = 'end';
  /** The identifier, the string's value, or the name after `$` or `@`. */
  text = '';
  value: Value = 0;
  mask: Value = 0;
  format: NumberFormat = 'decimal';

  constructor(text: string) {
    this.#text = text;
    this.next();
  }

  /** Where the current token ends. */
  get end(): number {
    return this.#position;
  }

  /** The current token as it is written, for messages. */
  quote(): string {
    return this.#text.slice(this.start, this.#position);
  }

  /** `Syntax error at ... expecting X.`, for the caller to throw. */
  syntaxError(message: string): LflowError {
    return new LflowError(
      this.type === 'end'
        ? `Syntax error at end of input ${message}.`
        : `Syntax error at \`${this.quote()}' ${message}.`,
      this.start,
    );
  }

  /** Fails unless the current token is `type`; moves past it. */
  expect(type: TokenType): void {
    if (this.type !== type) throw this.syntaxError(`expecting \`${type}'`);
    this.next();
  }

  /** Moves past the current token if it is of `type`. */
  match(type: TokenType): boolean {
    if (this.type !== type) return false;
    this.next();
    return true;
  }

  /** Moves past the current token if it is the identifier `id`. */
  matchId(id: string): boolean {
    if (this.type !== 'id' || this.text !== id) return false;
    this.next();
    return true;
  }

  /** The first character after the current token, white space and comments, or one after it. Empty at the end. */
  peek(after = 0): string {
    const text = this.#text;
    let i = this.#position;
    for (;;) {
      const c = text.charCodeAt(i);
      if (c === 47 && text.charCodeAt(i + 1) === 47) i = endOf(text, '\n', i);
      else if (c === 47 && text.charCodeAt(i + 1) === 42) i = endOf(text, '*/', i + 2);
      else if (isSpace(c)) i++;
      else return text.charAt(i + after);
    }
  }

  /** `Syntax error at ...`, without what would be right, for the caller to throw. */
  plainSyntaxError(): LflowError {
    return new LflowError(
      this.type === 'end' ? 'Syntax error at end of input.' : `Syntax error at \`${this.quote()}'.`,
      this.start,
    );
  }

  /** The state to come back to with `restore`; the current token is an identifier. */
  save(): { readonly start: number; readonly text: string } {
    return { start: this.start, text: this.text };
  }

  restore(saved: { readonly start: number; readonly text: string }): void {
    this.start = saved.start;
    this.text = saved.text;
    this.type = 'id';
    this.#position = saved.start + saved.text.length;
  }

  expectEnd(): void {
    if (this.type !== 'end') throw this.syntaxError('expecting end of input');
  }

  /** Consumes a string token and returns its value. */
  expectString(what = 'string'): string {
    if (this.type !== 'string') throw this.syntaxError(`expecting ${what}`);
    const { text } = this;
    this.next();
    return text;
  }

  /** Consumes a decimal integer below 2^31 and returns it. */
  expectSmallInteger(what = 'small integer'): number {
    if (
      this.type !== 'integer' ||
      this.format !== 'decimal' ||
      typeof this.value !== 'number' ||
      this.value > 0x7fffffff
    ) {
      throw this.syntaxError(`expecting ${what}`);
    }
    const value = Number(this.value);
    this.next();
    return value;
  }

  /** Any other complaint, for the caller to throw. */
  fail(message: string, offset = this.start): LflowError {
    return new LflowError(message, offset);
  }

  next(): void {
    const text = this.#text;
    let i = this.#position;
    for (;;) {
      const c = text.charCodeAt(i);
      if (isSpace(c)) {
        i++;
      } else if (c === 47) {
        const following = text.charCodeAt(i + 1);
        if (following === 47) {
          while (i < text.length && text.charCodeAt(i) !== 10) i++;
        } else if (following === 42) {
          const close = text.indexOf('*/', i + 2);
          if (close < 0) throw this.fail("`/*' without matching `*/'.", i);
          i = close + 2;
        } else {
          throw this.fail("`/' is only valid as part of `//' or `/*'.", i);
        }
      } else {
        break;
      }
    }
    this.start = i;
    if (i >= text.length) {
      this.type = 'end';
      this.#position = i;
      return;
    }
    const c = text.charCodeAt(i);
    const d = text.charCodeAt(i + 1);
    if (isIdStart(c)) {
      // An Ethernet or IPv6 address may start with a letter, and then has a colon after its first digits.
      const colon = hexDigit(c) >= 0 ? this.#addressColon(i) : false;
      if (!colon) {
        this.#identifier('id', i);
        return;
      }
    }
    const punctuation = this.#punctuationAt(c, d, i);
    if (punctuation !== undefined) {
      this.type = punctuation;
      this.#position = i + punctuation.length;
    } else if (c === 36 || c === 64) {
      if (!isIdStart(d)) throw this.fail(`\`${text[i]}' must be followed by a valid identifier.`, i);
      this.#identifier(c === 36 ? 'address-set' : 'port-group', i + 1);
    } else if (c === 34) {
      this.#string(i);
    } else if (c === 58 || hexDigit(c) >= 0) {
      this.#number(i);
    } else if (c === 94 && isIdStart(d)) {
      throw this.fail('Unexpanded template.', i);
    } else {
      throw this.fail(`Invalid character \`${String.fromCodePoint(text.codePointAt(i) ?? 0)}' in input.`, i);
    }
  }

  /** The punctuation that starts with character codes `c` and `d` at `i`. */
  #punctuationAt(c: number, d: number, i: number): Punctuation | undefined {
    switch (c) {
      case 40:
        return '(';
      case 41:
        return ')';
      case 91:
        return '[';
      case 93:
        return ']';
      case 123:
        return '{';
      case 125:
        return '}';
      case 44:
        return ',';
      case 59:
        return ';';
      case 61:
        return d === 61 ? '==' : '=';
      case 33:
        return d === 61 ? '!=' : '!';
      case 60:
        if (d === 45 && this.#text.charCodeAt(i + 2) === 62) return '<->';
        return d === 61 ? '<=' : '<';
      case 62:
        return d === 61 ? '>=' : '>';
      case 38:
        if (d !== 38) throw this.fail("`&' is only valid as part of `&&'.", i);
        return '&&';
      case 124:
        if (d !== 124) throw this.fail("`|' is only valid as part of `||'.", i);
        return '||';
      case 45:
        return d === 45 ? '--' : '-';
      case 46:
        if (d !== 46) throw this.fail("`.' is only valid as part of `..' or a number.", i);
        return '..';
      case 58:
        // `::` starts an IPv6 address.
        return d === 58 ? undefined : ':';
      default:
        return undefined;
    }
  }

  #identifier(type: 'id' | 'address-set' | 'port-group', from: number): void {
    const text = this.#text;
    let end = from + 1;
    while (isIdPart(text.charCodeAt(end))) end++;
    this.type = type;
    this.text = text.slice(from, end);
    this.#position = end;
  }

  #addressColon(from: number): boolean {
    for (let i = from; ; i++) {
      const c = this.#text.charCodeAt(i);
      if (c === 58) return true;
      if (hexDigit(c) < 0) return false;
    }
  }

  #string(from: number): void {
    const text = this.#text;
    let i = from + 1;
    let plain = true;
    for (; i < text.length; i++) {
      const c = text.charCodeAt(i);
      if (c === 34) break;
      if (c === 92) {
        plain = false;
        i++;
      }
    }
    if (i >= text.length) throw this.fail('Input ends inside quoted string.', from);
    const raw = text.slice(from + 1, i);
    this.type = 'string';
    this.text = plain ? raw : this.#unescape(raw, from + 1);
    this.#position = i + 1;
  }

  #unescape(raw: string, offset: number): string {
    let out = '';
    for (let i = 0; i < raw.length; i++) {
      const c = raw[i] ?? '';
      if (c !== '\\') {
        out += c;
        continue;
      }
      const letter = raw[++i] ?? '';
      const simple = simpleEscapes.get(letter);
      if (simple !== undefined) {
        out += simple;
      } else if (letter === 'u') {
        const at = offset + i - 1;
        let code = this.#hexEscape(raw, i + 1, at);
        i += 4;
        if (code === 0) throw this.fail('null bytes not supported in quoted strings', at);
        if (code >= 0xd800 && code < 0xe000) {
          const low = raw.startsWith('\\u', i + 1) ? this.#hexEscape(raw, i + 3, at) : 0;
          if (code >= 0xdc00 || low < 0xdc00 || low >= 0xe000) throw this.fail('malformed escaped surrogate pair', at);
          code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
          i += 6;
        }
        out += String.fromCodePoint(code);
      } else {
        throw this.fail(`bad escape \\${letter}`, offset + i - 1);
      }
    }
    return out;
  }

  /** The value of the four hexadecimal digits of a \\u escape. */
  #hexEscape(raw: string, from: number, offset: number): number {
    const digits = raw.slice(from, from + 4);
    if (digits.length < 4) throw this.fail('quoted string ends within \\u escape', offset);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw this.fail('malformed \\u escape', offset);
    return Number.parseInt(digits, 16);
  }

  #number(from: number): void {
    const text = this.#text;
    let end = this.#wordEnd(from);
    this.#setNumber(text.slice(from, end), from);
    this.type = 'integer';
    // Even if it were a comment's.
    if (text.charCodeAt(end) === 47) end = this.#maskAt(end + 1, from);
    this.#position = end;
  }

  /** The end of the number at `from`. Letters past `f` are taken in for the sake of messages; the colon in `10.0.0.1:80` is not. */
  #wordEnd(from: number): number {
    const text = this.#text;
    let end = from;
    let colons = false;
    let dotted = false;
    for (;;) {
      const c = text.charCodeAt(end);
      if (c === 46) {
        // Two periods are a range's.
        if (text.charCodeAt(end + 1) === 46) break;
        dotted ||= !colons;
      } else if (c === 58) {
        if (dotted) break;
        colons = true;
      } else if (!isAlphanumeric(c)) {
        break;
      }
      end++;
    }
    return end;
  }

  /** Scans the mask at `from` of the number at `start`, which is the current token, and returns its end. */
  #maskAt(from: number, start: number): number {
    const end = this.#wordEnd(from);
    if (end === from) throw this.fail('Integer constant expected.', from);
    const { value, format } = this;
    this.#setNumber(this.#text.slice(from, end), from);
    let mask = this.value;
    if (this.format !== format) {
      const prefix = Number(mask);
      const bits = format === 'ipv4' ? 32 : format === 'ipv6' ? 128 : 0;
      if (this.format !== 'decimal' || bits === 0 || prefix > bits) {
        throw this.fail('Value and mask have incompatible formats.', start);
      }
      mask = narrow(((1n << BigInt(prefix)) - 1n) << BigInt(bits - prefix));
    }
    this.format = format;
    this.mask = mask;
    // A value with bits outside of its mask is how the address of a host in a subnet is written: `10.0.0.5/24`. Those bits mean nothing.
    this.value =
      typeof value === 'number' && typeof mask === 'number'
        ? (value & mask) >>> 0
        : narrow(BigInt(value) & BigInt(mask));
    this.type = 'masked-integer';
    return end;
  }

  #setNumber(word: string, offset: number): void {
    const c = word.charCodeAt(0);
    if (c === 48 && (word.charCodeAt(1) | 32) === 120) {
      const digits = word.slice(2);
      if (digits === '') throw this.fail('Hex digits expected following 0x.', offset);
      if (!/^[0-9a-fA-F]+$/.test(digits)) throw this.fail('Invalid syntax in hexadecimal constant.', offset);
      if (digits.length > hexDigits && !new RegExp(`^0*[0-9a-fA-F]{1,${hexDigits}}$`).test(digits))
        throw this.fail(`Hexadecimal constant requires more than ${4 * hexDigits} bits.`, offset);
      this.value = digits.length <= 8 ? Number.parseInt(digits, 16) : narrow(BigInt(word));
      this.format = 'hexadecimal';
      return;
    }
    if (isDecimal(word)) {
      if (c === 48 && word.length > 1) throw this.fail('Decimal constants must not have leading zeros.', offset);
      if (word.length < 10) {
        this.value = Number(word);
      } else {
        const value = BigInt(word);
        if (value >= 1n << 64n) throw this.fail('Decimal constants must be less than 2**64.', offset);
        this.value = narrow(value);
      }
      this.format = 'decimal';
      return;
    }
    const ipv4 = parseIpv4(word);
    if (ipv4 !== undefined) {
      this.value = ipv4;
      this.format = 'ipv4';
      return;
    }
    const ethernet = parseEthernet(word);
    if (ethernet !== undefined) {
      this.value = narrow(ethernet);
      this.format = 'ethernet';
      return;
    }
    const ipv6 = word.includes(':') ? parseIpv6(word) : undefined;
    if (ipv6 === undefined) throw this.fail('Invalid numeric constant.', offset);
    this.value = narrow(ipv6);
    this.format = 'ipv6';
  }
}

/** Of the longest hexadecimal constant. What no field can hold is refused where the field is known. */
const hexDigits = 256;

const simpleEscapes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

/** Where the next `what` after `from` ends; the end of the text if there is none. */
function endOf(text: string, what: string, from: number): number {
  const found = text.indexOf(what, from);
  return found < 0 ? text.length : found + what.length;
}
