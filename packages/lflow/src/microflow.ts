/** Microflows: a packet, described by an expression that leaves no choice (ovn-controller(8), `inject-pkt`; ovn-trace(8), "Specifying Microflows"). */
import { annotate, type Plain, plain, printPlain, type SetMembers } from './annotate.ts';
import type { Expression } from './ast.ts';
import { unreachable } from './ast.ts';
import { type Doubt, LflowError } from './lexer.ts';
import { Normalizer } from './normalize.ts';
import { parseMatch } from './parse-match.ts';
import { createSymbols } from './symbols.ts';
import { expandTemplate } from './template.ts';
import { onesOf } from './terms.ts';

export interface MicroflowLookups extends SetMembers {
  /** The text of `^name`. */
  readonly lookupTemplate: (name: string) => string | undefined;
}

export interface Microflow {
  /** The logical port that the packet comes from, if the expression says one. */
  readonly inport: string | undefined;
  /** The value of a whole field, by its symbol's name; bits that the expression does not mention are 0. */
  readonly field: (name: string) => bigint;
}

/** The packet that an expression describes; or what is wrong with the expression, in ovn-controller's words. */
export function parseMicroflow(text: string, lookups: MicroflowLookups): Microflow | { readonly error: string } {
  try {
    return microflow(text, lookups);
  } catch (error) {
    if (!(error instanceof LflowError)) throw error;
    for (const doubt of (error.doubts ?? []) as readonly Doubt<SetMembers>[]) {
      const complaint = doubt(lookups);
      if (complaint !== undefined) return { error: complaint.message };
    }
    return { error: error.message };
  }
}

function microflow(text: string, lookups: MicroflowLookups): Microflow | { readonly error: string } {
  const symbols = createSymbols();
  const match = plain(parseMatch(expandTemplate(text, lookups.lookupTemplate), symbols), symbols, lookups);
  const ports = new PortNumbers();
  const form = new Normalizer(symbols).normalize(choices(match), {
    lookupPort: (name) => ports.of(name),
    lookupAddressSet: () => undefined,
    lookupPortGroup: () => undefined,
    // Nobody asks where the packet would be if it were not here.
    isChassisResident: () => true,
  });
  const [only] = form;
  if (only === undefined) return { error: 'Constraints are contradictory.' };
  if (form.length > 1 || only.some(({ terms }) => terms.length > 1))
    return { error: `Constraints are ambiguous: ${printPlain(annotate(match, symbols))}.` };
  const values = new Map(only.map(({ base, terms }) => [base.name, BigInt(terms[0]?.value ?? 0)]));
  return {
    inport: ports.name(Number(values.get('inport') ?? 0)),
    field: (name) => values.get(name) ?? 0n,
  };
}

/** Names as numbers: two ports are the same if their names are, whether there are such ports or not. */
class PortNumbers {
  readonly #names: string[] = [];

  of(name: string): number {
    const at = this.#names.indexOf(name);
    return at >= 0 ? at + 1 : this.#names.push(name);
  }

  name(number: number): string | undefined {
    return this.#names[number - 1];
  }
}

/**
 * The same for normalizing, where `<=` and `>=` are two alternatives, as ovn-controller takes them: it does not notice that `tcp.src <= 1` leaves one
 * value under a mask.
 */
function choices(match: Plain): Expression {
  switch (match.kind) {
    case 'boolean':
      return match;
    case 'resident':
    case 'predicate': {
      const { negated, ...operand } = match;
      return negated ? { kind: 'not', operand } : operand;
    }
    case 'and':
    case 'or':
      return { kind: match.kind, operands: match.operands.map(choices) };
    case 'comparison': {
      const { relop, field, constants } = match;
      const [bound] = constants;
      if ((relop !== '<=' && relop !== '>=') || bound?.kind !== 'integer') return match;
      const always = relop === '<=' ? onesOf(field.bits) : 0n;
      if (BigInt(bound.value) === always) return match;
      const strict = { ...match, relop: relop === '<=' ? '<' : '>' } as const;
      return { kind: 'or', operands: [strict, { ...match, relop: '==' }] };
    }
    default:
      return unreachable(match);
  }
}
