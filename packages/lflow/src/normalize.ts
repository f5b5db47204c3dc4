/**
 * Match expressions to disjunctive normal form.
 *
 * Negation is pushed to the comparisons, and every comparison brings its symbol's prerequisites with it, negated or not: `!ct.new` is
 * `ct.trk && ct.new == 0`.
 */
import type { Constant, Expression, FieldRef, Relop } from './ast.ts';
import { negate, unreachable } from './ast.ts';
import { Lexer, LflowError } from './lexer.ts';
import { Alternatives, always, type Clause, type Conjunct, type NormalForm, never, product } from './normal-form.ts';
import type { NumberFormat, Value } from './number.ts';
import { checkWidth, parseMatch, unknownSet } from './parse-match.ts';
import type { BaseField, FieldSymbol, PredicateSymbol, SymbolTable } from './symbols.ts';
import {
  above,
  below,
  complement,
  differing,
  intersectAll,
  isPrefixMask,
  onesOf,
  place,
  type Ternary,
  unique,
} from './terms.ts';

/** What a match means depends on these. Each call of one is a dependency of the result on its answer. */
export interface MatchLookups {
  /** The number of a logical port or multicast group of the flow's datapath, as inport and outport hold it. */
  readonly lookupPort: (name: string) => number | undefined;
  /** The members of `$name`, each as text: an address, with a mask or without. */
  readonly lookupAddressSet: (name: string) => (Iterable<string> & object) | undefined;
  /** The logical ports of `@name`. */
  readonly lookupPortGroup: (name: string) => (Iterable<string> & object) | undefined;
  readonly isChassisResident: (port: string) => boolean;
}

/** Normal forms of one symbol table's prerequisites and predicates, which hold no names of the network. */
export class Normalizer {
  readonly #symbols: SymbolTable;
  readonly #prerequisites = new Map<string, NormalForm>();
  readonly #predicates = new Map<string, Expression>();
  readonly #positive = new Map<string, NormalForm>();
  readonly #addresses: AddressCache = new WeakMap();

  constructor(symbols: SymbolTable) {
    this.#symbols = symbols;
  }

  /** The normal form of a match. Throws LflowError where a set has a member that its field cannot hold. */
  normalize(expression: Expression, lookups: MatchLookups): NormalForm {
    return this.#expression(expression, false, lookups);
  }

  /** As `normalize`, for the packets that also meet the prerequisites' text. */
  normalizeWith(expression: Expression, prerequisites: string, lookups: MatchLookups): NormalForm {
    const form = this.#expression(expression, false, lookups);
    return prerequisites === '' ? form : product(form, this.prerequisite(prerequisites));
  }

  /** The normal form of a prerequisite's text. */
  prerequisite(text: string): NormalForm {
    if (text === '') return always;
    let form = this.#prerequisites.get(text);
    if (form === undefined) {
      form = this.#expression(parseMatch(text, this.#symbols), false, noLookups);
      this.#prerequisites.set(text, form);
    }
    return form;
  }

  #expression(expression: Expression, negated: boolean, lookups: MatchLookups): NormalForm {
    switch (expression.kind) {
      case 'boolean':
        return expression.value !== negated ? always : never;
      case 'resident':
        return lookups.isChassisResident(expression.port) !== negated ? always : never;
      case 'predicate':
        return this.#predicate(expression.symbol, negated);
      case 'not':
        return this.#expression(expression.operand, !negated, lookups);
      case 'comparison':
        return this.#comparison(
          expression.field,
          negated ? negate(expression.relop) : expression.relop,
          expression.constants,
          lookups,
        );
      case 'and':
      case 'or':
        return (expression.kind === 'and') !== negated
          ? this.#all(expression.operands, negated, lookups)
          : this.#any(expression.operands, negated, lookups);
      default:
        return unreachable(expression);
    }
  }

  #predicate(symbol: PredicateSymbol, negated: boolean): NormalForm {
    const known = negated ? undefined : this.#positive.get(symbol.name);
    if (known !== undefined) return known;
    let expansion = this.#predicates.get(symbol.name);
    if (expansion === undefined) {
      expansion = parseMatch(symbol.expansion, this.#symbols);
      this.#predicates.set(symbol.name, expansion);
    }
    const form = this.#expression(expansion, negated, noLookups);
    if (!negated) this.#positive.set(symbol.name, form);
    return form;
  }

  #all(operands: readonly Expression[], negated: boolean, lookups: MatchLookups): NormalForm {
    let form: NormalForm | undefined;
    for (const operand of mergeInequalities(operands, negated)) {
      const next = this.#expression(operand, negated, lookups);
      form = form === undefined ? next : product(form, next);
      if (form.length === 0) return never;
    }
    return form ?? always;
  }

  #any(operands: readonly Expression[], negated: boolean, lookups: MatchLookups): NormalForm {
    const out = new Alternatives();
    const mixed = !sameField(operands);
    for (const operand of operands) {
      const form = this.#expression(operand, negated, lookups);
      for (const conjunct of form) {
        if (conjunct.length === 0) return always;
        out.add(mixed && operand.kind === 'comparison' ? conjunct.map(loosen) : conjunct);
      }
    }
    return out.form;
  }

  #comparison(ref: FieldRef, relop: Relop, constants: readonly Constant[], lookups: MatchLookups): NormalForm {
    const { symbol } = ref;
    const { base } = symbol;
    let terms =
      symbol.type === 'string'
        ? stringTerms(constants, lookups)
        : integerTerms(ref, relop, constants, lookups, this.#addresses);
    // `!= $set` of an empty set compares nothing, so it needs nothing either.
    if (terms === 'anything') return always;
    if (terms === 'all') return this.prerequisite(symbol.prerequisites);
    const { unused } = base;
    if (unused !== 0) terms = terms.filter(({ value }) => (Number(value) & unused) === 0);
    if (terms.length === 0) return never;
    const clause: Conjunct = [{ base, terms, loose: false }];
    return symbol.prerequisites === '' ? [clause] : product(this.prerequisite(symbol.prerequisites), [clause]);
  }
}

const noLookups: MatchLookups = {
  lookupPort: () => undefined,
  lookupAddressSet: () => undefined,
  lookupPortGroup: () => undefined,
  isChassisResident: () => false,
};

function loosen(clause: Clause): Clause {
  return clause.terms.length === 1 || clause.loose ? clause : { ...clause, loose: true };
}

/** Whether all of an `||` compares one field, so that it is a set in other words. */
function sameField(operands: readonly Expression[]): boolean {
  let base: BaseField | undefined;
  for (const operand of operands) {
    if (operand.kind !== 'comparison') return false;
    base ??= operand.field.symbol.base;
    if (operand.field.symbol.base !== base) return false;
  }
  return true;
}

/** Joins `x != a && x != b` to `x != {a, b}`, whose complement is found at once. */
function mergeInequalities(operands: readonly Expression[], negated: boolean): readonly Expression[] {
  const relop = negated ? '==' : '!=';
  if (!operands.some((o) => o.kind === 'comparison' && o.relop === relop)) return operands;
  const inequalities = operands.filter(
    (o) => o.kind === 'comparison' && o.relop === relop && o.field.symbol.type === 'integer',
  );
  if (inequalities.length < 2) return operands;
  const merged = new Map<string, { field: FieldRef; constants: Constant[] }>();
  const out: Expression[] = [];
  for (const operand of operands) {
    if (operand.kind !== 'comparison' || operand.relop !== relop || operand.field.symbol.type !== 'integer') {
      out.push(operand);
      continue;
    }
    const { symbol, ofs, bits } = operand.field;
    const key = `${symbol.name}[${ofs}+${bits}]`;
    const group = merged.get(key);
    if (group !== undefined) {
      group.constants.push(...operand.constants);
      continue;
    }
    const constants = [...operand.constants];
    merged.set(key, { field: operand.field, constants });
    out.push({ kind: 'comparison', field: operand.field, relop, constants });
  }
  return out;
}

function stringTerms(constants: readonly Constant[], lookups: MatchLookups): readonly Ternary[] {
  const terms: Ternary[] = [];
  const add = (name: string): void => {
    const key = lookups.lookupPort(name);
    if (key !== undefined) terms.push({ value: key, mask: 0xffffffff });
  };
  for (const constant of constants) {
    if (constant.kind === 'string') {
      add(constant.value);
    } else if (constant.kind === 'port-group') {
      const ports = lookups.lookupPortGroup(constant.name);
      if (ports === undefined) throw unknownSet(constant);
      for (const port of ports) add(port);
    }
  }
  return unique(terms);
}

interface Masked {
  readonly value: bigint;
  readonly mask: bigint;
}

function integerTerms(
  ref: FieldRef,
  relop: Relop,
  constants: readonly Constant[],
  lookups: MatchLookups,
  addresses: AddressCache,
): readonly Ternary[] | 'all' | 'anything' {
  const { symbol, bits } = ref;
  const { base } = symbol;
  const ofs = symbol.ofs + ref.ofs;
  const [first] = constants;
  if (relop === '==' && constants.length === 1 && first?.kind === 'integer') {
    if (first.mask === undefined && ofs === 0 && bits === base.bits) {
      return [{ value: base.wide ? BigInt(first.value) : first.value, mask: base.ones }];
    }
    const ones: bigint | number = bits > 32 ? onesOf(bits) : bits === 32 ? 0xffffffff : 2 ** bits - 1;
    const mask = first.mask ?? ones;
    const term =
      bits <= 32
        ? place(base, ofs, lowBits(first.value), (lowBits(mask) & (ones as number)) >>> 0)
        : place(base, ofs, BigInt(first.value), BigInt(mask) & (ones as bigint));
    return term.mask === 0 || term.mask === 0n ? 'all' : [term];
  }
  if (relop === '==' && bits <= 32) {
    const narrowOnes = Number(onesOf(bits));
    const terms: Ternary[] = [];
    const add = (value: Value, mask: Value | undefined): void => {
      const m = mask === undefined ? narrowOnes : (lowBits(mask) & narrowOnes) >>> 0;
      terms.push(place(base, ofs, (lowBits(value) & m) >>> 0, m));
    };
    for (const constant of constants) {
      if (constant.kind === 'integer') add(constant.value, constant.mask);
      else if (constant.kind === 'address-set')
        for (const { value, mask } of addressSet(constant, symbol, lookups, addresses)) add(value, mask);
    }
    return terms.some(({ mask }) => mask === 0 || mask === 0n) ? 'all' : unique(terms);
  }
  const ones = onesOf(bits);
  const all: Masked[] = [];
  for (const constant of constants) {
    if (constant.kind === 'integer') {
      all.push(masked(constant.value, constant.mask, ones));
    } else if (constant.kind === 'address-set') {
      for (const member of addressSet(constant, symbol, lookups, addresses))
        all.push(masked(member.value, member.mask, ones));
    }
  }
  const placed = (terms: readonly Masked[]): readonly Ternary[] =>
    unique(terms.map((term) => place(base, ofs, term.value, term.mask)));
  switch (relop) {
    case '==':
      return all.some((term) => term.mask === 0n) ? 'all' : placed(all);
    case '!=': {
      if (all.length === 0) return 'anything';
      if (all.some((term) => term.mask === 0n)) return [];
      const [only] = all;
      if (all.length === 1 && only !== undefined) return placed(differing(only.value, only.mask));
      return unequal(all, bits).map(placed).reduce(intersectAll);
    }
    default: {
      const bound = all[0]?.value ?? 0n;
      // Less than the greatest, and greater than the least, are inequalities: they take as many flows, but ovn-controller's.
      if (relop === '<' && bound === ones) return placed(differing(ones, ones));
      if (relop === '>' && bound === 0n) return placed(differing(0n, ones));
      switch (relop) {
        case '<':
          return placed(below(bound, bits));
        case '<=':
          return bound >= ones ? 'all' : placed(below(bound + 1n, bits));
        case '>':
          return placed(above(bound, bits));
        case '>=':
          return bound === 0n ? 'all' : placed(above(bound - 1n, bits));
        default:
          return unreachable(relop);
      }
    }
  }
}

/** The product of the terms that differ from each constant gets this large; beyond it, prefixes are told apart by their trie. */
const productLimit = 4096;

/** What unequal to all of `constants` means: unions whose intersection it is. */
function unequal(constants: readonly Masked[], bits: number): (readonly Masked[])[] {
  const prefixes = constants.filter(({ mask }) => isPrefixMask(mask, bits));
  const others = constants.filter(({ mask }) => !isPrefixMask(mask, bits));
  const differ = ({ value, mask }: Masked): Masked[] => differing(value, mask);
  if (others.length === 0) return [complement(prefixes, bits)];
  const all = constants.map(differ);
  // The product has no more terms than the trie wherever they overlap, but grows with the power of the constants.
  if (all.reduce((total, terms) => total * terms.length, 1) <= productLimit) return all;
  return [...(prefixes.length === 0 ? [] : [complement(prefixes, bits)]), ...others.map(differ)];
}

function masked(value: number | bigint, mask: number | bigint | undefined, ones: bigint): Masked {
  const m = mask === undefined ? ones : BigInt(mask) & ones;
  return { value: BigInt(value) & m, mask: m };
}

function lowBits(value: number | bigint): number {
  return typeof value === 'number' ? value : Number(value & 0xffffffffn);
}

/** The members of an address set. Throws LflowError for one that the field cannot hold, as an IPv6 address in ip4.src. */
function addressSet(
  constant: Constant & { readonly kind: 'address-set' },
  symbol: FieldSymbol,
  lookups: MatchLookups,
  addresses: AddressCache,
): readonly Address[] {
  const members = lookups.lookupAddressSet(constant.name);
  if (members === undefined) throw unknownSet(constant);
  let parsed = addresses.get(members);
  if (parsed === undefined) {
    // What is no address at all is nobody's address.
    parsed = [...members].flatMap((member) => parseAddress(member) ?? []);
    addresses.set(members, parsed);
  }
  for (const address of parsed) checkWidth(address, symbol.bits, symbol.name, constant.offset);
  return parsed;
}

interface Address {
  readonly value: Value;
  readonly mask: Value | undefined;
  readonly format: NumberFormat;
}

/** The addresses of sets, which are often in many matches. A set that was given never changes. */
type AddressCache = WeakMap<Iterable<string> & object, readonly Address[]>;

function parseAddress(text: string): Address | undefined {
  try {
    const lexer = new Lexer(text);
    const { type, value, mask, format } = lexer;
    if (type !== 'integer' && type !== 'masked-integer') return undefined;
    lexer.next();
    return lexer.type === 'end' ? { value, mask: type === 'integer' ? undefined : mask, format } : undefined;
  } catch (error) {
    if (error instanceof LflowError) return undefined;
    throw error;
  }
}
