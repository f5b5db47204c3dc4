/**
 * What RFC 7047 says of operations that wait, end or explain a transaction (sections 5.2.6 to 5.2.10), and of strings, uuids and numbers (section 5.1),
 * statement by statement: each list of transactions gets from both servers the same answers, `error` and `details` included.
 */
import type { Json } from '@weft/ovsdb/json';
import { it } from 'vitest';
import {
  comment,
  id,
  insert,
  is,
  named,
  playStatements,
  put,
  remove,
  type Statement,
  select,
  three,
  update,
  useTwins,
  uuid,
  wait,
} from './operations.ts';

const statements: readonly Statement[] = [
  {
    says: '5.2.6: wait succeeds at once if the query returns the rows (==) or does not (!=); a timeout of 0 aborts on the first mismatch',
    play: [
      three,
      ...['==', '!='].flatMap((until) =>
        [[], [{}], [{ i: 1 }], [{ i: 1 }, { i: 2 }], [{ i: 2, s: 'other' }], [{ i: 0 }, { i: 1 }, { i: 2 }]].flatMap(
          (rows) =>
            [[], [false], [['i', '==', 1]]].flatMap((where) =>
              [['i'], ['i', 's'], [], ['s'], undefined].map((columns): Json[] => [
                {
                  op: 'wait',
                  table: 'T',
                  where,
                  until,
                  rows,
                  timeout: 0,
                  ...(columns === undefined ? {} : { columns }),
                } as Json,
                comment,
              ]),
            ),
        ),
      ),
    ],
    answers: ['', 'timed out'],
  },
  {
    says: '5.2.6: a wait in the midst undoes what was before it; its time may pass; it may name anything that select may',
    play: [
      three,
      [update({ i: 5 }), wait({ timeout: 3 }), comment],
      [select([], ['i'])],
      [put(4, { i: 4 }), wait({ rows: [{ i: 1 }, { i: 2 }, { i: 4 }] }), update({ i: 6 })],
      [wait({ timeout: 1, rows: [{ i: 6 }], until: '!=' })],
      [wait({ columns: ['_uuid'], rows: [{ _uuid: uuid(1) }, { _uuid: uuid(2) }], until: '!=' })],
      [wait({ columns: ['_version'], rows: [{ _version: uuid(1) }] })],
      [wait({ columns: ['fixed', 'brief'], rows: [{ fixed: '', brief: '' }] })],
      ...[-1, 1.5, 'x', null].map((timeout) => [wait({ timeout })]),
      ...['=', '', '<', 5].map((until) => [wait({ until })]),
      ...[[null], [5], null, [{ nothing: 1 }], [{ i: 'x' }], {}].map((rows) => [wait({ rows: rows as Json })]),
      [{ op: 'wait', table: 'T', where: [], columns: ['i'], until: '==' }],
    ],
    answers: ['', 'timed out', /1.*2/, '"count":4', 'timed out', '', '', '', 'nonnegative', 'Type mismatch'],
  },
  {
    says: '5.2.6: rows may be waited for by their _uuid, which a row without it does not have',
    play: [
      three,
      [
        wait({
          columns: ['_uuid', 'i'],
          rows: [
            { _uuid: uuid(2), i: 1 },
            { _uuid: uuid(1), i: 1 },
            { _uuid: uuid(3), i: 2 },
          ],
        }),
      ],
      [wait({ where: is(1), columns: ['_uuid'], rows: [{ _uuid: uuid(1) }] })],
      [wait({ where: is(1), columns: ['_uuid'], rows: [{ _uuid: uuid(1) }], until: '!=' })],
      [wait({ where: is(1), columns: ['_uuid'], rows: [{ _uuid: uuid(2) }] })],
      [wait({ where: is(1), columns: ['_uuid', 'i'], rows: [{ i: 1 }] })],
      [wait({ where: is(1), columns: ['i'], rows: [{ _uuid: uuid(2), i: 1 }] })],
      [wait({ where: is(1), rows: [{ _uuid: uuid(1), i: 1 }], columns: ['_uuid'] })],
      [
        insert('T', { s: 'new' }, { 'uuid-name': 'n' }),
        wait({ where: [['s', '==', 'new']], columns: ['_uuid'], rows: [{ _uuid: named('n') }] }),
      ],
    ],
    answers: ['', '[{}]', '[{}]', 'timed out', 'timed out', 'timed out', '[{}]', '[{}]', /,\{\}\]/],
  },
  {
    says: '5.2.7 to 5.2.10: commit, abort, comment, assert',
    play: [
      [
        put(1, {}),
        { op: 'commit', durable: true },
        { op: 'comment', comment: 'a\nb "é"' },
        { op: 'comment', comment: '' },
      ],
      [
        { op: 'commit', durable: true },
        { op: 'commit', durable: false },
      ],
      [put(2, {}), { op: 'commit', durable: true }, put(3, { i: 'x' })],
      [put(2, {}), { op: 'abort' }, put(3, {})],
      [put(2, {}), { op: 'assert', lock: 'l' }, put(3, {})],
      [select([], ['_uuid'])],
      [{ op: 'commit' }],
      [{ op: 'comment' }],
      [{ op: 'assert', lock: '9l' }],
      [{ op: 'abort', why: 'x' }],
    ],
    answers: [
      '},{},{},{}]',
      '[{},{}]',
      'expected integer',
      'aborted by request',
      'Asserted lock l not held',
      /^(?!.*0000002)/,
    ],
  },
  {
    says: '5.2: an operation has the members of its kind and no others, and is an object',
    play: [
      [{ table: 'T', row: {} }],
      [{ op: null }],
      [{ op: 'INSERT', table: 'T', row: {} }],
      [insert('T', {}, { extra: 1 })],
      [{ op: 'insert', row: {} }],
      [{ op: 'insert', table: 'T' }],
      [comment, 'x', comment],
      [comment, []],
      [remove(null)],
      [{ op: 'mutate', table: 'T', where: [] }],
      [{ op: 'select', table: 5, where: [] }],
    ],
    answers: [
      "Required 'op' member is missing",
      'Type mismatch',
      'No operation',
      "Member 'extra' is present but not allowed",
      'table',
    ],
  },
  {
    says: '5.1: strings of any characters, uuids in either case and nothing like them',
    play: [
      [put(1, { s: '\u0001\u001f"\\/é€😀' }), select([['s', '==', '\u0001\u001f"\\/é€😀']], ['s'])],
      [update({ u: ['uuid', '0000000A-0000-4000-8000-00000000000F'] })],
      [select([['u', '==', ['uuid', '0000000a-0000-4000-8000-00000000000f']]], ['u'])],
      ...[
        '0000000a-0000-4000-8000-00000000000',
        '0000000a000040008000000000000000',
        ` ${id(1)}`,
        `${id(1)} `,
        '',
        id(1).replace('4', 'g'),
      ].map((text) => [update({ u: ['uuid', text] })]),
      [update({ u: ['uuid', id(1), 'x'] })],
      [update({ u: ['UUID', id(1)] })],
      [update({ u: id(1) })],
      [insert('T', {}, { uuid: '0000000A-0000-4000-8000-00000000000F' })],
      [insert('T', {}, { uuid: '00000000-0000-0000-0000-000000000000' })],
    ],
    answers: ['😀', '"count":1', '0000000a', 'is not a valid UUID'],
  },
];

playStatements(statements);

/** Each way to write a number; as text, since it is the text that matters. */
// biome-ignore format: a list
const numbers = [
  '1.0', '1e0', '10e-1', '1.5', '0.5', '-0', '-0.0', '0e5', '0.1e1', '1E5', '1.0e+2', '123456.789e3', '100000000000000000000e-5', '1e-5', '0.00001',
  '0.00012345678901234567', '0.30000000000000004', '999999999999999', '1e15', '1e16', '1e17', '123456789012345680', '2251799813685249.5',
  '9007199254740993', '1e18', '1e19', '9223372036854775807', '9223372036854775808', '-9223372036854775808', '-9223372036854775809',
  '123456789012345678901234567890', '1e100', '1e-300', '3e-308', '1.7976931348623157e308',
];

const twins = useTwins();
it('5.1: numbers, however they are written, in values, in messages, in arithmetic', async () => {
  const insertion = (column: string, number: string): string =>
    `{"op":"insert","table":"T","row":{"${column}":${number}}},${JSON.stringify(select([], [column]))}`;
  const arithmetic = (column: string, mutator: string, number: string): string =>
    `{"op":"mutate","table":"T","where":[],"mutations":[["${column}","${mutator}",${number}]]},${JSON.stringify(select([], [column]))}`;
  const aborted = (operations: string): string => `[${operations},{"op":"abort"}]`;
  await twins().play(
    numbers.flatMap((number) => {
      // The C server writes 15 digits of a real.
      const reals = Number(number) === Number(Number(number).toPrecision(15)) ? ['r', 'rs'] : [];
      const columns = ['i', 'oi', 'is', 's', 'b', 'm', 'u', 'limited', ...reals];
      // Beyond 15 digits the C server's reals cannot be told apart.
      const numeric = Math.abs(Number(number)) < 1e12 ? ['i', 'r', 'rs'] : ['i'];
      return [
        ...columns.map((column) => aborted(insertion(column, number))),
        ...numeric.flatMap((column) =>
          ['+=', '-=', '*='].flatMap((mutator) => [
            aborted(`${insertion(column, number)},${arithmetic(column, mutator, '3')}`),
            aborted(`${insertion(column, '7')},${arithmetic(column, mutator, number)}`),
          ]),
        ),
      ];
    }),
  );
});
