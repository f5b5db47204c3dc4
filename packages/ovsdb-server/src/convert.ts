/** Moves a database's contents under another schema (ovsdb-server(7) section 4.1.19). */
import { type Datum, datumsEqual } from '@weft/ovsdb/datum';
import type { ColumnSchema, DatabaseSchema } from '@weft/ovsdb/schema';
import { decodeDatum, encodeDatum } from '@weft/ovsdb/wire';
import { Journal } from './changes.ts';
import { complete } from './integrity.ts';
import type { MemoryTable } from './memory-table.ts';
import { createTables } from './tables.ts';
import type { TransactionEnvironment } from './transaction.ts';

/**
 * Tables and columns that the new schema lacks are left behind, what it adds gets defaults, and everything is checked as if it had just been
 * inserted. Errors: whatever a transaction that inserts the same rows would report.
 */
export function convert(tables: ReadonlyMap<string, MemoryTable>, schema: DatabaseSchema): TransactionEnvironment {
  const environment = createTables(schema);
  const journal = new Journal();
  for (const [name, table] of environment.tables) {
    const source = tables.get(name);
    if (source === undefined) continue;
    const shared = Object.entries(table.schema.columns).filter(([column]) =>
      Object.hasOwn(source.schema.columns, column),
    );
    for (const row of source.rows()) {
      const values = shared.map(([column, { type }]) => {
        const from = source.schema.columns[column]!;
        return [column, convertDatum(from, type, row[column])] as const;
      });
      journal.write(table, row._uuid, table.text.make(row._uuid, values));
    }
  }
  complete(journal, environment.references);
  return environment;
}

function convertDatum(from: ColumnSchema, type: ColumnSchema['type'], datum: Datum): Datum {
  if (from.type.kind === type.kind && sameBase(from.type.key, type.key) && sameBase(from.type.value, type.value)) {
    if (from.type.min === type.min && from.type.max === type.max) return datum;
  }
  const converted = decodeDatum(type, encodeDatum(from.type, datum));
  return datumsEqual(converted, datum) ? datum : converted;
}

function sameBase(a: object | undefined, b: object | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
