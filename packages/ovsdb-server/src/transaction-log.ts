/** Tells the log what transactions do to some tables (ovsdb-server(1): ovsdb-server/tlog-set, ovsdb-server/tlog-list). */
import { datumText } from '@weft/ovsdb/describe';
import { columnType } from '@weft/ovsdb/schema';
import type { TableChange } from './changes.ts';
import type { Database } from './database.ts';

const uuidType = columnType({ type: 'uuid' }, undefined, 1, 1);

export class TransactionLog {
  readonly #write: (line: string) => void;
  /** By database: the tables that are logged, and what listens for their changes. */
  readonly #logged = new WeakMap<Database, Set<string>>();

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  set(database: Database, table: string, on: boolean): void {
    let tables = this.#logged.get(database);
    if (tables === undefined) {
      if (!on) return;
      const logged = new Set<string>();
      tables = logged;
      this.#logged.set(database, logged);
      database.onCommit.add((changes) => {
        if (logged.size > 0) for (const change of changes) if (logged.has(change.table)) this.#write(lineOf(change));
      });
    }
    if (on) tables.add(table);
    else tables.delete(table);
  }

  /** A table of all tables, and whether they are logged. */
  list(databases: readonly Database[]): string {
    const row = (database: string, table: string, logging: string): string =>
      `${database.padEnd(16)}${table.padEnd(28)}${logging}`.trimEnd();
    const lines = databases.flatMap((database) => [
      database.name.padEnd(17),
      ...[...database.tables.keys()]
        .sort()
        .map((table) => row('', table, this.#logged.get(database)?.has(table) ? 'ON' : 'OFF')),
    ]);
    return [row('database', 'table', 'logging'), row('--------', '-----', '-------'), ...lines].join('\n');
  }
}

/** What a row is now, or was before it went. */
function lineOf({ at, table, old, new: next }: TableChange): string {
  const row = next ?? old!;
  const what = next === undefined ? 'deleted' : old === undefined ? 'inserted' : 'updated';
  const columns = at.allColumns.map((column) => {
    const type = at.schema.columns[column]?.type ?? uuidType;
    return `${column}:${datumText(type, at.read(row, column))}`;
  });
  return `table:${table},op:${what},${columns.join(',')}`;
}
