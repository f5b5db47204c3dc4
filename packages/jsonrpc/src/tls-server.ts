/** The TLS server of a passive remote. Keys, certificates and the CA are renewed while it runs, so each connection gets those of its time. */
import { existsSync } from 'node:fs';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { bootstrapCa, loadTls, type TlsContext, type TlsFiles } from './tls.ts';

export interface TlsServerOptions {
  /** Asked for each connection. */
  readonly files: () => TlsFiles | undefined;
  /** The handshake is done. `commonName` is the client's, if our CA verified it. */
  readonly onConnection: (stream: TLSSocket, commonName: string | undefined) => void;
  /** With the connection that it ended, if it ended one that had got so far. */
  readonly onError: (error: Error, stream?: TLSSocket) => void;
}

/**
 * A server that has yet to be told to listen.
 * @throws TlsConfigError if there is nothing to begin with. What cannot be used later, a file that is gone for one, is an error that is told once, and the
 * connections get what there was before.
 */
export function tlsServer({ files, onConnection, onError }: TlsServerOptions): Server {
  let context = loadTls(files());
  let shown = contextText(context);
  let fault = '';
  // Whom to refuse may change, which the options of a server cannot: it asks every client for a certificate, and refuses by itself.
  const server = createServer({ ...context.options, requestCert: true, rejectUnauthorized: false, noDelay: true });

  const renew = (): void => {
    try {
      const next = loadTls(files());
      const text = contextText(next);
      if (text !== shown) server.setSecureContext(next.options);
      [context, shown] = [next, text];
      fault = '';
    } catch (error) {
      // A key that was replaced before its certificate, for one: the next connection may find both.
      const cause = error instanceof Error ? error : new Error(String(error));
      if (cause.message !== fault) onError(cause);
      fault = cause.message;
    }
  };

  /** Says why a client is not served; undefined: it is. */
  const refusal = (stream: TLSSocket): Error | undefined => {
    const { verify, bootstrapTo } = context;
    if (bootstrapTo !== undefined) {
      // The CA certificate of the first client that shows one is kept, and this client connects again to be verified by it.
      if (!existsSync(bootstrapTo)) bootstrapCa(stream, bootstrapTo);
      return new Error('its CA certificate is that of all clients from now on');
    }
    if (!verify || stream.authorized) return undefined;
    return new Error(`certificate verification failed (${stream.authorizationError})`);
  };

  // Before the server's own listener begins the handshake.
  server.prependListener('connection', renew);
  server.on('secureConnection', (stream) => {
    let refused: Error | undefined;
    try {
      refused = refusal(stream);
    } catch (error) {
      refused = error instanceof Error ? error : new Error(String(error));
    }
    if (refused === undefined) {
      onConnection(stream, verifiedName(context, stream));
      return;
    }
    onError(refused, stream);
    stream.on('error', () => {}).destroy();
  });
  server.on('tlsClientError', (error) => onError(error));
  return server;
}

/** The same for the same bytes of files, protocols and ciphers. */
function contextText({ options, verify }: TlsContext): string {
  return JSON.stringify([options, verify]);
}

/** Who is not verified by our CA has no name, whatever its certificate says: roles depend on it. */
function verifiedName({ verify }: TlsContext, stream: TLSSocket): string | undefined {
  if (!verify || !stream.authorized) return undefined;
  const name: unknown = stream.getPeerCertificate()?.subject?.CN;
  return typeof name === 'string' ? name : undefined;
}
