/**
 * Templates of matches (see `shapes.ts`).
 *
 * A literal is a hole if it is a constant, or one of a set, of an `==` that must hold in any case (an operand of the match's outermost `&&`), if nothing
 * else in the match constrains the field, in any of its flows, and if the compiler puts it whole into one term of a flow or of several. The match is
 * then the product of that comparison with something that does not know the field: another value gives the same flows with that value in them, as long
 * as the values of a set remain different.
 */
import { Writer } from '@weft/openflow/buffer';
import type { Field } from '@weft/openflow/fields';
import { Match } from '@weft/openflow/match';
import type { Constant, Expression } from './ast.ts';
import { type MatchFlow, type MatchFlows, noFlows, putDatapath } from './flows.ts';
import { type Form, LiteralKind, type Literals, largest } from './literals.ts';
import type { MatchLookups } from './normalize.ts';
import { narrow } from './number.ts';
import { type Hole, holesOf, type Inversion, Pattern } from './pattern.ts';
import { exceed, type Limit } from './shapes.ts';
import { onesOf } from './terms.ts';

/** Flows of a syntax tree, the hard way; undefined if it has an error. */
export type CompileTree = (expression: Expression, lookups: MatchLookups) => MatchFlows | undefined;

type Comparison = Expression & { readonly kind: 'comparison' };

/** A literal that is the name of a port. */
interface Port {
  readonly literal: number;
  /** Whether it is the only constant of its comparison: without such a port, nothing matches. */
  readonly alone: boolean;
}

/** What a template knows of its literals. */
interface Known {
  readonly ports: readonly Port[];
  readonly limits: readonly Limit[];
  /** Literals that are members of one set: their values must differ. */
  readonly sets: readonly (readonly number[])[];
}

/** What a template asks, and for what datapath. */
export interface MatchPlace {
  readonly lookupPort: (name: string) => number | undefined;
  /** As MatchContext's. */
  readonly datapath?: { readonly tunnelKey: number };
}

const scratch = new Writer();

/** What the texts of a form become. */
export class MatchTemplate {
  readonly form: Form;
  readonly #flows: readonly MatchFlow[];
  readonly #patterns: readonly Pattern[];
  readonly #conjunctions: number;
  readonly #known: Known;

  /** @param holes for each flow, those in its match */
  constructor(form: Form, { flows, conjunctions }: MatchFlows, holes: readonly (readonly Hole[])[], known: Known) {
    this.form = form;
    this.#flows = flows;
    this.#patterns = flows.map(({ match }, i) => new Pattern(match.key, holes[i] ?? []));
    this.#conjunctions = conjunctions;
    this.#known = known;
  }

  /** The flows of a text whose literals these are; undefined if it is one that must be compiled. */
  make(text: string, literals: Literals, { lookupPort, datapath }: MatchPlace): MatchFlows | undefined {
    const { ports, limits, sets } = this.#known;
    if (exceed(literals, limits)) return undefined;
    let absent = false;
    for (const { literal, alone } of ports) {
      const key = lookupPort(literals.string(text, literal));
      if (key === undefined && !alone) return undefined;
      if (key === undefined) absent = true;
      literals.resolve(literal, key ?? 0);
    }
    if (absent) return noFlows;
    for (const set of sets) if (!differ(set, literals)) return undefined;
    // Most have one flow, and `map` makes an array of just that size.
    const flows = this.#flows.map(({ parts, conjunction }, i): MatchFlow => {
      scratch.pos = 0;
      this.#patterns[i]!.put(scratch, literals);
      if (datapath !== undefined) putDatapath(scratch, datapath.tunnelKey);
      return { match: new Match(scratch.wire()), parts, conjunction };
    });
    return { flows, conjunctions: this.#conjunctions };
  }
}

function differ(set: readonly number[], literals: Literals): boolean {
  for (let i = 1; i < set.length; i++) for (let j = 0; j < i; j++) if (literals.same(set[i]!, set[j]!)) return false;
  return true;
}

/** Learns the template of a match whose literals these are, if it has one. Of the caller it asks nothing: ports have numbers of its own. */
export function learnMatch(
  text: string,
  literals: Literals,
  expression: Expression,
  compile: CompileTree,
): MatchTemplate | undefined {
  const experiment = new Experiment(expression, compile);
  const { flows } = experiment;
  const starts = literals.starts.subarray(0, literals.count);
  const free: number[] = [];
  const sets: number[][] = [];
  const ports: Port[] = [];
  const limits: Limit[] = [];
  const holes: Hole[][] = flows?.flows.map(() => []) ?? [];
  for (const comparison of mandatory(expression)) {
    if (comparison.relop !== '==') continue;
    const set = comparison.constants.map(({ offset }) => starts.indexOf(offset));
    if (set.includes(-1)) continue;
    const first = free.length;
    const found = experiment.holes(comparison, first);
    if (found === undefined) continue;
    for (const byFlow of found) for (const [i, some] of byFlow.entries()) holes[i]?.push(...some);
    free.push(...set);
    for (const [i, index] of set.entries()) {
      const literal = first + i;
      const kind = literals.kinds[index]!;
      const { bits } = comparison.field;
      if (kind === LiteralKind.string) ports.push({ literal, alone: set.length === 1 });
      else if (bits < largest(kind)) limits.push({ literal, bits });
    }
    if (set.length > 1) sets.push(set.map((_, i) => first + i));
  }
  // The literals of a form are numbered as they stand in the text, and so are comparisons.
  if (free.some((literal, i) => i > 0 && literal <= free[i - 1]!)) return undefined;
  // The flows have made-up numbers for ports in them, which must all be replaced.
  if (flows === undefined || experiment.asked || ports.length !== countStrings(expression)) return undefined;
  return new MatchTemplate(literals.form(text, free), flows, holes, { ports, limits, sets });
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

  /** Where a comparison's constants, the literals from `first` on, are in each of the flows; undefined if one of them is no hole. */
  holes(comparison: Comparison, first: number): readonly (readonly (readonly Hole[])[])[] | undefined {
    const without = this.#flowsOf(replace(this.#expression, comparison, { kind: 'boolean', value: true }));
    if (without === undefined || without.flows.length === 0) return undefined;
    const found: (readonly (readonly Hole[])[])[] = [];
    for (const [i, constant] of comparison.constants.entries()) {
      const holes = this.#holesOf(comparison, constant, without, first + i);
      if (holes === undefined) return undefined;
      found.push(holes);
    }
    return found;
  }

  /** Where one of them is. `without` are the flows of the match without the comparison. */
  #holesOf(
    comparison: Comparison,
    constant: Constant,
    without: MatchFlows,
    literal: number,
  ): readonly (readonly Hole[])[] | undefined {
    const { bits } = comparison.field;
    const ones = onesOf(bits);
    const isString = constant.kind === 'string';
    if (this.flows === undefined || (constant.kind !== 'integer' && !isString)) return undefined;
    const mask = isString || constant.mask === undefined ? ones : BigInt(constant.mask);
    // Under a mask, one value may lie within another.
    if (mask !== ones && comparison.constants.length > 1) return undefined;
    const value = BigInt(isString ? this.#port(constant.value) : constant.value) & mask;
    const inverted = (ones ^ value) & mask;
    const invertedPort = `${isString ? constant.value : ''}\n`;
    if (isString) this.#ports.set(invertedPort, Number(inverted));
    const inverse: Constant = isString
      ? { ...constant, value: invertedPort }
      : { ...constant, value: narrow(inverted) };
    const constants = comparison.constants.map((c) => (c === constant ? inverse : c));
    const others = this.#flowsOf(replace(this.#expression, comparison, { ...comparison, constants }));
    if (others === undefined) return undefined;
    const field = differingField(this.flows, others);
    // A field that shares storage with another may be only part of what is compared.
    if (field?.bits !== bits || without.flows.some(({ match }) => match.get(field) !== undefined)) return undefined;
    return holesOfFlows(this.flows, others, { literal, value, mask, bits });
  }
}

/** The one field whose terms differ in two sets of flows that are alike but for that. */
function differingField(a: MatchFlows, b: MatchFlows): Field | undefined {
  const fields = new Set<Field>();
  for (const [i, { match }] of a.flows.entries()) {
    for (const [t, { field, value }] of match.terms.entries()) {
      const other = b.flows[i]?.match.terms[t];
      if (other?.field !== field) return undefined;
      if (other.value !== value) fields.add(field);
    }
  }
  const [only, second] = fields;
  return second === undefined ? only : undefined;
}

/** The holes in each flow, if they are how flows differ from others. */
function holesOfFlows(a: MatchFlows, b: MatchFlows, what: Inversion): readonly (readonly Hole[])[] | undefined {
  if (a.flows.length !== b.flows.length || a.conjunctions !== b.conjunctions) return undefined;
  const holes: (readonly Hole[])[] = [];
  for (const [i, flow] of a.flows.entries()) {
    const other = b.flows[i]!;
    if (flow.conjunction !== other.conjunction || JSON.stringify(flow.parts) !== JSON.stringify(other.parts))
      return undefined;
    const here = holesOf(flow.match.key, other.match.key, what);
    if (here === undefined) return undefined;
    holes.push(here);
  }
  return holes;
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
