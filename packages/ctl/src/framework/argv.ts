/**
 * Command lines: `[global options] [--] [options] command [args] [-- [options] command [args]]...` (ovn-nbctl(8)). Options of the first
 * command may stand among the global ones. Long options may be abbreviated.
 */
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { arity, type Command, type Invocation } from './command.ts';
import { CtlError, UsageError } from './ctl-error.ts';
import { type OptionSpec, optionValues } from './option-values.ts';

export type Takes = 'nothing' | 'value' | 'optional value';

/** Global options in the order given, and what follows them. */
export interface GlobalArguments {
  readonly global: readonly { readonly name: string; readonly value?: string }[];
  /** Options of the first command. */
  readonly local: readonly { readonly text: string; readonly name: string; readonly value?: string }[];
  readonly rest: readonly string[];
}

/** What an option takes, from the way it is declared for yargs. */
export function takenBy({ type, optional }: OptionSpec): Takes {
  return type === 'boolean' ? 'nothing' : optional ? 'optional value' : 'value';
}

/** An option of a command, from the way the command declares it. */
export function parseOptionSpec(text: string): { readonly name: string; readonly spec: OptionSpec } {
  if (text.endsWith('=')) return { name: text.slice(0, -1), spec: { type: 'string' } };
  if (text.endsWith('?')) return { name: text.slice(0, -1), spec: { type: 'string', optional: true } };
  return { name: text, spec: { type: 'boolean' } };
}

/**
 * Splits global options from commands, as getopt_long(3) does: yargs, which reads their values, knows no names cut short, and does not say in which order
 * they came.
 * @param globals by name, with dashes
 * @param locals options of all commands, by name
 */
export function parseGlobal(
  argv: readonly string[],
  globals: ReadonlyMap<string, OptionSpec>,
  locals: ReadonlyMap<string, OptionSpec>,
): GlobalArguments {
  const global: { name: string; value?: string }[] = [];
  const local: { text: string; name: string; value?: string }[] = [];
  const shorts = new Map([...globals].flatMap(([name, { alias }]) => (alias === undefined ? [] : [[alias, name]])));
  let i = 0;
  for (; i < argv.length; i++) {
    const arg = argv[i]!;
    if (arg === '--') {
      i++;
      break;
    }
    if (arg === '-' || !arg.startsWith('-')) break;
    if (arg.startsWith('--')) {
      const equals = arg.indexOf('=');
      const given = equals < 0 ? arg : arg.slice(0, equals);
      const name = complete(arg, given, globals, locals);
      const takes = takenBy(globals.get(name) ?? locals.get(name)!);
      let value = equals < 0 ? undefined : arg.slice(equals + 1);
      if (value !== undefined && takes === 'nothing') throw new UsageError(`option '${arg}' doesn't allow an argument`);
      if (value === undefined && takes === 'value') {
        value = argv[++i];
        if (value === undefined) throw new UsageError(`option '${arg}' requires an argument`);
      }
      if (globals.has(name)) global.push(value === undefined ? { name } : { name, value });
      else local.push({ text: arg, name, ...(value === undefined ? {} : { value }) });
      continue;
    }
    for (let at = 1; at < arg.length; at++) {
      const name = shorts.get(arg[at]!);
      if (name === undefined) throw new UsageError(`unrecognized option '${arg[at]}'`);
      const takes = takenBy(globals.get(name)!);
      if (takes === 'nothing') {
        global.push({ name });
        continue;
      }
      let value: string | undefined = arg.slice(at + 1);
      if (value === '') value = takes === 'value' ? argv[++i] : undefined;
      if (value === undefined && takes === 'value') throw new UsageError(`option '-${arg[at]}' requires an argument`);
      global.push(value === undefined ? { name } : { name, value });
      break;
    }
  }
  return { global, local, rest: argv.slice(i) };
}

function complete(
  arg: string,
  given: string,
  globals: ReadonlyMap<string, OptionSpec>,
  locals: ReadonlyMap<string, OptionSpec>,
): string {
  if (globals.has(given) || locals.has(given)) return given;
  const known = [...globals.keys(), ...locals.keys()];
  const candidates = known.filter((name) => name.startsWith(given));
  if (candidates.length === 1) return candidates[0]!;
  throw new UsageError(`unrecognized option '${arg}'`, { mistyped: { word: given, known } });
}

/** Splits at `--`, and checks each command's options and number of arguments. */
export function parseCommands<D extends DatabaseSchema>(
  { local, rest }: Pick<GlobalArguments, 'local' | 'rest'>,
  commands: ReadonlyMap<string, Command<D>>,
): { readonly command: Command<D>; readonly invocation: Invocation }[] {
  const segments: string[][] = [[]];
  for (const arg of rest) {
    if (arg === '--') segments.push([]);
    else segments.at(-1)!.push(arg);
  }
  const parsed: { command: Command<D>; invocation: Invocation }[] = [];
  let leading = local;
  for (const segment of segments) {
    if (segment.length === 0) continue;
    parsed.push(parseCommand(segment, leading, commands));
    leading = [];
  }
  if (parsed.length === 0) throw new CtlError('missing command name (use --help for help)');
  return parsed;
}

function parseCommand<D extends DatabaseSchema>(
  words: readonly string[],
  leading: GlobalArguments['local'],
  commands: ReadonlyMap<string, Command<D>>,
): { readonly command: Command<D>; readonly invocation: Invocation } {
  const given = new Map<string, string | undefined>();
  const add = (name: string, value: string | undefined, text: string) => {
    if (given.has(name)) throw new CtlError(`'${text}' option specified multiple times`);
    given.set(name, value);
  };
  for (const option of leading) add(option.name, option.value, option.name);
  let i = 0;
  for (; i < words.length && words[i]!.startsWith('-'); i++) {
    const word = words[i]!;
    const equals = word.indexOf('=');
    if (equals < 0) add(word, undefined, word);
    else add(word.slice(0, equals), word.slice(equals + 1), word);
  }
  const name = words[i];
  if (name === undefined) throw new CtlError('missing command name (use --help for help)');
  const command = commands.get(name);
  if (command === undefined) {
    const mistyped = { word: name, known: [...commands.keys()] };
    throw new CtlError(`unknown command '${name}'; use --help for help`, { mistyped });
  }
  const known = new Map((command.options ?? []).map(parseOptionSpec).map(({ name, spec }) => [name, spec]));
  for (const [option, value] of given) {
    const spec = known.get(option);
    if (spec === undefined) {
      const mistyped = { word: option, known: [...known.keys()] };
      throw new CtlError(`'${name}' command has no '${option}' option`, { mistyped });
    }
    const takes = takenBy(spec);
    if (takes === 'value' && value === undefined) {
      throw new CtlError(`missing argument to '${option}' option on '${name}' command`);
    }
    if (takes === 'nothing' && value !== undefined) {
      throw new CtlError(`'${option}' option on '${name}' does not accept an argument`);
    }
  }
  const args = words.slice(i + 1);
  const { min, max } = arity(command.args);
  if (args.length < min) throw new CtlError(`'${name}' command requires at least ${min} arguments`);
  if (args.length > max) throw new CtlError(`'${name}' command takes at most ${max} arguments`);
  return { command, invocation: { name, args, options: commandOptions(given, known) } };
}

/** What a command's options say, in the form that `Invocation` describes. */
function commandOptions(
  given: ReadonlyMap<string, string | undefined>,
  known: ReadonlyMap<string, OptionSpec>,
): Invocation['options'] {
  if (given.size === 0) return new Map();
  const specs = Object.fromEntries([...known].map(([option, spec]) => [option.slice(2), spec]));
  const values = optionValues([...given], specs);
  return new Map(
    [...given.keys()].map((option) => {
      const value = values[option.slice(2)];
      if (value !== true) return [option, String(value)];
      return [option, known.get(option)!.type === 'boolean' ? '' : undefined];
    }),
  );
}
