/** Logs of a daemon: pino, one logger per module, to console, file and syslog, each with its own level per module. */
import { hostname } from 'node:os';
import { formatMessage, type LogMessage, type LogSource } from '@weft/vlog/pattern';
import { RateLimiter } from '@weft/vlog/rate-limit';
import { rfc5424, type SyslogMethod, syslogDatagram, type UdpAddress } from '@weft/vlog/syslog';
import { openSyslog, openUdp } from '@weft/vlog/syslog-sender';
import type { Destination, Level, Vlog } from '@weft/vlog/vlog';
import { type Logger, pino, type StreamEntry } from 'pino';

/** Where lines go. */
export interface Sink {
  /** @param line pino's JSON */
  write(line: string, message: LogMessage): void;
  /** Writes a line that a pattern made; absent: `write` has its own form for the message. */
  writeText?(text: string): void;
  reopen?(): void;
  close?(): void;
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

/** pino's name for a level. */
const pinoName = { off: 'silent', emer: 'fatal', err: 'error', warn: 'warn', info: 'info', dbg: 'debug' } as const;

function levelOf(number: number): Level {
  return number >= 60 ? 'emer' : number >= 50 ? 'err' : number >= 40 ? 'warn' : number >= 30 ? 'info' : 'dbg';
}

/** The log of a daemon. Lines are JSON, or by the pattern that a destination was given (`PATTERN:`). */
export class Logging {
  readonly #vlog: Vlog;
  readonly source: LogSource;
  readonly #sinks = new Map<Destination, Sink>();
  readonly #loggers = new Map<string, Logger>();
  readonly #limiter = new RateLimiter();
  #serial = 0;

  constructor(vlog: Vlog, source: Pick<LogSource, 'program' | 'subprogram'>) {
    this.#vlog = vlog;
    this.source = { ...source, pid: process.pid, started: Date.now(), hostname };
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
      write: (line: string): void => this.#write(line, module, levelOf(stream.lastLevel), stream.lastMsg ?? ''),
    };
    return stream;
  }

  /** What says the same as too many lines before it is dropped; a message without text says something else each time. */
  #write(line: string, module: string, level: Level, text: string): void {
    if (text !== '' && this.#vlog.limitsRate(module)) {
      // Not by the time of day, which may be set back.
      const { admitted, notice } = this.#limiter.admit(`${module} ${level} ${text}`, performance.now());
      if (!admitted) return;
      if (notice !== undefined) this.module(module)[pinoName[level]](notice);
    }
    const message = { module, level, text, time: Date.now(), serial: ++this.#serial };
    for (const [destination, sink] of this.#sinks) {
      if (!this.#vlog.wants(module, destination, level)) continue;
      const pattern = this.#vlog.chosenPattern(destination);
      if (pattern === undefined || sink.writeText === undefined) sink.write(line, message);
      else sink.writeText(`${formatMessage(pattern, message, this.source, this.#vlog.priority(level, 'local0'))}\n`);
    }
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

/**
 * What cannot be written yet. A log on a full disk, or whose reader is gone, ends no daemon: the oldest lines that fit here are written when they can be, those
 * after them never.
 */
const unwrittenBytes = 64 * 1024;

function destinationOf(where: { dest: number | string; append?: boolean; mode?: number }) {
  const destination = pino.destination({ ...where, sync: true, maxLength: unwrittenBytes });
  destination.on('error', () => {});
  return destination;
}

/** Standard error: for a person if it is a terminal, JSON otherwise. */
export async function consoleSink(isTerminal: boolean): Promise<Sink> {
  const plain = destinationOf({ dest: 2 });
  const writeText = (text: string): void => void plain.write(text);
  if (!isTerminal) return { write: writeText, writeText };
  const { default: pretty } = await import('pino-pretty');
  const stream = pretty({
    destination: 2,
    sync: true,
    translateTime: 'SYS:HH:MM:ss.l',
    messageFormat: '{module}: {msg}',
    ignore: 'module',
  });
  return { write: (line) => void stream.write(line), writeText };
}

/** @throws the system's error if the file cannot be opened. */
export function fileSink(path: string): Sink {
  const destination = destinationOf({ dest: path, append: true, mode: 0o640 });
  const write = (text: string): void => void destination.write(text);
  return {
    write,
    writeText: write,
    reopen: () => destination.reopen(),
    close: () => destination.end(),
  };
}

/**
 * The system log, by `--syslog-method`, and `--syslog-target` besides; undefined if neither leads anywhere. Its lines are text, by the pattern for
 * syslog.
 */
export function syslogSink(
  vlog: Vlog,
  source: LogSource,
  method: SyslogMethod,
  target: UdpAddress | undefined,
): Sink | undefined {
  const local = openSyslog(method, source.program);
  const remote = target === undefined ? undefined : openUdp(target);
  if (local === undefined && remote === undefined) return undefined;
  return {
    write: (_line, message) => {
      local?.send(syslogDatagram(vlog, message, source));
      remote?.send(rfc5424(vlog, message, source));
    },
    close: () => {
      void local?.close();
      void remote?.close();
    },
  };
}
