/**
 * RFC 7047 section 3.2: schemas, sound and bent. Both servers are asked to convert a database to each; they refuse the same ones in the same words, and show
 * the others in the same way (`get_schema`).
 */
import { canonicalText, isObject, type Json, type JsonObject, jsonText } from '@weft/ovsdb/json';
import { parseSchema } from '@weft/ovsdb/schema-json';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CServer, startCServer } from './c-server.ts';
import { RawClient } from './raw-client.ts';
import { startWeftServer, type WeftServer } from './weft-server.ts';

const database = (members: JsonObject): Json => ({ name: 'S', version: '1.0.0', tables: {}, ...members });
const tables = (of: JsonObject): Json => database({ tables: of });
const table = (columns: Json, members: JsonObject = {}): Json => tables({ T: { columns, ...members } });
const plain: JsonObject = { c: { type: 'integer' } };
const column = (type: Json, members: JsonObject = {}): Json => table({ c: { type, ...members } });
const key = (base: Json, members: JsonObject = {}): Json => column({ key: base, ...members });
const value = (base: Json): Json => column({ key: 'integer', value: base, min: 0, max: 'unlimited' });
const id: Json = ['uuid', '00000000-0000-4000-8000-000000000001'];
const odd: readonly Json[] = [5, 1.5, 'x', '', true, null, [], {}];

const whole: Json[] = [
  ...[5, 'a b', '', '_S', '9', 'Other'].map((name) => database({ name })),
  ...['1', '1.2', '1.2.3.4', '01.2.3', 'a.b.c', '', '1.2.3 ', '99999999999999999999.2.3', 5].map((version) =>
    database({ version }),
  ),
  { name: 'S', tables: {} },
  { name: 'S' },
  {},
  ...['', 'anything', 5].map((cksum) => database({ cksum })),
  database({ extra: 1 }),
  database({ extra: 1, more: 2 }),
  database({ extra: 1, more: 2, most: 3 }),
  database({ tables: [] }),
  database({ name: 'a b', version: 'x', tables: 5, extra: 1 }),
  database({ version: 'x', tables: { T: 5 } }),
];

const ofTables: Json[] = [
  ...['_T', 'a b', '', '9'].map((name) => tables({ [name]: { columns: plain } })),
  ...[5, {}, [], { columns: 5 }, { columns: {} }, { columns: [] }].map((T) => tables({ T: T as Json })),
  ...[true, false, 5, null].map((isRoot) => table(plain, { isRoot })),
  ...[0, -1, 1, 5, 4294967294, 4294967295, 4294967296, 1e18, 1.5, 'x', null].map((maxRows) =>
    table(plain, { maxRows }),
  ),
  ...[
    5,
    [],
    [[]],
    ['c'],
    [['c']],
    [['c', 'c']],
    [['d']],
    [[5]],
    [['c'], ['c']],
    [['_uuid']],
    [['_version']],
    [['c', '_uuid']],
  ].map((indexes) => table(plain, { indexes: indexes as Json })),
  table({ c: { type: 'integer', ephemeral: true } }, { indexes: [['c']] }),
  table({ c: { type: 'integer' }, d: { type: 'string' } }, { indexes: [['c', 'd'], ['d']] }),
  table(plain, { extra: 1 }),
  table({ c: { type: 'bad' } }, { maxRows: 0 }),
  table({ c: { type: 'bad' } }, { indexes: 5 }),
  table({}, { maxRows: 0 }),
  table({}, { extra: 5 }),
  ...[
    [true, undefined],
    [false, undefined],
    [true, true],
    [true, false],
    [false, false],
  ].map((roots) =>
    tables(
      Object.fromEntries(
        roots.map((isRoot, i) => [`T${i}`, { columns: plain, ...(isRoot === undefined ? {} : { isRoot }) }]),
      ),
    ),
  ),
];

const ofColumns: Json[] = [
  ...[...odd, 'integer'].map((c) => table({ c })),
  ...['_c', 'a b', '_uuid', 'uuid', '9', 'constructor'].map((name) => table({ [name]: { type: 'integer' } })),
  ...odd.flatMap((type) => [column(type), key(type), value(type), key({ type })]),
  ...['int', 'Integer', 'uuid', 'real'].flatMap((type) => [column(type), key(type), value(type), key({ type })]),
  column({ value: 'string' }),
  key('string', { extra: 1 }),
  ...['ephemeral', 'mutable', 'extra'].flatMap((member) =>
    [true, false, 5, null].map((flag) => column('integer', { [member]: flag })),
  ),
  ...[0, 1, 2, -1, 1.5, 'x', null, 'unlimited', 4294967294, 4294967295, 4294967296].flatMap((max) => [
    key('integer', { max }),
    key('integer', { min: max }),
    ...[0, 1, 2, -1, 1.5, 'x', 4294967295].map((min) => key('integer', { min, max })),
  ]),
];

const constraints: readonly JsonObject[] = [
  ...[1, 1.5, 'x', -9223372036854775808n, 9007199254740993n].map((minInteger) => ({ minInteger })),
  ...[5, 'x', 9223372036854775807n, 9223372036854775808n].map((maxInteger) => ({ maxInteger })),
  { minInteger: 5, maxInteger: 1 },
  { minInteger: 1, maxInteger: 1 },
  ...[1, 1.5, 'x', 0, 1e300, -Number.MAX_VALUE].map((minReal) => ({ minReal })),
  ...[2.5, 1e15, Number.MAX_VALUE].map((maxReal) => ({ maxReal })),
  { minReal: 2, maxReal: 1 },
  ...[0, 1, -1, 1.5, 'x', 4294967295, 4294967296].flatMap((length): JsonObject[] => [
    { minLength: length },
    { maxLength: length },
  ]),
  { minLength: 5, maxLength: 1 },
  ...['T', 'None', 'constructor', 'a b', 5].map((refTable) => ({ refTable })),
  ...['weak', 'strong', 'x', 5].flatMap((refType): JsonObject[] => [{ refType }, { refTable: 'T', refType }]),
  ...(
    [
      [],
      [1],
      [1, 2, 3],
      [3, 1, 2],
      ['a', 'b'],
      ['b', 'a', 'a'],
      [1.5, 2],
      [true, false],
      [id],
      [1, 'a'],
    ] as readonly Json[]
  ).map((members) => ({ enum: ['set', members] })),
  ...[5, 'a', 1.5, true, id, ['named-uuid', 'x'], ['map', []], {}, null].map((member) => ({ enum: member as Json })),
  { enum: ['set', [1, 2]], minInteger: 1 },
  { enum: ['set', ['a', 'b']], minLength: 1 },
  { enum: ['set', [id]], refTable: 'T' },
  { extra: 1 },
];
const bases = ['integer', 'real', 'boolean', 'string', 'uuid'].flatMap((type) =>
  constraints.map((members): Json => ({ type, ...members })),
);

const references: Json[] = ['weak', 'strong'].flatMap((refType) =>
  [
    [0, 1],
    [1, 1],
    [1, 2],
    [1, 'unlimited'],
  ].flatMap(([min, max]) =>
    [true, false].flatMap((mutable) => {
      const base = { type: 'uuid', refTable: 'T', refType };
      return [
        column({ key: base, min: min!, max: max! }, { mutable }),
        column({ key: base, value: 'string', min: min!, max: max! }, { mutable }),
        column({ key: 'string', value: base, min: min!, max: max! }, { mutable }),
      ];
    }),
  ),
);

let c: CServer;
let weft: WeftServer;
beforeAll(async () => {
  const empty = { name: 'S', version: '1.0.0', tables: {} };
  c = await startCServer(empty);
  weft = await startWeftServer([parseSchema(empty)]);
});
afterAll(async () => {
  await c?.stop();
  await weft?.stop();
});

/** What a server answers to conversions, and to `get_schema` after each. */
async function convertAll(socket: string, schemas: readonly Json[]): Promise<string[]> {
  const client = new RawClient(socket);
  client.send('{"id":"aware","method":"set_db_change_aware","params":[true]}');
  await client.take();
  const answers: string[] = [];
  for (const schema of schemas) {
    client.send(`{"id":1,"method":"convert","params":["S",${jsonText(schema)}]}`);
    const converted = await client.take();
    client.send('{"id":2,"method":"get_schema","params":["S"]}');
    answers.push([...converted, ...(await client.take())].map((json) => canonicalText(normal(json))).join('\n'));
  }
  client.close();
  return answers;
}

/** Which of several members is named, or which of several names is refused, is up to the server. */
function normal(json: Json): Json {
  if (!isObject(json)) return json;
  const { error = null, result = null } = json;
  if (!isObject(error) || typeof error.details !== 'string') return { error, result };
  return { error: { ...error, details: error.details.replace(/Member '\w+' and/, 'A member and') }, result };
}

it.each<[string, Json[]]>([
  ['databases', whole],
  ['tables', ofTables],
  ['columns', ofColumns],
  ['constraints of keys', bases.map((base) => key(base))],
  ['constraints of values', bases.map(value)],
  ['references', references],
])('%s', async (_, schemas) => {
  const [theirs, ours] = await Promise.all([convertAll(c.socket, schemas), convertAll(weft.socket, schemas)]);
  for (const [i, schema] of schemas.entries()) expect(ours[i], jsonText(schema)).toBe(theirs[i]);
  expect(theirs.some((answer) => answer.includes('"result":{}'))).toBe(true);
  expect(c.dead).toBe(false);
});
