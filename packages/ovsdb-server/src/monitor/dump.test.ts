import { column, ref, set, string, table } from '@weft/ovsdb/schema';
import { expect, it } from 'vitest';
import { MemoryTable } from '../memory-table.ts';
import { newUuid } from '../new-uuid.ts';
import type { Piece } from '../pieces.ts';
import { dumpPieces } from './dump.ts';
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
