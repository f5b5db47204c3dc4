/**
 * Database files of the C ovsdb-server, standalone format (ovsdb(5)): records, each a line with length and SHA-1 and a line of JSON. The first is the
 * schema, each other one a transaction. Since Open vSwitch 2.15 a transaction with `_is_diff` carries, for modified rows, differences of columns as
 * update2 does.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { systemReason } from '@weft/jsonrpc/connect';
import { parseStoredJson } from '@weft/jsonrpc/json';
import { applyDifference } from '@weft/ovsdb/diff';
import { OvsdbError } from '@weft/ovsdb/error';
import { isObject, type Json, type JsonObject, jsonText } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { parseSchema, schemaToJson } from '@weft/ovsdb/schema-json';
import { decodeDatum } from '@weft/ovsdb/wire';
import type { MemoryTable } from './memory-table.ts';
import { makeFile } from './new-file.ts';
import { createTables } from './tables.ts';

export interface CFileContents {
  readonly schema: DatabaseSchema;
  readonly tables: ReadonlyMap<string, MemoryTable>;
  readonly transactions: number;
  /** Why reading ended before the end of the file: the C server, too, drops what follows a damaged record. */
  readonly damage: string | undefined;
}

const lineFeed = 0x0a;

/** Reads the records of a file. A damaged one ends the list. */
function readRecords(file: string, bytes: Buffer): { readonly records: Json[]; readonly damage: string | undefined } {
  const records: Json[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf(lineFeed, at);
    const header = bytes.toString('latin1', at, end === -1 ? bytes.length : end);
    const match = /^OVSDB (JSON|CLUSTER) (\d+) ([0-9a-f]{40})$/.exec(header);
    if (match === null) {
      if (records.length === 0) throw new OvsdbError('I/O error', `${file}: not a database file of ovsdb-server`);
      return { records, damage: `byte ${at}: no record begins here` };
    }
    if (match[1] === 'CLUSTER') {
      throw new OvsdbError(
        'not supported',
        `${file}: clustered database; make a standalone one of it first ("ovsdb-tool cluster-to-standalone")`,
      );
    }
    const length = Number(match[2]);
    const body = bytes.subarray(end + 1, end + 1 + length);
    if (body.length < length) return { records, damage: `byte ${at}: the record is cut short` };
    if (createHash('sha1').update(body).digest('hex') !== match[3]) {
      return { records, damage: `byte ${at}: the record's checksum is wrong` };
    }
    try {
      records.push(parseStoredJson(body.toString('utf8')));
    } catch {
      return { records, damage: `byte ${at}: the record is not JSON` };
    }
    at = end + 1 + length;
  }
  return { records, damage: undefined };
}

/** Reads a whole file. Errors: `I/O error`, `syntax error`, `not supported` (clustered format). */
export function readCFile(file: string): CFileContents {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    throw new OvsdbError('I/O error', `${file}: open failed (${systemReason(cause as Error)})`, { cause });
  }
  const { records, damage } = readRecords(file, bytes);
  if (records.length === 0) throw new OvsdbError('I/O error', `${file}: ${damage ?? 'no schema, the file is empty'}`);
  const schema = parseSchema(records[0]);
  const { tables } = createTables(schema);
  for (const record of records.slice(1)) applyRecord(tables, record);
  return { schema, tables, transactions: records.length - 1, damage };
}

function applyRecord(tables: ReadonlyMap<string, MemoryTable>, record: Json): void {
  if (!isObject(record)) throw new OvsdbError('syntax error', 'a transaction record is not an object');
  const differences = record._is_diff === true;
  for (const [name, rows] of Object.entries(record)) {
    const table = tables.get(name);
    if (table === undefined) {
      if (name.startsWith('_')) continue;
      throw new OvsdbError('syntax error', `a transaction record names table ${name}, which the schema lacks`);
    }
    for (const [uuid, columns] of Object.entries(rows as JsonObject)) {
      table.replace(uuid, columns === null ? undefined : readRow(table, uuid, columns as JsonObject, differences));
    }
  }
}

function readRow(table: MemoryTable, uuid: string, columns: JsonObject, differences: boolean): Row {
  const old = table.get(uuid);
  const values = Object.entries(columns).map(([name, json]) => {
    const column = table.schema.columns[name];
    if (column === undefined) throw new OvsdbError('syntax error', `no column ${name} in table ${table.name}`);
    const datum =
      differences && old !== undefined
        ? applyDifference(column.type, old[name], json)
        : decodeDatum(column.type, json, { relaxed: true, lenient: true });
    return [name, datum] as const;
  });
  if (old === undefined) return table.text.make(uuid, values);
  const next = table.text.copy(old);
  for (const [column, datum] of values) next[column] = datum;
  return next;
}

/** Writes a file that the C server opens: the schema, and everything else in one transaction. `now` is in milliseconds since 1970. */
export function writeCFile(
  file: string,
  schema: DatabaseSchema,
  tables: ReadonlyMap<string, MemoryTable>,
  now: number,
): void {
  const members = [`"_date":${Math.floor(now)}`, '"_comment":"exported by weft-ovsdb"'];
  for (const [name, table] of tables) {
    if (table.size === 0) continue;
    const rows = [...table.rows()].map(
      (row) => `"${row._uuid}":${table.text.object(row, table.persistentColumns, true)}`,
    );
    members.push(`${JSON.stringify(name)}:{${rows.join(',')}}`);
  }
  const contents = Buffer.concat([record(jsonText(schemaToJson(schema))), record(`{${members.join(',')}}`)]);
  makeFile(file, (unfinished) => {
    try {
      writeFileSync(unfinished, contents, { flag: 'wx', mode: 0o640, flush: true });
    } catch (cause) {
      throw new OvsdbError('I/O error', `${file}: create failed (${systemReason(cause as Error)})`, { cause });
    }
  });
}

function record(json: string): Buffer {
  const body = Buffer.from(`${json}\n`);
  const hash = createHash('sha1').update(body).digest('hex');
  return Buffer.concat([Buffer.from(`OVSDB JSON ${body.length} ${hash}\n`), body]);
}
