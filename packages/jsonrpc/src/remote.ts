/** Connection methods, as ovsdb(7) "Connection Methods" writes them; `ws` is ours. */

export type ActiveRemote =
  | { readonly kind: 'tcp' | 'ssl'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'ws'; readonly url: string };

export type PassiveRemote =
  /** Without a host: all IPv4 addresses. Port 0: the system chooses. */
  | { readonly kind: 'ptcp' | 'pssl' | 'pws'; readonly host?: string; readonly port: number }
  | { readonly kind: 'punix'; readonly path: string };

/** A remote that makes no sense; `message` says what is wrong with which. */
export class RemoteSyntaxError extends Error {
  override name = 'RemoteSyntaxError';
}

export const defaultPort = 6640;

/** Where a relative socket path starts. */
export interface RemoteOptions {
  /** Default: as it is, so the working directory. */
  readonly rundir?: string;
}

/**
 * Parses `tcp:HOST[:PORT]`, `ssl:HOST[:PORT]`, `unix:FILE`, `ws://...`, `wss://...`.
 * @throws RemoteSyntaxError
 */
export function parseActive(text: string, options: RemoteOptions = {}): ActiveRemote {
  const { kind, rest } = split(text);
  switch (kind) {
    case 'tcp':
    case 'ssl': {
      const { host, port } = parseHostFirst(text, rest);
      return { kind, host, port };
    }
    case 'unix':
      return { kind, path: socketPath(text, rest, options) };
    case 'ws':
    case 'wss':
      if (!URL.canParse(text)) throw new RemoteSyntaxError(`${text}: invalid URL`);
      return { kind: 'ws', url: text };
    default:
      throw new RemoteSyntaxError(`${text}: unknown or passive connection method`);
  }
}

/**
 * Parses `ptcp:[PORT][:HOST]`, `pssl:[PORT][:HOST]`, `pws:[PORT][:HOST]`, `punix:FILE`.
 * @throws RemoteSyntaxError
 */
export function parsePassive(text: string, options: RemoteOptions = {}): PassiveRemote {
  const { kind, rest } = split(text);
  switch (kind) {
    case 'ptcp':
    case 'pssl':
    case 'pws': {
      const match = /^(\d*)(?::(?:\[([^\]]+)\]|([^:[\]]+)))?$/.exec(rest);
      if (match === null) throw new RemoteSyntaxError(`${text}: bad port or address`);
      const port = match[1] === '' ? defaultPort : parsePort(text, match[1] ?? '', 0);
      const host = match[2] ?? match[3];
      return host === undefined ? { kind, port } : { kind, port, host };
    }
    case 'punix':
      return { kind, path: socketPath(text, rest, options) };
    default:
      throw new RemoteSyntaxError(`${text}: unknown or active connection method`);
  }
}

/** Whether a remote is one to listen at (`ptcp:`, `pssl:`, `punix:`, `pws:`), not one to connect to (ovsdb(7), "Connection Methods"). */
export function isPassive(text: string): boolean {
  return /^p(tcp|ssl|unix|ws):/.test(text);
}

/**
 * Splits a list of remotes at commas and optional spaces; `cid` is the cluster id that the list may name as `cid:UUID`.
 * The remotes themselves are not checked.
 */
export function splitRemotes(text: string): { readonly remotes: readonly string[]; readonly cid?: string } {
  const remotes: string[] = [];
  let cid: string | undefined;
  for (const part of text.split(',')) {
    const remote = part.trim();
    if (remote.startsWith('cid:')) cid = remote.slice(4);
    else if (remote !== '') remotes.push(remote);
  }
  return cid === undefined ? { remotes } : { remotes, cid };
}

/** Writes `host:port` with an IPv6 address in brackets. */
export function formatHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Writes a remote as it is parsed. */
export function formatRemote(remote: ActiveRemote | PassiveRemote): string {
  switch (remote.kind) {
    case 'tcp':
    case 'ssl':
      return `${remote.kind}:${formatHostPort(remote.host, remote.port)}`;
    case 'unix':
    case 'punix':
      return `${remote.kind}:${remote.path}`;
    case 'ws':
      return remote.url;
    case 'ptcp':
    case 'pssl':
    case 'pws': {
      if (remote.host === undefined) return `${remote.kind}:${remote.port}`;
      return `${remote.kind}:${remote.port}:${remote.host.includes(':') ? `[${remote.host}]` : remote.host}`;
    }
  }
}

function split(text: string): { kind: string; rest: string } {
  const colon = text.indexOf(':');
  if (colon === -1) throw new RemoteSyntaxError(`${text}: not a connection method`);
  return { kind: text.slice(0, colon), rest: text.slice(colon + 1) };
}

function parseHostFirst(text: string, rest: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(rest);
  if (match === null) throw new RemoteSyntaxError(`${text}: bad host or port`);
  const host = match[1] ?? match[2] ?? '';
  return { host, port: match[3] === undefined ? defaultPort : parsePort(text, match[3], 1) };
}

function parsePort(text: string, digits: string, least: number): number {
  const port = Number(digits);
  if (port < least || port > 65535) throw new RemoteSyntaxError(`${text}: port ${digits} is out of range`);
  return port;
}

function socketPath(text: string, path: string, options: RemoteOptions): string {
  if (path === '') throw new RemoteSyntaxError(`${text}: no file name`);
  if (path.startsWith('/') || options.rundir === undefined) return path;
  return `${options.rundir}/${path}`;
}
