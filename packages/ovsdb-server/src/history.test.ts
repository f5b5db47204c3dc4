import type { Row } from '@weft/ovsdb/row';
import { column, map, set, string, table } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import { describe, expect, it } from 'vitest';
import { History, NetChanges } from './history.ts';
import { MemoryTable } from './memory-table.ts';
import { TableView } from './monitor/table-view.ts';

const number = (n: number): Uuid => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}` as Uuid;

describe('the history', () => {
  const at = new MemoryTable('T', table({ name: column(string()), text: column(string()) }), () => number(0));
  const update = (history: History, n: number, size: number): void => {
    const row = (i: number) =>
      at.text.make(number(1), [
        ['name', 'a'],
        ['text', String(i).padEnd(size)],
      ]);
    const change = { at, table: 'T', uuid: number(1), old: row(n), new: row(n + 1), columns: at.columns };
    history.add({ id: number(100 + n), changes: [change] });
  };

  it('knows the last 1,000 transactions', () => {
    const history = new History(number(99));
    for (let n = 0; n < 1500; n++) update(history, n, 10);
    expect(history.length).toBe(1000);
    expect(history.since(number(100 + 499))?.[0]?.old?.text).toBe('500'.padEnd(10));
    expect(history.since(number(100 + 498))).toBeUndefined();
  });

  it('finds what was missed once for all who come back with the same', () => {
    const history = new History(number(99));
    for (let n = 0; n < 10; n++) update(history, n, 10);
    const missed = history.since(number(102));
    expect(history.since(number(102))).toBe(missed);
    expect(history.since(number(105))?.[0]?.old?.text).toBe('6'.padEnd(10));
    update(history, 10, 10);
    expect(history.since(number(102))?.[0]?.new?.text).toBe('11'.padEnd(10));
  });

  it('knows them after thousands, whichever they are', () => {
    const history = new History(number(99));
    for (let n = 0; n < 2700; n++) {
      update(history, n, 10);
      if (n < 1000 || n % 97 !== 0) continue;
      expect(history.length).toBe(1000);
      expect(history.lastId).toBe(number(100 + n));
      expect(history.since(number(100 + n - 1000))?.[0]?.old?.text).toBe(String(n - 999).padEnd(10));
      expect(history.since(number(100 + n - 500))?.[0]?.old?.text).toBe(String(n - 499).padEnd(10));
      expect(history.since(number(100 + n - 1))?.[0]?.old?.text).toBe(String(n).padEnd(10));
      expect(history.since(number(100 + n - 1001))).toBeUndefined();
    }
  });

  it('keeps fewer when their rows are large, but the last one always', () => {
    const history = new History(number(99));
    for (let n = 0; n < 200; n++) update(history, n, 1 << 20);
    expect(history.length).toBeGreaterThan(20);
    expect(history.length).toBeLessThanOrEqual(32);
    update(history, 200, 64 << 20);
    expect(history.length).toBe(1);
    expect(history.since(number(100 + 199))?.length).toBe(1);
    update(history, 201, 10);
    update(history, 202, 10);
    expect(history.length).toBe(2);
  });

  it('counts the texts in sets and maps, but not those that stay', () => {
    const wide = new MemoryTable('W', table({ words: set(string()), pairs: map(string(), string()) }), () => number(0));
    const megabyte = (n: number): string => String(n).padEnd(1 << 20);
    const rows = {
      sets: (n: number) => wide.text.make(number(1), [['words', ['a', megabyte(n)]]]),
      maps: (n: number) => wide.text.make(number(1), [['pairs', new Map([['a', megabyte(n)]])]]),
    };
    const change = (history: History, n: number, old: Row, next: Row): void =>
      history.add({
        id: number(100 + n),
        changes: [{ at: wide, table: 'W', uuid: number(1), old, new: next, columns: wide.columns }],
      });
    for (const row of Object.values(rows)) {
      const history = new History(number(99));
      for (let n = 0; n < 100; n++) change(history, n, row(n), row(n + 1));
      expect(history.length).toBeGreaterThan(20);
      expect(history.length).toBeLessThanOrEqual(32);
    }
    const history = new History(number(99));
    const stays = megabyte(0);
    const row = (n: number) => wide.text.make(number(1), [['words', [stays, `x${n}`]]]);
    for (let n = 0; n < 100; n++) change(history, n, row(n), row(n + 1));
    expect(history.length).toBe(100);
  });

  it('of rows that came and went nothing is kept for who does not read', () => {
    const net = new NetChanges();
    const row = (n: number): Row => at.text.make(number(n), [['name', 'a']]);
    const change = (n: number, old: Row | undefined, next: Row | undefined): void =>
      net.add([{ at, table: 'T', uuid: number(n), old, new: next, columns: at.columns }]);
    const there = row(1);
    for (let n = 2; n < 1000; n++) {
      const comes = row(n);
      change(n, undefined, comes);
      change(n, comes, row(n));
      change(n, row(n), undefined);
    }
    expect(net.size).toBe(0);
    change(1, there, undefined);
    change(2, undefined, row(2));
    expect(net.changes().map(({ uuid }) => uuid)).toEqual([number(1), number(2)]);
  });

  it('of what went there and back it says nothing', () => {
    const tags = new MemoryTable('W', table({ name: column(string()), tags: set(string()) }), () => number(0));
    const row = (name: string, ...atoms: string[]): Row =>
      tags.text.make(number(1), [
        ['name', name],
        ['tags', atoms],
      ]);
    const history = new History(number(99));
    const states = [row('a', 'x'), row('b', 'x', 'y'), row('c', 'x')];
    for (let n = 0; n + 1 < states.length; n++) {
      const of = { at: tags, table: 'W', uuid: number(1), old: states[n], new: states[n + 1], columns: tags.columns };
      history.add({ id: number(100 + n), changes: [of] });
    }
    const [change] = history.since(number(99)) ?? [];
    expect(change?.columns).toEqual(['name']);
    const texts = ([1, 2] as const).map((format) => {
      const select = { initial: true, insert: true, delete: true, modify: true };
      const columns = ['name', 'tags'].map((name) => ({ name, select }));
      return new TableView(tags, format, columns, select, 0).modify(change!.old!, change!.new!, change!.columns);
    });
    expect(texts).toEqual(['{"old":{"name":"a"},"new":{"name":"c","tags":"x"}}', '{"modify":{"name":"c"}}']);
  });
});
