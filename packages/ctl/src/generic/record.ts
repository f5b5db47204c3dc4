/** Records by uuid, by the beginning of a uuid, by `@name`, or by what names records of their table ("Identifying Tables, Records, and Columns"). */
import type { Atom } from '@weft/ovsdb/atom';
import type { Datum } from '@weft/ovsdb/datum';
import type { Row } from '@weft/ovsdb/row';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { parseUuid, type Uuid } from '@weft/ovsdb/uuid';
import type { ProgramFacts, RecordName, RecordNames } from '../framework/command.ts';
import { CtlError } from '../framework/ctl-error.ts';
import type { Query } from '../framework/query.ts';
import type { Transaction } from '../framework/transaction.ts';

/** The columns that must be read so that `findRecord` can name a record of this table, by table. */
export function recordColumns(names: RecordNames, table: string): Map<string, string[]> {
  const columns = new Map<string, string[]>([[table, []]]);
  for (const name of names[table] ?? []) {
    if (name.column === undefined) continue;
    const in_ = name.via?.table ?? table;
    const list = columns.get(in_) ?? [];
    list.push(name.column, ...(name.via === undefined ? [] : [name.via.column]));
    columns.set(in_, list);
  }
  return columns;
}

/** Finds the record that `text` names; undefined if there is none. Throws a CtlError if there are several. */
export function findRecord(tx: Transaction, program: ProgramFacts, table: string, text: string): Row | undefined {
  const uuid = parseUuid(text);
  if (uuid !== undefined) {
    const row = tx.select({ kind: 'uuid', table, uuid })[0];
    if (row !== undefined) return row;
  }
  if (text === '.') return onlyRow(tx, table);
  // Of several ways to name a record the first that finds one decides.
  const names = program.recordNames[table] ?? [];
  const queries = names.map((name) => nameQuery(tx.schema, table, name, text));
  tx.prefetch(queries.filter((query) => query !== undefined));
  for (const [i, name] of names.entries()) {
    const row = queries[i] === undefined ? undefined : byName(tx, table, name, queries[i], text);
    if (row !== undefined) return row;
  }
  if (!isBeginning(text)) return undefined;
  // The names were read, and with them the uuids of all rows.
  const { columns } = tx.schema.tables[table]!;
  const named = queries.find(
    (query) => query?.kind === 'column' && query.table === table && columns[query.column]!.type.kind !== 'map',
  );
  return byBeginning(tx, table, named ?? { kind: 'column', table, column: '_uuid' }, text);
}

/** As `findRecord`, for a record that must exist. */
export function mustFindRecord(tx: Transaction, program: ProgramFacts, table: string, text: string): Row {
  const row = findRecord(tx, program, table, text);
  if (row === undefined) throw new CtlError(`no row "${text}" in table ${table}`);
  return row;
}

/** `.` names the row of a table that has exactly one. */
function onlyRow(tx: Transaction, table: string): Row | undefined {
  const rows = tx.select({ kind: 'ids', table });
  return rows.length === 1 ? tx.select({ kind: 'uuid', table, uuid: rows[0]!._uuid })[0] : undefined;
}

function byName(tx: Transaction, table: string, name: RecordName, query: Query, text: string): Row | undefined {
  const { column, key, via } = name;
  const rows =
    query.kind === 'column'
      ? tx
          .select(query)
          .filter((row) => isNamed(row[column!], key, text))
          .flatMap((row) => tx.select({ kind: 'uuid', table: query.table, uuid: row._uuid }))
      : tx.select(query);
  if (rows.length > 1) throw new CtlError(`multiple rows in ${query.table} match "${text}"`);
  const row = rows[0];
  if (row === undefined || via === undefined) return row;
  const reference = row[via.column];
  const uuid = Array.isArray(reference)
    ? reference.length === 1
      ? (reference[0] as Uuid)
      : undefined
    : (reference as Uuid);
  return uuid === undefined ? undefined : tx.select({ kind: 'uuid', table, uuid })[0];
}

/** Is the name this text, or a uuid that begins with it? */
function isNamed(datum: Datum, key: string | undefined, text: string): boolean {
  const name = key === undefined ? datum : (datum as ReadonlyMap<Atom, Atom>).get(key);
  if (name === text) return true;
  return typeof name === 'string' && name.startsWith(text) && parseUuid(name) !== undefined;
}

/** What finds the records of this name; undefined if a record cannot have it. */
function nameQuery(
  schema: DatabaseSchema,
  recordTable: string,
  { column, key, via }: RecordName,
  text: string,
): Query | undefined {
  if (column === undefined) return undefined;
  const table = via?.table ?? recordTable;
  const { type } = schema.tables[table]!.columns[column]!.type.key;
  if (type === 'integer')
    return /^-?\d+$/.test(text) ? { kind: 'holds', table, column, atom: Number(text) } : undefined;
  // A name that is a uuid can be cut short as a record's uuid can (Neutron names by uuid).
  if (isBeginning(text)) return { kind: 'column', table, column };
  return key === undefined
    ? { kind: 'holds', table, column, atom: text }
    : { kind: 'pair', table, column, key, value: text };
}

function byBeginning(tx: Transaction, table: string, everyRow: Query, text: string): Row | undefined {
  const found = tx.select(everyRow).filter((row) => row._uuid.startsWith(text));
  if (found.length > 1) {
    const inOrder = tx.select({ kind: 'ids', table }).filter((row) => row._uuid.startsWith(text));
    throw new CtlError(
      `${table} contains 2 or more rows whose UUIDs begin with ${text}: at least ${inOrder[0]!._uuid} and ${inOrder[1]!._uuid}`,
    );
  }
  return found.length === 1 ? tx.select({ kind: 'uuid', table, uuid: found[0]!._uuid })[0] : undefined;
}

/** Is `text` the beginning of a uuid, of at least four digits but not a whole one? */
function isBeginning(text: string): boolean {
  return text.length >= 4 && text.length <= 35 && isUuidBeginning(text);
}

/** Is `text` a uuid or the beginning of one, of any length? */
export function isUuidBeginning(text: string): boolean {
  if (text.length > 36) return false;
  return [...text].every((character, i) =>
    [8, 13, 18, 23].includes(i) ? character === '-' : /[0-9a-fA-F]/.test(character),
  );
}
