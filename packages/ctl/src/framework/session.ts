/** The connection of a ctl program to its database server: consistent reads, transactions, and waiting for changes. */
import type { Duplex } from 'node:stream';
import { defaultLimits, trustedLimits } from '@weft/jsonrpc/framing';
import { ConnectionClosedError, JsonRpcError, Peer } from '@weft/jsonrpc/peer';
import { isArray, isObject, type Json, type JsonObject, jsonText } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import { CtlError } from './ctl-error.ts';
import { askingOrder, asksForOrder, type ColumnsByTable, entersAlone, entryOrder, referrersOf } from './entry-order.ts';
import { isOrdered, isWhole, type Query, queryKey, whereOf } from './query.ts';
import { RowReader } from './row-reader.ts';
import { type Answer, Snapshot } from './snapshot.ts';
import { isReplyWithRows, type WrittenRows, WrittenRowsReader } from './written-rows.ts';

/** What the commands of a line have to do with. */
export interface Footprint {
  /** Which columns are fetched of each table. */
  readonly columns: ColumnsByTable;
  /** What a C program would replicate for them (`replicatedReferences`), which decides the order of rows. */
  readonly replicated: ColumnsByTable;
}

/** What a query of kind `ids` or `column` found. */
export interface NamedRows {
  readonly query: Query;
  readonly answer: Answer;
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
  /** Makes the reader of a reply with rows, while one is awaited. */
  #rowsReader: (() => WrittenRowsReader) | undefined;

  /** @param trace gets each message that is sent or received, as text; absent: nothing is said */
  constructor(stream: Duplex, name: string, schema: DatabaseSchema, trace?: (text: string) => void) {
    this.#schema = schema;
    this.#trace = trace;
    this.#peer = new Peer(stream, {
      name,
      // As the C programs do; a socket of this machine says when its server is gone.
      probeIntervalMs: name.startsWith('unix:') ? 0 : 5000,
      // There is nothing to do before a reply is whole.
      limits: { ...trustedLimits, longBytes: defaultLimits.maxBytes },
      readerOf: (begin) => (this.#trace === undefined && isReplyWithRows(begin) ? this.#rowsReader?.() : undefined),
      onNotification: (method) => {
        if (method !== 'update') return;
        this.#changes++;
        this.#changed?.();
      },
      onClose: (error) => {
        this.#closed = error ?? new ConnectionClosedError('connection closed');
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

  /** Why it is closed; undefined if it is not. */
  get lost(): Error | undefined {
    return this.#closed;
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
    footprint: Footprint,
    names: Map<string, NamedRows> = new Map(),
  ): Promise<Snapshot> {
    const snapshot = new Snapshot(this.#schema);
    for (const { query, answer } of names.values()) snapshot.add(query, answer);
    const queries = wanted.filter((query) => !names.has(queryKey(query)));
    if (queries.length === 0) return snapshot;
    const [answers] = await Promise.all([this.#answer(queries, footprint), this.#condition]);
    queries.forEach((query, i) => {
      const answer = answers[i]!;
      snapshot.add(query, answer);
      if (query.kind === 'ids' || query.kind === 'column') names.set(queryKey(query), { query, answer });
    });
    return snapshot;
  }

  async #answer(queries: readonly Query[], footprint: Footprint): Promise<readonly Answer[]> {
    // Tables with a single row have no order.
    const tables = queries.filter(isOrdered).map((query) => query.table);
    const ordered = new Set(tables.filter((table) => this.#schema.tables[table]!.maxRows !== 1));
    // More tables than are replicated would come in another order.
    const inOneReply = queries.every((query) => isWhole(query) && footprint.replicated.has(query.table));
    if (inOneReply) {
      try {
        return await this.#readTables(queries, footprint, ordered);
      } catch (error) {
        // A server of an older schema may lack what is asked for the order alone.
        if (!(error instanceof JsonRpcError)) throw error;
      }
    }
    return this.#select(queries, footprint, ordered);
  }

  /** Answers queries for whole tables with what the server tells a replica that begins: their rows in its order, without what is default in them. */
  async #readTables(
    queries: readonly Query[],
    { columns, replicated }: Footprint,
    ordered: ReadonlySet<string>,
  ): Promise<readonly Answer[]> {
    const fetched = new Map<string, ReadonlySet<string>>();
    for (const query of queries) {
      if (query.kind !== 'ids' || !fetched.has(query.table)) fetched.set(query.table, fetchedColumns(query, columns));
    }
    const asked = new Map(fetched);
    for (const [table, names] of asksForOrder(this.#schema, replicated, ordered)) {
      asked.set(table, new Set([...(fetched.get(table) ?? []), ...names]));
    }
    const written = await this.#initial(asked);
    if (referrersOf(this.#schema, replicated, ordered).length === 0) {
      return queries.map(({ table }): Answer => {
        const rows = written.get(table) ?? [];
        return { rows: ordered.has(table) ? entersAlone(rows) : rows };
      });
    }
    const entered = entryOrder(this.#schema, replicated, written, ordered);
    return queries.map(({ table }): Answer => ({ rows: written.get(table) ?? [], entered: entered.get(table) }));
  }

  /** Answers any queries by one transaction. */
  async #select(
    queries: readonly Query[],
    { columns, replicated }: Footprint,
    ordered: ReadonlySet<string>,
  ): Promise<readonly Answer[]> {
    const operations = queries.map((query): Json => {
      const where = whereOf(query, this.#schema.tables[query.table]!);
      return { op: 'select', table: query.table, where, columns: ['_uuid', ...fetchedColumns(query, columns)] };
    });
    const order = ordered.size === 0 ? new Map<string, never>() : this.#entered(replicated, ordered);
    const [results, entered] = await Promise.all([this.transact(operations), order]);
    return queries.map((query, i) => {
      const result = results[i];
      if (!isObject(result) || !isArray(result.rows)) throw new CtlError(`${this.#peer.name}: ${errorText(result)}`);
      const reader = this.#reader(query.table, fetchedColumns(query, columns));
      const rows = (result.rows as readonly JsonObject[]).map((row) =>
        reader.read((row._uuid as readonly string[])[1]!, row),
      );
      return { rows, entered: isOrdered(query) ? entered.get(query.table) : undefined };
    });
  }

  /** Of each of the tables, the uuids in the order in which they enter a replica. */
  async #entered(
    replicated: ColumnsByTable,
    tables: ReadonlySet<string>,
  ): Promise<ReadonlyMap<string, readonly Uuid[]>> {
    const asked = asksForOrder(this.#schema, replicated, tables);
    try {
      return entryOrder(this.#schema, replicated, await this.#initial(asked), tables);
    } catch (error) {
      // A server of an older schema has the tables themselves.
      if (!(error instanceof JsonRpcError) || asked.size === tables.size) throw error;
      return this.#entered(new Map(), tables);
    }
  }

  /** Whole tables, as a monitor of them (ovsdb-server(7), `monitor_cond`) begins; tables without rows are absent. */
  async #initial(columns: ColumnsByTable): Promise<WrittenRows> {
    const requests = Object.fromEntries(
      askingOrder(columns.keys()).map((table) => [table, [{ columns: [...columns.get(table)!] }]]),
    );
    const id = `weft-ctl-${this.#monitors++}`;
    const tables = new Map<string, Row[]>();
    const readers = new Map([...columns].map(([table, names]) => [table, this.#reader(table, names)]));
    const reader = () => new WrittenRowsReader(readers, tables);
    this.#rowsReader = reader;
    const reply = this.#call('monitor_cond', [this.#schema.name, id, requests]);
    const cancelled = this.#call('monitor_cancel', [id]);
    const [updates] = await Promise.all([reply, cancelled]);
    this.#rowsReader = undefined;
    // A reply that was not read so.
    if (isObject(updates)) reader().feed(Buffer.from(jsonText({ result: updates })));
    return tables;
  }

  #reader(table: string, fetched: ReadonlySet<string>): RowReader {
    const key = `${table}|${[...fetched].join()}`;
    let reader = this.#readers.get(key);
    if (reader === undefined) {
      reader = new RowReader(table, this.#schema.tables[table]!, fetched);
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
