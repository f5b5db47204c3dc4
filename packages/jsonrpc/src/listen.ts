/** Opens passive remotes. */
import { existsSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import { systemReason } from './connect.ts';
import { formatHostPort, formatRemote, type PassiveRemote } from './remote.ts';
import { socketPath } from './socket-path.ts';
import type { TlsFiles } from './tls.ts';

export interface Accepted {
  readonly stream: Duplex;
  /** The peer as a log line names it: `tcp:10.1.1.42:40123`, `unix#3`. */
  readonly name: string;
  /** Common name in the client's verified certificate: the chassis that it is, for role-based access control. */
  readonly commonName?: string;
}

export interface Listener {
  /** What is listened on; the port that the system chose for port 0. */
  readonly remote: PassiveRemote;
  /** Stops listening; connections that were accepted live on. Resolves when the socket is gone. */
  close(): Promise<void>;
}

export interface ListenOptions {
  /** Asked for each connection: what it names may change, and what the files contain. */
  readonly tls?: () => TlsFiles | undefined;
  readonly onError?: (error: Error) => void;
}

/** Listening failed; `message` names the remote and the reason. */
export class ListenError extends Error {
  override name = 'ListenError';
}

/**
 * Listens; `onConnection` gets each connection (for TLS: once the handshake is done).
 * A client that says no more may still be answered, so whoever gets a connection has to end it (for TLS: it ends by itself).
 * A socket file that exists is replaced, as the C programs do. Access to it is for its owner and group, as far as the umask lets them.
 * @throws ListenError
 */
export async function listen(
  remote: PassiveRemote,
  onConnection: (accepted: Accepted) => void,
  options: ListenOptions = {},
): Promise<Listener> {
  let accepted = 0;
  try {
    switch (remote.kind) {
      case 'punix': {
        rmSync(remote.path, { force: true });
        // Node.js would say that permission is denied.
        if (!existsSync(dirname(remote.path))) throw new Error('No such file or directory');
        const server = createServer({ allowHalfOpen: true }, (stream) =>
          onConnection({ stream, name: `unix#${accepted++}` }),
        );
        const { path, release } = socketPath(remote.path);
        // Between bind and chmod nobody else may connect, so the mode comes from the mask.
        const mask = process.umask();
        process.umask(mask | 0o007);
        const listening = start(server, { path });
        process.umask(mask);
        await listening.catch((error: unknown) => {
          release();
          throw error;
        });
        // When the server closes it removes the file, by that path.
        server.once('close', release);
        return wrap(server, remote, options);
      }
      case 'ptcp': {
        const server = createServer({ noDelay: true, allowHalfOpen: true }, (stream) =>
          onConnection({ stream, name: peerName('tcp', stream) }),
        );
        await start(server, { port: remote.port, host: remote.host ?? '0.0.0.0' });
        return wrap(server, remote, options);
      }
      case 'pssl': {
        // Cryptography takes longer to load than a listener at a unix socket takes to start.
        const { tlsServer } = await import('./tls-server.ts');
        const server = tlsServer({
          files: options.tls ?? (() => undefined),
          onConnection: (stream, commonName) =>
            onConnection({
              stream,
              name: peerName('ssl', stream),
              ...(commonName === undefined ? {} : { commonName }),
            }),
          onError: (error, stream) =>
            options.onError?.(
              stream === undefined
                ? error
                : new Error(`${peerName('ssl', stream)}: ${error.message}`, { cause: error }),
            ),
        });
        await start(server, { port: remote.port, host: remote.host ?? '0.0.0.0' });
        return wrap(server, remote, options);
      }
      case 'pws': {
        const { WebSocketServer, createWebSocketStream } = await import('ws');
        const { createServer: createHttpServer } = await import('node:http');
        const http = createHttpServer();
        const server = new WebSocketServer({ server: http, maxPayload: 0 });
        server.on('connection', (socket, request) => {
          onConnection({ stream: createWebSocketStream(socket), name: peerName('ws', request.socket) });
        });
        server.on('error', (error) => options.onError?.(error));
        await start(http, { port: remote.port, host: remote.host ?? '0.0.0.0' });
        return wrap(http, remote, options);
      }
    }
  } catch (cause) {
    const reason = cause instanceof Error ? systemReason(cause) : String(cause);
    throw new ListenError(`${formatRemote(remote)}: listen failed: ${reason}`, { cause });
  }
}

function start(server: Server, where: { path: string } | { port: number; host: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(where, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function wrap(server: Server, remote: PassiveRemote, options: ListenOptions): Listener {
  server.on('error', (error) => options.onError?.(error));
  const address = server.address();
  const bound =
    remote.kind !== 'punix' && address !== null && typeof address === 'object'
      ? { ...remote, port: address.port }
      : remote;
  return {
    remote: bound,
    close: () =>
      new Promise((resolve) => {
        // The callback waits for the connections too; the listening socket is closed at once.
        server.close();
        resolve();
      }),
  };
}

function peerName(kind: string, socket: Socket): string {
  return `${kind}:${formatHostPort(socket.remoteAddress ?? '', socket.remotePort ?? 0)}`;
}
