/** Sends messages to the system log. Loaded when there is something to send. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { existsSync } from 'node:fs';
import type { SyslogBatch } from './log.ts';
import { type SyslogDatagram, type SyslogMethod, systemSocket, type UdpAddress } from './syslog.ts';

/** Nothing that goes wrong here is an error of the program: whoever has no system log misses none. */
export interface SyslogSender {
  send(datagram: SyslogDatagram): void;
  /** Resolves when all of it is on its way. */
  close(): Promise<void>;
}

/** A sender for a method; undefined if its messages go nowhere. */
export function openSyslog(method: SyslogMethod, program: string): SyslogSender | undefined {
  switch (method.kind) {
    case 'null':
      return undefined;
    case 'udp': {
      if (method.address === undefined) return undefined;
      const udp = openUdp(method.address);
      return { send: ({ priority, text }) => udp.send(`<${priority}>${text}`), close: () => udp.close() };
    }
    case 'libc':
      return existsSync(systemSocket) ? logger(systemSocket, program) : undefined;
    case 'unix':
      return existsSync(method.path) ? logger(method.path, program) : undefined;
  }
}

/** Datagrams as they are. */
export function openUdp({ host, port }: UdpAddress): {
  readonly send: (text: string) => void;
  readonly close: () => Promise<void>;
} {
  const socket: Socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.unref();
  socket.on('error', () => undefined);
  const pending = new Set<Promise<void>>();
  return {
    send: (text) => {
      const sent: Promise<void> = new Promise((resolve) => socket.send(text, port, host, () => resolve()));
      pending.add(sent);
      void sent.then(() => pending.delete(sent));
    },
    close: async () => {
      // What was sent keeps the process until it has left.
      socket.ref();
      await Promise.all(pending);
      socket.close();
    },
  };
}

/**
 * logger(1) of util-linux, which Debian always has, on the Unix socket at `path`: Node has no Unix datagrams. It writes the prefix that syslog(3)
 * writes: priority, time and program.
 */
function logger(path: string, program: string): SyslogSender {
  const child: ChildProcess = spawn('logger', ['--socket', path, '--prio-prefix', '--tag', program], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.on('error', () => undefined);
  child.stdin?.on('error', () => undefined);
  child.unref();
  return {
    send: ({ priority, text }) => {
      for (const line of text.split('\n')) child.stdin?.write(`<${priority}>${line}\n`);
    },
    close: () => new Promise((resolve) => (child.stdin === null ? resolve() : child.stdin.end(() => resolve()))),
  };
}

/** Sends messages that have been collected. */
export async function sendBatch({ program, method, datagrams, target, forTarget }: SyslogBatch): Promise<void> {
  const local = datagrams.length === 0 ? undefined : openSyslog(method, program);
  const remote = target === undefined || forTarget.length === 0 ? undefined : openUdp(target);
  for (const datagram of datagrams) local?.send(datagram);
  for (const text of forTarget) remote?.send(text);
  await Promise.all([local?.close(), remote?.close()]);
}
