/**
 * A live copy of chosen tables and columns of a database (what the C programs call the IDL). Rows are plain immutable objects; each update of
 * the server becomes one atomic list of changes.
 *
 *     const replica = new Replica({ schema: nb, remotes: 'tcp:10.1.1.41:6641', tables: { Logical_Switch: true, NB_Global: ['nb_cfg'] } });
 *     replica.onChange((changes) => ...);
 *     replica.start();
 *     await replica.synced();
 *     for (const row of replica.table('Logical_Switch').rows()) ...
 */
import { systemClock } from '@weft/jsonrpc/clock';
import { JsonRpcError, type Peer } from '@weft/jsonrpc/peer';
import { isArray, isObject, type Json, type JsonObject } from '@weft/ovsdb/json';
import type { RowChange } from '@weft/ovsdb/row';
import type { DatabaseSchema, RowOf, TableName } from '@weft/ovsdb/schema';
import { zeroUuid } from '@weft/ovsdb/uuid';
import { Conditions, type TableCondition, type TableConditions } from './conditions.ts';
import { checkResults, NotConnectedError, ReadOnlyError, refusal, requireText, UncertainError } from './errors.ts';
import { Inbox } from './inbox.ts';
import { tell } from './listeners.ts';
import { Lock } from './lock.ts';
import { columnsText, conditionRequests, monitorRequests } from './monitor-requests.ts';
import { type RetryOptions, retry } from './retry.ts';
import { RowTable, type TableView } from './rows.ts';
import type { ServerTables } from './server-status.ts';
import { type Connection, Session, type SessionOptions, whyLost } from './session.ts';
import { Transaction } from './transaction.ts';
import { countRows, decodeUpdates, ProtocolError, type UpdateFormat } from './updates.ts';

const mayBe = 'the transaction may have been committed';
const unseen = 'the connection was lost before the changes of the transaction came; it has been committed';

/** For each table: all its columns, or these. Columns that are not monitored hold their defaults. */
export type TableSelection<D extends DatabaseSchema> = {
  readonly [T in TableName<D>]?: true | readonly (keyof D['tables'][T]['columns'] & string)[];
};

export interface ReplicaOptions<D extends DatabaseSchema> extends Omit<SessionOptions, 'database'> {
  readonly schema: D;
  /** Default: the schema's name. */
  readonly database?: string;
  /** Default: every table, every column. */
  readonly tables?: TableSelection<D>;
  /** Which rows. Default: all. */
  readonly conditions?: TableConditions<D>;
  /** Refuse every transaction. */
  readonly readOnly?: boolean;
  /** Rows decoded in one turn of the event loop. Default 1000, a few milliseconds' worth. */
  readonly sliceRows?: number;
}

/**
 * `connecting`: no usable server. `syncing`: one is found, its rows are on their way; those at hand are from before. `live`: every change arrives.
 */
export type ReplicaState = 'connecting' | 'syncing' | 'live' | 'closed';

export class Replica<D extends DatabaseSchema> {
  readonly schema: D;
  readonly #options: ReplicaOptions<D>;
  readonly #session: Session;
  readonly #tables = new Map<string, RowTable>();
  readonly #columns = new Map<string, readonly string[]>();
  readonly #conditions = new Conditions();
  readonly #inbox = new Inbox();
  readonly #locks = new Map<string, Lock>();
  readonly #changeListeners = new Set<(changes: readonly RowChange[]) => void>();
  readonly #stateListeners = new Set<(state: ReplicaState) => void>();
  readonly #conditionWaiters: { readonly resolve: () => void; readonly reject: (error: Error) => void }[] = [];
  #state: ReplicaState = 'connecting';
  #connection: Connection | undefined;
  #format: UpdateFormat = 2;
  #monitorId: Json = '';
  #monitors = 0;
  #lastTransaction: string = zeroUuid;
  /** What the rows at hand were asked for with: the columns that the server had, of our tables. */
  #columnsThere = '';
  #everSynced = false;

  constructor(options: ReplicaOptions<D>) {
    this.#options = options;
    this.schema = options.schema;
    for (const [name, schema] of Object.entries(options.schema.tables)) {
      const selected = options.tables === undefined ? true : options.tables[name as TableName<D>];
      if (selected === undefined) continue;
      this.#tables.set(name, new RowTable(name, schema));
      this.#columns.set(name, selected === true ? Object.keys(schema.columns) : selected);
    }
    this.#want(options.conditions ?? {});
    this.#session = new Session(
      { ...options, database: options.database ?? options.schema.name },
      {
        onConnected: (connection) => this.#connected(connection),
        onNotification: (method, params) => this.#notified(method, params),
        onLost: () => this.#lost(),
      },
    );
  }

  start(): void {
    this.#session.start();
  }

  close(): void {
    this.#session.close();
    this.#inbox.clear();
    this.#setState('closed');
    this.#refuseConditions(new NotConnectedError('replica is closed'));
  }

  get state(): ReplicaState {
    return this.#state;
  }

  /** The remote in use. */
  get remote(): string | undefined {
    return this.#connection?.remote;
  }

  /** What the connected server has: to know whether a newer column exists there. */
  get serverTables(): ServerTables | undefined {
    return this.#connection?.serverTables;
  }

  /** True once a first whole copy has arrived; it stays true when the connection is lost. */
  get everSynced(): boolean {
    return this.#everSynced;
  }

  onState(listener: (state: ReplicaState) => void): () => void {
    this.#stateListeners.add(listener);
    return () => this.#stateListeners.delete(listener);
  }

  /** Resolves when the replica is live, at once if it is. Rejects when it is closed. */
  synced(): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = (state: ReplicaState): boolean => {
        if (state === 'live') resolve();
        else if (state === 'closed') reject(new NotConnectedError('replica is closed'));
        else return false;
        return true;
      };
      if (check(this.#state)) return;
      const off = this.onState((state) => {
        if (check(state)) off();
      });
    });
  }

  /** @throws Error if the table is not replicated. */
  table<T extends TableName<D>>(name: T): TableView<RowOf<D, T>> {
    const table = this.#tables.get(name);
    if (table === undefined) throw new Error(`table ${name} is not replicated`);
    // Rows are built by the schema from which RowOf is inferred.
    return table as unknown as TableView<RowOf<D, T>>;
  }

  /**
   * Calls `listener` once for each update, with all of its changes; the tables are already as after it. The first list is the whole content.
   * Within a list, each row appears once, tables in no particular order. Returned: the function that ends it.
   */
  onChange(listener: (changes: readonly RowChange[]) => void): () => void {
    this.#changeListeners.add(listener);
    return () => this.#changeListeners.delete(listener);
  }

  /**
   * Wants other rows of some tables. Resolves when the replica holds exactly the rows of the new conditions (and of those set meanwhile), over
   * reconnects if need be. Conditions that are set while a change is on its way travel together; if the server refuses them, all of them reject.
   * @throws JsonRpcError, NotConnectedError
   */
  async setConditions(conditions: TableConditions<D>): Promise<void> {
    if (this.#state === 'closed') throw new NotConnectedError('replica is closed');
    this.#want(conditions);
    if (this.#state === 'live' && this.#conditionsMet) return;
    const promise = new Promise<void>((resolve, reject) => this.#conditionWaiters.push({ resolve, reject }));
    if (this.#state === 'live') this.#askConditions();
    return promise;
  }

  #want(conditions: { readonly [table: string]: TableCondition | undefined }): void {
    for (const [table, condition] of Object.entries(conditions)) {
      if (condition === undefined) continue;
      // The server would refuse it, each time anew.
      if (!this.#tables.has(table)) throw new Error(`table ${table} is not replicated`);
      this.#conditions.want(table, condition);
    }
  }

  /** The lock of that name; asked for from the first call on. Every transaction built by `transaction()` asserts it. */
  lock(name: string): Lock {
    let lock = this.#locks.get(name);
    if (lock === undefined) {
      lock = new Lock(name);
      this.#locks.set(name, lock);
      if (this.#connection !== undefined) this.#requestLock(lock, this.#connection.peer);
    }
    return lock;
  }

  unlock(name: string): void {
    this.#locks.get(name)?.release();
    this.#locks.delete(name);
  }

  /** A builder whose `commit` sends to this replica's server, and that knows the rows at hand. */
  transaction(): Transaction<D> {
    const transaction = new Transaction(this.schema, {
      row: (table, uuid) => this.#tables.get(table)?.get(uuid),
      send: (operations) => this.transact(operations),
      monitored: (table, column) => this.#columns.get(table)?.includes(column) ?? false,
      exists: (table, column) => this.#connection?.serverTables.get(table)?.has(column) ?? true,
    });
    for (const name of this.#locks.keys()) transaction.assertLock(name);
    return transaction;
  }

  /**
   * Sends operations (RFC 7047 section 5.2) as one transaction. When it resolves, its changes have been delivered to `onChange`.
   * @throws NotConnectedError, UncertainError, TransactionError, ConflictError, ReadOnlyError
   */
  async transact(operations: readonly JsonObject[]): Promise<readonly JsonObject[]> {
    if (this.#options.readOnly) throw new ReadOnlyError('this connection is read-only');
    requireText(operations);
    const peer = this.#connection?.peer;
    if (peer === undefined) throw new NotConnectedError(`${this.#databaseName}: not connected to a server`);
    const reply = await new Promise<Json>((resolve, reject) => {
      peer.request(
        'transact',
        [this.#databaseName, ...operations],
        // Behind the updates that came before it, unless the connection is lost before those have been worked on.
        (result) =>
          this.#enqueue(
            () => resolve(result),
            () => reject(new UncertainError(`${peer.name}: ${unseen}`)),
          ),
        (error) => {
          if (error instanceof JsonRpcError) reject(refusal(error.error as Json));
          else reject(new UncertainError(`${whyLost(peer.name, error).message}; ${mayBe}`, { cause: error }));
        },
      );
    });
    return checkResults(reply);
  }

  /**
   * Builds a transaction and commits it; on a conflict builds it anew, from the rows as they are then. `build` runs once per attempt and must only read
   * this replica. Gives up with the last error.
   * @throws as `transact`; UncertainError also if the last attempt failed, but one before it may have been committed
   */
  retry<R>(
    build: (transaction: Transaction<D>) => R,
    options: RetryOptions = {},
  ): Promise<{ readonly transaction: Transaction<D>; readonly value: R }> {
    const begin = async (): Promise<Transaction<D>> => {
      await this.synced();
      return this.transaction();
    };
    // What it conflicted with may still be on its way to us.
    return retry({ begin, settle: () => this.#nextChange(50) }, build, options);
  }

  /** Resolves at the next change, and after so many milliseconds at the latest. */
  #nextChange(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        off();
        cancel();
        resolve();
      };
      const off = this.onChange(done);
      const cancel = (this.#options.clock ?? systemClock).after(milliseconds, done);
    });
  }

  /** Leaves the server for another one. */
  reconnect(reason = 'reconnect requested'): void {
    this.#session.reconnect(reason);
  }

  /** See {@link Session.resetClusterState}. */
  resetClusterState(): void {
    this.#session.resetClusterState();
  }

  setRemotes(remotes: string): void {
    this.#session.setRemotes(remotes);
  }

  /** Milliseconds; 0 for none. */
  setProbeInterval(milliseconds: number): void {
    this.#session.setProbeInterval(milliseconds);
  }

  get #databaseName(): string {
    return this.#options.database ?? this.schema.name;
  }

  #setState(state: ReplicaState): void {
    if (this.#state === state || this.#state === 'closed') return;
    this.#state = state;
    tell(this.#stateListeners, state);
  }

  #connected(connection: Connection): void {
    this.#connection = connection;
    this.#setState('syncing');
    for (const lock of this.#locks.values()) this.#requestLock(lock, connection.peer);
    this.#monitor(connection, 'monitor_cond_since');
  }

  #requestLock(lock: Lock, peer: Peer): void {
    lock.request(peer, (error) => this.#options.log?.('warn', `lock ${lock.name}: ${error.message}`));
  }

  #lost(): void {
    this.#connection = undefined;
    this.#inbox.clear();
    if (!this.#conditions.lost()) this.#lastTransaction = zeroUuid;
    for (const lock of this.#locks.values()) lock.lost();
    this.#setState('connecting');
  }

  /** Monitors by the newest of the three methods that the server knows. */
  #monitor(connection: Connection, method: 'monitor_cond_since' | 'monitor_cond' | 'monitor'): void {
    const { peer } = connection;
    // Of a column that this server has and the last one had not, history would tell nothing.
    const columnsThere = columnsText(this.#columns, connection.serverTables);
    if (columnsThere !== this.#columnsThere) this.#lastTransaction = zeroUuid;
    this.#columnsThere = columnsThere;
    // Without history the conditions that are wanted now can be had at once.
    if (method !== 'monitor_cond_since' || this.#lastTransaction === zeroUuid) {
      this.#lastTransaction = zeroUuid;
      this.#conditions.restart();
    }
    this.#monitorId = `weft:${this.#monitors++}`;
    this.#format = method === 'monitor' ? 1 : 2;
    const params: Json[] = [
      this.#databaseName,
      this.#monitorId,
      monitorRequests(
        this.#columns,
        connection.serverTables,
        method === 'monitor' ? undefined : (table) => this.#conditions.granted(table),
      ),
    ];
    if (method === 'monitor_cond_since') params.push(this.#lastTransaction);
    peer.request(
      method,
      params,
      (result) => this.#monitored(connection, method, result),
      (error) => {
        if (peer.closed) return;
        const unknown = error instanceof JsonRpcError && unknownMethod(error.error as Json);
        if (unknown && method === 'monitor_cond_since') this.#monitor(connection, 'monitor_cond');
        else if (unknown && method === 'monitor_cond') this.#monitor(connection, 'monitor');
        else {
          this.#refuseConditions(error);
          peer.close(error);
        }
      },
    );
  }

  #monitored(connection: Connection, method: 'monitor_cond_since' | 'monitor_cond' | 'monitor', result: Json): void {
    const synced = (): void => {
      // A listener has left the server.
      if (this.#connection !== connection) return;
      this.#everSynced = true;
      this.#setState('live');
      this.#askConditions();
      this.#settleConditions();
    };
    if (method !== 'monitor_cond_since') {
      this.#update(result, true, undefined, synced);
      return;
    }
    if (!isArray(result) || result.length !== 3 || typeof result[1] !== 'string') {
      connection.peer.close(new ProtocolError('malformed reply to monitor_cond_since'));
      return;
    }
    this.#update(result[2] ?? null, result[0] !== true, result[1], synced);
  }

  #notified(method: string, params: readonly Json[]): void {
    switch (method) {
      case 'update':
      case 'update2':
        if (params[0] === this.#monitorId) this.#update(params[1] ?? null, false, undefined);
        return;
      case 'update3':
        if (params[0] !== this.#monitorId) return;
        this.#update(params[2] ?? null, false, typeof params[1] === 'string' ? params[1] : undefined);
        return;
      case 'locked':
      case 'stolen': {
        const name = params[0];
        if (typeof name === 'string') this.#enqueue(() => this.#locks.get(name)?.notified(method));
        return;
      }
      case 'monitor_canceled':
        // The database was removed or converted; what is there now is found out on a new connection.
        if (params[0] === this.#monitorId) {
          this.#lastTransaction = zeroUuid;
          this.#connection?.peer.close(new ProtocolError('monitor canceled by the server'));
        }
        return;
    }
  }

  #enqueue(action: () => void, dropped?: () => void): void {
    this.#inbox.add(() => {
      action();
      return true;
    }, dropped);
  }

  /** Decodes an update, in slices if it is large, then makes it visible in one step, and goes on with `then`: not if it cannot be decoded. */
  #update(json: Json, whole: boolean, lastTransaction: string | undefined, then?: () => void): void {
    const sliceRows = this.#options.sliceRows ?? 1000;
    let decoding: ReturnType<typeof decodeUpdates> | undefined;
    const slice = countRows(json) <= sliceRows && !whole ? Number.POSITIVE_INFINITY : sliceRows;
    this.#inbox.add(() => {
      try {
        decoding ??= decodeUpdates(this.#tables, json, this.#format, whole);
        if (!decoding.step(slice)) return false;
      } catch (error) {
        // The copy cannot be trusted any more: begin again from nothing.
        this.#lastTransaction = zeroUuid;
        this.#connection?.peer.close(error instanceof Error ? error : new ProtocolError(String(error)));
        return true;
      }
      if (lastTransaction !== undefined) this.#lastTransaction = lastTransaction;
      this.#commit(decoding.changes);
      then?.();
      return true;
    });
  }

  #commit(changes: readonly RowChange[]): void {
    if (changes.length === 0) return;
    for (const change of changes) this.#tables.get(change.table)?.commit(change);
    tell(this.#changeListeners, changes);
  }

  #askConditions(): void {
    const connection = this.#connection;
    if (connection === undefined || this.#format === 1) return;
    const tables = this.#conditions.next();
    if (tables === undefined) return;
    const requests = conditionRequests(tables, connection.serverTables);
    connection.peer.request(
      'monitor_cond_change',
      [this.#monitorId, this.#monitorId, requests],
      () =>
        this.#enqueue(() => {
          this.#conditions.answered();
          this.#askConditions();
          this.#settleConditions();
        }),
      (error) => {
        if (connection.peer.closed) return;
        // Of which tables it has been done, and of which not, nobody knows.
        this.#conditions.refused();
        this.#refuseConditions(error);
        connection.peer.close(error);
      },
    );
  }

  #refuseConditions(error: Error): void {
    for (const waiter of this.#conditionWaiters.splice(0)) waiter.reject(error);
  }

  /** A server that knows only `monitor` sends every row; that is all that can be had from it. */
  get #conditionsMet(): boolean {
    return this.#conditions.settled || this.#format === 1;
  }

  #settleConditions(): void {
    if (!this.#conditionsMet) return;
    for (const waiter of this.#conditionWaiters.splice(0)) waiter.resolve();
  }
}

function unknownMethod(error: Json): boolean {
  return error === 'unknown method' || (isObject(error) && error.error === 'unknown method');
}
