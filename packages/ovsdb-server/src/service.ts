/** The whole database service of one process: databases by file, remotes, their status, and what the control socket asks for. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { TlsFiles } from '@weft/jsonrpc/tls';
import { OvsdbError } from '@weft/ovsdb/error';
import { Coverage, tickMs } from './coverage.ts';
import { Database } from './database.ts';
import {
  checkDbPlace,
  concerns,
  type DbPlace,
  expandDbRemote,
  parseDbPlace,
  valuesAt,
  writeStatus,
} from './db-remotes.ts';
import { MemoryLog } from './memory-log.ts';
import { memoryText } from './memory-usage.ts';
import { Relay } from './relay.ts';
import { Remotes } from './remotes.ts';
import { Replication } from './replication.ts';
import { duplicateName, OvsdbServer } from './server.ts';
import { SqliteStore } from './store/sqlite.ts';

export interface ServiceOptions {
  readonly rundir: string;
  readonly tls: TlsFiles | undefined;
  readonly log: (level: 'info' | 'warn' | 'error' | 'debug', message: string) => void;
  /** The process cannot go on: another one writes to one of its files. */
  readonly onFatal: (error: Error) => void;
}

/** An error whose message names the kind of error of a database that it was, as the C programs print it. */
export function errorInFull(error: unknown): unknown {
  return error instanceof OvsdbError ? new Error(error.toText(), { cause: error }) : error;
}

/** Milliseconds between two looks at how remotes fare. */
const statusIntervalMs = 2500;

/** What may be `db:DB,TABLE,COLUMN`. */
const tlsTexts = ['privateKey', 'certificate', 'caCert', 'peerCaCert', 'protocols', 'ciphers'] as const;

export class DatabaseService {
  readonly server: OvsdbServer;
  readonly remotes: Remotes;
  readonly replication: Replication;
  readonly coverage: Coverage;
  readonly #relays = new Map<string, Relay>();
  /** By name of a database: its file, whole, or `relay:DB:REMOTE`. */
  readonly #databases = new Map<string, string>();
  /** Of each database that is served from a file, which one. */
  readonly #files = new WeakMap<Database, string | undefined>();
  readonly #options: ServiceOptions;
  #statusTimer: NodeJS.Timeout | undefined;
  #tickTimer: NodeJS.Timeout | undefined;
  #placesOf: readonly string[] | undefined;
  #foundPlaces: readonly DbPlace[] = [];
  readonly #started = performance.now();
  readonly #loopDelay = monitorEventLoopDelay({ resolution: 20 });

  private constructor(server: OvsdbServer, options: ServiceOptions) {
    this.server = server;
    this.#options = options;
    this.remotes = new Remotes({ server, rundir: options.rundir, tls: () => this.#tls(), log: options.log }, (remote) =>
      expandDbRemote(server, remote),
    );
    this.replication = new Replication({ server, rundir: options.rundir, tls: () => this.#tls(), log: options.log });
    const { counters } = server;
    this.coverage = new Coverage({
      ovsdb_request: () => counters.requests,
      ovsdb_session: () => counters.sessions,
      ovsdb_transaction: () => counters.transactions,
    });
    server.onDatabases.add(() => void this.remotes.refresh());
  }

  static async create(options: ServiceOptions): Promise<DatabaseService> {
    const server = await OvsdbServer.create({
      onDefect: (error) =>
        options.log('error', error instanceof Error ? (error.stack ?? error.message) : String(error)),
    });
    return new DatabaseService(server, options);
  }

  /** What `addDatabase` was given, whatever the working directory is. */
  databases(): readonly string[] {
    return [...this.#databases.values()];
  }

  /** Serves what a positional argument of the command line names: a database file, or `relay:DB:REMOTE`. */
  async addDatabase(name: string): Promise<void> {
    if (!name.startsWith('relay:')) {
      await this.addFile(name);
      return;
    }
    const relay = new Relay(name, {
      server: this.server,
      rundir: this.#options.rundir,
      tls: () => this.#tls(),
      log: this.#options.log,
      onDatabase: (database) => this.follow(database),
    });
    if (this.#relays.has(relay.name) || this.server.database(relay.name) !== undefined) {
      throw duplicateName(relay.name);
    }
    this.#relays.set(relay.name, relay);
    this.#databases.set(relay.name, name);
    relay.start();
  }

  /** Opens and serves a database file. Returns its name. */
  async addFile(file: string): Promise<string> {
    const place = placeOf(file);
    if (place !== undefined && this.server.standaloneDatabases().some((each) => this.#files.get(each) === place)) {
      throw new OvsdbError('ovsdb error', `${file}: already open`);
    }
    const { log, onFatal } = this.#options;
    const onFailure = (error: OvsdbError): void => log('error', error.toText());
    const database = await Database.open(SqliteStore.open(file), { onFatal, onFailure });
    this.#files.set(database, placeOf(file));
    for (const damage of database.store.damage ?? []) log('warn', damage);
    try {
      // A relay takes its name before it has seen its source, and with that its database.
      if (this.#relays.has(database.name)) throw duplicateName(database.name);
      this.server.add(database);
    } catch (error) {
      await database.close();
      throw error;
    }
    this.#databases.set(database.name, resolve(file));
    this.follow(database);
    this.replication.restart();
    return database.name;
  }

  /** Lets remotes follow what the database says of them. */
  follow(database: Database): void {
    database.onCommit.add((changes) => {
      const places = this.#places();
      if (places.length > 0 && concerns(database, new Set(changes.map(({ table }) => table)), places)) {
        void this.remotes.refresh();
      }
    });
  }

  /** False if there is none of that name, nor a relay that has not seen its source yet. */
  async removeDatabase(name: string): Promise<boolean> {
    const relay = this.#relays.get(name);
    relay?.close();
    this.#relays.delete(name);
    this.#databases.delete(name);
    const database = this.server.remove(name);
    database?.monitors.stop();
    await database?.close();
    return relay !== undefined || database !== undefined;
  }

  log(level: 'info' | 'warn', message: string): void {
    this.#options.log(level, message);
  }

  async addRemote(remote: string): Promise<void> {
    this.#checkPlace(remote, 'remotes');
    await this.remotes.add(remote);
  }

  /** Errors: `syntax error` if a key or its like is to be read from where it cannot be. */
  checkTls(): void {
    for (const name of tlsTexts) this.#checkPlace(this.#options.tls?.[name] ?? '', 'setting');
  }

  #checkPlace(text: string, what: 'remotes' | 'setting'): void {
    // The tables of a relay are known when it has seen its source.
    const unseen = (name: string): boolean => this.#relays.has(name) && this.server.database(name) === undefined;
    if (text.startsWith('db:') && !unseen(parseDbPlace(text).database)) checkDbPlace(this.server, text, what);
  }

  /** Starts telling Connection rows how their remotes fare, and looking at what happens and how much memory it takes. */
  start(): void {
    this.#statusTimer = setInterval(() => {
      if (!this.server.backup) writeStatus(this.server, this.remotes, performance.now());
    }, statusIntervalMs);
    this.#statusTimer.unref();
    const memory = new MemoryLog({
      log: (line) => this.#options.log('info', line),
      now: () => this.uptimeMs,
      peak: () => process.resourceUsage().maxRSS,
      usage: () => memoryText(this.server, { inRows: false }),
    });
    this.#tickTimer = setInterval(() => {
      this.coverage.tick();
      memory.look();
    }, tickMs);
    this.#tickTimer.unref();
  }

  /**
   * The longest time, in milliseconds, that the event loop was blocked since this was last asked. The first time, undefined: measuring wakes the process 50
   * times a second, so it begins when somebody wants to know.
   */
  takeLongestBlock(): number | undefined {
    if (this.#loopDelay.enable()) return undefined;
    const longest = this.#loopDelay.max / 1e6;
    this.#loopDelay.reset();
    return longest;
  }

  /** Milliseconds. */
  get uptimeMs(): number {
    return performance.now() - this.#started;
  }

  async close(): Promise<void> {
    clearInterval(this.#statusTimer);
    clearInterval(this.#tickTimer);
    this.#loopDelay.disable();
    this.replication.close();
    for (const relay of this.#relays.values()) relay.close();
    await this.remotes.close();
    await this.server.close();
  }

  /** The places that remotes are configured in; every commit asks. */
  #places(): readonly DbPlace[] {
    const remotes = this.remotes.list();
    if (this.#placesOf !== remotes) {
      this.#placesOf = remotes;
      this.#foundPlaces = remotes.flatMap((remote) => (remote.startsWith('db:') ? [parseDbPlace(remote)] : []));
    }
    return this.#foundPlaces;
  }

  /** `--private-key=db:DB,TABLE,COLUMN` and its like are looked up when they are needed. */
  #tls(): TlsFiles | undefined {
    const { tls } = this.#options;
    if (tls === undefined) return undefined;
    const resolved: { -readonly [K in keyof TlsFiles]: TlsFiles[K] } = { ...tls };
    for (const name of tlsTexts) {
      const text = tls[name];
      if (text?.startsWith('db:') !== true) continue;
      const value = valuesAt(this.server, parseDbPlace(text))[0];
      if (typeof value === 'string' && value !== '') resolved[name] = value;
      else delete resolved[name];
    }
    return resolved;
  }
}

/** Names a file, whatever it is called. */
function placeOf(file: string): string | undefined {
  const status = statSync(file, { throwIfNoEntry: false });
  return status === undefined ? undefined : `${status.dev} ${status.ino}`;
}
