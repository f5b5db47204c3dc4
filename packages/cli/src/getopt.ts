/**
 * Command lines as getopt_long(3) reads them: names of options may be cut short, options may stand behind what is none, and what is wrong is said in its
 * words. The result is a command line that leaves no questions to whoever parses it.
 */
import type { Options } from 'yargs';

/** The command line makes no sense; `message` says what. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** `optional`: its value can only follow a `=`, or the letter; what stands behind the option is the next argument. */
type Value = 'none' | 'optional' | 'required';

interface Option {
  readonly name: string;
  readonly letter: string | undefined;
  readonly value: Value;
}

/** Returns `--name` and `--name="value"` for each option, then `--` and the rest. Throws UsageError. */
export function getopt(
  argv: readonly string[],
  options: { readonly [name: string]: Options },
  optionalValues: ReadonlySet<string>,
): string[] {
  const known = Object.entries(options).map(([name, { type, alias }]): Option => {
    const value = type === 'boolean' ? 'none' : optionalValues.has(name) ? 'optional' : 'required';
    return { name, letter: typeof alias === 'string' ? alias : undefined, value };
  });
  const read: string[] = [];
  const rest: string[] = [];
  const args = [...argv];
  for (let arg = args.shift(); arg !== undefined; arg = args.shift()) {
    if (arg === '--') rest.push(...args.splice(0));
    else if (arg.startsWith('--')) read.push(long(arg, known, args));
    else if (arg.startsWith('-') && arg !== '-') read.push(...short(arg, known, args));
    else rest.push(arg);
  }
  return [...read, '--', ...rest];
}

function long(arg: string, known: readonly Option[], following: string[]): string {
  const [, prefix = '', value] = /^--([^=]*)(?:=(.*))?$/s.exec(arg)!;
  const { name, value: kind } = named(prefix, arg, known);
  if (kind === 'none' && value !== undefined) throw new UsageError(`option '--${name}' doesn't allow an argument`);
  if (kind === 'none') return `--${name}`;
  const given = value ?? (kind === 'optional' ? '' : following.shift());
  if (given === undefined) throw new UsageError(`option '--${name}' requires an argument`);
  return spelledOut(name, given);
}

function named(prefix: string, arg: string, known: readonly Option[]): Option {
  const exact = known.find(({ name }) => name === prefix);
  if (exact !== undefined) return exact;
  const candidates = known.filter(({ name }) => name.startsWith(prefix));
  const [only] = candidates;
  if (only === undefined) throw new UsageError(`unrecognized option '${arg}'`);
  if (candidates.length === 1) return only;
  const possibilities = candidates.map(({ name }) => `'--${name}'`).join(' ');
  throw new UsageError(`option '${arg}' is ambiguous; possibilities: ${possibilities}`);
}

/** yargs takes a pair of quotes off each value, which may have its own. */
function spelledOut(name: string, value: string): string {
  return `--${name}="${value}"`;
}

/** Letters, of which the last may have a value. */
function* short(arg: string, known: readonly Option[], following: string[]): Generator<string> {
  for (let i = 1; i < arg.length; i++) {
    const option = known.find(({ letter }) => letter === arg[i]);
    if (option === undefined) throw new UsageError(`invalid option -- '${arg[i]}'`);
    if (option.value === 'none') {
      yield `--${option.name}`;
      continue;
    }
    const joined = arg.slice(i + 1);
    const value = joined !== '' || option.value === 'optional' ? joined : following.shift();
    if (value === undefined) throw new UsageError(`option requires an argument -- '${option.letter}'`);
    yield spelledOut(option.name, value);
    return;
  }
}
