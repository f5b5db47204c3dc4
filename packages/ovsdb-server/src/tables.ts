/** The tables of one database in memory. */
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import { MemoryTable } from './memory-table.ts';
import { newUuid as randomUuid } from './new-uuid.ts';
import { References } from './references.ts';
import type { TransactionEnvironment } from './transaction.ts';

/** Empty tables of a schema, with the references between them. */
export function createTables(schema: DatabaseSchema, newUuid: () => Uuid = randomUuid): TransactionEnvironment {
  const tables = new Map<string, MemoryTable>();
  for (const [name, table] of Object.entries(schema.tables)) tables.set(name, new MemoryTable(name, table, newUuid));
  return { tables, references: new References(schema, tables), newUuid };
}
