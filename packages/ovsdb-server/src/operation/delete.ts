/** RFC 7047 section 5.2.5. */
import { checkWritable, type OperationContext, tableOf, whereOf } from './context.ts';
import type { Members } from './members.ts';

/** Returns the result as JSON text. Errors: those of `parseCondition`, `not allowed`, `permission error`. */
export function deleteRows(context: OperationContext, members: Members): string {
  const table = tableOf(context, members);
  const where = members.array('where');
  members.end();

  const condition = whereOf(context, table, where);
  checkWritable(context, 'delete');
  context.access?.begin(table, 'delete');
  const rows = table.matching(condition);
  if (context.access !== undefined) for (const row of rows) context.access.delete(table, row);
  for (const row of rows) context.journal.write(table, row._uuid, undefined);
  return `{"count":${rows.length}}`;
}
