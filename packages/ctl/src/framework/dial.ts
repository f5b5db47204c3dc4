/** Connects to a server, and says in the log what keeps it from that, in the words and modules of the C programs' streams. */
import type { Duplex } from 'node:stream';
import { connect, systemReason } from '@weft/jsonrpc/connect';
import { parseActive, RemoteSyntaxError } from '@weft/jsonrpc/remote';
import type { TlsFiles } from '@weft/jsonrpc/tls';
import type { Log } from '@weft/vlog/log';

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
 * @throws DialError
 */
export async function dial(
  remote: string,
  service: Service,
  options: { readonly rundir: string; readonly tls?: TlsFiles },
  log: Pick<Log, 'write'>,
): Promise<Duplex> {
  if (remote === 'unix:') throw new DialError('Connection refused');
  const withPort = lacksPort(remote) ? `${remote}:${service.port}` : remote;
  if (withPort !== remote) {
    const moved = `from ${service.oldPort} to ${service.port}`;
    log.write('stream', 'warn', `The default ${service.name} port number has changed ${moved}`);
  }
  const [, kind, address, port] = /^(tcp|ssl):(.*:([^:\]]*))$/.exec(withPort) ?? [];
  const cannotResolve = (cause: unknown): DialError => {
    if (kind !== undefined) log.write(`stream_${kind}`, 'err', `${withPort}: connect: ${wrongFamily}`);
    return new DialError(wrongFamily, { cause });
  };
  try {
    const target = parseActive(withPort, options);
    if (kind === 'ssl') checkKeys(options.tls, log);
    return await connect(target, options.tls === undefined ? {} : { tls: options.tls });
  } catch (error) {
    if (error instanceof DialError) throw error;
    if (error instanceof RemoteSyntaxError) {
      if (port !== undefined && !isPort(port)) {
        log.write('socket_util', 'err', `${address}: bad port number "${port}"`);
      }
      throw cannotResolve(error);
    }
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    if (!(cause instanceof Error)) throw new DialError(String(cause), { cause: error });
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') throw cannotResolve(error);
    throw new DialError(systemReason(cause), { cause: error });
  }
}

/** Is this a connection method with a port, which is not given? */
function lacksPort(remote: string): boolean {
  return /^(tcp|ssl):(\[.*\]|[^:]*)$/.test(remote);
}

function isPort(text: string): boolean {
  return /^\d+$/.test(text) && Number(text) >= 1 && Number(text) <= 65535;
}

/** A key is of use only with its certificate. */
function checkKeys(tls: TlsFiles | undefined, log: Pick<Log, 'write'>): void {
  const hasKey = tls?.privateKey !== undefined && tls.certificate !== undefined;
  const missing = [
    ...(hasKey ? [] : ['Private key', 'Certificate']),
    ...(tls?.caCert === undefined ? ['CA certificate'] : []),
  ];
  for (const what of missing) log.write('stream_ssl', 'err', `${what} must be configured to use SSL`);
  if (missing.length > 0) throw new DialError('Protocol not available');
}
