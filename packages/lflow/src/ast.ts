/** The syntax trees of matches. They are frozen in meaning: nothing changes one after the parser has made it. */
import type { NumberFormat, Value } from './number.ts';
import type { FieldRef, PredicateSymbol } from './symbols.ts';

export type { FieldRef };

export type Relop = '==' | '!=' | '<' | '<=' | '>' | '>=';

const negations: Readonly<Record<Relop, Relop>> = {
  '==': '!=',
  '!=': '==',
  '<': '>=',
  '<=': '>',
  '>': '<=',
  '>=': '<',
};

/** The operator that holds where this one does not. */
export function negate(relop: Relop): Relop {
  return negations[relop];
}

export type Constant =
  | {
      readonly kind: 'integer';
      readonly value: Value;
      readonly mask: Value | undefined;
      readonly format: NumberFormat;
      /** Where it is in the text. */
      readonly offset: number;
    }
  | { readonly kind: 'string'; readonly value: string; readonly offset: number }
  /** `$name` */
  | { readonly kind: 'address-set'; readonly name: string; readonly offset: number }
  /** `@name` */
  | { readonly kind: 'port-group'; readonly name: string; readonly offset: number };

export type Expression =
  | { readonly kind: 'boolean'; readonly value: boolean }
  | {
      readonly kind: 'comparison';
      readonly field: FieldRef;
      readonly relop: Relop;
      /** One constant, or the members of a set; the relation `==` holds if it does for any of them, `!=` if it does for all. */
      readonly constants: readonly Constant[];
    }
  | { readonly kind: 'predicate'; readonly symbol: PredicateSymbol }
  /** `is_chassis_resident("port")` */
  | { readonly kind: 'resident'; readonly port: string }
  | { readonly kind: 'not'; readonly operand: Expression }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Expression[] };

/** For the end of a switch over a closed union. */
export function unreachable(value: never): never {
  throw new Error(`unexpected ${JSON.stringify(value)}`);
}
