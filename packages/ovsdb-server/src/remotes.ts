/**
 * The server's remotes: those of the command line, and those that rows of a database name (`db:DB,TABLE,COLUMN`, ovsdb-server(1)), which are opened,
 * reconfigured and closed as the rows change, and told how they fare in their status columns.
 */
import { Backoff, defaultBackoff } from '@weft/jsonrpc/backoff';
import { connect, connectTimeoutMs, systemReason } from '@weft/jsonrpc/connect';
import { type Accepted, type Listener, listen } from '@weft/jsonrpc/listen';
import { formatRemote, isPassive, parseActive, parsePassive } from '@weft/jsonrpc/remote';
import type { TlsFiles } from '@weft/jsonrpc/tls';
import { canonicalText } from '@weft/ovsdb/json';
import type { OvsdbServer } from './server.ts';
import type { Session } from './session.ts';

export interface RemoteSettings {
  readonly target: string;
  /** Milliseconds; undefined: the default of the connection method. */
  readonly inactivityProbe?: number | undefined;
  readonly maxBackoff?: number | undefined;
  readonly readOnly?: boolean;
  readonly role?: string;
}

export interface RemoteEnvironment {
  readonly server: OvsdbServer;
  readonly rundir: string;
  /** Read for each use, because it may come from a database. */
  readonly tls: () => TlsFiles | undefined;
  readonly log: (level: 'info' | 'warn' | 'debug', message: string) => void;
}

/** How a remote fares, for the columns `is_connected` and `status` (ovn-nb(5) Connection TABLE). */
export interface RemoteStatus {
  readonly connected: boolean;
  readonly status: ReadonlyMap<string, string>;
}

const defaultProbeMs = 5000;
/** No probe interval and no longest wait is shorter, whatever a row says: who writes 5 means seconds, and 5 ms would end every connection. */
const leastMs = 1000;

/** One remote, open until it is closed. */
export class Remote {
  #settings: RemoteSettings;
  readonly #environment: RemoteEnvironment;
  readonly #sessions = new Map<Session, number>();
  #listener: Listener | undefined;
  #lastError: string | undefined;
  #lastDisconnect: number | undefined;
  #connecting: AbortController | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(settings: RemoteSettings, environment: RemoteEnvironment) {
    this.#settings = settings;
    this.#environment = environment;
  }

  get settings(): RemoteSettings {
    return this.#settings;
  }

  /** Opens it. A remote that cannot listen says so in the log and in its status, and tries again. */
  async open(): Promise<void> {
    if (isPassive(this.#settings.target)) await this.#listen();
    else void this.#connect();
  }

  /** Changes what can be changed without closing connections. */
  reconfigure(settings: RemoteSettings): void {
    const stricter = settings.role !== this.#settings.role || settings.readOnly !== this.#settings.readOnly;
    this.#settings = settings;
    for (const session of [...this.#sessions.keys()]) {
      // What a client may do was decided when it came.
      if (stricter) session.peer.close();
      else session.peer.setProbeInterval(this.#probeMs());
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#connecting?.abort();
    for (const session of [...this.#sessions.keys()]) session.peer.close();
    await this.#listener?.close();
  }

  status(now: number): RemoteStatus {
    const { size } = this.#sessions;
    const status = isPassive(this.#settings.target) ? this.#listenerStatus() : this.#clientStatus(now);
    if (this.#lastError !== undefined && size === 0) status.set('last_error', this.#lastError);
    return { connected: size > 0, status };
  }

  /** Whoever listens has nothing to tell of one connection: it may have many. */
  #listenerStatus(): Map<string, string> {
    const status = new Map<string, string>();
    const remote = this.#listener?.remote;
    if (remote !== undefined && remote.kind !== 'punix') status.set('bound_port', String(remote.port));
    if (this.#sessions.size > 1) status.set('n_connections', String(this.#sessions.size));
    return status;
  }

  #clientStatus(now: number): Map<string, string> {
    const status = new Map<string, string>();
    const [only] = this.#sessions;
    if (only !== undefined) {
      const [session, since] = only;
      status.set('sec_since_connect', String(Math.floor((now - since) / 1000)));
      if (session.locksHeld.length > 0) status.set('locks_held', session.locksHeld.join(' '));
      if (session.locksWaiting.length > 0) status.set('locks_waiting', session.locksWaiting.join(' '));
    }
    status.set('state', only === undefined ? (this.#connecting === undefined ? 'BACKOFF' : 'CONNECTING') : 'ACTIVE');
    if (this.#lastDisconnect !== undefined) {
      status.set('sec_since_disconnect', String(Math.floor((now - this.#lastDisconnect) / 1000)));
    }
    return status;
  }

  async #listen(): Promise<void> {
    const { target } = this.#settings;
    const { log, rundir, tls } = this.#environment;
    try {
      this.#listener = await listen(parsePassive(target, { rundir }), (accepted) => this.#serve(accepted), {
        tls,
        onError: (error) => log('warn', `${target}: ${error.message}`),
      });
      this.#lastError = undefined;
      if (this.#closed) await this.#listener.close();
      else log('info', `${formatRemote(this.#listener.remote)}: listening`);
    } catch (error) {
      if (this.#lastError === undefined) log('warn', error instanceof Error ? error.message : String(error));
      this.#lastError = reasonOf(error);
      if (!this.#closed) this.#retry = setTimeout(() => void this.#listen(), 1000);
    }
  }

  async #connect(): Promise<void> {
    const { log, rundir, tls } = this.#environment;
    const settings = (): RemoteSettings => this.#settings;
    const backoff = new Backoff({
      ...defaultBackoff,
      get maxMs() {
        const { maxBackoff = defaultBackoff.maxMs } = settings();
        return Math.max(maxBackoff, leastMs);
      },
    });
    let waited = 0;
    while (!this.#closed) {
      const { target } = this.#settings;
      this.#connecting = new AbortController();
      try {
        const stream = await connect(parseActive(target, { rundir }), {
          signal: this.#connecting.signal,
          timeoutMs: connectTimeoutMs,
          tls: tls(),
        });
        this.#connecting = undefined;
        this.#lastError = undefined;
        log('info', `${target}: connected`);
        const since = performance.now();
        await new Promise<void>((resolve) => this.#serve({ stream, name: target }, resolve));
        // Whoever takes connections only to close them is no better than one who refuses them.
        if (performance.now() - since > waited) backoff.succeeded();
      } catch (error) {
        this.#connecting = undefined;
        const reason = reasonOf(error);
        if (reason !== this.#lastError && !this.#closed) {
          log('warn', error instanceof Error ? error.message : String(error));
        }
        this.#lastError = reason;
      }
      if (this.#closed) return;
      waited = backoff.failed();
      await new Promise<void>((resolve) => {
        this.#retry = setTimeout(resolve, waited);
      });
    }
  }

  #serve(accepted: Accepted, onClose?: () => void): void {
    // It was connected before the remote was removed, and has only now proved who it is: nobody would ever end its session.
    if (this.#closed) {
      accepted.stream.on('error', () => {}).destroy();
      onClose?.();
      return;
    }
    const { readOnly, role, target } = this.#settings;
    const session = this.#environment.server.accept(accepted.stream, {
      name: accepted.name,
      probeIntervalMs: this.#probeMs(),
      ...(readOnly === undefined ? {} : { readOnly }),
      ...(role === undefined ? {} : { role }),
      ...(accepted.commonName === undefined ? {} : { client: accepted.commonName }),
      onClose: (error) => {
        this.#sessions.delete(session);
        this.#lastDisconnect = performance.now();
        if (error !== undefined) this.#environment.log('info', `${accepted.name} (${target}): ${error.message}`);
        onClose?.();
      },
    });
    this.#sessions.set(session, performance.now());
  }

  #probeMs(): number {
    const { inactivityProbe, target } = this.#settings;
    // Over a unix socket the kernel says when the other side is gone.
    if (inactivityProbe === undefined) return /^p?unix:/.test(target) ? 0 : defaultProbeMs;
    return inactivityProbe === 0 ? 0 : Math.max(inactivityProbe, leastMs);
  }
}

/** The remotes of a server by the text of their settings' target. */
export class Remotes {
  readonly #environment: RemoteEnvironment;
  readonly #configured = new Set<string>();
  readonly #open = new Map<string, Remote>();
  /** Gives the settings that `db:` remotes stand for at the moment. */
  readonly #expand: (remote: string) => readonly RemoteSettings[];
  #working: Promise<void> = Promise.resolve();
  #list: readonly string[] | undefined;

  constructor(environment: RemoteEnvironment, expand: (remote: string) => readonly RemoteSettings[]) {
    this.#environment = environment;
    this.#expand = expand;
  }

  /** Those of the command line and of `add-remote`, ascending. */
  list(): readonly string[] {
    this.#list ??= [...this.#configured].sort();
    return this.#list;
  }

  add(remote: string): Promise<void> {
    this.#configured.add(remote);
    this.#list = undefined;
    return this.refresh();
  }

  remove(remote: string): Promise<boolean> {
    const known = this.#configured.delete(remote);
    this.#list = undefined;
    return this.refresh().then(() => known);
  }

  get(target: string): Remote | undefined {
    return this.#open.get(target);
  }

  /** Opens, reconfigures and closes until what is open is what is configured. */
  refresh(): Promise<void> {
    this.#working = this.#working.then(() => this.#refresh());
    return this.#working;
  }

  async close(): Promise<void> {
    this.#configured.clear();
    this.#list = undefined;
    await this.refresh();
  }

  async #refresh(): Promise<void> {
    const wanted = new Map<string, RemoteSettings>();
    for (const remote of this.#configured) {
      for (const settings of remote.startsWith('db:') ? this.#expand(remote) : [{ target: remote }]) {
        if (!wanted.has(settings.target)) wanted.set(settings.target, settings);
      }
    }
    for (const [target, remote] of [...this.#open]) {
      const settings = wanted.get(target);
      if (settings === undefined) {
        this.#open.delete(target);
        await remote.close();
      } else if (canonicalText(settingsJson(settings)) !== canonicalText(settingsJson(remote.settings))) {
        remote.reconfigure(settings);
      }
    }
    for (const [target, settings] of wanted) {
      if (this.#open.has(target)) continue;
      const remote = new Remote(settings, this.#environment);
      this.#open.set(target, remote);
      await remote.open();
    }
  }
}

/** Without the remote, of which the row that shows it tells: `strerror(errno)`, as ovn-nb(5) has it. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return systemReason(error.cause instanceof Error ? error.cause : error);
}

function settingsJson(settings: RemoteSettings): { [name: string]: string | number | boolean } {
  return Object.fromEntries(
    Object.entries(settings).filter((entry): entry is [string, string | number | boolean] => entry[1] !== undefined),
  );
}
