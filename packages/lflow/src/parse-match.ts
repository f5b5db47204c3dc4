/**
 * The parser of match expressions (ovn-sb(5), Logical_Flow, "match"): a recursive descent with the checks that need no knowledge of the network.
 * Messages are worded as ovn-controller's.
 */
import type { Constant, Expression, FieldRef, Relop } from './ast.ts';
import { type Doubt, Lexer, LflowError } from './lexer.ts';
import { bitLength, type NumberFormat, type Value } from './number.ts';
import type { FieldSymbol, PredicateSymbol, SymbolTable } from './symbols.ts';

/** Parentheses and `!` may be nested this deep; a hostile text must not exhaust the stack. */
const maxDepth = 100;

const relops: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=']);
const mirrored: Readonly<Record<Relop, Relop>> = { '==': '==', '!=': '!=', '<': '>', '<=': '>=', '>': '<', '>=': '<=' };

/** What stands on one side of a relation. */
type Operand =
  | { readonly kind: 'field'; readonly field: FieldRef; readonly offset: number }
  | { readonly kind: 'predicate'; readonly symbol: PredicateSymbol; readonly offset: number };

interface ConstantSet {
  readonly constants: readonly Constant[];
  /** In curly braces. */
  readonly set: boolean;
  readonly type: 'integer' | 'string';
  readonly offset: number;
}

/** Parses a whole match. Throws LflowError. */
export function parseMatch(text: string, symbols: SymbolTable): Expression {
  const lexer = new Lexer(text);
  const parser = new MatchParser(lexer, symbols);
  try {
    const expression = parser.parse();
    lexer.expectEnd();
    return expression;
  } catch (error) {
    if (error instanceof LflowError) error.doubts = parser.doubts;
    throw error;
  }
}

type SetName = Constant & { readonly kind: 'address-set' | 'port-group' };

/** The complaint about a set that nobody knows, for the caller to throw. */
export function unknownSet({ kind, name, offset }: SetName): LflowError {
  const [sigil, what] = kind === 'address-set' ? ['$', 'address set'] : ['@', 'port group'];
  return new LflowError(`Syntax error at \`${sigil}${name}' expecting ${what} name.`, offset);
}

/** What a match asks of sets. */
export interface SetLookups {
  lookupAddressSet(name: string): unknown;
  lookupPortGroup(name: string): unknown;
}

const isKnownSet = (set: SetName): Doubt<SetLookups> => {
  const { kind, name } = set;
  return (lookups) => {
    const found = kind === 'address-set' ? lookups.lookupAddressSet(name) : lookups.lookupPortGroup(name);
    return found === undefined ? unknownSet(set) : undefined;
  };
};

/** Parses a reference to a field and its bits, as actions name them; leaves the lexer after it. */
export function parseField(lexer: Lexer, symbols: SymbolTable): FieldRef {
  const offset = lexer.start;
  const operand = parseOperand(lexer, symbols);
  if (isPredicate(operand)) throw notAnLvalue(operand, offset);
  return operand;
}

/** Tells a predicate symbol such as `ip4` from a field. */
export function isPredicate(operand: FieldRef | PredicateSymbol): operand is PredicateSymbol {
  return 'kind' in operand;
}

/** The complaint about a predicate that an action names, for the caller to throw. */
export function notAnLvalue({ name }: PredicateSymbol, offset: number): LflowError {
  return new LflowError(`Predicate symbol ${name} used where lvalue required.`, offset);
}

/** The same for the left side of an assignment, where a predicate is complained of only once `=` or `<->` is there. */
export function parseOperand(lexer: Lexer, symbols: SymbolTable): FieldRef | PredicateSymbol {
  const symbol = lexer.type === 'id' ? symbols.get(lexer.text) : undefined;
  if (symbol === undefined) throw lexer.syntaxError('expecting field name');
  const offset = lexer.start;
  lexer.next();
  if (symbol.kind === 'ovn-field') throw lexer.fail(`Field ${symbol.name} may not be used here.`, offset);
  if (symbol.kind === 'field') return parseBits(lexer, symbol);
  if (lexer.type === '[') parseBitRange(lexer, symbol.name, 1);
  return symbol;
}

function parseBits(lexer: Lexer, symbol: FieldSymbol): FieldRef {
  if (lexer.type !== '[') return symbol.whole;
  const offset = lexer.start;
  if (symbol.type === 'string') throw lexer.fail(`Cannot select subfield of string field ${symbol.name}.`, offset);
  const { low, high } = parseBitRange(lexer, symbol.name, symbol.bits);
  if (symbol.level === 'nominal' && (low > 0 || high < symbol.bits - 1)) {
    throw lexer.fail(`Cannot select subfield of nominal field ${symbol.name}.`, offset);
  }
  return { symbol, ofs: low, bits: high - low + 1 };
}

/** `[bit]` or `[low..high]` of what is `width` bits wide. */
function parseBitRange(lexer: Lexer, name: string, width: number): { readonly low: number; readonly high: number } {
  const offset = lexer.start;
  lexer.expect('[');
  const low = lexer.expectSmallInteger();
  const high = lexer.match('..') ? lexer.expectSmallInteger() : low;
  lexer.expect(']');
  if (low > high) throw lexer.fail(`Invalid bit range ${low} to ${high}.`, offset);
  if (high >= width) throw lexer.fail(`Cannot select bits ${low} to ${high} of ${width}-bit field ${name}.`, offset);
  return { low, high };
}

class MatchParser {
  readonly #lexer: Lexer;
  readonly #symbols: SymbolTable;
  readonly doubts: Doubt<SetLookups>[] = [];
  #depth = 0;

  constructor(lexer: Lexer, symbols: SymbolTable) {
    this.#lexer = lexer;
    this.#symbols = symbols;
  }

  parse(): Expression {
    return this.#sequence(false);
  }

  /** Operands joined by `&&` or by `||`, never both. `negated` tells the checks of nominal fields about the enclosing `!` operators. */
  #sequence(negated: boolean): Expression {
    const lexer: Lexer = this.#lexer;
    const first = this.#operand(negated);
    if (lexer.type !== '&&' && lexer.type !== '||') return first;
    const operator = lexer.type;
    const operands = [first];
    while (lexer.match(operator)) operands.push(this.#operand(negated));
    if (lexer.type === '&&' || lexer.type === '||')
      throw lexer.fail('&& and || must be parenthesized when used together.');
    return { kind: operator === '&&' ? 'and' : 'or', operands };
  }

  #operand(negated: boolean): Expression {
    const lexer: Lexer = this.#lexer;
    if (lexer.type === '(') {
      if (++this.#depth > maxDepth) throw lexer.fail('Parentheses nested too deeply.');
      lexer.next();
      const expression = this.#sequence(negated);
      lexer.expect(')');
      this.#depth--;
      return expression;
    }
    if (lexer.type !== '!') return this.#primary(negated, true);
    lexer.next();
    if ((lexer.type as string) === '(') return { kind: 'not', operand: this.#operand(!negated) };
    return { kind: 'not', operand: this.#primary(!negated, false) };
  }

  #primary(negated: boolean, relationAllowed: boolean): Expression {
    const lexer: Lexer = this.#lexer;
    if (lexer.type === 'id') {
      if (lexer.text === 'is_chassis_resident') return this.#resident();
      if (lexer.peek() === '(') throw lexer.fail('parsing function name');
      const operand = this.#fieldOrPredicate();
      if ((lexer.type as string) === '=') throw lexer.syntaxError('expecting relational operator');
      if (!relops.has(lexer.type)) return this.#mention(operand, negated);
      const relop = this.#relop();
      const comparison = this.#comparison(operand, relop, this.#constants(), negated);
      if (!relationAllowed) throw lexer.fail('Missing parentheses around operand of !.', operand.offset);
      return comparison;
    }
    const constants = this.#constants();
    const [only] = constants.constants;
    if (!relops.has(lexer.type)) {
      if (
        !constants.set &&
        only?.kind === 'integer' &&
        only.mask === undefined &&
        only.format === 'decimal' &&
        (only.value === 0 || only.value === 1)
      ) {
        return { kind: 'boolean', value: only.value === 1 };
      }
      throw lexer.syntaxError('expecting relational operator');
    }
    const relop = this.#relop();
    const operand = this.#fieldOrPredicate();
    if (!relationAllowed) throw lexer.fail('Missing parentheses around operand of !.', constants.offset);
    if (!relops.has(lexer.type)) return this.#comparison(operand, mirrored[relop], constants, negated);
    const second = this.#relop();
    const bound = this.#constants();
    const up = (relop === '<' || relop === '<=') && (second === '<' || second === '<=');
    const down = (relop === '>' || relop === '>=') && (second === '>' || second === '>=');
    if (!up && !down) {
      throw lexer.fail(
        "Range expressions must have the form `x < field < y' or `x > field > y', with each `<' optionally replaced by `<=' or `>' by `>=').",
        operand.offset,
      );
    }
    const left = this.#comparison(operand, mirrored[relop], constants, negated);
    return { kind: 'and', operands: [left, this.#comparison(operand, second, bound, negated)] };
  }

  #relop(): Relop {
    const relop = this.#lexer.type;
    if (!relops.has(relop)) throw this.#lexer.syntaxError('expecting relational operator');
    this.#lexer.next();
    return relop as Relop;
  }

  #resident(): Expression {
    const lexer: Lexer = this.#lexer;
    if (lexer.peek() !== '(') throw lexer.syntaxError('expecting field name');
    lexer.next();
    lexer.next();
    const port = lexer.expectString();
    lexer.expect(')');
    return { kind: 'resident', port };
  }

  #fieldOrPredicate(): Operand {
    const lexer: Lexer = this.#lexer;
    const offset = lexer.start;
    const symbol = lexer.type === 'id' ? this.#symbols.get(lexer.text) : undefined;
    if (symbol === undefined) throw lexer.syntaxError('expecting field name');
    lexer.next();
    switch (symbol.kind) {
      case 'field':
        return { kind: 'field', field: parseBits(lexer, symbol), offset };
      case 'predicate':
        // A predicate is one bit wide, so its bits can only be all of it.
        if (lexer.type === '[') parseBitRange(lexer, symbol.name, 1);
        return { kind: 'predicate', symbol, offset };
      case 'ovn-field':
        throw lexer.fail(`Field ${symbol.name} can be assigned but not matched.`, offset);
    }
  }

  /** A name alone: a predicate, one bit, or any field under `!`. */
  #mention(operand: Operand, negated: boolean): Expression {
    if (operand.kind === 'predicate') return this.#predicate(operand.symbol, true, negated, operand.offset);
    const { field } = operand;
    if (field.symbol.type === 'string') throw this.#lexer.syntaxError('expecting relational operator');
    if (field.bits > 1 && !negated) {
      throw this.#lexer.fail(
        "Explicit `!= 0' is required for inequality test of multibit field against 0.",
        operand.offset,
      );
    }
    if (field.symbol.level === 'nominal' && negated && field.bits === 1) this.#nominalInequality(field, operand.offset);
    return {
      kind: 'comparison',
      field,
      relop: '!=',
      constants: [{ kind: 'integer', value: 0, mask: undefined, format: 'decimal', offset: operand.offset }],
    };
  }

  #predicate(symbol: PredicateSymbol, positive: boolean, negated: boolean, offset: number): Expression {
    if (symbol.level === 'nominal' && positive === negated) {
      const { name } = symbol;
      throw this.#lexer.fail(
        `Nominal predicate ${name} may only be tested positively, e.g. \`${name}' or \`${name} == 1' but not \`!${name}' or \`${name} == 0'.`,
        offset,
      );
    }
    const predicate: Expression = { kind: 'predicate', symbol };
    return positive ? predicate : { kind: 'not', operand: predicate };
  }

  #nominalInequality(field: FieldRef, offset: number): never {
    throw this.#lexer.fail(
      `Nominal field ${field.symbol.name} may only be tested for equality (taking enclosing \`!' operators into account).`,
      offset,
    );
  }

  #comparison(operand: Operand, relop: Relop, set: ConstantSet, negated: boolean): Expression {
    const lexer: Lexer = this.#lexer;
    const { offset } = operand;
    const name = operand.kind === 'field' ? operand.field.symbol.name : operand.symbol.name;
    const type = operand.kind === 'field' ? operand.field.symbol.type : 'integer';
    const width = operand.kind === 'field' ? operand.field.symbol.bits : 1;
    if (type !== set.type) {
      throw lexer.fail(
        type === 'string'
          ? `String field ${name} is not compatible with integer constant.`
          : `Integer field ${name} is not compatible with string constant.`,
        set.offset,
      );
    }
    for (const constant of set.constants) {
      if (constant.kind !== 'integer') continue;
      checkWidth(constant, width, name, set.offset);
    }
    const equality = relop === '==' || relop === '!=';
    const level = operand.kind === 'field' ? operand.field.symbol.level : operand.symbol.level;
    if (!equality) {
      const [only] = set.constants;
      const isName = only?.kind === 'address-set' || only?.kind === 'port-group';
      const valueSets = lexer.fail('Only == and != operators may be used with value sets.', offset);
      if (set.set && !isName) throw valueSets;
      if (level !== 'ordinal')
        throw lexer.fail(
          `Only == and != operators may be used with ${level === 'nominal' ? 'nominal' : 'Boolean'} field ${name}.`,
          offset,
        );
      if (set.set) throw valueSets;
      if (only?.kind === 'integer' && only.mask !== undefined) {
        throw lexer.fail(
          'Only == and != operators may be used with masked constants.  Consider using subfields instead (e.g. eth.src[0..15] > 0x1111 in place of eth.src > 00:00:00:00:11:11/00:00:00:00:ff:ff).',
          set.offset,
        );
      }
    }
    if (operand.kind === 'field') {
      if (level === 'nominal' && (relop === '!=') !== negated && equality)
        this.#nominalInequality(operand.field, offset);
      for (const constant of set.constants)
        if (constant.kind === 'integer' && constant.mask !== undefined)
          this.#checkMask(operand.field, constant.mask, set.offset);
      return { kind: 'comparison', field: operand.field, relop, constants: set.constants };
    }
    const tests = set.constants.map((constant): Expression => {
      if (constant.kind !== 'integer')
        throw lexer.fail(`Predicate ${name} may only be compared with 0 and 1.`, set.offset);
      return this.#predicate(operand.symbol, (Number(constant.value) === 1) === (relop === '=='), negated, offset);
    });
    const [first] = tests;
    return tests.length === 1 && first !== undefined ? first : { kind: relop === '==' ? 'or' : 'and', operands: tests };
  }

  /** Open vSwitch matches some fields whole or not at all. */
  #checkMask({ symbol }: FieldRef, mask: Value, offset: number): void {
    const { field } = symbol.base;
    if (field.maskable || BigInt(mask) === 0n || BigInt(mask) === (1n << BigInt(symbol.bits)) - 1n) return;
    throw this.#lexer.fail(`Field ${symbol.name} can only be matched whole, not under a mask.`, offset);
  }

  #constants(): ConstantSet {
    const lexer: Lexer = this.#lexer;
    const offset = lexer.start;
    if (lexer.type !== '{') {
      const constant = this.#constant('constant');
      return {
        constants: [constant],
        set: constant.kind === 'address-set' || constant.kind === 'port-group',
        type: typeOf(constant),
        offset,
      };
    }
    lexer.next();
    const first = this.#constant('constant');
    const type = typeOf(first);
    const constants = [first];
    lexer.match(',');
    while ((lexer.type as string) !== '}') {
      const constant = this.#constant('constant', type);
      constants.push(constant);
      lexer.match(',');
    }
    lexer.next();
    return { constants, set: true, type, offset };
  }

  #constant(what: string, type?: 'integer' | 'string'): Constant {
    const lexer: Lexer = this.#lexer;
    const offset = lexer.start;
    switch (lexer.type) {
      case 'integer':
      case 'masked-integer': {
        if (type === 'string') throw lexer.syntaxError('expecting string');
        return integerConstant(lexer);
      }
      case 'string': {
        if (type === 'integer') throw lexer.syntaxError('expecting integer');
        const value = lexer.text;
        lexer.next();
        return { kind: 'string', value, offset };
      }
      case 'address-set': {
        return this.#setName(
          { kind: 'address-set', name: lexer.text, offset },
          type === 'string' ? 'string' : undefined,
        );
      }
      case 'port-group': {
        return this.#setName(
          { kind: 'port-group', name: lexer.text, offset },
          type === 'integer' ? 'integer' : undefined,
        );
      }
      default:
        throw lexer.syntaxError(`expecting ${what}`);
    }
  }

  /** A set's name where constants of another type may be expected. */
  #setName(name: SetName, expected: 'integer' | 'string' | undefined): Constant {
    const lexer = this.#lexer;
    this.doubts.push(isKnownSet(name));
    if (expected !== undefined) throw lexer.syntaxError(`expecting ${expected}`);
    lexer.next();
    return name;
  }
}

function typeOf(constant: Constant): 'integer' | 'string' {
  return constant.kind === 'string' || constant.kind === 'port-group' ? 'string' : 'integer';
}

/** The number, or number under a mask, that the lexer is at. */
export function integerConstant(lexer: Lexer): Constant {
  const { value, mask, format, start: offset } = lexer;
  const constant: Constant = {
    kind: 'integer',
    value,
    mask: lexer.type === 'masked-integer' ? mask : undefined,
    format,
    offset,
  };
  lexer.next();
  return constant;
}

/** Fails if a constant does not fit a field. An address counts with all of its bits, a masked constant with those of its mask. */
export function checkWidth(
  constant: { readonly value: Value; readonly mask: Value | undefined; readonly format: NumberFormat },
  width: number,
  name: string,
  offset: number,
): void {
  const { value, mask, format } = constant;
  const used = mask ?? value;
  const bits =
    (mask === undefined ? addressBits[format] : undefined) ??
    (typeof used === 'number' && width >= 32 ? 0 : bitLength(used));
  if (bits > width) {
    throw new LflowError(`${bits}-bit constant is not compatible with ${width}-bit field ${name}.`, offset);
  }
}

const addressBits: { readonly [format in NumberFormat]?: number } = { ipv4: 32, ethernet: 48, ipv6: 128 };
