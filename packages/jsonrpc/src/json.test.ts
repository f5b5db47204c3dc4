import { expect, it } from 'vitest';
import { parseStoredJson } from './json.ts';

it('stored integers beyond 2^53 keep their digits, wherever they stand; the digits of strings are no integers', () => {
  const big = 9007199254740993n;
  expect(parseStoredJson(`[${big},{"a":${big},"b":-${big}}]`)).toEqual([big, { a: big, b: -big }]);
  expect(parseStoredJson(`{"a": ${big},\n"b":\t-${big}}`)).toEqual({ a: big, b: -big });
  expect(parseStoredJson(`["0x${big}","${big}"]`)).toEqual([`0x${big}`, `${big}`]);
});
