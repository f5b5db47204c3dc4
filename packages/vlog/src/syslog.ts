/**
 * Where messages for the system log go (ovs-appctl(8), `--syslog-method`, `--syslog-target`). What is written here is text alone; `syslog-sender`
 * sends it.
 */
import { formatMessage, formatTime, type LogMessage, type LogSource } from './pattern.ts';
import type { Vlog } from './vlog.ts';

/** The system's own socket. */
export const systemSocket = '/dev/log';

export type SyslogMethod =
  /** The system's socket, with the prefix that syslog(3) writes. */
  | { readonly kind: 'libc' }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'udp'; readonly address: UdpAddress | undefined }
  | { readonly kind: 'null' };

export interface UdpAddress {
  readonly host: string;
  readonly port: number;
}

/** A datagram, ready to send; for libc and unix its pieces, since the tool that sends it writes the prefix. */
export interface SyslogDatagram {
  readonly priority: number;
  /** The message by its pattern. */
  readonly text: string;
}

/** The method, and what it says on the console if it cannot be used; undefined for a method that there is not. */
export function parseSyslogMethod(
  text: string,
): { readonly method: SyslogMethod; readonly problem?: string } | undefined {
  if (text === 'libc' || text === 'null') return { method: { kind: text } };
  const [, kind, rest = ''] = /^(unix|udp):(.*)$/s.exec(text) ?? [];
  if (kind === 'unix') return { method: { kind, path: rest } };
  if (kind !== 'udp') return undefined;
  // Without a port it is syslog's, and what is no address receives nothing: the C programs say so only of a bad port.
  const { address, problem } = parseUdpAddress(rest, 514);
  const badPort = problem?.includes('bad port') === true;
  return { method: { kind, address }, ...(badPort ? { problem } : {}) };
}

/** `host:port` with a numerical host; IPv6 in brackets. Without a default, the port must be there. */
export function parseUdpAddress(
  text: string,
  defaultPort?: number,
): { readonly address?: UdpAddress; readonly problem?: string } {
  const [, v6, v4, port = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/s.exec(text) ?? [];
  const host = v6 ?? v4 ?? '';
  if (port === '' && defaultPort === undefined) return { problem: `${text}: port must be specified` };
  if (port !== '' && (!/^\d+$/.test(port) || Number(port) > 65_535)) {
    return { problem: `${text}: bad port number "${port}"` };
  }
  const isAddress = v6 === undefined ? /^\d+\.\d+\.\d+\.\d+$/.test(host) : host.includes(':');
  if (!isAddress) return { problem: `${text}: bad IP address "${host}"` };
  return { address: { host, port: port === '' ? (defaultPort ?? 0) : Number(port) } };
}

/** A message for `--syslog-method`. */
export function syslogDatagram(vlog: Vlog, message: LogMessage, source: LogSource): SyslogDatagram {
  const text = formatMessage(vlog.pattern('syslog'), message, source, vlog.priority(message.level, 'local0'));
  return { priority: vlog.priority(message.level, 'daemon'), text };
}

/** A message for `--syslog-target`, as RFC 5424 has it. */
export function rfc5424(vlog: Vlog, message: LogMessage, source: LogSource): string {
  const time = formatTime('%Y-%m-%dT%H:%M:%S.###Z', message.time, true);
  const head = `<${vlog.priority(message.level, 'local0')}>1 ${time} ${source.hostname()} ${source.program} ${source.pid}`;
  return `${head} ${message.module} - \ufeff${message.text}`;
}

/** What stands before each message in the system log, in the words of `vlog/list-pattern`. */
export function syslogPrefix(method: SyslogMethod): string {
  if (method.kind === 'null') return '';
  return method.kind === 'libc' ? '<%B> %D{%h %e %T} %E %A:' : '<%B>';
}
