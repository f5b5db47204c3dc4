/** RFC 7047 section 5.2.2. */
import { allHold } from '@weft/ovsdb/condition';
import { type OperationContext, parseColumns, tableOf, whereOf } from './context.ts';
import type { Members } from './members.ts';

export function select(context: OperationContext, members: Members): string {
  const table = tableOf(context, members);
  const where = members.array('where');
  const columnsJson = members.has('columns') ? members.array('columns') : undefined;
  members.end();

  const condition = whereOf(context, table, where);
  const columns = columnsJson === undefined ? table.allColumns : parseColumns(table, columnsJson);
  const rows: string[] = [];
  for (const row of table.candidates(condition)) {
    if (allHold(condition, row, table.read)) rows.push(table.text.object(row, columns, false));
  }
  return `{"rows":[${rows.join(',')}]}`;
}
