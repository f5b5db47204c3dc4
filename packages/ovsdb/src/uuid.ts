/** UUIDs as OVSDB writes them: 36 characters, canonical lower case (RFC 7047 section 3.1, RFC 4122). */

/** A row's identity, in canonical lower case. */
export type Uuid = string;

export const zeroUuid: Uuid = '00000000-0000-0000-0000-000000000000';

const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** True if `text` is a uuid in canonical form. */
export function isUuid(text: string): text is Uuid {
  return pattern.test(text);
}

/** The canonical form of a uuid in any case, or undefined if `text` is not one. */
export function parseUuid(text: string): Uuid | undefined {
  if (pattern.test(text)) return text;
  const lower = text.toLowerCase();
  return pattern.test(lower) ? lower : undefined;
}
