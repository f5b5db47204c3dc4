/** What an operation of a transaction may use. */
import { type Condition, parseCondition } from '@weft/ovsdb/condition';
import { type Datum, datumsEqual } from '@weft/ovsdb/datum';
import { OvsdbError, syntaxError } from '@weft/ovsdb/error';
import { isArray, type Json, type JsonObject } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import type { UnfinishedRow } from '@weft/ovsdb/row-shape';
import type { ColumnType } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import { decodeDatum } from '@weft/ovsdb/wire';
import type { Journal } from '../changes.ts';
import type { MemoryTable } from '../memory-table.ts';
import type { Members } from './members.ts';

/** What the session may do to rows (ovsdb-server(7) section 4.1.3); each function throws `permission error` or `not allowed` if it may not. */
export interface Access {
  /** Before the rows are looked at, of which there may be none. */
  begin(table: MemoryTable, operation: 'delete' | 'update' | 'mutate'): void;
  insert(table: MemoryTable, row: Row): void;
  delete(table: MemoryTable, row: Row): void;
  /** Columns of an update, or columns and mutated keys of a mutation. */
  modify(table: MemoryTable, row: Row, columns: readonly ModifiedColumn[], operation: 'update' | 'mutate'): void;
}

export interface ModifiedColumn {
  readonly column: string;
  /** Keys of a map that a mutation touches; undefined: the whole column. */
  readonly keys: readonly Datum[] | undefined;
}

export interface OperationContext {
  readonly tables: ReadonlyMap<string, MemoryTable>;
  readonly journal: Journal;
  readonly named: NamedUuids;
  readonly access: Access | undefined;
  /** Why nothing may be written; undefined: it may. */
  readonly readOnly: string | undefined;
  /** The values are another server's, where a row that was deleted may have come back with others in its immutable columns. */
  readonly replicates: boolean;
  readonly newUuid: () => Uuid;
  readonly ownsLock: (lock: string) => boolean;
  /** Milliseconds since the transaction was first tried. */
  readonly elapsedMs: number;
}

/** The names that inserts of one transaction give to their rows; usable before and after the insert. */
export class NamedUuids {
  readonly #rows = new Map<string, { uuid: Uuid; inserted: boolean }>();
  readonly #newUuid: () => Uuid;

  constructor(newUuid: () => Uuid) {
    this.#newUuid = newUuid;
  }

  readonly resolve = (name: string): Uuid => {
    let row = this.#rows.get(name);
    if (row === undefined) {
      row = { uuid: this.#newUuid(), inserted: false };
      this.#rows.set(name, row);
    }
    return row.uuid;
  };

  /** Gives `name` to the row being inserted, with a uuid chosen by the client if there is one. */
  insert(name: string, chosen: Uuid | undefined): Uuid {
    const row = this.#rows.get(name);
    if (row?.inserted) {
      throw new OvsdbError('duplicate uuid-name', 'This "uuid-name" appeared on an earlier "insert" operation.', {
        syntax: name,
      });
    }
    const uuid = chosen ?? row?.uuid ?? this.#newUuid();
    this.#rows.set(name, { uuid, inserted: true });
    return uuid;
  }
}

/** For operations that write, once they have been understood. Errors: `not allowed`. */
export function checkWritable(context: OperationContext, operation: string): void {
  if (context.readOnly === undefined) return;
  throw new OvsdbError('not allowed', `${operation} operation not allowed ${context.readOnly}`);
}

/** The table that the operation names. Errors: `syntax error`. */
export function tableOf(context: OperationContext, members: Members): MemoryTable {
  const name = members.id('table');
  const table = context.tables.get(name);
  if (table === undefined) throw members.fail(`No table named ${name}.`);
  return table;
}

/** The `where` of an operation; the errors are those of `parseCondition`. */
export function whereOf(context: OperationContext, table: MemoryTable, json: Json): Condition {
  return parseCondition(table.name, table.schema, json, context.named.resolve);
}

/** Columns of a `<row>`: `syntax error`, `unknown column`, `constraint violation` as in RFC 7047 section 5.2. */
export function decodeValues(
  context: OperationContext,
  table: MemoryTable,
  json: JsonObject,
): (readonly [string, Datum])[] {
  const values: (readonly [string, Datum])[] = [];
  for (const name of Object.keys(json)) {
    if (name === '_uuid' || name === '_version') {
      // The server decides these; a value is checked and not used.
      decodeUuid(context, json[name]!);
      continue;
    }
    const column = Object.hasOwn(table.schema.columns, name) ? table.schema.columns[name] : undefined;
    if (column === undefined) {
      throw new OvsdbError('unknown column', `No column ${name} in table ${table.name}.`, { syntax: json });
    }
    values.push([name, decodeDatum(column.type, json[name]!, { resolve: context.named.resolve })]);
  }
  return values;
}

/** The value of `_uuid` or `_version`. Errors: those of `decodeDatum`. */
export function decodeUuid(context: OperationContext, json: Json): Uuid {
  const type: ColumnType = { kind: 'scalar', key: { type: 'uuid' }, min: 1, max: 1 };
  return decodeDatum(type, json, { resolve: context.named.resolve }) as Uuid;
}

/** A `columns` member: names of columns of the table, each once. */
export function parseColumns(table: MemoryTable, json: Json): readonly string[] {
  if (!isArray(json)) throw syntaxError(json, 'array of distinct column names expected');
  const columns: string[] = [];
  for (const name of json) {
    if (typeof name !== 'string') throw syntaxError(json, 'array of distinct column names expected');
    if (name !== '_uuid' && name !== '_version' && !Object.hasOwn(table.schema.columns, name)) {
      throw syntaxError(json, `${name} is not a valid column name`);
    }
    if (columns.includes(name)) throw syntaxError(json, 'array of distinct column names expected');
    columns.push(name);
  }
  return columns;
}

/** `row` with new values; columns whose value does not change keep the old one. Undefined if nothing changes. */
export function withValues(table: MemoryTable, row: Row, values: Iterable<readonly [string, Datum]>): Row | undefined {
  let next: UnfinishedRow | undefined;
  for (const [column, datum] of values) {
    if (datumsEqual(row[column], datum)) continue;
    next ??= table.text.copy(row);
    next[column] = datum;
  }
  return next;
}
