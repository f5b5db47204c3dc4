/** Rows are read from pieces of a reply as JSON.parse would have them of the whole. */
import { JsonFramer } from '@weft/jsonrpc/framer';
import { defaultLimits, FramingError } from '@weft/jsonrpc/framing';
import type { Json } from '@weft/jsonrpc/json';
import type { Row } from '@weft/ovsdb/row';
import { nb } from '@weft/schemas/nb';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RowReader } from './row-reader.ts';
import { isReplyWithRows, WrittenRowsReader } from './written-rows.ts';

const columns = ['name', 'addresses', 'options', 'tag', 'enabled', 'dhcpv4_options'] as const;
const tables = ['Logical_Switch_Port', 'Logical_Switch'] as const;
const readers = new Map(tables.map((name) => [name as string, new RowReader(name, nb.tables[name], new Set(columns))]));

/** Reads messages that come in pieces, which end at these places; the first one by itself. */
function read(text: string, places: readonly number[]) {
  const rows = new Map<string, Row[]>();
  const values: Json[] = [];
  let isFirst = true;
  const framer = new JsonFramer(
    (value) => values.push(value),
    defaultLimits,
    () => {
      const reader = isFirst ? new WrittenRowsReader(readers, rows) : undefined;
      isFirst = false;
      return reader;
    },
  );
  const bytes = Buffer.from(text);
  let from = 0;
  for (const to of [...places, bytes.length]) {
    framer.push(bytes.subarray(from, to));
    from = to;
  }
  return { values, rows };
}

const uuid = fc.uuid();
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('', '\\', '"', '}}', '{"initial":{', 'a\n', 'é€😀'),
);
const set = (atom: fc.Arbitrary<Json>): fc.Arbitrary<Json> =>
  fc.array(atom).map((atoms) => (atoms.length === 1 ? atoms[0]! : ['set', atoms]));
const row: fc.Arbitrary<Json> = fc.record(
  {
    name: text,
    addresses: set(text),
    options: fc.array(fc.tuple(text, text)).map((pairs): Json => ['map', pairs]),
    tag: fc.integer({ min: -5, max: 4095 }),
    enabled: fc.boolean(),
    dhcpv4_options: uuid.map((id): Json => ['uuid', id]),
    // What nobody asked for.
    unknown: fc.oneof(fc.constant(null), fc.float({ noNaN: true, noDefaultInfinity: true })),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<Json>;
const replica = fc.dictionary(
  fc.constantFrom(...tables),
  fc.dictionary(
    uuid,
    row.map((initial) => ({ initial })),
  ),
) as fc.Arbitrary<{
  readonly [table: string]: { readonly [uuid: string]: { readonly initial: { [name: string]: Json } } };
}>;
const next = { id: 8, result: {}, error: null };

describe('rows of a monitor’s first reply', () => {
  it('are the same wherever it is cut, and what follows is left', () => {
    fc.assert(
      fc.property(
        replica,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 8 }),
        fc.constantFrom(undefined, 1),
        (result, cuts, indent) => {
          const reply = JSON.stringify({ id: 7, result, error: null }, undefined, indent);
          const message = reply + JSON.stringify(next);
          const bytes = Buffer.byteLength(message);
          const places = cuts.map((cut) => Math.floor(cut * bytes)).sort((a, b) => a - b);
          const { values, rows } = read(message, places);
          expect(values).toEqual([{ id: 7, result: {}, error: null }, next]);
          const expected = Object.entries(result).filter(([, written]) => Object.keys(written).length > 0);
          expect([...rows].filter(([, found]) => found.length > 0)).toEqual(
            expected.map(([table, written]) => [
              table,
              Object.entries(written).map(([id, { initial }]) => readers.get(table)!.read(id, initial)),
            ]),
          );
        },
      ),
    );
  });

  it('may be none, and their tables unknown', () => {
    const result = { Logical_Switch: {}, ACL: { a: { initial: { match: '}' } } } };
    const { values, rows } = read(JSON.stringify({ id: 7, error: null, result }) + JSON.stringify(next), [20, 40]);
    expect(values).toEqual([{ id: 7, error: null, result: {} }, next]);
    expect([...rows]).toEqual([['Logical_Switch', []]]);
  });

  it('keeps integers that no double holds', () => {
    const { rows } = read('{"id":1,"result":{"Logical_Switch_Port":{"a":{"initial":{"tag":9007199254740993}}}}}', []);
    expect(rows.get('Logical_Switch_Port')![0]!.tag).toBe(9007199254740993n);
  });

  it('are refused where they are no JSON', () => {
    for (const bad of [
      '{"id":1,"result":{"Logical_Switch":{"a":{"initial":{"name":nope}}}}}',
      '{"id":1,"result":{"Logical_Switch":{"a":{"initial":{"name":"x" "y"}}}}}',
      '{"id":1,"result":{"Logical_Switch":{"a":{"initial":{"name":"x"},}}}}',
      '{"id":1,"result":{"Logical_Switch":["a"]}}',
      '{"id":1,"result":{"Logical_Switch":{"a":{"initial":{"name":1e999}}}}}',
      `{"id":${'['.repeat(200)}${']'.repeat(200)}}`,
    ]) {
      expect(() => read(bad, []), bad).toThrow(FramingError);
    }
    const bytes = Buffer.from('{"id":1,"result":{"Logical_Switch":{"a":{"initial":{"name":"x"}}}}}');
    bytes[bytes.indexOf('x')] = 0xff;
    expect(() => new WrittenRowsReader(readers, new Map()).feed(bytes)).toThrow('invalid UTF-8');
  });

  it('are told from other replies by how they begin', () => {
    expect(isReplyWithRows(Buffer.from('{"id":12,"result":{"Logical_Switch":{'))).toBe(true);
    expect(isReplyWithRows(Buffer.from('{"id":12,"result":{},"error":null}'))).toBe(false);
    expect(isReplyWithRows(Buffer.from('{"id":12,"result":[{"rows":[]}],"error":null}'))).toBe(false);
  });
});
