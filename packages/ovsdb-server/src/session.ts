/** One client: its requests, monitors, locks and waiting transactions (RFC 7047 section 4.1; ovsdb-server(7) section 4). */
import type { Peer } from '@weft/jsonrpc/peer';
import { OvsdbError, syntaxError } from '@weft/ovsdb/error';
import { canonicalText, isObject, type Json, jsonText } from '@weft/ovsdb/json';
import { parseSchema, schemaToJson } from '@weft/ovsdb/schema-json';
import { isUuid } from '@weft/ovsdb/uuid';
import { isId } from '@weft/ovsdb/wire';
import type { Database } from './database.ts';
import type { LockHolder } from './locks.ts';
import { dumpPieces } from './monitor/dump.ts';
import type { Member, Method, MonitorSink } from './monitor/member.ts';
import { parseConditionChanges, parseMonitorRequests } from './monitor/request.ts';
import { Output } from './output.ts';
import { type Piece, sendAround, type Text } from './pieces.ts';
import { checkMayConvert, RoleAccess } from './rbac.ts';
import { type Forwarder, type OvsdbServer, readOnlyMode } from './server.ts';
import { maxWaiting, mayWrite, tooManyWait } from './transact-requests.ts';

export interface SessionOptions {
  /** Only transactions that write nothing. */
  readonly readOnly?: boolean;
  readonly role?: string;
  /** The name in the client's certificate. */
  readonly client?: string;
}

interface SessionMonitor {
  readonly database: Database;
  readonly member: Member;
}

interface WaitingTransaction {
  readonly database: Database;
  /** True if it has ended by that and the client is owed the answer; false if its answer is still to come, or came. */
  readonly cancel: () => boolean;
  /** Ends it so that no answer comes any more. */
  readonly abandon: () => void;
}

const parameters = { update2: 3, update3: 4 } as const;

export class Session implements LockHolder, MonitorSink {
  readonly peer: Peer;
  /** It can live with databases that come, go and change, and wants to hear of it instead of being disconnected. */
  changeAware = false;
  readonly #server: OvsdbServer;
  readonly #options: SessionOptions;
  readonly #output: Output;
  readonly #monitors = new Map<string, SessionMonitor>();
  readonly #locks = new Set<string>();
  readonly #waiting = new Map<string, WaitingTransaction>();
  /** The database whose store may not have what this client sent last. */
  #unstored: Database | undefined;

  constructor(server: OvsdbServer, peer: Peer, options: SessionOptions) {
    this.#server = server;
    this.peer = peer;
    this.#options = options;
    this.#output = new Output(peer, server.slices, () => this.catchUp());
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  get locksHeld(): string[] {
    return [...this.#locks].filter((name) => this.#server.locks.owns(name, this));
  }

  get locksWaiting(): string[] {
    return [...this.#locks].filter((name) => !this.#server.locks.owns(name, this));
  }

  // LockHolder

  locked(name: string): void {
    this.send(jsonText({ id: null, method: 'locked', params: [name] }));
  }

  stolen(name: string): void {
    this.send(jsonText({ id: null, method: 'stolen', params: [name] }));
  }

  // MonitorSink

  send(message: string): void {
    this.#output.send(message);
  }

  stream(pieces: readonly Piece[]): void {
    this.#output.stream(pieces);
  }

  get ready(): boolean {
    return this.#output.ready;
  }

  /** Sends what monitors held back while the client did not read. */
  catchUp(): void {
    for (const { member } of this.#monitors.values()) {
      if (!this.ready) return;
      member.catchUp();
    }
  }

  /** The client hears of what a transaction changed before the answer, however little it has read: who has the answer has seen its own changes. */
  #tellChanges(database: Database): void {
    for (const monitor of this.#monitors.values()) if (monitor.database === database) monitor.member.catchUp();
  }

  /** The client has read everything. */
  drained(): void {
    this.#output.drained();
  }

  handle(method: string, params: readonly Json[], id: Json): void {
    this.#server.counters.requests++;
    this.#attempt(id, () => {
      // Those of one database share a commit.
      if (this.#unstored !== undefined && !(method === 'transact' && params[0] === this.#unstored.name)) this.settle();
      this.#dispatch(method, params, id);
    });
  }

  /** What goes wrong is the answer to the request. */
  #attempt(id: Json, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#replyError(id, error);
    }
  }

  /** The answers to transactions that have been executed leave: what is answered next comes after them. */
  settle(): void {
    this.#unstored?.flush();
    this.#unstored = undefined;
  }

  notification(method: string, params: readonly Json[]): void {
    if (method === 'cancel' && params.length === 1) this.#cancel(params[0]!);
  }

  close(): void {
    this.#output.close();
    for (const { database, member } of this.#monitors.values()) database.monitors.remove(member);
    this.#monitors.clear();
    for (const { abandon } of this.#waiting.values()) abandon();
    this.#waiting.clear();
    for (const name of this.#locks) this.#server.locks.unlock(name, this);
    this.#locks.clear();
  }

  /** A database goes away, or becomes another: its monitors end and its waiting transactions are answered. */
  databaseChanged(database: Database): void {
    // It stays in memory as long as somebody is to settle it, and this client may have nothing more to say for weeks.
    if (this.#unstored === database) this.settle();
    for (const [key, waiting] of this.#waiting) {
      if (waiting.database !== database) continue;
      waiting.abandon();
      this.#waiting.delete(key);
      this.send(`{"id":${key},"result":null,"error":"canceled"}`);
    }
    for (const [key, monitor] of this.#monitors) {
      if (monitor.database !== database) continue;
      database.monitors.remove(monitor.member);
      this.#monitors.delete(key);
      this.send(`{"id":null,"method":"monitor_canceled","params":[${monitor.member.id}]}`);
    }
  }

  #dispatch(method: string, params: readonly Json[], id: Json): void {
    if (!this.#server.conditionalMonitors && (method === 'monitor_cond' || method === 'monitor_cond_since')) {
      throw new OvsdbError('unknown method', method);
    }
    switch (method) {
      case 'transact':
        this.#transact(params, id);
        return;
      case 'monitor':
        this.#monitor('update', 'monitor', params, id);
        return;
      case 'monitor_cond':
        this.#monitor('update2', 'monitor_cond', params, id);
        return;
      case 'monitor_cond_since':
        this.#monitor('update3', 'monitor_cond_since', params, id);
        return;
      case 'monitor_cond_change':
        this.#changeMonitor(params, id);
        return;
      case 'monitor_cancel':
        this.#cancelMonitor(params, id);
        return;
      case 'list_dbs':
        this.#reply(id, jsonText(this.#server.databaseNames()));
        return;
      case 'get_schema':
        this.#reply(id, jsonText(schemaToJson(this.#database('get_schema', params).schema)));
        return;
      case 'get_server_id':
        this.#reply(id, jsonText(this.#server.id));
        return;
      case 'lock':
      case 'steal':
        this.#lock(method, params, id);
        return;
      case 'unlock':
        this.#unlock(params, id);
        return;
      case 'set_db_change_aware':
        if (params.length !== 1 || typeof params[0] !== 'boolean') {
          throw syntaxError(params, 'set_db_change_aware: true or false parameter expected');
        }
        this.changeAware = params[0];
        this.#reply(id, '{}');
        return;
      case 'convert':
        this.#convert(params, id);
        return;
      case 'echo':
        this.#reply(id, jsonText(params));
        return;
      default:
        throw new OvsdbError('unknown method', method);
    }
  }

  #database(method: string, params: readonly Json[]): Database {
    const [name] = params;
    if (typeof name !== 'string') throw syntaxError(params, `${method} request params must begin with <db-name>`);
    const database = this.#server.database(name);
    if (database === undefined) {
      throw new OvsdbError('unknown database', `${method} request specifies unknown database ${name}`, {
        syntax: params,
      });
    }
    return database;
  }

  /** A transaction that waits keeps its id to itself, so that it can be cancelled. */
  #checkId(method: string, params: readonly Json[], id: Json): void {
    if (this.#waiting.size > 0 && this.#waiting.has(jsonText(id))) {
      throw syntaxError(params, `${method}: duplicate request ID`);
    }
  }

  #transact(params: readonly Json[], id: Json): void {
    const database = this.#database('transact', params);
    this.#checkId('transact', params, id);
    const access = RoleAccess.of(database.tables, this.#options.role, this.#options.client);
    const source = this.#server.forwarder(database);
    const forward = source !== undefined && !this.#options.readOnly && params.some(mayWrite) ? source : undefined;
    if (forward !== undefined && access === undefined) {
      this.#forward(forward, database, params, id);
      return;
    }
    this.#server.counters.transactions++;
    let key: string | undefined;
    const cancel = database.transact(
      params.slice(1),
      {
        client: this,
        access,
        ownsLock: (lock) => this.#server.locks.owns(lock, this),
        readOnly: this.#server.readOnlyReason(database) ?? (this.#options.readOnly ? readOnlyMode : undefined),
        trial: forward !== undefined,
      },
      (results, failed) => {
        if (key !== undefined) this.#waiting.delete(key);
        // The source knows no role of this client: what the rules prohibit must not get there.
        if (forward === undefined || failed) {
          this.#tellChanges(database);
          this.#reply(id, results);
        } else this.#attempt(id, () => this.#forward(forward, database, params, id));
      },
    );
    if (cancel === undefined) {
      this.#unstored = database;
      return;
    }
    if (this.#waiting.size >= maxWaiting) {
      cancel();
      throw tooManyWait();
    }
    key = jsonText(id);
    this.#waiting.set(key, { database, cancel, abandon: cancel });
  }

  /**
   * Another server executes it. It may wait there, so it can be cancelled, and is if the client goes. A client that sends faster than that server
   * executes is not read for a while.
   */
  #forward(forward: Forwarder, database: Database, params: readonly Json[], id: Json): void {
    // The client was not read until all the others had been looked at: they wait.
    if (this.#waiting.size >= maxWaiting) throw tooManyWait();
    const key = jsonText(id);
    let state: 'sent' | 'answered' | 'abandoned' = 'sent';
    let waiting: WaitingTransaction | undefined;
    let readOn = (): void => {};
    const cancelThere = forward.transact(params, (members) => {
      if (state === 'abandoned') return;
      state = 'answered';
      if (this.#waiting.get(key) === waiting) this.#waiting.delete(key);
      this.#tellChanges(database);
      this.send(`{"id":${key},${members}}`);
    });
    if (state !== 'sent') return;
    waiting = {
      database,
      cancel: () => {
        cancelThere();
        return false;
      },
      abandon: () => {
        state = 'abandoned';
        readOn();
        cancelThere();
      },
    };
    this.#waiting.set(key, waiting);
    if (this.#waiting.size < maxWaiting && !forward.congested) return;
    this.peer.hold();
    let held = true;
    const release = (): void => {
      if (held) this.peer.release();
      held = false;
    };
    const forget = forward.settle(release);
    // The client may stay when the database goes. What else it asks for is looked at when it has been told.
    readOn = () => {
      forget();
      setImmediate(release);
    };
  }

  #cancel(id: Json): void {
    const key = jsonText(id);
    const waiting = this.#waiting.get(key);
    // A transaction that no longer waits is about to be answered.
    if (waiting?.cancel() !== true) return;
    this.#waiting.delete(key);
    this.#reply(id, 'null', '"canceled"');
  }

  #monitor(method: Method, name: string, params: readonly Json[], id: Json): void {
    const database = this.#database(name, params);
    const [, monitorId, requestsJson, since] = params;
    // A `monitor` with more parameters is accepted, as it always was.
    if (monitorId === undefined || (method === 'update' ? params.length < 3 : params.length !== parameters[method]))
      throw syntaxError(params, 'invalid parameters');
    const key = canonicalText(monitorId);
    if (!isObject(requestsJson)) throw syntaxError(requestsJson ?? null, 'monitor-requests must be object');
    if (this.#monitors.has(key)) throw syntaxError(monitorId, 'duplicate monitor ID');
    const requests = parseMonitorRequests(database.tables, requestsJson, method !== 'update');
    if (method === 'update3' && typeof since !== 'string') throw syntaxError(since!, 'last-txn-id must be string');
    if (method === 'update3' && !isUuid((since as string).toLowerCase())) {
      throw syntaxError(since!, 'last-txn-id must be UUID format.');
    }
    database.whenSettled(() => {
      if (this.peer.closed) return;
      const member = database.monitors.add(requests, method, jsonText(monitorId), this);
      this.#monitors.set(key, { database, member });
      const { lastId } = database.history;
      member.told = lastId;
      const head = `{"id":${jsonText(id)},"error":null,"result":`;
      if (method === 'update3') {
        const missed = database.missed((since as string).toLowerCase(), member.view);
        if (missed !== undefined) {
          const updates = member.view.updates(missed) ?? '{}';
          sendAround(this, `${head}[true,"${lastId}",`, updates, ']}');
          return;
        }
      }
      database.monitors.touchDumps(member.view);
      const wrap: [Piece, Piece] = method === 'update3' ? [`${head}[false,"${lastId}",`, ']}'] : [head, '}'];
      this.#output.stream([wrap[0], ...dumpPieces(member.view), wrap[1]]);
    });
  }

  #changeMonitor(params: readonly Json[], id: Json): void {
    const [oldId, newId, requests] = params;
    if (params.length !== 3) throw syntaxError(params, 'invalid parameters');
    const oldKey = canonicalText(oldId!);
    const monitor = this.#monitors.get(oldKey);
    if (monitor === undefined) throw syntaxError(oldId!, 'unknown monitor session');
    const newKey = canonicalText(newId!);
    if (newKey !== oldKey && this.#monitors.has(newKey)) throw syntaxError(newId!, 'duplicate monitor ID');
    const { database, member } = monitor;
    const conditions = parseConditionChanges(database.tables, requests, member);
    database.whenSettled(() => {
      if (this.#monitors.get(oldKey) !== monitor) return;
      // Under the old condition and the old id; whoever changes conditions has to take what is due first.
      member.catchUp();
      this.#monitors.delete(oldKey);
      this.#monitors.set(newKey, monitor);
      member.id = jsonText(newId!);
      const { lastId } = database.history;
      let updates = database.monitors.change(member, conditions);
      // What the new conditions show began here. A client that came back with an older transaction would be told how rows changed that it never had.
      if (updates === undefined && member.method === 'update3' && member.told !== lastId) updates = ['{}'];
      if (updates !== undefined) {
        member.told = lastId;
        this.#output.stream([member.head(lastId), ...updates, ']}']);
      }
      this.#reply(id, '{}');
    });
  }

  #cancelMonitor(params: readonly Json[], id: Json): void {
    if (params.length !== 1) {
      this.#reply(id, 'null', '"invalid parameters"');
      return;
    }
    const key = canonicalText(params[0]!);
    const monitor = this.#monitors.get(key);
    if (monitor === undefined) {
      this.#reply(id, 'null', '"unknown monitor"');
      return;
    }
    monitor.database.monitors.remove(monitor.member);
    this.#monitors.delete(key);
    this.#reply(id, '{}');
  }

  #lock(method: 'lock' | 'steal', params: readonly Json[], id: Json): void {
    if (this.#refuseLocks(id)) return;
    const [name] = params;
    if (params.length !== 1 || typeof name !== 'string' || !isId(name)) {
      throw syntaxError(params, `${method} request params must be <id>`);
    }
    if (this.#locks.has(name)) {
      throw syntaxError(params, `must issue "unlock" before new "${method}"`);
    }
    this.#locks.add(name);
    if (method === 'steal') {
      this.#server.locks.steal(name, this);
      this.#reply(id, '{"locked":true}');
      return;
    }
    this.#reply(id, `{"locked":${this.#server.locks.lock(name, this)}}`);
  }

  #refuseLocks(id: Json): boolean {
    const refuse = this.#options.readOnly === true || this.#server.backup;
    if (refuse) this.#reply(id, 'null', '"lock and unlock methods not allowed, DB server is read only."');
    return refuse;
  }

  #unlock(params: readonly Json[], id: Json): void {
    if (this.#refuseLocks(id)) return;
    const [name] = params;
    if (params.length !== 1 || typeof name !== 'string' || !isId(name)) {
      throw syntaxError(params, 'unlock request params must be <id>');
    }
    if (!this.#locks.delete(name)) {
      throw syntaxError(params, 'unlock: "unlock" without "lock" or "steal"');
    }
    this.#server.locks.unlock(name, this);
    this.#reply(id, '{}');
  }

  #convert(params: readonly Json[], id: Json): void {
    const database = this.#database('convert', params);
    checkMayConvert(database.name, this.#options.role, this.#options.client);
    this.#checkId('convert', params, id);
    if (params.length !== 2) throw syntaxError(params, 'array expected');
    if (this.#options.readOnly || this.#server.backup) {
      throw new OvsdbError('not allowed', 'convert is not allowed on this connection');
    }
    const schema = parseSchema(params[1]);
    this.#server.convert(database, schema, (error) => {
      if (error === undefined) this.#reply(id, '{}');
      else this.#replyError(id, error);
    });
  }

  #reply(id: Json, result: Text, error = 'null'): void {
    sendAround(this, `{"id":${jsonText(id)},"result":`, result, `,"error":${error}}`);
  }

  #replyError(id: Json, error: unknown): void {
    if (error instanceof OvsdbError && error.kind === 'unknown method') {
      this.#reply(id, 'null', '"unknown method"');
      return;
    }
    const failure =
      error instanceof OvsdbError
        ? error
        : new OvsdbError('internal error', error instanceof Error ? error.message : String(error), { cause: error });
    if (failure.kind === 'internal error') this.#server.onDefect(error);
    this.#reply(id, 'null', jsonText(failure.toJson()));
  }
}
