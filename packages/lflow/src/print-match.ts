/** The canonical text of matches: parsing it gives the same tree. */
import type { Constant, Expression, FieldRef } from './ast.ts';
import { unreachable } from './ast.ts';
import { formatMasked, formatNumber } from './number.ts';

/** Prints a match. */
export function printMatch(expression: Expression): string {
  switch (expression.kind) {
    case 'boolean':
      return expression.value ? '1' : '0';
    case 'resident':
      return `is_chassis_resident(${JSON.stringify(expression.port)})`;
    case 'predicate':
      return expression.symbol.name;
    case 'not':
      return printNot(expression.operand);
    case 'and':
      return printRange(expression.operands) ?? expression.operands.map(printOperand).join(' && ');
    case 'or':
      return expression.operands.map(printOperand).join(' || ');
    case 'comparison':
      return printComparison(expression);
    default:
      return unreachable(expression);
  }
}

function printOperand(expression: Expression): string {
  const text = printMatch(expression);
  if (expression.kind === 'and' && printRange(expression.operands) !== undefined) return text;
  return expression.kind === 'and' || expression.kind === 'or' ? `(${text})` : text;
}

const mirrored = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' } as const;

/** `1 <= x <= 5` for `x >= 1 && x <= 5`, which is what the parser makes of it; undefined for what is no range. */
function printRange([low, high, ...more]: readonly Expression[]): string | undefined {
  if (low?.kind !== 'comparison' || high?.kind !== 'comparison' || more.length > 0) return undefined;
  const [from, to] = [low.relop, high.relop];
  if (from === '==' || from === '!=' || to === '==' || to === '!=') return undefined;
  const field = printField(low.field);
  const [a, b] = [low.constants[0], high.constants[0]];
  if (from[0] === to[0] || field !== printField(high.field) || a?.kind !== 'integer' || b?.kind !== 'integer')
    return undefined;
  return `${printConstant(a)} ${mirrored[from]} ${field} ${to} ${printConstant(b)}`;
}

function printNot(operand: Expression): string {
  const text = printMatch(operand);
  const bare =
    operand.kind === 'predicate' ||
    operand.kind === 'resident' ||
    (operand.kind === 'comparison' && isMention(operand));
  return bare ? `!${text}` : `!(${text})`;
}

/** A one-bit field that is not 0 is written as its name. */
function isMention(expression: Expression & { readonly kind: 'comparison' }): boolean {
  const [only] = expression.constants;
  return (
    expression.relop === '!=' &&
    expression.field.bits === 1 &&
    expression.field.symbol.type === 'integer' &&
    expression.constants.length === 1 &&
    only?.kind === 'integer' &&
    only.value === 0 &&
    only.mask === undefined &&
    only.format === 'decimal'
  );
}

function printComparison(expression: Expression & { readonly kind: 'comparison' }): string {
  const field = printField(expression.field);
  if (isMention(expression)) return field;
  const constants = expression.constants.map(printConstant);
  const text = constants.length === 1 ? (constants[0] ?? '') : `{${constants.join(', ')}}`;
  return `${field} ${expression.relop} ${text}`;
}

/** Prints a field with its bits: `reg0`, `reg0[3]`, `reg0[3..5]`. */
export function printField(ref: FieldRef): string {
  const { symbol, ofs, bits } = ref;
  if (ofs === 0 && bits === symbol.bits) return symbol.name;
  return bits === 1 ? `${symbol.name}[${ofs}]` : `${symbol.name}[${ofs}..${ofs + bits - 1}]`;
}

/** Prints a constant in the notation in which it was written. */
export function printConstant(constant: Constant): string {
  switch (constant.kind) {
    case 'integer':
      return constant.mask === undefined
        ? formatNumber(constant.value, constant.format)
        : formatMasked(constant.value, constant.mask, constant.format);
    case 'string':
      return JSON.stringify(constant.value);
    case 'address-set':
      return `$${constant.name}`;
    case 'port-group':
      return `@${constant.name}`;
    default:
      return unreachable(constant);
  }
}
