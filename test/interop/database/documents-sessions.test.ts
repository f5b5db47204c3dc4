/**
 * What RFC 7047 section 4.1 says of monitors, locks and transactions that wait, and ovsdb-server(5) of the database `_Server`, statement by statement: the
 * same conversations with our server and with the C server. Each says the same, and what the document says.
 */
import type { Json } from '@weft/ovsdb/json';
import { type Line, playAll, type Statement } from './conversations.ts';

const schema = {
  name: 'D',
  version: '1.2.3',
  cksum: '1 2',
  tables: {
    T: {
      isRoot: true,
      columns: {
        name: { type: 'string' },
        n: { type: { key: 'integer', min: 0, max: 1 } },
        words: { type: { key: 'string', min: 0, max: 'unlimited' } },
        brief: { type: 'string', ephemeral: true },
        leaves: { type: { key: { type: 'uuid', refTable: 'Leaf' }, min: 0, max: 'unlimited' } },
        friend: { type: { key: { type: 'uuid', refTable: 'T', refType: 'weak' }, min: 0, max: 1 } },
      },
    },
    Leaf: { columns: { name: { type: 'string' } } },
    U: { isRoot: true, columns: { name: { type: 'string' } } },
  },
} as const;

const uuid = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`;
const ref = (n: number): Json => ['uuid', uuid(n)];
const insert = (n: number, row: Json, table = 'T'): Json => ({ op: 'insert', table, uuid: uuid(n), row });
const update = (name: string, row: Json): Json => ({ op: 'update', table: 'T', where: [['name', '==', name]], row });
const remove = (name: string): Json => ({ op: 'delete', table: 'T', where: [['name', '==', name]] });
const write = (...operations: Json[]): Line => ['w', 'transact', 'D', ...operations];
const by = (client: string, ...operations: Json[]): Line => [client, 'transact', 'D', ...operations];
const monitor = (id: string, requests: Json): Line => ['a', 'monitor', 'D', id, requests];
/** Until there is a row of this name in U. */
const until = (name: string, members: { readonly [name: string]: Json } = {}): Json => ({
  op: 'wait',
  table: 'U',
  where: [['name', '==', name]],
  columns: ['name'],
  until: '==',
  rows: [{ name }],
  ...members,
});
const notice = (name: string): Json => ({ op: 'insert', table: 'U', row: { name } });
const held = (lock: string): Json => ({ op: 'assert', lock });
const serverDatabase = { op: 'select', table: 'Database', where: [] };

const monitors: readonly Statement[] = [
  {
    says: 'RFC 4.1.5: without columns all columns are monitored, and _version; with none, rows come and go',
    lines: [
      write(insert(1, { name: 'a' })),
      monitor('all', { T: {} }),
      monitor('none', { T: { columns: [] } }),
      monitor('own', { T: { columns: ['_uuid', '_version'] } }),
      write(insert(2, { name: 'b' })),
      write(update('b', { n: 1 })),
      write(remove('b')),
    ],
    heard: [/"id":1.*"brief":""/, '"id":2', '"id":3', '{"new":{}}', '{"old":{}}'],
  },
  {
    says: 'RFC 4.1.5: initial rows, insertions, deletions and modifications as select says',
    lines: [
      write(insert(1, { name: 'a' })),
      ...['initial', 'insert', 'delete', 'modify'].map(
        (kind): Line => monitor(kind, { T: { columns: ['name', 'n'], select: { [kind]: false } } }),
      ),
      monitor('nothing', {
        T: { columns: ['name'], select: { initial: false, insert: false, delete: false, modify: false } },
      }),
      monitor('several', {
        T: [
          { columns: ['name'], select: { modify: false } },
          { columns: ['n'], select: { initial: false, insert: false } },
        ],
      }),
      write(insert(2, { name: 'b', n: 3 })),
      write(update('b', { n: 4 })),
      write(remove('b')),
    ],
    heard: ['"id":1,"result":{}', '"id":2,"result":{"T"', '"id":5,"result":{}'],
  },
  {
    says: 'RFC 4.1.5: what is no monitor-request of the database is refused',
    lines: [
      monitor('m', { None: {} }),
      monitor('m', { T: { columns: ['none'] } }),
      monitor('m', { T: { columns: ['n', 'n'] } }),
      monitor('m', { T: [{ columns: ['n'] }, { columns: ['n'] }] }),
      monitor('m', { T: [{}, { columns: ['n'] }] }),
      monitor('m', { T: { columns: 5 } }),
      monitor('m', { T: { columns: [5] } }),
      monitor('m', { T: { select: 5 } }),
      monitor('m', { T: { select: { initial: 5 } } }),
      monitor('m', { T: { select: { other: true } } }),
      monitor('m', { T: { where: [] } }),
      monitor('m', { T: 5 }),
      monitor('m', { T: [5] }),
      monitor('m', []),
      ['a', 'monitor', 'None', 'm', {}],
      ['a', 'monitor', 5, 'm', {}],
      ['a', 'monitor'],
      monitor('m', { T: [] }),
      ['a', 'monitor_cancel', 'm'],
      monitor('m', {}),
    ],
    heard: ['no table named None', 'none is not a valid column name', '"id":17,"result":{}', '"id":19,"result":{}'],
  },
  {
    says: 'RFC 4.1.6: an update has what one transaction did to all tables, rows that it need not name included, and nothing of one that failed',
    lines: [
      monitor('m', { T: { columns: ['name', 'n', 'leaves', 'friend'] }, Leaf: {}, U: {} }),
      write(
        insert(1, { name: 'a', leaves: ref(3) }),
        insert(2, { name: 'b', friend: ref(1) }),
        insert(3, { name: 'leaf' }, 'Leaf'),
        insert(4, { name: 'u' }, 'U'),
      ),
      write(update('a', { leaves: ['set', []] })),
      write(remove('a')),
      write(insert(5, { name: 'x' }), remove('x')),
      write(update('b', { n: 1 }), update('b', { n: ['set', []] })),
      write(update('b', { brief: 'x' })),
      write(update('b', { n: 1 }), { op: 'abort' }),
      write(insert(6, { name: 'leaf' }, 'Leaf')),
      write(update('b', { n: 1, name: 'c' }), update('c', { name: 'd' })),
    ],
    heard: [
      /"Leaf".*"T".*"U"/,
      /"Leaf":{.*"old":{.*"name":"leaf"}/,
      /"old":{"friend"/,
      '"old":{"n":["set",[]],"name":"b"}',
    ],
  },
  {
    says: 'RFC 4.1.7: parameters of monitor_cancel; a client may not end the monitor of another',
    lines: [
      monitor('m', { T: { columns: ['name'] } }),
      ['b', 'monitor_cancel', 'm'],
      ['a', 'monitor_cancel'],
      ['a', 'monitor_cancel', 'm', 'm'],
      write(insert(1, { name: 'a' })),
      ['a', 'monitor_cancel', 'm'],
      monitor('m', { T: { columns: ['name'] } }),
    ],
    heard: ['unknown monitor', '"id":5,"result":{}', '"id":6,"result":{"T"'],
  },
];

const badRequests: readonly Json[] = [
  5,
  [],
  { T: 5 },
  { T: [5] },
  { T: [{ where: 5 }] },
  { T: [{ where: {} }] },
  { T: [{ where: [[]] }] },
  { T: [{ other: 1 }] },
  { None: [] },
];
const conditions: readonly Statement[] = [
  {
    says: 'ovsdb-server(7) 4.1.12, 4.1.13: what is no request of a conditional monitor, or of a change of its condition, is refused',
    lines: [
      ...badRequests.flatMap((requests): Line[] => [
        ['a', 'monitor_cond', 'D', 'bad', requests],
        ['a', 'monitor_cond_since', 'D', 'bad', requests, uuid(0)],
      ]),
      ...[
        ['n', '<', 'x'],
        ['words', '<', 'x'],
        ['none', '==', 1],
        ['n', '=', 1],
        ['n', '==', 1, 1],
        5,
        'x',
        null,
        {},
      ].map((clause): Line => ['a', 'monitor_cond', 'D', 'bad', { T: [{ where: [clause as Json] }] }]),
      ['a', 'monitor_cond', 'D', 'm', { T: [{ columns: ['name'], where: [['name', '==', 'x']] }] }],
      ...[...badRequests, { U: [] }].map((requests): Line => ['a', 'monitor_cond_change', 'm', 'm', requests]),
      ['a', 'monitor_cond_change'],
      ['a', 'monitor_cond_change', 'm', 'm'],
      ['a', 'monitor_cond_change', 'other', 'm', {}],
      ['a', 'monitor_cond_change', 'm', 'm', {}],
      ['a', 'monitor_cond_since', 'D', 'bad', {}, 5],
      ['a', 'monitor_cond_since', 'D', 'bad', {}, 'x'],
      ['a', 'monitor_cond_since', 'D', 'bad', {}],
      write(insert(1, { name: 'x' })),
    ],
    heard: ['monitor-requests must be object', '"insert":{"name":"x"}'],
  },
];

const locks: readonly Statement[] = [
  {
    says: 'RFC 4.1.8: locks are granted in the order in which they were asked for, and go on when their holder leaves',
    lines: [
      ['a', 'lock', 'l'],
      ['b', 'lock', 'l'],
      ['c', 'lock', 'l'],
      ['a', 'unlock', 'l'],
      ['d', 'lock', 'l'],
      ['b', { raw: 'this ends the connection' }],
      ['c', { raw: 'this ends the connection' }],
      ['d', 'unlock', 'l'],
      ['a', 'lock', 'other'],
      ['a', 'lock', 'l'],
    ],
    heard: ['{"locked":true}', '{"locked":false}', '"method":"locked"', 'b is disconnected', '"method":"locked"'],
  },
  {
    says: 'RFC 4.1.8: steal takes a lock from its holder, who is told, and gets it again',
    lines: [
      ['a', 'lock', 'l'],
      ['b', 'lock', 'l'],
      ['c', 'steal', 'l'],
      ['a', 'steal', 'l'],
      ['c', 'unlock', 'l'],
      ['a', 'unlock', 'l'],
      ['a', 'steal', 'l'],
      ['a', 'unlock', 'l'],
    ],
    heard: ['"method":"stolen"', 'must issue', '"method":"locked"'],
  },
  {
    says: 'RFC 4.1.8: what is no lock is refused',
    lines: [
      ...['lock', 'steal', 'unlock'].flatMap((method): Line[] => [
        ['a', method],
        ['a', method, '9'],
        ['a', method, 'a b'],
        ['a', method, ''],
        ['a', method, 5],
        ['a', method, 'l', 'l'],
      ]),
      ['a', 'unlock', 'never'],
    ],
    heard: ['request params must be <id>', '\\"lock\\" or \\"steal\\"'],
  },
  {
    says: 'RFC 5.2.10: assert succeeds for who holds the lock, and not for who waits, lost it or gave it back',
    lines: [
      by('a', held('l')),
      ['a', 'lock', 'l'],
      by('a', held('l')),
      ['b', 'lock', 'l'],
      by('b', held('l')),
      ['c', 'steal', 'l'],
      by('a', held('l'), insert(1, { name: 'a' })),
      by('c', held('l'), insert(1, { name: 'c' })),
      ['c', 'unlock', 'l'],
      by('c', held('l')),
      by('a', held('l')),
      by('b', held('l')),
    ],
    heard: ['not owner', '"result":[{}]', 'not owner', 'not owner', '"uuid"', 'not owner'],
  },
];

const waiting: readonly Statement[] = [
  {
    says: 'RFC 5.2.6: a transaction waits for what another commits, and is answered after the update that it made',
    lines: [
      ['a', 'monitor', 'D', 'm', { T: { columns: ['name'] } }],
      by('a', until('go'), insert(1, { name: 'after' })),
      by('b', insert(2, { name: 'before' })),
      by('b', notice('go')),
      by('b', until('go')),
    ],
    heard: [/b: .*"uuid"/, /a: .*"name":"after"/, /"id":1,"result":\[{},{"uuid"/, '"result":[{}]'],
  },
  {
    says: 'RFC 5.2.6: several wait; what one commits lets the next go on',
    lines: [
      by('a', until('two'), notice('three')),
      by('b', until('one'), notice('two')),
      by('c', until('three')),
      write(notice('one')),
    ],
    heard: [/w: .*"uuid"/, /a: .*"id":0/, /b: .*"id":1/, /c: .*"id":2/],
  },
  {
    says: 'RFC 5.2.6: a timeout of 0 never waits; one that passes is told with the results before it',
    lines: [
      by('a', until('never', { timeout: 0 })),
      by('a', { op: 'comment', comment: 'x' }, until('never', { timeout: 0 }), { op: 'comment', comment: 'x' }),
      by('a', until('never', { until: '!=', timeout: 0 })),
    ],
    heard: ['timed out', '[{},', ',null]', '"result":[{}]'],
  },
  {
    says: 'RFC 5.2.6: a transaction that waits for a lock that it asserts: the assertion is looked at again with each try',
    lines: [['a', 'lock', 'l'], by('a', held('l'), until('go')), ['b', 'steal', 'l'], write(notice('go'))],
    heard: ['"method":"stolen"', '"uuid"', 'not owner'],
  },
];

/** Several messages that arrive in one piece. */
const together = (client: string, ...messages: (readonly [method: string, ...params: Json[]])[]): Line => [
  client,
  { raw: messages.map(([method, ...params], i) => JSON.stringify({ id: `${method} ${i}`, method, params })).join('') },
];
const put = (name: string): readonly [string, ...Json[]] => ['transact', 'D', notice(name)];

/** Each would be taken for the beginning of a message by one who looks at brackets and quotes only. */
const bent = [
  ...[
    '{{',
    '{[',
    '{,',
    '{:',
    '{1',
    '{nul',
    '{]',
    '[}',
    '[,',
    '[:',
    '[1,,',
    '[1 2',
    '[1:',
    '[{}{',
    '["a""',
    '[x',
    '[.',
    '[+',
    '[-a',
  ],
  ...[
    '[01',
    '[1.x',
    '[1ee',
    '[1e+-',
    '[tru ',
    '[truex',
    '[nul1',
    '{"a"x',
    '{"a",',
    '{"a"::',
    '{"a":}',
    '{"a":1;',
    '{"a":1,}',
  ],
  ...['["\\q', '["\\u12g', '["\u0002', '["\n', "['a'", '[//', '[\\u0041', '{"id":1,"method":"echo","params":[0xff'],
];

const rest: readonly Statement[] = [
  {
    says: 'answers come in the order of requests, but for transactions that wait',
    lines: [
      together('a', put('one'), ['echo'], put('two'), put('three'), ['get_schema', 'D'], put('four'), ['list_dbs']),
      together('a', put('five'), ['transact', '_Server'], put('six'), ['transact', 'None'], put('seven'), ['nonsense']),
      together('a', ['transact', 'D', until('ten')], put('eight'), ['lock', 'l'], put('ten'), ['unlock', 'l']),
      together('a', ['monitor', 'D', 'm', { U: {} }], put('last'), ['monitor_cancel', 'm'], put('unheard')),
    ],
    heard: [
      ...['transact 0', 'echo 1', 'transact 2', 'transact 3', 'get_schema 4', 'transact 5', 'list_dbs 6'],
      ...['transact 0', 'transact 1', 'transact 2', 'transact 3', 'transact 4', 'nonsense 5'],
      ...['transact 1', 'lock 2', 'transact 3', 'transact 0', 'unlock 4'],
    ],
  },
  {
    says: 'RFC 4: what can be no JSON any more ends the connection at once, brackets open or not',
    lines: bent.map((raw, i) => [`client ${i}`, { raw }]),
    heard: bent.map((_, i) => `client ${i} is disconnected`),
  },
  {
    says: 'RFC 4.1.1, 4.1.2, 4.1.11: parameters of list_dbs, get_schema and echo',
    lines: [
      ['a', 'list_dbs', 'D'],
      ['a', 'get_schema'],
      ['a', 'get_schema', 5],
      ['a', 'get_schema', 'D', 'D'],
      ['a', 'get_schema', '_Server'],
      ['a', 'echo'],
      ['a', 'echo', null, [], {}],
      ['a', 'nonsense', 1],
      ['a', { raw: '{"id":null,"method":"nonsense","params":[]}' }],
      ['a', 'transact'],
      ['a', 'transact', 'None'],
      ['a', 'transact', 'D'],
      ['a', 'set_db_change_aware'],
      ['a', 'set_db_change_aware', 1],
      ['a', 'set_db_change_aware', true, true],
      ['a', 'get_server_id', 1],
      ['a', 'convert', 'D'],
      ['a', 'convert'],
    ],
    heard: ['request params must begin with <db-name>', 'unknown method', '"id":11,"result":[]'],
  },
  {
    says: 'ovsdb-server(5): _Server has a row for each database, which nobody may change',
    lines: [
      ['a', 'transact', '_Server', serverDatabase],
      ['a', 'monitor', '_Server', 'm', { Database: {} }],
      ['a', 'transact', '_Server', { op: 'insert', table: 'Database', row: {} }],
      ['a', 'transact', '_Server', { op: 'update', table: 'Database', where: [], row: { connected: false } }],
      ['a', 'transact', '_Server', { op: 'delete', table: 'Database', where: [] }],
      ['a', 'transact', '_Server', { op: 'mutate', table: 'Database', where: [], mutations: [] }],
      ...[true, false].map(
        (durable): Line => ['a', 'transact', '_Server', { op: 'comment', comment: 'x' }, { op: 'commit', durable }],
      ),
      ['a', 'transact', '_Server', { op: 'assert', lock: 'l' }],
      ['a', 'get_schema', '_Server'],
    ],
    heard: [/standalone/, ...new Array<string>(4).fill('not allowed'), 'commit operation not allowed', 'not owner'],
  },
];

playAll(schema, [...monitors, ...conditions, ...locks, ...waiting, ...rest]);
