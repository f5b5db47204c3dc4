/** The connection of a ctl program to its database server: consistent reads, transactions, and waiting for changes. */
import type { Duplex } from 'node:stream';
import { Peer } from '@weft/jsonrpc/peer';
import type { Datum } from '@weft/ovsdb/datum';
import { isArray, isObject, type Json, type JsonObject, jsonText } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { decodeDatum } from '@weft/ovsdb/wire';
import { CtlError } from './ctl-error.ts';
import { type Query, queryKey, whereOf } from './query.ts';
import { Snapshot } from './snapshot.ts';

/** Which columns are fetched of each table. */
export type ColumnsByTable = ReadonlyMap<string, ReadonlySet<string>>;

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
  readonly #prototypes = new Map<string, object>();
  #changed: (() => void) | undefined;
  #changes = 0;
  #orders = 0;
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
    const operations = queries.map((query): Json => {
      const table = this.#schema.tables[query.table]!;
      const wanted = [...fetchedColumns(query, columns)].filter((c) => c !== '_uuid');
      return { op: 'select', table: query.table, where: whereOf(query, table), columns: ['_uuid', ...wanted] };
    });
    const whole = queries.filter((query) => query.kind === 'all' || query.kind === 'ids').map((query) => query.table);
    const answers = Promise.all([this.transact(operations), this.#writtenOrder(whole)]);
    const [[results, order]] = await Promise.all([answers, this.#condition]);
    queries.forEach((query, i) => {
      const result = results[i];
      if (!isObject(result) || !isArray(result.rows)) throw new CtlError(`${this.#peer.name}: ${errorText(result)}`);
      const prototype = this.#prototype(query.table, fetchedColumns(query, columns));
      const rows = result.rows.map((json) => this.#row(query.table, json as JsonObject, prototype));
      const written = order.get(query.table);
      const ordered = written === undefined ? rows : inWrittenOrder(rows, written);
      snapshot.add(query, ordered);
      if (query.kind === 'ids' || query.kind === 'column') names.set(queryKey(query), { query, rows: ordered });
    });
    return snapshot;
  }

  /**
   * The uuids of whole tables' rows, in the order in which the server writes them for a client's replica: output that follows the order of rows is the
   * C programs' only if it begins with that. Tables with a single row have no order.
   */
  async #writtenOrder(tables: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    const wanted = tables.filter((table) => this.#schema.tables[table]!.maxRows !== 1);
    const order = new Map<string, readonly string[]>();
    if (wanted.length === 0) return order;
    const requests = Object.fromEntries(wanted.map((table) => [table, [{ columns: [] }]]));
    const id = `weft-ctl-order-${this.#orders++}`;
    const reply = this.#call('monitor_cond', [this.#schema.name, id, requests]);
    const cancelled = this.#call('monitor_cancel', [id]);
    const updates = await reply;
    await cancelled;
    for (const table of wanted) {
      const rows = isObject(updates) ? updates[table] : undefined;
      if (isObject(rows)) order.set(table, Object.keys(rows));
    }
    return order;
  }

  #row(table: string, json: JsonObject, prototype: object): Row {
    const row = Object.create(prototype) as { [column: string]: Datum; _uuid: string };
    const columns = this.#schema.tables[table]!.columns;
    for (const name in json) {
      if (name === '_uuid') row._uuid = (json._uuid as readonly string[])[1]!;
      else row[name] = decodeDatum(columns[name]!.type, json[name]!, { relaxed: true, lenient: true });
    }
    return row;
  }

  /** Rows inherit a getter for each column that was not fetched: to read one is a defect of the command's `reads`. */
  #prototype(table: string, fetched: ReadonlySet<string>): object {
    const key = `${table}|${[...fetched].join()}`;
    let prototype = this.#prototypes.get(key);
    if (prototype === undefined) {
      prototype = {};
      for (const column of Object.keys(this.#schema.tables[table]!.columns)) {
        if (fetched.has(column)) continue;
        Object.defineProperty(prototype, column, {
          // A write makes it an own property.
          set(value: Datum) {
            Object.defineProperty(this, column, { value, writable: true, enumerable: true, configurable: true });
          },
          get() {
            throw new Error(`column ${column} of table ${table} is not among those that the command reads`);
          },
        });
      }
      this.#prototypes.set(key, prototype);
    }
    return prototype;
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

function fetchedColumns(query: Query, columns: ColumnsByTable): ReadonlySet<string> {
  if (query.kind === 'column') return new Set([query.column]);
  return query.kind === 'ids' ? new Set() : (columns.get(query.table) ?? new Set());
}

/** The error in an operation's result, the way the C programs print it: as JSON with ascending names. */
export function errorText(result: Json | undefined): string {
  if (!isObject(result)) return 'unexpected reply';
  const sorted: { [name: string]: Json } = {};
  for (const name of Object.keys(result).sort()) sorted[name] = result[name]!;
  return JSON.stringify(sorted);
}
