/**
 * Matches with everything said that they imply: predicates, sets and negations are replaced by comparisons of whole fields or some of their bits, and
 * each comparison has its symbol's prerequisites beside it. In this form ovn-controller shows an expression whose meaning it explains.
 */
import type { Constant, Expression, FieldRef } from './ast.ts';
import { negate, unreachable } from './ast.ts';
import { bitLength, type Value } from './number.ts';
import { parseMatch, unknownSet } from './parse-match.ts';
import type { FieldSymbol, PredicateSymbol, SymbolTable } from './symbols.ts';
import { isPrefixMask, onesOf } from './terms.ts';

/** The members of sets, as text. */
export interface SetMembers {
  readonly lookupAddressSet: (name: string) => Iterable<string> | undefined;
  readonly lookupPortGroup: (name: string) => Iterable<string> | undefined;
}

/** A comparison with one constant, as it stands in a plain match. */
export type PlainComparison = Expression & { readonly kind: 'comparison' };

/** An expression of the same meaning without `!` around anything and without sets, and without an `and` in an `and` or an `or` in an `or`. */
export type Plain =
  | (Expression & { readonly kind: 'boolean' })
  | PlainComparison
  | { readonly kind: 'resident'; readonly port: string; readonly negated: boolean }
  | { readonly kind: 'predicate'; readonly symbol: PredicateSymbol; readonly negated: boolean }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Plain[] };

/** Makes a match plain. Throws LflowError for a set that nobody knows. */
export function plain(expression: Expression, symbols: SymbolTable, sets: SetMembers, negated = false): Plain {
  const of = (inner: Expression, not: boolean): Plain => plain(inner, symbols, sets, not);
  switch (expression.kind) {
    case 'boolean':
      return { kind: 'boolean', value: expression.value !== negated };
    case 'resident':
      return { kind: 'resident', port: expression.port, negated };
    case 'predicate':
      return { kind: 'predicate', symbol: expression.symbol, negated };
    case 'not':
      return of(expression.operand, !negated);
    case 'and':
    case 'or':
      return join(
        (expression.kind === 'and') === negated ? 'or' : 'and',
        expression.operands.map((operand) => of(operand, negated)),
      );
    case 'comparison': {
      const { field } = expression;
      const relop = negated ? negate(expression.relop) : expression.relop;
      const comparisons = members(expression.constants, field, symbols, sets).map(
        (constant): Plain => ({ kind: 'comparison', field, relop, constants: [constant] }),
      );
      return join(relop === '!=' ? 'and' : 'or', comparisons);
    }
    default:
      return unreachable(expression);
  }
}

function join(kind: 'and' | 'or', operands: readonly Plain[]): Plain {
  const flat = operands.flatMap((operand) => (operand.kind === kind ? operand.operands : [operand]));
  if (flat.length === 0) return { kind: 'boolean', value: kind === 'and' };
  return flat.length === 1 ? flat[0]! : { kind, operands: flat };
}

function members(
  constants: readonly Constant[],
  field: FieldRef,
  symbols: SymbolTable,
  sets: SetMembers,
): readonly Constant[] {
  return constants.flatMap((constant): readonly Constant[] => {
    switch (constant.kind) {
      case 'integer':
      case 'string':
        return [constant];
      case 'address-set': {
        const found = sets.lookupAddressSet(constant.name);
        if (found === undefined) throw unknownSet(constant);
        return [...found].flatMap((text) => {
          const parsed = parseMatch(`${field.symbol.name} == ${text}`, symbols);
          return parsed.kind === 'comparison' ? parsed.constants : [];
        });
      }
      case 'port-group': {
        const found = sets.lookupPortGroup(constant.name);
        if (found === undefined) throw unknownSet(constant);
        return [...found].map((value) => ({ kind: 'string', value, offset: constant.offset }));
      }
      default:
        return unreachable(constant);
    }
  });
}

/** Adds the prerequisites of the symbols, and says what predicates mean; comparisons side by side that are all of one symbol share theirs. */
export function annotate(match: Plain, symbols: SymbolTable): Plain {
  switch (match.kind) {
    case 'boolean':
    case 'resident':
      return match;
    case 'predicate':
      return annotate(plain(parseMatch(match.symbol.expansion, symbols), symbols, noSets, match.negated), symbols);
    case 'comparison':
      return join('and', [match, ...prerequisites(match.field.symbol, symbols)]);
    case 'and':
    case 'or': {
      const symbol = onlySymbol(match.operands);
      if (symbol !== undefined) return join('and', [match, ...prerequisites(symbol, symbols)]);
      return join(
        match.kind,
        match.operands.map((operand) => annotate(operand, symbols)),
      );
    }
    default:
      return unreachable(match);
  }
}

const noSets: SetMembers = { lookupAddressSet: () => undefined, lookupPortGroup: () => undefined };

function prerequisites(symbol: FieldSymbol, symbols: SymbolTable): readonly Plain[] {
  if (symbol.prerequisites === '') return [];
  return [annotate(plain(parseMatch(symbol.prerequisites, symbols), symbols, noSets), symbols)];
}

function onlySymbol(operands: readonly Plain[]): FieldSymbol | undefined {
  const [first] = operands;
  if (first?.kind !== 'comparison') return undefined;
  const { symbol } = first.field;
  return operands.every((operand) => operand.kind === 'comparison' && operand.field.symbol === symbol)
    ? symbol
    : undefined;
}

/** Prints a plain match as ovn-controller does. */
export function printPlain(match: Plain): string {
  switch (match.kind) {
    case 'boolean':
      return match.value ? '1' : '0';
    case 'resident':
      return `${match.negated ? '!' : ''}is_chassis_resident(${JSON.stringify(match.port)})`;
    case 'predicate':
      return `${match.negated ? '!' : ''}${match.symbol.name}`;
    case 'comparison':
      return printComparison(match);
    case 'and':
    case 'or':
      return match.operands
        .map((operand) =>
          operand.kind === 'and' || operand.kind === 'or' ? `(${printPlain(operand)})` : printPlain(operand),
        )
        .join(match.kind === 'and' ? ' && ' : ' || ');
    default:
      return unreachable(match);
  }
}

function printComparison({ field, relop, constants }: PlainComparison): string {
  const { symbol } = field;
  const { base } = symbol;
  const [constant] = constants;
  if (constant?.kind === 'string') return `${base.name} ${relop} ${JSON.stringify(constant.value)}`;
  if (constant?.kind !== 'integer') return '0';
  const ones = onesOf(field.bits);
  const mask = constant.mask === undefined ? ones : BigInt(constant.mask) & ones;
  if (mask === 0n) return relop === '==' ? '1' : '0';
  const value = BigInt(constant.value) & (relop === '==' || relop === '!=' ? mask : ones);
  const start = symbol.ofs + field.ofs;
  const low = lowestBit(mask);
  const width = bitLength(mask >> BigInt(low));
  // Bits in a row are named; others are a mask of the whole field.
  if (!isPrefixMask(mask >> BigInt(low), width)) {
    const shift = BigInt(start);
    return `${base.name} ${relop} ${hex(value << shift)}/${hex(mask << shift)}`;
  }
  const first = start + low;
  if (width === 1 && (relop === '==' || relop === '!=')) {
    const set = (value !== 0n) === (relop === '==');
    return `${set ? '' : '!'}${base.name}[${first}]`;
  }
  const whole = first === 0 && width === base.bits;
  const bits = width === 1 ? `[${first}]` : `[${first}..${first + width - 1}]`;
  return `${base.name}${whole ? '' : bits} ${relop} ${hex(value >> BigInt(low))}`;
}

function lowestBit(mask: bigint): number {
  let bit = 0;
  while (((mask >> BigInt(bit)) & 1n) === 0n) bit++;
  return bit;
}

function hex(value: Value): string {
  return value === 0n ? '0' : `0x${value.toString(16)}`;
}
