/** Moving in from a file of the C server and out again; files that are not what they should be. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Peer } from '@weft/jsonrpc/peer';
import { canonicalText, type Json, type JsonObject } from '@weft/ovsdb/json';
import { type CFileContents, readCFile } from '@weft/ovsdb-server/c-file';
import { Database } from '@weft/ovsdb-server/database';
import { wholeText } from '@weft/ovsdb-server/pieces';
import { SqliteStore } from '@weft/ovsdb-server/store/sqlite';
import { runTool } from '@weft/ovsdb-server/tool';
import { nb } from '@weft/schemas/nb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CServer, startCServer } from './c-server.ts';
import { fuzzSchema, Random, TransactionGenerator } from './random-transactions.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-files-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const errors: string[] = [];
const tool = (name: string, ...args: string[]): Promise<number> => {
  errors.length = 0;
  return runTool(name, args, { out: () => {}, err: (text) => errors.push(text) }, {});
};

const everything = Object.entries(fuzzSchema.tables).map(([table, { columns }]) => ({
  op: 'select',
  table,
  where: [],
  columns: ['_uuid', ...Object.keys(columns).filter((name) => name !== 'temporary')],
}));

/** A dump that does not depend on the order of rows or the digits of reals. */
function sorted(dump: Json): string[] {
  const results = dump as unknown as readonly { readonly rows: readonly Json[] }[];
  const digits = (json: Json): Json =>
    JSON.parse(JSON.stringify(json), (_, v: unknown) =>
      typeof v === 'number' ? Number(v.toPrecision(15)) : v,
    ) as Json;
  return results.flatMap(({ rows }) => rows.map((row) => canonicalText(digits(row)))).sort();
}

async function dumpOurs(file: string): Promise<string[]> {
  const database = await Database.open(SqliteStore.open(file));
  const dump = await new Promise<Json>((resolve) => {
    database.transact(everything, { ownsLock: () => true }, (results) =>
      resolve(JSON.parse(wholeText(results)) as Json),
    );
  });
  await database.close();
  return sorted(dump);
}

async function fill(peer: Peer, transactions: number): Promise<void> {
  const generator = new TransactionGenerator(new Random(7));
  for (let i = 0; i < transactions; i++) {
    const operations = generator.transaction().filter((operation) => !JSON.stringify(operation).includes('"*="'));
    await peer.call('transact', ['Fuzz', ...operations]);
  }
}

describe('a database file of the C server', () => {
  let c: CServer;
  beforeEach(async () => {
    c = await startCServer(fuzzSchema as unknown as Json);
  });
  afterEach(() => c.stop());

  it('is imported whole, and exported so that the C server opens it', { timeout: 60_000 }, async () => {
    const peer = await c.connect();
    await fill(peer, 1500);
    const theirs = sorted(await peer.call('transact', ['Fuzz', ...everything]));
    peer.close();
    const file = join(folder, 'ours.db');
    expect(await tool('import', file, join(c.folder, 'db')), errors.join()).toBe(0);
    expect(await dumpOurs(file)).toEqual(theirs);

    const exported = join(folder, 'exported.db');
    expect(await tool('export', file, exported), errors.join()).toBe(0);
    const answer = execFileSync('ovsdb-tool', ['query', exported, JSON.stringify(['Fuzz', ...everything])]).toString();
    expect(sorted(JSON.parse(answer) as Json)).toEqual(theirs);
  });

  it('is read in parts as it is in one piece', { timeout: 60_000 }, async () => {
    const peer = await c.connect();
    await fill(peer, 1500);
    peer.close();
    const rowsOf = (contents: CFileContents): string[] =>
      [...contents.tables.values()].flatMap((table) =>
        [...table.rows()].map((row) => `${row._uuid} ${table.text.object(row, table.persistentColumns, false)}`),
      );
    const compacted = join(folder, 'compacted');
    execFileSync('ovsdb-tool', ['compact', join(c.folder, 'db'), compacted]);
    for (const file of [join(c.folder, 'db'), compacted]) {
      const [parts, whole] = [readCFile(file, 0), readCFile(file)];
      expect(rowsOf(parts)).toEqual(rowsOf(whole));
      expect(rowsOf(parts).length).toBeGreaterThan(4);
      expect([parts.transactions, parts.damage]).toEqual([whole.transactions, undefined]);
    }
    const bytes = readFileSync(compacted);
    bytes[bytes.length - 20]! ^= 1;
    writeFileSync(compacted, bytes);
    expect(readCFile(compacted, 0).damage).toMatch(/checksum is wrong/);
  });

  it('keeps integers of 64 bits, in rows and in the schema', async () => {
    const big = [9007199254740993n, 9223372036854775806n, -9223372036854775807n];
    const type = { key: { type: 'integer', minInteger: big[2]!, maxInteger: big[1]! }, min: 0, max: 'unlimited' };
    const schema: Json = { name: 'Big', version: '1.0.0', tables: { T: { isRoot: true, columns: { n: { type } } } } };
    const server = await startCServer(schema);
    const peer = await server.connect();
    const insert = { op: 'insert', table: 'T', row: { n: ['set', big] } };
    await peer.call('transact', ['Big', insert]);
    peer.close();
    const [ours, theirs] = [join(folder, 'big.db'), join(folder, 'big-c.db')];
    expect(await tool('import', ours, join(server.folder, 'db')), errors.join()).toBe(0);
    await server.stop();
    expect(await tool('export', ours, theirs), errors.join()).toBe(0);
    const select = '["Big",{"op":"select","table":"T","where":[],"columns":["n"]}]';
    const answer = execFileSync('ovsdb-tool', ['query', theirs, select]).toString();
    expect(answer.trim()).toBe(
      '[{"rows":[{"n":["set",[-9223372036854775807,9007199254740993,9223372036854775806]]}]}]',
    );
    const tooMuch = '["Big",{"op":"insert","table":"T","row":{"n":9223372036854775807}}]';
    expect(execFileSync('ovsdb-tool', ['query', theirs, tooMuch]).toString()).toContain('9223372036854775806');
  });

  it('is imported up to where it is damaged', async () => {
    const peer = await c.connect();
    await peer.call('transact', ['Fuzz', { op: 'insert', table: 'Few', row: { name: 'a' } }]);
    await peer.call('transact', ['Fuzz', { op: 'insert', table: 'Few', row: { name: 'b' } }]);
    peer.close();
    const cut = join(folder, 'cut');
    copyFileSync(join(c.folder, 'db'), cut);
    truncateSync(cut, statSync(cut).size - 5);
    expect(await tool('import', join(folder, 'ours.db'), cut)).toBe(0);
    expect(errors.join()).toMatch(/cut short; what follows is lost/);
    expect((await dumpOurs(join(folder, 'ours.db'))).length).toBe(1);
  });
});

it('a database file, and its log, is for its owner and group alone, as that of ovsdb-tool is', () => {
  const schema = '/usr/share/ovn/ovn-nb.ovsschema';
  const [theirs, ours] = [join(folder, 'theirs.db'), join(folder, 'ours.db')];
  execFileSync('ovsdb-tool', ['create', theirs, schema]);
  SqliteStore.create(ours, nb);
  const store = SqliteStore.open(ours);
  const mode = statSync(theirs).mode & 0o777;
  expect(mode & 0o007).toBe(0);
  for (const suffix of ['', '-log', '-log2', '-wal']) expect(statSync(ours + suffix).mode & 0o777, suffix).toBe(mode);
  store.close();
});

/** A file of ovsdb(5): each record with its length and checksum. */
function cFile(file: string, records: readonly Json[], separator = ''): void {
  const texts = records.map((json) => {
    const body = `${JSON.stringify(json, null, separator)}\n`;
    const hash = createHash('sha1').update(body).digest('hex');
    return `OVSDB JSON ${Buffer.byteLength(body)} ${hash}\n${body}`;
  });
  writeFileSync(file, texts.join(''));
}

describe('records of ovsdb(5)', () => {
  const uuid = (n: number): string => `0000000${n}-0000-4000-8000-000000000000`;
  const words = { type: { key: 'string', min: 0, max: 'unlimited' } };
  const pairs = { type: { key: 'string', value: 'integer', min: 0, max: 'unlimited' } };
  const columns = {
    name: { type: 'string' },
    n: { type: { key: 'integer', min: 0 } },
    words,
    pairs,
    brief: { type: 'string', ephemeral: true },
  };
  const schema = {
    name: 'S',
    version: '1.0.0',
    tables: { T: { isRoot: true, columns }, U: { isRoot: true, columns } },
  };
  const map = (...members: Json[][]): Json => ['map', members];
  const first: JsonObject = {
    T: { [uuid(1)]: { name: 'a', n: 3, words: ['set', ['x', 'y']], pairs: map(['k', 1], ['l', 2]) }, [uuid(2)]: {} },
  };
  const query = JSON.stringify([
    'S',
    ...['T', 'U'].map((table) => ({
      op: 'select',
      table,
      where: [],
      columns: ['_uuid', 'name', 'n', 'words', 'pairs'],
    })),
  ]);

  it.each<[string, Json[]]>([
    ['only a schema', []],
    [
      'dates in seconds and in milliseconds, comments of several lines',
      [
        { _date: 1300000000, _comment: 'one\ntwo', ...first },
        { _date: 1700000000123, U: { [uuid(3)]: { name: 'u' } } },
      ],
    ],
    [
      'whole values of columns that change, as servers before 2.15 wrote them',
      [first, { T: { [uuid(1)]: { n: ['set', []], words: ['set', ['y', 'z']], pairs: map(['k', 5]) } } }],
    ],
    [
      'differences',
      [
        first,
        {
          _is_diff: true,
          T: {
            [uuid(1)]: {
              n: ['set', []],
              name: 'b',
              words: ['set', ['y', 'z']],
              pairs: map(['k', 5], ['l', 2], ['m', 7]),
            },
          },
        },
      ],
    ],
    [
      'differences, of a row that is new',
      [first, { _is_diff: true, T: { [uuid(4)]: { n: 4, words: 'w', pairs: map(['k', 1]) } } }],
    ],
    [
      'a row that goes, and comes again',
      [
        first,
        { T: { [uuid(1)]: null } },
        { _is_diff: true, T: { [uuid(1)]: { name: 'again' } }, U: { [uuid(1)]: { name: 'too' } } },
      ],
    ],
  ])('are read: %s', async (_, records) => {
    for (const [i, separator] of ['', ' '].entries()) {
      const [theirs, ours] = [join(folder, `theirs${i}`), join(folder, `ours${i}`)];
      cFile(theirs, [schema, ...records], separator);
      expect(await tool('import', ours, theirs), errors.join()).toBe(0);
      const rows = (answer: string): string[] => sorted(JSON.parse(answer) as Json);
      const expected = rows(execFileSync('ovsdb-tool', ['query', theirs, query]).toString());
      const output: string[] = [];
      expect(await runTool('query', [ours, query], { out: (text) => output.push(text), err: () => {} }, {})).toBe(0);
      expect(rows(output.join(''))).toEqual(expected);
    }
  });
});

describe('files that are not databases', () => {
  const opening = (file: string): string => {
    try {
      SqliteStore.open(file).close();
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };

  it('are named, with the reason', async () => {
    const file = (name: string): string => join(folder, name);
    expect(opening(file('missing'))).toMatch(/missing: open failed \(No such file or directory\)/);
    writeFileSync(file('text'), 'this is no database, but it is long enough to be one'.repeat(100));
    expect(opening(file('text'))).toMatch(/text: the file is not a database, or is damaged/);
    writeFileSync(file('empty'), '');
    expect(opening(file('empty'))).toMatch(/empty: not a database of weft-ovsdb/);
    SqliteStore.create(file('good'), nb);
    expect(opening(file('good'))).toBe('');
    expect(await tool('create', file('good'), '/usr/share/ovn/ovn-nb.ovsschema')).toBe(1);
    expect(errors.join()).toMatch(/File exists/);
    copyFileSync(file('good'), file('cut'));
    truncateSync(file('cut'), 10_000);
    expect(opening(file('cut'))).toMatch(/cut: the file is damaged/);
    const bytes = readFileSync(file('good'));
    bytes.fill(0x55, 0, 100);
    writeFileSync(file('header'), bytes);
    expect(opening(file('header'))).toMatch(/header: the file is not a database/);
    writeFileSync(file('schema'), '{"name":"x"');
    expect(await tool('create', file('new'), file('schema'))).toBe(1);
    expect(errors.join()).toMatch(/schema" could not be read as JSON/);
    expect(await tool('import', file('new'), file('text'))).toBe(1);
    expect(errors.join()).toMatch(/text: not a database file of ovsdb-server/);
    expect(await tool('import', file('new'), file('empty'))).toBe(1);
    expect(errors.join()).toMatch(/empty: no schema, the file is empty/);
    expect(await tool('import', file('new'), file('missing'))).toBe(1);
    expect(errors.join()).toMatch(/missing: open failed \(No such file or directory\)/);
    expect(await tool('export', file('good'), file('text'))).toBe(1);
    expect(errors.join()).toMatch(/text: create failed \(File exists\)/);
    writeFileSync(file('good-log'), 'torn');
    expect(await tool('compact', file('good'))).toBe(0);
    expect(errors.join()).toMatch(/good-log: 4 bytes from byte 0 on are no whole records, and are dropped/);
  });
});
