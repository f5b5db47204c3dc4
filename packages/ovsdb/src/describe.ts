/** Types and values in words, for messages. */
import type { Atom } from './atom.ts';
import { atomText } from './constraint.ts';
import type { Datum } from './datum.ts';
import type { ColumnType } from './schema.ts';

/** `string`, `set of up to 1 integers`, `set of 1 to 3 strings`, `map of (string, integer) pairs`, `map of 1 to 1 (string, integer) pairs`. */
export function describeType(type: ColumnType): string {
  const key = type.key.type;
  if (type.kind === 'scalar') return key;
  const what = type.kind === 'map' ? `(${key}, ${type.value?.type ?? 'string'}) pair` : key;
  const collection = type.kind === 'map' ? 'map' : 'set';
  if (type.max === Number.POSITIVE_INFINITY) {
    return type.min === 0 ? `${collection} of ${what}s` : `${collection} of 1 or more ${what}s`;
  }
  return `${collection} of ${type.min === 0 ? 'up' : '1'} to ${type.max} ${what}s`;
}

/** `5`, `[a, "b c"]`, `{k=v}`: a value as the C programs write it. */
export function datumText(type: ColumnType, datum: Datum): string {
  const key = (atom: Atom): string => atomText(type.key.type, atom);
  if (datum instanceof Map) {
    const value = (atom: Atom): string => atomText(type.value!.type, atom);
    return `{${[...(datum as ReadonlyMap<Atom, Atom>)].map(([k, v]) => `${key(k)}=${value(v)}`).join(', ')}}`;
  }
  if (Array.isArray(datum) || type.kind === 'optional') {
    const atoms = datum === undefined ? [] : Array.isArray(datum) ? (datum as readonly Atom[]) : [datum as Atom];
    return atoms.length === 1 && type.kind === 'optional' ? key(atoms[0]!) : `[${atoms.map(key).join(', ')}]`;
  }
  return key(datum as Atom);
}
