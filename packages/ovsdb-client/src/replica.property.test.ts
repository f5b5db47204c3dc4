/** A replica equals its server, whatever happened: random transactions, lost connections, changed conditions, on the live C server and on ours. */
import { join } from 'node:path';
import type { Json, JsonObject } from '@weft/ovsdb/json';
import type { Row, RowChange } from '@weft/ovsdb/row';
import type { Uuid } from '@weft/ovsdb/uuid';
import { DatabaseService } from '@weft/ovsdb-server/service';
import { runTool } from '@weft/ovsdb-server/tool';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DatabaseClient } from './client.ts';
import type { Clause } from './conditions.ts';
import { TransactionError } from './errors.ts';
import { Replica } from './replica.ts';
import { makeDir, startServer, until } from './testing.ts';
import { inventory, writeSchema } from './testing-schema.ts';

/** Our own server, in this process. */
async function startOurs(dir: string, schema: string): Promise<{ remote: string; stop(): Promise<unknown> }> {
  const file = join(dir, 'ours.db');
  const problems: string[] = [];
  const streams = { out: () => {}, err: (text: string) => problems.push(text) };
  await runTool('create', [file, schema], streams, {});
  expect(problems).toEqual([]);
  const service = await DatabaseService.create({
    rundir: dir,
    tls: undefined,
    log: () => {},
    onFatal: (error) => {
      throw error;
    },
  });
  await service.addDatabase(file);
  await service.addRemote(`punix:${join(dir, 'ours.sock')}`);
  service.start();
  return { remote: `unix:${join(dir, 'ours.sock')}`, stop: () => service.close() };
}

const tables = ['Shelf', 'Item'] as const;
const word = fc.constantFrom('a', 'b', 'c', 'dé', '😀', '');
const small = fc.integer({ min: -2, max: 4 });
const set = (arb: fc.Arbitrary<Json>): fc.Arbitrary<Json> =>
  fc.uniqueArray(arb, { maxLength: 5 }).map((atoms): Json => ['set', atoms]);
const labels = fc.dictionary(word, word).map((object): Json => ['map', Object.entries(object)]);

const itemRow: fc.Arbitrary<JsonObject> = fc.record(
  {
    weight: fc.oneof(small, fc.constant<Json>(['set', []])),
    price: fc.constantFrom(0, 0.5, -1e10),
    sold: fc.boolean(),
    tags: set(word),
    numbers: set(fc.oneof(small, fc.constant(2n ** 60n))),
    stock: fc.oneof(small, fc.constant(-(2n ** 62n))),
  },
  { requiredKeys: [] },
);

/** Changes of existing rows: which rows is decided by values, so that any step makes sense at any time. */
const change: fc.Arbitrary<readonly JsonObject[]> = fc.oneof(
  fc.tuple(word, fc.array(itemRow, { maxLength: 3 }), labels, fc.nat()).map(([name, items, map, n]) => {
    const inserts = items.map((row, i): JsonObject => ({ op: 'insert', table: 'Item', 'uuid-name': `i${i}`, row }));
    const refs: Json = ['set', items.map((_, i): Json => ['named-uuid', `i${i}`])];
    const favourite: Json = items.length > 0 ? ['named-uuid', 'i0'] : ['set', []];
    const row = { name: `${name}${n % 50}`, items: refs, labels: map, favourite };
    return [...inserts, { op: 'insert', table: 'Shelf', row }];
  }),
  fc
    .tuple(small, itemRow)
    .map(([weight, row]) => [{ op: 'update', table: 'Item', where: [['weight', '==', weight]], row }]),
  fc.tuple(word, labels).map(([tag, map]) => [
    {
      op: 'mutate',
      table: 'Item',
      where: [['tags', 'includes', tag]],
      mutations: [
        ['stock', '+=', 1],
        ['tags', 'delete', tag],
      ],
    },
    { op: 'mutate', table: 'Shelf', where: [], mutations: [['labels', 'insert', map]] },
  ]),
  word.map((key) => [
    {
      op: 'mutate',
      table: 'Shelf',
      where: [],
      mutations: [
        ['labels', 'delete', ['set', [key]]],
        ['counts', 'insert', ['map', [[1, 0.5]]]],
      ],
    },
  ]),
  word.map((key) => [{ op: 'delete', table: 'Shelf', where: [['labels', 'includes', ['map', [[key, 'a']]]]] }]),
  fc.constant<readonly JsonObject[]>([{ op: 'update', table: 'Shelf', where: [], row: { items: ['set', []] } }]),
);

const step = fc.oneof(
  { weight: 10, arbitrary: change.map((operations) => ({ kind: 'change' as const, operations })) },
  { weight: 2, arbitrary: fc.constant({ kind: 'reconnect' as const }) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.option(small), fc.boolean())
      .map(([weight, wait]) => ({ kind: 'conditions' as const, weight, wait })),
  },
);

/** Applies lists of changes to a copy; what they say must be true of the copy. */
function apply(copy: Map<Uuid, Row>, changes: readonly RowChange[]): void {
  const seen = new Set<Uuid>();
  for (const change of changes) {
    expect(seen.has(change.uuid)).toBe(false);
    seen.add(change.uuid);
    expect(copy.get(change.uuid)).toBe(change.old);
    expect(change.old ?? change.new).toBeDefined();
    if (change.new === undefined) copy.delete(change.uuid);
    else copy.set(change.uuid, change.new);
  }
}

describe.each(['ovsdb-server', 'weft-ovsdb'])('a replica of %s', (name) => {
  const { dir, remove } = makeDir();
  let server: { readonly remote: string; stop(): Promise<unknown> };
  let client: DatabaseClient<typeof inventory>;
  beforeAll(async () => {
    const schema = writeSchema(join(dir, 'inventory.ovsschema'));
    server = name === 'weft-ovsdb' ? await startOurs(dir, schema) : await startServer(dir, 'db', schema);
    client = await DatabaseClient.open({ schema: inventory, remotes: server.remote });
  });
  afterAll(async () => {
    client.close();
    await server.stop();
    remove();
  });

  it('equals its server after any history', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 25 }),
        fc.constantFrom(1, 1000),
        async (steps, sliceRows) => {
          await client.transact([{ op: 'delete', table: 'Shelf', where: [] }]);
          const replica = new Replica({ schema: inventory, remotes: server.remote, sliceRows });
          const copy = new Map<Uuid, Row>();
          let items: readonly Clause<'weight'>[] = [];
          try {
            replica.onChange((changes) => apply(copy, changes));
            replica.start();
            await replica.synced();
            for (const one of steps) {
              if (one.kind === 'change') {
                await client.transact(one.operations).catch((error: unknown) => {
                  // A name that is taken, most of the time.
                  if (!(error instanceof TransactionError)) throw error;
                });
              } else if (one.kind === 'reconnect') replica.reconnect();
              else {
                items = one.weight === null ? [] : [['weight', '==', one.weight]];
                const done = replica.setConditions({ Item: one.weight === null ? true : items });
                if (one.wait) await done;
              }
            }
            await replica.synced();
            await replica.setConditions({ Item: items.length === 0 ? true : items });
            // Conditions that were wanted in an earlier connection may still be on their way.
            await until(() => replica.state === 'live', 'the replica');
            await replica.transact([{ op: 'comment', comment: 'settle' }]);
            const expected = await client.selectAll([{ table: 'Shelf' }, { table: 'Item', where: items }]);
            for (const [i, table] of tables.entries()) {
              const byUuid = (a: { _uuid: Uuid }, b: { _uuid: Uuid }): number => (a._uuid < b._uuid ? -1 : 1);
              const rows = [...replica.table(table).rows()].sort(byUuid);
              expect(rows).toEqual([...expected[i]!].sort(byUuid));
              for (const row of rows) expect(copy.get(row._uuid)).toBe(row);
            }
            expect(copy.size).toBe(replica.table('Shelf').size + replica.table('Item').size);
          } finally {
            replica.close();
          }
        },
      ),
      { numRuns: 60 },
    );
  }, 120_000);
});
