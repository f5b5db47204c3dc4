import { column, ref, set, string, table } from '@weft/ovsdb/schema';
import { expect, it } from 'vitest';
import { MemoryTable } from '../memory-table.ts';
import { newUuid } from '../new-uuid.ts';
import type { Piece } from '../pieces.ts';
import { dumpPieces } from './dump.ts';
import { TableFilter } from './filter.ts';
import { MonitorHub } from './hub.ts';
import type { Member } from './member.ts';
import { TableView } from './table-view.ts';
import { MonitorView } from './view.ts';

const every = { initial: true, insert: true, delete: true, modify: true };

/** How many pieces had to be made. */
function send(pieces: readonly Piece[]): number {
  let made = 0;
  for (const piece of pieces) {
    if (typeof piece !== 'function') continue;
    piece();
    made++;
  }
  return made;
}

it('a hundred wide rows are serialised once, and after a change the part that it spoils', () => {
  const at = new MemoryTable('Logical_Switch', table({ name: column(string()), ports: set(ref('P')) }), newUuid);
  const rows = Array.from({ length: 100 }, (_, i) => at.text.make(newUuid(), [['name', `s${i}`]]));
  for (const row of rows) at.replace(row._uuid, row);
  const columns = [{ name: 'name', select: every }];
  const view = new TableView(at, 2, columns, every, 0);
  const tables = new Map([[at, { view, filter: new TableFilter(at, []) }]]);
  const monitor = new MonitorView(tables, MonitorView.keyOf(tables));
  expect(send(dumpPieces(monitor))).toBeGreaterThan(0);
  expect(send(dumpPieces(monitor))).toBe(0);
  const [{ _uuid }] = rows as [(typeof rows)[0]];
  at.replace(_uuid, at.text.make(_uuid, [['name', 'other']]));
  view.forget(_uuid);
  expect(send(dumpPieces(monitor))).toBe(1);
});

it('a dump is kept for a minute after the last who asked for it, whatever others ask for', () => {
  const at = new MemoryTable('T', table({ a: column(string()), b: column(string()) }), newUuid);
  for (let i = 0; i < 100; i++) {
    const row = at.text.make(newUuid(), [['a', `s${i}`]]);
    at.replace(row._uuid, row);
  }
  let now = 0;
  let due: { readonly at: number; readonly callback: () => void } | undefined;
  const hub = new MonitorHub({
    now: () => now,
    after: (ms, callback) => {
      due = { at: now + ms, callback };
      return () => (due = undefined);
    },
    soon: () => {},
    atOnce: () => {},
  });
  const sink = { send: () => {}, stream: () => {}, ready: true };
  const ask = (name: string): Member => {
    const requests = [{ table: at, columns: [{ name, select: every }], selects: every, condition: [] }];
    const member = hub.add(requests, 'update2', '1', sink);
    hub.touchDumps(member.view);
    send(dumpPieces(member.view));
    return member;
  };
  ask('a');
  // Clients that come and go each half minute, and want something else.
  for (let i = 0; i < 10; i++) {
    hub.remove(ask('b'));
    expect(hub.keptDumps).toBe(now < 60_000 ? 2 : 1);
    now += 30_000;
    while (due !== undefined && due.at <= now) {
      const { callback } = due;
      due = undefined;
      callback();
    }
  }
  expect(hub.tableViews).toBe(2);
});

it('who comes before a part is made shares it, unless a row of it changes by then', () => {
  const at = new MemoryTable('Logical_Flow', table({ name: column(string()) }), newUuid);
  const rows = Array.from({ length: 100 }, (_, i) => at.text.make(newUuid(), [['name', `f${i}`]]));
  for (const row of rows) at.replace(row._uuid, row);
  const view = new TableView(at, 2, [{ name: 'name', select: every }], every, 0);
  let made = 0;
  const initial = view.initial.bind(view);
  view.initial = (row) => {
    made++;
    return initial(row);
  };
  const text = (pieces: ReturnType<TableView['pieces']>): string =>
    pieces.map((piece) => (typeof piece === 'function' ? piece() : piece).toString()).join();
  const all = [view.pieces(), view.pieces(), view.pieces()] as const;
  const first = text(all[0]);
  expect(text(all[1])).toBe(first);
  expect(made).toBe(100);

  const { _uuid } = rows[0]!;
  at.replace(_uuid, at.text.make(_uuid, [['name', 'other']]));
  view.forget(_uuid);
  // It is shown the state in which it came; who comes now, another one.
  expect(text(all[2])).toBe(first);
  expect(text(view.pieces())).toContain('other');
});
