/** What monitors cost does not grow with those that came and went, nor with the square of a condition. */
import { parseCondition } from '@weft/ovsdb/condition';
import type { Json } from '@weft/ovsdb/json';
import { column, database, integer, map, set, string, table } from '@weft/ovsdb/schema';
import { expect, it } from 'vitest';
import { Database } from '../database.ts';
import { MemoryStore } from '../store/memory.ts';
import { dumpPieces } from './dump.ts';
import { TableFilter } from './filter.ts';
import type { Member } from './member.ts';
import { parseMonitorRequests } from './request.ts';
import type { TableView } from './table-view.ts';

const names = Array.from({ length: 8 }, (_, i) => `column${i}`);
const schema = database('Zoo', '1.0.0', {
  Animal: table(
    {
      ...Object.fromEntries(names.map((name) => [name, column(integer())])),
      notes: map(string(), string()),
      tags: set(string()),
    },
    { isRoot: true },
  ),
});

/** The columns that the bits of a number name, in one of two orders. */
function choice(n: number): string[] {
  const columns = names.filter((_, i) => (n >> i) % 2 === 1);
  return n % 3 === 0 ? columns : columns.reverse();
}

interface Opened {
  readonly db: Database;
  readonly monitor: (columns: string[], where?: Json) => Member;
}

async function open(rows: number): Promise<Opened> {
  const db = await Database.open(new MemoryStore(schema));
  const operations = Array.from({ length: rows }, (_, i) => ({
    op: 'insert',
    table: 'Animal',
    row: { column0: i, notes: ['map', [['name', `${i}`]]], tags: ['set', ['all', `tag${i}`]] },
  }));
  db.transact(operations, { ownsLock: () => true }, () => {});
  db.flush();
  const sink = { ready: true, send: () => {}, stream: () => {} };
  const monitor = (columns: string[], where: Json = []): Member => {
    const member = db.monitors.add(
      parseMonitorRequests(db.tables, { Animal: [{ columns, where }] }, true),
      'update2',
      '"m"',
      sink,
    );
    for (const piece of dumpPieces(member.view)) if (typeof piece === 'function') piece();
    return member;
  };
  return { db, monitor };
}

const viewOf = (member: Member): TableView => [...member.view.tables.values()][0]!.view;

it('what the only client saw is kept for the next, of however many tables', async () => {
  const tables = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [`T${i}`, table({ n: column(integer()) }, { isRoot: true })]),
  );
  const db = await Database.open(new MemoryStore(database('Wide', '1.0.0', tables)));
  const all = Object.fromEntries(Object.keys(tables).map((name) => [name, [{ columns: ['n'] }]]));
  const sink = { ready: true, send: () => {}, stream: () => {} };
  const monitor = () => db.monitors.add(parseMonitorRequests(db.tables, all, true), 'update3', '"m"', sink);
  const shown = (member: Member) => [...member.view.tables.values()].map(({ view }) => view);
  const first = monitor();
  const views = shown(first);
  db.monitors.remove(first);
  for (const [i, view] of shown(monitor()).entries()) expect(view).toBe(views[i]);
  db.monitors.stop();
  await db.close();
});

it('of what nobody looks at any more, little is kept', async () => {
  const { db, monitor } = await open(100);
  const stays = monitor(names);
  // It sees the same of other rows, and leaves it to the one that stays.
  db.monitors.remove(monitor(names, [['column0', '==', 1]]));
  for (let n = 1; n < 256; n++) db.monitors.remove(monitor(choice(n)));
  expect(db.monitors.tableViews).toBeGreaterThan(1);
  expect(db.monitors.tableViews).toBeLessThan(50);
  expect(viewOf(monitor(names))).toBe(viewOf(stays));
  db.monitors.stop();
  await db.close();
});

it('who asks for the same in another order is shown the same', async () => {
  const { db, monitor } = await open(1);
  expect(viewOf(monitor(names.toReversed()))).toBe(viewOf(monitor(names)));
  db.monitors.stop();
  await db.close();
});

it('what was looked at last is there with its dump for who asks next', async () => {
  const { db, monitor } = await open(100);
  const first = monitor(names);
  const [kept] = viewOf(first).pieces();
  expect(kept).toBeInstanceOf(Buffer);
  db.monitors.remove(first);
  expect(viewOf(monitor(names)).pieces()[0]).toBe(kept);
  db.monitors.stop();
  await db.close();
});

it('a row is tested once, however many clauses lead to it', async () => {
  const { db } = await open(100);
  const animals = db.tables.get('Animal')!;
  const where = Array.from({ length: 200 }, (_, i) => [
    ['notes', 'includes', ['map', [['name', `${i * 2}`]]]],
    ['tags', 'includes', `tag${i * 2}`],
  ]).flat();
  const filter = new TableFilter(animals, parseCondition('Animal', animals.schema, where));
  let tests = 0;
  const found = filter.rowsOf([...filter.clauses.values()], (row) => {
    tests++;
    return filter.matches(row);
  });
  expect([...found]).toHaveLength(50);
  expect(tests).toBe(50);
  await db.close();
});

it.each([
  ['==', 3],
  ['includes', 3],
  ['includes', 60],
] as const)('%s of sets that begin alike finds the rows of each, and looks at no others: %i', async (fn, count) => {
  const { db } = await open(100);
  const animals = db.tables.get('Animal')!;
  const where = Array.from({ length: count }, (_, i) => ['tags', fn, ['set', ['all', `tag${i}`]]] as const);
  const filter = new TableFilter(animals, parseCondition('Animal', animals.schema, where));
  expect(new Set(filter.rows())).toEqual(new Set([...animals.rows()].filter((row) => filter.matches(row))));
  expect([...filter.rows()]).toHaveLength(count);
  let tests = 0;
  for (const _ of filter.rowsOf([...filter.clauses.values()], () => ++tests > 0));
  expect(tests).toBe(count);
  await db.close();
});
