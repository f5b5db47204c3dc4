/** Formats a log message by a pattern (ovs-appctl(8), `vlog/set PATTERN:`). Pure. */
import type { Level } from './vlog.ts';

/** One message, and what its pattern may ask for. */
export interface LogMessage {
  readonly module: string;
  readonly level: Level;
  readonly text: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  /** The first message of a program has 1. */
  readonly serial: number;
}

/** The program that logs. */
export interface LogSource {
  readonly program: string;
  readonly pid: number;
  /** Milliseconds since the epoch. */
  readonly started: number;
  /** The name of a process that is not the main one, such as `monitor`. */
  readonly subprogram?: string;
  readonly hostname: () => string;
}

const dateFormat = '%Y-%m-%d %H:%M:%S.###';

/** The message's line, without the newline. An escape that is none stands for its character. */
export function formatMessage(pattern: string, message: LogMessage, source: LogSource, priority: number): string {
  return pattern.replace(
    /%(-?)(0?)(\d*)(?:([dD])(?:\{([^}]*)\})?|([\s\S]?))/g,
    (_whole, left: string, zero: string, width: string, date?: string, format?: string, letter?: string) => {
      const text =
        date === undefined
          ? expand(letter ?? '', message, source, priority)
          : formatTime(format ?? dateFormat, message.time, date === 'D');
      const wanted = Number(width);
      return left === '-' ? text.padEnd(wanted) : text.padStart(wanted, zero === '' ? ' ' : '0');
    },
  );
}

function expand(letter: string, message: LogMessage, source: LogSource, priority: number): string {
  switch (letter) {
    case 'A':
      return source.program;
    case 'B':
      return String(priority);
    case 'c':
      return message.module;
    case 'E':
      return source.hostname();
    case 'm':
      return message.text;
    case 'N':
      return String(message.serial);
    case 'n':
      return '\n';
    case 'p':
      return message.level.toUpperCase();
    case 'P':
      return String(source.pid);
    case 'r':
      return String(message.time - source.started);
    case 't':
      return source.subprogram ?? 'main';
    case 'T':
      return source.subprogram === undefined ? '' : `(${source.subprogram})`;
    default:
      return letter;
  }
}

const months = 'January February March April May June July August September October November December'.split(' ');
const days = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');

/** strftime(3) in the C locale for what log lines use; `#` is a digit of the second's fraction. */
export function formatTime(format: string, time: number, utc: boolean): string {
  const local = new Date(time);
  // A date whose UTC fields are the ones wanted.
  const date = utc ? local : new Date(time - local.getTimezoneOffset() * 60_000);
  const fraction = String(date.getUTCMilliseconds()).padStart(3, '0');
  return format
    .replace(/%(.)/g, (whole, letter: string) => dateField(letter, date, utc ? 0 : local.getTimezoneOffset()) ?? whole)
    .replace(/#+/g, (run) => fraction.padEnd(run.length, '0').slice(0, run.length));
}

function dateField(letter: string, date: Date, offset: number): string | undefined {
  const two = (value: number, pad = '0'): string => String(value).padStart(2, pad);
  const field = (each: string): string => dateField(each, date, offset) ?? '';
  const hour = date.getUTCHours();
  const dayOfYear = Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / 86_400_000) + 1;
  const minutes = Math.abs(offset);
  const fields: { readonly [letter: string]: () => string } = {
    Y: () => String(date.getUTCFullYear()),
    y: () => two(date.getUTCFullYear() % 100),
    C: () => two(Math.floor(date.getUTCFullYear() / 100)),
    m: () => two(date.getUTCMonth() + 1),
    d: () => two(date.getUTCDate()),
    e: () => two(date.getUTCDate(), ' '),
    j: () => String(dayOfYear).padStart(3, '0'),
    H: () => two(hour),
    I: () => two(hour % 12 || 12),
    M: () => two(date.getUTCMinutes()),
    S: () => two(date.getUTCSeconds()),
    p: () => (hour < 12 ? 'AM' : 'PM'),
    s: () => String(Math.floor((date.getTime() + offset * 60_000) / 1000)),
    B: () => months[date.getUTCMonth()] ?? '',
    b: () => field('B').slice(0, 3),
    h: () => field('B').slice(0, 3),
    A: () => days[date.getUTCDay()] ?? '',
    a: () => field('A').slice(0, 3),
    u: () => String(date.getUTCDay() || 7),
    w: () => String(date.getUTCDay()),
    F: () => `${field('Y')}-${field('m')}-${field('d')}`,
    D: () => `${field('m')}/${field('d')}/${field('y')}`,
    R: () => `${field('H')}:${field('M')}`,
    T: () => `${field('R')}:${field('S')}`,
    z: () => `${offset > 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}${two(minutes % 60)}`,
    n: () => '\n',
    t: () => '\t',
    '%': () => '%',
  };
  return fields[letter]?.();
}
