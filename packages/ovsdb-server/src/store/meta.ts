/** What a database file says of itself, in its table `_meta`: format, schema, and up to which transaction the SQL tables have everything. */
import { parseStoredJson } from '@weft/jsonrpc/json';
import { OvsdbError } from '@weft/ovsdb/error';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { parseSchema } from '@weft/ovsdb/schema-json';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { Sqlite } from './load-sqlite.ts';

/** Errors: `I/O error`. */
export function storedSchema(file: string, db: Sqlite): DatabaseSchema {
  const text = getMeta(db, 'schema') ?? 'null';
  try {
    return parseSchema(parseStoredJson(text));
  } catch (cause) {
    // A later version of this program may know types and constraints that this one does not.
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OvsdbError('I/O error', `${file}: the schema in it cannot be understood: ${reason}`, { cause });
  }
}

export function putMeta(db: Sqlite, key: string, value: string): void {
  db.prepare('INSERT OR REPLACE INTO _meta VALUES (?, ?)').run(key, value);
}

export function getMeta(db: Sqlite, key: string): string | undefined {
  return db.prepare('SELECT value FROM _meta WHERE key = ?').pluck().get(key) as string | undefined;
}

/** The number of the transaction up to which the tables have everything. */
export function savedBy(db: Sqlite): number {
  return Number(getMeta(db, 'sequence') ?? '0');
}

/** The tables have everything up to that transaction, and nothing of those after it. */
export function putProgress(db: Sqlite, sequence: number, id: Uuid): void {
  putMeta(db, 'sequence', String(sequence));
  putMeta(db, 'id', id);
}
