/** Conditions of `find` and `wait-until`: `COLUMN[:KEY]OPERATOR VALUE` (ovn-nbctl(8) "Database Commands"). */
import { type Atom, compareAtoms } from '@weft/ovsdb/atom';
import { atomsOf, type Datum, datumsEqual, fromAtoms, isDefault } from '@weft/ovsdb/datum';
import type { Row } from '@weft/ovsdb/row';
import type { ColumnType } from '@weft/ovsdb/schema';
import { CtlError } from '../framework/ctl-error.ts';
import type { Query } from '../framework/query.ts';
import { columnReader, columnType, findColumn, isStored, type NamedTable } from './names.ts';
import { parseAtom, parseDatum, type SymbolResolver, ValueReader } from './parse-value.ts';

/** What may stand between a column and a value in a condition (ovn-nbctl(8), "Database Commands"), as messages list them. */
export const operators = [
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

/** Reads the column at the beginning of an argument: all that matters before there is a row. */
export function parseColumn(table: NamedTable, text: string, readable: boolean): string {
  return readColumn(table, new ValueReader(text), text, readable);
}

function readColumn(table: NamedTable, reader: ValueReader, text: string, readable: boolean): string {
  const name = reader.word();
  if (name === '') throw new CtlError(`${text}: missing column name`);
  return findColumn(table, name, readable);
}

/** Reads `COLUMN[:KEY]` at the beginning of an argument. */
export function parseColumnKey(table: NamedTable, text: string, readable: boolean): ColumnKey {
  const reader = new ValueReader(text);
  const column = readColumn(table, reader, text, readable);
  const key = reader.take(':') ? reader.word() : undefined;
  return { column, key, reader };
}

/** A condition as far as it is read before there is a row to check: its column must exist. */
export interface Condition {
  readonly column: string;
  readonly text: string;
}

interface Parts {
  readonly key: string | undefined;
  readonly operator: Operator;
  readonly value: string;
}

/** Reads the column. What follows it is read when the first row comes that satisfies all conditions before this one, as the C programs do. */
export function parseCondition(table: NamedTable, text: string): Condition {
  return { column: parseColumn(table, text, false), text };
}

function partsOf(table: NamedTable, text: string): Parts {
  const { key, reader } = parseColumnKey(table, text, false);
  // An operator is one only before a value: `a>=` asks for more than `=`.
  const rest = reader.rest();
  const operator = longestFirst.find((candidate) => rest.startsWith(candidate) && rest.length > candidate.length);
  if (operator === undefined) {
    const list = operators.map((candidate) => `"${candidate}"`);
    throw new CtlError(
      `${text}: argument does not end in ${list.slice(0, -1).join(', ')}, or ${list.at(-1)} followed by a value.`,
    );
  }
  return { key, operator, value: rest.slice(operator.length) };
}

/** Does a row satisfy the condition? */
export type Test = (row: Row) => boolean;

/** The test of a condition. Its value is read with the first row that is tested: where there is none, nothing is wrong with it. */
export function conditionTest(table: NamedTable, condition: Condition, resolve: SymbolResolver): Test {
  let test: Test | undefined;
  return (row) => {
    test ??= readTest(table, condition, resolve);
    return test(row);
  };
}

function readTest(table: NamedTable, { column, text }: Condition, resolve: SymbolResolver): Test {
  const { key: keyText, operator, value } = partsOf(table, text);
  const type = columnType(table, column);
  if (keyText === undefined) {
    const datum = parseDatum(type, value, resolve);
    const read = columnReader(table, column);
    // What is asked most is answered without a list for each row.
    if (operator === '=' || operator === '{=}') return (row) => datumsEqual(read(row), datum);
    const wanted = elements(type, datum);
    return (row) => evaluate(operator, elements(type, read(row)), wanted);
  }
  if (type.kind !== 'map') throw new CtlError(`cannot specify key to check for non-map column ${column}`);
  const key = parseAtom(type.key, keyText, resolve);
  const wanted = elements(valuesType(type), parseDatum(valuesType(type), value, resolve));
  return (row) => {
    const actual = (row[column] as ReadonlyMap<Atom, Atom>).get(key);
    if (actual === undefined && !operator.startsWith('{')) return false;
    return evaluate(operator, actual === undefined ? [] : [[actual, undefined]], wanted);
  };
}

/** Any number of the values of a map. */
function valuesType(type: ColumnType): ColumnType {
  return { kind: 'set', key: type.value!, min: 0, max: Number.POSITIVE_INFINITY };
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

/** The query that fetches no fewer rows than satisfy the conditions, or stumble over one, and as few as the protocol can say. */
export function conditionQuery(table: NamedTable, conditions: readonly Condition[]): Query {
  for (const condition of conditions) {
    const query = queryOf(table, condition);
    if (query === 'unreadable') break;
    if (query !== undefined) return query;
  }
  return { kind: 'all', table: table.name };
}

/** `unreadable`: all rows that the conditions before it let through make it fail. */
function queryOf(table: NamedTable, { column, text }: Condition): Query | 'unreadable' | undefined {
  if (!isStored(table.name, column)) return undefined;
  const type = columnType(table, column);
  // To ask for an `@name` is to refer to it, which only a row does.
  if (text.includes('@') && type.key.type === 'uuid') return 'unreadable';
  const resolve = () => '';
  try {
    const { key, operator, value } = partsOf(table, text);
    if (key !== undefined && type.kind !== 'map') return 'unreadable';
    const compared = key === undefined ? type : valuesType(type);
    const wanted = atomsOfValue(compared, parseDatum(compared, value, resolve));
    if (operator !== '=' || wanted.length === 0) return undefined;
    if (key === undefined) {
      // Most rows have the default, and a whole table comes without it.
      if (type.kind === 'map' || isDefault(type, fromAtoms(type, wanted))) return undefined;
      return { kind: 'holds', table: table.name, column, atom: wanted[0]! };
    }
    const keyAtom = parseAtom(type.key, key, resolve);
    if (typeof keyAtom !== 'string' || typeof wanted[0] !== 'string') return undefined;
    return { kind: 'pair', table: table.name, column, key: keyAtom, value: wanted[0] };
  } catch (error) {
    if (error instanceof CtlError) return 'unreadable';
    throw error;
  }
}

function atomsOfValue(type: ColumnType, datum: Datum): readonly Atom[] {
  return type.kind === 'map' ? [...(datum as ReadonlyMap<Atom, Atom>).keys()] : atomsOf(type, datum);
}
