/** The client side of a daemon's control socket (ovs-appctl(8)). */
import { ConnectError, connect, systemReason } from './connect.ts';
import { JsonRpcError, Peer } from './peer.ts';

/** The daemon could not be reached; `message` says so as `ovs-appctl` does. */
export class UnixctlConnectError extends Error {
  override name = 'UnixctlConnectError';
}

/** The daemon refused the command; `message` is its text, which ends with a newline unless it is empty. */
export class UnixctlCommandError extends Error {
  override name = 'UnixctlCommandError';
}

/**
 * Runs a command of the daemon that listens on `path`, and returns its output.
 * @throws UnixctlConnectError, UnixctlCommandError
 */
export async function unixctl(path: string, command: string, args: readonly string[]): Promise<string> {
  let peer: Peer;
  try {
    peer = new Peer(await connect({ kind: 'unix', path }), { name: `unix:${path}` });
  } catch (error) {
    const system = error instanceof ConnectError && error.cause instanceof Error ? error.cause : undefined;
    const reason = system === undefined ? String(error) : systemReason(system);
    throw new UnixctlConnectError(`cannot connect to "${path}" (${reason})`, { cause: error });
  }
  try {
    const result = await peer.call(command, args);
    return typeof result === 'string' ? result : '';
  } catch (error) {
    if (error instanceof JsonRpcError) {
      throw new UnixctlCommandError(typeof error.error === 'string' ? error.error : error.message, { cause: error });
    }
    throw new UnixctlConnectError(`transaction error on "${path}" (connection closed)`, { cause: error });
  } finally {
    peer.close();
  }
}
