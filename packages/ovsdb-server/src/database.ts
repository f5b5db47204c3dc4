/**
 * One database: its tables in memory, its store, and the queue between them. A transaction changes memory at once; all that wait together go to the
 * store as one batch, and only then do monitors and the clients themselves hear of them.
 */
import { datumsEqual } from '@weft/ovsdb/datum';
import { OvsdbError } from '@weft/ovsdb/error';
import { type Json, jsonText } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { type Uuid, zeroUuid } from '@weft/ovsdb/uuid';
import { arePersistent, type TableChange } from './changes.ts';
import { History } from './history.ts';
import type { MemoryTable } from './memory-table.ts';
import { MonitorHub } from './monitor/hub.ts';
import type { MonitorView } from './monitor/view.ts';
import { newUuid } from './new-uuid.ts';
import type { Access } from './operation/context.ts';
import { arrayText, type Text } from './pieces.ts';
import type { AppendResult, Store } from './store/store.ts';
import { createTables } from './tables.ts';
import { execute, type TransactionEnvironment } from './transaction.ts';

export interface Timers {
  /** Milliseconds, monotonic. */
  now(): number;
  after(ms: number, callback: () => void): () => void;
  /** Calls back when what has arrived by now has been read. */
  soon(callback: () => void): void;
  /** Calls back when the work at hand is done: what one client has sent together. */
  atOnce(callback: () => void): void;
}

const kept = Promise.resolve();

export const systemTimers: Timers = {
  now: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, Math.min(ms, 2 ** 31 - 1));
    return () => clearTimeout(timer);
  },
  soon: (callback) => void setImmediate(callback),
  atOnce: (callback) => void kept.then(callback),
};

/** A client that so many transactions in a row come from writes alone. */
const aloneAfter = 16;

export interface RemoteChange {
  readonly table: MemoryTable;
  readonly uuid: Uuid;
  readonly next: Row | undefined;
}

export interface TransactOptions {
  /** Who asks. */
  readonly client?: object | undefined;
  readonly access?: Access | undefined;
  readonly ownsLock: (lock: string) => boolean;
  readonly readOnly?: string | undefined;
  /** As in `OperationContext`. */
  readonly replicates?: boolean | undefined;
  /** It is only tried, to see what comes of it. */
  readonly trial?: boolean | undefined;
}

/** `results` is JSON text of an array of operation results, one of them an error if it has `failed`. Called once, now or later, unless cancelled. */
export type TransactDone = (results: Text, failed: boolean) => void;

interface Pending {
  readonly id: Uuid;
  readonly changes: readonly TableChange[];
  readonly durable: boolean;
  readonly comments: readonly string[];
  readonly results: readonly Text[];
  readonly failed: boolean;
  readonly done: TransactDone;
}

interface Waiter {
  readonly operations: readonly Json[];
  readonly options: TransactOptions;
  readonly done: TransactDone;
  /** When it began to wait. */
  started: number;
  /** It waits for a change of one of these. */
  tables: ReadonlySet<MemoryTable>;
  cancelTimer: (() => void) | undefined;
}

export class Database {
  readonly store: Store;
  readonly monitors: MonitorHub;
  readonly history: History;
  #environment: TransactionEnvironment;
  readonly #timers: Timers;
  readonly #onFatal: (error: Error) => void;
  readonly #onFailure: (error: OvsdbError) => void;
  #failing = false;
  /** The state as it was loaded, and the names of tables that had rows in it, of which what is ephemeral was lost. Tables may be replaced: none is kept by this. */
  readonly #loadedId: Uuid;
  readonly #loadedTables: ReadonlySet<string>;
  #sequence: number;
  #pending: Pending[] = [];
  #storing: Promise<void> | undefined;
  #flushScheduled = false;
  /** Who wrote last, and how often in a row. */
  #writer: object | undefined;
  #inARow = 0;
  #waiters = new Set<Waiter>();
  /** Called after each batch with its changes, monitors served. */
  readonly onCommit = new Set<(changes: readonly TableChange[]) => void>();
  commits = 0;
  readonly #flushSoon = (): void => this.flush();

  private constructor(
    store: Store,
    environment: TransactionEnvironment,
    loaded: { sequence: number; lastId: Uuid },
    timers: Timers,
    onFatal: (error: Error) => void,
    onFailure: (error: OvsdbError) => void,
  ) {
    this.store = store;
    this.#environment = environment;
    this.#timers = timers;
    this.#onFatal = onFatal;
    this.#onFailure = onFailure;
    this.#sequence = loaded.sequence;
    this.history = new History(loaded.lastId === zeroUuid ? newUuid() : loaded.lastId);
    this.#loadedId = loaded.lastId;
    const loadedTables = [...environment.tables.values()].filter(({ size }) => size > 0);
    this.#loadedTables = new Set(loadedTables.map(({ name }) => name));
    this.monitors = new MonitorHub(timers);
  }

  /**
   * `onFatal` is called if the store can no longer be relied on: another process writes to it. `onFailure`: it has refused transactions, and again only
   * after it has taken some, so that a full disk does not fill the log.
   */
  static async open(
    store: Store,
    options: {
      readonly timers?: Timers;
      readonly onFatal?: (error: Error) => void;
      readonly onFailure?: (error: OvsdbError) => void;
    } = {},
  ): Promise<Database> {
    const environment = createTables(store.schema);
    const loaded = await store.load(environment.tables);
    const onFatal =
      options.onFatal ??
      ((error) => {
        throw error;
      });
    const onFailure = options.onFailure ?? (() => {});
    return new Database(store, environment, loaded, options.timers ?? systemTimers, onFatal, onFailure);
  }

  get name(): string {
    return this.schema.name;
  }

  get schema(): DatabaseSchema {
    return this.store.schema;
  }

  get tables(): ReadonlyMap<string, MemoryTable> {
    return this.#environment.tables;
  }

  /**
   * Executes a transaction. If it waits for its `wait` operations now, returns a function that cancels it, which says whether it still waited; else it is
   * done, or will be by itself.
   */
  transact(operations: readonly Json[], options: TransactOptions, done: TransactDone): (() => boolean) | undefined {
    const waiter: Waiter = { operations, options, done, started: 0, tables: new Set(), cancelTimer: undefined };
    if (this.#attempt(waiter, 0)) return undefined;
    return () => this.#forget(waiter);
  }

  /** False: it must wait. */
  #attempt(waiter: Waiter, elapsedMs: number): boolean {
    const outcome = execute(this.#environment, waiter.operations, waiter.options, elapsedMs);
    if (outcome.kind === 'wait') {
      if (!this.#waiters.has(waiter)) {
        this.#waiters.add(waiter);
        waiter.started = this.#timers.now();
      }
      waiter.tables = outcome.tables;
      if (outcome.timeoutMs !== undefined) {
        waiter.cancelTimer?.();
        // Not earlier than the operation's own clock says.
        waiter.cancelTimer = this.#timers.after(Math.ceil(outcome.timeoutMs - elapsedMs) + 1, () =>
          this.#retry(waiter),
        );
      }
      return false;
    }
    if (this.#waiters.size > 0) this.#forget(waiter);
    const { changes, durable, comments, results, failed } = outcome;
    if (changes.length === 0 && this.#pending.length === 0 && this.#storing === undefined) {
      waiter.done(arrayText(results), failed);
      return true;
    }
    this.#pending.push({ id: newUuid(), changes, durable, comments, results, failed, done: waiter.done });
    this.#scheduleFlush(waiter.options.client);
    return true;
  }

  /** Clients that write at the same time share a commit, and the updates that others get of it. Whoever writes alone need not wait for anybody. */
  #scheduleFlush(client: object | undefined): void {
    this.#inARow = client !== undefined && client === this.#writer ? this.#inARow + 1 : 0;
    this.#writer = client;
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    if (this.#inARow < aloneAfter) this.#timers.soon(this.#flushSoon);
    else this.#timers.atOnce(this.#flushSoon);
  }

  #retry(waiter: Waiter): void {
    if (this.#waiters.has(waiter)) this.#attempt(waiter, this.#timers.now() - waiter.started);
  }

  #forget(waiter: Waiter): boolean {
    waiter.cancelTimer?.();
    waiter.cancelTimer = undefined;
    return this.#waiters.delete(waiter);
  }

  /** The net changes after the transaction `id`, or undefined if a client that has seen that one with this view must be shown all rows anew. */
  missed(id: Uuid, view: MonitorView): readonly TableChange[] | undefined {
    if (id === this.#loadedId) {
      for (const [table, { view: columns }] of view.tables) {
        // It may have seen values that ended with the server, and the difference to them is not known.
        if (columns.ephemeral && this.#loadedTables.has(table.name)) return undefined;
      }
    }
    return this.history.since(id);
  }

  /** Stores what has been executed. With a store that answers at once, everything is settled when this returns. */
  flush(): void {
    this.#flushScheduled = false;
    if (this.#storing !== undefined || this.#pending.length === 0) return;
    const batch = this.#pending;
    this.#pending = [];
    // Whoever has several under way shares commits with himself, and the more of them the later they come.
    if (batch.length > 1) this.#inARow = 0;
    const entries = batch.filter(({ changes }) => arePersistent(changes));
    if (entries.length === 0) {
      this.#settle(batch);
      return;
    }
    const durable = batch.some((pending) => pending.durable);
    const sequence = this.#sequence;
    this.#sequence += entries.length;
    const stored = (result: 'ok' | 'conflict'): void => {
      if (result === 'ok') {
        this.#failing = false;
        this.#settle(batch);
      } else {
        const conflict = new OvsdbError('I/O error', `${this.store.name}: another process has written to the database`);
        this.#fail(batch, sequence, conflict);
        this.#onFatal(conflict);
      }
    };
    let result: AppendResult | Promise<AppendResult>;
    try {
      result = this.store.append(sequence, entries, durable);
    } catch (error) {
      this.#fail(batch, sequence, error);
      return;
    }
    // What is stored is not taken back, whatever goes wrong from here on.
    if (typeof result === 'string') {
      stored(result);
      return;
    }
    this.#storing = result
      .then(stored, (error: unknown) => this.#fail(batch, sequence, error))
      .then(() => {
        this.#storing = undefined;
        this.flush();
      });
  }

  /** Calls back when nothing is under way to the store, so that memory is what clients may see. */
  whenSettled(callback: () => void): void {
    this.flush();
    if (this.#storing === undefined) callback();
    else void this.#storing.then(() => this.whenSettled(callback));
  }

  #settle(batch: readonly Pending[]): void {
    for (const { id, changes, results, failed, done } of batch) {
      if (changes.length > 0) {
        this.commits++;
        this.history.add({ id, changes });
        // Before the reply: a client knows from it that it has seen its own changes (ovsdb-server(7) section 4.1.5).
        this.monitors.publish(id, changes);
        for (const listener of this.onCommit) listener(changes);
      }
      done(arrayText(results), failed);
    }
    this.#retryAfter(batch);
  }

  /** Tries those again that wait for one of the tables that have changed. */
  #retryAfter(batch: readonly Pending[]): void {
    if (this.#waiters.size === 0) return;
    const changed = new Set(batch.flatMap(({ changes }) => changes.map(({ at }) => at)));
    for (const waiter of [...this.#waiters]) if (isAmong(waiter.tables, changed)) this.#retry(waiter);
  }

  /** Takes back what the store did not take, and what was executed on top of it. */
  #fail(batch: readonly Pending[], sequence: number, error: unknown): void {
    const all = [...batch, ...this.#pending];
    this.#pending = [];
    this.#sequence = sequence;
    for (let i = all.length - 1; i >= 0; i--) {
      const { changes } = all[i]!;
      for (let j = changes.length - 1; j >= 0; j--) {
        const { at, uuid, old } = changes[j]!;
        at.replace(uuid, old);
      }
    }
    const failure = error instanceof OvsdbError ? error : new OvsdbError('I/O error', String(error), { cause: error });
    if (!this.#failing) this.#onFailure(failure);
    this.#failing = true;
    const text = jsonText(failure.toJson());
    for (const { results, done } of all) done(arrayText([...results, text]), true);
    // They have seen what is not so.
    this.#retryAfter(all);
  }

  /** Takes over what was committed elsewhere: rows without `next` are gone. */
  applyRemote(id: Uuid, changes: readonly RemoteChange[]): void {
    const applied: TableChange[] = [];
    for (const { table, uuid, next } of changes) {
      const old = table.get(uuid);
      const unchanged =
        old !== undefined &&
        next !== undefined &&
        table.columns.every((column) => datumsEqual(old[column], next[column]));
      if (unchanged || (old === undefined && next === undefined)) continue;
      table.replace(uuid, next);
      applied.push({ at: table, table: table.name, uuid, old, new: next, columns: table.columns });
    }
    if (applied.length === 0) this.history.rename(id);
    else
      this.#settle([
        { id, changes: applied, durable: false, comments: [], results: [], failed: false, done: () => {} },
      ]);
  }

  /** Puts another schema and contents in the place of these, as `convert` does. Everything must be settled, or it would be stored in the new tables. */
  replace(schema: DatabaseSchema, environment: TransactionEnvironment): void {
    const id = newUuid();
    const rows = new Map([...environment.tables].map(([name, table]) => [name, table.rows()] as const));
    this.store.replace(schema, rows, id, 'converted by weft-ovsdb');
    this.#environment = environment;
    this.monitors.tablesReplaced();
    this.#sequence++;
    this.history.restart(id);
  }

  /** Ends the transactions that wait; the caller answers for them. */
  cancelWaiters(): void {
    for (const waiter of [...this.#waiters]) this.#forget(waiter);
  }

  async close(): Promise<void> {
    this.flush();
    await this.#storing;
    this.cancelWaiters();
    await this.store.close();
  }
}

function isAmong<T>(some: Iterable<T>, all: ReadonlySet<T>): boolean {
  for (const one of some) if (all.has(one)) return true;
  return false;
}
