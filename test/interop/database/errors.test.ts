/** What is refused, and in which words: lists of transactions, each of which gets from us the answer that the C server gives, `details` included. */
import type { Peer } from '@weft/jsonrpc/peer';
import { canonicalText, isArray, isObject, type Json, type JsonObject } from '@weft/ovsdb/json';
import { parseSchema } from '@weft/ovsdb/schema-json';
import { Database } from '@weft/ovsdb-server/database';
import { wholeText } from '@weft/ovsdb-server/pieces';
import { MemoryStore } from '@weft/ovsdb-server/store/memory';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CServer, startCServer } from './c-server.ts';

const set = (key: Json, min = 0, max: Json = 1): Json => ({ type: { key, min, max } });
const schema = {
  name: 'Errors',
  version: '1.0.0',
  tables: {
    Named: { isRoot: true, indexes: [['name']], columns: { name: { type: 'string' }, a: { type: 'integer' } } },
    Real: {
      isRoot: true,
      indexes: [['r', 'i', 'x']],
      columns: { r: { type: 'real' }, i: { type: 'uuid' }, x: set('string') },
    },
    Maps: {
      isRoot: true,
      indexes: [['x', 'y', 'z', 's']],
      columns: {
        x: set('integer'),
        y: { type: 'boolean' },
        z: { type: { key: 'string', value: 'string', min: 0, max: 5 } },
        s: set('string', 0, 4),
      },
    },
    Single: {
      isRoot: true,
      maxRows: 1,
      columns: { weak: set({ type: 'uuid', refTable: 'Named', refType: 'weak' }, 1, 2) },
    },
    Leaf: { maxRows: 2, columns: { name: { type: 'string' } } },
    Refers: {
      isRoot: true,
      columns: {
        strong: set({ type: 'uuid', refTable: 'Leaf' }, 0, 9),
        weak: set({ type: 'uuid', refTable: 'Refers', refType: 'weak' }, 1, 2),
        any: { type: 'uuid' },
        n: { type: 'integer' },
      },
    },
    Fixed: { isRoot: true, columns: { i: { type: 'integer', mutable: false } } },
    Limits: {
      isRoot: true,
      columns: {
        e: set({ type: 'string', enum: ['set', ['a', 'b c', '3']] }),
        i: set({ type: 'integer', minInteger: 3 }),
        j: set({ type: 'integer', maxInteger: 3 }),
        r: set({ type: 'real', minReal: 3.5 }),
        q: set({ type: 'real', minReal: -0.1, maxReal: 1e20 }),
        l: set({ type: 'string', minLength: 2 }),
        k: set({ type: 'string', maxLength: 3 }),
        lk: set({ type: 'string', minLength: 2, maxLength: 3 }),
        ei: set({ type: 'integer', enum: ['set', [3, 1]] }),
        er: set({ type: 'real', enum: ['set', [0.1, 1]] }),
        m: set('string', 1, 3),
        mm: { type: { key: 'string', value: 'string', min: 0, max: 2 } },
        pair: { type: { key: 'string', value: 'string' } },
      },
    },
  },
};

let c: CServer;
let peer: Peer;

beforeAll(async () => {
  c = await startCServer(schema as unknown as Json);
  peer = await c.connect();
});

afterAll(async () => {
  peer?.close();
  await c?.stop();
});

const id = (n: number): string => `0000000${n}-0000-4000-8000-00000000000${n}`;
const uuid = (n: number): Json => ['uuid', id(n)];
const row = (table: string, columns: JsonObject, n?: number): Json => ({
  op: 'insert',
  table,
  row: columns,
  ...(n === undefined ? {} : { uuid: id(n), 'uuid-name': `r${n}` }),
});
const update = (table: string, columns: Json, where: Json = []): Json => ({ op: 'update', table, where, row: columns });
const remove = (table: string, where: Json = []): Json => ({ op: 'delete', table, where });
const called = (name: string): Json => [['name', '==', name]];
const wait = (members: JsonObject): Json => ({
  op: 'wait',
  table: 'Limits',
  where: [],
  columns: ['i'],
  until: '==',
  rows: [],
  timeout: 0,
  ...members,
});

const weak = { weak: ['named-uuid', 'r1'] };
const strings = {
  z: [
    'map',
    [
      ['a b', 'c'],
      ['d', 'e\\f"'],
    ],
  ],
};
const indexes: Json[][] = [
  [row('Named', { name: 'one' }, 1), row('Named', { name: 'two' }, 2)],
  [row('Named', { name: 'one' }, 3)],
  [row('Named', { name: 'new' }, 3), row('Named', { name: 'new' }, 4)],
  [update('Named', { name: 'two' }, called('one'))],
  [update('Named', { name: 'both words' })],
  [update('Named', { a: 7 }, called('two')), row('Named', { name: 'two' }, 4)],
  [update('Named', { a: 7 }, called('two')), update('Named', { name: 'two' }, called('one'))],
  [remove('Named', called('two')), row('Named', { name: 'two' }, 5), row('Named', { name: 'two' }, 6)],
  [update('Named', { name: 'true' }, called('one'))],
  [row('Named', { name: 'true' }, 3)],
  [update('Named', { name: '' }, called('true'))],
  [row('Named', { name: '' }, 3)],
  [row('Maps', { x: 3, s: 'p' }, 1)],
  [row('Maps', { x: 3, s: 'p' }, 2)],
  [row('Maps', {}, 1), row('Maps', {}, 2)],
  [row('Maps', { x: 3, y: true, s: ['set', ['p', 'q r']], ...strings }, 1), row('Maps', { x: 4 }, 2)],
  [row('Maps', { x: 3, y: true, s: ['set', ['p', 'q r']], ...strings }, 3)],
  [row('Maps', { x: 5, ...strings }, 3), row('Maps', { x: 5, ...strings }, 4)],
  [row('Real', { r: 0.1, i: uuid(3), x: 'a' }), row('Real', { r: 1e20 })],
  [row('Real', { r: 0.1, i: uuid(3), x: 'a' })],
  [row('Real', { r: 1e20 })],
];

const references: Json[][] = [
  [row('Refers', {})],
  [row('Refers', { weak: uuid(9) })],
  [row('Refers', { weak: ['set', [uuid(9), uuid(8)]] })],
  [row('Leaf', {}, 1), row('Refers', { ...weak, strong: uuid(1) }, 1)],
  [row('Refers', { weak: uuid(1) }, 2)],
  [update('Refers', { weak: uuid(1) })],
  [remove('Refers', [['_uuid', '==', uuid(1)]])],
  [update('Refers', { n: 5 }), remove('Refers', [['_uuid', '==', uuid(1)]])],
  [update('Refers', { weak: uuid(7) }, [['_uuid', '==', uuid(2)]])],
  [row('Refers', { ...weak, strong: uuid(7) }, 3)],
  [remove('Leaf')],
  [remove('Leaf'), row('Refers', { weak: uuid(1), strong: uuid(2) }, 3)],
  [remove('Leaf'), row('Refers', { weak: uuid(1), strong: uuid(1) }, 3)],
  [
    row('Leaf', {}, 4),
    remove('Leaf', [['_uuid', '==', uuid(4)]]),
    row('Refers', { weak: uuid(1), strong: uuid(4) }, 3),
  ],
  [row('Leaf', {}, 4), row('Leaf', {}, 5), row('Leaf', {}, 6)],
  [row('Leaf', {}, 4), row('Leaf', {}, 5), row('Refers', { weak: uuid(1), strong: ['set', [uuid(4), uuid(5)]] }, 3)],
  [row('Single', {})],
  [row('Single', {}), row('Single', {})],
  [row('Single', { weak: uuid(7) }), row('Single', { weak: uuid(7) })],
  [row('Single', {}), row('Refers', { ...weak, strong: uuid(7) }, 3), row('Single', {})],
  [remove('Leaf'), row('Single', {}), row('Single', {})],
  [row('Refers', { n: 1, ...weak }, 1)],
  [remove('Refers', [['_uuid', '==', uuid(2)]]), row('Refers', { n: 1, weak: uuid(1) }, 2)],
];

const values: Json[] = [
  ...[['set'], ['set', 1, 2], ['set', 'x'], ['set', null], ['set', {}], ['set', ['a'], 1], ['set', 5], ['set', []]],
  ...[['uuid', 'x'], ['uuid', 5], ['uuid'], uuid(1), ['named-uuid', 'x'], ['named-uuid', 'a b'], ['named-uuid', 5]],
  ...[['map', []], ['map', 5], ['map'], ['map', [1]], ['map', [['a']]], ['map', [['a', 'b', 'c']]]],
  ...[
    ['map', [['a', 5]]],
    ['map', [[5, 'b']]],
    [
      'map',
      [
        ['a', 'b'],
        ['a', 'd'],
      ],
    ],
    {},
    null,
    [],
    'x',
    5,
    true,
  ],
  ...[
    ['set', ['a', 'a']],
    ['set', ['a', 'b', 'c', 'd']],
    [
      'map',
      [
        ['a', 'b'],
        ['c', 'd'],
        ['e', 'f'],
      ],
    ],
    1.5,
    1e30,
  ],
];

const limits: [string, Json][] = [
  ...(['x y', 'x', '', 5] as const).map((v): [string, Json] => ['e', v]),
  ...[
    ['i', 2],
    ['j', 4],
    ['r', 1.25],
    ['q', -0.2],
    ['q', 1e21],
    ['q', 1e22],
    ['q', 123456789e12],
  ],
  ...[
    ['l', 'x'],
    ['k', 'xéaa'],
    ['lk', ''],
    ['lk', 'aaaa'],
    ['ei', 4],
    ['er', 0.3],
    ['lk', 'é'],
  ],
] as [string, Json][];

const mutations: Json[] = [
  ...[
    ['i', '+=', 'x'],
    ['i', '/=', 0],
    ['i', '%=', 0],
    ['i', '-=', 2],
    ['j', '+=', 3],
    ['r', '*=', 1e308],
    ['r', '/=', 0],
  ],
  ...[
    ['r', '-=', 1],
    ['r', '/=', 3],
    ['r', '+=', ['set', 5]],
    ['i', '+=', ['set', [1, 2]]],
    ['i', '+=', ['set', []]],
  ],
  ...[
    ['e', 'insert', 'q'],
    ['e', 'insert', ['set', ['a', '3']]],
    ['m', 'delete', 'x'],
    ['m', 'insert', ['set', ['a', 'b', 'c']]],
  ],
  ...[
    ['m', 'insert', ['set', ['a', 'b', 'c', 'd']]],
    [
      'mm',
      'insert',
      [
        'map',
        [
          ['a', 'b'],
          ['c', 'd'],
          ['e', 'f'],
        ],
      ],
    ],
  ],
  ...[
    ['mm', 'delete', 5],
    ['mm', 'delete', ['set', [5]]],
    ['mm', 'delete', ['map', 5]],
    ['mm', 'delete', ['set', 5]],
  ],
  ...[
    ['mm', 'insert', 'x'],
    ['m', 'insert', ['set', 5]],
    ['m', 'delete', ['set', 5]],
    ['mm', '+=', 5],
    ['x', '+=', 5],
  ],
  ...[['_uuid', '+=', 5], ['_version', 'insert', 5], ['m', 4, 'x'], [], ['a'], 'x', ['i', '+=', 1, 2], ['i', 'foo', 1]],
] as Json[];

const clauses: Json[] = [
  ...[
    ['i', '==', 'x'],
    ['i', '<', ['set', []]],
    ['i', '<', ['set', [1, 2]]],
    ['i', '==', ['set', [1, 2]]],
    ['m', '<', 'x'],
  ],
  ...[
    ['m', '==', ['set', []]],
    ['i', '=', 1],
    ['zz', '==', 1],
    ['_uuid', '==', 'x'],
    ['_uuid', '==', ['uuid', 'x']],
  ],
  ...[
    ['_uuid', '<', uuid(1)],
    ['_uuid', '==', ['named-uuid', 'a b']],
    ['_uuid', 'includes', ['set', []]],
  ],
  ...[
    ['mm', 'includes', ['set', []]],
    [
      'mm',
      'includes',
      [
        'map',
        [
          ['a', 'b'],
          ['c', 'd'],
          ['e', 'f'],
        ],
      ],
    ],
  ],
  ...[['mm', '<', ['map', []]], 'x', 5, null, [], ['i'], [1, '==', 1], ['i', 1, 1], ['i', '==', 1, 1], {}],
] as Json[];

const select = (members: JsonObject): Json => ({ op: 'select', table: 'Limits', where: [], ...members });
const insertOf = (members: JsonObject): Json => ({ op: 'insert', table: 'Limits', row: { m: 'x' }, ...members });
// biome-ignore format: a list
const selects: JsonObject[] = [
  { columns: ['i', 'i'] }, { columns: ['x'] }, { columns: [5] }, { columns: 5 }, { where: 5 }, { where: {} },
  { table: 5 }, { table: 'a b' }, { table: 'None' }, { table: '' },
  { sort: 5 }, { sort: ['x'] }, { sort: [5] }, { sort: [] }, { sort: ['i', 'j'] },
];
const inserts: JsonObject[] = [
  ...['a b', 5, '', 'a'].map((name) => ({ 'uuid-name': name, uuid: 'zz' })),
  ...['a b', 5, '', '0000000A-0000-4000-8000-000000000001', id(9), `${id(9)} `].map((text) => ({ uuid: text })),
  { row: 5 },
  { table: 5 },
];
const odd: JsonObject[] = [{ _uuid: uuid(1) }, { _uuid: 5 }, { _version: uuid(1) }, { nothing: 5 }];
// biome-ignore format: a list
const waits: JsonObject[] = [
  { until: '=' }, { until: 5 }, { rows: [5] }, { rows: 5 }, { timeout: -1 }, { timeout: 'x' }, { timeout: 1.5 }, { timeout: 1e19 },
  { timeout: 3 }, { rows: [{ x: 1 }] }, { rows: [{ q: 5 }] }, { rows: [{ i: 'x' }] }, { until: '!=', where: [false], rows: [] },
];
// biome-ignore format: a list
const operations: Json[] = [
  ...selects.map(select),
  ...inserts.map(insertOf),
  ...odd.flatMap((columns) => [update('Limits', columns), row('Limits', { m: 'x', ...columns }, 8)]),
  ...waits.map((members) => wait({ rows: [{}], ...members })),
  { op: 'wait', table: 'Limits', where: [false], until: '!=', rows: [], timeout: 0 },
  { op: 'wait', table: 'Limits', where: [], columns: ['i'], rows: [] },
  select({ where: [['pair', '<', ['map', []]]] }), { op: 'mutate', table: 'Limits', where: [], mutations: [['pair', 'delete', '']] },
  { op: 'select', table: 'Limits' }, { op: 'select', where: [] }, { op: 'sel' }, { op: 5 }, { op: 'a b' }, {}, 5, [], null, 'x',
  { op: 'insert', table: 'Limits' }, update('Limits', 5), { op: 'update', where: [] },
  { op: 'commit' }, { op: 'commit', durable: 5 }, { op: 'commit', durable: false, x: 1 },
  { op: 'abort' }, { op: 'abort', x: 5 }, { op: 'comment' }, { op: 'comment', comment: 5 },
  { op: 'assert' }, { op: 'assert', lock: 5 }, { op: 'assert', lock: 'a b' }, { op: 'assert', lock: 'a' },
  update('Fixed', { i: 1 }), update('Fixed', { i: 1, q: 5 }),
  { op: 'mutate', table: 'Fixed', where: [], mutations: [['i', '+=', 1]] },
  remove('Fixed', 5), { op: 'delete', table: 'Fixed' }, { op: 'delete', table: 'Fixed', where: [], row: {} },
  ...[5, [], null].map((json) => ({ op: 'mutate', table: 'Limits', where: [false], mutations: json })),
  { op: 'mutate', table: 'Limits', where: [] },
];

const several: Json[][] = [
  [],
  [{ op: 'abort' }, { op: 'abort' }],
  [
    { op: 'mutate', table: 'Limits', where: [], mutations: [['r', '/=', 0]] },
    { op: 'comment', comment: 'x' },
  ],
  [row('Fixed', { i: 1 }, 5), row('Fixed', { i: 2 }, 5)],
  [
    { ...(row('Fixed', {}) as JsonObject), 'uuid-name': 'a' },
    { ...(row('Fixed', {}) as JsonObject), 'uuid-name': 'a' },
  ],
  [row('Fixed', { i: 1 }, 5), update('Fixed', {}, [['_uuid', '==', ['named-uuid', 'r5']]])],
  [row('Fixed', { i: 2 }, 5)],
  [remove('Fixed'), row('Fixed', { i: 2 }, 5)],
  [row('Fixed', { i: 2 }, 6), remove('Fixed', [['_uuid', '==', uuid(6)]]), row('Fixed', { i: 2 }, 6)],
];

/** Without what each server chooses by itself: uuids, milliseconds, the order of rows, and which of two rows is called the first. */
function normal(json: Json): Json {
  if (isArray(json)) return json.map(normal);
  if (!isObject(json)) return json;
  if ('uuid' in json && !isObject(json.uuid)) return { uuid: 'some' };
  if (isArray(json.rows)) return json.rows.length;
  if (typeof json.details !== 'string') return Object.fromEntries(Object.entries(json).map(([k, v]) => [k, normal(v)]));
  const details = json.details
    .replace(/(?!0000000)[0-9a-f]{8}-[0-9a-f-]{27}/g, 'some')
    .replace(/after \d+ ms/, 'after some ms')
    .replace(/(?<=First row, with UUID )(\S+, .*)\. {2}(Second row, with UUID )(.*)\.$/, (_, first, middle, second) =>
      [first, second].sort().join(middle),
    );
  return { ...json, details, syntax: typeof json.syntax === 'string' ? (JSON.parse(json.syntax) as Json) : null };
}

async function compare(ours: Database, transaction: readonly Json[]): Promise<void> {
  const answer = await new Promise<Json>((resolve) => {
    ours.transact(transaction, { ownsLock: () => false }, (results) => resolve(JSON.parse(wholeText(results)) as Json));
    ours.flush();
  });
  const theirs = await peer.call('transact', ['Errors', ...transaction]);
  expect(canonicalText(normal(answer)), JSON.stringify(transaction)).toBe(canonicalText(normal(theirs)));
}

it.each<[string, Json[][]]>([
  ['two rows with the same values in an index', indexes],
  ['references, and numbers of rows', references],
  [
    'values of a wrong shape',
    ['m', 'e', 'i', 'mm'].flatMap((name) => values.map((v) => [row('Limits', { m: 'x', [name]: v })])),
  ],
  [
    'references of a wrong shape',
    ['strong', 'weak', 'any'].flatMap((name) => values.map((v) => [row('Refers', { n: 1, [name]: v })])),
  ],
  ['values out of their limits', limits.map(([name, value]) => [row('Limits', { m: 'x', [name]: value })])],
  [
    'mutations',
    [
      [row('Limits', { m: 'x', i: 3, j: 1, r: 4 })],
      ...mutations.map((m) => [{ op: 'mutate', table: 'Limits', where: [['i', '==', 3]], mutations: [m] }]),
    ],
  ],
  ['clauses', clauses.map((clause) => [select({ where: [clause] })])],
  ['operations', operations.map((operation) => [operation])],
  ['several operations', several],
])('%s', async (_, transactions) => {
  const ours = await Database.open(new MemoryStore(parseSchema(schema)));
  await peer.call('transact', ['Errors', ...Object.keys(schema.tables).map((table) => remove(table))]);
  for (const transaction of transactions) await compare(ours, transaction);
  await ours.close();
});
