/** The commands of ovsdb-tool(1) on a file of the C server, and ours on one of our own: the same output, the same exit status, the same contents. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Json, JsonObject } from '@weft/ovsdb/json';
import { runTool } from '@weft/ovsdb-server/tool';
import { afterEach, beforeEach, expect, it } from 'vitest';

const schema = {
  name: 'S',
  version: '1.0.0',
  cksum: '12345 67',
  tables: {
    T: {
      isRoot: true,
      indexes: [['name']],
      columns: {
        name: { type: 'string' },
        n: { type: 'integer' },
        words: { type: { key: 'string', min: 0, max: 'unlimited' } },
        brief: { type: 'string', ephemeral: true },
        leaf: { type: { key: { type: 'uuid', refTable: 'Leaf' }, min: 0 } },
      },
    },
    Leaf: { columns: { name: { type: 'string' } } },
  },
};

/** The same with other columns in T. */
function withColumns(columns: JsonObject, version = '2.0.0'): Json {
  const { T, Leaf } = schema.tables;
  return {
    ...schema,
    version,
    tables: { T: { ...T, columns: { ...T.columns, ...columns } }, Leaf },
  } as unknown as Json;
}
const { cksum: _, version: __, ...unversioned } = schema;
const strings: Json = { type: { key: 'string', min: 0, max: 'unlimited' } };
/** With the tables of role-based access control (ovsdb-server(7) section 3.2). */
const roles = {
  name: 'S',
  version: '1.0.0',
  tables: {
    T: { isRoot: true, columns: { name: { type: 'string' }, n: { type: 'integer' }, owner: { type: 'string' } } },
    RBAC_Role: {
      isRoot: true,
      columns: {
        name: { type: 'string' },
        permissions: {
          type: { key: 'string', value: { type: 'uuid', refTable: 'RBAC_Permission' }, min: 0, max: 'unlimited' },
        },
      },
    },
    RBAC_Permission: {
      isRoot: true,
      columns: {
        table: { type: 'string' },
        authorization: strings,
        insert_delete: { type: 'boolean' },
        update: strings,
      },
    },
  },
};
const schemas: { readonly [file: string]: string } = {
  schema: JSON.stringify(schema),
  reordered: JSON.stringify({ tables: schema.tables, cksum: schema.cksum, version: schema.version, name: schema.name }),
  wider: JSON.stringify(withColumns({ more: { type: 'real' } })),
  stricter: JSON.stringify(withColumns({ n: { type: { key: { type: 'integer', maxInteger: 5 } } } })),
  other: JSON.stringify(withColumns({ n: { type: 'string' } })),
  renamed: JSON.stringify({ ...schema, name: 'Renamed' }),
  unversioned: JSON.stringify(unversioned),
  rootless: JSON.stringify({ ...unversioned, tables: { Leaf: schema.tables.Leaf } }),
  roles: JSON.stringify(roles),
  noJson: '{"name":',
  noSchema: '{"name":"S","tables":{"T":{"columns":{"c":{"type":"text"}}}}}',
};

const id = (n: number): string => `0000000${n}-0000-4000-8000-00000000000${n}`;
const transaction = (...operations: Json[]): string => JSON.stringify(['S', ...operations]);
const insert = (n: number, row: Json, table = 'T'): Json => ({ op: 'insert', table, uuid: id(n), row });
const all = (columns = ['_uuid', 'name', 'n', 'words'], table = 'T'): Json => ({
  op: 'select',
  table,
  where: [],
  columns,
  sort: ['name'],
});
const wait = (members: JsonObject): Json => ({
  op: 'wait',
  table: 'T',
  where: [],
  columns: ['n'],
  until: '!=',
  rows: [],
  ...members,
});
const two = transaction(
  insert(1, { name: 'a', n: 7, words: ['set', ['x', 'é "']], brief: 'b' }),
  insert(2, { name: 'b' }),
);

let folders: { readonly theirs: string; readonly ours: string };
beforeEach(() => {
  folders = { theirs: mkdtempSync(join(tmpdir(), 'weft-tool-c-')), ours: mkdtempSync(join(tmpdir(), 'weft-tool-')) };
  for (const folder of Object.values(folders)) {
    for (const [name, text] of Object.entries(schemas)) writeFileSync(join(folder, name), text);
  }
});
afterEach(() => {
  for (const folder of Object.values(folders)) rmSync(folder, { recursive: true });
});

type Command = readonly [name: string, ...args: string[]];
const ofFile = /^(db\d*|copy|missing|nowhere\/db)$/;

/** Arguments that are names of files, in the folder. */
function placed(folder: string, args: readonly string[]): string[] {
  return args.map((arg) => (Object.hasOwn(schemas, arg) || ofFile.test(arg) ? join(folder, arg) : arg));
}

async function runOurs(folder: string, [name, ...args]: Command): Promise<string> {
  const heard: string[] = [];
  const status = await runTool(
    name,
    placed(folder, args),
    // How to use the command follows on a second line.
    { out: (text) => heard.push(text), err: (text) => heard.push(`error: ${text.split('\n')[0]}\n`) },
    {},
  );
  return `${heard.join('')}exit ${status}`.replaceAll(`${folder}/`, '');
}

function runTheirs(folder: string, [name, ...args]: Command): string {
  const { stdout, stderr, status } = spawnSync('ovsdb-tool', ['-voff', name, ...placed(folder, args)], {
    encoding: 'utf8',
  });
  return `${stdout}${stderr.replaceAll('ovsdb-tool: ', 'error: ')}exit ${status}`.replaceAll(`${folder}/`, '');
}

/** Why text is no JSON, each parser says in its own words. */
const normal = (text: string): string =>
  text.replace(/(?<=could not be read as JSON \()(?!error opening).*(?=\))|(?<=^error: ".*": ).*(?=\nexit 1$)/, 'why');

it.each<[string, Command[]]>([
  [
    'create',
    [
      ['create', 'db', 'schema'],
      ['create', 'db', 'schema'],
      ['create', 'db2', 'missing'],
      ['create', 'db2', 'noJson'],
      ['create', 'db2', 'noSchema'],
      ['create', 'db2', 'unversioned'],
      ['create', 'db', 'schema', 'more'],
    ],
  ],
  [
    'what a file and a schema are',
    [
      ['create', 'db', 'schema'],
      ['create', 'db2', 'unversioned'],
      ...['db', 'db2', 'missing'].flatMap((file): Command[] => [
        ['db-name', file],
        ['db-version', file],
        ['db-cksum', file],
        ['db-is-standalone', file],
        ['db-is-clustered', file],
      ]),
      ...['schema', 'unversioned', 'missing', 'noJson', 'noSchema'].flatMap((file): Command[] => [
        ['schema-name', file],
        ['schema-version', file],
        ['schema-cksum', file],
      ]),
      ...Object.keys(schemas).map((file): Command => ['needs-conversion', 'db', file]),
      ['needs-conversion', 'missing', 'schema'],
      ['needs-conversion', 'db', 'schema', 'more'],
    ],
  ],
  [
    'compare-versions',
    [
      ...['1.2.3', '1.2.4', '1.10.0', '01.2.3', '10.0.0', '1.2', '1.2.3.4', 'a.b.c', ''].flatMap((other) =>
        ['<', '<=', '==', '>=', '>', '!=', '<>', ''].map(
          (operator): Command => ['compare-versions', '1.2.3', operator, other],
        ),
      ),
      ['compare-versions', 'x', '<', '1.2.3'],
      ['compare-versions', '1.2.3', '<'],
    ],
  ],
  [
    'transact and query',
    [
      ['create', 'db', 'schema'],
      ['transact', 'db', two],
      ['query', 'db', transaction(all(), all(['name', 'brief']))],
      [
        'transact',
        'db',
        transaction(
          { op: 'update', table: 'T', where: [['name', '==', 'a']], row: { n: 8 } },
          { op: 'comment', comment: 'x' },
        ),
      ],
      ['query', 'db', transaction(all())],
      ['transact', 'db', transaction(insert(3, { n: 'x' }), all())],
      [
        'transact',
        'db',
        transaction({ op: 'delete', table: 'T', where: [['name', '==', 'b']] }, { op: 'abort' }, all()),
      ],
      [
        'transact',
        'db',
        transaction(insert(4, { name: 'leaf' }, 'Leaf'), insert(5, { name: 'c', leaf: ['uuid', id(4)] })),
      ],
      ['transact', 'db', transaction(insert(6, { name: 'leaf' }, 'Leaf'))],
      ['transact', 'db', transaction({ op: 'delete', table: 'Leaf', where: [] })],
      ['query', 'db', transaction(all(['_uuid', 'name'], 'Leaf'))],
      ['transact', 'db', transaction(wait({ timeout: 0 }))],
      ['transact', 'db', transaction(wait({ until: '==', timeout: 0 }))],
      ['transact', 'db', transaction({ op: 'comment', comment: 'x' }, wait({ until: '==' }), all())],
      ['query', 'db', transaction(wait({ until: '==', timeout: 5 }))],
      ['transact', 'db', transaction({ op: 'assert', lock: 'l' })],
      ['transact', 'db', '["S"]'],
      ['transact', 'db', '["S",5]'],
      ['transact', 'db', '[]'],
      ['transact', 'db', '["Other"]'],
      ['query', 'db', '{"a":'],
      ['query', 'missing', '["S"]'],
      ['transact', 'missing', '["S"]'],
      ['query', 'db', '["S"]', 'more'],
      ['query', 'db', transaction(all())],
    ],
  ],
  [
    'transact and query with a role',
    [
      ['create', 'db', 'roles'],
      [
        'transact',
        'db',
        transaction(
          insert(1, { table: 'T', authorization: '', insert_delete: false, update: ['set', ['n']] }, 'RBAC_Permission'),
          insert(2, { table: 'T', authorization: 'owner', insert_delete: true, update: 'n' }, 'RBAC_Permission'),
          insert(3, { name: 'anyone', permissions: ['map', [['T', ['uuid', id(1)]]]] }, 'RBAC_Role'),
          insert(4, { name: 'owner', permissions: ['map', [['T', ['uuid', id(2)]]]] }, 'RBAC_Role'),
          insert(5, { name: 'a', owner: 'x' }),
        ),
      ],
      ...['anyone', 'owner', 'none', ''].flatMap((role) =>
        [
          insert(6, { name: 'b' }),
          { op: 'delete', table: 'T', where: [] },
          { op: 'update', table: 'T', where: [], row: { n: 7 } },
          { op: 'update', table: 'T', where: [], row: { name: 'c' } },
          { op: 'mutate', table: 'T', where: [], mutations: [['n', '+=', 1]] },
          { op: 'select', table: 'T', where: [], columns: ['name', 'n'] },
        ].map(
          (operation: unknown): Command => ['transact', `--rbac-role=${role}`, 'db', transaction(operation as Json)],
        ),
      ),
    ],
  ],
  [
    'convert and compact',
    [
      ['create', 'db', 'schema'],
      ['transact', 'db', two],
      ['convert', 'db', 'other'],
      ['convert', 'db', 'stricter'],
      ['convert', 'db', 'noSchema'],
      ['convert', 'db', 'missing'],
      ['convert', 'missing', 'schema'],
      ['db-version', 'db'],
      ['convert', 'db', 'wider', 'copy'],
      ['db-version', 'copy'],
      ['query', 'copy', transaction(all(['_uuid', 'name', 'n', 'words', 'more', 'brief']))],
      ['convert', 'db', 'wider'],
      ['needs-conversion', 'db', 'wider'],
      ['needs-conversion', 'db', 'schema'],
      ['query', 'db', transaction(all(['_uuid', 'name', 'n', 'words', 'more']))],
      ['compact', 'db'],
      ['query', 'db', transaction(all())],
      ['compact', 'db', 'db2'],
      ['query', 'db2', transaction(all())],
      ['compact', 'missing'],
      ['transact', 'db2', transaction({ op: 'delete', table: 'T', where: [] })],
      ['convert', 'db2', 'rootless'],
      ['transact', 'db2', transaction(insert(1, { name: 'l' }, 'Leaf'), all(['name'], 'Leaf'))],
      ['query', 'db2', transaction(all(['name'], 'Leaf'))],
      ['convert', 'db2', 'renamed'],
      ['db-name', 'db2'],
    ],
  ],
])('%s', async (_, commands) => {
  for (const command of commands) {
    const ours = await runOurs(folders.ours, command);
    expect(normal(ours), command.join(' ')).toBe(normal(runTheirs(folders.theirs, command)));
  }
});

it('a query changes nothing, and one that changes rows says so in its results (the C tool says that it cannot truncate its file)', async () => {
  await runOurs(folders.ours, ['create', 'db', 'schema']);
  expect(await runOurs(folders.ours, ['query', 'db', two])).toBe(
    `[{"uuid":["uuid","${id(1)}"]},{"uuid":["uuid","${id(2)}"]}]\nexit 0`,
  );
  expect(await runOurs(folders.ours, ['query', 'db', transaction(all())])).toBe('[{"rows":[]}]\nexit 0');
});

it('a target that exists is not overwritten, as ovsdb-tool(1) says', async () => {
  await runOurs(folders.ours, ['create', 'db', 'schema']);
  for (const command of [
    ['convert', 'db', 'wider', 'db'],
    ['compact', 'db', 'db'],
  ] as const) {
    expect(await runOurs(folders.ours, command)).toBe('error: I/O error: db: create failed (File exists)\nexit 1');
  }
});
