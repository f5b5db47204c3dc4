/** A disk that is full, a file that cannot be written, files that are damaged or newer: a clear error each, and nothing that was there is lost. */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Peer } from '@weft/jsonrpc/peer';
import type { Json } from '@weft/ovsdb/json';
import { column, type DatabaseSchema, database, integer, string, table } from '@weft/ovsdb/schema';
import { Database } from '@weft/ovsdb-server/database';
import { openSqlite } from '@weft/ovsdb-server/store/load-sqlite';
import { SqliteStore } from '@weft/ovsdb-server/store/sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildServer } from '../../interop/database/build-server.ts';
import { ServerProcess } from './server-process.ts';

const schemaOf = (name: string): DatabaseSchema =>
  database(name, '1.0.0', {
    Item: table({ name: column(string()), text: column(string()) }, { isRoot: true, indexes: [['name']] }),
  });

let program: string;
let folder: string;
beforeAll(async () => {
  program = await buildServer();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-disk-'));
});
afterEach(async () => {
  for (const server of servers.splice(0)) if (server.running) await server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

const servers: ServerProcess[] = [];

function serve(files: readonly string[], socket: string): ServerProcess {
  const server = new ServerProcess(program, files, join(folder, socket));
  servers.push(server);
  return server;
}

const insert = (name: string, text = ''): Json => ({ op: 'insert', table: 'Item', row: { name, text } });
const selectNames: Json = { op: 'select', table: 'Item', where: [], columns: ['name'] };

async function names(peer: Peer, db: string): Promise<string[]> {
  const [result] = (await peer.call('transact', [db, selectNames])) as unknown as {
    readonly rows: readonly { readonly name: string }[];
  }[];
  return result!.rows.map(({ name }) => name).sort();
}

describe('a full disk', () => {
  let mount: string;
  beforeAll(() => {
    mount = mkdtempSync(join(tmpdir(), 'weft-full-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', mount]);
    } catch (cause) {
      throw new Error('mount failed: this test needs root to make a small disk', { cause });
    }
  });
  afterAll(() => {
    execFileSync('umount', [mount]);
    rmSync(mount, { recursive: true, force: true });
  });

  it('fails what does not fit, keeps what was there, and goes on when there is room again', async () => {
    const full = join(mount, 'full.db');
    const other = join(folder, 'other.db');
    SqliteStore.create(full, schemaOf('Full'));
    SqliteStore.create(other, schemaOf('Other'));
    let server = serve([full, other], 's');
    const acknowledged: string[] = [];
    let updates = 0;
    const peer = await server.connect((method) => {
      if (method === 'update') updates++;
    });
    await peer.call('monitor', ['Full', 'm', { Item: { columns: ['name'] } }]);
    const ballast = join(mount, 'ballast');
    writeFileSync(ballast, Buffer.alloc(1_000_000));
    let failure = '';
    for (let i = 0; failure === '' && i < 200; i++) {
      const name = `item${String(i).padStart(3, '0')}`;
      const answer = JSON.stringify(await peer.call('transact', ['Full', insert(name, 'x'.repeat(50_000))]));
      if (answer.includes('"error"')) failure = answer;
      else acknowledged.push(name);
    }
    expect(failure).toMatch(/full\.db: No space left on device","error":"I\/O error"/);
    expect(acknowledged.length).toBeGreaterThan(10);
    // Neither memory nor monitors show what was refused; reading goes on, and so do other databases.
    expect(await names(peer, 'Full')).toEqual(acknowledged);
    expect(updates).toBe(acknowledged.length);
    expect(JSON.stringify(await peer.call('transact', ['Other', insert('a')]))).not.toContain('"error"');
    rmSync(ballast);
    expect(JSON.stringify(await peer.call('transact', ['Full', insert('later')]))).not.toContain('"error"');
    acknowledged.push('later');
    await server.kill('SIGKILL');
    peer.close();

    server = serve([full, other], 's2');
    const again = await server.connect();
    expect(await names(again, 'Full')).toEqual(acknowledged);
    again.close();
    await server.kill('SIGTERM');
  });
});

describe('starting the server', () => {
  /** What it says when it cannot serve `file`. */
  async function refusal(file: string): Promise<string> {
    const server = serve([file], 's');
    expect(await server.exit()).toBe(1);
    return server.errors;
  }

  function create(name: string, rows = 0): Promise<string> {
    const file = join(folder, name);
    SqliteStore.create(file, schemaOf('Disk'));
    return fill(file, rows);
  }

  async function fill(file: string, rows: number): Promise<string> {
    const opened = await Database.open(SqliteStore.open(file));
    const operations = Array.from({ length: rows }, (_, i) => insert(`n${i}`, 'z'.repeat(1000)));
    await new Promise((resolve) => {
      opened.transact(operations, { ownsLock: () => true }, resolve);
      opened.flush();
    });
    await opened.close();
    return file;
  }

  it('names a file that is cut short', async () => {
    const file = await create('cut.db', 500);
    truncateSync(file, Math.floor(statSync(file).size / 2 / 4096) * 4096);
    expect(await refusal(file)).toMatch(/cut\.db: the file is damaged/);
  });

  it('names a file with garbage in it', async () => {
    const file = await create('garbage.db', 500);
    const bytes = readFileSync(file);
    bytes.fill(0xa5, 4096);
    writeFileSync(file, bytes);
    expect(await refusal(file)).toMatch(/garbage\.db: the file is damaged/);
  });

  it('names a file of a format that is newer', async () => {
    const file = await create('newer.db');
    const db = openSqlite(file, {});
    db.prepare("UPDATE _meta SET value = '99' WHERE key = 'format'").run();
    db.close();
    expect(await refusal(file)).toMatch(/newer\.db: format 99 is newer than this program/);
  });

  it('names a file whose schema says what this program does not know', async () => {
    const file = await create('schema.db');
    const db = openSqlite(file, {});
    db.prepare(`UPDATE _meta SET value = replace(value, '"string"', '"quaternion"') WHERE key = 'schema'`).run();
    db.close();
    expect(await refusal(file)).toMatch(
      /schema\.db: the schema in it cannot be understood: "quaternion" is not an atomic-type/,
    );
  });

  it('names a file that cannot be written, for one that is not root', async () => {
    const place = join(folder, 'locked');
    mkdirSync(place);
    copyFileSync(await create('good.db', 3), join(place, 'locked.db'));
    const opened = (): string => {
      try {
        execFileSync(
          'setpriv',
          [
            '--reuid=65534',
            '--regid=65534',
            '--clear-groups',
            process.execPath,
            program,
            join(place, 'locked.db'),
            '--unixctl=none',
          ],
          { stdio: 'pipe', timeout: 20_000 },
        );
        return 'it serves';
      } catch (error) {
        return String((error as { stderr?: Buffer }).stderr);
      }
    };
    execFileSync('chmod', ['a+rx', folder, place]);
    execFileSync('chmod', ['a+r', join(place, 'locked.db')]);
    expect(opened()).toMatch(/locked\.db: the file (cannot be written|does not exist or cannot be opened)/);
  });
});

it('a schema that is newer than the file: clients learn which one is there, and convert', async () => {
  const file = join(folder, 'old.db');
  SqliteStore.create(file, schemaOf('Disk'));
  const server = serve([file], 's');
  const peer = await server.connect();
  expect(JSON.stringify(await peer.call('transact', ['Disk', insert('kept')]))).not.toContain('"error"');
  // A client of a later version asks for what is not there yet.
  await expect(peer.call('monitor', ['Disk', 'm', { Item: { columns: ['rank'] } }])).rejects.toThrow(/rank/);
  const unknown = await peer.call('transact', ['Disk', { op: 'insert', table: 'Item', row: { rank: 1 } }]);
  expect(JSON.stringify(unknown)).toMatch(/No column rank in table Item.*"unknown column"/);
  expect(await peer.call('get_schema', ['Disk'])).toMatchObject({ version: '1.0.0' });
  const newer = database('Disk', '2.0.0', {
    Item: table({ name: column(string()), text: column(string()), rank: column(integer()) }, { isRoot: true }),
  });
  const schemaFile = join(folder, 'newer.ovsschema');
  const { schemaToJson } = await import('@weft/ovsdb/schema-json');
  writeFileSync(schemaFile, JSON.stringify(schemaToJson(newer)));
  const remote = `unix:${server.socket}`;
  expect(execFileSync('ovsdb-client', ['needs-conversion', remote, schemaFile]).toString().trim()).toBe('yes');
  execFileSync('ovsdb-client', ['convert', remote, schemaFile]);
  expect(execFileSync('ovsdb-client', ['needs-conversion', remote, schemaFile]).toString().trim()).toBe('no');
  const later = await server.connect();
  const [result] = (await later.call('transact', [
    'Disk',
    { op: 'select', table: 'Item', where: [], columns: ['name', 'rank'] },
  ])) as unknown as { readonly rows: Json }[];
  expect(result!.rows).toEqual([{ name: 'kept', rank: 0 }]);
  later.close();
  peer.close();
  await server.kill('SIGTERM');
});
