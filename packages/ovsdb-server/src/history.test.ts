import { column, string, table } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import { describe, expect, it } from 'vitest';
import { History } from './history.ts';
import { MemoryTable } from './memory-table.ts';

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
});
