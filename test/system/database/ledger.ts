/**
 * Kills a server under write load, and looks at what the file holds then: money moves between accounts, so that a lost, half or doubled transaction
 * shows in the sums.
 */
import { copyFileSync, existsSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Datum } from '@weft/ovsdb/datum';
import type { Json } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import { column, database, integer, optional, ref, set, string, table } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import { Database } from '@weft/ovsdb-server/database';
import { openSqlite } from '@weft/ovsdb-server/store/load-sqlite';
import { SqliteStore } from '@weft/ovsdb-server/store/sqlite';
import { Random } from '../../interop/database/random-transactions.ts';
import { ServerProcess } from './server-process.ts';

const schema = database('Ledger', '1.0.0', {
  Account: table(
    {
      name: column(string()),
      balance: column(integer()),
      last: optional(ref('Entry', 'weak')),
      entries: set(ref('Entry')),
    },
    { isRoot: true, indexes: [['name']] },
  ),
  Entry: table({ number: column(integer()), amount: column(integer()) }),
});
const names = ['ann', 'bob', 'cid', 'dee'];

function transfer(from: string, to: string, amount: number, number: number, durable: boolean): Json[] {
  const side = (name: string, sign: 1 | -1): Json[] => {
    const entry = ['named-uuid', `e${sign + 1}`];
    const where = [['name', '==', name]];
    return [
      { op: 'insert', table: 'Entry', 'uuid-name': `e${sign + 1}`, row: { number, amount: sign * amount } },
      {
        op: 'mutate',
        table: 'Account',
        where,
        mutations: [
          ['balance', '+=', sign * amount],
          ['entries', 'insert', entry],
        ],
      },
      { op: 'update', table: 'Account', where, row: { last: entry } },
    ];
  };
  return [...side(from, -1), ...side(to, 1), { op: 'commit', durable }];
}

export interface LedgerResult {
  readonly acknowledged: number;
  /** Of those that were not answered, how many had happened all the same. */
  readonly happened: number;
}

/** The tables follow the log when nothing has been written for a second; a kill among the writers would never come while they do. */
const foldsEvery = 3;

/** Resolves as soon as the server begins to write its tables. */
async function folding(file: string): Promise<void> {
  const state = (): string => {
    const { size, mtimeMs } = statSync(`${file}-wal`);
    return `${size} ${mtimeMs}`;
  };
  const before = state();
  const end = Date.now() + 10_000;
  while (state() === before) {
    if (Date.now() > end) throw new Error('the tables do not follow the log');
    await sleep(1);
  }
}

/** Kills the server `kills` times. Throws an error that says what is wrong with the file, if anything is. */
export async function runLedger(program: string, folder: string, kills: number, seed: number): Promise<LedgerResult> {
  const file = join(folder, 'ledger.db');
  SqliteStore.create(file, schema);
  const random = new Random(seed);
  const acknowledged = new Set<number>();
  const unanswered = new Set<number>();
  let number = 0;
  let present = new Set<number>();
  for (let round = 0; round < kills; round++) {
    const server = new ServerProcess(program, [file], join(folder, 's'));
    try {
      const peer = await server.connect();
      if (round === 0) {
        const inserts = names.map((name) => ({ op: 'insert', table: 'Account', row: { name } }));
        await peer.call('transact', ['Ledger', ...inserts]);
      }
      let writing = true;
      const writers = Array.from({ length: 8 }, async () => {
        while (writing) {
          const n = ++number;
          const from = random.pick(names);
          const to = random.pick(names.filter((name) => name !== from));
          unanswered.add(n);
          let results: string;
          try {
            const operations = transfer(from, to, random.below(100), n, random.chance(0.1));
            results = JSON.stringify(await peer.call('transact', ['Ledger', ...operations]));
          } catch {
            return;
          }
          if (results.includes('"error"')) throw new Error(results);
          acknowledged.add(n);
          unanswered.delete(n);
        }
      });
      await sleep(30 + random.below(400));
      if (round % foldsEvery === 1) {
        writing = false;
        await Promise.all(writers);
        await folding(file);
        await sleep(random.below(30));
        peer.close();
      }
      await server.kill('SIGKILL');
      await Promise.all(writers);
    } finally {
      if (server.running) await server.kill('SIGKILL');
    }
    present = await inspect(file, join(folder, 'copy.db'));
    for (const n of acknowledged)
      if (!present.has(n)) throw new Error(`transaction ${n} was acknowledged, and is lost`);
    for (const n of present) {
      if (!acknowledged.has(n) && !unanswered.has(n)) throw new Error(`transaction ${n} was never sent`);
    }
  }
  return { acknowledged: acknowledged.size, happened: present.size - acknowledged.size };
}

function check(holds: boolean, law: string): void {
  if (!holds) throw new Error(`broken: ${law}`);
}

/** Looks at a copy, so that the server finds its own file as the kill left it. Returns the numbers of the transactions that are there. */
async function inspect(file: string, copy: string): Promise<Set<number>> {
  for (const suffix of ['', '-wal', '-log', '-log2']) {
    rmSync(copy + suffix, { force: true });
    if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
  }
  rmSync(`${copy}-shm`, { force: true });
  const opened = await Database.open(SqliteStore.open(copy));
  const accounts = [...opened.tables.get('Account')!.rows()];
  const entries = new Map([...opened.tables.get('Entry')!.rows()].map((row) => [row._uuid, row]));
  const count = new Map<number, number>();
  for (const { number } of entries.values()) count.set(number as number, (count.get(number as number) ?? 0) + 1);
  for (const [n, times] of count) check(times === 2, `transaction ${n} has both its entries`);
  check(
    accounts
      .map(({ name }) => name)
      .sort()
      .join() === names.join(),
    'the unique index',
  );
  let referred = 0;
  for (const { entries: own, balance, last } of accounts) {
    let sum = 0;
    for (const uuid of own as readonly Uuid[]) {
      const entry = entries.get(uuid);
      check(entry !== undefined, 'strong references lead to rows');
      sum += entry!.amount as number;
      referred++;
    }
    check(sum === balance, 'a balance is the sum of its entries');
    check(last === undefined || entries.has(last as Uuid), 'weak references lead to rows');
  }
  check(referred === entries.size, 'every row that is no root is referred to');
  // Closing brings the tables up to date for those who read the file with SQL.
  await opened.close();
  const db = openSqlite(copy, { readonly: true });
  try {
    check(db.pragma('integrity_check', { simple: true }) === 'ok', 'the integrity of the SQLite file');
    for (const [name, rows] of [
      ['Account', accounts],
      ['Entry', [...entries.values()]],
    ] as const) {
      const sql = db.prepare(`SELECT * FROM ${name}`).all() as { readonly [column: string]: unknown }[];
      const told = sql.map((row) => sqlText(name, row)).sort();
      check(
        told.join() ===
          rows
            .map((row) => rowText(name, row))
            .sort()
            .join(),
        `SQL table ${name} agrees`,
      );
    }
  } finally {
    db.close();
  }
  return new Set(count.keys());
}

const columnsOf = (name: string): string[] => ['_uuid', ...Object.keys(schema.tables[name as 'Account'].columns)];

function sqlText(name: string, row: { readonly [column: string]: unknown }): string {
  return JSON.stringify(columnsOf(name).map((column) => row[column] ?? null));
}

function rowText(name: string, row: Row): string {
  const value = (datum: Datum): unknown => (Array.isArray(datum) ? JSON.stringify(datum) : (datum ?? null));
  return JSON.stringify(columnsOf(name).map((column) => value(row[column])));
}
