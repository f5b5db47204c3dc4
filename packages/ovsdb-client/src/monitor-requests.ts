/** What a server is asked to tell, as far as it can: an older one lacks tables and columns. Pure. */
import { isArray, type Json, type JsonObject } from '@weft/ovsdb/json';
import type { ServerTables } from './server-status.ts';

/** Columns wanted of each table. */
export type WantedColumns = ReadonlyMap<string, readonly string[]>;

/** `<monitor-cond-requests>` (ovsdb-server(7), section 4.1.12), or those of RFC 7047 if there are no conditions. */
export function monitorRequests(
  wanted: WantedColumns,
  serverTables: ServerTables,
  condition?: (table: string) => readonly Json[],
): JsonObject {
  const requests: { [table: string]: Json } = {};
  for (const [table, names] of wanted) {
    const known = serverTables.get(table);
    if (known === undefined) continue;
    const columns = names.filter((column) => known.has(column));
    const where = condition === undefined ? [true] : askable(condition(table), known);
    const all = where.length === 1 && where[0] === true;
    requests[table] = [all ? { columns } : { columns, where }];
  }
  return requests;
}

/** `<monitor-cond-update-requests>` (ovsdb-server(7), section 4.1.13). */
export function conditionRequests(
  conditions: { readonly [table: string]: readonly Json[] },
  serverTables: ServerTables,
): JsonObject {
  const requests: { [table: string]: Json } = {};
  for (const [table, where] of Object.entries(conditions)) {
    const known = serverTables.get(table);
    if (known !== undefined) requests[table] = [{ where: askable(where, known) }];
  }
  return requests;
}

/** The same text for servers that have the same columns of the tables that are wanted. */
export function columnsText(wanted: WantedColumns, serverTables: ServerTables): string {
  return JSON.stringify([...wanted.keys()].map((table) => [...(serverTables.get(table) ?? [])].sort()));
}

/** Of a condition on a column that the server lacks, and would refuse, what can be had: all rows. */
function askable(where: readonly Json[], known: ReadonlySet<string>): readonly Json[] {
  const lacking = (column: Json | undefined): boolean => column !== '_uuid' && !known.has(column as string);
  return where.some((clause) => isArray(clause) && lacking(clause[0])) ? [true] : where;
}
