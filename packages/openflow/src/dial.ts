/** Opens streams to OpenFlow remotes, and the clock that a connection waits by: the I/O that `Connection` is given. */
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';

/** Opens a stream; it need not be connected yet. */
export type Dial = (remote: string) => Duplex;

/** Calls back after some milliseconds; the result cancels. */
export type Timer = (ms: number, callback: () => void) => () => void;

/** Where a remote is. */
export type Remote =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number };

/**
 * Parses `unix:FILE`, `tcp:HOST[:PORT]` or a plain path of a socket (ovs-ofctl(8), "switch"). The port is 6653 if left out; an IPv6 address
 * stands in brackets. Undefined for anything else.
 */
function parseRemote(text: string): Remote | undefined {
  if (text.startsWith('unix:')) return { kind: 'unix', path: text.slice(5) };
  if (text.startsWith('/')) return { kind: 'unix', path: text };
  const match = /^tcp:(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const port = match[3] === undefined ? 6653 : Number(match[3]);
  return port > 65535 ? undefined : { kind: 'tcp', host: match[1] ?? match[2] ?? '', port };
}

/** Dials with Node's sockets. Throws on a remote that `parseRemote` does not know. */
export const dialSocket: Dial = (text) => {
  const remote = parseRemote(text);
  if (remote === undefined) throw new Error(`${text} is not an OpenFlow remote: unix:FILE or tcp:HOST[:PORT]`);
  if (remote.kind === 'unix') return connect({ path: remote.path });
  return connect({ host: remote.host, port: remote.port, noDelay: true });
};

/** The system's clock. Timers do not keep the process alive. */
export const systemTimer: Timer = (ms, callback) => {
  const timer = setTimeout(callback, ms);
  timer.unref();
  return () => clearTimeout(timer);
};
