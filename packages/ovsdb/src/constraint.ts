/** Checks atoms against the constraints of a base type (RFC 7047 section 3.2 `<base-type>`). */
import type { Atom, AtomicType } from './atom.ts';
import { OvsdbError } from './error.ts';
import { shortReal } from './json.ts';
import type { BaseType } from './schema.ts';

/** Throws `constraint violation` unless `atom`, which has the right type, satisfies the constraints of `base`. */
export function checkAtom(base: BaseType, atom: Atom): void {
  if (base.enum !== undefined) {
    if (!base.enum.includes(atom)) {
      throw violation(
        `${atomText(base.type, atom)} is not one of the allowed values ([${base.enum.map((a) => atomText(base.type, a)).join(', ')}])`,
      );
    }
    return;
  }
  switch (base.type) {
    case 'integer':
      if (base.minInteger !== undefined || base.maxInteger !== undefined) {
        checkRange(base.type, atom as number | bigint, base.minInteger, base.maxInteger);
      }
      return;
    case 'real':
      if (base.minReal !== undefined || base.maxReal !== undefined) {
        checkRange(base.type, atom as number | bigint, base.minReal, base.maxReal);
      }
      return;
    case 'string':
      if (base.minLength !== undefined || base.maxLength !== undefined) checkLength(base, atom as string);
      return;
    case 'boolean':
    case 'uuid':
      return;
  }
}

/** Atoms as messages show them: a string in quotes unless it reads like an identifier. */
export function atomText(type: AtomicType, atom: Atom): string {
  if (type === 'real') return shortReal(Number(atom));
  if (type !== 'string') return String(atom);
  const text = atom as string;
  return /^[A-Za-z_][A-Za-z0-9_.-]*$/.test(text) && text !== 'true' && text !== 'false' ? text : JSON.stringify(text);
}

function checkRange(type: AtomicType, value: number | bigint, min?: number | bigint, max?: number | bigint): void {
  if ((min === undefined || value >= min) && (max === undefined || value <= max)) return;
  const text = (bound: Atom): string => atomText(type, bound);
  if (min !== undefined && max !== undefined) {
    throw violation(`${text(value)} is not in the valid range ${text(min)} to ${text(max)} (inclusive)`);
  }
  throw violation(
    min !== undefined
      ? `${text(value)} is less than minimum allowed value ${text(min)}`
      : `${text(value)} is greater than maximum allowed value ${text(max!)}`,
  );
}

function checkLength(base: BaseType, text: string): void {
  let length = 0;
  for (const _ of text) length++;
  if (base.minLength !== undefined && length < base.minLength) {
    throw violation(`${JSON.stringify(text)} length ${length} is less than minimum allowed length ${base.minLength}`);
  }
  if (base.maxLength !== undefined && length > base.maxLength) {
    throw violation(
      `${JSON.stringify(text)} length ${length} is greater than maximum allowed length ${base.maxLength}`,
    );
  }
}

function violation(details: string): OvsdbError {
  return new OvsdbError('constraint violation', details);
}
