/** What the tests of RFC 7047 section 5 share: a schema, operations in short, and lists of transactions as tests. */
import type { Json, JsonObject } from '@weft/ovsdb/json';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { TransactionTwins } from './transaction-twins.ts';

const many = (key: Json, value?: Json): Json => ({
  type: { key, ...(value === undefined ? {} : { value }), min: 0, max: 'unlimited' },
});
const weakRef: Json = { type: 'uuid', refTable: 'T', refType: 'weak' };
export const schema = {
  name: 'Operations',
  version: '1.0.0',
  tables: {
    T: {
      isRoot: true,
      columns: {
        i: { type: 'integer' },
        r: { type: 'real' },
        s: { type: 'string' },
        b: { type: 'boolean' },
        u: { type: 'uuid' },
        oi: { type: { key: 'integer', min: 0 } },
        is: many('integer'),
        rs: many('real'),
        m: many('string', 'string'),
        few: { type: { key: 'integer', min: 1, max: 2 } },
        limited: { type: { key: { type: 'integer', minInteger: -9, maxInteger: 9 } } },
        brief: { type: 'string', ephemeral: true },
        fixed: { type: 'string', mutable: false },
        strong: many({ type: 'uuid', refTable: 'Leaf' }),
        named: many('string', { type: 'uuid', refTable: 'Leaf' }),
        weak: many(weakRef),
        weakly: many(weakRef, 'string'),
      },
    },
    Leaf: { columns: { name: { type: 'string' } } },
    Narrow: {
      isRoot: true,
      columns: {
        few: { type: { key: { type: 'integer', minInteger: 1 }, min: 1, max: 2 } },
        limits: {
          type: { key: { type: 'string', maxLength: 3 }, value: { type: 'real', minReal: 0.5 }, min: 1, max: 2 },
        },
      },
    },
    One: { isRoot: true, maxRows: 1, columns: { name: { type: 'string' } } },
    Unique: {
      isRoot: true,
      indexes: [['a'], ['b', 'c']],
      columns: { a: { type: 'integer' }, b: { type: 'string' }, c: { type: { key: 'string', min: 0 } } },
    },
  },
};

export const id = (n: number): string => `0000000${n}-0000-4000-8000-00000000000${n}`;
export const uuid = (n: number): Json => ['uuid', id(n)];
export const named = (name: string): Json => ['named-uuid', name];
export const insert = (table: string, row: Json, members: JsonObject = {}): Json => ({
  op: 'insert',
  table,
  row,
  ...members,
});
export const put = (n: number, row: Json, members: JsonObject = {}): Json =>
  insert('T', row, { uuid: id(n), ...members });
export const select = (where: Json, columns?: Json, table = 'T'): Json => ({
  op: 'select',
  table,
  where,
  ...(columns === undefined ? {} : { columns }),
});
export const update = (row: Json, where: Json = [], table = 'T'): Json => ({ op: 'update', table, where, row });
export const mutate = (...mutations: Json[]): Json => ({ op: 'mutate', table: 'T', where: [], mutations });
export const remove = (where: Json = [], table = 'T'): Json => ({ op: 'delete', table, where });
export const wait = (members: JsonObject): Json => ({
  op: 'wait',
  table: 'T',
  where: [],
  columns: ['i'],
  until: '==',
  rows: [],
  timeout: 0,
  ...members,
});
export const comment: Json = { op: 'comment', comment: 'x' };
export const is = (n: number): Json => [['_uuid', '==', uuid(n)]];
export const three = [put(1, { i: 1, s: 'a' }), put(2, { i: 1, s: 'b' }), put(3, { i: 2, s: 'a' })];

export interface Statement {
  readonly says: string;
  readonly play: readonly (readonly Json[] | string)[];
  /** What the answers hold, one text or pattern for each of the first of them; '' for anything. */
  readonly answers: readonly (string | RegExp)[];
}

/** Makes each a test: both servers give the same answers, and those that the document promises. */
export function playStatements(statements: readonly Statement[]): void {
  const twins = useTwins();
  it.each(statements.map(({ says, ...rest }) => [says, rest] as const))('%s', async (_, { play, answers }) => {
    const heard = await twins().play(play);
    for (const [i, wanted] of answers.entries()) {
      if (typeof wanted === 'string') expect(heard[i]).toContain(wanted);
      else expect(heard[i]).toMatch(wanted);
    }
  });
}

/** The two servers of a test file; empty when a test begins. */
export function useTwins(): () => TransactionTwins {
  let twins: TransactionTwins;
  beforeAll(async () => {
    twins = await TransactionTwins.start(schema);
  });
  beforeEach(() => twins.play([Object.keys(schema.tables).map((table) => remove([], table))]));
  afterAll(() => twins?.stop());
  return () => twins;
}
