/**
 * A lasting session with one database: connects to one of several servers, asks `_Server` whether it is the right one, stays, and goes to the
 * next when it is lost or loses its role. Knows nothing of what is monitored.
 */
import type { Duplex } from 'node:stream';
import { Backoff, type BackoffOptions, defaultBackoff } from '@weft/jsonrpc/backoff';
import { type Clock, systemClock } from '@weft/jsonrpc/clock';
import { ConnectTimeout, connect, systemReason } from '@weft/jsonrpc/connect';
import { trustedLimits } from '@weft/jsonrpc/framing';
import { ConnectionClosedError, Peer } from '@weft/jsonrpc/peer';
import { type ActiveRemote, parseActive, splitRemotes } from '@weft/jsonrpc/remote';
import { shuffled } from '@weft/jsonrpc/shuffled';
import type { TlsFiles } from '@weft/jsonrpc/tls';
import type { Json } from '@weft/ovsdb/json';
import { ServerCheck } from './server-check.ts';
import type { ServerTables } from './server-status.ts';

export interface SessionOptions {
  /** One remote or several with commas, as ovsdb(7) writes them. */
  readonly remotes: string;
  readonly database: string;
  /** In a cluster, use only the leader. Default true, as in C. */
  readonly leaderOnly?: boolean;
  /** Try the remotes in random order. Default true. */
  readonly shuffle?: boolean;
  /** Milliseconds; 0 for none. Default 5000, and none for a unix socket that is the only remote. */
  readonly probeIntervalMs?: number;
  /** Give up an attempt to connect after so many milliseconds. Default: as in C, a second at first, and as long as the last wait after failures. */
  readonly connectTimeoutMs?: number;
  readonly backoff?: BackoffOptions;
  /** Where a relative `unix:FILE` starts, as in C. Default: `OVS_RUNDIR`, or /var/run/openvswitch. */
  readonly rundir?: string;
  readonly tls?: TlsFiles;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Opens a remote; tests pass their own. */
  readonly connect?: (remote: ActiveRemote, signal: AbortSignal) => Promise<Duplex>;
  /** One line on what happens to the connection. */
  readonly log?: (level: 'info' | 'warn', message: string) => void;
}

/** A server that was found good. */
export interface Connection {
  readonly peer: Peer;
  readonly remote: string;
  readonly serverTables: ServerTables;
}

export interface SessionHandlers {
  onConnected(connection: Connection): void;
  /** Not for those of `_Server`. */
  onNotification(method: string, params: readonly Json[]): void;
  /** Follows each `onConnected`, also when the session is closed. */
  onLost(error: Error): void;
}

/** Where the C programs, those of OVN too, look for a socket that is named without a directory. */
export function defaultRundir(): string {
  return process.env.OVS_RUNDIR || '/var/run/openvswitch';
}

/** Says of which server, in the words that operators know: what the system and the parsers say does not. */
export function whyLost(remote: string, error: Error | undefined): Error {
  if (error === undefined) return new ConnectionClosedError(`${remote}: connection closed by peer`);
  if (error.message.startsWith(`${remote}: `)) return error;
  const text = 'code' in error ? `connection dropped (${systemReason(error)})` : error.message;
  return new ConnectionClosedError(`${remote}: ${text}`, { cause: error });
}

export class Session {
  readonly #options: SessionOptions;
  readonly #handlers: SessionHandlers;
  readonly #clock: Clock;
  readonly #backoff: Backoff;
  readonly #random: () => number;
  #remotes: readonly string[] = [];
  #cid: string | undefined;
  #next = 0;
  #probeIntervalMs: number | undefined;
  #started = false;
  #closed = false;
  /** It is us who want another server. */
  #asked = false;
  #abort: AbortController | undefined;
  #peer: Peer | undefined;
  #cancelWait: (() => void) | undefined;
  /** Highest index seen of each cluster. */
  readonly #indexes = new Map<string, number>();

  constructor(options: SessionOptions, handlers: SessionHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#backoff = new Backoff(options.backoff ?? defaultBackoff);
    this.#probeIntervalMs = options.probeIntervalMs;
    this.#setList(options.remotes);
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    void this.#run();
  }

  /** Other servers from now on; a connection to one that is no longer named ends. */
  setRemotes(remotes: string): void {
    const current = this.#peer?.name;
    this.#setList(remotes);
    if (current === undefined || !this.#remotes.includes(current)) this.reconnect('remotes changed');
  }

  setProbeInterval(milliseconds: number): void {
    this.#probeIntervalMs = milliseconds;
    this.#peer?.setProbeInterval(milliseconds);
  }

  /** Leaves the server, for the next one. */
  reconnect(reason: string): void {
    this.#asked = true;
    this.#abort?.abort();
    this.#cancelWait?.();
    this.#peer?.close(new ConnectionClosedError(`${this.#peer.name}: ${reason}`));
  }

  /**
   * Forgets how new the data is that was seen, of any cluster, and asks anew: after a cluster was destroyed and rebuilt, all that it has would count as
   * stale (ovn-controller(8), `sb-cluster-state-reset`).
   */
  resetClusterState(): void {
    this.#indexes.clear();
    this.reconnect('cluster state reset requested');
  }

  close(): void {
    this.#closed = true;
    this.#abort?.abort();
    this.#cancelWait?.();
    this.#peer?.close();
  }

  #setList(text: string): void {
    const { remotes, cid } = splitRemotes(text);
    // Remotes come from configuration that is edited while we run: what makes no sense is named and left out.
    const usable = remotes.filter((remote) => {
      try {
        this.#parse(remote);
        return true;
      } catch (error) {
        this.#log('warn', error instanceof Error ? error.message : String(error));
        return false;
      }
    });
    this.#cid = cid;
    this.#remotes = (this.#options.shuffle ?? true) ? shuffled(usable, this.#random) : usable;
    this.#next = 0;
  }

  #parse(remote: string): ActiveRemote {
    return parseActive(remote, { rundir: this.#options.rundir ?? defaultRundir() });
  }

  async #run(): Promise<void> {
    // Servers tried since one was good: after each was tried once, it is time to wait.
    let tried = 0;
    while (!this.#closed) {
      const remote = this.#remotes[this.#next % Math.max(1, this.#remotes.length)];
      this.#next++;
      tried++;
      let goodMs = 0;
      this.#asked = false;
      if (remote !== undefined) {
        try {
          goodMs = await this.#attempt(remote);
        } catch (error) {
          if (!this.#closed) this.#log('warn', error instanceof Error ? error.message : String(error));
        }
      }
      if (this.#closed) return;
      // From a server that was good, and when we want to leave, the first step is immediate, but not for all clients in one moment.
      if (this.#backoff.ended(goodMs) || this.#asked) {
        tried = 0;
        await this.#wait(this.#random() * 100);
      } else if (tried >= this.#remotes.length) {
        tried = 0;
        await this.#wait(this.#backoff.failed());
      }
    }
  }

  #wait(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      // Not the injected timer alone: waiting for a server is a reason to live for the process.
      const keepAlive = setInterval(() => {}, 1 << 30);
      const done = (): void => {
        cancel();
        clearInterval(keepAlive);
        this.#cancelWait = undefined;
        resolve();
      };
      const cancel = this.#clock.after(milliseconds, done);
      this.#cancelWait = done;
    });
  }

  /** Connects, and resolves when the connection is over: with the milliseconds since the server was found good, 0 if it was not. */
  async #attempt(remoteText: string): Promise<number> {
    const remote = this.#parse(remoteText);
    const abort = new AbortController();
    this.#abort = abort;
    // As long as the next wait would be: a dead host costs a second at first. Not before the system has been asked whether it has answered meanwhile.
    const timeoutMs = this.#options.connectTimeoutMs ?? Math.max(1000, this.#backoff.delay);
    const timeOut = (): void => void setImmediate(() => abort.abort(new ConnectTimeout()));
    const cancelTimeout = this.#clock.after(timeoutMs, timeOut);
    let stream: Duplex;
    try {
      const open = this.#options.connect ?? ((r, signal) => connect(r, { tls: this.#options.tls, signal }));
      stream = await open(remote, abort.signal);
    } finally {
      cancelTimeout();
    }
    if (this.#closed || abort.signal.aborted) {
      stream.destroy();
      return 0;
    }
    return new Promise((resolve) => {
      let connected = false;
      let since = 0;
      // A process on this machine is trusted to be busy, where nobody else could be asked.
      const trusted = remote.kind === 'unix' && this.#remotes.length === 1;
      const probeIntervalMs = this.#probeIntervalMs ?? (trusted ? 0 : 5000);
      const { database, leaderOnly = true } = this.#options;
      const check = new ServerCheck(
        { database, leaderOnly, cid: this.#cid, indexes: this.#indexes },
        {
          onGood: (serverTables) => {
            connected = true;
            since = this.#clock.now();
            this.#log('info', `${remoteText}: connected`);
            this.#handlers.onConnected({ peer, remote: remoteText, serverTables });
          },
          onBad: (reason) => peer.close(new ConnectionClosedError(`${remoteText}: ${reason}`)),
        },
      );
      const peer = new Peer(stream, {
        name: remoteText,
        limits: trustedLimits,
        clock: this.#clock,
        probeIntervalMs,
        onNotification: (method, params) => {
          if (!check.take(method, params) && connected) this.#handlers.onNotification(method, params);
        },
        onClose: (error) => {
          this.#peer = undefined;
          const reason = whyLost(remoteText, error);
          if (!this.#closed) this.#log('warn', reason.message);
          if (connected) this.#handlers.onLost(reason);
          resolve(connected ? this.#clock.now() - since : 0);
        },
      });
      this.#peer = peer;
      check.start(peer);
    });
  }

  #log(level: 'info' | 'warn', message: string): void {
    this.#options.log?.(level, message);
  }
}
