/** Database values from text ("Database Values" in ovn-nbctl(8)); the messages are those of the C programs. */
import { type Atom, compareAtoms } from '@weft/ovsdb/atom';
import { type Datum, fromAtoms, toMap } from '@weft/ovsdb/datum';
import type { BaseType, ColumnType, RefType } from '@weft/ovsdb/schema';
import { parseUuid, type Uuid } from '@weft/ovsdb/uuid';
import { CtlError } from '../framework/ctl-error.ts';
import { formatAtom } from './print-value.ts';

/** Gives the row that an `@name` stands for. */
export type SymbolResolver = (name: string, reference?: RefType) => Uuid;

const integerText = /^[-+]?[0-9]+$/;
const rangeText = /^([-+]?[0-9]+)-([-+]?[0-9]+)$/;
const realText = /^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$/;
/** A range with more integers than this is refused. */
const maxRange = 1 << 20;

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
  if (end !== undefined) throw new CtlError(`"${text}" is not a valid integer`);
  checkConstraints(base, atom);
  return atom;
}

function parseAtomOrRange(base: BaseType, text: string, resolve: SymbolResolver): readonly [Atom, Atom?] {
  const [atom, end] = parseUnchecked(base, text, resolve);
  checkConstraints(base, atom);
  if (end !== undefined) checkConstraints(base, end);
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
      if (Number(last) - Number(first) > maxRange)
        throw new CtlError(`"${text}" is not a valid range. Range is too big`);
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

/** The escapes of JSON strings; other characters stand for themselves. */
function withoutEscapes(text: string, whole: string): string {
  return text.replace(/\\(u[0-9a-fA-F]{4}|[^u]|u|$)/g, (_, escaped: string, at: number) => {
    if (escaped.length === 5) return String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    const character = escapes[escaped];
    if (character !== undefined) return character;
    if (escaped === 'u') {
      const what = text.length - at < 6 ? 'quoted string ends within \\u escape' : 'malformed \\u escape';
      throw new CtlError(`${whole}: ${what}`);
    }
    throw new CtlError(`${whole}: bad escape \\${escaped}`);
  });
}

/** Atoms the way messages list the allowed values of a column: ascending, in brackets. */
function listed(atoms: readonly Atom[]): string {
  const type = typeof atoms[0] === 'string' ? 'string' : 'integer';
  const sorted = [...atoms].sort(compareAtoms).map((atom) => formatAtom(type, atom));
  return sorted.length === 1 ? sorted[0]! : `[${sorted.join(', ')}]`;
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
  const outside = (min: number | undefined, max: number | undefined, text: string) => {
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
  checkCount(type, text, pairs.length);
  if (type.kind === 'map') return toMap(pairs.map(([key, value]) => [key, value as Atom]));
  return fromAtoms(type, pairs.map(([atom]) => atom).sort(compareAtoms));
}

function checkCount(type: ColumnType, text: string, count: number): void {
  if (count < type.min) {
    throw new CtlError(`${text}: ${count} value(s) specified but the minimum number is ${type.min}`);
  }
  if (count > type.max) {
    throw new CtlError(`${text}: ${count} value(s) specified but the maximum number is ${type.max}`);
  }
}

/** As `parseDatum`, for any number of elements: the argument of `add` and `remove`. The second of a pair is undefined outside maps. */
export function parseElementList(type: ColumnType, text: string, resolve: SymbolResolver): [Atom, Atom | undefined][] {
  const isMap = type.kind === 'map';
  const reader = new ValueReader(text);
  const [open, close] = isMap ? ['{', '}'] : ['[', ']'];
  const pairs: [Atom, Atom | undefined][] = [];
  reader.skipBlanks();
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
      if (!reader.take('=')) {
        // C ends the message where the argument ends.
        throw new CtlError(`${start}: syntax error at "${reader.atEnd ? '' : `${reader.peek()}" expecting "="`}`);
      }
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
