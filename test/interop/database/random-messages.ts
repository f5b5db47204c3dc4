/** Random JSON-RPC messages to a database server: requests of every method, mostly well formed, often bent. Several clients at once. */
import type { Json, JsonObject } from '@weft/ovsdb/json';
import type { Random } from './random-transactions.ts';

export const messageSchema = {
  name: 'Fuzz',
  version: '1.0.0',
  tables: {
    T: {
      isRoot: true,
      indexes: [['name']],
      columns: {
        name: { type: 'string' },
        n: { type: { key: 'integer', min: 0, max: 1 } },
        words: { type: { key: 'string', min: 0, max: 'unlimited' } },
      },
    },
    U: { isRoot: true, columns: { name: { type: 'string' } } },
  },
} as const;

const names = ['a', 'b', 'c'];
const ids: readonly Json[] = [null, 0, 1, -1, 1.5, 'x', '', true, false, [], ['a', 1], {}, { b: 1, a: [] }];
const oddities: readonly Json[] = [
  null,
  0,
  7,
  -1,
  2.5,
  'x',
  '',
  'Fuzz',
  'T',
  true,
  false,
  [],
  [[]],
  ['Fuzz'],
  {},
  { T: {} },
];
const monitorIds: readonly Json[] = [null, 1, 'm', ['m'], { a: 1, b: 2 }];
const locks = ['l', 'l', 'k', 'odd name'];

export class MessageGenerator {
  readonly #random: Random;
  /** Ids of the requests that may still wait, by client. */
  readonly #sent: Json[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  /** A message as it goes on the wire. */
  message(): Json {
    const r = this.#random;
    if (r.chance(0.02)) return r.pick(oddities);
    const id = r.chance(0.3) ? r.pick(ids) : r.below(1_000_000) + 10;
    if (r.chance(0.06))
      return this.#bend(
        {
          id,
          ...r.pick<JsonObject>([
            { result: 1, error: null },
            { result: null, error: 'x' },
            { result: {} },
            { error: 'x' },
          ]),
        },
        0.3,
      );
    const [method, params] = this.#request();
    if (method === 'transact') this.#sent.push(id);
    if (method === 'transact' && r.chance(0.03)) return { method, params, id: this.#sent.at(-2) ?? id };
    return this.#bend({ method, params: params as Json, id }, 0.12);
  }

  #request(): [string, Json[]] {
    const r = this.#random;
    const database = r.chance(0.9) ? 'Fuzz' : r.pick(['_Server', 'None', '']);
    const method = r.pick([
      'transact',
      'transact',
      'transact',
      'transact',
      'monitor',
      'monitor_cond',
      'monitor_cond_since',
      'monitor_cond_change',
      'monitor_cancel',
      'lock',
      'steal',
      'unlock',
      'cancel',
      'cancel',
      'echo',
      'list_dbs',
      'get_schema',
      'get_server_id',
      'set_db_change_aware',
      'convert',
      'nonsense',
    ]);
    const params = this.#params(method, database);
    if (r.chance(0.12)) {
      const i = r.below(params.length + 1);
      if (r.chance(0.3)) params.splice(i, 1);
      else if (r.chance(0.4)) params.splice(i, 0, r.pick(oddities));
      else params[i] = r.pick(oddities);
    }
    // It ends the C server at times.
    if (method === 'monitor' && params.length < 3) params.push({}, {}, {});
    // It takes monitors of no table for one, of whichever database they are.
    if (params[0] === '_Server' && JSON.stringify(params[2]) === '{}') params[2] = { T: {} };
    return [method, params];
  }

  #params(method: string, database: string): Json[] {
    const r = this.#random;
    switch (method) {
      case 'transact':
        return [database, ...Array.from({ length: r.below(3) }, () => this.#operation())];
      case 'monitor':
      case 'monitor_cond':
        return [database, r.pick(monitorIds), this.#monitorRequests(database, method !== 'monitor')];
      case 'monitor_cond_since':
        return [
          database,
          r.pick(monitorIds),
          this.#monitorRequests(database, true),
          r.pick(['00000000-0000-0000-0000-000000000000', '11111111-1111-1111-1111-111111111111']),
        ];
      case 'monitor_cond_change':
        return [r.pick(monitorIds), r.pick(monitorIds), this.#changes()];
      case 'monitor_cancel':
        return [r.pick(monitorIds)];
      case 'lock':
      case 'steal':
      case 'unlock':
        return [r.pick(locks)];
      case 'cancel':
        return [this.#sent.length > 0 && r.chance(0.8) ? r.pick(this.#sent.slice(-6)) : r.pick(ids)];
      case 'echo':
        return Array.from({ length: r.below(3) }, () => r.pick(oddities));
      case 'get_schema':
        return [database];
      case 'set_db_change_aware':
        return [r.chance(0.5)];
      case 'convert':
        return [
          database,
          r.pick<Json>([messageSchema as unknown as Json, {}, { name: 'Fuzz', version: '1', tables: {} }, 5]),
        ];
      default:
        return [];
    }
  }

  #operation(): Json {
    const r = this.#random;
    const where = (): Json =>
      r.pick<Json>([
        [],
        [['name', '==', r.pick(names)]],
        [['n', 'includes', ['set', [1]]]],
        [['words', 'excludes', 'w']],
        [false],
      ]);
    const table = r.pick(['T', 'T', 'T', 'U', 'X']);
    const row = (): Json =>
      table === 'U'
        ? { name: r.pick(names) }
        : r.pick<Json>([
            { name: r.pick(names) },
            { n: r.below(3) },
            { name: r.pick(names), words: ['set', ['v', 'w']] },
            { n: ['set', []] },
          ]);
    return r.pick<() => Json>([
      () => ({ op: 'insert', table, row: row(), ...(r.chance(0.2) ? { 'uuid-name': 'x' } : {}) }),
      () => ({ op: 'update', table, where: where(), row: row() }),
      () => ({ op: 'delete', table, where: where() }),
      () => ({ op: 'select', table, where: where(), columns: ['name'] }),
      // For ever, or not at all: how long is each server's own affair.
      () => ({
        op: 'wait',
        table: 'T',
        where: where(),
        columns: ['name'],
        until: r.pick(['==', '!=']),
        rows: [{ name: r.pick(names) }],
        ...(r.chance(0.4) ? { timeout: 0 } : {}),
      }),
      () => ({ op: 'assert', lock: r.pick(locks) }),
      () => ({ op: 'abort' }),
      () => ({ op: 'comment', comment: 'x' }),
      () => r.pick(oddities),
    ])();
  }

  #monitorRequests(database: string, conditional: boolean): Json {
    const r = this.#random;
    const request = (): Json => ({
      ...(r.chance(0.5)
        ? { columns: r.pick<Json>([['name'], ['name', 'n'], ['words'], [], ['nothing'], ['n', 'n'], 5, [5]]) }
        : {}),
      ...(r.chance(0.3)
        ? {
            select: r.pick<Json>([
              { initial: false },
              { modify: false },
              { insert: false, delete: false },
              { nothing: true },
              { initial: 1 },
              5,
            ]),
          }
        : {}),
      ...(conditional ? this.#where(0.5) : {}),
      ...(r.chance(0.03) ? { odd: 1 } : {}),
    });
    const one = {
      [r.chance(0.95) ? 'T' : 'X']: r.pick<Json>([
        request(),
        [request()],
        [request()],
        ...(conditional ? [] : [[request(), request()]]),
        [],
      ]),
    };
    // In which order tables are looked at is each server's own affair, so at most one has faults.
    return r.pick<Json>([one, one, database === 'Fuzz' ? { ...one, U: [{ columns: ['name'] }] } : one, {}]);
  }

  #where(p: number): JsonObject {
    const r = this.#random;
    if (!r.chance(p)) return {};
    return {
      where: r.pick<Json>([
        [],
        [['name', '==', 'a']],
        [
          ['name', '==', 'b'],
          ['name', '!=', 'c'],
        ],
        [true],
        [false],
        [['x', '==', 1]],
        5,
        ['x'],
        [['name', '==', 5]],
      ]),
    };
  }

  #changes(): Json {
    const r = this.#random;
    const request = (): Json => ({
      ...this.#where(0.9),
      ...(r.chance(0.05) ? { columns: ['name'] } : {}),
      ...(r.chance(0.05) ? { odd: 1 } : {}),
    });
    const one = { [r.chance(0.95) ? 'T' : 'X']: r.pick<Json>([request(), [request()], [request()], [], 5]) };
    return r.pick<Json>([one, one, one, { U: [{ where: [['name', '==', 'a']] }] }, {}]);
  }

  /** Takes a member away, gives one another value, or adds one. */
  #bend(message: JsonObject, p: number): Json {
    const r = this.#random;
    if (!r.chance(p)) return message;
    const bent: { [name: string]: Json } = { ...message };
    const name = r.pick([...Object.keys(message), 'extra', 'error', 'result', 'params', 'id']);
    if (r.chance(0.4)) delete bent[name];
    else bent[name] = r.pick(oddities);
    return bent;
  }
}
