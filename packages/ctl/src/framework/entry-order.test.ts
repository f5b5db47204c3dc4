import type { JsonObject } from '@weft/ovsdb/json';
import { column, database, map, optional, ref, set, string, table } from '@weft/ovsdb/schema';
import { zeroUuid } from '@weft/ovsdb/uuid';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { askingOrder, asksForOrder, type ColumnsByTable, entryOrder, replicatedReferences } from './entry-order.ts';
import { replicaOrder } from './replica-order.ts';
import { RowReader } from './row-reader.ts';

const schema = database('Test', '1.0.0', {
  Shelf: table({
    name: column(string()),
    first: optional(ref('Item')),
    items: set(ref('Item')),
    labels: map(string(), ref('Item', 'weak')),
  }),
  Item: table({ name: column(string()), maker: column(ref('Maker')), next: optional(ref('Item', 'weak')) }),
  Maker: table({ name: column(string()) }),
});

/** Tables as a server writes them: columns that are not at their default, by uuid. */
interface Written {
  readonly [table: string]: { readonly [uuid: string]: { readonly initial: JsonObject } };
}

const columns = (of: { readonly [table: string]: readonly string[] }): ColumnsByTable =>
  new Map(Object.entries(of).map(([name, names]) => [name, new Set(names)]));
const uuid = (n: number) => `${n.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`;
const rows = (...uuids: string[]): Written[string] => Object.fromEntries(uuids.map((id) => [id, { initial: {} }]));

describe('replicatedReferences', () => {
  it('are columns that refer, and the tables that they refer to', () => {
    expect(replicatedReferences(schema, columns({ Shelf: ['_uuid', 'name', 'items'] }))).toEqual(
      columns({ Shelf: ['items'], Item: [] }),
    );
  });
});

describe('asksForOrder', () => {
  it('asks for the table alone that nothing refers to', () => {
    const replicated = replicatedReferences(schema, columns({ Shelf: ['items'], Maker: ['name'] }));
    expect(asksForOrder(schema, replicated, new Set(['Shelf']))).toEqual(columns({ Shelf: [] }));
  });

  it('asks for all that is replicated where something refers to the table, if only to a row that is not there', () => {
    const all = replicatedReferences(schema, columns({ Shelf: ['name', 'items', 'labels'] }));
    expect(asksForOrder(schema, all, new Set(['Item']))).toEqual(columns({ Shelf: ['items', 'labels'], Item: [] }));
    const without = replicatedReferences(schema, columns({ Item: ['name'], Maker: [] }));
    expect(asksForOrder(schema, without, new Set(['Maker']))).toEqual(columns({ Item: [], Maker: [] }));
  });
});

describe('entryOrder', () => {
  // Shelf comes up before Item, and Item before Maker.
  const tables = ['Shelf', 'Item', 'Maker'];
  const replicated = replicatedReferences(
    schema,
    columns({ Shelf: ['items', 'labels', 'first'], Item: ['maker', 'next'] }),
  );
  const enter = (written: Written, known = replicated) => {
    const read = Object.entries(written).map(([name, rows]) => {
      const of = schema.tables[name as keyof typeof schema.tables];
      const reader = new RowReader(name, of, new Set(Object.keys(of.columns)));
      return [name, Object.entries(rows).map(([id, { initial }]) => reader.read(id, initial))] as const;
    });
    return Object.fromEntries(entryOrder(schema, known, new Map(read), tables));
  };

  it('takes first what rows before refer to: columns and uuids ascending, maps by key', () => {
    const [a, b, c, d, e] = [1, 2, 3, 4, 5].map(uuid) as [string, string, string, string, string];
    const shelf = {
      labels: [
        'map',
        [
          ['y', ['uuid', b]],
          ['x', ['uuid', c]],
        ],
      ],
      items: [
        'set',
        [
          ['uuid', a],
          ['uuid', e],
        ],
      ],
      first: ['uuid', d],
    };
    const order = enter({ Shelf: { [uuid(9)]: { initial: shelf } }, Item: rows(a, b, c, d, e) });
    expect(order.Item).toEqual([d, a, e, c, b]);
  });

  it('keeps a place for the reference that must be there in rows without it', () => {
    const written = { Item: rows(uuid(1)), Maker: rows(uuid(2)) };
    expect(enter(written, replicatedReferences(schema, columns({ Item: ['name'], Maker: [] }))).Maker).toContain(
      zeroUuid,
    );
    expect(enter({ Maker: rows(uuid(2)) }).Maker).toEqual([uuid(2)]);
  });

  it('every row enters once, whatever refers to it', () => {
    const id = fc.integer({ min: 1, max: 40 }).map(uuid);
    const reference = id.map((to) => ['uuid', to] as const);
    const items = fc.dictionary(id, fc.record({ initial: fc.record({ next: reference, maker: reference }) }), {
      noNullPrototype: true,
    });
    const makers = fc.dictionary(id, fc.constant({ initial: {} }), { noNullPrototype: true });
    fc.assert(
      fc.property(items, makers, (Item, Maker) => {
        const order = enter({ Item, Maker } as unknown as Written);
        for (const [name, written] of Object.entries({ Item, Maker })) {
          expect(new Set(order[name]).size).toBe(order[name]!.length);
          expect(order[name]).toEqual(expect.arrayContaining(Object.keys(written)));
        }
      }),
    );
  });
});

describe('replicaOrder', () => {
  it('is that of a table of chains that doubles when there are two entries for each bucket', () => {
    const uuids = fc.uniqueArray(fc.uuid({ version: 4 }), { maxLength: 100 });
    fc.assert(
      fc.property(uuids, (entered) => {
        let buckets: string[][] = [[]];
        const put = (id: string) => buckets[Number.parseInt(id.slice(0, 8), 16) % buckets.length]!.unshift(id);
        entered.forEach((id, i) => {
          put(id);
          if (i + 1 < 2 * buckets.length) return;
          const chained = buckets.flat();
          buckets = Array.from({ length: Math.max(4, 2 * buckets.length) }, () => []);
          chained.forEach(put);
        });
        expect(replicaOrder(entered)).toEqual(buckets.flat());
      }),
    );
  });
});

describe('askingOrder', () => {
  it('is the same for the same tables', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(['A', 'B', 'C', 'D', 'E', 'F']), (names) => {
        expect(askingOrder(names)).toEqual(askingOrder([...names].reverse()));
      }),
    );
  });
});
