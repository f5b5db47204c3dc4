/**
 * Templates of matches (see `shapes.ts`).
 *
 * A literal is a hole if it is a constant, or one of a set, of an `==` that must hold in any case (an operand of the match's outermost `&&`), if nothing
 * else in the match constrains the field, in any of its flows, and if the compiler puts it whole into one term of a flow or of several. The match is
 * then the product of that comparison with something that does not know the field: another value gives the same flows with that value in them, as long
 * as the values of a set remain different.
 */
import type { Field, FieldValue } from '@weft/openflow/fields';
import { Match, type Term } from '@weft/openflow/match';
import type { Constant, Expression } from './ast.ts';
import type { MatchFlow, MatchFlows } from './flows.ts';
import { LiteralKind, type Literals } from './literals.ts';
import type { MatchLookups } from './normalize.ts';
import { narrow } from './number.ts';
import { agree, type Fixed } from './shapes.ts';
import { onesOf } from './terms.ts';

/** Flows of a syntax tree, the hard way; undefined if it has an error. */
export type CompileTree = (expression: Expression, lookups: MatchLookups) => MatchFlows | undefined;

type Comparison = Expression & { readonly kind: 'comparison' };

/** Where a constant is in the flows. */
interface Target {
  readonly field: Field;
  readonly mask: FieldValue | undefined;
  /** Indices of a flow and of a term in it, of another flow and of a term in that, and so on. */
  readonly places: readonly number[];
}

interface Hole extends Target {
  readonly literal: number;
  readonly kind: number;
  /** Whether it is the only constant of its comparison. */
  readonly alone: boolean;
  /** How many of the holes that follow are constants of the same set: their values must differ from this one's. */
  readonly others: number;
}

const noFlows: MatchFlows = { flows: [], conjunctions: 0 };

/** What the texts of a shape become. */
export class MatchTemplate {
  readonly #flows: readonly MatchFlow[];
  readonly #conjunctions: number;
  readonly #holes: readonly Hole[];
  readonly #fixed: readonly Fixed[];

  constructor({ flows, conjunctions }: MatchFlows, holes: readonly Hole[], fixed: readonly Fixed[]) {
    this.#flows = flows;
    this.#conjunctions = conjunctions;
    this.#holes = holes;
    this.#fixed = fixed;
  }

  /** The flows of a text; undefined if it is one that must be compiled. */
  make(text: string, literals: Literals, lookupPort: (name: string) => number | undefined): MatchFlows | undefined {
    if (!agree(text, literals, this.#fixed)) return undefined;
    const terms: Term[][] = [];
    for (const { match } of this.#flows) terms.push(match.terms.slice());
    let absent = false;
    for (const { literal, kind, field, mask, places, alone } of this.#holes) {
      let value: FieldValue;
      if (kind === LiteralKind.string) {
        const key = lookupPort(literals.string(text, literal));
        if (key === undefined && !alone) return undefined;
        if (key === undefined) absent = true;
        value = key ?? 0;
      } else if (field.wide) {
        value = literals.wide(literal);
        if (mask !== undefined) value &= mask as bigint;
      } else {
        value = literals.narrow(literal);
        if (mask !== undefined) value = (value & (mask as number)) >>> 0;
      }
      if (value > field.ones) return undefined;
      const term: Term = { field, value, mask };
      for (let p = 0; p < places.length; p += 2) terms[places[p]!]![places[p + 1]!] = term;
    }
    if (absent) return noFlows;
    if (!this.#differ(terms)) return undefined;
    const flows: MatchFlow[] = [];
    for (let i = 0; i < terms.length; i++) {
      const { parts, conjunction } = this.#flows[i]!;
      flows.push({ match: new Match(terms[i]!), parts, conjunction });
    }
    return { flows, conjunctions: this.#conjunctions };
  }

  /** Whether the values of each set are different. */
  #differ(terms: readonly Term[][]): boolean {
    const holes = this.#holes;
    for (let i = 0; i < holes.length; i++) {
      for (let j = i + holes[i]!.others; j > i; j--)
        if (valueAt(terms, holes[i]!) === valueAt(terms, holes[j]!)) return false;
    }
    return true;
  }
}

function valueAt(terms: readonly Term[][], { places }: Hole): FieldValue {
  return terms[places[0]!]![places[1]!]!.value;
}

/** Learns the template of a match, if it has one. Of the caller it asks nothing: ports have numbers of its own. */
export function learnMatch(
  text: string,
  literals: Literals,
  expression: Expression,
  compile: CompileTree,
): MatchTemplate | undefined {
  const experiment = new Experiment(expression, compile);
  const comparisons = mandatory(expression).filter(({ relop }) => relop === '==');
  const starts = literals.starts.subarray(0, literals.count);
  const holes: Hole[] = [];
  for (const comparison of comparisons) {
    const found = comparison.constants.map((constant, i): Hole | undefined => {
      const literal = starts.indexOf(constant.offset);
      const target = literal < 0 ? undefined : experiment.target(comparison, constant);
      const others = comparison.constants.length - 1 - i;
      return target && { ...target, literal, kind: literals.kinds[literal]!, alone: i + others === 0, others };
    });
    if (found.every((hole) => hole !== undefined)) holes.push(...found);
  }
  const strings = holes.filter(({ kind }) => kind === LiteralKind.string).length;
  const flows = experiment.flows;
  // The flows have made-up numbers for ports in them, which must all be replaced.
  if (flows === undefined || experiment.asked || holes.length === 0 || strings !== countStrings(expression)) {
    return undefined;
  }
  const fixed: Fixed[] = [];
  for (let literal = 0; literal < literals.count; literal++) {
    if (!holes.some((hole) => hole.literal === literal)) fixed.push({ literal, text: literals.text(text, literal) });
  }
  return new MatchTemplate(flows, holes, fixed);
}

/** Compiles a match with other constants in it. */
class Experiment {
  readonly #expression: Expression;
  readonly #compile: CompileTree;
  readonly #ports = new Map<string, number>();
  /** Whether the match asks for what no literal names. */
  asked = false;
  readonly flows: MatchFlows | undefined;

  constructor(expression: Expression, compile: CompileTree) {
    this.#expression = expression;
    this.#compile = compile;
    this.flows = this.#flowsOf(expression);
  }

  #flowsOf(expression: Expression): MatchFlows | undefined {
    const ask = (): undefined => {
      this.asked = true;
      return undefined;
    };
    return this.#compile(expression, {
      lookupPort: (name) => this.#port(name),
      lookupAddressSet: ask,
      lookupPortGroup: ask,
      isChassisResident: () => ask() ?? false,
    });
  }

  #port(name: string): number {
    let port = this.#ports.get(name);
    if (port === undefined) {
      port = 0x1000 + this.#ports.size;
      this.#ports.set(name, port);
    }
    return port;
  }

  /** Where a comparison's constant is in the flows; undefined if it is no hole. */
  target(comparison: Comparison, constant: Constant): Target | undefined {
    const { bits } = comparison.field;
    const ones = onesOf(bits);
    const isString = constant.kind === 'string';
    if (this.flows === undefined || (constant.kind !== 'integer' && !isString)) return undefined;
    const prefix = isString || constant.mask === undefined ? ones : BigInt(constant.mask);
    // Under a mask, one value may lie within another.
    if (prefix !== ones && comparison.constants.length > 1) return undefined;
    const value = BigInt(isString ? this.#port(constant.value) : constant.value) & prefix;
    const inverted = (ones ^ value) & prefix;
    const invertedPort = `${isString ? constant.value : ''}\n`;
    if (isString) this.#ports.set(invertedPort, Number(inverted));
    const inverse: Constant = isString
      ? { ...constant, value: invertedPort }
      : { ...constant, value: narrow(inverted) };
    const constants = comparison.constants.map((c) => (c === constant ? inverse : c));
    const without = this.#flowsOf(replace(this.#expression, comparison, { kind: 'boolean', value: true }));
    const others = this.#flowsOf(replace(this.#expression, comparison, { ...comparison, constants }));
    if (without === undefined || without.flows.length === 0 || others === undefined) return undefined;
    for (const field of new Set(this.flows.flows.flatMap(({ match }) => match.terms.map((term) => term.field)))) {
      // A field that shares storage with another may be only part of what is compared.
      if (field.bits !== bits || without.flows.some(({ match }) => match.get(field) !== undefined)) continue;
      const mask = prefix === ones ? undefined : field.wide ? prefix : Number(prefix);
      const places = inversions(this.flows, others, { field, value, mask, inverted });
      if (places !== undefined) return { field, mask, places };
    }
    return undefined;
  }
}

/** The places where flows differ from others, if that is how they differ: in the terms of that field and value, which are inverted. */
function inversions(
  { flows, conjunctions }: MatchFlows,
  others: MatchFlows,
  what: { readonly field: Field; readonly value: bigint; readonly mask: FieldValue | undefined; inverted: bigint },
): readonly number[] | undefined {
  if (flows.length !== others.flows.length || conjunctions !== others.conjunctions) return undefined;
  const places: number[] = [];
  for (const [f, flow] of flows.entries()) {
    const other = others.flows[f]!;
    const { terms } = flow.match;
    if (terms.length !== other.match.terms.length || flow.conjunction !== other.conjunction) return undefined;
    if (JSON.stringify(flow.parts) !== JSON.stringify(other.parts)) return undefined;
    for (const [t, a] of terms.entries()) {
      const b = other.match.terms[t]!;
      if (a.field !== b.field || a.mask !== b.mask) return undefined;
      if (a.value === b.value) continue;
      if (a.field !== what.field || a.mask !== what.mask) return undefined;
      if (BigInt(a.value) !== what.value || BigInt(b.value) !== what.inverted) return undefined;
      places.push(f, t);
    }
  }
  return places.length === 0 ? undefined : places;
}

/** The comparisons that must all hold for the match to hold. */
function mandatory(expression: Expression): readonly Comparison[] {
  if (expression.kind === 'comparison') return [expression];
  return expression.kind === 'and' ? expression.operands.flatMap(mandatory) : [];
}

/** The tree with something else in the place of a mandatory comparison. */
function replace(expression: Expression, old: Comparison, next: Expression): Expression {
  if (expression === old) return next;
  if (expression.kind !== 'and') return expression;
  return { ...expression, operands: expression.operands.map((operand) => replace(operand, old, next)) };
}

function countStrings(expression: Expression): number {
  switch (expression.kind) {
    case 'comparison':
      return expression.constants.filter(({ kind }) => kind === 'string').length;
    case 'not':
      return countStrings(expression.operand);
    case 'and':
    case 'or':
      return expression.operands.reduce((count, operand) => count + countStrings(operand), 0);
    default:
      return 0;
  }
}
