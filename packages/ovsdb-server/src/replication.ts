/**
 * The active-backup service model (ovsdb(7); ovsdb-server(1), "Active-Backup Options"): as a backup, the server follows the databases of an active one
 * into its own files and takes no writes from clients, until it is told to be active itself.
 */
import { Backoff } from '@weft/jsonrpc/backoff';
import { connect, connectTimeoutMs } from '@weft/jsonrpc/connect';
import { trustedLimits } from '@weft/jsonrpc/framing';
import { ConnectionClosedError, Peer } from '@weft/jsonrpc/peer';
import { parseActive } from '@weft/jsonrpc/remote';
import type { TlsFiles } from '@weft/jsonrpc/tls';
import { datumsEqual } from '@weft/ovsdb/datum';
import { OvsdbError } from '@weft/ovsdb/error';
import { canonicalText, isObject, type Json, type JsonObject } from '@weft/ovsdb/json';
import { schemaToJson } from '@weft/ovsdb/schema-json';
import { decodeDatum } from '@weft/ovsdb/wire';
import type { Database } from './database.ts';
import type { MemoryTable } from './memory-table.ts';
import { wholeText } from './pieces.ts';
import type { OvsdbServer } from './server.ts';

export interface ReplicationOptions {
  readonly server: OvsdbServer;
  readonly rundir: string;
  readonly tls: () => TlsFiles | undefined;
  readonly log: (level: 'info' | 'warn', message: string) => void;
}

export class Replication {
  /** The active server, as `--sync-from` names it. */
  active: string | undefined;
  /** Milliseconds; 0 for none. */
  probeIntervalMs = 60_000;
  readonly #options: ReplicationOptions;
  readonly #backoff = new Backoff();
  #excluded = '';
  /** The attempt to connect that is under way. */
  #connecting: AbortController | undefined;
  #peer: Peer | undefined;
  #databases: readonly Database[] = [];
  #timer: NodeJS.Timeout | undefined;
  #fault: string | undefined;

  constructor(options: ReplicationOptions) {
    this.#options = options;
  }

  /** `DB:TABLE[,DB:TABLE]...`, tables that are not replicated. */
  get excluded(): string {
    return this.#excluded;
  }

  /** Errors: `syntax error` for a text of another form. A backup begins again with it. */
  exclude(text: string): void {
    const wrong = text.split(',').find((word) => word !== '' && !/^[^:]+:[^:]+$/.test(word.trim()));
    if (wrong !== undefined) throw new OvsdbError('syntax error', `"${wrong}": expected DB:TABLE`);
    this.#excluded = text;
    this.restart();
  }

  /** Becomes a backup of `active`, which must be set. */
  connect(): void {
    this.#stop();
    this.#options.server.setBackup(true);
    void this.#connect();
  }

  /** Becomes active: takes writes, and follows no more. */
  disconnect(): void {
    this.#stop();
    this.#options.server.setBackup(false);
  }

  /** What is replicated has changed: a backup begins again. */
  restart(): void {
    if (this.#options.server.backup) this.connect();
  }

  close(): void {
    this.#stop();
  }

  /** As `ovsdb-server/sync-status` prints it. */
  status(): string {
    if (!this.#options.server.backup) return 'state: active';
    const lines = ['state: backup'];
    if (this.#fault !== undefined) lines.push(`error: ${this.#fault}`);
    if (this.#databases.length === 0) lines.push(`connecting: ${this.active}`);
    else {
      const served = this.#options.server.standaloneDatabases();
      const names = this.#databases.filter((database) => served.includes(database)).map(({ name }) => name);
      lines.push(`replicating: ${this.active}`, `database: ${names.join(', ')}`);
      if (this.#excluded !== '') lines.push(`exclude: ${this.#excluded}`);
    }
    return lines.join('\n');
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#connecting?.abort();
    this.#connecting = undefined;
    this.#fault = undefined;
    this.#databases = [];
    const peer = this.#peer;
    this.#peer = undefined;
    peer?.close();
  }

  async #connect(): Promise<void> {
    const { server, rundir, tls, log } = this.#options;
    const remote = this.active!;
    const connecting = new AbortController();
    this.#connecting = connecting;
    let peer: Peer | undefined;
    try {
      const stream = await connect(parseActive(remote, { rundir }), {
        timeoutMs: connectTimeoutMs,
        signal: connecting.signal,
        tls: tls(),
      });
      if (this.#connecting !== connecting) {
        stream.destroy();
        return;
      }
      this.#connecting = undefined;
      peer = new Peer(stream, {
        name: remote,
        limits: trustedLimits,
        probeIntervalMs: this.probeIntervalMs,
        onNotification: (method, params) => this.#notified(method, params),
        onClose: (error) => this.#lost(peer, error),
      });
      this.#peer = peer;
      const databases = server.standaloneDatabases();
      for (const database of databases) await this.#follow(peer, database);
      this.#databases = databases;
      this.#fault = undefined;
      this.#backoff.succeeded();
      log('info', `replicating ${remote}`);
    } catch (error) {
      const reason = error instanceof Error ? error : new Error(String(error));
      if (peer !== undefined) peer.close(reason);
      // Else it was stopped meanwhile, and if another attempt has begun since, that is not this one's business.
      else if (this.#connecting === connecting) {
        this.#connecting = undefined;
        this.#again(reason.message);
      }
    }
  }

  async #follow(peer: Peer, database: Database): Promise<void> {
    const theirs = await peer.call('get_schema', [database.name]);
    if (text(theirs) !== text(schemaToJson(database.schema))) {
      throw new OvsdbError('not supported', `${database.name}: its schema differs from that of the active server`);
    }
    const excluded = new Set(this.#excluded.split(',').map((word) => word.trim()));
    const tables = [...database.tables.values()].filter(({ name }) => !excluded.has(`${database.name}:${name}`));
    const requests = Object.fromEntries(
      tables.map(({ name, schema }) => [name, [{ columns: Object.keys(schema.columns) }]]),
    );
    await new Promise<void>((resolve, reject) => {
      peer.request(
        'monitor',
        [database.name, database.name, requests],
        (result) => {
          // Here and not in a promise: updates that follow must find what this brings.
          try {
            apply(
              database,
              tables.flatMap((table) => whole(table, isObject(result) ? result[table.name] : undefined)),
            );
            resolve();
          } catch (error) {
            reject(error);
          }
        },
        reject,
      );
    });
  }

  #notified(method: string, params: readonly Json[]): void {
    const [name, updates] = params;
    if (method !== 'update' || typeof name !== 'string' || !isObject(updates)) return;
    const database = this.#options.server.database(name);
    if (database === undefined) return;
    try {
      const operations = Object.entries(updates).flatMap(([table, rows]) =>
        Object.entries(rows as JsonObject).map(([uuid, update]) => change(table, uuid, update as JsonObject)),
      );
      apply(database, operations);
    } catch (error) {
      this.#peer?.close(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #lost(peer: Peer | undefined, error: Error | undefined): void {
    if (peer === undefined || peer !== this.#peer) return;
    this.#peer = undefined;
    this.#databases = [];
    this.#again(error?.message ?? 'connection closed', error instanceof ConnectionClosedError ? undefined : error);
  }

  #again(message: string, fault?: Error): void {
    const { server, log } = this.#options;
    if (!server.backup) return;
    this.#fault = fault instanceof OvsdbError ? fault.message : undefined;
    log('warn', `${this.active}: ${message}`);
    this.#timer = setTimeout(() => void this.#connect(), this.#backoff.failed());
  }
}

/** A schema without what does not matter to its data. */
function text(schema: Json): string {
  const { cksum: _, ...rest } = isObject(schema) ? schema : {};
  return canonicalText(rest);
}

/** One transaction, at once. Throws if it is refused here. */
function apply(database: Database, operations: readonly Json[]): void {
  let answer = '[]';
  database.transact(operations, { ownsLock: () => true, replicates: true }, (results) => {
    answer = wholeText(results);
  });
  database.flush();
  const results = JSON.parse(answer) as readonly Json[];
  const refused = results.find((result) => isObject(result) && 'error' in result);
  if (isObject(refused)) {
    throw new OvsdbError('internal error', `${database.name}: ${refused.error}: ${refused.details}`);
  }
}

/** The operations that make the contents of a table those of the answer to `monitor`. */
function whole(table: MemoryTable, rows: Json | undefined): Json[] {
  const wanted = isObject(rows) ? rows : {};
  const operations: Json[] = [];
  for (const { _uuid } of table.rows()) {
    if (!Object.hasOwn(wanted, _uuid)) operations.push(change(table.name, _uuid, {}));
  }
  for (const [uuid, update] of Object.entries(wanted)) {
    const fresh = (update as JsonObject).new as JsonObject;
    const row = table.get(uuid);
    if (row === undefined) {
      operations.push(change(table.name, uuid, { new: fresh }));
      continue;
    }
    const old = Object.fromEntries(
      Object.entries(fresh).filter(
        ([column, json]) =>
          !datumsEqual(row[column], decodeDatum(table.schema.columns[column]!.type, json, { relaxed: true })),
      ),
    );
    if (Object.keys(old).length > 0) operations.push(change(table.name, uuid, { old, new: fresh }));
  }
  return operations;
}

/** A `<row-update>` of RFC 7047 section 4.1.6 as an operation. */
function change(table: string, uuid: string, update: JsonObject): Json {
  const where = [['_uuid', '==', ['uuid', uuid]]];
  const { old, new: fresh } = update;
  if (!isObject(fresh)) return { op: 'delete', table, where };
  if (!isObject(old)) return { op: 'insert', table, uuid, row: fresh };
  const row = Object.fromEntries(Object.keys(old).map((column) => [column, fresh[column] ?? null]));
  return { op: 'update', table, where, row };
}
