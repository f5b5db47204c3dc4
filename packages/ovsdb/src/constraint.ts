/** Checks atoms against the constraints of a base type (RFC 7047 section 3.2 `<base-type>`). */
import type { Atom } from './atom.ts';
import { OvsdbError } from './error.ts';
import type { BaseType } from './schema.ts';

/** Throws `constraint violation` unless `atom`, which has the right type, satisfies the constraints of `base`. */
export function checkAtom(base: BaseType, atom: Atom): void {
  if (base.enum !== undefined) {
    if (!base.enum.includes(atom)) {
      throw violation(
        `${atomText(atom)} is not one of the allowed values ([${base.enum.map((a) => atomText(a)).join(', ')}])`,
      );
    }
    return;
  }
  switch (base.type) {
    case 'integer':
      if (base.minInteger !== undefined || base.maxInteger !== undefined) {
        checkRange(atom as number | bigint, base.minInteger, base.maxInteger);
      }
      return;
    case 'real':
      if (base.minReal !== undefined || base.maxReal !== undefined) {
        checkRange(atom as number, base.minReal, base.maxReal);
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
export function atomText(atom: Atom): string {
  if (typeof atom === 'number') return numberText(atom);
  if (typeof atom !== 'string') return String(atom);
  return /^[A-Za-z_][A-Za-z0-9_.-]*$/.test(atom) && atom !== 'true' && atom !== 'false' ? atom : JSON.stringify(atom);
}

/** A number as C prints it with 15 digits (`%.15g`). */
function numberText(value: number): string {
  if (Number.isSafeInteger(value)) return String(value);
  const [mantissa = '', exponent = ''] = value.toExponential(14).split('e');
  if (Number(exponent) >= -4 && Number(exponent) < 15) return String(Number(value.toPrecision(15)));
  const digits = mantissa.replace(/\.?0+$/, '');
  return `${digits}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
}

function checkRange(value: number | bigint, min: number | undefined, max: number | undefined): void {
  if ((min === undefined || value >= min) && (max === undefined || value <= max)) return;
  const range =
    min !== undefined && max !== undefined
      ? `in the valid range ${atomText(min)} to ${atomText(max)} (inclusive)`
      : min !== undefined
        ? `less than minimum allowed value ${atomText(min)}`
        : `greater than maximum allowed value ${atomText(max!)}`;
  throw violation(`${atomText(value)} is ${min !== undefined && max !== undefined ? 'not ' : ''}${range}`);
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
