/** The server: its databases, the `_Server` database that describes them, its sessions and its locks. Opens no socket itself. */
import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { FramerLimits } from '@weft/jsonrpc/framing';
import { inPromises, Outbox } from '@weft/jsonrpc/outbox';
import { Peer } from '@weft/jsonrpc/peer';
import { OvsdbError } from '@weft/ovsdb/error';
import { canonicalText, type Json } from '@weft/ovsdb/json';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { schemaToJson } from '@weft/ovsdb/schema-json';
import type { Uuid } from '@weft/ovsdb/uuid';
import { clientLimits } from './client-limits.ts';
import { convert } from './convert.ts';
import { Database, systemTimers, type Timers } from './database.ts';
import { Locks } from './locks.ts';
import { serverDatabaseName, serverSchema } from './server-database.ts';
import { Session, type SessionOptions } from './session.ts';
import { Slices } from './slices.ts';
import { MemoryStore } from './store/memory.ts';

/** Has transactions executed elsewhere. */
export interface Forwarder {
  /**
   * `done` gets the members `"result":...,"error":...` of the answer as text, once. The function returned asks whoever has the transaction to cancel it;
   * `done` hears what became of it all the same.
   */
  transact(params: readonly Json[], done: (members: string) => void): () => void;
  /** So much is on its way that no more should be taken on before `settle` calls back. */
  readonly congested: boolean;
  /** Calls back when all that was sent has been looked at there: what has no answer then, waits. The function returned is for who need not know any more. */
  settle(done: () => void): () => void;
  /** How many are to be called back when there is a source again. */
  readonly settling: number;
}

export interface ServedOptions {
  readonly model?: 'standalone' | 'relay';
  readonly forward?: Forwarder;
}

interface Served {
  readonly database: Database;
  readonly options: ServedOptions;
  /** Its row in `_Server`. */
  readonly uuid: Uuid;
}

export interface ServerOptions {
  readonly timers?: Timers;
  /** A defect of this program; the client got `internal error`. */
  readonly onDefect?: (error: unknown) => void;
  readonly limits?: FramerLimits;
}

export interface AcceptOptions extends SessionOptions {
  readonly name?: string;
  /** Milliseconds; 0: the client is not probed. */
  readonly probeIntervalMs?: number;
  readonly onClose?: (error: Error | undefined) => void;
}

/** Goes on after "operation not allowed". */
export const readOnlyMode = 'when database server is in read only mode';

export class OvsdbServer {
  readonly id: Uuid = randomUUID();
  readonly locks = new Locks();
  readonly slices = new Slices();
  readonly sessions = new Set<Session>();
  readonly counters = { requests: 0, transactions: 0, sessions: 0 };
  readonly #served = new Map<string, Served>();
  readonly #limits: FramerLimits;
  readonly #outbox = new Outbox(inPromises);
  readonly #self: Database;
  readonly #options: ServerOptions;
  #backup = false;
  #conditionalMonitors = true;
  /** Called when a database has come or gone. */
  readonly onDatabases = new Set<() => void>();

  private constructor(self: Database, options: ServerOptions) {
    this.#self = self;
    this.#options = options;
    this.#limits = options.limits ?? clientLimits();
    this.#served.set(serverDatabaseName, { database: self, options: {}, uuid: randomUUID() });
  }

  static async create(options: ServerOptions = {}): Promise<OvsdbServer> {
    const timers = options.timers ?? systemTimers;
    const server = new OvsdbServer(await Database.open(new MemoryStore(serverSchema), { timers }), options);
    server.#insertRow(server.#served.get(serverDatabaseName)!);
    return server;
  }

  onDefect(error: unknown): void {
    this.#options.onDefect?.(error);
  }

  database(name: string): Database | undefined {
    return this.#served.get(name)?.database;
  }

  /** Ascending, `_Server` included. */
  databaseNames(): string[] {
    return [...this.#served.keys()].sort();
  }

  isRelay(name: string): boolean {
    return this.#served.get(name)?.options.model === 'relay';
  }

  forwarder(database: Database): Forwarder | undefined {
    return this.#served.get(database.name)?.options.forward;
  }

  readOnlyReason(database: Database): string | undefined {
    if (database === this.#self) return `on table in reserved database ${serverDatabaseName}`;
    return this.#backup ? readOnlyMode : undefined;
  }

  /** It follows an active server, and clients may only read. */
  get backup(): boolean {
    return this.#backup;
  }

  /** Clients are disconnected, so that they look again what they find. */
  setBackup(backup: boolean): void {
    if (backup === this.#backup) return;
    this.#backup = backup;
    this.disconnectClients();
  }

  /** Clients may monitor under conditions, and ask for what they missed. */
  get conditionalMonitors(): boolean {
    return this.#conditionalMonitors;
  }

  /** For good. Clients are disconnected, so that they ask again for less. */
  disableConditionalMonitors(): void {
    this.#conditionalMonitors = false;
    this.disconnectClients();
  }

  /** They may come back. */
  disconnectClients(): void {
    for (const session of [...this.sessions]) session.peer.close();
  }

  /** Those that have a file of their own. */
  standaloneDatabases(): Database[] {
    return [...this.#served.values()]
      .filter(({ database, options }) => database !== this.#self && options.model !== 'relay')
      .map(({ database }) => database);
  }

  /** Throws if a database of that name is served already. */
  add(database: Database, options: ServedOptions = {}): void {
    if (this.#served.has(database.name)) {
      throw duplicateName(database.name);
    }
    const served = { database, options, uuid: randomUUID() };
    this.#served.set(database.name, served);
    this.#insertRow(served);
    this.#databasesChanged(undefined);
  }

  /** Stops serving a database; the caller closes it. */
  remove(name: string): Database | undefined {
    const served = this.#served.get(name);
    if (served === undefined || served.database === this.#self) return undefined;
    this.#served.delete(name);
    served.database.flush();
    this.#write({ op: 'delete', table: 'Database', where: [['_uuid', '==', ['uuid', served.uuid]]] });
    this.#databasesChanged(served.database);
    return served.database;
  }

  /** Updates what `_Server` says of a database: a relay that has lost or found its source. */
  setConnected(name: string, connected: boolean): void {
    const served = this.#served.get(name);
    if (served === undefined) return;
    this.#write({
      op: 'update',
      table: 'Database',
      where: [['_uuid', '==', ['uuid', served.uuid]]],
      row: { connected },
    });
  }

  /**
   * Puts a database under another schema (ovsdb-server(7) section 4.1.19): at once, if everything is stored. Throws if that cannot be; calls `done`, with
   * what went wrong if something did, before clients are disconnected, whoever asked among them.
   */
  convert(database: Database, schema: DatabaseSchema, done: (error?: unknown) => void): void {
    const served = this.#served.get(database.name);
    if (schema.name !== database.name) {
      const details = `new schema name (${schema.name}) does not match database name (${database.name})`;
      throw new OvsdbError('invalid parameters', details);
    }
    if (served === undefined || database === this.#self || served.options.model === 'relay') {
      throw new OvsdbError('not allowed', `${database.name}: this database cannot be converted here`);
    }
    database.whenSettled(() => {
      try {
        database.replace(schema, convert(database.tables, schema));
      } catch (error) {
        done(error);
        return;
      }
      for (const session of this.sessions) if (session.changeAware) session.databaseChanged(database);
      this.#write({
        op: 'update',
        table: 'Database',
        where: [['_uuid', '==', ['uuid', served.uuid]]],
        row: { schema: schemaText(schema) },
      });
      done();
      this.#databasesChanged(undefined);
    });
  }

  /** Serves a client. */
  accept(stream: Duplex, options: AcceptOptions = {}): Session {
    let session: Session | undefined;
    const peer = new Peer(stream, {
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(options.probeIntervalMs === undefined ? {} : { probeIntervalMs: options.probeIntervalMs }),
      limits: this.#limits,
      outbox: this.#outbox,
      // A client that asks and does not read the answers is not read either.
      pauseAboveBytes: 8 << 20,
      refuseReplies: true,
      onSettle: () => session?.settle(),
      sendOwn: (message) => session?.send(message),
      onRequest: (method, params, id) => session?.handle(method, params, id),
      onNotification: (method, params) => session?.notification(method, params),
      onDrain: () => session?.drained(),
      onClose: (error) => {
        if (session !== undefined) {
          session.close();
          this.sessions.delete(session);
        }
        options.onClose?.(error);
      },
    });
    session = new Session(this, peer, options);
    this.sessions.add(session);
    this.counters.sessions++;
    return session;
  }

  async close(): Promise<void> {
    this.disconnectClients();
    for (const { database } of this.#served.values()) {
      database.monitors.stop();
      await database.close();
    }
  }

  /** Those who do not follow `_Server` are disconnected, so that they look again. */
  #databasesChanged(gone: Database | undefined): void {
    for (const session of [...this.sessions]) {
      if (gone !== undefined && session.changeAware) session.databaseChanged(gone);
      if (!session.changeAware) session.peer.close();
    }
    for (const listener of this.onDatabases) listener();
  }

  #insertRow({ database, options, uuid }: Served): void {
    this.#write({
      op: 'insert',
      table: 'Database',
      uuid,
      row: {
        name: database.name,
        model: options.model ?? 'standalone',
        connected: options.model !== 'relay',
        leader: options.model !== 'relay',
        schema: schemaText(database.schema),
      },
    });
  }

  #write(operation: Json): void {
    this.#self.transact([operation], { ownsLock: () => true }, () => {});
    this.#self.flush();
  }
}

/** A database of that name is served already, or is to be by a relay that has not seen its source yet. */
export function duplicateName(name: string): OvsdbError {
  return new OvsdbError('ovsdb error', `${name}: duplicate database name`);
}

function schemaText(schema: DatabaseSchema): string {
  return canonicalText(schemaToJson(schema));
}
