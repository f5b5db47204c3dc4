/** The changes of one transaction as a record of the log, both ways. */
import { parseStoredJson } from '@weft/jsonrpc/json';
import { applyDifference } from '@weft/ovsdb/diff';
import type { Json } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import type { Uuid } from '@weft/ovsdb/uuid';
import { decodeDatum } from '@weft/ovsdb/wire';
import type { MemoryTable } from '../memory-table.ts';
import type { LogEntry } from './store.ts';

/** table, row, insert | modify | delete, columns. */
export type LoggedChange = readonly [string, Uuid, 'i' | 'm' | 'd', { readonly [column: string]: Json }?];

/** When it was, in milliseconds since 1970, and the comments of the transaction. The last element of a record; older versions wrote none, and skip it. */
type LoggedDate = readonly ['_date', number, string?];

export interface LoggedTransaction {
  readonly changes: readonly LoggedChange[];
  readonly date: number | undefined;
  readonly comment: string | undefined;
}

/** JSON text of an array of `LoggedChange`, and of what people want to know of it: its date and comments, as in ovsdb(5). */
export function logText({ changes, comments }: Omit<LogEntry, 'id'>, date: number): string {
  let text = '';
  for (const { at, uuid, old, new: next, columns } of changes) {
    let what: string;
    if (next === undefined) what = '"d"';
    else if (old === undefined) what = `"i",${at.text.inserted(next, columns, at.persistentColumns)}`;
    else {
      const difference = at.text.difference(old, next, columns, at.persistentColumns);
      if (difference === undefined) continue;
      what = `"m",${difference}`;
    }
    // A table's name is an <id>, so there is nothing to escape.
    text += `${text === '' ? '' : ','}["${at.name}","${uuid}",${what}]`;
  }
  const comment = comments.length === 0 ? '' : joined(comments);
  return `[${text}${text === '' ? '' : ','}["_date",${date}${comment === '' ? '' : `,${JSON.stringify(comment)}`}]]`;
}

/** As the C server joins them: those that open the list and say nothing get no line. */
function joined(comments: readonly string[]): string {
  return comments.reduce((text, comment) => (text === '' ? comment : `${text}\n${comment}`), '');
}

export function readLogText(text: string): LoggedTransaction {
  const changes = parseStoredJson(text) as unknown as (LoggedChange | LoggedDate)[];
  const last = changes.at(-1);
  const dated = last !== undefined && isDate(last);
  if (dated) changes.pop();
  return {
    changes: changes as LoggedChange[],
    date: dated ? last[1] : undefined,
    comment: dated ? last[2] : undefined,
  };
}

function isDate(element: LoggedChange | LoggedDate): element is LoggedDate {
  return typeof element[1] === 'number';
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
  const next = table.text.copy(old);
  for (const [column, value] of columns) next[column] = applyDifference(typeOf(column), old[column], value);
  return next;
}
