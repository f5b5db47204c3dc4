/**
 * What ovsdb-server(7) and RFC 7047 section 4 say of the protocol, statement by statement: the same conversations with our server and with the C server.
 * Each says the same, and what the document says. Operations have tests of their own (errors.test.ts, differential.test.ts).
 */
import type { Json } from '@weft/ovsdb/json';
import { type Line, playAll, type Statement } from './conversations.ts';

const schema = {
  name: 'D',
  version: '1.0.0',
  tables: {
    T: {
      isRoot: true,
      columns: {
        name: { type: 'string' },
        n: { type: { key: 'integer', min: 0, max: 1 } },
        r: { type: { key: 'real', min: 0, max: 1 } },
        words: { type: { key: 'string', min: 0, max: 'unlimited' } },
        pairs: { type: { key: 'string', value: 'string', min: 0, max: 'unlimited' } },
        pair: { type: { key: 'string', value: 'string', min: 0, max: 1 } },
      },
    },
    U: { isRoot: true, columns: { name: { type: 'string' } } },
  },
} as const;

const uuid = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`;
const insert = (n: number, row: Json, table = 'T'): Json => ({ op: 'insert', table, uuid: uuid(n), row });
const update = (name: string, row: Json): Json => ({ op: 'update', table: 'T', where: [['name', '==', name]], row });
const select = (where: Json[]): Json => ({ op: 'select', table: 'T', where, columns: ['name'] });
const remove = (name: string): Json => ({ op: 'delete', table: 'T', where: [['name', '==', name]] });
const rows = [insert(1, { name: 'a', n: 1 }), insert(2, { name: 'b', n: 2, r: 0.5 }), insert(3, { name: 'c' })];
const transact = (...operations: Json[]): Line => ['w', 'transact', 'D', ...operations];

const statements: readonly Statement[] = [
  {
    says: 'ovsdb-server(7) 3.1: of members with one name all but the last are discarded',
    lines: [['a', { raw: '{"id":1,"method":"echo","params":["first"],"params":["last"]}' }]],
    heard: ['"result":["last"]'],
  },
  {
    says: 'RFC 4.1.1, 4.1.2: list_dbs and get_schema, of an unknown database too',
    lines: [
      ['a', 'list_dbs'],
      ['a', 'get_schema', 'D'],
      ['a', 'get_schema', 'None'],
    ],
    heard: ['["D","_Server"]', '"version":"1.0.0"', '"error":"unknown database"'],
  },
  {
    says: 'RFC 4.1.3: results up to the operation that fails, its error, and null for the rest',
    lines: [transact(rows[0]!, { op: 'abort' }, rows[1]!), transact(select([]))],
    heard: ['"error":"aborted"},null]', '{"rows":[]}'],
  },
  {
    says: 'RFC 4.1.4: cancel of a transaction that is not outstanding says nothing',
    lines: [
      ['a', { raw: '{"id":null,"method":"cancel","params":[7]}' }],
      ['a', 'echo', 'still'],
    ],
    heard: ['"still"'],
  },
  {
    says: 'RFC 4.1.4: neither a transaction nor a conversion may have the id of a transaction that waits',
    lines: [
      [
        'a',
        {
          raw: '{"id":"x","method":"transact","params":["D",{"op":"wait","table":"T","where":[],"columns":["name"],"until":"!=","rows":[]}]}',
        },
      ],
      ['a', { raw: '{"id":"x","method":"transact","params":["D"]}' }],
      ['a', { raw: '{"id":"x","method":"convert","params":["D",{}]}' }],
    ],
    heard: ['transact: duplicate request ID', 'convert: duplicate request ID'],
  },
  {
    says: '4.1.5: a single monitor-request may stand for an array of one',
    lines: [
      transact(...rows),
      ['a', 'monitor', 'D', 'm', { T: { columns: ['name'] } }],
      ['a', 'monitor', 'D', 'n', { T: [{ columns: ['name'] }] }],
    ],
    heard: ['{"new":{"name":"a"}}', '{"new":{"name":"a"}}'],
  },
  {
    says: '4.1.5, 4.1.12: two monitors with one identifier are refused, of whichever generation',
    lines: [
      ['a', 'monitor', 'D', [1, { x: 'y' }], {}],
      ['a', 'monitor', 'D', [1, { x: 'y' }], {}],
      ['a', 'monitor_cond', 'D', [1, { x: 'y' }], {}],
      ['a', 'monitor_cond_since', 'D', [1, { x: 'y' }], {}, uuid(0)],
      ['b', 'monitor', 'D', [1, { x: 'y' }], {}],
    ],
    heard: [
      '"id":0,"result":{}',
      'duplicate monitor ID',
      'duplicate monitor ID',
      'duplicate monitor ID',
      'b: {"id":4,"result":{}}',
    ],
  },
  ...(['monitor', 'monitor_cond', 'monitor_cond_since'] as const).map(
    (method): Statement => ({
      says: `4.1.5: the update of a client's own change comes before the reply (${method})`,
      lines: [
        [
          'w',
          method,
          'D',
          'm',
          { T: [{ columns: ['name'], select: { initial: false } }] },
          ...(method === 'monitor_cond_since' ? [uuid(0)] : []),
        ],
        transact(rows[0]!),
      ].filter((line) => method !== 'monitor_cond_since' || line[1] !== 'skip') as Line[],
      heard: [/"method":"update[23]?"/, '"id":1,"result"'],
    }),
  ),
  {
    says: 'RFC 4.1.6: update has old and new as the kind of change asks',
    lines: [
      ['a', 'monitor', 'D', 'm', { T: [{ columns: ['name', 'n'] }] }],
      transact(rows[0]!),
      transact(update('a', { n: 7 })),
      transact(remove('a')),
    ],
    heard: ['{"new":{"n":1,"name":"a"}}', '{"new":{"n":7,"name":"a"},"old":{"n":1}}', '{"old":{"n":7,"name":"a"}}'],
  },
  {
    says: 'RFC 4.1.7: monitor_cancel ends a monitor; of another it is an error',
    lines: [
      ['a', 'monitor', 'D', 'm', { T: [{ columns: ['name'] }] }],
      ['a', 'monitor_cancel', 'm'],
      transact(rows[0]!),
      ['a', 'monitor_cancel', 'm'],
    ],
    heard: ['"id":1,"result":{}', '"id":2', '"error":"unknown monitor"'],
  },
  {
    says: 'RFC 4.1.8 to 4.1.10: lock, steal, unlock, and what the others are told',
    lines: [
      ['a', 'lock', 'l'],
      ['b', 'lock', 'l'],
      ['a', 'lock', 'l'],
      ['a', 'unlock', 'l'],
      ['c', 'steal', 'l'],
      ['c', 'unlock', 'l'],
      ['a', 'unlock', 'l'],
    ],
    heard: [
      '{"locked":true}',
      '{"locked":false}',
      'must issue',
      '"method":"locked"',
      '"method":"stolen"',
      '"method":"locked"',
      'error',
    ],
  },
  {
    says: 'RFC 4.1.11: echo answers with what it was sent',
    lines: [['a', 'echo', 1, 'x', { y: [null, true] }]],
    heard: ['"result":[1,"x",{"y":[null,true]}]'],
  },
  ...[
    [['columns', ['name']]],
    [
      ['columns', ['name']],
      ['where', []],
    ],
    [
      ['columns', ['name']],
      ['where', [true]],
    ],
  ].map(
    (members, i): Statement => ({
      says: `4.1.12: without where, with an empty one, or with true, all rows are sent (${i})`,
      lines: [transact(...rows), ['a', 'monitor_cond', 'D', 'm', { T: [Object.fromEntries(members) as Json] }]],
      heard: ['"name":"a"', '"name":"b"', '"name":"c"'],
    }),
  ),
  {
    says: '4.1.12: rows that match one of the conditions; false matches none',
    lines: [
      transact(...rows),
      [
        'a',
        'monitor_cond',
        'D',
        'm',
        { T: [{ columns: ['name'], where: [['name', '==', 'a'], ['n', '==', 2], false] }] },
      ],
      ['a', 'monitor_cond', 'D', 'n', { T: [{ columns: ['name'], where: [false] }] }],
    ],
    heard: [/"initial":{"name":"a"}.*"initial":{"name":"b"}/, '"id":2,"result":{}'],
  },
  {
    says: '4.1.12: insert when a row comes to match, modify while it does, delete when it ceases to',
    lines: [
      transact(...rows),
      [
        'a',
        'monitor_cond',
        'D',
        'm',
        {
          T: [
            {
              columns: ['name', 'n'],
              where: [
                ['n', '==', 5],
                ['n', '==', 6],
              ],
            },
          ],
        },
      ],
      transact(update('c', { n: 4 })),
      transact(update('c', { n: 5 })),
      transact(update('c', { n: 6 })),
      transact(update('c', { n: 7 })),
    ],
    heard: ['{"insert":{"n":5,"name":"c"}}', '{"modify":{"n":6}}', '{"delete":null}'],
  },
  {
    says: '4.1.12: select leaves out initial rows, or insertions, deletions, modifications',
    lines: [
      transact(rows[0]!),
      ...['initial', 'insert', 'delete', 'modify'].map(
        (kind): Line => ['a', 'monitor_cond', 'D', kind, { T: [{ columns: ['name'], select: { [kind]: false } }] }],
      ),
      transact(rows[1]!),
      transact(update('b', { name: 'b2' })),
      transact(remove('b2')),
    ],
    heard: ['"id":1,"result":{}'],
  },
  {
    says: '4.1.13: a new condition, under a new identifier; its update comes before the reply',
    lines: [
      transact(...rows),
      ['a', 'monitor_cond', 'D', 'old', { T: [{ columns: ['name'], where: [['name', '==', 'a']] }] }],
      ['a', 'monitor_cond_change', 'old', 'new', { T: [{ where: [['name', '==', 'b']] }] }],
      transact(update('b', { name: 'a' }), update('c', { name: 'b' })),
      ['a', 'monitor_cond_change', 'old', 'old', {}],
      ['a', 'monitor_cancel', 'new'],
    ],
    heard: [
      '{"delete":null}',
      '{"insert":{"name":"b"}}',
      '"id":2,"result":{}',
      '"params":["new"',
      'unknown monitor session',
      '"id":5,"result":{}',
    ],
  },
  {
    says: '4.1.13: tables that are not named, or have no request, keep their condition; columns cannot change',
    lines: [
      transact(...rows, insert(4, { name: 'u' }, 'U')),
      [
        'a',
        'monitor_cond',
        'D',
        'm',
        { T: [{ columns: ['name'], where: [['name', '==', 'a']] }], U: [{ columns: ['name'], where: [false] }] },
      ],
      ['a', 'monitor_cond_change', 'm', 'm', { U: [{ where: [true] }] }],
      ['a', 'monitor_cond_change', 'm', 'm', { T: [] }],
      ['a', 'monitor_cond_change', 'm', 'm', { T: [{ columns: ['n'] }] }],
      ['a', 'monitor_cond_change', 'm', 'm', 'no object'],
      transact(remove('a'), remove('b')),
    ],
    heard: [
      '{"U":',
      '"id":2,"result":{}',
      '"id":3,"result":{}',
      'changing columns is unsupported',
      'must be object',
      '{"delete":null}',
    ],
  },
  {
    says: '4.1.14: the difference of a column that holds one value at most is the new one, of a map with one pair at most too',
    lines: [
      ['a', 'monitor_cond', 'D', 'm', { T: [{ columns: ['pair', 'n'] }] }],
      transact(insert(1, { name: 'a', n: 1, pair: ['map', [['k', 'v']]] })),
      transact(update('a', { pair: ['map', [['k', 'other']]] })),
      transact(update('a', { pair: ['map', [['l', 'w']]], n: ['set', []] })),
      transact(update('a', { pair: ['map', []] })),
      transact(update('a', { pair: ['map', [['m', 'x']]] })),
    ],
    heard: [
      '"pair":["map",[["k","v"]]]',
      '"pair":["map",[["k","other"]]]',
      '"pair":["map",[["l","w"]]]',
      '"pair":["map",[]]',
      '"pair":["map",[["m","x"]]]',
    ],
  },
  {
    says: '4.1.14: defaults are left out; differences of values, sets and maps',
    lines: [
      ['a', 'monitor_cond', 'D', 'm', { T: [{ columns: ['name', 'n', 'words', 'pairs'] }] }],
      transact(
        insert(1, {
          name: 'a',
          words: ['set', ['x', 'y']],
          pairs: [
            'map',
            [
              ['k', 'v'],
              ['l', 'w'],
            ],
          ],
        }),
      ),
      transact(
        update('a', {
          n: 3,
          words: ['set', ['y', 'z']],
          pairs: [
            'map',
            [
              ['k', 'other'],
              ['m', 'w'],
            ],
          ],
        }),
      ),
      transact(update('a', { n: ['set', []] })),
      transact(insert(2, {})),
      transact(remove('a')),
    ],
    heard: [
      '{"insert":{"name":"a"',
      '{"modify":{"n":3,"pairs":["map",[["k","other"],["l","w"],["m","w"]]],"words":["set",["x","z"]]}}',
      '{"modify":{"n":["set",[]]}}',
      '{"insert":{}}',
      '{"delete":null}',
    ],
  },
  {
    says: '4.1.15, 4.1.16: everything after an unknown transaction, then update3 with the id of each',
    lines: [
      transact(rows[0]!),
      ['a', 'monitor_cond_since', 'D', 'm', { T: [{ columns: ['name'] }] }, '11111111-1111-4111-8111-111111111111'],
      transact(rows[1]!),
    ],
    heard: [
      /"result":\[false,".*",{"T":{".*":{"initial":{"name":"a"}}}}\]/,
      /"method":"update3","params":\["m","uuid",{"T"/,
    ],
  },
  {
    says: '4.1.17: get_server_id',
    lines: [
      ['a', 'get_server_id'],
      ['a', { raw: '{"id":1,"method":"get_server_id","params":null}' }],
    ],
    heard: ['"result":"uuid"'],
  },
  {
    says: '4.1.18, 4.1.19: convert disconnects who is not aware of changes, and cancels the monitors and transactions of who is',
    lines: [
      transact(...rows),
      ['a', 'set_db_change_aware', true],
      ['a', 'monitor', 'D', 'm', { T: [{ columns: ['name'] }] }],
      ['a', 'transact', 'D', { op: 'wait', table: 'T', where: [], columns: ['name'], until: '==', rows: [] }],
      ['b', 'echo', 'here'],
      [
        'a',
        'convert',
        'D',
        {
          ...schema,
          version: '2.0.0',
          tables: { T: { isRoot: true, columns: { name: { type: 'string' }, fresh: { type: 'integer' } } } },
        },
      ],
      ['c', 'transact', 'D', { op: 'select', table: 'T', where: [], columns: ['name', 'fresh'] }],
      ['a', 'set_db_change_aware', false],
    ],
    heard: [
      '"id":1,"result":{}',
      '"id":5,"result":{}',
      '"method":"monitor_canceled","params":["m"]',
      'b is disconnected',
      '"fresh\\":0,\\"name\\":\\"a\\"',
      '"id":7,"result":{}',
    ],
  },
  {
    says: '4.1.19: what a client sends in one piece with a conversion is executed before it or after it, as it stands there',
    lines: [
      ['a', 'set_db_change_aware', true],
      [
        'a',
        {
          raw: [
            ['transact', 'D', ...rows],
            ['convert', 'D', { ...schema, tables: { T: { isRoot: true, columns: { fresh: { type: 'integer' } } } } }],
            ['transact', 'D', { op: 'insert', table: 'T', row: { fresh: 7 } }],
            ['transact', 'D', { op: 'insert', table: 'T', row: { name: 'late' } }],
            ['convert', 'D', schema as unknown as Json],
            ['transact', 'D', select([])],
          ]
            .map(([method, ...params], i) => JSON.stringify({ id: `part ${i}`, method, params }))
            .join(''),
        },
      ],
    ],
    heard: ['part 0', 'part 1', /"part 2".*"uuid"/, /"part 3".*No column name/, 'part 4', /"part 5".*rows/],
  },
  {
    says: '4.1.19: a conversion that fails changes nothing',
    lines: [
      transact(...rows),
      ['a', 'convert', 'D', { ...schema, name: 'Other' }],
      [
        'a',
        'convert',
        'D',
        {
          ...schema,
          tables: {
            T: { isRoot: true, columns: { name: { type: { key: { type: 'string', enum: ['set', ['a', 'b']] } } } } },
          },
        },
      ],
      ['a', 'convert', 'None', schema as unknown as Json],
      transact(select([])),
    ],
    heard: ['error', 'error', 'error', /rows.*a.*b.*c/],
  },
  {
    says: '5.1: an optional number can be compared, and an empty one is neither more nor less',
    lines: [
      transact(...rows),
      ...['<', '<=', '>', '>='].flatMap((operator): Line[] => [
        transact(select([['n', operator, 2]])),
        transact(select([['r', operator, 0.5]])),
      ]),
      transact(select([['words', '<', 'x']])),
    ],
    heard: ['\\"a\\"', 'Type mismatch'],
  },
  {
    says: '5.1: a condition may be true or false, and an empty array is true',
    lines: [transact(...rows), transact(select([true])), transact(select([false])), transact(select([]))],
    heard: [/a.*b.*c/, '{"rows":[]}', /a.*b.*c/],
  },
  {
    says: '5.2.1: the client may choose the uuid, unless the table has it or had it in this transaction',
    lines: [
      transact(rows[0]!),
      transact(insert(1, { name: 'again' })),
      transact(remove('a'), insert(1, { name: 'again' })),
      transact(remove('a')),
      transact(insert(1, { name: 'again' })),
      transact({ ...(rows[0] as { readonly op: string }), uuid: 'no uuid' }),
    ],
    heard: ['"uuid"', 'duplicate uuid', 'duplicate uuid', '{"count":1}', `["uuid","${uuid(1)}"]`, 'bad uuid'],
  },
  {
    says: '5.2.6, 5.2.7, 5.2.9: wait, commit and comment yield an empty object',
    lines: [
      transact(
        { op: 'wait', table: 'T', where: [], columns: ['name'], until: '==', rows: [] },
        { op: 'commit', durable: true },
        { op: 'comment', comment: 'x' },
      ),
    ],
    heard: ['"result":[{},{},{}]'],
  },
];

playAll(schema, statements);
