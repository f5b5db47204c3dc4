/** Remotes and other settings that stand in a database: `db:DB,TABLE,COLUMN` (ovsdb-server(1)). */
import type { Atom } from '@weft/ovsdb/atom';
import { typeOfColumn } from '@weft/ovsdb/condition';
import { type Datum, datumsEqual } from '@weft/ovsdb/datum';
import { OvsdbError } from '@weft/ovsdb/error';
import type { Json } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import type { ColumnType } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import { encodeDatum } from '@weft/ovsdb/wire';
import type { Database } from './database.ts';
import type { MemoryTable } from './memory-table.ts';
import type { RemoteSettings, Remotes } from './remotes.ts';
import type { OvsdbServer } from './server.ts';

export interface DbPlace {
  readonly database: string;
  readonly table: string;
  readonly column: string;
}

/** Errors: `syntax error` if the text is not `db:DB,TABLE,COLUMN`. */
export function parseDbPlace(text: string): DbPlace {
  const [database, table, column, more] = text.replace(/^db:/, '').split(',');
  if (database === undefined || table === undefined || column === undefined || more !== undefined) {
    throw new OvsdbError('syntax error', `"${text}": invalid syntax`);
  }
  return { database, table, column };
}

/** What remotes, or a setting, may be read from. */
const readable = {
  remotes: {
    is: ({ kind, key }: ColumnType) => kind !== 'map' && (key.type === 'string' || key.refTable !== undefined),
    otherwise: ({ table, column }: DbPlace) =>
      `type of table "${table}" column "${column}" is neither string nor UUID with a reference`,
  },
  setting: {
    is: ({ kind, key }: ColumnType) => kind !== 'map' && key.type === 'string',
    otherwise: ({ table, column }: DbPlace) => `table "${table}" column "${column}" is not string or set of strings`,
  },
};

/** Errors: `syntax error` unless a database is served that has such a column, of a type that `what` can be read from. */
export function checkDbPlace(server: OvsdbServer, text: string, what: keyof typeof readable): void {
  const place = parseDbPlace(text);
  const wrong = (reason: string): OvsdbError => new OvsdbError('syntax error', `"${text}": ${reason}`);
  const database = server.database(place.database);
  if (database === undefined) throw wrong(`no database named ${place.database}`);
  const table = database.tables.get(place.table);
  if (table === undefined) throw wrong(`no table named ${place.table}`);
  const type = typeOfColumn(table.schema, place.column);
  if (type === undefined) throw wrong(`table "${place.table}" has no column "${place.column}"`);
  if (!readable[what].is(type)) throw wrong(readable[what].otherwise(place));
}

/** The atoms in a column of all rows of a table. */
export function valuesAt(server: OvsdbServer, place: DbPlace): readonly Atom[] {
  const table = server.database(place.database)?.tables.get(place.table);
  return table === undefined ? [] : [...table.rows()].flatMap((row) => atoms(row[place.column]));
}

interface ConnectionRow {
  readonly table: MemoryTable;
  readonly row: Row;
}

function connectionRows(server: OvsdbServer, place: DbPlace): ConnectionRow[] {
  const database = server.database(place.database);
  const base = database?.tables.get(place.table)?.schema.columns[place.column]?.type.key;
  const table = base?.refTable === undefined ? undefined : database?.tables.get(base.refTable);
  if (table === undefined) return [];
  return valuesAt(server, place).flatMap((uuid) => {
    const row = table.get(uuid as Uuid);
    return row === undefined ? [] : [{ table, row }];
  });
}

/** What a `db:` remote stands for at the moment. */
export function expandDbRemote(server: OvsdbServer, text: string): RemoteSettings[] {
  const place = parseDbPlace(text);
  const type = server.database(place.database)?.tables.get(place.table)?.schema.columns[place.column]?.type;
  if (type?.key.type === 'string') return valuesAt(server, place).map((target) => ({ target: String(target) }));
  return connectionRows(server, place).flatMap(({ row }) => {
    const { target, role } = row;
    if (typeof target !== 'string' || target === '') return [];
    return [
      {
        target,
        inactivityProbe: first(row.inactivity_probe),
        maxBackoff: first(row.max_backoff),
        ...(atoms(row.read_only)[0] === true ? { readOnly: true } : {}),
        ...(typeof role === 'string' && role !== '' ? { role } : {}),
      },
    ];
  });
}

/** Writes how remotes fare to their rows. What changes with every second alone is written only along with something else. */
export function writeStatus(server: OvsdbServer, remotes: Remotes, now: number): void {
  for (const text of remotes.list()) {
    if (!text.startsWith('db:')) continue;
    const place = parseDbPlace(text);
    const database = server.database(place.database);
    if (database === undefined || server.isRelay(place.database)) continue;
    const operations = connectionRows(server, place).flatMap(({ table, row }) =>
      statusUpdate(remotes, table, row, now),
    );
    if (operations.length > 0) database.transact(operations, { ownsLock: () => true }, () => {});
  }
}

function statusUpdate(remotes: Remotes, table: MemoryTable, row: Row, now: number): Json[] {
  const remote = typeof row.target === 'string' ? remotes.get(row.target) : undefined;
  if (remote === undefined) return [];
  const { connected, status } = remote.status(now);
  const values: { [column: string]: Json } = {};
  const connectedType = table.schema.columns.is_connected?.type;
  if (connectedType?.key.type === 'boolean' && !datumsEqual(row.is_connected, connected)) {
    values.is_connected = connected;
  }
  const statusType = table.schema.columns.status?.type;
  if (statusType?.kind === 'map') {
    const next = new Map([...status].sort(([a], [b]) => (a < b ? -1 : 1)));
    if (!datumsEqual(withoutSeconds(row.status), withoutSeconds(next))) values.status = encodeDatum(statusType, next);
  }
  if (Object.keys(values).length === 0) return [];
  return [{ op: 'update', table: table.name, where: [['_uuid', '==', ['uuid', row._uuid]]], row: values }];
}

function withoutSeconds(datum: Datum): Datum {
  if (!(datum instanceof Map)) return datum;
  return new Map([...(datum as ReadonlyMap<Atom, Atom>)].filter(([key]) => !String(key).startsWith('sec_since')));
}

function atoms(datum: Datum): readonly Atom[] {
  if (datum === undefined || datum instanceof Map) return [];
  return Array.isArray(datum) ? (datum as readonly Atom[]) : [datum as Atom];
}

function first(datum: Datum): number | undefined {
  const [atom] = atoms(datum);
  return typeof atom === 'number' ? atom : undefined;
}

/** True if the change may concern one of the places. */
export function concerns(database: Database, tables: ReadonlySet<string>, places: readonly DbPlace[]): boolean {
  return places.some((place) => {
    if (place.database !== database.name) return false;
    const base = database.tables.get(place.table)?.schema.columns[place.column]?.type.key;
    return tables.has(place.table) || (base?.refTable !== undefined && tables.has(base.refTable));
  });
}
