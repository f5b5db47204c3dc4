/** What the commands of `weft-ovsdb` that work on files have in common. */
import { readFileSync } from 'node:fs';
import { systemReason } from '@weft/jsonrpc/connect';
import { parseExactJson } from '@weft/jsonrpc/json';
import { OvsdbError } from '@weft/ovsdb/error';
import type { Json } from '@weft/ovsdb/json';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { parseSchema } from '@weft/ovsdb/schema-json';
import { SqliteStore } from '../store/sqlite.ts';
import type { Loaded } from '../store/store.ts';
import { createTables } from '../tables.ts';
import type { TransactionEnvironment } from '../transaction.ts';

/** Schemas that can be named instead of a file. */
export type NamedSchemas = { readonly [name: string]: () => Promise<DatabaseSchema> };

export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** That of a file, or one that has a name. Errors: `syntax error`, `constraint violation`; `ToolError` if there is no JSON to read. */
  schema(name: string): Promise<DatabaseSchema>;
  /** Chooses the exit status, which is 0 otherwise. */
  exit(status: number): void;
  /** `--rbac-role`. */
  readonly role: string | undefined;
  /** How often `-m` or `--more` was given. */
  readonly more: number;
}

export interface Tool {
  /** In capitals; those in brackets may be left out. */
  readonly args: string;
  readonly does: string;
  readonly run: (args: readonly string[], io: Io) => void | Promise<void>;
}

export type Tools = { readonly [name: string]: Tool };

/** What is told to whoever ran the command, in these words. */
export class ToolError extends Error {}

/** Reads a schema file. Errors as those of `Io.schema`. */
export function readSchema(file: string): DatabaseSchema {
  const unreadable = (reason: string): ToolError =>
    new ToolError(`failed to read schema: "${file}" could not be read as JSON (${reason})`);
  let text: string;
  let json: Json;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw unreadable(`error opening "${file}": ${systemReason(error as Error)}`);
  }
  try {
    json = parseExactJson(text);
  } catch (error) {
    throw unreadable(error instanceof Error ? error.message : String(error));
  }
  try {
    return parseSchema(json);
  } catch (error) {
    if (!(error instanceof OvsdbError)) throw error;
    const { kind, syntax } = error;
    const details = `failed to parse "${file}" as ovsdb schema: ${error.message}`;
    throw new OvsdbError(kind, details, { cause: error, ...(syntax === undefined ? {} : { syntax }) });
  }
}

/** Opens a database file, only to read it if `mode` says so, and closes it after `use`. */
export function withStore<T>(file: string, mode: 'read' | 'write', use: (store: SqliteStore) => T): T {
  const store = SqliteStore.open(file, { readOnly: mode === 'read' });
  try {
    return use(store);
  } finally {
    store.close();
  }
}

/** The contents of a database file in memory. What of them cannot be read, and is dropped if the file is written to, is said. */
export function loadTables(
  store: SqliteStore,
  { err }: Pick<Io, 'err'>,
): TransactionEnvironment & { readonly loaded: Loaded } {
  const environment = createTables(store.schema);
  const loaded = store.load(environment.tables);
  for (const damage of store.damage) err(damage);
  return { ...environment, loaded };
}
