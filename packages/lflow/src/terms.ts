/**
 * Sets of values of one field, as unions of ternary terms (value under mask), and their algebra.
 */
import type { Field, FieldValue } from '@weft/openflow/fields';
import { LflowError } from './lexer.ts';
import type { BaseField } from './symbols.ts';

/** The values whose bits under `mask` equal `value`. `value` has no bit outside of `mask`; a mask of all ones is written out. */
export interface Ternary {
  readonly value: FieldValue;
  readonly mask: FieldValue;
  /** The same in the one 32-bit register that it concerns, where it was made from one: to spare the arithmetic on 128 bits. */
  readonly register?: { readonly field: Field; readonly value: number; readonly mask: number };
}

/** The values that are in both; undefined if none is. */
export function intersect(a: Ternary, b: Ternary): Ternary | undefined {
  if (typeof a.value === 'number') {
    const am = a.mask as number;
    const bv = b.value as number;
    const bm = b.mask as number;
    if (((a.value ^ bv) & am & bm) !== 0) return undefined;
    return { value: (a.value | bv) >>> 0, mask: (am | bm) >>> 0 };
  }
  const am = a.mask as bigint;
  const bv = b.value as bigint;
  const bm = b.mask as bigint;
  if (((a.value ^ bv) & am & bm) !== 0n) return undefined;
  return { value: a.value | bv, mask: am | bm };
}

/** A match that would eat the machine. It is refused, and named as an erroneous one is. */
export class MatchTooLarge extends LflowError {
  constructor(message: string) {
    super(message, 0);
  }
}

/** A match whose intersections take more than this many steps is refused. */
const pairLimit = 2_000_000;

/** Intersection of two unions, without duplicates. */
export function intersectAll(a: readonly Ternary[], b: readonly Ternary[]): readonly Ternary[] {
  if (a === b) return a;
  if (a.length === 1 && b.length === 1) {
    const both = intersect(a[0]!, b[0]!);
    return both === undefined ? [] : [both];
  }
  if (a.length * b.length > pairLimit) throw new MatchTooLarge('The match compares a field in too many ways.');
  const out: Ternary[] = [];
  for (const x of a) {
    for (const y of b) {
      const both = intersect(x, y);
      if (both !== undefined) out.push(both);
    }
  }
  return a.length > 1 && b.length > 1 ? absorb(unique(out)) : unique(out);
}

/** A union that grows. Of exact duplicates the first stays. */
export class Union {
  readonly #terms: Ternary[] = [];
  readonly #seen = new Map<FieldValue, Set<FieldValue>>();

  /** The terms so far: the same array each time. */
  get terms(): readonly Ternary[] {
    return this.#terms;
  }

  add(terms: readonly Ternary[]): this {
    for (const term of terms) {
      const mask = scattered(term.mask);
      const value = scattered(term.value);
      const seen = this.#seen.get(mask);
      if (seen === undefined) this.#seen.set(mask, new Set([value]));
      else if (seen.has(value)) continue;
      else seen.add(value);
      this.#terms.push(term);
    }
    return this;
  }
}

const word = 64n;
const golden = 0x9e37_79b9_7f4a_7c15n;

/**
 * Another number for each, up to 128 bits, whose last 64 bits depend on all: V8 hashes a bigint by these, and a thousand values that differ above them
 * only are found in a map by looking at a thousand.
 */
function scattered(value: FieldValue): FieldValue {
  return typeof value === 'number' ? value : value + (value >> word) * golden;
}

/** Without exact duplicates; the first of each stays. */
export function unique(terms: readonly Ternary[]): readonly Ternary[] {
  if (terms.length < 2) return terms;
  const union = new Union().add(terms).terms;
  return union.length === terms.length ? terms : union;
}

/** Beyond this many terms, looking for terms inside others costs more than it saves. */
const absorbLimit = 1000;

/** Without terms that lie within another one. */
function absorb(terms: readonly Ternary[]): readonly Ternary[] {
  if (terms.length > absorbLimit) return terms;
  return terms.filter((inner) => !terms.some((outer) => outer !== inner && within(inner, outer)));
}

function within(inner: Ternary, outer: Ternary): boolean {
  if (typeof inner.value === 'number') {
    const om = outer.mask as number;
    return ((inner.mask as number) & om) >>> 0 === om && (inner.value & om) >>> 0 === outer.value;
  }
  const om = outer.mask as bigint;
  return ((inner.mask as bigint) & om) === om && (inner.value & om) === outer.value;
}

/** A term of `base` with `value` under `mask` in its bits from `ofs` up; `mask` is as wide as the subfield. */
export function place(base: BaseField, ofs: number, value: FieldValue, mask: FieldValue): Ternary {
  if (base.wide) {
    const shift = BigInt(ofs);
    const m = BigInt(mask) << shift;
    const v = (BigInt(value) << shift) & m;
    const field = base.registers?.[ofs >>> 5];
    if (field === undefined || typeof mask !== 'number' || typeof value !== 'number') return { value: v, mask: m };
    const low = ofs & 31;
    if (low + 32 - Math.clz32(mask) > 32) return { value: v, mask: m };
    const narrow = (mask << low) >>> 0;
    return { value: v, mask: m, register: { field, value: ((value << low) & narrow) >>> 0, mask: narrow } };
  }
  const m = (Number(mask) << ofs) >>> 0;
  return { value: ((Number(value) << ofs) & m) >>> 0, mask: m };
}

/** All ones in `bits` bits. */
export function onesOf(bits: number): bigint {
  return (1n << BigInt(bits)) - 1n;
}

/** The values of a `bits`-bit number above `bound`, as the fewest prefixes. */
export function above(bound: bigint, bits: number): { value: bigint; mask: bigint }[] {
  const out: { value: bigint; mask: bigint }[] = [];
  const ones = onesOf(bits);
  for (let bit = 1n; bit <= ones; bit <<= 1n) {
    // Equal to the bound above this bit, which is 0 there and 1 here.
    if ((bound & bit) === 0n) {
      const mask = ones & ~(bit - 1n);
      out.push({ value: (bound & mask) | bit, mask });
    }
  }
  return out;
}

/** The values of a `bits`-bit number below `bound`, as the fewest prefixes. */
export function below(bound: bigint, bits: number): { value: bigint; mask: bigint }[] {
  const out: { value: bigint; mask: bigint }[] = [];
  const ones = onesOf(bits);
  for (let bit = 1n; bit <= ones; bit <<= 1n) {
    if ((bound & bit) !== 0n) {
      const mask = ones & ~(bit - 1n);
      out.push({ value: bound & mask & ~bit, mask });
    }
  }
  return out;
}

/** The values that differ from `value` under `mask`: one term for each bit of the mask. */
export function differing(value: bigint, mask: bigint): { value: bigint; mask: bigint }[] {
  const out: { value: bigint; mask: bigint }[] = [];
  for (let bit = 1n; bit <= mask; bit <<= 1n) {
    if ((mask & bit) !== 0n) out.push({ value: ~value & bit, mask: bit });
  }
  return out;
}

/** Whether `mask` keeps the first bits of a `bits`-bit number, and no others. */
export function isPrefixMask(mask: bigint, bits: number): boolean {
  const inverted = onesOf(bits) & ~mask;
  return (inverted & (inverted + 1n)) === 0n;
}

/**
 * The values of a `bits`-bit number that none of `prefixes` holds, as disjoint prefixes. There are never more than `bits` for each prefix, where the
 * product of the terms of `differing` has `bits` to the power of their number.
 */
export function complement(
  prefixes: readonly { readonly value: bigint; readonly mask: bigint }[],
  bits: number,
): { value: bigint; mask: bigint }[] {
  const out: { value: bigint; mask: bigint }[] = [];
  const walk = (
    value: bigint,
    mask: bigint,
    bit: bigint,
    held: readonly { readonly value: bigint; readonly mask: bigint }[],
  ): void => {
    if (held.length === 0) {
      out.push({ value, mask });
      return;
    }
    if (held.some((prefix) => (prefix.mask & ~mask) === 0n)) return;
    const next = mask | bit;
    walk(
      value,
      next,
      bit >> 1n,
      held.filter((prefix) => (prefix.value & bit) === 0n),
    );
    walk(
      value | bit,
      next,
      bit >> 1n,
      held.filter((prefix) => (prefix.value & bit) !== 0n),
    );
  };
  walk(0n, 0n, 1n << BigInt(bits - 1), prefixes);
  return out;
}
