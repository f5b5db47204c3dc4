/**
 * Tells a client why TLS refuses it. OpenSSL would, but Node.js has it accept every certificate and looks at the result when the handshake is over, when there
 * is nothing left to do but to end the connection. So the alert is written here, under the key that the server's next record would have (RFC 8446 sections 5.2,
 * 6 and 7). Of TLS 1.2 not all that the key is made of can be known; there the connection just ends.
 */
import { createCipheriv, createHmac } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Server, TLSSocket } from 'node:tls';

/** RFC 8446 section 6. */
export const alerts = {
  badCertificate: 42,
  certificateExpired: 45,
  certificateUnknown: 46,
  unknownCa: 48,
  certificateRequired: 116,
} as const;

export type AlertCode = (typeof alerts)[keyof typeof alerts];

/** What OpenSSL says of a certificate, by its reason for not trusting it. */
const byReason: { readonly [reason: string]: AlertCode } = {
  CERT_HAS_EXPIRED: alerts.certificateExpired,
  CERT_NOT_YET_VALID: alerts.badCertificate,
  CERT_UNTRUSTED: alerts.badCertificate,
  UNABLE_TO_GET_ISSUER_CERT: alerts.unknownCa,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: alerts.unknownCa,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: alerts.unknownCa,
  DEPTH_ZERO_SELF_SIGNED_CERT: alerts.unknownCa,
  SELF_SIGNED_CERT_IN_CHAIN: alerts.unknownCa,
  CERT_CHAIN_TOO_LONG: alerts.unknownCa,
  INVALID_CA: alerts.unknownCa,
};

/** The alert for a client that is not `authorized`. */
export function alertFor(stream: TLSSocket): AlertCode {
  if (Object.keys(stream.getPeerCertificate() ?? {}).length === 0) return alerts.certificateRequired;
  return byReason[String(stream.authorizationError)] ?? alerts.certificateUnknown;
}

interface CipherSuite {
  readonly hash: string;
  readonly keyBytes: number;
  readonly cipher: 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305';
}

/** The names are those of TLS 1.3 alone. */
const suites: { readonly [name: string]: CipherSuite } = {
  TLS_AES_128_GCM_SHA256: { hash: 'sha256', keyBytes: 16, cipher: 'aes-128-gcm' },
  TLS_AES_256_GCM_SHA384: { hash: 'sha384', keyBytes: 32, cipher: 'aes-256-gcm' },
  TLS_CHACHA20_POLY1305_SHA256: { hash: 'sha256', keyBytes: 32, cipher: 'chacha20-poly1305' },
};

const fatal = 2;
const alertType = 21;
const tagBytes = 16;
/** A client that has been told is to end the connection; if it does not, we do. */
const lingerMs = 1000;

/** Made before the first connection. */
export class TlsAlerts {
  /** The sockets below TLS, by the peer's address. */
  readonly #sockets = new Map<string, Socket>();
  readonly #secrets = new WeakMap<TLSSocket, Buffer>();

  constructor(server: Server) {
    server.prependListener('connection', (socket: Socket) => {
      const key = peerOf(socket);
      this.#sockets.set(key, socket);
      socket.once('close', () => this.#sockets.delete(key));
    });
    server.on('keylog', (line: Buffer, stream) => {
      const [label, , secret = ''] = line.toString('latin1').trim().split(' ');
      if (label === 'SERVER_TRAFFIC_SECRET_0') this.#secrets.set(stream, Buffer.from(secret, 'hex'));
    });
  }

  /** To be called for a client that is served: nobody needs its secret any more. */
  forget(stream: TLSSocket): void {
    this.#secrets.delete(stream);
    this.#sockets.delete(peerOf(stream));
  }

  /** Ends a connection whose handshake is over and on which nothing has been sent, with an alert if there can be one. */
  refuse(stream: TLSSocket, code: AlertCode): void {
    stream.on('error', () => {});
    const suite = suites[stream.getCipher().name];
    const secret = this.#secrets.get(stream);
    const socket = this.#sockets.get(peerOf(stream));
    if (suite === undefined || secret === undefined || socket === undefined) {
      stream.destroy();
      return;
    }
    const before = socket.bytesWritten;
    setImmediate(() => {
      // What else the client sends is read and dropped: to end a connection with something unread would take the alert away again.
      stream.resume();
      // Session tickets may have left by now, of which there are two, a record each.
      const records = socket.bytesWritten > before ? 2 : 0;
      if (socket.writable) socket.end(protect(suite, secret, records, code));
    });
    const stop = setTimeout(() => stream.destroy(), lingerMs);
    stream.once('close', () => clearTimeout(stop));
  }
}

function peerOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`;
}

/** A record with the alert (RFC 8446 section 5.2), the `sequence`th that the server sends under this secret. */
function protect({ hash, keyBytes, cipher }: CipherSuite, secret: Buffer, sequence: number, code: AlertCode): Buffer {
  const content = Buffer.of(fatal, code, alertType);
  const header = Buffer.of(0x17, 3, 3, 0, content.length + tagBytes);
  const nonce = expand(hash, secret, 'iv', 12);
  nonce[nonce.length - 1]! ^= sequence;
  const key = expand(hash, secret, 'key', keyBytes);
  // The types have one signature for each kind of cipher, and this is both.
  const sealer = createCipheriv(cipher as 'aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  sealer.setAAD(header, { plaintextLength: content.length });
  return Buffer.concat([header, sealer.update(content), sealer.final(), sealer.getAuthTag()]);
}

/** HKDF-Expand-Label of RFC 8446 section 7.1, without context, of at most one block. */
function expand(hash: string, secret: Buffer, label: string, length: number): Buffer {
  const name = `tls13 ${label}`;
  const info = Buffer.concat([Buffer.of(0, length, name.length), Buffer.from(name), Buffer.of(0, 1)]);
  return createHmac(hash, secret).update(info).digest().subarray(0, length);
}
