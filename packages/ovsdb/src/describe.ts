/** Types in words, for error messages. */
import type { ColumnType } from './schema.ts';

/** `string`, `set of up to 1 integers`, `set of 1 to 3 strings`, `map of (string, integer) pairs`. */
export function describeType(type: ColumnType): string {
  const key = type.key.type;
  if (type.kind === 'scalar') return key;
  const what = type.kind === 'map' ? `(${key}, ${type.value?.type ?? 'string'}) pair` : key;
  const collection = type.kind === 'map' ? 'map' : 'set';
  if (type.min === 1 && type.max === 1) return `${collection} of 1 ${what}`;
  if (type.max === Number.POSITIVE_INFINITY) {
    return type.min === 0 ? `${collection} of ${what}s` : `${collection} of 1 or more ${what}s`;
  }
  return `${collection} of ${type.min === 0 ? 'up' : '1'} to ${type.max} ${what}s`;
}
