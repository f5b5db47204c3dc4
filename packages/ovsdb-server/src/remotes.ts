/**
 * The server's remotes: those of the command line, and those that rows of a database name (`db:DB,TABLE,COLUMN`, ovsdb-server(1)), which are opened,
 * reconfigured and closed as the rows change, and told how they fare in their status columns.
 */
import { Backoff, defaultBackoff } from '@weft/jsonrpc/backoff';
import { connect } from '@weft/jsonrpc/connect';
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
    const status = new Map<string, string>();
    const sessions = [...this.#sessions.keys()];
    if (this.#listener !== undefined) {
      const { remote } = this.#listener;
      if (remote.kind !== 'punix') status.set('bound_port', String(remote.port));
      if (sessions.length > 1) status.set('n_connections', String(sessions.length));
    }
    const only = sessions.length === 1 ? sessions[0] : undefined;
    if (only !== undefined) {
      status.set('sec_since_connect', String(Math.floor((now - this.#sessions.get(only)!) / 1000)));
      if (only.locksHeld.length > 0) status.set('locks_held', only.locksHeld.join(' '));
      if (only.locksWaiting.length > 0) status.set('locks_waiting', only.locksWaiting.join(' '));
    }
    if (this.#listener === undefined && !isPassive(this.#settings.target)) {
      status.set('state', only === undefined ? (this.#connecting === undefined ? 'BACKOFF' : 'CONNECTING') : 'ACTIVE');
    }
    if (this.#lastDisconnect !== undefined && sessions.length <= 1) {
      status.set('sec_since_disconnect', String(Math.floor((now - this.#lastDisconnect) / 1000)));
    }
    if (this.#lastError !== undefined && sessions.length === 0) status.set('last_error', this.#lastError);
    return { connected: sessions.length > 0, status };
  }

  async #listen(): Promise<void> {
    const { target } = this.#settings;
    const { log, rundir, tls } = this.#environment;
    try {
      const files = tls();
      this.#listener = await listen(parsePassive(target, { rundir }), (accepted) => this.#serve(accepted), {
        ...(files === undefined ? {} : { tls: files }),
        onError: (error) => log('warn', `${target}: ${error.message}`),
      });
      this.#lastError = undefined;
      if (this.#closed) await this.#listener.close();
      else log('info', `${formatRemote(this.#listener.remote)}: listening`);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (this.#lastError === undefined) log('warn', message);
      this.#lastError = message;
      if (!this.#closed) this.#retry = setTimeout(() => void this.#listen(), 1000);
    }
  }

  async #connect(): Promise<void> {
    const { log, rundir, tls } = this.#environment;
    const backoff = new Backoff({ ...defaultBackoff, maxMs: this.#settings.maxBackoff ?? defaultBackoff.maxMs });
    while (!this.#closed) {
      const { target } = this.#settings;
      this.#connecting = new AbortController();
      try {
        const files = tls();
        const stream = await connect(parseActive(target, { rundir }), {
          signal: this.#connecting.signal,
          ...(files === undefined ? {} : { tls: files }),
        });
        this.#connecting = undefined;
        this.#lastError = undefined;
        backoff.succeeded();
        log('info', `${target}: connected`);
        await new Promise<void>((resolve) => this.#serve({ stream, name: target }, resolve));
      } catch (error) {
        this.#connecting = undefined;
        const message = error instanceof Error ? error.message : String(error);
        if (message !== this.#lastError && !this.#closed) log('warn', `${target}: ${message}`);
        this.#lastError = message;
      }
      if (this.#closed) return;
      await new Promise<void>((resolve) => {
        this.#retry = setTimeout(resolve, backoff.failed());
      });
    }
  }

  #serve(accepted: Accepted, onClose?: () => void): void {
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
    return inactivityProbe ?? (/^p?unix:/.test(target) ? 0 : defaultProbeMs);
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

function settingsJson(settings: RemoteSettings): { [name: string]: string | number | boolean } {
  return Object.fromEntries(
    Object.entries(settings).filter((entry): entry is [string, string | number | boolean] => entry[1] !== undefined),
  );
}
