/**
 * JSON values, text and back. Differs from the `JSON` of the language in integers: OVSDB's have 64 bits, so one that a double cannot hold
 * exactly is a bigint here, both ways.
 */
import { InvalidText } from './invalid-text.ts';

export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [name: string]: Json;
}

/** True for a JSON object: not null, not an array. */
export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Writes a value as compact JSON text.
 * @throws TypeError for a value that is not JSON.
 */
export function stringifyJson(value: Json): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    // The language's own serializer is several times faster than any written in it, and refuses only bigints, which are rare.
    if (error instanceof TypeError) return stringifySlowly(value);
    throw error;
  }
}

function stringifySlowly(value: Json): string {
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(stringifySlowly).join(',')}]`;
  const members: string[] = [];
  for (const [name, member] of Object.entries(value)) {
    members.push(`${JSON.stringify(name)}:${stringifySlowly(member)}`);
  }
  return `{${members.join(',')}}`;
}

// What a string may hold is left to JSON.parse.
const wholeToken =
  /"[^"\\]*(?:\\[\s\S][^"\\]*)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null|[[\]{}:,]/y;
const suspicious = /\\u(?:0000|[dD][89a-fA-F])/;
const firstHalfAlone = /[\ud800-\udbff](?![\udc00-\udfff])/;
const secondHalfAlone = /(?<![\ud800-\udbff])[\udc00-\udfff]/;

/**
 * Parses JSON text that came from a peer. Refuses strings with a NUL or the first half of a surrogate pair, as the C programs do: what is stored here must
 * not end the connections of those that read it there. A string with the second half alone is an `InvalidText`.
 * @param sound the text was UTF-8
 * @throws SyntaxError
 */
export function parseWireJson(text: string, exact: boolean, sound = true): Json {
  const value = exact ? parseExactJson(text) : (JSON.parse(text) as Json);
  const escapes = text.includes('\\u') && suspicious.test(text);
  // A byte that is no character might complete an escape.
  if (escapes && !sound) throw new SyntaxError('surrogates in a text that is not valid UTF-8');
  return escapes || !sound ? checked(value) : value;
}

function checked(value: Json): Json {
  if (typeof value === 'string') return checkedText(value);
  if (Array.isArray(value)) return (value as readonly Json[]).map(checked);
  if (!isJsonObject(value)) return value;
  const object: { [name: string]: Json } = {};
  for (const [name, member] of Object.entries(value)) {
    checkedText(name);
    define(object, name, checked(member));
  }
  return object;
}

function checkedText(text: string): Json {
  if (text.includes('\0')) throw new SyntaxError('null bytes not supported in quoted strings');
  if (firstHalfAlone.test(text)) throw new SyntaxError('lone surrogate in a quoted string');
  return secondHalfAlone.test(text) ? new InvalidText(text) : text;
}

const space = /[ \t\n\r]*/y;
/** Doubles that are nearer to 0 hold fewer digits. */
const leastNormal = 2 ** -1022;
const decimal = /^(-?\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/**
 * What the C programs read: an integer of 64 bits keeps all its digits, however it is written; what is nearer to 0 than any double is the least of them, so
 * that it is no integer. What they do not read must not be stored.
 */
function exactNumber(token: string, whole: string, fraction = '', exponent = '0'): number | bigint {
  const value = Number(token);
  if (Math.abs(Number(exponent)) >= 2 ** 31) throw new SyntaxError('exponent outside valid range');
  if (!Number.isFinite(value) || (value !== 0 && Math.abs(value) < leastNormal)) {
    throw new SyntaxError('number outside valid range');
  }
  if (value === 0) return /[1-9]/.test(whole + fraction) ? Number.MIN_VALUE : value;
  if (Number.isSafeInteger(value)) return value;
  if (token === whole) return BigInt(token);
  if (!Number.isInteger(value) || Math.abs(value) > 2 ** 63) return value;
  const digits = (whole + fraction).replace(/0+$/, '');
  const zeros = whole.length - digits.length + Number(exponent);
  return zeros < 0 ? value : BigInt(digits) * 10n ** BigInt(zeros);
}

/** Are three digits, the last of them at `i`, perhaps those of an exponent? A double has no number with more, so an exact parser is to look at it. */
export function mayBeExponent(bytes: Uint8Array, i: number): boolean {
  // Undefined: they begin a chunk, and what is before them is not known.
  const before = bytes[i - 3];
  return before === undefined || before === 0x2b || before === 0x2d || before === 0x65 || before === 0x45;
}

/** What this program and the C ones write to files: an integer has all its digits and no exponent, and no number is too small to be read again. */
function storedNumber(token: string, whole: string): number | bigint {
  const value = Number(token);
  return token === whole && !Number.isSafeInteger(value) ? BigInt(token) : value;
}

/**
 * Parses JSON text from a file that a database program wrote, with integers beyond 2^53 as bigints.
 * @throws SyntaxError
 */
export function parseStoredJson(text: string): Json {
  // With fewer digits there is no such integer, and nothing else stands before one. The digits of a string, such as a long hexadecimal number, are no reason.
  return /[[,:\s]-?\d{16}/.test(text) ? parseSlowly(text, storedNumber) : (JSON.parse(text) as Json);
}

/**
 * Parses JSON text, with integers beyond 2^53 as bigints. Several times slower than `JSON.parse`; for texts that may hold such an integer, or a number
 * that no double holds.
 * @throws SyntaxError if the text is not one JSON value, or has such a number.
 */
export function parseExactJson(text: string): Json {
  return parseSlowly(text, exactNumber);
}

function parseSlowly(text: string, numberOf: typeof exactNumber): Json {
  let position = 0;

  const next = (): string => {
    space.lastIndex = position;
    space.exec(text);
    wholeToken.lastIndex = space.lastIndex;
    const match = wholeToken.exec(text);
    if (match === null) throw new SyntaxError(`Unexpected input in JSON at position ${space.lastIndex}`);
    position = wholeToken.lastIndex;
    return match[0];
  };

  const scalar = (token: string): Json => {
    const [, whole, fraction, exponent] = decimal.exec(token) ?? [];
    return whole === undefined ? (JSON.parse(token) as Json) : numberOf(token, whole, fraction, exponent);
  };

  // A stack of its own, so that deep nesting costs memory and not the call stack.
  const stack: { container: Json[] | { [name: string]: Json }; name?: string }[] = [];
  let result: Json | undefined;
  let token = next();
  for (;;) {
    let value: Json;
    if (token === '[' || token === '{') {
      const container: Json[] | { [name: string]: Json } = token === '[' ? [] : {};
      const following = next();
      if (following === (token === '[' ? ']' : '}')) {
        value = container;
      } else {
        if (token === '[') {
          stack.push({ container });
          token = following;
        } else {
          stack.push({ container, name: memberName(following, next) });
          token = next();
        }
        continue;
      }
    } else {
      value = scalar(token);
    }
    // The value is whole: put it where it belongs, and close every container that ends with it.
    for (;;) {
      const top = stack.at(-1);
      if (top === undefined) {
        result = value;
        break;
      }
      if (Array.isArray(top.container)) top.container.push(value);
      else define(top.container, top.name ?? '', value);
      const separator = next();
      if (separator === ',') {
        if (!Array.isArray(top.container)) top.name = memberName(next(), next);
        token = next();
        break;
      }
      if (separator !== (Array.isArray(top.container) ? ']' : '}')) {
        throw new SyntaxError(`Unexpected "${separator}" in JSON`);
      }
      value = top.container;
      stack.pop();
    }
    if (result !== undefined) break;
  }
  space.lastIndex = position;
  space.exec(text);
  if (space.lastIndex !== text.length) throw new SyntaxError('Unexpected input after a JSON value');
  return result;
}

/** Sets a member, also one named `__proto__`, which an assignment would take for the prototype. */
export function define(object: { [name: string]: Json }, name: string, value: Json): void {
  if (name === '__proto__') {
    Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    object[name] = value;
  }
}

function memberName(token: string, next: () => string): string {
  if (token[0] !== '"' || next() !== ':') throw new SyntaxError('Expected a member name in JSON');
  return JSON.parse(token) as string;
}
