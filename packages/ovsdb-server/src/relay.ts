/**
 * `relay:DB:REMOTE[,REMOTE...]`: a copy of a database that lives elsewhere (ovsdb(7), "Relay Service Model"). It serves reads and monitors itself, and
 * sends transactions that may write to its source, so that many clients burden the source like one. Transaction ids are the source's, so a client may go on at
 * another relay from where it stopped.
 */
import { Backoff } from '@weft/jsonrpc/backoff';
import { connect, connectTimeoutMs } from '@weft/jsonrpc/connect';
import { trustedLimits } from '@weft/jsonrpc/framing';
import { JsonRpcError, Peer } from '@weft/jsonrpc/peer';
import { parseActive, splitRemotes } from '@weft/jsonrpc/remote';
import type { TlsFiles } from '@weft/jsonrpc/tls';
import { datumsEqual } from '@weft/ovsdb/datum';
import { applyDifference } from '@weft/ovsdb/diff';
import { OvsdbError } from '@weft/ovsdb/error';
import { canonicalText, isArray, isObject, type Json, type JsonObject, jsonText } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import { parseSchema } from '@weft/ovsdb/schema-json';
import { type Uuid, zeroUuid } from '@weft/ovsdb/uuid';
import { decodeDatum } from '@weft/ovsdb/wire';
import { Database, type RemoteChange } from './database.ts';
import type { MemoryTable } from './memory-table.ts';
import { newUuid } from './new-uuid.ts';
import type { Forwarder, OvsdbServer } from './server.ts';
import { SourceWatch } from './source-watch.ts';
import { MemoryStore } from './store/memory.ts';

export interface RelayOptions {
  readonly server: OvsdbServer;
  readonly rundir: string;
  readonly tls: () => TlsFiles | undefined;
  readonly log: (level: 'info' | 'warn' | 'debug', message: string) => void;
  readonly onDatabase: (database: Database) => void;
}

const monitorId = 'relay';
const probeIntervalMs = 60_000;
/** Without a source for so long, the relay tells its clients to look elsewhere. A source that only starts again must not cost it all of them. */
const outageMs = 30_000;
/** With more than this on its way to the source, clients that send more are not read any further. */
const maxQueuedBytes = 8 << 20;

/** Errors: `syntax error` if the text is not `relay:DB:REMOTE`. */
export function parseRelay(text: string): { readonly name: string; readonly remotes: readonly string[] } {
  const match = /^relay:([A-Za-z_][A-Za-z0-9_]*):(.+)$/.exec(text);
  const remotes = match === null ? [] : splitRemotes(match[2]!).remotes;
  if (match === null || remotes.length === 0) {
    throw new OvsdbError('ovsdb error', `${text}: invalid syntax`);
  }
  return { name: match[1]!, remotes };
}

export class Relay {
  readonly name: string;
  readonly #remotes: readonly string[];
  readonly #options: RelayOptions;
  readonly #backoff = new Backoff();
  #database: Database | undefined;
  #schemaText = '';
  #lastId: Uuid = zeroUuid;
  /** The connection to a source. */
  #peer: Peer | undefined;
  /** The same, once what it has is here: what it executes for us from then on, we hear of before its answer. */
  #source: Peer | undefined;
  /** What is to be sent, in this order, when there is a source again, and about how many bytes that is. */
  readonly #held = new Set<() => void>();
  #heldBytes = 0;
  /** Who wants to know when all that has been looked at. */
  readonly #awaiting = new Set<() => void>();
  #timer: NodeJS.Timeout | undefined;
  #outage: NodeJS.Timeout | undefined;
  #attempts = 0;
  #closed = false;

  constructor(text: string, options: RelayOptions) {
    const { name, remotes } = parseRelay(text);
    this.name = name;
    this.#remotes = remotes;
    this.#options = options;
  }

  /** Connects, and keeps connecting. The database is served from the first time on. */
  start(): void {
    void this.#run();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#outage);
    this.#peer?.close();
    for (const done of this.#takeAwaiting()) done();
  }

  /** One connection after the other: what two sources say, or one says twice, has no order. */
  async #run(): Promise<void> {
    while (!this.#closed) {
      const remote = this.#remotes[this.#attempts++ % this.#remotes.length]!;
      try {
        await this.#follow(remote);
      } catch (error) {
        this.#options.log('warn', `${this.name}: ${remote}: ${error instanceof Error ? error.message : String(error)}`);
      }
      if (this.#closed) return;
      await new Promise((resolve) => {
        this.#timer = setTimeout(resolve, this.#backoff.failed());
      });
    }
  }

  /** Resolves when the connection has ended. */
  async #follow(remote: string): Promise<void> {
    const { rundir, tls, log } = this.#options;
    const stream = await connect(parseActive(remote, { rundir }), {
      timeoutMs: connectTimeoutMs,
      tls: tls(),
    });
    await new Promise<void>((resolve) => {
      const peer = new Peer(stream, {
        name: remote,
        limits: trustedLimits,
        probeIntervalMs,
        onNotification: (method, params) => {
          if (!watch.take(method, params)) this.#notified(peer, method, params);
        },
        onClose: (error) => {
          this.#lost(remote, error);
          resolve();
        },
      });
      const watch = new SourceWatch(this.name, peer);
      this.#peer = peer;
      if (this.#closed) peer.close();
      else {
        this.#synchronise(peer, watch).then(
          () => log('info', `${this.name}: replicating ${remote}`),
          (error: Error) => peer.close(error),
        );
      }
    });
  }

  /** Fetches what changed since the last time, or everything. */
  async #synchronise(peer: Peer, watch: SourceWatch): Promise<void> {
    await watch.start();
    // Other databases may come and go there.
    peer.request(
      'set_db_change_aware',
      [true],
      () => {},
      () => {},
    );
    const json = await peer.call('get_schema', [this.name]);
    const text = canonicalText(json);
    if (this.#database === undefined || text !== this.#schemaText) await this.#begin(parseSchema(json), text);
    const database = this.#database!;
    const requests = Object.fromEntries(
      Object.entries(database.schema.tables).map(([table, { columns }]) => [
        table,
        [{ columns: Object.keys(columns) }],
      ]),
    );
    const monitor = [this.name, monitorId, requests];
    try {
      await this.#request(peer, 'monitor_cond_since', [...monitor, this.#lastId], (result) => this.#caughtUp(result));
    } catch (error) {
      if (!isUnknownMethod(error)) throw error;
      // It is old, or was told ovsdb-server/disable-monitor-cond: it has no ids and keeps no history.
      await this.#request(peer, 'monitor', monitor, (result) => this.#caughtUp([false, newUuid(), result]));
    }
    // It was lost before this was looked at.
    if (peer.closed) return;
    this.#source = peer;
    this.#backoff.succeeded();
    clearTimeout(this.#outage);
    this.#outage = undefined;
    this.#options.server.setConnected(this.name, true);
    for (const send of this.#held) send();
    this.#held.clear();
    for (const done of this.#takeAwaiting()) this.#settle(done);
  }

  #takeAwaiting(): readonly (() => void)[] {
    const all = [...this.#awaiting];
    this.#awaiting.clear();
    return all;
  }

  /** Resolves when the answer has been used; that is here and not in a promise, since updates that follow must find what it brings. */
  #request(peer: Peer, method: string, params: readonly Json[], use: (result: Json) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      const answered = (result: Json): void => {
        try {
          use(result);
          resolve();
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      peer.request(method, params, answered, reject);
    });
  }

  async #begin(schema: ReturnType<typeof parseSchema>, text: string): Promise<void> {
    const { server, onDatabase } = this.#options;
    if (this.#database !== undefined) await server.remove(this.name)?.close();
    this.#database = await Database.open(new MemoryStore(schema));
    this.#schemaText = text;
    this.#lastId = zeroUuid;
    server.add(this.#database, { model: 'relay', forward: this.#forwarder() });
    onDatabase(this.#database);
  }

  #forwarder(): Forwarder {
    const isCongested = (): boolean => (this.#source?.queuedBytes ?? 0) + this.#heldBytes > maxQueuedBytes;
    const awaiting = this.#awaiting;
    return {
      transact: (params, done) => this.#transact(params, done),
      get congested() {
        return isCongested();
      },
      settle: (done) => {
        if (this.#heldBytes > maxQueuedBytes) awaiting.add(done);
        else this.#settle(done);
        return () => void awaiting.delete(done);
      },
      get settling() {
        return awaiting.size;
      },
    };
  }

  #caughtUp(result: Json): void {
    const database = this.#database!;
    if (!isArray(result) || result.length !== 3)
      throw new OvsdbError('syntax error', 'unexpected answer to monitor_cond_since');
    const [found, id, updates] = result as readonly [boolean, Uuid, JsonObject];
    const changes = this.#changes(updates);
    if (!found) {
      // By table: clients choose uuids, and may choose one for rows of two.
      const present = new Map([...database.tables.values()].map((table) => [table, new Set<Uuid>()]));
      for (const { table, uuid } of changes) present.get(table)?.add(uuid);
      for (const [table, uuids] of present) {
        for (const { _uuid: uuid } of table.rows())
          if (!uuids.has(uuid)) changes.push({ table, uuid, next: undefined });
      }
    }
    this.#apply(id, changes);
  }

  #notified(peer: Peer, method: string, params: readonly Json[]): void {
    // This one has gone, or has another schema.
    if (method === 'monitor_canceled' && params[0] === monitorId) peer.close();
    if (method !== 'update3' && method !== 'update') return;
    const [id, transaction, updates] = method === 'update3' ? params : [params[0], newUuid(), params[1]];
    if (id !== monitorId || !isObject(updates)) return;
    try {
      this.#apply(transaction as Uuid, this.#changes(updates));
    } catch (error) {
      this.#options.log('warn', `${this.name}: bad update: ${error instanceof Error ? error.message : String(error)}`);
      this.#lastId = zeroUuid;
      peer.close();
    }
  }

  #apply(id: Uuid, changes: readonly RemoteChange[]): void {
    this.#database!.applyRemote(id, changes);
    this.#lastId = id;
  }

  #changes(updates: JsonObject): RemoteChange[] {
    const changes: RemoteChange[] = [];
    for (const [name, rows] of Object.entries(updates)) {
      const table = this.#database!.tables.get(name);
      if (table === undefined) continue;
      for (const [uuid, update] of Object.entries(rows as JsonObject)) {
        changes.push({ table, uuid, next: nextRow(table, uuid, update as JsonObject) });
      }
    }
    return changes;
  }

  /** Sends a transaction to the source, now or, after those that wait for that already, when there is one. */
  #transact(params: readonly Json[], done: (members: string) => void): () => void {
    if (this.#source !== undefined && this.#held.size === 0) return this.#send(this.#source, params, done);
    let cancel: (() => void) | undefined;
    const bytes = jsonText(params).length;
    const send = (): void => {
      this.#heldBytes -= bytes;
      cancel = this.#send(this.#source!, params, done);
    };
    this.#held.add(send);
    this.#heldBytes += bytes;
    return () => {
      if (cancel !== undefined) cancel();
      else if (this.#held.delete(send)) {
        this.#heldBytes -= bytes;
        done('"result":null,"error":"canceled"');
      }
    };
  }

  #send(source: Peer, params: readonly Json[], done: (members: string) => void): () => void {
    let answered = false;
    // The source sends the updates of a transaction before its reply, so our clients get them in that order too.
    const id = source.request(
      'transact',
      params,
      (result) => {
        answered = true;
        done(`"result":${jsonText(result)},"error":null`);
      },
      (error) => {
        answered = true;
        // Whether it was executed, nobody knows.
        const lost = new OvsdbError('I/O error', `${this.name}: the relay has lost its source`);
        done(`"result":null,"error":${jsonText(error instanceof JsonRpcError ? error.error : lost.toJson())}`);
      },
    );
    // The C server forgets a transaction that it cancels: what has no answer when a later request has one, gets none.
    const forgotten = (): void => {
      if (!answered && source.forget(id)) done('"result":null,"error":"canceled"');
    };
    return () => {
      source.notify('cancel', [id]);
      this.#settle(forgotten);
    };
  }

  #settle(done: () => void): void {
    if (this.#source === undefined) done();
    // Transactions are answered in the order in which they were asked for, but for those that wait; this one, which does nothing, never does.
    else this.#source.request('transact', [this.name], done, done);
  }

  #lost(remote: string, error: Error | undefined): void {
    this.#peer = undefined;
    this.#source = undefined;
    // A database that comes under the same name later must not be told of this outage.
    if (this.#closed) return;
    this.#options.log('warn', `${this.name}: ${remote}: ${error?.message ?? 'connection closed'}`);
    this.#outage ??= setTimeout(() => this.#options.server.setConnected(this.name, false), outageMs);
  }
}

function isUnknownMethod(error: unknown): boolean {
  if (!(error instanceof JsonRpcError)) return false;
  return (isObject(error.error) ? error.error.error : error.error) === 'unknown method';
}

/** `update` is a `<row-update>` (RFC 7047 section 4.1.6) or a `<row-update2>` (ovsdb-server(7) section 4.1.14). */
function nextRow(table: MemoryTable, uuid: Uuid, update: JsonObject): Row | undefined {
  const old = table.get(uuid);
  const fresh = update.initial ?? update.insert ?? update.new;
  const typeOf = (column: string) => {
    const type = table.schema.columns[column]?.type;
    if (type === undefined) throw new OvsdbError('unknown column', `No column ${column} in table ${table.name}.`);
    return type;
  };
  if (isObject(fresh)) {
    return table.text.make(
      uuid,
      Object.entries(fresh).map(([column, json]) => {
        const datum = decodeDatum(typeOf(column), json, { relaxed: true });
        // Columns that do not change keep their value.
        return [column, old !== undefined && datumsEqual(old[column], datum) ? old[column] : datum] as const;
      }),
    );
  }
  if (!isObject(update.modify)) return undefined;
  if (old === undefined)
    throw new OvsdbError('internal error', `${table.name} ${uuid}: a row that is not there was modified`);
  const next = table.text.copy(old);
  for (const [column, json] of Object.entries(update.modify))
    next[column] = applyDifference(typeOf(column), old[column], json);
  return next;
}
