/** Whatever happens, a client that applies what its monitors tell it holds exactly the rows that its conditions select. */
import { allHold, anyHolds, type Condition, parseCondition } from '@weft/ovsdb/condition';
import { applyDifference } from '@weft/ovsdb/diff';
import type { Json, JsonObject } from '@weft/ovsdb/json';
import { column, database, integer, map, optional, ref, set, string, table } from '@weft/ovsdb/schema';
import { decodeDatum } from '@weft/ovsdb/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Database } from '../database.ts';
import type { MemoryTable } from '../memory-table.ts';
import type { Piece } from '../pieces.ts';
import { MemoryStore } from '../store/memory.ts';
import { dumpPieces } from './dump.ts';
import type { Member, MonitorSink } from './member.ts';
import { parseConditionChanges, parseMonitorRequests } from './request.ts';

const schema = database('Zoo', '1.0.0', {
  Animal: table(
    {
      name: column(string()),
      legs: column(integer()),
      keeper: optional(string()),
      tags: set(string()),
      notes: map(string(), string()),
      friends: set(ref('Animal', 'weak')),
    },
    { isRoot: true },
  ),
  Cage: table({ animals: set(ref('Animal')), size: column(integer()) }, { isRoot: true }),
});

type Values = { readonly [column: string]: Json };

/** The client: rows as JSON, kept up to date by updates of the second format. */
class Copy implements MonitorSink {
  readonly rows = new Map<string, { [column: string]: Json }>();
  readonly #tables: ReadonlyMap<string, MemoryTable>;
  ready = true;

  constructor(tables: ReadonlyMap<string, MemoryTable>) {
    this.#tables = tables;
  }

  stream(pieces: Piece[]): void {
    this.send(pieces.join(''));
  }

  send(message: string): void {
    const { params } = JSON.parse(message) as { params: readonly Json[] };
    this.apply(params.at(-1) as JsonObject);
  }

  apply(updates: JsonObject): void {
    for (const [name, rows] of Object.entries(updates)) {
      const memory = this.#tables.get(name)!;
      for (const [uuid, update] of Object.entries(rows as JsonObject)) {
        const key = `${name} ${uuid}`;
        const { initial, insert, modify } = update as { [kind: string]: Values };
        const fresh = initial ?? insert;
        if (fresh !== undefined) {
          // A row that the client has must not come again.
          expect(this.rows.has(key)).toBe(false);
          this.rows.set(key, { ...fresh });
        } else if (modify !== undefined) {
          const row = this.rows.get(key);
          expect(row).toBeDefined();
          for (const [column, difference] of Object.entries(modify)) {
            const { type } = memory.schema.columns[column]!;
            const old = row![column] === undefined ? emptyRow(memory)[column] : decodeDatum(type, row![column]!);
            const next = applyDifference(type, old, difference);
            const text = memory.text.object(memory.text.make(uuid, [[column, next]]), [column], true);
            delete row![column];
            Object.assign(row!, JSON.parse(text));
          }
        } else expect(this.rows.delete(key)).toBe(true);
      }
    }
  }
}

function parsed(pieces: readonly Piece[]): JsonObject {
  const texts = pieces.map((piece) => (typeof piece === 'function' ? piece() : piece)?.toString());
  return JSON.parse(texts.join('')) as JsonObject;
}

function emptyRow(memory: MemoryTable): { readonly [column: string]: ReturnType<typeof decodeDatum> } {
  return memory.text.make('', []);
}

const name = fc.constantFrom('ape', 'bee', 'cat', 'dog', 'eel');
const condition = fc.array(
  fc.oneof(
    fc.tuple(fc.constant('name'), fc.constantFrom('==', '!='), name),
    fc.tuple(fc.constant('legs'), fc.constantFrom('==', '<', '>='), fc.integer({ min: 0, max: 4 })),
    fc.tuple(fc.constant('keeper'), fc.constantFrom('==', 'includes', 'excludes'), name),
    fc.tuple(
      fc.constant('tags'),
      fc.constantFrom('includes', 'excludes', '=='),
      fc.tuple(fc.constant('set'), fc.uniqueArray(name, { maxLength: 2 })),
    ),
    fc.tuple(
      fc.constant('notes'),
      fc.constantFrom('includes', 'includes', 'excludes', '=='),
      fc.tuple(fc.constant('map'), fc.uniqueArray(fc.tuple(name, name), { maxLength: 2, selector: ([key]) => key })),
    ),
    fc.boolean(),
  ),
  { maxLength: 3 },
) as fc.Arbitrary<Json>;

const row = fc.record(
  {
    name,
    legs: fc.integer({ min: 0, max: 4 }),
    keeper: name,
    tags: fc.tuple(fc.constant('set'), fc.uniqueArray(name, { maxLength: 3 })),
    notes: fc.tuple(
      fc.constant('map'),
      fc.uniqueArray(fc.tuple(name, name), { maxLength: 3, selector: ([key]) => key }),
    ),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<JsonObject>;

type Step =
  | { readonly kind: 'transact'; readonly operations: readonly Json[] }
  | { readonly kind: 'monitor'; readonly where: Json; readonly format: 'update2' | 'update3' }
  | { readonly kind: 'change'; readonly client: number; readonly where: Json }
  | { readonly kind: 'pause' | 'resume'; readonly client: number };

const operation = fc.oneof(
  { weight: 3, arbitrary: row.map((values) => ({ op: 'insert', table: 'Animal', row: values }) as Json) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(condition, row)
      .map(([where, values]) => ({ op: 'update', table: 'Animal', where, row: values }) as Json),
  },
  { weight: 1, arbitrary: condition.map((where) => ({ op: 'delete', table: 'Animal', where }) as Json) },
  {
    weight: 2,
    arbitrary: fc.tuple(condition, name).map(
      ([where, tag]) =>
        ({
          op: 'mutate',
          table: 'Animal',
          where,
          mutations: [
            ['tags', 'insert', tag],
            ['legs', '+=', 1],
          ],
        }) as Json,
    ),
  },
);

const client = fc.nat({ max: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .array(operation, { minLength: 1, maxLength: 4 })
      .map((operations): Step => ({ kind: 'transact', operations })),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(condition, fc.constantFrom('update2' as const, 'update3' as const))
      .map(([where, format]): Step => ({ kind: 'monitor', where, format })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(client, condition).map(([n, where]): Step => ({ kind: 'change', client: n, where })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(client, fc.constantFrom('pause' as const, 'resume' as const))
      .map(([n, kind]): Step => ({ kind, client: n })),
  },
);

describe('conditional monitors', () => {
  it('show exactly the selected rows, through changes of data and of conditions', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const db = await Database.open(new MemoryStore(schema));
        const animals = db.tables.get('Animal')!;
        const clients: { copy: Copy; member: Member; condition: Condition }[] = [];
        const requests = (where: Json): Json => ({
          Animal: [{ columns: ['name', 'legs', 'keeper', 'tags', 'notes'], where }],
        });
        for (const each of steps) {
          if (each.kind === 'transact') {
            db.transact(each.operations, { ownsLock: () => true }, () => {});
            db.flush();
          } else if (each.kind === 'monitor') {
            const copy = new Copy(db.tables);
            const member = db.monitors.add(
              parseMonitorRequests(db.tables, requests(each.where), true),
              each.format,
              '"m"',
              copy,
            );
            copy.apply(parsed(dumpPieces(member.view)));
            clients.push({ copy, member, condition: parseCondition('Animal', animals.schema, each.where) });
          } else {
            const target = clients[each.client];
            if (target === undefined) continue;
            if (each.kind === 'change') {
              target.copy.ready = true;
              target.member.catchUp();
              const changes = parseConditionChanges(db.tables, { Animal: [{ where: each.where }] }, target.member);
              const updates = db.monitors.change(target.member, changes);
              if (updates !== undefined) target.copy.apply(parsed(updates));
              target.condition = parseCondition('Animal', animals.schema, each.where);
            } else {
              target.copy.ready = each.kind === 'resume';
              if (target.copy.ready) target.member.catchUp();
            }
          }
          for (const { copy, condition: wanted } of clients) {
            if (!copy.ready) continue;
            const selected = [...animals.rows()].filter((animal) => anyHolds(wanted, animal));
            const columns = ['name', 'legs', 'keeper', 'tags', 'notes'];
            const expected = new Map(
              selected.map((animal) => [
                `Animal ${animal._uuid}`,
                JSON.parse(animals.text.object(animal, columns, true)) as Values,
              ]),
            );
            expect(Object.fromEntries(copy.rows)).toEqual(Object.fromEntries(expected));
          }
        }
        // Indexes agree with a scan.
        for (const each of ['ape', 'bee', 'cat']) {
          const where = parseCondition('Animal', animals.schema, [['name', '==', each]]);
          const found = [...animals.candidates(where)].filter((animal) => allHold(where, animal)).length;
          expect(found).toBe([...animals.rows()].filter((animal) => animal.name === each).length);
        }
        await db.close();
      }),
      { numRuns: 300 },
    );
  });
});
