/** The log beside the tables: what a failure left half written, what is dropped when, who may write. */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Json } from '@weft/ovsdb/json';
import { column, database, integer, real, string, table } from '@weft/ovsdb/schema';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { convert } from '../convert.ts';
import { Database } from '../database.ts';
import { wholeText } from '../pieces.ts';
import { openSqlite } from './load-sqlite.ts';
import { readLogText } from './logged-change.ts';
import type { Scheduler } from './scheduler.ts';
import { SqlTable } from './sql-table.ts';
import { SqliteStore } from './sqlite.ts';

const schema = database('D', '1.0.0', {
  T: table({ name: column(string()), n: column(integer()), r: column(real()) }, { isRoot: true, indexes: [['name']] }),
});

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-store-'));
  file = join(folder, 'db');
  SqliteStore.create(file, schema);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Background work that happens when it is told to. */
class Steps implements Scheduler {
  #due: (() => void)[] = [];
  after(_ms: number, callback: () => void): void {
    this.#due.push(callback);
  }
  soon(callback: () => void): void {
    this.#due.push(callback);
  }
  run(): void {
    while (this.step());
  }
  /** False: there is nothing to do. */
  step(): boolean {
    const next = this.#due.shift();
    next?.();
    return next !== undefined;
  }
}
const never: Scheduler = { after: () => {}, soon: () => {} };

async function serve(scheduler: Scheduler = never, keep?: number): Promise<{ store: SqliteStore; db: Database }> {
  const store = SqliteStore.open(file, { scheduler, ...(keep === undefined ? {} : { keep }) });
  return { store, db: await Database.open(store) };
}

function transact(db: Database, ...operations: Json[]): string {
  let answer = '';
  db.transact(operations, { ownsLock: () => true }, (results) => {
    answer = wholeText(results);
  });
  db.flush();
  return answer;
}

const insert = (name: string, n = 0): Json => ({ op: 'insert', table: 'T', row: { name, n } });
const add = (name: string, n: number): Json => ({
  op: 'mutate',
  table: 'T',
  where: [['name', '==', name]],
  mutations: [['n', '+=', n]],
});
const remove = (name: string): Json => ({ op: 'delete', table: 'T', where: [['name', '==', name]] });
const rowsText = (rows: Iterable<{ readonly [column: string]: unknown }>): string =>
  [...rows]
    .map(({ name, n }) => `${name}=${n}`)
    .sort()
    .join(' ');
const rowsOf = (db: Database): string => rowsText(db.tables.get('T')!.rows());

/** Increments `a` until that is told to the second file of the log, and returns how many times it went to the first. */
async function whenTurned(db: Database): Promise<number> {
  let times = -1;
  await expect
    .poll(() => {
      times++;
      transact(db, add('a', 1));
      return statSync(`${file}-log2`).size;
    })
    .toBeGreaterThan(0);
  return times;
}

/** What a server would find if this one were killed now: a copy, since this one still has its lock. */
async function afterKill(): Promise<{ rows: string; lastId: string; damage: string }> {
  const copy = mkdtempSync(join(folder, 'killed-'));
  for (const suffix of ['', '-wal', '-log', '-log2']) {
    if (existsSync(file + suffix)) appendFileSync(join(copy, `db${suffix}`), readFileSync(file + suffix));
  }
  const db = await Database.open(SqliteStore.open(join(copy, 'db'), { scheduler: never }));
  const found = { rows: rowsOf(db), lastId: db.history.lastId };
  const damage = (db.store.damage ?? []).join().replaceAll(copy, '');
  await db.close();
  const again = await Database.open(SqliteStore.open(join(copy, 'db'), { scheduler: never }));
  expect({ rows: rowsOf(again), lastId: again.history.lastId }).toEqual(found);
  await again.close();
  return { ...found, damage };
}

describe('the log', () => {
  it('has what the tables lack, at every step of the background work', async () => {
    const steps = new Steps();
    const { db } = await serve(steps);
    for (let i = 0; i < 5; i++) transact(db, insert(`r${i}`, i));
    expect((await afterKill()).rows).toBe('r0=0 r1=1 r2=2 r3=3 r4=4');
    steps.run();
    transact(db, add('r1', 10), remove('r2'));
    transact(db, insert('r2', 7), remove('r3'));
    const expected = { rows: 'r0=0 r1=11 r2=7 r4=4', lastId: db.history.lastId, damage: '' };
    expect(await afterKill()).toEqual(expected);
    steps.run();
    expect(await afterKill()).toEqual(expected);
    await db.close();
    expect(existsSync(`${file}-log`) || existsSync(`${file}-log2`)).toBe(false);
    expect(await afterKill()).toEqual(expected);
  });

  it('has what the tables lack while the background work is under way, and other transactions come', async () => {
    const steps = new Steps();
    const { db } = await serve(steps);
    // Several steps' work, however fast the machine is.
    const count = 10_000;
    transact(db, ...Array.from({ length: count }, (_, i) => insert(`r${i}`, i)));
    // The first is the wait for a pause.
    let busy = 0;
    for (let more = steps.step(); more; more = steps.step(), busy++) {
      if (busy % 3 === 1) transact(db, add(`r${busy}`, 1), remove(`r${count - busy}`), insert(`new${busy}`));
      const expected = { rows: rowsOf(db), lastId: db.history.lastId };
      expect(await afterKill()).toMatchObject(expected);
    }
    expect(busy).toBeGreaterThan(3);
    await db.close();
  });

  it('is followed by the tables from one state of the database to another, for whoever reads them', async () => {
    const steps = new Steps();
    const { db } = await serve(steps);
    const reader = openSqlite(file, {});
    const read = (): string => rowsText(reader.prepare('SELECT name, n FROM T').all() as { name: string; n: number }[]);
    transact(db, ...Array.from({ length: 4000 }, (_, i) => insert(`r${i}`, i)));
    const states = ['', rowsOf(db)];
    const seen = new Set<string>();
    let last = 0;
    for (let busy = 0; steps.step(); busy++) {
      if (busy < 20) {
        transact(db, add('r1', 1), remove(`r${busy + 2}`), insert(`new${busy}`));
        states.push(rowsOf(db));
      }
      const found = states.indexOf(read());
      expect(found).toBeGreaterThanOrEqual(last);
      last = found;
      seen.add(states[found]!);
    }
    expect(last).toBe(states.length - 1);
    expect(seen.size).toBeGreaterThan(2);
    reader.close();
    await db.close();
  });

  it('is followed by the tables when they could not be written at first', async () => {
    const steps = new Steps();
    const { db } = await serve(steps);
    transact(db, ...Array.from({ length: 40 }, (_, i) => insert(`r${i}`, i)));
    const before = rowsOf(db);
    steps.run();
    const reader = openSqlite(file, {});
    const read = (): string => rowsText(reader.prepare('SELECT name, n FROM T').all() as { name: string; n: number }[]);
    transact(db, ...Array.from({ length: 40 }, (_, i) => (i % 3 === 0 ? remove(`r${i}`) : add(`r${i}`, 1))));
    const put = SqlTable.prototype.put;
    let left = 10;
    const full = vi.spyOn(SqlTable.prototype, 'put').mockImplementation(function (this: SqlTable, ...row) {
      if (left-- === 0) throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' });
      put.apply(this, row);
    });
    try {
      while (left >= 0) steps.step();
      expect(read()).toBe(before);
      transact(db, insert('more'));
      steps.run();
    } finally {
      full.mockRestore();
    }
    expect(read()).toBe(rowsOf(db));
    reader.close();
    await db.close();
  });

  it('goes on in another file when one is long and the tables have it on the disk, however the writing goes on', async () => {
    const steps = new Steps();
    const { db } = await serve(steps, 1);
    const sizes = (): number[] => ['-log', '-log2'].map((suffix) => statSync(file + suffix).size);
    transact(db, insert('a'));
    expect(sizes()).toEqual([expect.toSatisfy((size) => size > 0), 0]);
    steps.run();
    const first = await whenTurned(db);
    expect((await afterKill()).rows).toBe(`a=${first + 1}`);
    steps.run();
    transact(db, insert('b'));
    await expect.poll(() => sizes()[0]).toBe(0);
    expect((await afterKill()).rows).toBe(`a=${first + 1} b=0`);
    await db.close();
  });

  it('stays in a file as long as the other one has what the tables lack', async () => {
    const steps = new Steps();
    const { db } = await serve(steps, 1);
    transact(db, insert('a'));
    steps.run();
    transact(db, ...Array.from({ length: 4000 }, (_, i) => insert(`r${i}`)));
    steps.step();
    steps.step();
    // This comes when the work on the 4000 has begun, so when that is done the tables lack it.
    transact(db, add('r1', 1));
    await whenTurned(db);
    const reader = openSqlite(file, {});
    const count = reader.prepare('SELECT count(*) FROM T').pluck();
    while (count.get() === 1) steps.step();
    reader.close();
    const rows = rowsOf(db);
    // It would be emptied as soon as the tables are on the disk.
    for (let n = 0; n < 5; n++, await sleep(20)) expect((await afterKill()).rows).toBe(rows);
    await db.close();
  });

  it('ends at the first record that is not whole, and goes on from there', async () => {
    const { db } = await serve();
    transact(db, insert('a'));
    const whole = statSync(`${file}-log`).size;
    transact(db, insert('b', 1), add('a', 1));
    truncateSync(`${file}-log`, statSync(`${file}-log`).size - 3);
    const { size } = statSync(`${file}-log`);
    expect(await afterKill()).toMatchObject({
      rows: 'a=0',
      damage: `/db-log: ${size - whole} bytes from byte ${whole} on are no whole records, and are dropped`,
    });
    const bytes = readFileSync(`${file}-log`);
    bytes[whole + 20]! ^= 1;
    truncateSync(`${file}-log`, 0);
    appendFileSync(`${file}-log`, bytes);
    expect((await afterKill()).rows).toBe('a=0');
  });

  it('ends at a gap: a file of it never reached the disk', async () => {
    const steps = new Steps();
    const { db } = await serve(steps, 1);
    transact(db, insert('a'));
    steps.run();
    const first = await whenTurned(db);
    const second = readFileSync(`${file}-log2`, 'utf8');
    transact(db, insert('c'));
    const third = readFileSync(`${file}-log2`, 'utf8').slice(second.length);
    truncateSync(`${file}-log2`, 0);
    appendFileSync(`${file}-log2`, third);
    expect(await afterKill()).toMatchObject({
      rows: `a=${first}`,
      damage: `/db: transactions after number ${first + 1} are lost, since a record of the log is missing`,
    });
  });

  it('is beside the file itself, by whatever name that is opened', async () => {
    mkdirSync(join(folder, 'etc'));
    symlinkSync('../db', join(folder, 'etc', 'link'));
    const store = SqliteStore.open(join(folder, 'etc', 'link'), { scheduler: never });
    const db = await Database.open(store);
    transact(db, insert('a'));
    expect(readdirSync(folder).sort()).toEqual(['db', 'db-lock', 'db-log', 'db-log2', 'db-shm', 'db-wal', 'etc']);
    expect((await afterKill()).rows).toBe('a=0');
    await db.close();
    expect(readdirSync(join(folder, 'etc'))).toEqual(['link']);
    expect((await afterKill()).rows).toBe('a=0');
  });

  it('is not that of a database which had the name before, was killed, and is gone', async () => {
    const { db } = await serve();
    transact(db, insert('a'));
    const left = readFileSync(`${file}-log`);
    await db.close();
    rmSync(file);
    appendFileSync(`${file}-log`, left);
    SqliteStore.create(file, schema);
    const { db: other } = await serve();
    expect(rowsOf(other)).toBe('');
    await other.close();
  });

  it('has all digits of integers of 64 bits, and numbers that are next to nothing', async () => {
    const { db } = await serve();
    transact(db, insert('a', 9007199254740993n as unknown as number), insert('b', 2 ** 53));
    transact(db, insert('c', 9223372036854775807n as unknown as number), {
      ...(add('b', 1) as object),
      mutations: [
        ['n', '+=', 3],
        ['r', '+=', Number.MIN_VALUE],
      ],
    });
    expect((await afterKill()).rows).toBe('a=9007199254740993 b=9007199254740995 c=9223372036854775807');
    await db.close();
    expect((await afterKill()).rows).toBe('a=9007199254740993 b=9007199254740995 c=9223372036854775807');
  });

  it('is found by a daemon that has left the directory of its file', async () => {
    const before = process.cwd();
    const steps = new Steps();
    process.chdir(folder);
    try {
      const store = SqliteStore.open(basename(file), { scheduler: steps });
      process.chdir('/');
      const db = await Database.open(store);
      transact(db, insert('a'));
      steps.run();
      transact(db, insert('b'));
      await db.close();
    } finally {
      process.chdir(before);
    }
    expect(readdirSync(folder)).toEqual(['db']);
  });

  it('is taken over from a file of format 1, which had it in a table', async () => {
    const { db } = await serve();
    transact(db, insert('a', 1));
    transact(db, add('a', 1));
    const [first, second] = readFileSync(`${file}-log`, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => line.split(' '));
    await db.close();
    const old = openSqlite(file, {});
    old.exec("DELETE FROM T; DELETE FROM _meta WHERE key IN ('sequence', 'id')");
    old.exec("UPDATE _meta SET value = '1' WHERE key = 'format'");
    old.exec('DROP TABLE _log');
    old.exec('CREATE TABLE _log (seq INTEGER PRIMARY KEY, id TEXT NOT NULL, changes TEXT NOT NULL)');
    for (const [, seq, id, changes] of [first!, second!]) {
      old.prepare('INSERT INTO _log VALUES (?, ?, ?)').run(Number(seq), id, changes);
    }
    old.close();
    const { db: taken } = await serve();
    expect(rowsOf(taken)).toBe('a=2');
    transact(taken, insert('b'));
    expect((await afterKill()).rows).toBe('a=2 b=0');
    await taken.close();
    expect((await afterKill()).rows).toBe('a=2 b=0');
  });
});

describe('the history', () => {
  const comment = (text: string): Json => ({ op: 'comment', comment: text });
  /** Number and comment of each record. */
  const told = (): string[] => {
    const store = SqliteStore.open(file, { readOnly: true });
    try {
      return store.history().map(({ sequence, changes }) => `${sequence} ${readLogText(changes).comment ?? ''}`.trim());
    } finally {
      store.close();
    }
  };

  it('outlives the work of the tables, and the server', async () => {
    const steps = new Steps();
    const { db } = await serve(steps);
    transact(db, insert('a'), comment('first'));
    steps.run();
    transact(db, insert('b'), comment(''), comment('second'), comment('line'));
    expect(told()).toEqual(['1 first', '2 second\nline']);
    await db.close();
    expect(readdirSync(folder)).toEqual(['db']);
    expect(told()).toEqual(['1 first', '2 second\nline']);
    const { db: again } = await serve();
    transact(again, remove('a'));
    expect(told()).toEqual(['1 first', '2 second\nline', '3']);
    await again.close();
    expect(told()).toEqual(['1 first', '2 second\nline', '3']);
  });

  it('is bounded', async () => {
    const { db } = await serve(never, 3000);
    transact(db, insert('a'));
    for (let i = 2; i <= 100; i++) transact(db, add('a', 1), comment(`number ${i}`));
    await db.close();
    const kept = told();
    expect(kept.at(-1)).toBe('100 number 100');
    expect(kept.length).toBeGreaterThan(20);
    expect(kept.length).toBeLessThan(40);
    expect(kept[0]).toBe(`${101 - kept.length} number ${101 - kept.length}`);
    const { db: again } = await serve(never, 3000);
    transact(again, add('a', 1), comment('more'));
    await again.close();
    expect(told().slice(-2)).toEqual(['100 number 100', '101 more']);
    expect(told().length).toBeLessThan(40);
  });

  it('begins anew when the contents are put under another schema, and when their room is given back', async () => {
    const { store, db } = await serve();
    transact(db, insert('a'));
    await db.close();
    const { store: second, db: converted } = await serve();
    transact(converted, insert('b'));
    converted.replace(schema, convert(converted.tables, schema));
    expect(told()).toEqual(['3 converted by weft-ovsdb']);
    transact(converted, insert('c'));
    expect((await afterKill()).rows).toBe('a=0 b=0 c=0');
    expect(told()).toEqual(['3 converted by weft-ovsdb', '4']);
    second.compact();
    expect(told()).toEqual(['4 compacted by weft-ovsdb']);
    transact(converted, insert('d'));
    expect((await afterKill()).rows).toBe('a=0 b=0 c=0 d=0');
    await converted.close();
    expect(told()).toEqual(['4 compacted by weft-ovsdb', '5']);
    store.close();
  });
});

describe('the wal of SQLite', () => {
  it('begins anew when a checkpoint has been made, and what it had is in the file', async () => {
    const steps = new Steps();
    const store = SqliteStore.open(file, { scheduler: steps, walBytes: 200_000 });
    const db = await Database.open(store);
    const size = (suffix: string): number => statSync(file + suffix).size;
    const before = size('');
    let longest = 0;
    for (let round = 0; round < 5; round++) {
      transact(db, ...Array.from({ length: 2000 }, (_, i) => insert(`${round} ${i}`, i)));
      steps.run();
      longest = Math.max(longest, size('-wal'));
      // It goes on when the thread is done.
      transact(db, insert(`after ${round}`));
      await expect.poll(() => steps.step()).toBe(true);
      expect((await afterKill()).rows).toBe(rowsOf(db));
    }
    steps.run();
    expect(longest).toBeGreaterThan(200_000);
    expect(size('-wal')).toBeLessThan(longest / 2);
    expect(size('')).toBeGreaterThan(before + 4 * 200_000);
    await db.close();
  });

  it('is gone, as it always is, with a server that ends in the midst of a checkpoint', async () => {
    const steps = new Steps();
    const store = SqliteStore.open(file, { scheduler: steps, walBytes: 1 });
    const db = await Database.open(store);
    transact(db, ...Array.from({ length: 2000 }, (_, i) => insert(`r${i}`, i)));
    steps.run();
    const rows = rowsOf(db);
    await db.close();
    // A thread that is late would make its files anew.
    for (const end = Date.now() + 300; Date.now() < end; await sleep(0)) expect(readdirSync(folder)).toEqual(['db']);
    expect((await afterKill()).rows).toBe(rows);
  });
});

describe('a file that is served', () => {
  it('can be read as it is now, log included, and is left alone', async () => {
    const { db } = await serve();
    transact(db, insert('a'));
    const reader = SqliteStore.open(file, { readOnly: true });
    const read = await Database.open(reader);
    expect(rowsOf(read)).toBe('a=0');
    expect(transact(read, insert('b'))).toMatch(/I\/O error/);
    await read.close();
    expect(transact(db, insert('b'))).not.toMatch(/error/);
    expect((await afterKill()).rows).toBe('a=0 b=0');
    await db.close();
  });

  it('is served by nobody else', async () => {
    const { store, db } = await serve();
    const other = openSqlite(file, { timeout: 1 });
    expect(() => other.exec('BEGIN IMMEDIATE')).toThrow(/locked/);
    expect(other.prepare('SELECT count(*) AS n FROM T').get()).toEqual({ n: 0 });
    other.close();
    expect(store.append(17, [], false)).toBe('conflict');
    await db.close();
  });
});
