/**
 * Database files of the C ovsdb-server, standalone format (ovsdb(5)): records, each a line with length and SHA-1 and a line of JSON. The first is the
 * schema, each other one a transaction. Since Open vSwitch 2.15 a transaction with `_is_diff` carries, for modified rows, differences of columns as
 * update2 does.
 */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeFileSync } from 'node:fs';
import { systemReason } from '@weft/jsonrpc/connect';
import { trustedLimits } from '@weft/jsonrpc/framing';
import { parseStoredJson } from '@weft/jsonrpc/json';
import { LongValue } from '@weft/jsonrpc/long-value';
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
/** No header is longer. */
const headerBytes = 128;
const usualLongRecord = 32 << 20;
const chunkBytes = 1 << 20;
/** The containers of a record that hold others of any number: itself, and its tables. */
const tableDepth = 2;

/** Records: `next` returns undefined at the end, and at what is no record, which `damage` describes then. */
class RecordReader {
  readonly #file: string;
  readonly #fd: number;
  readonly #end: number;
  readonly #longRecord: number;
  #at = 0;
  damage: string | undefined;

  constructor(file: string, longRecord: number) {
    this.#file = file;
    this.#longRecord = longRecord;
    this.#fd = openSync(file, 'r');
    this.#end = fstatSync(this.#fd).size;
  }

  close(): void {
    closeSync(this.#fd);
  }

  next(): Json | undefined {
    if (this.#at >= this.#end) return undefined;
    const begin = this.#read(this.#at, headerBytes);
    const end = begin.indexOf(lineFeed);
    const match = /^OVSDB (JSON|CLUSTER) (\d+) ([0-9a-f]{40})$/.exec(
      begin.toString('latin1', 0, end === -1 ? begin.length : end),
    );
    if (match === null) {
      if (this.#at === 0) throw new OvsdbError('I/O error', `${this.#file}: not a database file of ovsdb-server`);
      return this.#damaged('no record begins here');
    }
    if (match[1] === 'CLUSTER') {
      throw new OvsdbError(
        'not supported',
        `${this.#file}: clustered database; make a standalone one of it first ("ovsdb-tool cluster-to-standalone")`,
      );
    }
    const start = this.#at + end + 1;
    const length = Number(match[2]);
    if (start + length > this.#end) return this.#damaged('the record is cut short');
    const hash = createHash('sha1');
    const value = length > this.#longRecord ? this.#parseLong(start, length, hash) : this.#parse(start, length, hash);
    if (hash.digest('hex') !== match[3]) return this.#damaged("the record's checksum is wrong");
    if (value === undefined) return this.#damaged('the record is not JSON');
    this.#at = start + length;
    return value;
  }

  #damaged(what: string): undefined {
    this.damage = `byte ${this.#at}: ${what}`;
    return undefined;
  }

  #parse(start: number, length: number, hash: Hash): Json | undefined {
    const body = this.#read(start, length);
    hash.update(body);
    try {
      return parseStoredJson(body.toString('utf8'));
    } catch {
      return undefined;
    }
  }

  /** A compaction writes all rows in one record, which may be longer than V8's longest string. */
  #parseLong(start: number, length: number, hash: Hash): Json | undefined {
    const reader = new LongValue(trustedLimits, tableDepth);
    let sound = true;
    let whole = false;
    for (let at = start; at < start + length; ) {
      const chunk = this.#read(at, Math.min(chunkBytes, start + length - at));
      at += chunk.length;
      hash.update(chunk);
      if (!sound) continue;
      try {
        const taken = whole ? 0 : reader.feed(chunk);
        if (taken === undefined) continue;
        whole = true;
        sound = chunk.toString('latin1', taken).trim() === '';
      } catch {
        sound = false;
      }
    }
    return sound && whole ? reader.value : undefined;
  }

  /** As many bytes as are there. */
  #read(position: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(Math.min(length, this.#end - position));
    let done = 0;
    while (done < bytes.length) {
      const n = readSync(this.#fd, bytes, done, bytes.length - done, position + done);
      if (n === 0) break;
      done += n;
    }
    return bytes.subarray(0, done);
  }
}

/** Reads a whole file; records longer than `longRecord` bytes are parsed in parts. Errors: `I/O error`, `syntax error`, `not supported` (clustered format). */
export function readCFile(file: string, longRecord = usualLongRecord): CFileContents {
  let reader: RecordReader;
  try {
    reader = new RecordReader(file, longRecord);
  } catch (cause) {
    throw new OvsdbError('I/O error', `${file}: open failed (${systemReason(cause as Error)})`, { cause });
  }
  try {
    const first = reader.next();
    if (first === undefined) {
      throw new OvsdbError('I/O error', `${file}: ${reader.damage ?? 'no schema, the file is empty'}`);
    }
    const schema = parseSchema(first);
    const { tables } = createTables(schema);
    let transactions = 0;
    for (let record = reader.next(); record !== undefined; record = reader.next()) {
      applyRecord(tables, record);
      transactions++;
    }
    return { schema, tables, transactions, damage: reader.damage };
  } finally {
    reader.close();
  }
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
  makeFile(file, (unfinished) => {
    try {
      const fd = openSync(unfinished, 'wx', 0o640);
      try {
        writeRecord(fd, () => [jsonText(schemaToJson(schema))]);
        writeRecord(fd, () => contentsText(tables, now));
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    } catch (cause) {
      throw new OvsdbError('I/O error', `${file}: create failed (${systemReason(cause as Error)})`, { cause });
    }
  });
}

/** In pieces: together they may be longer than V8's longest string. */
function* contentsText(tables: ReadonlyMap<string, MemoryTable>, now: number): Generator<string> {
  let text = `{"_date":${Math.floor(now)},"_comment":"exported by weft-ovsdb"`;
  for (const [name, table] of tables) {
    if (table.size === 0) continue;
    text += `,${JSON.stringify(name)}:{`;
    let first = true;
    for (const row of table.rows()) {
      text += `${first ? '' : ','}"${row._uuid}":${table.text.object(row, table.persistentColumns, true)}`;
      first = false;
      if (text.length < chunkBytes) continue;
      yield text;
      text = '';
    }
    text += '}';
  }
  yield `${text}}`;
}

/** The length and the checksum stand before what they are of, so that is made twice. */
function writeRecord(fd: number, pieces: () => Iterable<string>): void {
  const hash = createHash('sha1');
  let length = 1;
  for (const piece of pieces()) {
    hash.update(piece);
    length += Buffer.byteLength(piece);
  }
  writeFileSync(fd, `OVSDB JSON ${length} ${hash.update('\n').digest('hex')}\n`);
  for (const piece of pieces()) writeFileSync(fd, piece);
  writeFileSync(fd, '\n');
}
