/** Logs of a daemon: pino, one logger per module, to console, file and syslog, each with its own level per module. */
import { createSocket } from 'node:dgram';
import { hostname } from 'node:os';
import { type Logger, pino, type StreamEntry } from 'pino';
import type { Destination, Level, Vlog } from './vlog.ts';

export interface Sink {
  write(line: string, entry: LogEntry): void;
  reopen?(): void;
  close?(): void;
}

/** What a sink may want to know of a line without parsing it. */
export interface LogEntry {
  readonly level: number;
  readonly message: string;
  readonly module: string;
}

/** pino's number for a level: lines with that number or more are written. */
const threshold: Record<Level, number> = {
  off: Number.POSITIVE_INFINITY,
  emer: 60,
  err: 50,
  warn: 40,
  info: 30,
  dbg: 20,
};

export class Logging {
  readonly #vlog: Vlog;
  readonly #sinks = new Map<Destination, Sink>();
  readonly #loggers = new Map<string, Logger>();

  constructor(vlog: Vlog) {
    this.#vlog = vlog;
    vlog.onChange(() => this.#adjust());
  }

  /** Lines for `destination` go there from now on; without a sink they go nowhere. */
  setSink(destination: Destination, sink: Sink | undefined): void {
    this.#sinks.get(destination)?.close?.();
    if (sink === undefined) this.#sinks.delete(destination);
    else this.#sinks.set(destination, sink);
    this.#adjust();
  }

  hasSink(destination: Destination): boolean {
    return this.#sinks.has(destination);
  }

  /** After logrotate: opens the log file anew. */
  reopen(): void {
    for (const sink of this.#sinks.values()) sink.reopen?.();
  }

  /** The logger of a module; the same one for the same name. */
  module(name: string): Logger {
    const module = name.replaceAll('-', '_');
    let logger = this.#loggers.get(module);
    if (logger === undefined) {
      this.#vlog.register(module);
      logger = pino(
        {
          level: 'trace',
          base: { module },
          timestamp: pino.stdTimeFunctions.isoTime,
          formatters: { level: (label) => ({ level: label }) },
        },
        this.#stream(module),
      );
      this.#loggers.set(module, logger);
      this.#adjustLogger(module, logger);
    }
    return logger;
  }

  #stream(module: string): StreamEntry['stream'] {
    // pino fills in these members before each write when it sees the symbol.
    const stream = {
      [Symbol.for('pino.metadata')]: true,
      lastLevel: 0,
      lastMsg: '',
      write: (line: string): void => {
        const entry = { level: stream.lastLevel, message: stream.lastMsg ?? '', module };
        for (const [destination, sink] of this.#sinks) {
          if (entry.level >= threshold[this.#vlog.level(module, destination)]) sink.write(line, entry);
        }
      },
    };
    return stream;
  }

  #adjust(): void {
    for (const [module, logger] of this.#loggers) this.#adjustLogger(module, logger);
  }

  /** A logger's own level is the lowest that any sink wants, so that lines for nobody are not even made. */
  #adjustLogger(module: string, logger: Logger): void {
    const wanted = [...this.#sinks.keys()].map((destination) => threshold[this.#vlog.level(module, destination)]);
    const lowest = Math.min(Number.POSITIVE_INFINITY, ...wanted);
    logger.level = lowest === Number.POSITIVE_INFINITY ? 'silent' : (pino.levels.labels[lowest] ?? 'info');
  }
}

/** Standard error: for a person if it is a terminal, JSON otherwise. */
export async function consoleSink(isTerminal: boolean): Promise<Sink> {
  if (isTerminal) {
    const { default: pretty } = await import('pino-pretty');
    const stream = pretty({
      destination: 2,
      sync: true,
      translateTime: 'SYS:HH:MM:ss.l',
      messageFormat: '{module}: {msg}',
      ignore: 'module',
    });
    return { write: (line) => void stream.write(line) };
  }
  return pino.destination({ dest: 2, sync: true });
}

/** @throws the system's error if the file cannot be opened. */
export function fileSink(path: string): Sink {
  const destination = pino.destination({ dest: path, sync: true, append: true });
  return {
    write: (line) => destination.write(line),
    reopen: () => destination.reopen(),
    close: () => destination.end(),
  };
}

/** Syslog over UDP (RFC 5424), facility local0; `host` is a numerical address. */
export function syslogSink(program: string, host: string, port: number): Sink {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.unref();
  // Who has nobody listening for logs shall not fail for that.
  socket.on('error', () => {});
  const local0 = 16;
  const severity = (level: number): number =>
    level >= 60 ? 1 : level >= 50 ? 3 : level >= 40 ? 4 : level >= 30 ? 6 : 7;
  return {
    write: (_line, { level, message, module }) => {
      const priority = local0 * 8 + severity(level);
      const head = `<${priority}>1 ${new Date().toISOString()} ${hostname()} ${program} ${process.pid} ${module} -`;
      socket.send(`${head} ${message}`, port, host);
    },
    close: () => socket.close(),
  };
}
