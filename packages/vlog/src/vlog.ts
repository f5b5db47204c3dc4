/**
 * Log levels by module and destination, patterns by destination, and the syslog facility, as `-v` and `vlog/set` change them (ovs-appctl(8),
 * "Logging Commands"). Pure.
 */
import { foreignModules } from './foreign-modules.ts';

export const destinations = ['console', 'syslog', 'file'] as const;
export type Destination = (typeof destinations)[number];

export const levels = ['off', 'emer', 'err', 'warn', 'info', 'dbg'] as const;
export type Level = (typeof levels)[number];

type Levels = Record<Destination, Level>;

/** The patterns of ovs-appctl(8), as the programs print them (`vlog/list-pattern`). */
const defaultPatterns: Readonly<Record<Destination, string>> = {
  console: '%D{%Y-%m-%dT%H:%M:%SZ}|%05N|%c%T|%p|%m',
  syslog: 'ovs|%05N|%c%T|%p|%m',
  file: '%D{%Y-%m-%dT%H:%M:%S.###Z}|%05N|%c%T|%p|%m',
};

const facilities = (
  'kern user mail daemon auth syslog lpr news uucp clock ftp ntp audit alert clock2 ' +
  'local0 local1 local2 local3 local4 local5 local6 local7'
).split(' ');
/** Numbers of RFC 5424: 12 to 15 are ntp, audit, alert and clock2. */
const facilityNumbers = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23];

/** RFC 5424's severities of the levels: alert, error, warning, notice, debug. */
const severities: Record<Level, number> = { off: 1, emer: 1, err: 3, warn: 4, info: 5, dbg: 7 };

/** What is configured about logs. One per program. */
export class Vlog {
  readonly #modules = new Map<string, Levels>();
  /** Modules that a `-v` option named before the program had them. */
  readonly #announced = new Map<string, Levels>();
  readonly #defaults: Levels;
  readonly #patterns = new Map<Destination, string>();
  readonly #listeners = new Set<() => void>();
  #facility: number | undefined;
  #limitsRates = true;
  /** Modules for which the opposite holds. */
  readonly #otherRates = new Set<string>();

  /** @param defaults the levels of modules for which nothing is set */
  constructor(defaults: Readonly<Partial<Levels>> = {}) {
    this.#defaults = { console: 'info', syslog: 'info', file: 'info', ...defaults };
  }

  /** Makes a module known; `initial` is its level for all destinations that nothing else is said of. */
  register(module: string, initial: Readonly<Partial<Levels>> = {}): void {
    if (this.#modules.has(module)) return;
    this.#modules.set(module, { ...this.#defaults, ...initial, ...this.#announced.get(module) });
    this.#announced.delete(module);
  }

  /** Modules that `-v` named and that neither this program nor the C programs have. */
  unknownModules(): readonly string[] {
    return [...this.#announced.keys()].filter((module) => !foreignModules.has(module));
  }

  /** Messages of `module` that are less severe than this do not go to `destination`. */
  level(module: string, destination: Destination): Level {
    return (this.#modules.get(module) ?? this.#defaults)[destination];
  }

  /** Whether a message goes to a destination. */
  wants(module: string, destination: Destination, level: Level): boolean {
    return levels.indexOf(level) <= levels.indexOf(this.level(module, destination));
  }

  /** The pattern that `PATTERN:` set; undefined while the default holds. */
  chosenPattern(destination: Destination): string | undefined {
    return this.#patterns.get(destination);
  }

  pattern(destination: Destination): string {
    return this.#patterns.get(destination) ?? defaultPatterns[destination];
  }

  /** RFC 5424's PRI of a message. `other` is the facility's name if `FACILITY:` set none. */
  priority(level: Level, other: 'daemon' | 'local0'): number {
    return (this.#facility ?? (other === 'daemon' ? 3 : 16)) * 8 + severities[level];
  }

  /** Whether there is such a module, here or in the C programs. */
  knows(module: string): boolean {
    return this.#modules.has(module) || foreignModules.has(module);
  }

  /** Whether messages of a module that come too often are dropped. */
  limitsRate(module: string): boolean {
    return this.#limitsRates !== this.#otherRates.has(module);
  }

  /** Limits the rate of the messages of these modules, or no longer; of all if there are none, or one is `any`. Returns what is wrong, or undefined. */
  limitRate(modules: readonly string[], limits: boolean): string | undefined {
    const names = modules.map((module) => module.toLowerCase());
    if (names.some((name) => name !== 'any' && !this.knows(name))) return 'unknown module';
    if (names.length === 0 || names.includes('any')) {
      this.#limitsRates = limits;
      this.#otherRates.clear();
      return undefined;
    }
    for (const name of names) {
      if (limits === this.#limitsRates) this.#otherRates.delete(name);
      else this.#otherRates.add(name);
    }
    return undefined;
  }

  /** Calls `listener` after each change. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /**
   * Applies words separated by spaces, commas or colons, in any order: at most a module, a destination and a level; or `PATTERN:destination:pattern`,
   * or `FACILITY:facility`. Returns what is wrong, or undefined. At the start of a program (`announce`) any word may be a module that comes later.
   */
  set(spec: string, options: { readonly announce?: boolean } = {}): string | undefined {
    const words = spec.split(/[\s,:]+/).filter((word) => word !== '');
    if (words[0]?.toUpperCase() === 'PATTERN') return this.#setPattern(spec);
    if (words[0]?.toUpperCase() === 'FACILITY') return this.#setFacility(words[1] ?? '');
    let module: string | undefined;
    let destination: Destination | undefined;
    let level: Level | undefined;
    for (const original of words) {
      const word = original.toLowerCase();
      if (isDestination(word)) {
        if (destination !== undefined) return 'cannot specify multiple destinations';
        destination = word;
      } else if (isLevel(word)) {
        if (level !== undefined) return 'cannot specify multiple levels';
        level = word;
      } else if (word !== 'any') {
        if (!this.knows(word) && !options.announce) return `no destination, level, or module "${original}"`;
        if (module !== undefined) return 'cannot specify multiple modules';
        module = word;
      }
    }
    this.#setLevels(module, destination, level ?? 'dbg');
    this.#changed();
    return undefined;
  }

  #setLevels(module: string | undefined, destination: Destination | undefined, level: Level): void {
    const change = (entry: Levels): void => {
      for (const each of destination === undefined ? destinations : [destination]) entry[each] = level;
    };
    if (module === undefined) {
      change(this.#defaults);
      for (const entry of this.#modules.values()) change(entry);
      for (const entry of this.#announced.values()) change(entry);
      return;
    }
    const known = this.#modules.get(module);
    const entry = known ?? this.#announced.get(module) ?? { ...this.#defaults };
    change(entry);
    if (known === undefined) this.#announced.set(module, entry);
  }

  #setPattern(spec: string): string | undefined {
    const [, name = '', pattern = ''] = /^[\s,:]*\w+[\s,:]*([^\s,:]*)[\s,:]?(.*)$/s.exec(spec) ?? [];
    if (name === '') return 'missing destination';
    const word = name.toLowerCase();
    if (word !== 'any' && !isDestination(word)) return `unknown destination "${name}"`;
    for (const destination of word === 'any' ? destinations : [word]) this.#patterns.set(destination, pattern);
    this.#changed();
    return undefined;
  }

  #setFacility(name: string): string | undefined {
    const index = facilities.indexOf(name.toLowerCase());
    if (index < 0) return 'invalid facility';
    this.#facility = facilityNumbers[index];
    this.#changed();
    return undefined;
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }

  /** The table that `vlog/list` prints. */
  list(): string {
    const row = (entry: Levels): string =>
      destinations.map((destination) => entry[destination].toUpperCase().padStart(4)).join('       ');
    const lines = [...this.#modules]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([module, entry]) => `${module.padEnd(16)}  ${row(entry)}\n`);
    const header = `${' '.repeat(17)}console    syslog    file\n${' '.repeat(17)}-------    ------    ------\n`;
    return header + lines.join('');
  }

  /**
   * The table that `vlog/list-pattern` prints.
   * @param prefix what the syslog method writes before a message (`syslogPrefix`)
   * @param formats how destinations that have no pattern format their lines, if not by the default pattern
   */
  listPatterns(prefix: string, formats: Readonly<Partial<Record<Destination, string>>> = {}): string {
    const row = (name: string, before: string, text: string): string =>
      `${`${name.padEnd(9)}${before}`.padEnd(43)}${text}\n`;
    const text = (destination: Destination): string =>
      this.#patterns.get(destination) ?? formats[destination] ?? defaultPatterns[destination];
    return [
      row('', 'prefix', 'format'),
      row('', '------', '------'),
      row('SYSLOG', prefix, text('syslog')),
      row('CONSOLE', 'none', text('console')),
      row('FILE', 'none', text('file')),
    ].join('');
  }
}

function isDestination(word: string): word is Destination {
  return (destinations as readonly string[]).includes(word);
}

function isLevel(word: string): word is Level {
  return (levels as readonly string[]).includes(word);
}
