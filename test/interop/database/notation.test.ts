/**
 * RFC 7047 section 5.1, notation: every function of a condition and every mutator on a column of every type, with arguments of every kind. Both servers
 * give the same answer to each.
 */
import type { Json } from '@weft/ovsdb/json';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TransactionTwins } from './transaction-twins.ts';

const types = ['integer', 'real', 'boolean', 'string', 'uuid'] as const;
type Type = (typeof types)[number];

const shapes: { readonly [shape: string]: (type: Type) => Json } = {
  one: (type) => type,
  optional: (type) => ({ key: type, min: 0 }),
  any: (type) => ({ key: type, min: 0, max: 'unlimited' }),
  few: (type) => ({ key: type, min: 1, max: 2 }),
  map: (type) => ({ key: type, value: type, min: 0, max: 'unlimited' }),
  pairs: (type) => ({ key: type, value: 'integer', min: 1, max: 2 }),
};
const columns = types.flatMap((type) =>
  Object.keys(shapes).map((shape) => ({ name: `${type}_${shape}`, type, shape })),
);

const schema = {
  name: 'Notation',
  version: '1.0.0',
  tables: {
    T: {
      isRoot: true,
      columns: Object.fromEntries(columns.map(({ name, type, shape }) => [name, { type: shapes[shape]!(type) }])),
    },
  },
};

const id = (n: number): string => `0000000${n}-0000-4000-8000-00000000000${n}`;
/** In ascending order. */
const atoms: { readonly [type in Type]: readonly [Json, Json, Json] } = {
  integer: [-7, 2, 9],
  real: [-0.5, 2, 1e10],
  boolean: [false, true, true],
  string: ['', 'a b', 'é'],
  uuid: [
    ['uuid', id(1)],
    ['uuid', id(2)],
    ['uuid', id(3)],
  ],
};

/** Values of one type in all shapes, right ones and wrong ones. */
function values(type: Type): Json[] {
  const [a, b, c] = atoms[type];
  const pair = (...pairs: Json[][]): Json => ['map', pairs];
  return [
    a,
    b,
    c,
    ['set', []],
    ['set', [a]],
    ['set', [b, a]],
    ['set', [a, a]],
    ['set', type === 'boolean' ? [a, b] : [a, b, c]],
    ['map', []],
    pair([a, a]),
    pair([a, b], [b, c]),
    pair([a, 1], [b, 2]),
    pair([a, 1], [a, 1]),
    pair([a, a], [b, b], [c, c]),
    ['set', [['set', [a]]]],
    ['map', [[a]]],
    null,
  ];
}

const strays: readonly Json[] = [0, 1, 1.5, 'x', true, ['uuid', id(2)], ['named-uuid', 'a'], {}, []];

/** A row that holds in each column what `pick` says. */
function row(pick: (type: Type, shape: string) => Json | undefined): Json {
  const entries = columns.map(({ name, type, shape }) => [name, pick(type, shape)] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined)) as Json;
}

const rows: readonly Json[] = [
  row(() => undefined),
  row((type, shape) => {
    const [a, b] = atoms[type];
    if (shape === 'pairs') return ['map', [[a, 1]]];
    return shape === 'map' ? ['map', [[a, b]]] : a;
  }),
  row((type, shape) => {
    const [a, b, c] = atoms[type];
    if (shape === 'pairs')
      return [
        'map',
        [
          [a, 1],
          [b, 2],
        ],
      ];
    if (shape === 'map')
      return [
        'map',
        type === 'boolean'
          ? [
              [a, b],
              [b, c],
            ]
          : [
              [a, b],
              [b, c],
              [c, a],
            ],
      ];
    return shape === 'one' || shape === 'optional'
      ? b
      : ['set', shape === 'any' && type !== 'boolean' ? [a, b, c] : [a, b]];
  }),
];
const inserts = rows.map((columns, i): Json => ({ op: 'insert', table: 'T', uuid: id(i + 1), row: columns }));

let twins: TransactionTwins;
beforeAll(async () => {
  twins = await TransactionTwins.start(schema);
});
afterAll(() => twins?.stop());

const begin = async (): Promise<void> => {
  await twins.play([[{ op: 'delete', table: 'T', where: [] }], [...inserts]]);
};

it.each(types)('functions on columns of %ss', async (type) => {
  await begin();
  const functions = ['<', '<=', '==', '!=', '>=', '>', 'includes', 'excludes', '=', ''];
  const clauses = columns
    .filter((column) => column.type === type)
    .flatMap(({ name }) =>
      functions.flatMap((fn) => [...values(type), ...strays].map((value): Json => [name, fn, value])),
    );
  const answers = await twins.play(
    clauses.map((clause) => [{ op: 'select', table: 'T', where: [clause], columns: ['_uuid'] }]),
  );
  expect(answers.filter((answer) => answer.includes('rows')).length).toBeGreaterThan(100);
});

it.each(types)('mutators on columns of %ss', async (type) => {
  await begin();
  const mutators = ['+=', '-=', '*=', '/=', '%=', 'insert', 'delete', '^=', ''];
  const mutations = columns
    .filter((column) => column.type === type)
    .flatMap(({ name }) =>
      mutators.flatMap((mutator) =>
        [...values(type), ...strays].map((value): [string, Json] => [name, [name, mutator, value]]),
      ),
    )
    // It ends the C server if the column is negative.
    .filter(([, mutation]) => !/"\*=",0\]/.test(JSON.stringify(mutation)));
  for (const where of rows.map((_, i): Json => [['_uuid', '==', ['uuid', id(i + 1)]]])) {
    // Each ends with an error that shows what the mutation made of the column, and takes it back.
    await twins.play(
      mutations.map(([name, mutation]): Json[] => [
        { op: 'mutate', table: 'T', where, mutations: [mutation] },
        { op: 'select', table: 'T', where, columns: [name] },
        { op: 'abort' },
      ]),
    );
  }
});

it.each(types)('values of columns of %ss', async (type) => {
  await begin();
  const given = columns
    .filter((column) => column.type === type)
    .flatMap(({ name }) => [...values(type), ...strays].map((value): [string, Json] => [name, value]));
  await twins.play(
    given.flatMap(([name, value]): Json[][] => [
      [
        { op: 'insert', table: 'T', row: { [name]: value } },
        { op: 'select', table: 'T', where: [], columns: [name] },
        { op: 'abort' },
      ],
      [
        { op: 'update', table: 'T', where: [], row: { [name]: value } },
        { op: 'select', table: 'T', where: [], columns: [name] },
        { op: 'abort' },
      ],
      [{ op: 'wait', table: 'T', where: [], columns: [name], until: '==', rows: [{ [name]: value }], timeout: 0 }],
      [{ op: 'wait', table: 'T', where: [], columns: [name], until: '!=', rows: [{ [name]: value }], timeout: 0 }],
    ]),
  );
});
