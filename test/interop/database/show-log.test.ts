/** ovsdb-tool(1), show-log: the same transactions on a file of ours and on one of the C server are told in the same words. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Json } from '@weft/ovsdb/json';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildServer } from './build-server.ts';

const columns = {
  x: { type: 'integer' },
  o: { type: { key: 'integer', min: 0 } },
  flag: { type: 'boolean' },
  r: { type: 'real' },
  m: { type: { key: 'string', value: 'integer', min: 0, max: 'unlimited' } },
  s: { type: { key: 'integer', min: 0, max: 2 } },
  to: { type: { key: { type: 'uuid', refTable: 'T', refType: 'weak' }, min: 0, max: 'unlimited' } },
  brief: { type: 'string', ephemeral: true },
};
const table = (name: Json) => ({ isRoot: true, columns: { ...columns, ...(name === null ? {} : { name }) } });
const schema = {
  name: 'S',
  version: '1.2.3',
  cksum: '1 2',
  tables: {
    T: table({ type: 'string' }),
    Optional: table({ type: { key: 'string', min: 0 } }),
    Number: table({ type: 'integer' }),
    Nameless: table(null),
  },
};

const id = (n: number): string => `${n}0000000-0000-4000-8000-000000000000`;
const insert = (n: number, row: Json, into = 'T'): Json => ({ op: 'insert', table: into, uuid: id(n), row });
const update = (row: Json, of = 'T'): Json => ({ op: 'update', table: of, where: [], row });
const remove = (of: string): Json => ({ op: 'delete', table: of, where: [] });
const comment = (text: string): Json => ({ op: 'comment', comment: text });
const tables = Object.keys(schema.tables);

const transactions: Json[][] = [
  [
    insert(1, {
      name: 'a "q" b\n',
      x: -5,
      o: 3,
      flag: true,
      r: 1,
      m: [
        'map',
        [
          ['k', 1],
          ['l m', 2],
        ],
      ],
      s: ['set', [1, 2]],
      brief: 'b',
    }),
    insert(2, { name: 'opt' }, 'Optional'),
    insert(3, { name: 5 }, 'Number'),
    insert(4, { x: 7 }, 'Nameless'),
    insert(5, {}),
    comment('with "quotes" \\ and é'),
  ],
  ...tables.map((name) => [update({ x: 1 }, name), comment(''), comment(name), comment('')]),
  [update({ name: 'renamed', to: ['uuid', id(1)] }), comment('')],
  [
    update({
      x: 2,
      o: 4,
      r: 2.5e300,
      m: [
        'map',
        [
          ['k', 2],
          ['n', 7],
        ],
      ],
      s: ['set', [2, 3]],
      to: ['set', []],
    }),
  ],
  // These are no transactions to the file.
  [comment('nothing but this')],
  [update({ brief: 'c' })],
  [update({ x: 99 }), { op: 'abort' }, comment('aborted')],
  [update({ name: '', o: ['set', []] })],
  [update({ x: 3, o: 9 })],
  [update({ name: ['set', []] }, 'Optional')],
  [update({ x: 3 }, 'Optional')],
  ...tables.map((name) => [remove(name)]),
  ...['é–€ x=y, {}', 'true', '9abc', 'a-b.c', '[]'].map((name, i) => [insert(i + 1, { name })]),
];

let folder: string;
let programs: readonly (readonly string[])[];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weft-show-log-'));
  writeFileSync(join(folder, 'schema'), JSON.stringify(schema));
  programs = [['ovsdb-tool'], [process.execPath, await buildServer()]];
  for (const [i, [program = '', ...args]] of programs.entries()) {
    const file = join(folder, String(i));
    execFileSync(program, [...args, 'create', file, join(folder, 'schema')]);
    for (const transaction of transactions)
      execFileSync(program, [...args, 'transact', file, JSON.stringify(['S', ...transaction])]);
  }
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true }));

/** What both print, records apart; in no order of tables, rows and columns, which is up to the program. */
function both(...command: string[]): { text: string; status: number | null }[] {
  return programs.map(([program = '', ...args], i) => {
    const line = [...args, ...command.map((arg) => arg.replace('FILE', join(folder, String(i))))];
    const { stdout, stderr, status } = spawnSync(program, line, { encoding: 'utf8' });
    const records = stdout.replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}/g, 'DATE').split(/^(?=record )/m);
    const sorted = records.map((record) =>
      record
        .split(/\n(?= {2}table |\n)/)
        .map((change) => change.split('\n').sort().join('\n'))
        .sort()
        .join('\n'),
    );
    return { text: sorted.join('--\n') + stderr.replace(/^.*?: /, ''), status };
  });
}

it.each([
  'show-log FILE',
  'show-log -m FILE',
  '--more show-log FILE',
  'show-log FILE -mm',
  '-m show-log --more FILE -m',
  'show-log -m FILE more',
])('%s', (line) => {
  const [theirs, ours] = both(...line.split(' '));
  const firstLine = ({ text, status }: { text: string; status: number | null }) => ({
    text: status === 0 ? text : text.split('\n')[0],
    status,
  });
  expect(firstLine(ours!)).toEqual(firstLine(theirs!));
});

it('a row that was there before what is kept is called by the name that it has', () => {
  const [program = '', ...args] = programs[1]!;
  const file = join(folder, 'compacted');
  execFileSync(program, [...args, 'compact', join(folder, '1'), file]);
  execFileSync(program, [...args, 'transact', file, JSON.stringify(['S', update({ x: 4 })])]);
  const told = execFileSync(program, [...args, 'show-log', '-mm', file], { encoding: 'utf8' });
  expect(told).toContain('"compacted by weft-ovsdb"\n\nrecord');
  expect(told).toContain('  table T row "9abc" (30000000) diff:\n    x=4\n');
});
