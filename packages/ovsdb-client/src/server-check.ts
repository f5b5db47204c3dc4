/** Asks a server, over one connection, whether it is the right one for a database, and watches whether that changes. */
import type { Peer } from '@weft/jsonrpc/peer';
import type { Json } from '@weft/ovsdb/json';
import { RowTable } from './rows.ts';
import { type DatabaseStatus, type ServerTables, serverSchema, tablesOf, whyNot } from './server-status.ts';
import { decodeUpdates } from './updates.ts';

export interface ServerWanted {
  readonly database: string;
  readonly leaderOnly: boolean;
  readonly cid: string | undefined;
  /** The highest index seen of each cluster; outlives the connection. */
  readonly indexes: Map<string, number>;
}

const serverMonitor = 'weft:_Server';

interface CheckHandlers {
  onGood(serverTables: ServerTables): void;
  onBad(reason: string): void;
}

/** Watches `_Server` on one connection, and says whether the server is good, at first and whenever that changes. */
export class ServerCheck {
  readonly #wanted: ServerWanted;
  readonly #handlers: CheckHandlers;
  readonly #tables: ReadonlyMap<string, RowTable>;
  #schema: string | undefined;
  /** What `get_schema` said. */
  #served: ServerTables | undefined;
  #good = false;

  constructor(wanted: ServerWanted, handlers: CheckHandlers) {
    this.#wanted = wanted;
    this.#handlers = handlers;
    this.#tables = new Map([['Database', new RowTable('Database', serverSchema.tables.Database)]]);
  }

  start(peer: Peer): void {
    // Without it the server would close the connection whenever it gains or loses a database; a server that does not know it is older.
    peer.request(
      'set_db_change_aware',
      [true],
      () => {},
      () => {},
    );
    // The schema of `_Server` is the one that there was when the C server (3.1) was started, not what was made of it by `convert` since. The answer to
    // this comes first. A server that lacks the database has an error for it, and its `_Server` will say so.
    peer.request(
      'get_schema',
      [this.#wanted.database],
      (schema) => {
        this.#served = tablesOf(schema);
      },
      () => {},
    );
    // In a cluster `index` comes with every transaction: so we know how new the data is that we have seen, whatever server is next.
    const columns = Object.keys(serverSchema.tables.Database.columns);
    const request: Json = [{ columns }];
    peer.request(
      'monitor_cond',
      ['_Server', serverMonitor, { Database: request }],
      (updates) => this.#update(updates),
      () => this.#withoutServerDatabase(peer),
    );
  }

  /** True if the notification was about `_Server`. */
  take(method: string, params: readonly Json[]): boolean {
    if (params[0] !== serverMonitor) return false;
    if (method === 'update2') this.#update(params[1] ?? null);
    return true;
  }

  #update(updates: Json): void {
    try {
      const decoding = decodeUpdates(this.#tables, updates, 2, false);
      decoding.step(Number.POSITIVE_INFINITY);
      for (const change of decoding.changes) this.#tables.get(change.table)?.commit(change);
    } catch (error) {
      this.#handlers.onBad(error instanceof Error ? error.message : String(error));
      return;
    }
    this.#judge();
  }

  #judge(): void {
    const { database, leaderOnly, cid, indexes } = this.#wanted;
    let status: DatabaseStatus | undefined;
    for (const row of this.#tables.get('Database')?.rows() ?? []) {
      // The row type is the one that the schema above infers.
      const candidate = row as unknown as DatabaseStatus;
      if (candidate.name === database) status = candidate;
    }
    const minIndex = status?.cid === undefined || this.#good ? 0 : (indexes.get(status.cid) ?? 0);
    const wanted = { database, leaderOnly, minIndex, ...(cid === undefined ? {} : { cid }) };
    const reason = whyNot(status, wanted);
    if (reason !== undefined || status?.schema === undefined) {
      this.#handlers.onBad(reason ?? 'no schema');
      return;
    }
    if (status.cid !== undefined) indexes.set(status.cid, Math.max(indexes.get(status.cid) ?? 0, status.index ?? 0));
    if (!this.#good) {
      this.#good = true;
      this.#schema = status.schema;
      let tables: ServerTables;
      try {
        tables = this.#served ?? tablesOf(JSON.parse(status.schema) as Json);
      } catch {
        this.#handlers.onBad('the schema that the server reports is not JSON');
        return;
      }
      this.#handlers.onGood(tables);
    } else if (this.#schema !== status.schema) {
      // The database was converted: what we monitor may mean something else now.
      this.#handlers.onBad('schema changed');
    }
  }

  /** A server before Open vSwitch 2.9: it has no clusters. */
  #withoutServerDatabase(peer: Peer): void {
    if (peer.closed) return;
    if (this.#served === undefined) this.#handlers.onBad(`server does not have database ${this.#wanted.database}`);
    else this.#handlers.onGood(this.#served);
  }
}
