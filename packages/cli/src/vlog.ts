/** Log levels by module and destination, as `-v` and `vlog/set` change them (ovs-appctl(8) "Logging Commands"). Pure. */

export const destinations = ['console', 'syslog', 'file'] as const;
export type Destination = (typeof destinations)[number];

export const levels = ['off', 'emer', 'err', 'warn', 'info', 'dbg'] as const;
export type Level = (typeof levels)[number];

type Levels = Record<Destination, Level>;

export class Vlog {
  readonly #modules = new Map<string, Levels>();
  /** Modules that a `-v` option named before the program had them. */
  readonly #announced = new Map<string, Levels>();
  readonly #defaults: Levels = { console: 'info', syslog: 'info', file: 'info' };
  readonly #listeners = new Set<() => void>();

  /** Makes a module known. */
  register(module: string): void {
    if (this.#modules.has(module)) return;
    this.#modules.set(module, { ...(this.#announced.get(module) ?? this.#defaults) });
  }

  level(module: string, destination: Destination): Level {
    return (this.#modules.get(module) ?? this.#defaults)[destination];
  }

  /** Calls `listener` after each change. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener);
  }

  /**
   * Applies words separated by spaces, commas or colons, in any order: at most a module, a destination and a level. Returns what is wrong, or
   * undefined. At the start of a program (`announce`) any word may be a module that comes later.
   */
  set(spec: string, options: { readonly announce?: boolean } = {}): string | undefined {
    const words = spec.split(/[\s,:]+/).filter((word) => word !== '');
    if (words[0]?.toUpperCase() === 'PATTERN') return checkPattern(spec);
    if (words[0]?.toUpperCase() === 'FACILITY') return checkFacility(words[1] ?? '');
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
        if (!this.#modules.has(word) && !options.announce) return `no destination, level, or module "${original}"`;
        if (module !== undefined) return 'cannot specify multiple modules';
        module = word;
      }
    }
    const change = (entry: Levels): void => {
      for (const each of destination === undefined ? destinations : [destination]) entry[each] = level ?? 'dbg';
    };
    if (module === undefined) {
      change(this.#defaults);
      for (const entry of this.#modules.values()) change(entry);
      for (const entry of this.#announced.values()) change(entry);
    } else {
      const known = this.#modules.get(module);
      const entry = known ?? this.#announced.get(module) ?? { ...this.#defaults };
      change(entry);
      if (known === undefined) this.#announced.set(module, entry);
    }
    for (const listener of this.#listeners) listener();
    return undefined;
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
}

/** Patterns shape the text of log lines, which here is JSON or made for a terminal: they are checked, and change nothing. */
function checkPattern(spec: string): string | undefined {
  const destination = spec.split(':')[1] ?? '';
  if (isDestination(destination.toLowerCase()) || destination.toLowerCase() === 'any') return undefined;
  return `unknown destination "${destination}"`;
}

const facilities =
  'kern user mail daemon auth syslog lpr news uucp clock ftp ntp audit alert clock2 ' +
  'local0 local1 local2 local3 local4 local5 local6 local7';

function checkFacility(name: string): string | undefined {
  return facilities.split(' ').includes(name) ? undefined : 'invalid facility';
}

function isDestination(word: string): word is Destination {
  return (destinations as readonly string[]).includes(word);
}

function isLevel(word: string): word is Level {
  return (levels as readonly string[]).includes(word);
}
