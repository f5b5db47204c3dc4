/** The truth of a match for one packet, straight from the expression: what the flows that it becomes must agree with. */
import type { Constant, Expression, FieldRef, Relop } from './ast.ts';
import { unreachable } from './ast.ts';
import type { MatchLookups } from './normalize.ts';
import { parseMatch } from './parse-match.ts';
import type { BaseField, SymbolTable } from './symbols.ts';

/** The bits of a whole field in a packet. */
export type PacketField = (base: BaseField) => bigint;

/** Whether a match selects a packet. A comparison is false, negated or not, where its symbol's prerequisites are. */
export function evaluate(
  expression: Expression,
  packet: PacketField,
  symbols: SymbolTable,
  lookups: MatchLookups,
): boolean {
  return truth(expression, false, { packet, symbols, lookups });
}

interface Scope {
  readonly packet: PacketField;
  readonly symbols: SymbolTable;
  readonly lookups: MatchLookups;
}

function truth(expression: Expression, negated: boolean, scope: Scope): boolean {
  switch (expression.kind) {
    case 'boolean':
      return expression.value !== negated;
    case 'resident':
      return scope.lookups.isChassisResident(expression.port) !== negated;
    case 'predicate':
      return truth(parseMatch(expression.symbol.expansion, scope.symbols), negated, scope);
    case 'not':
      return truth(expression.operand, !negated, scope);
    case 'and':
    case 'or': {
      const every = (expression.kind === 'and') !== negated;
      return every
        ? expression.operands.every((operand) => truth(operand, negated, scope))
        : expression.operands.some((operand) => truth(operand, negated, scope));
    }
    case 'comparison':
      return compare(expression.field, expression.relop, expression.constants, negated, scope);
    default:
      return unreachable(expression);
  }
}

function compare(ref: FieldRef, relop: Relop, constants: readonly Constant[], negated: boolean, scope: Scope): boolean {
  const { symbol } = ref;
  const known = members(constants, symbol.name, scope);
  const inequality = (relop === '!=') !== negated && (relop === '==' || relop === '!=');
  if (known.length === 0 && inequality) return true;
  if (symbol.prerequisites !== '' && !truth(parseMatch(symbol.prerequisites, scope.symbols), false, scope))
    return false;
  const ones = (1n << BigInt(ref.bits)) - 1n;
  const value = (scope.packet(symbol.base) >> BigInt(symbol.ofs + ref.ofs)) & ones;
  const holds = (test: (constant: { value: bigint; mask: bigint }) => boolean): boolean => known.some(test);
  const answer = ((): boolean => {
    switch (relop) {
      case '==':
        return holds((c) => (value & c.mask & ones) === (c.value & c.mask & ones));
      case '!=':
        return !holds((c) => (value & c.mask & ones) === (c.value & c.mask & ones));
      case '<':
        return holds((c) => value < (c.value & ones));
      case '<=':
        return holds((c) => value <= (c.value & ones));
      case '>':
        return holds((c) => value > (c.value & ones));
      case '>=':
        return holds((c) => value >= (c.value & ones));
      default:
        return unreachable(relop);
    }
  })();
  return answer !== negated;
}

function members(constants: readonly Constant[], symbol: string, scope: Scope): { value: bigint; mask: bigint }[] {
  const all = -1n;
  return constants.flatMap((constant) => {
    switch (constant.kind) {
      case 'integer':
        return [{ value: BigInt(constant.value), mask: constant.mask === undefined ? all : BigInt(constant.mask) }];
      case 'string':
        return ports([constant.value], scope);
      case 'port-group':
        return ports(scope.lookups.lookupPortGroup(constant.name) ?? [], scope);
      case 'address-set':
        return [...(scope.lookups.lookupAddressSet(constant.name) ?? [])].flatMap((text) => {
          const parsed = parseMatch(`${symbol} == ${text}`, scope.symbols);
          return parsed.kind === 'comparison' ? members(parsed.constants, symbol, scope) : [];
        });
      default:
        return unreachable(constant);
    }
  });
}

function ports(names: Iterable<string>, scope: Scope): { value: bigint; mask: bigint }[] {
  return [...names].flatMap((name) => {
    const key = scope.lookups.lookupPort(name);
    return key === undefined ? [] : [{ value: BigInt(key), mask: -1n }];
  });
}
