/**
 * Matches by shape. ovn-northd writes the same few hundred texts again and again with other addresses and port names in them:
 * `inport == "X" && eth.src == 0a:00:00:00:00:01`. What such a text becomes is learned from its first, with the places of its literals in the flow; the
 * next costs reading its literals and copying the flow.
 *
 * A literal is what follows `== `. Learning is by experiment, with the compiler itself: a literal may vary if without its comparison nothing constrains
 * the field, and if with all of its bits inverted the same one flow comes out with the same bits inverted, all of them matched, in that field alone.
 */
import { Match, type Term } from '@weft/openflow/match';
import type { Constant, Expression } from './ast.ts';
import type { MatchFlows } from './flows.ts';
import type { MatchLookups } from './normalize.ts';
import { type NumberFormat, narrow, parseEthernet, parseIpv4, parseIpv6, type Value } from './number.ts';

/** Shapes that are remembered; there are a few hundred in a network, and texts that are all different must not fill the memory. */
const shapeLimit = 10_000;
/** Texts with more literals are rare, and nobody's hot path. */
const literalLimit = 16;

/** Those of a match that is never true. */
export const noFlows: MatchFlows = { flows: [], conjunctions: 0 };

const QUOTE = 34;

interface Slot {
  readonly format: NumberFormat | 'string';
  /** The place of its term in the match. */
  readonly term: number;
}

interface Shape {
  /** What is around the literals. */
  readonly pieces: readonly string[];
  /** In the order of the text; undefined if its texts must be compiled each for itself. */
  readonly slots: readonly Slot[] | undefined;
  readonly terms: readonly Term[];
}

/** Flows of a syntax tree, the hard way. */
export type CompileTree = (expression: Expression, lookups: MatchLookups) => MatchFlows;

/** The shapes of matches under one prerequisite. */
export class Shapes {
  readonly #shapes = new Map<number, Shape>();
  /** Where the literals of the text at hand start and end. */
  readonly #bounds = new Int32Array(2 * literalLimit);
  #count = 0;

  /** The flows of a text whose shape is known; undefined if it is not, or if the text is not quite of it. */
  instantiate(text: string, lookupPort: (name: string) => number | undefined): MatchFlows | undefined {
    const shape = this.#shapes.get(this.#scan(text));
    if (shape?.slots === undefined || !this.#fits(text, shape)) return undefined;
    const terms = shape.terms.slice();
    let absent = false;
    for (let i = 0; i < shape.slots.length; i++) {
      const { format, term } = shape.slots[i]!;
      const { field } = terms[term]!;
      const literal = this.#literal(text, i);
      const isString = literal.charCodeAt(0) === QUOTE;
      if (isString !== (format === 'string')) return undefined;
      const value = format === 'string' ? lookupPort(literal.slice(1, -1)) : parse(literal, format);
      if (value === undefined) {
        if (!isString) return undefined;
        absent = true;
      } else {
        if (value > field.ones) return undefined;
        terms[term] = { field, value: field.wide ? BigInt(value) : value, mask: undefined };
      }
    }
    if (absent) return noFlows;
    return { flows: [{ match: new Match(terms), parts: [], conjunction: undefined }], conjunctions: 0 };
  }

  /** Learns the shape of a text that is a match, if it is a new one. */
  learn(text: string, expression: Expression, compile: CompileTree): void {
    const hash = this.#scan(text);
    if (this.#count === 0 || this.#shapes.has(hash) || this.#shapes.size >= shapeLimit) return;
    // Then the literals are the right sides of all `==`, in order.
    if (text.split('==').length !== this.#count + 1) return;
    const pieces: string[] = [];
    let from = 0;
    for (let i = 0; i < this.#count; i++) {
      pieces.push(text.slice(from, this.#bounds[2 * i]));
      from = this.#bounds[2 * i + 1]!;
    }
    pieces.push(text.slice(from));
    const literals = Array.from({ length: this.#count }, (_, i) => this.#literal(text, i));
    const known = experiment(literals, expression, compile);
    this.#shapes.set(hash, { pieces, slots: known?.slots, terms: known?.terms ?? [] });
  }

  #literal(text: string, i: number): string {
    return text.slice(this.#bounds[2 * i], this.#bounds[2 * i + 1]);
  }

  /** Finds the literals, and returns a hash of what is around them. */
  #scan(text: string): number {
    let hash = 0;
    let count = 0;
    let from = 0;
    while (count < literalLimit) {
      const equals = text.indexOf('== ', from);
      if (equals < 0) break;
      for (let i = from; i < equals; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
      from = equals + 3;
      const end = literalEnd(text, from);
      if (end < 0) continue;
      hash = (Math.imul(hash, 31) + 1) | 0;
      this.#bounds[2 * count] = from;
      this.#bounds[2 * count + 1] = end;
      count++;
      from = end;
    }
    for (let i = from; i < text.length; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
    this.#count = count;
    return hash;
  }

  #fits(text: string, { pieces }: Shape): boolean {
    if (pieces.length !== this.#count + 1) return false;
    let from = 0;
    for (let i = 0; i < this.#count; i++) {
      const piece = pieces[i]!;
      if (from + piece.length !== this.#bounds[2 * i] || !text.startsWith(piece, from)) return false;
      from = this.#bounds[2 * i + 1]!;
    }
    const last = pieces[this.#count]!;
    return from + last.length === text.length && text.endsWith(last);
  }
}

/** The end of the plain string, number or address at `from`; negative if there is none that ends at a space, a parenthesis or the text's end. */
function literalEnd(text: string, from: number): number {
  let end = from;
  const first = text.charCodeAt(from);
  if (first === QUOTE) {
    end = text.indexOf('"', from + 1) + 1;
    if (end === 0) return -1;
    for (let i = from; i < end; i++) if (text.charCodeAt(i) === 92) return -1;
  } else {
    // What starts with a letter is a name, if it is no Ethernet address.
    if (!(first >= 48 && first <= 57) && text.charCodeAt(from + 2) !== 58) return -1;
    while (isNumberPart(text.charCodeAt(end))) end++;
  }
  if (end === from) return -1;
  const c = text.charCodeAt(end);
  return end === text.length || c === 32 || c === 41 ? end : -1;
}

function isNumberPart(c: number): boolean {
  return (c >= 48 && c <= 58) || (c >= 97 && c <= 102) || (c >= 65 && c <= 70) || c === 46;
}

/** A literal in the notation; undefined if it is not one, or one that the parser has something to say of. */
function parse(literal: string, format: NumberFormat): Value | undefined {
  switch (format) {
    case 'decimal':
      return /^(0|[1-9][0-9]{0,8})$/.test(literal) ? Number(literal) : undefined;
    case 'ipv4':
      return parseIpv4(literal);
    case 'ethernet':
      return parseEthernet(literal);
    case 'ipv6':
      // `1:2:3:4:5:6` with short parts is an Ethernet address.
      return parseEthernet(literal) === undefined ? narrowed(parseIpv6(literal)) : undefined;
    default:
      return undefined;
  }
}

function narrowed(value: bigint | undefined): Value | undefined {
  return value === undefined ? undefined : narrow(value);
}

/** The comparisons of a tree that is nothing but comparisons and predicates that must all hold; undefined if it is more. */
function comparisons(expression: Expression): (Expression & { kind: 'comparison' })[] | undefined {
  switch (expression.kind) {
    case 'comparison':
      return [expression];
    case 'predicate':
      return [];
    case 'not':
      return expression.operand.kind === 'predicate' ? [] : undefined;
    case 'and': {
      const all = expression.operands.map(comparisons);
      return all.every((some) => some !== undefined) ? all.flat() : undefined;
    }
    default:
      return undefined;
  }
}

function experiment(
  literals: readonly string[],
  expression: Expression,
  compile: CompileTree,
): { slots: Slot[]; terms: readonly Term[] } | undefined {
  const found = comparisons(expression);
  if (found === undefined) return undefined;
  const constants: Constant[] = [];
  const widths: number[] = [];
  for (const { field, relop, constants: some } of found) {
    for (const constant of some) if (constant.kind !== 'integer' && constant.kind !== 'string') return undefined;
    if (relop !== '==' || some.length !== 1) continue;
    constants.push(some[0]!);
    widths.push(field.bits);
  }
  // Bits of fields that are named alone are comparisons too, of another relation.
  if (constants.length !== literals.length) return undefined;
  const ports = new Map<string, number>();
  const lookups: MatchLookups = {
    lookupPort: (name) => ports.get(name),
    lookupAddressSet: () => undefined,
    lookupPortGroup: () => undefined,
    isChassisResident: () => false,
  };
  for (const constant of constants) if (constant.kind === 'string') ports.set(constant.value, 0x1234);
  for (const { constants: some } of found)
    for (const c of some) if (c.kind === 'string' && !ports.has(c.value)) return undefined;
  const terms = onlyMatch(compile(expression, lookups))?.terms;
  if (terms === undefined) return undefined;
  const slots: Slot[] = [];
  for (const [i, constant] of constants.entries()) {
    const literal = literals[i]!;
    const format = constant.kind === 'integer' ? constant.format : 'string';
    if (constant.kind === 'string' ? literal !== `"${constant.value}"` : !reads(literal, constant)) return undefined;
    const invertedPort = `${literal}'`;
    const slot = terms.findIndex((term) => {
      // A field that shares storage with another may be only part of what is compared.
      if (term.mask !== undefined || term.field.bits !== widths[i]) return false;
      const value = constant.kind === 'integer' ? constant.value : 0x1234;
      if (BigInt(term.value) !== BigInt(value)) return false;
      const without = compile(replace(expression, constant, undefined), lookups);
      if (without.flows.length === 0 || without.flows.some(({ match }) => match.get(term.field) !== undefined))
        return false;
      const inverted = narrow(BigInt(term.field.ones) ^ BigInt(value));
      const flipped: Constant =
        constant.kind === 'integer' ? { ...constant, value: inverted } : { kind: 'string', value: invertedPort };
      ports.set(invertedPort, Number(BigInt.asUintN(32, BigInt(inverted))));
      const other = onlyMatch(compile(replace(expression, constant, flipped), lookups))?.terms;
      return (
        other !== undefined &&
        other.length === terms.length &&
        other.every((o, k) => {
          const t = terms[k]!;
          if (t === term) return o.field === t.field && o.mask === undefined && BigInt(o.value) === BigInt(inverted);
          return o.field === t.field && o.value === t.value && o.mask === t.mask;
        })
      );
    });
    if (slot < 0 || slots.some((s) => s.term === slot)) return undefined;
    slots.push({ format, term: slot });
  }
  return { slots, terms };
}

function reads(literal: string, constant: Constant): boolean {
  if (constant.kind !== 'integer' || constant.mask !== undefined) return false;
  const value = parse(literal, constant.format);
  return value !== undefined && BigInt(value) === BigInt(constant.value);
}

function onlyMatch({ flows }: MatchFlows): Match | undefined {
  const [only] = flows;
  return flows.length === 1 && only?.conjunction === undefined && only?.parts.length === 0 ? only.match : undefined;
}

/** The tree with another constant, or nothing at all, in the place of a comparison with one, which is told by identity. */
function replace(expression: Expression, old: Constant, next: Constant | undefined): Expression {
  if (expression.kind === 'comparison') {
    if (expression.constants[0] !== old) return expression;
    return next === undefined ? { kind: 'boolean', value: true } : { ...expression, constants: [next] };
  }
  if (expression.kind !== 'and') return expression;
  return { ...expression, operands: expression.operands.map((operand) => replace(operand, old, next)) };
}
