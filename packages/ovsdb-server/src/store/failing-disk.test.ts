/**
 * A disk that fails: the machine loses what was not synced, in any order, or calls of the system fail. Random histories, looked at after each step, as the
 * file would be found then: by who comes after a killed process, which has all that was acknowledged, and after a failure of the machine, which may have
 * lost the last transactions, but none that is durable, none from the middle, and none by half.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Json } from '@weft/ovsdb/json';
import { column, database, integer, string, table } from '@weft/ovsdb/schema';
import { expect, it, vi } from 'vitest';
import { convert } from '../convert.ts';
import { Database } from '../database.ts';
import { newUuid } from '../new-uuid.ts';
import { wholeText } from '../pieces.ts';
import type { Scheduler } from './scheduler.ts';
import { SqliteStore } from './sqlite.ts';

/** What the system does, and what the disk has of the files of the log, by the ends of their names. */
const disk = vi.hoisted(() => ({
  paths: new Map<number, string>(),
  synced: new Map<string, Buffer>(),
  /** What a sync that failed was to write, from and up to which byte: it is not written by the next. */
  forgotten: new Map<string, { from: number; to: number }>(),
  fails: (): boolean => false,
  /** What happens later. */
  later: [] as (() => void)[],
  /** The wal of the SQLite file is on the disk, with what the file had then. */
  onWalSync: (): void => {},
}));

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const refused = (code: string): Error => Object.assign(new Error(`${code}: refused`), { code });
  const open = (path: string, flags: string, mode?: number): number => {
    const fd = fs.openSync(path, flags, mode);
    disk.paths.set(fd, path);
    return fd;
  };
  const suffixOf = (fd: number): string => /-[^-]*$/.exec(disk.paths.get(fd)!)?.[0] ?? '';
  const sync = (fd: number): void => {
    const path = disk.paths.get(fd)!;
    const suffix = suffixOf(fd);
    const isLog = /^-log2?$/.test(suffix);
    if (disk.fails()) {
      const from = disk.forgotten.get(suffix)?.from ?? disk.synced.get(suffix)?.length ?? 0;
      if (isLog) disk.forgotten.set(suffix, { from, to: fs.statSync(path).size });
      throw refused('EIO');
    }
    if (suffix === '-wal') disk.onWalSync();
    if (!isLog) return;
    const bytes = fs.readFileSync(path);
    const lost = disk.forgotten.get(suffix);
    if (lost !== undefined) bytes.fill(0, lost.from, lost.to);
    disk.synced.set(suffix, bytes);
  };
  return {
    ...fs,
    openSync: open,
    open: (path: string, flags: string, done: (error: Error | null, fd?: number) => void) =>
      done(null, open(path, flags)),
    ftruncateSync: (fd: number, length: number) => {
      const lost = disk.forgotten.get(suffixOf(fd));
      if (lost !== undefined) lost.to = Math.min(lost.to, length);
      fs.ftruncateSync(fd, length);
    },
    writeSync: (fd: number, bytes: Buffer, from: number, length: number, position?: number) => {
      if (!disk.fails()) {
        if (position !== undefined) disk.forgotten.delete(suffixOf(fd));
        return fs.writeSync(fd, bytes, from, length, position);
      }
      if (length > 1) fs.writeSync(fd, bytes, from, Math.floor(length * 0.7));
      throw refused('ENOSPC');
    },
    fdatasyncSync: sync,
    fsyncSync: sync,
    fdatasync: (fd: number, done: (error: Error | null) => void) => {
      let failure: Error | null = null;
      try {
        sync(fd);
      } catch (error) {
        failure = error as Error;
      }
      disk.later.push(() => done(failure));
    },
  };
});

const schemas = ['1.0.0', '2.0.0'].map((version) =>
  database('D', version, {
    T: table(
      {
        name: column(string()),
        n: column(integer()),
        seen: column(integer(), { ephemeral: true }),
        ...(version === '2.0.0' ? { more: column(string()) } : {}),
      },
      { isRoot: true },
    ),
  }),
);

/** Numbers that are the same in each run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** By the ends of their names. */
type Files = ReadonlyMap<string, Buffer>;
const tableFiles = ['', '-wal'];
const logFiles = ['-log', '-log2'];

/** A database, and the states that it was in since the last that is durable. */
class Trial {
  readonly #folder = mkdtempSync(join(tmpdir(), 'weft-disk-'));
  readonly #below: (below: number) => number;
  readonly #ids: string[];
  #file = join(this.#folder, 'db');
  #copies = 0;
  #due: (() => void)[] = [];
  #db!: Database;
  #store!: SqliteStore;
  #states: string[] = [];
  /** The id of the last transaction that the store was given. */
  #lastId = '';
  #newIds: string[] = [];
  /** The SQLite file and its wal as the disk surely has them. */
  #tables: Files = new Map();

  constructor(seed: number) {
    this.#below = random(seed);
    this.#ids = Array.from({ length: 40 }, newUuid);
  }

  /** One of `failures` calls fails; none if it is 0. */
  async run(steps: number, failures: number): Promise<void> {
    SqliteStore.create(this.#file, schemas[0]!);
    await this.#open(this.#read(tableFiles), new Map());
    this.#transact([[{ op: 'insert', table: 'T', row: {} }, durable]]);
    for (let step = 0; step < steps; step++) {
      disk.fails = () => failures > 0 && this.#below(failures) === 0;
      await this.#act();
      disk.fails = () => false;
      const now = this.#read([...tableFiles, ...logFiles]);
      expect(await this.#look(now), `killed after step ${step}`).toBe(this.#states.at(-1));
      const left = this.#left();
      const found = await this.#look(left);
      expect(this.#states, `the machine failed after step ${step}`).toContain(found);
      const end = this.#below(60);
      if (end === 0) await this.#goOnWith(now, this.#tables, disk.synced);
      if (end === 1) await this.#goOnWith(left, left, left);
    }
    await this.#db.close();
    rmSync(this.#folder, { recursive: true });
  }

  /** `tables` and `log`: what the disk has. */
  async #open(tables: Files, log: Files): Promise<void> {
    this.#due = [];
    disk.later = [];
    disk.forgotten = new Map();
    disk.synced = new Map(logFiles.map((suffix) => [suffix, log.get(suffix) ?? Buffer.alloc(0)]));
    this.#tables = new Map(tableFiles.flatMap((suffix) => (tables.has(suffix) ? [[suffix, tables.get(suffix)!]] : [])));
    disk.onWalSync = () => {
      this.#tables = this.#read(tableFiles);
    };
    const scheduler: Scheduler = {
      after: (_, callback) => this.#due.push(callback),
      soon: (callback) => this.#due.push(callback),
    };
    this.#store = SqliteStore.open(this.#file, { scheduler, keep: 2000 });
    const append = this.#store.append.bind(this.#store);
    this.#store.append = (sequence, entries, isDurable) => {
      const result = append(sequence, entries, isDurable);
      this.#newIds = entries.map(({ id }) => id);
      return result;
    };
    this.#db = await Database.open(this.#store);
    this.#lastId = this.#db.history.lastId;
    // Of a file that a killed server left, the disk may have less.
    if (this.#states.at(-1) !== this.#state()) this.#states = [this.#state()];
  }

  async #act(): Promise<void> {
    const what = this.#below(100);
    if (what < 55) this.#transact(Array.from({ length: 1 + this.#below(3) }, () => this.#operations()));
    else if (what < 85) this.#due.shift()?.();
    else if (what < 94) disk.later.shift()?.();
    else if (what < 96) this.#convert();
    else if (what < 98) this.#compact();
    else {
      disk.fails = () => false;
      await this.#db.close();
      this.#states = this.#states.slice(-1);
      await this.#open(this.#read(tableFiles), new Map());
    }
  }

  /** Several that share one commit, all of which are refused if the disk refuses it. */
  #transact(transactions: readonly Json[][]): void {
    const before = this.#rows();
    const after: { rows: string; result: string; isDurable: boolean }[] = [];
    for (const operations of transactions) {
      const transaction = { rows: '', result: '', isDurable: operations.at(-1) === durable };
      this.#db.transact(operations, { ownsLock: () => true }, (results) => {
        transaction.result = wholeText(results);
      });
      transaction.rows = this.#rows();
      after.push(transaction);
    }
    this.#newIds = [];
    this.#db.flush();
    if (after.some(({ result }) => result.includes('I/O error'))) {
      expect(this.#rows()).toBe(before);
      return;
    }
    let last = before;
    for (const { rows, isDurable } of after) {
      // What changes nothing that is kept is not written, and so not synced.
      if (rows === last) continue;
      last = rows;
      this.#lastId = this.#newIds.shift()!;
      if (isDurable) this.#states = [];
      this.#states.push(this.#state(rows));
    }
  }

  #operations(): Json[] {
    const operations: Json[] = [];
    const named = new Set<string>();
    for (let n = this.#below(20); n > 0; n--) {
      const uuid = this.#ids[this.#below(this.#ids.length)]!;
      if (named.has(uuid)) continue;
      named.add(uuid);
      operations.push(this.#operation(uuid));
    }
    if (this.#below(4) === 0) operations.push(durable);
    return operations;
  }

  #operation(uuid: string): Json {
    const where = [['_uuid', '==', ['uuid', uuid]]];
    const name = ['x', 'y\n"', '', 'ü\u2028'][this.#below(4)]!;
    const n = [0, 2 ** 53 - 1, 9223372036854775000n as unknown as number][this.#below(3)]!;
    if (!this.#db.tables.get('T')!.get(uuid)) return { op: 'insert', table: 'T', uuid, row: { name, n } };
    const what = this.#below(4);
    if (what === 0) return { op: 'delete', table: 'T', where };
    if (what === 1) return { op: 'update', table: 'T', where, row: { seen: n } };
    if (what === 2) return { op: 'update', table: 'T', where, row: { name, n } };
    return { op: 'mutate', table: 'T', where, mutations: [['n', '-=', this.#below(100)]] };
  }

  #convert(): void {
    const schema = schemas[this.#below(2)]!;
    const before = this.#rows();
    try {
      this.#db.replace(schema, convert(this.#db.tables, schema));
    } catch {
      expect(this.#rows()).toBe(before);
      return;
    }
    this.#lastId = this.#db.history.lastId;
    this.#states.push(this.#state());
  }

  #compact(): void {
    try {
      this.#store.compact();
    } catch {
      // As it was.
    }
    this.#tables = this.#read(tableFiles);
  }

  /** What the disk may have if the machine fails now. */
  #left(): Files {
    const left = new Map(this.#below(2) === 0 ? this.#read(tableFiles) : this.#tables);
    for (const [suffix, now] of this.#read(logFiles)) {
      const synced = disk.synced.get(suffix)!;
      const appended = now.length >= synced.length && now.subarray(0, synced.length).equals(synced);
      const cut = appended ? synced.length + this.#below(now.length - synced.length + 1) : now.length;
      // The end may be torn, or full of zeros; of what was cut away, the rest may be there again.
      const torn = Buffer.concat([now.subarray(0, cut), appended ? Buffer.alloc(50) : synced.subarray(now.length)]);
      left.set(suffix, [synced, now, now.subarray(0, cut), torn][this.#below(4)]!);
    }
    return left;
  }

  async #goOnWith(files: Files, tables: Files, log: Files): Promise<void> {
    await this.#db.close();
    this.#file = this.#copy(files);
    await this.#open(tables, log);
  }

  /** What somebody finds who opens these files, and again who comes next. */
  async #look(files: Files): Promise<string> {
    const file = this.#copy(files);
    const { later, synced, forgotten, onWalSync } = disk;
    Object.assign(disk, { later: [], synced: new Map(), forgotten: new Map(), onWalSync: () => {} });
    const found: string[] = [];
    for (let time = 0; time < 2; time++) {
      const db = await Database.open(SqliteStore.open(file, { scheduler: { after: () => {}, soon: () => {} } }));
      found.push(`${db.history.lastId} ${describe(db)}`);
      await db.close();
    }
    Object.assign(disk, { later, synced, forgotten, onWalSync });
    rmSync(dirname(file), { recursive: true });
    expect(found[1]).toBe(found[0]);
    return found[0]!;
  }

  #copy(files: Files): string {
    const folder = join(this.#folder, String(this.#copies++));
    mkdirSync(folder);
    for (const [suffix, bytes] of files) writeFileSync(join(folder, `db${suffix}`), bytes);
    return join(folder, 'db');
  }

  #read(suffixes: readonly string[]): Files {
    const found = suffixes.filter((suffix) => existsSync(this.#file + suffix));
    return new Map(found.map((suffix) => [suffix, readFileSync(this.#file + suffix)]));
  }

  #rows(): string {
    return describe(this.#db);
  }

  #state(rows = this.#rows()): string {
    return `${this.#lastId} ${rows}`;
  }
}

const durable: Json = { op: 'commit', durable: true };

/** Everything that is kept. */
function describe(db: Database): string {
  const rows = [...db.tables.get('T')!.rows()].map(({ _uuid, name, n }) => `${_uuid} ${JSON.stringify(name)} ${n}`);
  return `${db.schema.version}\n${rows.sort().join('\n')}`;
}

const steps = Number(process.env.WEFT_DISK_STEPS ?? 60);
const firstSeed = Number(process.env.WEFT_DISK_SEED ?? 1);

it.each([
  ['never', 0],
  ['now and then', 12],
])(
  'keeps its promises with calls that fail %s',
  async (_, failures) => {
    // Each step of the background work takes few rows, so that it is seen in its midst.
    let clock = 0;
    const now = vi.spyOn(performance, 'now').mockImplementation(() => (clock += 10));
    try {
      for (let seed = firstSeed; seed < firstSeed + 3; seed++) await new Trial(seed).run(steps, failures);
    } finally {
      now.mockRestore();
    }
  },
  180_000,
);
