import { column, ref, set, string, table } from '@weft/ovsdb/schema';
import { expect, it } from 'vitest';
import { MemoryTable } from '../memory-table.ts';
import { newUuid } from '../new-uuid.ts';
import { dumpPieces, type Piece } from './dump.ts';
import { TableFilter } from './filter.ts';
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
