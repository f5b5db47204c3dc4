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

/** JSON text with the members of objects in ascending order: one text for equal values, however they arrived. */
export function canonicalText(json: Json): string {
  if (isArray(json)) return `[${json.map(canonicalText).join(',')}]`;
  if (isObject(json)) {
    const members = Object.keys(json).sort();
    return `{${members.map((name) => `${JSON.stringify(name)}:${canonicalText(json[name] ?? null)}`).join(',')}}`;
  }
  return typeof json === 'bigint' ? json.toString() : JSON.stringify(json);
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
