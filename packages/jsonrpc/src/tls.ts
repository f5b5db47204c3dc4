/** TLS as the OVS programs configure it: a key, a certificate and the CA that signed the peer's; host names are not compared. */
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { SecureContextOptions, TLSSocket } from 'node:tls';

/** Paths, as `--private-key`, `--certificate`, `--ca-cert`, `--bootstrap-ca-cert`, `--peer-ca-cert` and the SSL tables give them. */
export interface TlsFiles {
  readonly privateKey?: string;
  readonly certificate?: string;
  /** `none`: the peer's certificate is not verified. */
  readonly caCert?: string;
  /** If `caCert` does not exist, take the CA certificate that the first peer presents, and keep it there. */
  readonly bootstrapCaCert?: boolean;
  /** CA certificates that peers are shown after our own. */
  readonly peerCaCert?: string;
  readonly protocols?: string;
  readonly ciphers?: string;
}

/** Something in the TLS configuration is missing or cannot be read; `message` says what. */
export class TlsConfigError extends Error {
  override name = 'TlsConfigError';
}

export interface TlsContext {
  readonly options: SecureContextOptions;
  readonly verify: boolean;
  /** Present if the CA certificate must be taken from the first peer that presents one, and written there. */
  readonly bootstrapTo?: string;
}

/**
 * Reads the files, again for every connection: they may have been renewed.
 * @throws TlsConfigError
 */
export function loadTls(files: TlsFiles | undefined): TlsContext {
  if (files?.privateKey === undefined || files.certificate === undefined || files.caCert === undefined) {
    throw new TlsConfigError('SSL needs a private key, a certificate and a CA certificate');
  }
  const bootstrap = files.bootstrapCaCert === true && files.caCert !== 'none' && !existsSync(files.caCert);
  const verify = files.caCert !== 'none' && !bootstrap;
  try {
    return {
      options: {
        key: readFileSync(files.privateKey),
        cert: [files.certificate, ...(files.peerCaCert === undefined ? [] : [files.peerCaCert])]
          .map((file) => readFileSync(file, 'utf8'))
          .join('\n'),
        ...(verify ? { ca: readFileSync(files.caCert) } : {}),
        ...(files.ciphers === undefined ? {} : { ciphers: files.ciphers }),
        ...protocolRange(files.protocols),
      },
      verify,
      ...(bootstrap ? { bootstrapTo: files.caCert } : {}),
    };
  } catch (cause) {
    throw new TlsConfigError(`SSL: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

/**
 * Stores the CA certificate at the end of the peer's chain, as `--bootstrap-ca-cert` does (ovs-vswitchd(8)).
 * @throws TlsConfigError if the peer presented none.
 */
export function bootstrapCa(socket: TLSSocket, path: string): void {
  let certificate = socket.getPeerCertificate(true);
  while (certificate.issuerCertificate && certificate.issuerCertificate.fingerprint256 !== certificate.fingerprint256) {
    certificate = certificate.issuerCertificate;
  }
  if (certificate.raw === undefined || certificate.fingerprint256 === undefined) {
    throw new TlsConfigError('could not obtain a CA certificate from the peer');
  }
  const top = new X509Certificate(certificate.raw);
  if (!top.checkIssued(top)) throw new TlsConfigError('the peer did not present the certificate of its CA');
  const body = certificate.raw.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  // The peer decides the content, so nothing that exists is overwritten.
  writeFileSync(path, `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`, { flag: 'wx', mode: 0o600 });
}

function protocolRange(protocols: string | undefined): Pick<SecureContextOptions, 'minVersion' | 'maxVersion'> {
  if (protocols === undefined || protocols === '') return {};
  const known = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
  const wanted = protocols.split(/[\s,]+/);
  const chosen = known.filter((version) => wanted.includes(version));
  const minVersion = chosen[0];
  const maxVersion = chosen.at(-1);
  if (minVersion === undefined || maxVersion === undefined)
    throw new TlsConfigError(`no known protocol in "${protocols}"`);
  return { minVersion, maxVersion };
}
