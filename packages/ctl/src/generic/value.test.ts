import type { Datum } from '@weft/ovsdb/datum';
import { datumsEqual, toMap, toSet } from '@weft/ovsdb/datum';
import { type ColumnType, columnType } from '@weft/ovsdb/schema';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { datumFormatter, formatString } from '../framework/print-value.ts';
import { parseDatum } from './parse-value.ts';

const text = fc.string({ unit: 'grapheme' });
const noSymbols = (name: string): never => {
  throw new Error(`@${name} is no row`);
};

const strings: ColumnType = columnType({ type: 'string' }, undefined, 0, Number.POSITIVE_INFINITY);
const integers: ColumnType = columnType({ type: 'integer' }, undefined, 0, Number.POSITIVE_INFINITY);
const map: ColumnType = columnType({ type: 'string' }, { type: 'string' }, 0, Number.POSITIVE_INFINITY);
const optional: ColumnType = columnType({ type: 'boolean' }, undefined, 0, 1);

describe('database values', () => {
  const roundTrip = (type: ColumnType, datum: Datum) =>
    datumsEqual(parseDatum(type, formatString(type, datum), noSymbols), datum);

  it('reads what it prints', () => {
    fc.assert(fc.property(fc.array(text), (values) => roundTrip(strings, toSet(values))));
    fc.assert(fc.property(fc.array(fc.integer()), (values) => roundTrip(integers, toSet(values))));
    fc.assert(fc.property(fc.array(fc.tuple(text, text)), (pairs) => roundTrip(map, toMap(pairs))));
    expect(roundTrip(optional, undefined)).toBe(true);
    expect(roundTrip(optional, false)).toBe(true);
  });

  it.each([
    ['ovn-nbctl(8): letters, underscores, hyphens and periods need no quotes', 'a_b-c.d', 'a_b-c.d'],
    ['other strings do', 'a b', '"a b"'],
    ['a word of another type does', 'true', '"true"'],
    ['a uuid does', 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6', '"f81d4fae-7dec-11d0-a765-00a0c91e6bf6"'],
    ['the empty string does', '', '""'],
    ['what begins with a digit does', '1a', '"1a"'],
  ])('%s', (_, value, printed) => {
    expect(formatString(columnType({ type: 'string' }, undefined, 1, 1), value)).toBe(printed);
    expect(datumFormatter('bare', columnType({ type: 'string' }, undefined, 1, 1))(value)).toBe(value);
  });

  it('reads ranges, brackets and separators', () => {
    expect(parseDatum(integers, '1-3,7 9', noSymbols)).toEqual([1, 2, 3, 7, 9]);
    expect(parseDatum(integers, '[]', noSymbols)).toEqual([]);
    expect(parseDatum(map, '{a=b, c=d}', noSymbols)).toEqual(
      new Map([
        ['a', 'b'],
        ['c', 'd'],
      ]),
    );
    expect(() => parseDatum(integers, '1,1', noSymbols)).toThrow('set contains duplicate value');
  });
});
