/** Database values from text ("Database Values" in ovn-nbctl(8)); the messages are those of the C programs. */
import { type Atom, compareAtoms } from '@weft/ovsdb/atom';
import { type Datum, fromAtoms, toMap } from '@weft/ovsdb/datum';
import type { BaseType, ColumnType, RefType } from '@weft/ovsdb/schema';
import { parseUuid, type Uuid } from '@weft/ovsdb/uuid';
import { CtlError } from '../framework/ctl-error.ts';
import { formatAtom } from '../framework/print-value.ts';

/** Gives the row that an `@name` stands for. */
export type SymbolResolver = (name: string, reference?: RefType) => Uuid;

const integerText = /^[-+]?[0-9]+$/;
const rangeText = /^([-+]?[0-9]+)-([-+]?[0-9]+)$/;
const realText = /^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$/;
/** A range of more integers than this is refused. */
const maxRange = 4096;

const delimiters = ':=, []{}!<>';

/** Reads the pieces of one argument. */
export class ValueReader {
  readonly #text: string;
  #at: number;

  constructor(text: string, at = 0) {
    this.#text = text;
    this.#at = at;
  }

  get position(): number {
    return this.#at;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  peek(): string {
    return this.#text.charAt(this.#at);
  }

  skipBlanks(): void {
    while (!this.atEnd && ' \t\n'.includes(this.peek())) this.#at++;
  }

  take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  /** One word: everything up to a delimiter that does not stand in double quotes. Empty if a delimiter comes first. */
  word(): string {
    const start = this.#at;
    let quoted = false;
    for (; !this.atEnd; this.#at++) {
      const character = this.peek();
      if (quoted && character === '\\') this.#at++;
      else if (character === '"') quoted = !quoted;
      else if (!quoted && delimiters.includes(character)) break;
    }
    this.#at = Math.min(this.#at, this.#text.length);
    if (quoted) throw new CtlError(`${this.#text.slice(start)}: quoted string extends past end of argument`);
    return this.#text.slice(start, this.#at);
  }

  rest(): string {
    return this.#text.slice(this.#at);
  }
}

/** One atom. A range of integers, where it is allowed, is given as both ends. */
export function parseAtom(base: BaseType, text: string, resolve: SymbolResolver): Atom {
  const [atom, end] = parseUnchecked(base, text, resolve);
  if (end !== undefined) throw new CtlError(`"${text}" is not a valid integer or range`);
  checkConstraints(base, atom);
  return atom;
}

function parseAtomOrRange(base: BaseType, text: string, resolve: SymbolResolver): readonly [Atom, Atom?] {
  const [atom, end] = parseUnchecked(base, text, resolve);
  checkConstraints(base, atom);
  if (end === undefined) return [atom];
  checkConstraints(base, end);
  if (BigInt(end as number | bigint) - BigInt(atom as number | bigint) >= maxRange) {
    throw new CtlError(`constraint violation: Range "${text}" is too big. Maximum allowed size is ${maxRange}.`);
  }
  return [atom, end];
}

function parseUnchecked(base: BaseType, text: string, resolve: SymbolResolver): readonly [Atom, Atom?] {
  switch (base.type) {
    case 'integer': {
      const integer = integerText.test(text) ? parseInteger(text) : undefined;
      if (integer !== undefined) return [integer];
      const [, from, to] = rangeText.exec(text) ?? [];
      const first = from === undefined ? undefined : parseInteger(from);
      const last = to === undefined ? undefined : parseInteger(to);
      if (first === undefined || last === undefined) throw new CtlError(`"${text}" is not a valid integer or range`);
      if (first > last) throw new CtlError(`"${text}" is not a valid range. Range end cannot be before start.`);
      return [first, last];
    }
    case 'real': {
      if (!realText.test(text)) throw new CtlError(`"${text}" is not a valid real number`);
      const real = Number(text);
      if (!Number.isFinite(real)) throw new CtlError(`"${text}" is not a valid real number`);
      return [real];
    }
    case 'boolean':
      if (['true', 'yes', 'on', '1'].includes(text)) return [true];
      if (['false', 'no', 'off', '0'].includes(text)) return [false];
      throw new CtlError(`"${text}" is not a valid boolean (use "true" or "false")`);
    case 'string':
      return [parseString(text)];
    case 'uuid': {
      if (text.startsWith('@')) return [resolve(text, base.refType)];
      const uuid = parseUuid(text);
      if (uuid === undefined) throw new CtlError(`"${text}" is not a valid UUID`);
      return [uuid];
    }
  }
}

function parseInteger(text: string): number | bigint | undefined {
  const value = BigInt(text.replace(/^\+/, ''));
  if (BigInt.asIntN(64, value) !== value) return undefined;
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

function parseString(text: string): string {
  if (text === '') throw new CtlError('An empty string is not valid as input; use "" to represent the empty string');
  if (!text.startsWith('"')) return text;
  if (text.length < 2 || !text.endsWith('"')) throw new CtlError(`${text}: missing quote at end of quoted string`);
  return withoutEscapes(text.slice(1, -1), text);
}

const escapes: { readonly [letter: string]: string } = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** One escape, one quote that is none, or a run of other characters. */
const stringPiece = /\\u([0-9a-fA-F]{4})(?:\\u([0-9a-fA-F]{4}))?|\\(.)|\\$|"|[^"\\]+/gy;

/** The escapes of JSON strings; other characters stand for themselves. */
function withoutEscapes(text: string, whole: string): string {
  const bad = (what: string) => new CtlError(`${whole}: ${what}`);
  let plain = '';
  for (let at = 0; at < text.length; ) {
    stringPiece.lastIndex = at;
    const [piece, first, second, escaped] = stringPiece.exec(text)!;
    at += piece.length;
    if (piece === '"') throw bad('quoted string may not include unescaped "');
    if (piece === '\\') throw bad('quoted string may not end with backslash');
    if (first !== undefined) {
      const { character, used } = unicodeEscape(first, second, bad);
      plain += character;
      if (second !== undefined && used === 1) at -= 6;
    } else if (escaped === undefined) {
      plain += piece;
    } else if (escaped === 'u') {
      throw bad(text.length - at < 4 ? 'quoted string ends within \\u escape' : 'malformed \\u escape');
    } else if (escapes[escaped] !== undefined) {
      plain += escapes[escaped];
    } else {
      throw bad(`bad escape \\${escaped}`);
    }
  }
  return plain;
}

/** The character that `\\uXXXX` stands for, or the pair of such escapes. */
function unicodeEscape(
  first: string,
  second: string | undefined,
  bad: (what: string) => CtlError,
): { readonly character: string; readonly used: 1 | 2 } {
  const code = Number.parseInt(first, 16);
  if (code === 0) throw bad('null bytes not supported in quoted strings');
  if (code >= 0xd800 && code < 0xdc00) {
    const low = Number.parseInt(second ?? '', 16);
    if (!(low >= 0xdc00 && low < 0xe000)) throw bad('malformed escaped surrogate pair');
    return { character: String.fromCharCode(code, low), used: 2 };
  }
  if (code >= 0xdc00 && code < 0xe000) {
    const secondByte = (0x80 | ((code >> 6) & 0x3f)).toString(16);
    throw new CtlError(`constraint violation: not a valid UTF-8 string: invalid UTF-8 sequence 0xed 0x${secondByte}`);
  }
  return { character: String.fromCharCode(code), used: 1 };
}

/** Atoms the way messages list the allowed values of a column: ascending, in brackets. */
function listed(atoms: readonly Atom[]): string {
  const type = typeof atoms[0] === 'string' ? 'string' : 'integer';
  const sorted = [...atoms].sort(compareAtoms).map((atom) => formatAtom(type, atom));
  return `[${sorted.join(', ')}]`;
}

function checkConstraints(base: BaseType, atom: Atom): void {
  const problem = constraintProblem(base, atom);
  if (problem !== undefined) throw new CtlError(`constraint violation: ${problem}`);
}

function constraintProblem(base: BaseType, atom: Atom): string | undefined {
  if (base.enum !== undefined) {
    if (base.enum.some((member) => compareAtoms(member, atom) === 0)) return undefined;
    return `${formatAtom(base.type, atom)} is not one of the allowed values (${listed(base.enum)})`;
  }
  const outside = (min: number | bigint | undefined, max: number | bigint | undefined, text: string) => {
    const low = min !== undefined && compareAtoms(atom, min) < 0;
    const high = max !== undefined && compareAtoms(atom, max) > 0;
    if (!low && !high) return undefined;
    if (min !== undefined && max !== undefined) return `${text} is not in the valid range ${min} to ${max} (inclusive)`;
    return min !== undefined
      ? `${text} is less than minimum allowed value ${min}`
      : `${text} is greater than maximum allowed value ${max}`;
  };
  switch (base.type) {
    case 'integer':
      return outside(base.minInteger, base.maxInteger, String(atom));
    case 'real':
      return outside(base.minReal, base.maxReal, formatAtom('real', atom));
    case 'string': {
      const { minLength, maxLength } = base;
      const length = [...(atom as string)].length;
      if (minLength !== undefined && length < minLength) {
        return `"${atom}" length ${length} is less than minimum allowed length ${minLength}`;
      }
      if (maxLength !== undefined && length > maxLength) {
        return `"${atom}" length ${length} is greater than maximum allowed length ${maxLength}`;
      }
      return undefined;
    }
    case 'boolean':
    case 'uuid':
      return undefined;
  }
}

/** A whole value of a column: `a,b`, `[a, b]`, `{k=v}`, in the column's own type. */
export function parseDatum(type: ColumnType, text: string, resolve: SymbolResolver): Datum {
  const pairs = parseElementList(type, text, resolve);
  if (type.kind === 'map') return toMap(pairs.map(([key, value]) => [key, value as Atom]));
  return fromAtoms(type, pairs.map(([atom]) => atom).sort(compareAtoms));
}

function checkCount(type: ColumnType, text: string, count: number): void {
  const what = type.kind === 'map' ? 'pair(s)' : 'value(s)';
  if (count < type.min) {
    throw new CtlError(`${text}: ${count} ${what} specified but the minimum number is ${type.min}`);
  }
  if (count > type.max) {
    throw new CtlError(`${text}: ${count} ${what} specified but the maximum number is ${type.max}`);
  }
}

/** As `parseDatum`, the elements as they stand in the text. The second of a pair is undefined outside maps. */
export function parseElementList(type: ColumnType, text: string, resolve: SymbolResolver): [Atom, Atom | undefined][] {
  const isMap = type.kind === 'map';
  const reader = new ValueReader(text);
  const [open, close] = isMap ? ['{', '}'] : ['[', ']'];
  const pairs: [Atom, Atom | undefined][] = [];
  reader.skipBlanks();
  if (reader.atEnd) throw new CtlError(`use "${open}${close}" to specify the empty ${isMap ? 'map' : 'set'}`);
  const bracketed = reader.take(open);
  reader.skipBlanks();
  while (!reader.atEnd && !(bracketed && reader.peek() === close)) {
    if (delimiters.includes(reader.peek())) {
      throw new CtlError(`${text}: unexpected "${reader.peek()}" parsing ${typeInWords(type)}`);
    }
    const start = reader.rest();
    const [key, end] = parseAtomOrRange(type.key, reader.word(), resolve);
    let value: Atom | undefined;
    if (isMap) {
      reader.skipBlanks();
      if (!reader.take('=')) {
        // C ends the message where the argument ends.
        throw new CtlError(`${start}: syntax error at "${reader.atEnd ? '' : `${reader.peek()}" expecting "="`}`);
      }
      reader.skipBlanks();
      value = parseAtom(type.value!, reader.word(), resolve);
    }
    if (end === undefined) pairs.push([key, value]);
    else for (let i = Number(key); i <= Number(end); i++) pairs.push([i, value]);
    reader.skipBlanks();
    reader.take(',');
    reader.skipBlanks();
  }
  if (bracketed) {
    if (!reader.take(close)) throw new CtlError(`${text}: missing "${close}" at end of data`);
    reader.skipBlanks();
    if (!reader.atEnd) throw new CtlError(`${text}: trailing garbage after "${close}"`);
  }
  checkCount(type, text, pairs.length);
  checkUnique(pairs, text, isMap);
  return pairs;
}

/** A column's type the way messages name it. */
function typeInWords(type: ColumnType): string {
  const plural = (name: string) => `${name}s`;
  const amount =
    type.max === Number.POSITIVE_INFINITY
      ? type.min === 0
        ? ''
        : `${type.min} or more `
      : type.min === 0
        ? `up to ${type.max} `
        : type.min === type.max
          ? ''
          : `${type.min} to ${type.max} `;
  if (type.kind === 'map') return `map of ${amount}(${type.key.type}, ${type.value?.type}) pairs`;
  if (type.kind === 'scalar') return type.key.type;
  return `set of ${amount}${plural(type.key.type)}`;
}

function checkUnique(pairs: readonly [Atom, Atom | undefined][], text: string, isMap: boolean): void {
  const sorted = pairs.map(([key]) => key).sort(compareAtoms);
  for (let i = 1; i < sorted.length; i++) {
    if (compareAtoms(sorted[i - 1]!, sorted[i]!) === 0) {
      throw new CtlError(`${text}: ${isMap ? 'map contains duplicate key' : 'set contains duplicate value'}`);
    }
  }
}
