/**
 * A connection for one errand: connect, read a few rows, change something, leave. No replica, no reconnecting; the server is chosen as a replica
 * chooses it. Made for the command-line programs, whose whole life is shorter than a full dump.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '@weft/jsonrpc/connect';
import { trustedLimits } from '@weft/jsonrpc/framing';
import { JsonRpcError, Peer } from '@weft/jsonrpc/peer';
import { parseActive, splitRemotes } from '@weft/jsonrpc/remote';
import { shuffled } from '@weft/jsonrpc/shuffled';
import type { TlsFiles } from '@weft/jsonrpc/tls';
import { isObject, type Json, type JsonObject } from '@weft/ovsdb/json';
import type { DatabaseSchema, RowOf, TableName } from '@weft/ovsdb/schema';
import type { Clause } from './conditions.ts';
import { checkResults, NotConnectedError, refusal, requireText, UncertainError } from './errors.ts';
import { RowTable } from './rows.ts';
import { type DatabaseStatus, serverSchema, whyNot } from './server-status.ts';
import { Transaction } from './transaction.ts';

/** As the C programs: a host that does not answer for so long is dead, and so is a server that is silent for twice as long as this. */
const connectLimitMs = 1000;
const probeMs = 5000;

export interface ClientOptions<D extends DatabaseSchema> {
  readonly schema: D;
  readonly remotes: string;
  readonly database?: string;
  /** Default true. */
  readonly leaderOnly?: boolean;
  /** Default true. */
  readonly shuffle?: boolean;
  /** Where a relative `unix:FILE` starts. Default: `OVS_RUNDIR`, or /var/run/openvswitch. */
  readonly rundir?: string;
  readonly tls?: TlsFiles;
  /** Ends an attempt to connect that hangs, and the waiting between attempts. */
  readonly signal?: AbortSignal;
  /** Try the list again after a second until a server answers, as the C programs do. Default false: fail after one round. */
  readonly wait?: boolean;
  readonly log?: (level: 'info' | 'warn', message: string) => void;
}

/** Rows to read: those of which all clauses hold (RFC 7047 section 5.2.2). */
export interface Selection<D extends DatabaseSchema, T extends TableName<D>> {
  readonly table: T;
  readonly where?: readonly Clause<keyof D['tables'][T]['columns'] & string>[];
  readonly columns?: readonly (keyof D['tables'][T]['columns'] & string)[];
}

/** Of any one table. */
type AnySelection<D extends DatabaseSchema> = { [T in TableName<D>]: Selection<D, T> }[TableName<D>];

export class DatabaseClient<D extends DatabaseSchema> {
  readonly schema: D;
  readonly peer: Peer;
  readonly remote: string;
  readonly #database: string;

  private constructor(schema: D, database: string, peer: Peer, remote: string) {
    this.schema = schema;
    this.#database = database;
    this.peer = peer;
    this.remote = remote;
  }

  /**
   * Connects to the first server of the list that is good.
   * @throws NotConnectedError with the last server's reason.
   */
  static async open<D extends DatabaseSchema>(options: ClientOptions<D>): Promise<DatabaseClient<D>> {
    const database = options.database ?? options.schema.name;
    const rundir = options.rundir ?? (process.env.OVS_RUNDIR || '/var/run/openvswitch');
    const { remotes, cid } = splitRemotes(options.remotes);
    const list = (options.shuffle ?? true) ? shuffled(remotes, Math.random) : remotes;
    for (;;) {
      let last: unknown = new NotConnectedError('no remote is given');
      for (const remote of list) {
        try {
          const target = parseActive(remote, { rundir });
          const stream = await connect(target, { tls: options.tls, signal: options.signal, timeoutMs: connectLimitMs });
          const probeIntervalMs = target.kind === 'unix' ? 0 : probeMs;
          const peer = new Peer(stream, { name: remote, limits: trustedLimits, probeIntervalMs });
          const reason = await judge(peer, database, options.leaderOnly ?? true, cid);
          if (reason === undefined) return new DatabaseClient(options.schema, database, peer, remote);
          peer.close();
          last = new NotConnectedError(`${remote}: ${reason}`);
        } catch (error) {
          last = error;
        }
        options.log?.('warn', last instanceof Error ? last.message : String(last));
      }
      if (!options.wait || options.signal?.aborted) {
        throw new NotConnectedError(last instanceof Error ? last.message : String(last), { cause: last });
      }
      // Who waits for days leaves nothing at the signal for each second of them.
      await sleep(1000, undefined, options.signal === undefined ? {} : { signal: options.signal }).catch(() => {});
    }
  }

  /** Rows of one table. */
  async select<T extends TableName<D>>(
    table: T,
    where: NonNullable<Selection<D, T>['where']> = [],
    columns?: Selection<D, T>['columns'],
  ): Promise<readonly RowOf<D, T>[]> {
    const selection = columns === undefined ? { table, where } : { table, where, columns };
    const [rows] = await this.selectAll([selection as unknown as AnySelection<D>]);
    return rows as unknown as readonly RowOf<D, T>[];
  }

  /** Rows of several tables, all of one moment. Columns that were not asked for hold their defaults. */
  async selectAll(selections: readonly AnySelection<D>[]): Promise<readonly (readonly RowOf<D, TableName<D>>[])[]> {
    const operations = selections.map(({ table, where = [], columns }): JsonObject => {
      const names = columns === undefined ? undefined : [...new Set(['_uuid', ...columns])];
      return names === undefined ? { op: 'select', table, where } : { op: 'select', table, where, columns: names };
    });
    const results = await this.transact(operations);
    return selections.map(({ table }, i) => this.#decode(table, results[i]?.rows ?? []));
  }

  /**
   * Sends operations as one transaction.
   * @throws TransactionError, ConflictError, UncertainError
   */
  async transact(operations: readonly JsonObject[]): Promise<readonly JsonObject[]> {
    requireText(operations);
    let reply: Json;
    try {
      reply = (await this.peer.call('transact', [this.#database, ...operations])) as Json;
    } catch (error) {
      if (!(error instanceof JsonRpcError)) {
        const message = error instanceof Error ? error.message : String(error);
        throw new UncertainError(`${message}; the transaction may have been committed`, { cause: error });
      }
      throw refusal(error.error as Json);
    }
    return checkResults(reply);
  }

  /** A builder that knows no rows, unless `known` tells them: those that were selected with all the columns that it writes. */
  transaction(known?: (table: string, uuid: string) => RowOf<D, TableName<D>> | undefined): Transaction<D> {
    return new Transaction(this.schema, {
      send: (operations) => this.transact(operations),
      ...(known === undefined ? {} : { row: known as never, monitored: () => true }),
    });
  }

  close(): void {
    this.peer.close();
  }

  #decode(table: string, rows: Json): readonly RowOf<D, TableName<D>>[] {
    const schema = this.schema.tables[table];
    if (schema === undefined || !Array.isArray(rows)) return [];
    const decoder = new RowTable(table, schema);
    return (rows as readonly JsonObject[]).map((row) => {
      const uuid = Array.isArray(row._uuid) ? String(row._uuid[1]) : '';
      return decoder.decode(uuid, row) as unknown as RowOf<D, TableName<D>>;
    });
  }
}

/** Asks `_Server` once; an old server without it is good. */
async function judge(
  peer: Peer,
  database: string,
  leaderOnly: boolean,
  cid: string | undefined,
): Promise<string | undefined> {
  const select = { op: 'select', table: 'Database', where: [['name', '==', database]] };
  // Everything but the schema, which is long.
  const columns = ['_uuid', 'name', 'model', 'connected', 'leader', 'cid', 'index'];
  let reply: Json;
  try {
    reply = (await peer.call('transact', ['_Server', { ...select, columns }])) as Json;
  } catch (error) {
    if (error instanceof JsonRpcError) return undefined;
    throw error;
  }
  const rows = checkResults(reply)[0]?.rows;
  const row: unknown = Array.isArray(rows) ? rows[0] : undefined;
  const status = isObject(row as Json)
    ? (new RowTable('Database', serverSchema.tables.Database).decode(
        '',
        row as JsonObject,
      ) as unknown as DatabaseStatus)
    : undefined;
  const wanted = { database, leaderOnly, minIndex: 0, ...(cid === undefined ? {} : { cid }) };
  return whyNot(status === undefined ? undefined : { ...status, schema: '' }, wanted);
}
