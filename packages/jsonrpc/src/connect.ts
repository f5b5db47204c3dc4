/** Opens active remotes. This is the edge: sockets are made here and nowhere else on the client side. */
import type { EventEmitter } from 'node:events';
import { createConnection } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ActiveRemote, formatRemote } from './remote.ts';
import { socketPath } from './socket-path.ts';
import type { TlsFiles } from './tls.ts';

export interface ConnectOptions {
  readonly tls?: TlsFiles | undefined;
  /** Gives up when it fires. */
  readonly signal?: AbortSignal | undefined;
  /** Gives up after so long. Without it, whoever connects to a host that answers nothing waits for minutes, and for a TLS peer that has stopped for ever. */
  readonly timeoutMs?: number | undefined;
}

/** Long enough for a host that is busy; whoever has another remote goes on there. */
export const connectTimeoutMs = 10_000;

/** Connecting failed; `message` names the remote and the reason, `cause` is the system's error. */
export class ConnectError extends Error {
  override name = 'ConnectError';
}

/** It took too long: a `cause`, and the `reason` of a signal that gives up for that. */
export class ConnectTimeout extends Error {
  override name = 'ConnectTimeout';
  override message = 'timed out';
  /** The system would say so, minutes later. */
  readonly code = 'ETIMEDOUT';
}

/**
 * Connects; the promise resolves when the stream can be used (for TLS: the peer is verified).
 * @throws ConnectError
 */
export async function connect(remote: ActiveRemote, options: ConnectOptions = {}): Promise<Duplex> {
  try {
    switch (remote.kind) {
      case 'unix':
        return await connectUnix(remote.path, options);
      case 'tcp': {
        const socket = createConnection({ host: remote.host, port: remote.port, noDelay: true });
        return await ready(socket, 'connect', options);
      }
      case 'ssl':
        return await connectTls(remote, options);
      case 'ws':
        return await connectWs(remote.url, options);
    }
  } catch (cause) {
    if (cause instanceof ConnectTimeout) {
      throw new ConnectError(`${formatRemote(remote)}: connection attempt timed out`, { cause });
    }
    const reason = cause instanceof Error ? systemReason(cause) : String(cause);
    throw new ConnectError(`${formatRemote(remote)}: connection attempt failed (${reason})`, { cause });
  }
}

async function connectUnix(file: string, options: ConnectOptions): Promise<Duplex> {
  const { path, release } = socketPath(file);
  try {
    return await ready(createConnection({ path }), 'connect', options);
  } finally {
    release();
  }
}

async function connectTls(remote: { host: string; port: number }, options: ConnectOptions): Promise<Duplex> {
  // Cryptography takes longer to load than a short-lived client takes for its work.
  const [{ bootstrapCa, loadTls }, tls] = await Promise.all([import('./tls.ts'), import('node:tls')]);
  const context = loadTls(options.tls);
  const socket = tls.connect({
    ...context.options,
    host: remote.host,
    port: remote.port,
    rejectUnauthorized: context.verify,
    checkServerIdentity: () => undefined,
  });
  await ready(socket, 'secureConnect', options);
  if (context.bootstrapTo !== undefined) {
    bootstrapCa(socket, context.bootstrapTo);
    socket.destroy();
    // The connection that delivered the certificate was not verified by it, so another one is made, which is.
    return connectTls(remote, options);
  }
  socket.setNoDelay(true);
  return socket;
}

async function connectWs(url: string, options: ConnectOptions): Promise<Duplex> {
  const { WebSocket, createWebSocketStream } = await import('ws');
  const socket = new WebSocket(url, { maxPayload: 0 });
  const stream = createWebSocketStream(socket);
  await ready(socket, 'open', options, stream);
  return stream;
}

/** Resolves with `stream` at the event, or fails, and leaves nothing behind. */
function ready<S extends Duplex>(
  emitter: EventEmitter,
  event: string,
  { signal, timeoutMs }: ConnectOptions,
  stream: S = emitter as S,
): Promise<S> {
  return new Promise((resolve, reject) => {
    let over = false;
    const done = (action: () => void): void => {
      if (over) return;
      over = true;
      emitter.off(event, onReady);
      stream.off('error', onError);
      signal?.removeEventListener('abort', onAbort);
      clearTimeout(timer);
      action();
    };
    const onReady = (): void => done(() => resolve(stream));
    const onError = (error: Error): void =>
      done(() => {
        // Of a WebSocket that is given up it is told later, as an error, that it was.
        stream.on('error', () => {}).destroy();
        reject(error);
      });
    const onAbort = (): void =>
      onError(signal?.reason instanceof ConnectTimeout ? signal.reason : new Error('aborted'));
    // Not before the system has been asked whether the connection has come meanwhile.
    const onTimeout = (): void => void setImmediate(() => onError(new ConnectTimeout()));
    const timer = timeoutMs === undefined ? undefined : setTimeout(onTimeout, timeoutMs);
    emitter.once(event, onReady);
    stream.once('error', onError);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}

const reasons: { readonly [code: string]: string } = {
  EEXIST: 'File exists',
  EISDIR: 'Is a directory',
  ENOSPC: 'No space left on device',
  EROFS: 'Read-only file system',
  EADDRINUSE: 'Address already in use',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  ECONNREFUSED: 'Connection refused',
  ENOENT: 'No such file or directory',
  EACCES: 'Permission denied',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'Network is unreachable',
  ETIMEDOUT: 'Connection timed out',
  ECONNRESET: 'Connection reset by peer',
  ENOTSOCK: 'Socket operation on non-socket',
  ENOTDIR: 'Not a directory',
  EINVAL: 'Invalid argument',
  EPIPE: 'Broken pipe',
};

/** The text that strerror(3) has for a system error, which is what operators know and the C programs print; of OpenSSL's line its own words. */
export function systemReason(error: Error): string {
  const { code, reason } = error as NodeJS.ErrnoException & { readonly reason?: string };
  if (code?.startsWith('ERR_SSL_') && reason !== undefined) return reason;
  return (code === undefined ? undefined : reasons[code]) ?? error.message;
}
