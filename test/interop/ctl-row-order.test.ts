/** Rows print in the order in which the C programs print them, also where what else a line needs refers to them: random lines on random databases, on both servers. */
import { resolve } from 'node:path';
import { nbctl } from '@weft/ctl/nb/program';
import { sbctl } from '@weft/ctl/sb/program';
import type { Json, JsonObject } from '@weft/ovsdb/json';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomSource } from './ctl-random.ts';
import { type Contents, runC, runOurs, Twin, temporaryFolder, type Which } from './ctl-twins.ts';
import { randomContents, randomUuid } from './random-contents.ts';

const seed = Number(process.env.SEED ?? 1);
const lines = Number(process.env.LINES ?? 60);
/** Hash tables grow at powers of two. */
const mostRows = [3, 10, 40];

/** Commands whose output has rows of whole tables, and some that have C replicate more. */
const others = {
  nb: [
    'show',
    'ls-list',
    'lr-list',
    'lb-list',
    'ha-chassis-group-list',
    'fwd-group-list',
    'dhcp-options-list',
    'meter-list',
    'mirror-list',
    '--if-exists ls-del nosuch',
    '--if-exists lsp-del nosuch',
    'copp-list nosuch',
  ],
  sb: ['show', '--vflows lflow-list', '--if-exists chassis-del nosuch'],
};

/** Tables that refer to each other, in one line. */
function randomLine(which: Which, schema: DatabaseSchema, random: () => number): string[] {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
  const tables = Object.keys(schema.tables);
  const targets = (table: string) =>
    Object.values(schema.tables[table]!.columns).flatMap(({ type }) =>
      [type.key.refTable ?? [], type.value?.refTable ?? []].flat(),
    );
  const related = (table: string) =>
    tables.filter((other) => targets(table).includes(other) || targets(other).includes(table));
  let table = pick(tables);
  const line: string[] = [];
  for (let count = 1 + Math.floor(random() * 3); count > 0; count--) {
    if (line.length > 0) line.push('--');
    if (random() < 0.2) line.push(...pick(others[which]).split(' '));
    else {
      const columns = Object.keys(schema.tables[table]!.columns);
      if (random() < 0.4) line.push(`--columns=_uuid${random() < 0.5 ? `,${pick(columns)}` : ''}`);
      line.push(random() < 0.7 ? 'list' : 'find', table);
    }
    table = pick([...related(table), table]);
  }
  return line;
}

/** Deletes some of the address sets and makes others, in any order, then lists them. */
function changingLine(uuids: readonly string[], newUuid: () => string, random: () => number): string[] {
  const steps = uuids.filter(() => random() < 0.3).map((uuid) => `destroy Address_Set ${uuid}`);
  for (let i = Math.floor(random() * 6); i > 0; i--) {
    const at = Math.floor(random() * (steps.length + 1));
    steps.splice(at, 0, `--id=${newUuid()} create Address_Set name=new${i}`);
  }
  return [...steps, '--columns=_uuid,name list Address_Set'].join(' -- ').split(' ');
}

/** Of several rows the first is meant. */
const meant = [
  '--bfd lr-route-add r 10.0.0.0/24 1.1.1.1 -- --columns=bfd list Logical_Router_Static_Route',
  'fwd-group-del f -- --columns=forwarding_groups list Logical_Switch -- list Forwarding_Group -- fwd-group-list',
  'lsp-get-ls p -- fwd-group-list',
];

/** A router with several BFD sessions to one address, a switch with several forwarding groups of one name, and a port that several switches have. */
function ambiguous(random: () => number): Contents {
  const uuids = Array.from({ length: 14 }, () => randomUuid(random));
  const several = (from: number, row: (i: number) => JsonObject) =>
    new Map(uuids.slice(from, from + 4).map((uuid, i) => [uuid, row(i)]));
  const groups = uuids.slice(4, 8).map((uuid): Json => ['uuid', uuid]);
  return new Map([
    ['Logical_Router', new Map([[uuids[12]!, { name: 'r' }]])],
    ['BFD', several(0, (i) => ({ logical_port: `p${i}`, dst_ip: '1.1.1.1' }))],
    [
      'Forwarding_Group',
      several(4, (i) => ({ name: 'f', vip: `1.1.1.${i}`, vmac: '00:00:00:00:00:01', child_port: 'p' })),
    ],
    [
      'Logical_Switch',
      several(8, (i) => ({ name: `s${i}`, ports: ['uuid', uuids[13]!], forwarding_groups: ['set', groups] })),
    ],
    ['Logical_Switch_Port', new Map([[uuids[13]!, { name: 'p' }]])],
  ]);
}

const servers = { 'ovsdb-server': undefined, 'weft-ovsdb': resolve('node_modules/.bin/weft-ovsdb') };
describe.each(Object.entries(servers))('on %s', (_name, program) => {
  const { dir, remove } = temporaryFolder();
  let server: Twin;
  beforeAll(async () => {
    server = await Twin.start(dir, 'server', program);
  });
  afterAll(() => {
    server.stop();
    remove();
  });

  it.each([
    ['nb', nbctl.schema],
    ['sb', sbctl.schema],
  ] as const)(`%s: ${lines} lines from seed ${seed}`, { timeout: 600_000 }, async (which, schema) => {
    const random = randomSource(seed);
    const differences: string[] = [];
    for (let i = 0; i < lines; i++) {
      if (i % 10 === 0) await server.load(which, randomContents(schema, mostRows[(i / 10) % mostRows.length]!, random));
      const line = ['--dry-run', ...randomLine(which, schema, random)];
      const c = runC(which, line, server.socket, dir);
      const ours = await runOurs(which, line, server.socket, dir);
      if (c.stdout !== ours.stdout) differences.push(`$ ${line.join(' ')}\nC:\n${c.stdout}\nours:\n${ours.stdout}`);
    }
    expect(differences.join('\n\n')).toBe('');
  });

  it('the first of several rows that are meant', async () => {
    const random = randomSource(seed);
    for (let i = 0; i < 5; i++) {
      await server.load('nb', ambiguous(random));
      for (const line of meant) {
        const words = ['--dry-run', ...line.split(' ')];
        const c = runC('nb', words, server.socket, dir);
        const ours = await runOurs('nb', words, server.socket, dir);
        expect(ours.stdout, line).toBe(c.stdout);
        expect(c.stdout).not.toBe('');
      }
    }
  });

  it(`rows that go and come: ${lines} lines from seed ${seed}`, { timeout: 600_000 }, async () => {
    const random = randomSource(seed);
    const newUuid = () => randomUuid(random);
    for (let i = 0; i < lines; i++) {
      const sets = new Map(Array.from({ length: 1 + (i % 20) }, (_, n) => [newUuid(), { name: `n${n}` }]));
      const line = ['--dry-run', ...changingLine([...sets.keys()], newUuid, random)];
      const contents = new Map([['Address_Set', sets]]);
      await server.load('nb', contents);
      const c = runC('nb', line, server.socket, dir);
      // Rows that an aborted transaction deleted may stand elsewhere after it.
      await server.load('nb', contents);
      const ours = await runOurs('nb', line, server.socket, dir);
      expect(ours.stdout, line.join(' ')).toBe(c.stdout);
    }
  });
});
