/** The changes of one transaction as a record of the log, both ways. */
import { applyDifference } from '@weft/ovsdb/diff';
import type { Json } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import type { Uuid } from '@weft/ovsdb/uuid';
import { decodeDatum } from '@weft/ovsdb/wire';
import type { TableChange } from '../changes.ts';
import type { MemoryTable } from '../memory-table.ts';

/** table, row, insert | modify | delete, columns. */
export type LoggedChange = readonly [string, Uuid, 'i' | 'm' | 'd', { readonly [column: string]: Json }?];

/** JSON text of an array of `LoggedChange`. */
export function logText(changes: readonly TableChange[]): string {
  let text = '';
  for (const { at, uuid, old, new: next } of changes) {
    let what: string;
    if (next === undefined) what = '"d"';
    else if (old === undefined) what = `"i",${at.text.object(next, at.persistentColumns, true)}`;
    else {
      const difference = at.text.difference(old, next, at.persistentColumns);
      if (difference === undefined) continue;
      what = `"m",${difference}`;
    }
    // A table's name is an <id>, so there is nothing to escape.
    text += `${text === '' ? '' : ','}["${at.name}","${uuid}",${what}]`;
  }
  return `[${text}]`;
}

/** The row after a change; undefined if there is none then. */
export function replay(table: MemoryTable, uuid: Uuid, kind: 'i' | 'm' | 'd', json: LoggedChange[3]): Row | undefined {
  const old = table.get(uuid);
  if (kind === 'd') return undefined;
  const columns = Object.entries(json ?? {});
  const typeOf = (column: string) => table.schema.columns[column]!.type;
  if (kind === 'i') {
    return table.text.make(
      uuid,
      columns.map(([column, value]) => [column, decodeDatum(typeOf(column), value, { relaxed: true })] as const),
    );
  }
  // A row that a later record deletes may be gone from its table already.
  if (old === undefined) return undefined;
  const next: { _uuid: Uuid; [column: string]: Row[string] } = { ...old };
  for (const [column, value] of columns) next[column] = applyDifference(typeOf(column), old[column], value);
  return next;
}
