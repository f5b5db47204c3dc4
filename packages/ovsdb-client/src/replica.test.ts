import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import type { Json, JsonObject } from '@weft/ovsdb/json';
import type { RowChange } from '@weft/ovsdb/row';
import { column, database, optional, string, table } from '@weft/ovsdb/schema';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DatabaseClient } from './client.ts';
import { ConflictError, NotConnectedError, ReadOnlyError, TransactionError } from './errors.ts';
import { Replica, type ReplicaOptions } from './replica.ts';
import { makeDir, startServer, type TestServer, until } from './testing.ts';
import { inventory, writeSchema } from './testing-schema.ts';

const { dir, remove } = makeDir();
let server: TestServer;
let client: DatabaseClient<typeof inventory>;
const open: { close(): void }[] = [];

beforeAll(async () => {
  server = await startServer(dir, 'db', writeSchema(join(dir, 'inventory.ovsschema')));
  client = await DatabaseClient.open({ schema: inventory, remotes: server.remote });
});
beforeEach(async () => {
  await client.transact([{ op: 'delete', table: 'Shelf', where: [] }]);
});
afterAll(async () => {
  for (const one of open) one.close();
  client.close();
  await server.stop();
  remove();
});

async function replicate(options: Partial<ReplicaOptions<typeof inventory>> = {}): Promise<Replica<typeof inventory>> {
  const replica = new Replica({ schema: inventory, remotes: server.remote, ...options });
  open.push(replica);
  replica.start();
  await replica.synced();
  return replica;
}

/** Inserts a shelf by other means than those under test. */
async function insertShelf(name: string, row: JsonObject = {}): Promise<string> {
  const [result] = await client.transact([{ op: 'insert', table: 'Shelf', row: { name, ...row } }]);
  return String((result!.uuid as readonly Json[])[1]);
}

/** A transaction whose update must have arrived when it is done. */
const settle = (replica: Replica<typeof inventory>): Promise<unknown> =>
  replica.transact([{ op: 'comment', comment: 'settle' }]);

describe('a replica of the installed ovsdb-server', () => {
  it('has the rows in the form that docs/architecture.md fixes', async () => {
    await client.transact([
      {
        op: 'insert',
        table: 'Item',
        'uuid-name': 'i',
        row: { tags: ['set', ['b', 'a']], numbers: 7, weight: ['set', []], price: 1.5, stock: 9007199254740993n },
      },
      {
        op: 'insert',
        table: 'Shelf',
        row: {
          name: 's',
          items: ['named-uuid', 'i'],
          labels: [
            'map',
            [
              ['z', '1'],
              ['a', '2'],
            ],
          ],
          counts: ['map', [[2, 0.5]]],
        },
      },
    ]);
    const replica = await replicate();
    const [shelf] = replica.table('Shelf').rows();
    const [item] = replica.table('Item').rows();
    expect(shelf).toEqual({
      _uuid: expect.stringMatching(/^[0-9a-f-]{36}$/),
      name: 's',
      items: [item!._uuid],
      favourite: undefined,
      labels: new Map([
        ['a', '2'],
        ['z', '1'],
      ]),
      counts: new Map([[2, 0.5]]),
    });
    expect([...shelf!.labels.keys()]).toEqual(['a', 'z']);
    expect(item).toMatchObject({
      tags: ['a', 'b'],
      numbers: [7],
      weight: undefined,
      sold: false,
      stock: 9007199254740993n,
    });
  });

  it('delivers each transaction as one list, and shares what did not change', async () => {
    const replica = await replicate();
    const lists: (readonly RowChange[])[] = [];
    replica.onChange((changes) => lists.push(changes));
    const uuid = await insertShelf('one', { labels: ['map', [['k', 'v']]] });
    await settle(replica);
    await client.transact([
      { op: 'insert', table: 'Shelf', row: { name: 'two' } },
      { op: 'update', table: 'Shelf', where: [['name', '==', 'one']], row: { name: 'uno' } },
    ]);
    await settle(replica);
    expect(lists.map((list) => list.length)).toEqual([1, 2]);
    const change = lists[1]!.find((one) => one.uuid === uuid)!;
    expect(change.old).toBe(lists[0]![0]!.new);
    expect(change.new).toMatchObject({ name: 'uno' });
    expect(change.new!.labels).toBe(change.old!.labels);
    expect(replica.table('Shelf').get(uuid)).toBe(change.new);
  });

  it('has delivered its own changes when a commit resolves', async () => {
    const replica = await replicate();
    const txn = replica.transaction();
    const item = txn.insert('Item', { tags: ['x'], near: [] });
    const shelf = txn.insert('Shelf', { name: 'mine', items: [item] });
    await txn.commit();
    expect(replica.table('Shelf').get(txn.uuidOf(shelf))?.items).toEqual([txn.uuidOf(item)]);
  });

  it('after a reconnect gets only what it missed, and rows keep their identity', async () => {
    const replica = await replicate();
    await insertShelf('kept');
    await settle(replica);
    const [kept] = replica.table('Shelf').rows();
    const lists: (readonly RowChange[])[] = [];
    replica.onChange((changes) => lists.push(changes));
    replica.reconnect();
    await until(() => replica.state === 'connecting', 'the loss');
    await insertShelf('missed');
    await replica.synced();
    expect(lists.flat().map((change) => change.new?.name)).toEqual(['missed']);
    expect(replica.table('Shelf').get(kept!._uuid)).toBe(kept);
  });

  it('monitors only the tables, columns and rows that are chosen', async () => {
    await insertShelf('a', { labels: ['map', [['k', 'v']]] });
    await insertShelf('b');
    const replica = await replicate({
      tables: { Shelf: ['name'] },
      conditions: { Shelf: [['name', '==', 'a']] },
    });
    const names = (): string[] => [...replica.table('Shelf').rows()].map((row) => row.name).sort();
    expect(names()).toEqual(['a']);
    expect([...replica.table('Shelf').rows()][0]!.labels.size).toBe(0);
    expect(() => replica.table('Item')).toThrow('table Item is not replicated');
    // Several changes in flight are one in the end.
    void replica.setConditions({ Shelf: [['name', '==', 'b']] });
    void replica.setConditions({ Shelf: true });
    await replica.setConditions({
      Shelf: [
        ['name', '==', 'b'],
        ['name', '==', 'c'],
      ],
    });
    expect(names()).toEqual(['b']);
    await insertShelf('c');
    await settle(replica);
    expect(names()).toEqual(['b', 'c']);
    replica.reconnect();
    const changed = replica.setConditions({ Shelf: [] });
    await changed;
    expect(names()).toEqual([]);
    await replica.setConditions({ Shelf: true });
    expect(names()).toEqual(['a', 'b', 'c']);
  });

  it('increments, and learns the value', async () => {
    const replica = await replicate();
    const uuid = await insertShelf('s');
    const txn = replica.transaction();
    const item = txn.insert('Item', { stock: 5 });
    txn.insertInto('Shelf', uuid, 'items', [item]);
    const first = txn.increment('Item', item, 'stock');
    await txn.commit();
    expect(first.value).toBe(6);
    const again = replica.transaction();
    const second = again.increment('Item', txn.uuidOf(item), 'stock', 10);
    await again.commit();
    expect(second.value).toBe(16);
  });

  it('notices a conflict, and builds the transaction anew', async () => {
    const replica = await replicate();
    const uuid = await insertShelf('s', { labels: ['map', [['n', '0']]] });
    await settle(replica);
    const txn = replica.transaction();
    txn.verify('Shelf', uuid, 'labels');
    txn.update('Shelf', uuid, { name: 't' });
    await client.transact([
      { op: 'mutate', table: 'Shelf', where: [], mutations: [['labels', 'insert', ['map', [['m', '1']]]]] },
    ]);
    await expect(txn.commit()).rejects.toThrow(ConflictError);
    // Eight writers add one to a number that they have read.
    const replicas = await Promise.all(Array.from({ length: 4 }, () => replicate()));
    const add = (one: Replica<typeof inventory>): Promise<unknown> =>
      one.retry(
        (each) => {
          const row = one.table('Shelf').get(uuid)!;
          each.verify('Shelf', uuid, 'labels');
          each.update('Shelf', uuid, {
            labels: new Map([...row.labels, ['n', String(Number(row.labels.get('n')) + 1)]]),
          });
        },
        { attempts: 100 },
      );
    await Promise.all([...replicas, ...replicas].map(add));
    await settle(replica);
    expect(replica.table('Shelf').get(uuid)!.labels.get('n')).toBe('8');
  });

  it('reports errors in the words of RFC 7047', async () => {
    const replica = await replicate();
    await insertShelf('taken');
    const txn = replica.transaction();
    txn.insert('Shelf', { name: 'taken' });
    const error = await txn.commit().catch((e: unknown) => e);
    expect(error).toBeInstanceOf(TransactionError);
    expect((error as TransactionError).kind).toBe('constraint violation');
    const readOnly = await replicate({ readOnly: true });
    await expect(settle(readOnly)).rejects.toThrow(ReadOnlyError);
    readOnly.close();
    await expect(readOnly.synced()).rejects.toThrow(NotConnectedError);
  });

  it('holds a lock until it leaves; the next in the queue gets it', async () => {
    const first = await replicate();
    const second = await replicate();
    const one = first.lock('ovn_northd');
    await until(() => one.held, 'the lock');
    const two = second.lock('ovn_northd');
    const events: boolean[] = [];
    two.onChange((held) => events.push(held));
    await settle(second).catch(() => {});
    expect(two.held).toBe(false);
    const txn = second.transaction();
    txn.insert('Shelf', { name: 'x' });
    await expect(txn.commit()).rejects.toThrow('not owner');
    first.reconnect();
    await until(() => two.held, 'the lock to move');
    expect(one.held).toBe(false);
    const now = second.transaction();
    now.insert('Shelf', { name: 'x' });
    await now.commit();
    second.unlock('ovn_northd');
    await until(() => one.held, 'the lock to come back');
    expect(events).toEqual([true, false]);
  });

  it('lives with a server whose schema is older', async () => {
    const newer = database('Inventory', '2.0.0', {
      Shelf: table({ name: column(string()), colour: optional(string()) }, { isRoot: true }),
      Room: table({ name: column(string()) }, { isRoot: true }),
    });
    const replica = new Replica({ schema: newer, remotes: server.remote });
    open.push(replica);
    replica.start();
    await replica.synced();
    const txn = replica.transaction();
    txn.insert('Shelf', { name: 'plain', colour: 'red' });
    await txn.commit();
    expect([...replica.table('Shelf').rows()]).toMatchObject([{ name: 'plain', colour: undefined }]);
    expect(replica.table('Room').size).toBe(0);
    expect(replica.serverTables?.has('Room')).toBe(false);
  });
});

it('finds a socket that is named without a directory in the run directory', async () => {
  const replica = await replicate({ remotes: 'unix:db.sock', rundir: dir });
  expect(replica.remote).toBe('unix:db.sock');
  const errand = await DatabaseClient.open({ schema: inventory, remotes: 'unix:db.sock', rundir: dir });
  errand.close();
});

describe('through a restart of the server', () => {
  it('serves the old rows meanwhile, and in the end differs in nothing', async () => {
    const own = await startServer(dir, 'restarted', join(dir, 'inventory.ovsschema'));
    const replica = await replicate({ remotes: own.remote, backoff: { minMs: 50, maxMs: 100, random: Math.random } });
    const txn = replica.transaction();
    for (let i = 0; i < 50; i++) txn.insert('Shelf', { name: `s${i}`, labels: new Map([['i', String(i)]]) });
    await txn.commit();
    const before = new Map([...replica.table('Shelf').rows()].map((row) => [row._uuid, row]));
    const lists: (readonly RowChange[])[] = [];
    replica.onChange((changes) => lists.push(changes));
    await own.stop('SIGKILL');
    await until(() => replica.state === 'connecting', 'the loss');
    expect(replica.table('Shelf').size).toBe(50);
    await expect(settle(replica)).rejects.toThrow(NotConnectedError);
    // Somebody changes the file while the server is down.
    execFileSync('ovsdb-tool', [
      'transact',
      join(dir, 'restarted.db'),
      JSON.stringify(['Inventory', { op: 'delete', table: 'Shelf', where: [['name', '==', 's7']] }]),
    ]);
    const again = await startServer(dir, 'restarted');
    await replica.synced();
    expect(lists.flat()).toMatchObject([{ old: { name: 's7' } }]);
    for (const row of replica.table('Shelf').rows()) expect(row).toBe(before.get(row._uuid));
    replica.close();
    await again.stop();
  });
});
