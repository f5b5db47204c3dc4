/** The connection of a ctl program to its database server: consistent reads, transactions, and waiting for changes. */
import type { Duplex } from 'node:stream';
import { defaultLimits } from '@weft/jsonrpc/framing';
import { Peer } from '@weft/jsonrpc/peer';
import { isArray, isObject, type Json, type JsonObject, jsonText } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { CtlError } from './ctl-error.ts';
import { type Query, queryKey, whereOf } from './query.ts';
import { type RowReader, rowReader } from './row-reader.ts';
import { Snapshot } from './snapshot.ts';

/** Which columns are fetched of each table. */
export type ColumnsByTable = ReadonlyMap<string, ReadonlySet<string>>;

/** What a monitor begins with, by table and uuid: the columns that are not at their default. */
interface Replica {
  readonly [table: string]: { readonly [uuid: string]: { readonly initial: JsonObject } };
}

/** What a query of kind `ids` or `column` found. */
export interface NamedRows {
  readonly query: Query;
  readonly rows: readonly Row[];
}

/** What `_Server` (ovsdb-server(5)) says of a database. */
export interface ServerState {
  readonly clustered: boolean;
  readonly leader: boolean;
  readonly connected: boolean;
}

/** A connection to one server, for one database. Its calls throw the peer’s errors: `ConnectionClosedError`, `JsonRpcError`. */
export class Session {
  readonly #peer: Peer;
  readonly #schema: DatabaseSchema;
  readonly #readers = new Map<string, RowReader>();
  #changed: (() => void) | undefined;
  #changes = 0;
  #monitors = 0;
  #watching = false;
  #closed: Error | undefined;
  readonly #trace: ((text: string) => void) | undefined;
  #calls = 0;
  #condition: Promise<void> | undefined;

  /** @param trace gets each message that is sent or received, as text; absent: nothing is said */
  constructor(stream: Duplex, name: string, schema: DatabaseSchema, trace?: (text: string) => void) {
    this.#schema = schema;
    this.#trace = trace;
    this.#peer = new Peer(stream, {
      name,
      // There is nothing to do before a reply is whole.
      limits: { ...defaultLimits, longBytes: defaultLimits.maxBytes },
      onNotification: (method) => {
        if (method !== 'update') return;
        this.#changes++;
        this.#changed?.();
      },
      onClose: (error) => {
        this.#closed = error ?? new Error('connection closed');
        this.#changed?.();
      },
    });
  }

  /** The remote. */
  get name(): string {
    return this.#peer.name;
  }

  get closed(): boolean {
    return this.#closed !== undefined;
  }

  close(): void {
    this.#peer.close();
  }

  async #call(method: string, params: readonly Json[]): Promise<Json> {
    const trace = this.#trace;
    if (trace === undefined) return this.#peer.call(method, params);
    const id = this.#calls++;
    trace(`send request, method="${method}", params=${jsonText(params)}, id=${id}`);
    try {
      const result = await this.#peer.call(method, params);
      trace(`received reply, result=${jsonText(result)}, id=${id}`);
      return result;
    } catch (error) {
      trace(`received error, error=${String(error)}, id=${id}`);
      throw error;
    }
  }

  /** Nothing that is read counts before `condition` holds, which is found out meanwhile; if it fails, so does the reading. */
  readOnCondition(condition: Promise<void>): void {
    this.#condition = condition;
    // Whoever reads learns of it.
    condition.catch(() => undefined);
  }

  /** The state of the database on this server; undefined if the server does not tell. */
  async serverState(): Promise<ServerState | undefined> {
    const operation = {
      op: 'select',
      table: 'Database',
      where: [['name', '==', this.#schema.name]],
      columns: ['model', 'leader', 'connected'],
    };
    try {
      const results = await this.#call('transact', ['_Server', operation]);
      const row = isArray(results) && isObject(results[0]) && isArray(results[0].rows) ? results[0].rows[0] : undefined;
      if (!isObject(row)) return undefined;
      return {
        clustered: row.model === 'clustered',
        leader: row.leader === true,
        connected: row.connected === true,
      };
    } catch {
      return undefined;
    }
  }

  /**
   * Answers all the queries from one state of the database. Where a whole table was read only to find a row by its name, that is done once:
   * `names`, by the query's key, has such answers of before, and gets new ones.
   */
  async read(
    wanted: readonly Query[],
    columns: ColumnsByTable,
    names: Map<string, NamedRows> = new Map(),
  ): Promise<Snapshot> {
    const snapshot = new Snapshot(this.#schema);
    const queries = wanted.filter((query) => !names.has(queryKey(query)));
    for (const { query, rows } of names.values()) snapshot.add(query, rows);
    if (queries.length === 0) return snapshot;
    const answers = queries.every(isWhole) ? this.#readTables(queries, columns) : this.#select(queries, columns);
    const [found] = await Promise.all([answers, this.#condition]);
    queries.forEach((query, i) => {
      const rows = found[i]!;
      snapshot.add(query, rows);
      if (query.kind === 'ids' || query.kind === 'column') names.set(queryKey(query), { query, rows });
    });
    return snapshot;
  }

  /** Answers queries for whole tables with what the server tells a replica that begins: their rows in its order, without what is default in them. */
  async #readTables(queries: readonly Query[], columns: ColumnsByTable): Promise<readonly (readonly Row[])[]> {
    const fetched = new Map<string, ReadonlySet<string>>();
    for (const query of queries) {
      if (query.kind === 'all' || !fetched.has(query.table)) fetched.set(query.table, fetchedColumns(query, columns));
    }
    const tables = await this.#initial(fetched);
    return queries.map(({ table }) => {
      const read = this.#reader(table, fetched.get(table)!);
      const rows: Row[] = [];
      const initial = tables[table];
      for (const uuid in initial) rows.push(read(uuid, initial[uuid]!.initial));
      return rows;
    });
  }

  /** Answers any queries by one transaction. */
  async #select(queries: readonly Query[], columns: ColumnsByTable): Promise<readonly (readonly Row[])[]> {
    const operations = queries.map((query): Json => {
      const where = whereOf(query, this.#schema.tables[query.table]!);
      return { op: 'select', table: query.table, where, columns: ['_uuid', ...fetchedColumns(query, columns)] };
    });
    const order = this.#writtenOrder(queries.filter(isWhole).map((query) => query.table));
    const [results, written] = await Promise.all([this.transact(operations), order]);
    return queries.map((query, i) => {
      const result = results[i];
      if (!isObject(result) || !isArray(result.rows)) throw new CtlError(`${this.#peer.name}: ${errorText(result)}`);
      const read = this.#reader(query.table, fetchedColumns(query, columns));
      const rows = (result.rows as readonly JsonObject[]).map((row) => read((row._uuid as readonly string[])[1]!, row));
      const uuids = isWhole(query) ? written.get(query.table) : undefined;
      return uuids === undefined ? rows : inWrittenOrder(rows, uuids);
    });
  }

  /**
   * The uuids of whole tables' rows, in the order in which the server writes them for a client's replica: output that follows the order of rows is the
   * C programs' only if it begins with that. Tables with a single row have no order.
   */
  async #writtenOrder(tables: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    const wanted = tables.filter((table) => this.#schema.tables[table]!.maxRows !== 1);
    if (wanted.length === 0) return new Map();
    const updates = await this.#initial(new Map(wanted.map((table) => [table, new Set<string>()])));
    return new Map(Object.entries(updates).map(([table, rows]) => [table, Object.keys(rows)]));
  }

  /** Whole tables, as a monitor of them (ovsdb-server(7), `monitor_cond`) begins; tables without rows are absent. */
  async #initial(columns: ColumnsByTable): Promise<Replica> {
    const requests = Object.fromEntries([...columns].map(([table, names]) => [table, [{ columns: [...names] }]]));
    const id = `weft-ctl-${this.#monitors++}`;
    const reply = this.#call('monitor_cond', [this.#schema.name, id, requests]);
    const cancelled = this.#call('monitor_cancel', [id]);
    const [updates] = await Promise.all([reply, cancelled]);
    return isObject(updates) ? (updates as unknown as Replica) : {};
  }

  #reader(table: string, fetched: ReadonlySet<string>): RowReader {
    const key = `${table}|${[...fetched].join()}`;
    let reader = this.#readers.get(key);
    if (reader === undefined) {
      reader = rowReader(table, this.#schema.tables[table]!, fetched);
      this.#readers.set(key, reader);
    }
    return reader;
  }

  /** Sends a transaction; returns the operations' results, of which the last may be an error. */
  async transact(operations: readonly Json[]): Promise<readonly Json[]> {
    const results = await this.#call('transact', [this.#schema.name, ...operations]);
    return isArray(results) ? results : [];
  }

  /** From now on changes of these columns count. */
  async watch(columns: ColumnsByTable): Promise<void> {
    if (this.#watching) return;
    this.#watching = true;
    const requests: { [table: string]: Json } = {};
    for (const [table, names] of columns) {
      requests[table] = [{ columns: [...names].filter((c) => c !== '_uuid'), select: { initial: false } }];
    }
    await this.#call('monitor', [this.#schema.name, 'weft-ctl', requests]);
  }

  /** Ends what `watch` began. */
  async unwatch(): Promise<void> {
    if (!this.#watching) return;
    this.#watching = false;
    await this.#call('monitor_cancel', ['weft-ctl']);
  }

  /** How many changes came in since `watch`. */
  get changes(): number {
    return this.#changes;
  }

  /** Resolves once there have been more changes than `seen`. */
  changedSince(seen: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (this.#closed !== undefined) reject(this.#closed);
        else if (this.#changes > seen) resolve();
        else return;
        this.#changed = undefined;
      };
      this.#changed = check;
      check();
    });
  }
}

/** Rows that came since their order was asked for stand at the end. */
function inWrittenOrder(rows: readonly Row[], uuids: readonly string[]): readonly Row[] {
  const byUuid = new Map(rows.map((row) => [row._uuid, row]));
  const ordered: Row[] = [];
  for (const uuid of uuids) {
    const row = byUuid.get(uuid);
    if (row === undefined) continue;
    ordered.push(row);
    byUuid.delete(uuid);
  }
  return [...ordered, ...byUuid.values()];
}

function isWhole(query: Query): boolean {
  return query.kind === 'all' || query.kind === 'ids';
}

/** The columns to ask for, beside `_uuid`. */
function fetchedColumns(query: Query, columns: ColumnsByTable): ReadonlySet<string> {
  const wanted = new Set<string>();
  if (query.kind === 'column') wanted.add(query.column);
  else if (query.kind !== 'ids') for (const name of columns.get(query.table) ?? []) wanted.add(name);
  wanted.delete('_uuid');
  return wanted;
}

/** The error in an operation's result, the way the C programs print it: as JSON with ascending names. */
export function errorText(result: Json | undefined): string {
  if (!isObject(result)) return 'unexpected reply';
  const sorted: { [name: string]: Json } = {};
  for (const name of Object.keys(result).sort()) sorted[name] = result[name]!;
  return JSON.stringify(sorted);
}
