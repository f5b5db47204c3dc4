/** RFC 7047 section 5.2.3. */
import { OvsdbError } from '@weft/ovsdb/error';
import { checkWritable, decodeValues, type OperationContext, tableOf, whereOf, withValues } from './context.ts';
import type { Members } from './members.ts';

/** Returns the result as JSON text. Errors: those of `decodeValues` and of `parseCondition`, `constraint violation` for an immutable column, `not allowed`. */
export function update(context: OperationContext, members: Members): string {
  const table = tableOf(context, members);
  const where = members.array('where');
  const json = members.object('row');
  members.end();

  const values = decodeValues(context, table, json);
  const columns = Object.keys(json);
  for (const column of columns) {
    if (table.schema.columns[column]?.mutable !== true && !context.replicates) {
      const details = `Cannot update immutable column ${column} in table ${table.name}.`;
      throw new OvsdbError('constraint violation', details, { syntax: members.json });
    }
  }
  const condition = whereOf(context, table, where);
  checkWritable(context, 'update');
  context.access?.begin(table, 'update');
  const rows = table.matching(condition);
  if (context.access !== undefined) {
    const modified = values.map(([column]) => ({ column, keys: undefined }));
    for (const row of rows) context.access.modify(table, row, modified, 'update');
  }
  for (const row of rows) {
    const next = withValues(table, row, values);
    if (next !== undefined) context.journal.write(table, row._uuid, next, columns);
  }
  return `{"count":${rows.length}}`;
}
