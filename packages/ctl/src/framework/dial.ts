/** Connects to a server, and says in the log what keeps it from that, in the words and modules of the C programs' streams. */
import { existsSync } from 'node:fs';
import { isIP, isIPv6 } from 'node:net';
import type { Duplex } from 'node:stream';
import { ConnectTimeout, connect, systemReason } from '@weft/jsonrpc/connect';
import { parseActive, RemoteSyntaxError } from '@weft/jsonrpc/remote';
import type { TlsFiles } from '@weft/jsonrpc/tls';
import type { Log } from '@weft/vlog/log';
import { opensslText } from './tls-failure.ts';
import type { UsableFiles } from './tls-files.ts';

/** What listens at the other end, and the port where it does if none is given: not the one where it once did. */
export interface Service {
  readonly name: string;
  readonly oldPort: number;
  readonly port: number;
}

export const ovsdbService: Service = { name: 'OVSDB', oldPort: 6632, port: 6640 };
export const openFlowService: Service = { name: 'OpenFlow', oldPort: 6633, port: 6653 };

/** There is no connection; the message is why, in the system's words. */
export class DialError extends Error {
  override name = 'DialError';
}

const wrongFamily = 'Address family not supported by protocol';

/**
 * Connects to `tcp:HOST[:PORT]`, `ssl:HOST[:PORT]` or `unix:FILE` (ovsdb(7), "Connection Methods").
 * @throws DialError, ConnectTimeout after `timeoutMs`
 */
export async function dial(
  remote: string,
  service: Service,
  options: { readonly rundir: string; readonly tls?: TlsFiles; readonly timeoutMs?: number },
  log: Pick<Log, 'write'>,
): Promise<Duplex> {
  if (remote === 'unix:') throw new DialError('Connection refused');
  const withPort = lacksPort(remote) ? `${remote}:${service.port}` : remote;
  if (withPort !== remote) {
    const moved = `from ${service.oldPort} to ${service.port}`;
    log.write('stream', 'warn', `The default ${service.name} port number has changed ${moved}`);
  }
  const [, kind, address] = /^(tcp|ssl):(.*)$/s.exec(withPort) ?? [];
  const refused = (reason: string, cause?: unknown): DialError => {
    if (kind !== undefined) log.write(`stream_${kind}`, 'err', `${withPort}: connect: ${reason}`);
    return new DialError(reason, { cause });
  };
  const usable = options.tls === undefined ? noFiles : await checkFiles(options.tls, log);
  const problem = address === undefined ? undefined : addressProblem(address);
  // Where SSL has no port, it has a default one, and all of the address is the host.
  const portless = kind === 'ssl' && problem === noPort ? address!.replace('[', '') : undefined;
  if (problem !== undefined && !isIPv6(portless ?? '')) {
    if (problem !== '' && portless === undefined) log.write('socket_util', 'err', `${address}: ${problem}`);
    throw refused(wrongFamily);
  }
  const callable = portless === undefined ? withPort : `ssl:[${portless}]:${service.port}`;
  const missing = kind === 'ssl' ? missingKeys(usable, options.tls) : [];
  if (missing.length > 0) {
    if (!(await isKnown(callable))) throw refused(wrongFamily);
    for (const what of missing) log.write('stream_ssl', 'err', `${what} must be configured to use SSL`);
    throw new DialError('Protocol not available');
  }
  // Nobody listens at a port without a number.
  if (/:0+$/.test(withPort) && kind !== undefined) throw new DialError('Connection refused');
  try {
    // A port may have a sign and zeros in front.
    const target = parseActive(callable.replace(/:\+?0*(\d+)$/, ':$1'), options);
    const tls = options.tls && usableTls(options.tls, usable);
    return await connect(target, { tls, timeoutMs: options.timeoutMs });
  } catch (error) {
    if (error instanceof RemoteSyntaxError) throw refused(wrongFamily, error);
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    if (cause instanceof ConnectTimeout) throw cause;
    if (!(cause instanceof Error)) throw new DialError(String(cause), { cause: error });
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') throw refused(wrongFamily, error);
    // What the system knows at once, without asking the network.
    if (code === 'ENETUNREACH' || code === 'EINVAL') throw refused(systemReason(cause), error);
    const ssl = kind === 'ssl' ? opensslText(cause) : undefined;
    if (ssl === undefined) throw new DialError(systemReason(cause), { cause: error });
    log.write('stream_ssl', 'info', cause.message);
    log.write('stream_ssl', 'warn', `SSL_connect: ${ssl}`);
    throw new DialError('Protocol error', { cause: error });
  }
}

/** Is this a connection method with a port, which is not given? Colons are not counted by what they mean, as in the C programs. */
function lacksPort(remote: string): boolean {
  return /^(tcp|ssl):/.test(remote) && remote.split(':').filter((field) => field !== '').length < 3;
}

const noPort = 'port must be specified';

/** What is wrong with a `HOST:PORT`: nothing if undefined, nothing that is said if empty. */
function addressProblem(address: string): string | undefined {
  const [, v6, host = '', port] = /^(?:\[([^\]]*)\]|([^:]*)):([^:]*)$/s.exec(address) ?? [];
  if (port === undefined) return noPort;
  if (host === '' && v6 === undefined) return '';
  if (!/^\+?\d+$/.test(port) || Number(port) > 65535) return `bad port number "${port}"`;
  const zone = v6?.split('%')[1];
  if (zone !== undefined && !existsSync(`/sys/class/net/${zone}`)) return `bad IPv6 scope "${zone}" (No such device)`;
  // Half an IPv4 address is neither an address nor a name.
  return v6 === undefined && /^[\d.]+$/.test(host) && !/^\d+\.\d+\.\d+\.\d+$/.test(host) ? '' : undefined;
}

const noFiles: UsableFiles = { privateKey: false, certificate: false, caCert: false };

async function checkFiles(tls: TlsFiles, log: Pick<Log, 'write'>): Promise<UsableFiles> {
  const { checkTlsFiles } = await import('./tls-files.ts');
  return checkTlsFiles(tls, log);
}

/** What SSL cannot do without. A key is of use only with its certificate. */
function missingKeys(usable: UsableFiles, tls: TlsFiles | undefined): readonly string[] {
  const bothNamed = tls?.privateKey !== undefined && tls.certificate !== undefined;
  return [
    ...(bothNamed && usable.privateKey ? [] : ['Private key']),
    ...(bothNamed && usable.certificate ? [] : ['Certificate']),
    ...(tls?.caCert === undefined ? ['CA certificate'] : []),
  ];
}

/** Can the host of this remote be called? */
async function isKnown(remote: string): Promise<boolean> {
  const [, v6, name = ''] = /^ssl:(?:\[(.*)\]|([^:]*)):/s.exec(remote) ?? [];
  const host = v6 ?? name;
  if (isIP(host) !== 0) return true;
  const { lookup } = await import('node:dns/promises');
  return lookup(host).then(
    () => true,
    () => false,
  );
}

/** With a CA certificate that cannot be read, no peer can be trusted. */
function usableTls(tls: TlsFiles, { caCert }: UsableFiles): TlsFiles {
  return caCert ? tls : { ...tls, caCert: '/dev/null' };
}
