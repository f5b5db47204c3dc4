/**
 * Disjunctive normal forms, and their algebra. A conjunct says of each field which values it may have, as a union of ternary terms, so that a set of
 * five hundred addresses is one conjunct, not five hundred.
 */
import type { BaseField } from './symbols.ts';
import { intersectAll, MatchTooLarge, type Ternary, Union } from './terms.ts';

/** Which values one field may have. */
export interface Clause {
  readonly base: BaseField;
  readonly terms: readonly Ternary[];
  /** The terms were alternatives to other fields' in the expression, so they need not stay together. */
  readonly loose: boolean;
}

/** Clauses that must all hold, in the order of their fields' names, one for each field. */
export type Conjunct = readonly Clause[];

/** Conjuncts of which one must hold. Empty: never true. One empty conjunct: always true. */
export type NormalForm = readonly Conjunct[];

/** Every packet. One object, so that products know it without a look. */
export const always: NormalForm = [[]];
/** No packet. */
export const never: NormalForm = [];

/** A match of more conjuncts is refused instead of eating the machine. */
const conjunctLimit = 100_000;

/** The packets of both. Throws MatchTooLarge. */
export function product(a: NormalForm, b: NormalForm): NormalForm {
  if (a === always) return b;
  if (b === always || a === b) return a;
  if (a.length * b.length > conjunctLimit)
    throw new MatchTooLarge(`The match has more than ${conjunctLimit} alternatives.`);
  const out: Conjunct[] = [];
  for (const x of a) {
    for (const y of b) {
      const both = join(x, y);
      if (both !== undefined) out.push(both);
    }
  }
  return out;
}

/** One conjunct of two; undefined if they contradict each other. */
function join(a: Conjunct, b: Conjunct): Conjunct | undefined {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const out: Clause[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const x = a[i]!;
    const y = b[j]!;
    if (x.base === y.base) {
      if (x.terms === y.terms) {
        out.push(x);
      } else {
        const terms = intersectAll(x.terms, y.terms);
        if (terms.length === 0) return undefined;
        out.push({ base: x.base, terms, loose: x.loose || y.loose });
      }
      i++;
      j++;
    } else if (x.base.order < y.base.order) {
      out.push(x);
      i++;
    } else {
      out.push(y);
      j++;
    }
  }
  while (i < a.length) out.push(a[i++]!);
  while (j < b.length) out.push(b[j++]!);
  return out;
}

/** A normal form in the making: conjuncts that follow each other and differ in one field only become one. */
export class Alternatives {
  readonly #form: Conjunct[] = [];
  /** Which field the last of them grows in, and its terms: thousands of alternatives must not copy them each time. */
  #growing: { readonly at: number; readonly union: Union } | undefined;

  get form(): NormalForm {
    return this.#form;
  }

  add(conjunct: Conjunct): void {
    const last = this.#form.at(-1);
    const at = last === undefined ? undefined : onlyDifference(last, conjunct);
    if (last === undefined || at === undefined) {
      this.#form.push(conjunct);
      this.#growing = undefined;
      return;
    }
    const old = last[at];
    const added = conjunct[at];
    if (old === undefined || added === undefined) return;
    if (this.#growing?.at !== at) this.#growing = { at, union: new Union().add(old.terms) };
    const { terms } = this.#growing.union.add(added.terms);
    const loose = old.loose || added.loose;
    if (terms !== old.terms || loose !== old.loose)
      this.#form[this.#form.length - 1] = last.map((clause, i) =>
        i === at ? { base: old.base, terms, loose } : clause,
      );
  }
}

/** The place of the one clause in which two conjuncts differ; -1 if they are the same, undefined if there are more or other fields. */
function onlyDifference(a: Conjunct, b: Conjunct): number | undefined {
  if (a.length !== b.length) return undefined;
  let different = -1;
  for (let i = 0; i < a.length; i++) {
    const x = a[i]!;
    const y = b[i]!;
    if (x.base !== y.base) return undefined;
    if (sameTerms(x.terms, y.terms)) continue;
    if (different >= 0) return undefined;
    different = i;
  }
  return different;
}

function sameTerms(a: readonly Ternary[], b: readonly Ternary[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i]!.value !== b[i]!.value || a[i]!.mask !== b[i]!.mask) return false;
  }
  return true;
}
