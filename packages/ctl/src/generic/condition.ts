/** Conditions of `find` and `wait-until`: `COLUMN[:KEY]OPERATOR VALUE` (ovn-nbctl(8) "Database Commands"). */
import { type Atom, compareAtoms } from '@weft/ovsdb/atom';
import { atomsOf, type Datum } from '@weft/ovsdb/datum';
import type { Row } from '@weft/ovsdb/row';
import type { ColumnType } from '@weft/ovsdb/schema';
import { CtlError } from '../framework/ctl-error.ts';
import type { Query } from '../framework/query.ts';
import { columnType, findColumn, type NamedTable } from './names.ts';
import { parseAtom, parseDatum, type SymbolResolver, ValueReader } from './parse-value.ts';

/** As messages list them. */
const operators = [
  '=',
  '!=',
  '<',
  '>',
  '<=',
  '>=',
  '{=}',
  '{!=}',
  '{<}',
  '{>}',
  '{<=}',
  '{>=}',
  '{in}',
  '{not-in}',
] as const;
export type Operator = (typeof operators)[number];
const longestFirst = [...operators].sort((a, b) => b.length - a.length);

/** `COLUMN[:KEY]`, and where the rest of the argument begins. */
export interface ColumnKey {
  readonly column: string;
  readonly key: string | undefined;
  readonly reader: ValueReader;
}

/** Reads `COLUMN[:KEY]` at the beginning of an argument. */
export function parseColumnKey(table: NamedTable, text: string, readable: boolean): ColumnKey {
  const reader = new ValueReader(text);
  const name = reader.word();
  if (name === '') throw new CtlError(`${text}: missing column name`);
  const column = findColumn(table, name, readable);
  const key = reader.take(':') ? reader.word() : undefined;
  return { column, key, reader };
}

export interface Condition {
  readonly column: string;
  readonly key: string | undefined;
  readonly operator: Operator;
  readonly value: string;
}

export function parseCondition(table: NamedTable, text: string): Condition {
  const { column, key, reader } = parseColumnKey(table, text, false);
  const operator = longestFirst.find((candidate) => reader.take(candidate));
  if (operator === undefined || reader.atEnd) {
    const list = operators.map((candidate) => `"${candidate}"`);
    throw new CtlError(
      `${text}: argument does not end in ${list.slice(0, -1).join(', ')}, or ${list.at(-1)} followed by a value.`,
    );
  }
  return { column, key, operator, value: reader.rest() };
}

/** A condition with its value read. */
export type Test = (row: Row) => boolean;

export function conditionTest(table: NamedTable, condition: Condition, resolve: SymbolResolver): Test {
  const { column, operator, value } = condition;
  const type = columnType(table, column);
  if (condition.key === undefined) {
    const wanted = elements(type, parseDatum(type, value, resolve));
    return (row) => evaluate(operator, elements(type, row[column]), wanted);
  }
  if (type.kind !== 'map') throw new CtlError(`cannot specify key to check for non-map column ${column}`);
  const key = parseAtom(type.key, condition.key, resolve);
  const valueType: ColumnType = { kind: 'set', key: type.value!, min: 0, max: Number.POSITIVE_INFINITY };
  const wanted = operator.startsWith('{')
    ? elements(valueType, parseDatum(valueType, value, resolve))
    : [[parseAtom(type.value!, value, resolve), undefined] as const];
  return (row) => {
    const actual = (row[column] as ReadonlyMap<Atom, Atom>).get(key);
    if (actual === undefined && !operator.startsWith('{')) return false;
    return evaluate(operator, actual === undefined ? [] : [[actual, undefined]], wanted);
  };
}

type Elements = readonly (readonly [Atom, Atom | undefined])[];

function elements(type: ColumnType, datum: Datum): Elements {
  if (type.kind === 'map') return [...(datum as ReadonlyMap<Atom, Atom>)];
  return atomsOf(type, datum).map((atom) => [atom, undefined]);
}

function evaluate(operator: Operator, actual: Elements, wanted: Elements): boolean {
  switch (operator) {
    case '=':
    case '{=}':
      return compareElements(actual, wanted) === 0;
    case '!=':
    case '{!=}':
      return compareElements(actual, wanted) !== 0;
    case '<':
      return compareElements(actual, wanted) < 0;
    case '>':
      return compareElements(actual, wanted) > 0;
    case '<=':
      return compareElements(actual, wanted) <= 0;
    case '>=':
      return compareElements(actual, wanted) >= 0;
    case '{<=}':
    case '{in}':
      return isSubset(actual, wanted);
    case '{<}':
      return actual.length < wanted.length && isSubset(actual, wanted);
    case '{>=}':
      return isSubset(wanted, actual);
    case '{>}':
      return actual.length > wanted.length && isSubset(wanted, actual);
    case '{not-in}':
      return actual.every((element) => !contains(wanted, element));
  }
}

/** The larger set is the one with more elements; of two as large, the first pair that differs decides, all keys before the values. */
function compareElements(a: Elements, b: Elements): number {
  if (a.length !== b.length) return a.length - b.length;
  for (const part of [0, 1] as const) {
    for (let i = 0; i < a.length; i++) {
      const x = a[i]![part];
      const y = b[i]![part];
      if (x === undefined || y === undefined) continue;
      const order = compareAtoms(x, y);
      if (order !== 0) return order;
    }
  }
  return 0;
}

function contains(set: Elements, [key, value]: Elements[number]): boolean {
  return set.some(
    ([k, v]) => compareAtoms(k, key) === 0 && (v === undefined || value === undefined || compareAtoms(v, value) === 0),
  );
}

function isSubset(small: Elements, large: Elements): boolean {
  return small.every((element) => contains(large, element));
}

/** The query that fetches no fewer rows than satisfy the conditions, and as few as the protocol can say. */
export function conditionQuery(table: NamedTable, conditions: readonly Condition[], resolve: SymbolResolver): Query {
  for (const { column, key, operator, value } of conditions) {
    if (operator !== '=') continue;
    const type = columnType(table, column);
    if (key !== undefined && type.kind === 'map' && type.key.type === 'string' && type.value?.type === 'string') {
      const text = parseAtom(type.value, value, resolve) as string;
      return { kind: 'pair', table: table.name, column, key: parseAtom(type.key, key, resolve) as string, value: text };
    }
    if (key !== undefined || type.kind === 'map') continue;
    const atoms = atomsOf(type, parseDatum(type, value, resolve));
    if (atoms.length > 0) return { kind: 'holds', table: table.name, column, atom: atoms[0]! };
  }
  return { kind: 'all', table: table.name };
}
