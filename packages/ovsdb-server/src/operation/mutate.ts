/** RFC 7047 section 5.2.4. */
import type { Datum } from '@weft/ovsdb/datum';
import { type Mutation, mutate as mutateDatum, parseMutations } from '@weft/ovsdb/mutation';
import type { Row } from '@weft/ovsdb/row';
import { checkWritable, type ModifiedColumn, type OperationContext, tableOf, whereOf, withValues } from './context.ts';
import type { Members } from './members.ts';

/** Returns the result as JSON text. Errors: those of `parseMutations`, of `parseCondition` and of `mutateDatum`, `not allowed`, `permission error`. */
export function mutate(context: OperationContext, members: Members): string {
  const table = tableOf(context, members);
  const where = members.array('where');
  const json = members.array('mutations');
  members.end();

  const mutations = parseMutations(table.name, table.schema, json, context.named.resolve);
  const condition = whereOf(context, table, where);
  checkWritable(context, 'mutate');
  context.access?.begin(table, 'mutate');
  const rows = table.matching(condition);
  if (context.access !== undefined) {
    const modified = mutations.map(modifiedBy);
    for (const row of rows) context.access.modify(table, row, modified, 'mutate');
  }
  const columns = [...new Set(mutations.map(({ column }) => column))];
  for (const row of rows) {
    const next = withValues(table, row, results(row, mutations));
    if (next !== undefined) context.journal.write(table, row._uuid, next, columns);
  }
  return `{"count":${rows.length}}`;
}

/** The columns after all mutations; a later one works on the result of an earlier one. */
function results(row: Row, mutations: readonly Mutation[]): Iterable<readonly [string, Datum]> {
  if (mutations.length === 1) {
    const only = mutations[0]!;
    return [[only.column, mutateDatum(only, row[only.column])]];
  }
  const values = new Map<string, Datum>();
  for (const mutation of mutations) {
    const { column } = mutation;
    values.set(column, mutateDatum(mutation, values.has(column) ? values.get(column) : row[column]));
  }
  return values;
}

function modifiedBy({ column, type, mutator, argument }: Mutation): ModifiedColumn {
  if (type.kind !== 'map' || (mutator !== 'insert' && mutator !== 'delete')) return { column, keys: undefined };
  return { column, keys: [...(argument instanceof Map ? argument.keys() : (argument as readonly Datum[]))] };
}
