import type { JsonObject } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import type { Uuid } from '@weft/ovsdb/uuid';
import { describe, expect, it } from 'vitest';
import { inventory } from './testing-schema.ts';
import { Transaction, type TransactionContext } from './transaction.ts';

const a = '00000000-0000-0000-0000-00000000000a';
const b = '00000000-0000-0000-0000-00000000000b';
const c = '00000000-0000-0000-0000-00000000000c';
const many = (from: number, to: number): Uuid[] =>
  Array.from({ length: to - from }, (_, i) => `00000000-0000-0000-0000-${String(from + i).padStart(12, '0')}`);

const shelf: Row = {
  _uuid: a,
  name: 'one',
  items: many(0, 10),
  favourite: undefined,
  labels: new Map([
    ['a', '1'],
    ['b', '2'],
    ['c', '3'],
    ['d', '4'],
    ['e', '5'],
  ]),
  counts: new Map(),
};

/** A transaction that knows the shelf `a`, and nothing else; what is sent goes to `sent`. */
function begin(
  context: Partial<TransactionContext> = {},
  sent: (readonly JsonObject[])[] = [],
): Transaction<typeof inventory> {
  return new Transaction(inventory, {
    row: (table, uuid) => (table === 'Shelf' && uuid === a ? shelf : undefined),
    monitored: () => true,
    send: async (operations) => {
      sent.push(operations);
      return operations.map(
        (operation, i): JsonObject => (operation.op === 'insert' ? { uuid: ['uuid', many(i, i + 1)[0]!] } : {}),
      );
    },
    ...context,
  });
}
const where = (uuid: Uuid): JsonObject => ({ where: [['_uuid', '==', ['uuid', uuid]]] }) as unknown as JsonObject;

describe('the operations', () => {
  it('of an update are the columns that differ', () => {
    const txn = begin();
    txn.update('Shelf', a, { name: 'one', labels: shelf.labels as ReadonlyMap<string, string> });
    expect(txn.empty).toBe(true);
    txn.update('Shelf', a, { name: 'uno', favourite: b });
    expect(txn.operations()).toEqual([
      { op: 'update', table: 'Shelf', ...where(a), row: { name: 'uno', favourite: ['uuid', b] } },
    ]);
    txn.update('Shelf', a, { name: 'one', favourite: undefined });
    expect(txn.operations()).toEqual([]);
  });

  it('of a small change of a large set or map are its members', () => {
    const txn = begin();
    txn.update('Shelf', a, {
      items: [...many(1, 11)].reverse(),
      labels: new Map([
        ['a', '1'],
        ['b', '2'],
        ['c', '3'],
        ['d', 'new'],
        ['e', '5'],
      ]),
    });
    expect(txn.operations()).toEqual([
      {
        op: 'mutate',
        table: 'Shelf',
        ...where(a),
        mutations: [
          ['items', 'delete', ['set', [['uuid', many(0, 1)[0]]]]],
          ['items', 'insert', ['uuid', many(10, 11)[0]]],
          ['labels', 'delete', ['set', ['d']]],
          ['labels', 'insert', ['map', [['d', 'new']]]],
        ],
      },
    ]);
  });

  it('of a large change, or of a row that is not known, are whole values', () => {
    const txn = begin();
    txn.update('Shelf', a, { items: [c], labels: new Map() });
    txn.update('Shelf', b, {
      items: [c],
      labels: new Map([
        ['z', '1'],
        ['a', '2'],
      ]),
    });
    expect(txn.operations()).toEqual([
      { op: 'update', table: 'Shelf', ...where(a), row: { items: ['uuid', c], labels: ['map', []] } },
      {
        op: 'update',
        table: 'Shelf',
        ...where(b),
        row: {
          items: ['uuid', c],
          labels: [
            'map',
            [
              ['a', '2'],
              ['z', '1'],
            ],
          ],
        },
      },
    ]);
  });

  it('name rows that are inserted, wherever their uuid stands', () => {
    const txn = begin();
    const item = txn.insert('Item', { near: [] });
    const other = txn.insert('Item', { near: [item, b] });
    txn.insertInto('Shelf', a, 'items', [item]);
    txn.insert('Shelf', { name: 'new', favourite: other, labels: new Map([['uuid', item]]) });
    const [first, second, link, third] = txn.operations();
    expect(first).toEqual({
      op: 'insert',
      table: 'Item',
      'uuid-name': first!['uuid-name'],
      row: { near: ['set', []] },
    });
    const near = JSON.stringify(second!.row);
    expect(near).toContain(JSON.stringify(['named-uuid', first!['uuid-name']]));
    expect(near).toContain(JSON.stringify(['uuid', b]));
    expect(link).toEqual({
      op: 'mutate',
      table: 'Shelf',
      ...where(a),
      mutations: [['items', 'insert', ['named-uuid', first!['uuid-name']]]],
    });
    // In a map of strings a uuid is text like any other.
    expect(third!.row).toEqual({
      name: 'new',
      favourite: ['named-uuid', second!['uuid-name']],
      labels: ['map', [['uuid', item]]],
    });
  });

  it('of edits of a row that is inserted are the insert alone', () => {
    const txn = begin();
    const uuid = txn.insert('Shelf', {
      name: 'x',
      labels: new Map([
        ['a', '1'],
        ['b', '2'],
      ]),
    });
    txn.update('Shelf', uuid, { name: 'y' });
    txn.insertInto('Shelf', uuid, 'items', [b]);
    txn.insertInto('Shelf', uuid, 'items', [c, b]);
    txn.deleteFrom('Shelf', uuid, 'items', [b]);
    txn.insertInto(
      'Shelf',
      uuid,
      'labels',
      new Map([
        ['a', 'kept'],
        ['c', '3'],
      ]),
    );
    txn.deleteFrom('Shelf', uuid, 'labels', ['b']);
    txn.deleteFrom('Shelf', uuid, 'labels', new Map([['c', 'another value']]));
    txn.verify('Shelf', uuid, 'name');
    expect(txn.operations()).toMatchObject([
      {
        op: 'insert',
        row: {
          name: 'y',
          items: ['uuid', c],
          labels: [
            'map',
            [
              ['a', '1'],
              ['c', '3'],
            ],
          ],
        },
      },
    ]);
    txn.delete('Shelf', uuid);
    expect(txn.empty).toBe(true);
  });

  it('add and remove members of a row that exists, also after a value was set', () => {
    const txn = begin();
    txn.insertInto('Shelf', b, 'labels', new Map([['k', 'v']]));
    txn.deleteFrom('Shelf', b, 'labels', ['x', 'w']);
    txn.deleteFrom('Shelf', b, 'favourite', [c]);
    txn.insertInto('Shelf', b, 'items', []);
    expect(txn.operations()).toEqual([
      {
        op: 'mutate',
        table: 'Shelf',
        ...where(b),
        mutations: [
          ['labels', 'insert', ['map', [['k', 'v']]]],
          ['labels', 'delete', ['set', ['w', 'x']]],
          ['favourite', 'delete', ['set', [['uuid', c]]]],
        ],
      },
    ]);
    const set = begin();
    set.update('Shelf', b, { items: [c] });
    set.insertInto('Shelf', b, 'items', [a]);
    expect(set.operations()).toMatchObject([
      {
        op: 'update',
        row: {
          items: [
            'set',
            [
              ['uuid', a],
              ['uuid', c],
            ],
          ],
        },
      },
    ]);
  });

  it('begin with locks and waits, and end with what else is to do', () => {
    const txn = begin();
    txn.update('Shelf', a, { name: 'uno' });
    txn.delete('Item', b);
    txn.comment('weft');
    txn.verify('Shelf', a, 'name');
    txn.assertLock('ovn_northd');
    txn.add({ op: 'abort' });
    txn.increment('Item', c, 'stock');
    expect(txn.operations().map((operation) => operation.op)).toEqual([
      'assert',
      'wait',
      'update',
      'delete',
      'mutate',
      'select',
      'abort',
      'comment',
    ]);
    expect(txn.operations()[1]).toEqual({
      op: 'wait',
      timeout: 0,
      table: 'Shelf',
      ...where(a),
      columns: ['name'],
      until: '==',
      rows: [{ name: 'one' }],
    });
  });

  it('leave out what the server does not have', () => {
    const txn = begin({ exists: (_table, column) => column !== 'labels' });
    txn.insert('Shelf', { name: 'x', labels: new Map([['a', '1']]) });
    txn.insertInto('Shelf', b, 'labels', new Map([['a', '1']]));
    expect(txn.operations()).toMatchObject([{ op: 'insert', row: { name: 'x' } }]);
    expect(txn.operations()[0]!.row).toEqual({ name: 'x' });
  });
});

describe('a commit', () => {
  it('of a value that is set after members were added have the value alone', () => {
    const txn = begin();
    txn.insertInto('Shelf', a, 'labels', new Map([['x', '1']]));
    txn.deleteFrom('Shelf', a, 'items', many(0, 1));
    txn.update('Shelf', a, { labels: new Map([['y', '2']]) });
    expect(txn.operations()).toEqual([
      { op: 'update', table: 'Shelf', ...where(a), row: { labels: ['map', [['y', '2']]] } },
      {
        op: 'mutate',
        table: 'Shelf',
        ...where(a),
        mutations: [['items', 'delete', ['set', [['uuid', many(0, 1)[0]]]]]],
      },
    ]);
  });

  it('ask nothing of rows that are gone, and of columns that there are not', () => {
    const txn = begin({ exists: (_, column) => column !== 'name' && column !== 'stock' });
    txn.verify('Shelf', a, 'name', 'favourite');
    const added = txn.insert('Item', { price: 1 });
    txn.increment('Item', added, 'stock');
    txn.delete('Item', added);
    txn.increment('Item', b, 'stock');
    txn.increment('Item', c, 'stock');
    txn.delete('Item', c);
    expect(txn.operations()).toEqual([
      {
        op: 'wait',
        timeout: 0,
        table: 'Shelf',
        ...where(a),
        columns: ['favourite'],
        until: '==',
        rows: [{ favourite: ['set', []] }],
      },
      { op: 'delete', table: 'Item', ...where(c) },
    ]);
  });

  it('that changes nothing sends nothing', async () => {
    const sent: (readonly JsonObject[])[] = [];
    const txn = begin({}, sent);
    txn.comment('nothing');
    txn.assertLock('l');
    txn.update('Shelf', a, { name: 'one' });
    expect(await txn.commit()).toEqual([]);
    expect(sent).toEqual([]);
  });

  it('is sent once', async () => {
    const sent: (readonly JsonObject[])[] = [];
    const txn = begin({}, sent);
    txn.insert('Shelf', { name: 'x' });
    await txn.commit();
    await expect(txn.commit()).rejects.toThrow('the transaction has been sent already');
    expect(sent.length).toBe(1);
  });

  it('tells the uuids of the rows that it inserted', async () => {
    const txn = begin();
    txn.assertLock('l');
    const one = txn.insert('Item', {});
    const two = txn.insert('Shelf', { name: 'x' });
    await txn.commit();
    expect([txn.uuidOf(one), txn.uuidOf(two), txn.uuidOf(a)]).toEqual([...many(1, 3), a]);
  });
});
