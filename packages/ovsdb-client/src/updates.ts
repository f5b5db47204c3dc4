/**
 * The three generations of updates as lists of row changes: `<table-updates>` (RFC 7047 section 4.1.6) and `<table-updates2>`
 * (ovsdb-server(7) section 4.1.14). Nothing becomes visible here: a list is decoded whole, then committed whole.
 */
import { isObject, type Json, type JsonObject } from '@weft/ovsdb/json';
import type { RowChange } from '@weft/ovsdb/row';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { RowTable } from './rows.ts';

export type UpdateFormat = 1 | 2;

/** The server sent something that the protocol does not allow. */
export class ProtocolError extends Error {
  override name = 'ProtocolError';
}

export interface Decoding {
  /** Works on for `rows` rows; true if there is nothing left to do. */
  step(rows: number): boolean;
  /** Once `step` returned true. */
  readonly changes: readonly RowChange[];
}

/**
 * Starts to decode an update against the tables as they are; they must not change before it is committed.
 * With `whole`, the update is everything that the server has: rows that it does not mention are gone.
 */
export function decodeUpdates(
  tables: ReadonlyMap<string, RowTable>,
  json: Json,
  format: UpdateFormat,
  whole: boolean,
): Decoding {
  const changes: RowChange[] = [];
  const iterator = decode(tables, json, format, whole, changes);
  return {
    changes,
    step(rows) {
      for (let i = 0; i < rows; i++) if (iterator.next().done) return true;
      return false;
    },
  };
}

/** Rows that an update mentions: how much work it is. */
export function countRows(json: Json): number {
  let count = 0;
  if (isObject(json)) for (const table of Object.values(json)) if (isObject(table)) count += Object.keys(table).length;
  return count;
}

function* decode(
  tables: ReadonlyMap<string, RowTable>,
  json: Json,
  format: UpdateFormat,
  whole: boolean,
  changes: RowChange[],
): Generator<undefined, void> {
  if (!isObject(json)) throw new ProtocolError('table updates are not a JSON object');
  for (const [name, rows] of Object.entries(json)) {
    const table = tables.get(name);
    if (table === undefined) continue;
    if (!isObject(rows)) throw new ProtocolError(`updates of table ${name} are not a JSON object`);
    for (const uuid in rows) {
      const update = rows[uuid];
      if (!isObject(update)) throw new ProtocolError(`update of a row of table ${name} is not a JSON object`);
      const change = format === 1 ? decodeRow1(table, uuid, update) : decodeRow2(table, uuid, update);
      if (change !== undefined) changes.push(change);
      yield;
    }
  }
  if (!whole) return;
  for (const table of tables.values()) {
    const mentioned = json[table.name];
    for (const uuid of table.uuids()) {
      if (!isObject(mentioned) || !Object.hasOwn(mentioned, uuid)) changes.push(deletion(table, uuid));
      yield;
    }
  }
}

function decodeRow2(table: RowTable, uuid: Uuid, update: JsonObject): RowChange | undefined {
  const full = update.initial ?? update.insert;
  if (full !== undefined) return isObject(full) ? replacement(table, uuid, full) : malformed(table);
  if (update.modify !== undefined) {
    const old = table.get(uuid);
    // The server believes that we have the row. Going on without it would leave the replica wrong for good.
    if (old === undefined) throw new ProtocolError(`modification of a row of ${table.name} that is not there: ${uuid}`);
    if (!isObject(update.modify)) return malformed(table);
    const row = table.applyModify(old, update.modify);
    return row === old ? undefined : { table: table.name, uuid, old, new: row };
  }
  if ('delete' in update) return table.get(uuid) === undefined ? undefined : deletion(table, uuid);
  return malformed(table);
}

function decodeRow1(table: RowTable, uuid: Uuid, update: JsonObject): RowChange | undefined {
  if (update.new !== undefined && update.new !== null) {
    return isObject(update.new) ? replacement(table, uuid, update.new) : malformed(table);
  }
  return table.get(uuid) === undefined ? undefined : deletion(table, uuid);
}

function replacement(table: RowTable, uuid: Uuid, json: JsonObject): RowChange | undefined {
  const old = table.get(uuid);
  const decoded = table.decode(uuid, json);
  if (old === undefined) return { table: table.name, uuid, new: decoded };
  const row = table.share(old, decoded);
  return row === old ? undefined : { table: table.name, uuid, old, new: row };
}

function deletion(table: RowTable, uuid: Uuid): RowChange {
  const old = table.get(uuid);
  return old === undefined ? { table: table.name, uuid } : { table: table.name, uuid, old };
}

function malformed(table: RowTable): never {
  throw new ProtocolError(`malformed update of a row of table ${table.name}`);
}
