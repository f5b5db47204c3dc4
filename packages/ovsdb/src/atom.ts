/** Atoms: the scalar values of OVSDB (RFC 7047 section 5.1, `<atom>`), and their order. */
import { zeroUuid } from './uuid.ts';

export const atomicTypes = ['integer', 'real', 'boolean', 'string', 'uuid'] as const;

export type AtomicType = (typeof atomicTypes)[number];

/** An integer that a double cannot hold exactly is a bigint. A uuid is its canonical string. */
export type Atom = number | bigint | boolean | string;

/** The value that a column of this type holds when nobody set it (RFC 7047 section 5.2.1, "insert"). */
export function defaultAtom(type: AtomicType): Atom {
  switch (type) {
    case 'integer':
    case 'real':
      return 0;
    case 'boolean':
      return false;
    case 'string':
      return '';
    case 'uuid':
      return zeroUuid;
  }
}

/**
 * Orders two atoms of one type as the C programs do: numbers by value, false before true, strings by their UTF-8 bytes, uuids as numbers.
 * Returns a negative number, 0 or a positive number.
 */
export function compareAtoms(a: Atom, b: Atom): number {
  if (a === b) return 0;
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b);
  // A number and a bigint compare by value in ECMAScript, booleans as 0 and 1.
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Orders strings by their UTF-8 bytes, which is the order of code points; JavaScript's own order is that of UTF-16 units. */
export function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) {
      // Surrogates (0xd800-0xdfff) stand for code points above every other unit.
      const xHigh = x >= 0xd800 && x <= 0xdfff;
      const yHigh = y >= 0xd800 && y <= 0xdfff;
      if (xHigh !== yHigh) return xHigh ? 1 : -1;
      return x - y;
    }
  }
  return a.length - b.length;
}
