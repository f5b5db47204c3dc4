/** JSON as the OVSDB protocol uses it. */

/** A bigint stands for an integer beyond 2^53 and is written with all its digits. */
export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [member: string]: Json;
}

/** True for `{...}`, false for arrays and null. */
export function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/** `Array.isArray` that keeps the element type of a readonly array. */
export function isArray(json: Json | undefined): json is readonly Json[] {
  return Array.isArray(json);
}

/** A string that is no UTF-8, as a framer hands it on: an array that says what is wrong with it. */
export interface InvalidText {
  readonly fault: string;
  /** The string, with halves of surrogate pairs where there is no character. */
  toJSON(): string;
}

/** For what should be a string, and is none. */
export function asInvalidText(json: Json | undefined): InvalidText | undefined {
  return isArray(json) && 'fault' in json ? (json as unknown as InvalidText) : undefined;
}

/** JSON text with the members of objects in ascending order: one text for equal values, however they arrived. */
export function canonicalText(json: Json): string {
  return sortedText(json, String);
}

/** The same as messages show it: with numbers as the C programs print them, an integer of 64 bits with all its digits, any other as a real. */
export function messageText(json: Json): string {
  return sortedText(json, shortNumber);
}

function sortedText(json: Json, numberText: (number: number | bigint) => string): string {
  if (isArray(json)) return `[${json.map((element) => sortedText(element, numberText)).join(',')}]`;
  if (isObject(json)) {
    const members = Object.keys(json).sort();
    return `{${members.map((name) => `${JSON.stringify(name)}:${sortedText(json[name] ?? null, numberText)}`).join(',')}}`;
  }
  return typeof json === 'number' || typeof json === 'bigint' ? numberText(json) : JSON.stringify(json);
}

function shortNumber(number: number | bigint): string {
  if (typeof number === 'number' && Number.isSafeInteger(number)) return String(number);
  const isInteger = typeof number === 'bigint' || Number.isInteger(number);
  const integer = isInteger ? BigInt(number) : undefined;
  return integer !== undefined && BigInt.asIntN(64, integer) === integer ? String(integer) : shortReal(Number(number));
}

/** Doubles that are nearer to 0 hold fewer digits. The C programs read none; one that arrives here stands for a number that is nearer to 0 than any double. */
export const leastNormal = 2 ** -1022;

/** With 15 digits at most, as `%.15g` of C. */
export function shortReal(number: number): string {
  if (Math.abs(number) < leastNormal) return '0';
  const [mantissa = '', exponent = ''] = number.toExponential(14).split('e');
  if (Number(exponent) >= -4 && Number(exponent) < 15) return String(Number(number.toPrecision(15)));
  const digits = mantissa.replace(/\.?0+$/, '');
  return `${digits}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
}

/** JSON text; unlike JSON.stringify it can write a bigint. */
export function jsonText(json: Json): string {
  // What most requests have for their id.
  if (typeof json === 'number') return String(json);
  try {
    return JSON.stringify(json);
  } catch (error) {
    // The language's own serialiser refuses only bigints, which are rare.
    if (error instanceof TypeError) return bigText(json);
    throw error;
  }
}

function bigText(json: Json): string {
  if (typeof json === 'bigint') return json.toString();
  if (isArray(json)) return `[${json.map(bigText).join(',')}]`;
  if (isObject(json)) {
    return `{${Object.entries(json)
      .map(([name, value]) => `${JSON.stringify(name)}:${bigText(value)}`)
      .join(',')}}`;
  }
  return JSON.stringify(json);
}
