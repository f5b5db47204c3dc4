/** What `--help`, `--version`, `--commands` and `--options` print. yargs lays out the help. */
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import yargs, { type Argv } from 'yargs';
import { parseOptionSpec, takenBy } from './argv.ts';
import type { Command, RecordName } from './command.ts';
import { type GlobalOption, globalOptions, groups } from './global-options.ts';
import { waitOptions } from './main.ts';
import { databaseRemotes } from './open-session.ts';
import type { Program } from './program.ts';

type Env = { readonly [name: string]: string | undefined };

/**
 * The text of `--help` (of one command, if `words` has one), `--version`, `--commands` or `--options`.
 * @param env what the default of `--db` depends on
 */
export async function information<D extends DatabaseSchema>(
  what: 'help' | 'version' | 'commands' | 'options',
  program: Program<D>,
  env: Env,
  words: readonly string[] = [],
): Promise<string> {
  switch (what) {
    case 'help': {
      const command = words.map((word) => program.commands.get(word)).find((found) => found !== undefined);
      return command === undefined ? help(program, env) : commandHelp(program, command);
    }
    case 'version':
      return `${versionText(program)}\nDB Schema ${program.schema.version}\n`;
    case 'commands':
      return commandList(program);
    case 'options':
      return optionList(program);
  }
}

/** What `--version` and the daemon's `version` command begin with. */
export function versionText(program: { readonly name: string }): string {
  return `${program.name} 0.1.0`;
}

/** `[--option=VALUE] command ARGS`. */
export function usage<D extends DatabaseSchema>(command: Command<D>): string {
  const options = (command.options ?? []).map((text) => {
    const { name, spec } = parseOptionSpec(text);
    return `[${withValue(name, { ...spec, value: name.replace(/^-+/, '').toUpperCase() })}]`;
  });
  return [...options, command.name, command.args].filter((word) => word !== '').join(' ');
}

/** The help page of one command. */
export function commandHelp<D extends DatabaseSchema>(program: Program<D>, command: Command<D>): Promise<string> {
  const lines = [`usage: $0 [OPTIONS] ${usage(command)}`, '', `${capital(command.summary)}.`];
  if (command.details !== undefined) lines.push(command.details);
  const layout = page(program).usage(lines.join('\n'));
  for (const example of command.examples) layout.example(`$0 ${example}`, '');
  return laidOut(layout);
}

/** What yargs lays out; what it reads of a command line by itself is not wanted, and lines are as long as they are. */
function page(program: { readonly name: string }): Argv {
  return yargs([]).scriptName(program.name).help(false).version(false).detectLocale(false).wrap(null);
}

async function laidOut(layout: Argv): Promise<string> {
  return `${(await layout.getHelp()).replace(/ +$/gm, '')}\n`;
}

/** With a capital letter in front. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

async function help<D extends DatabaseSchema>(program: Program<D>, env: Env): Promise<string> {
  const lines = [
    `${program.name}: ${program.title}`,
    `usage: ${program.name} [OPTIONS] COMMAND [ARG...]`,
    `       ${program.name} --help COMMAND`,
  ];
  for (const section of program.sections) {
    lines.push('', `${section.title}:`);
    for (const command of section.commands) lines.push(`  ${usage(command)}`, `      ${command.summary}`);
  }
  lines.push('', 'Database commands may reference a row in each table in the following ways:');
  for (const table of Object.keys(program.schema.tables).sort()) {
    lines.push(
      `  ${table}:`,
      '    by UUID',
      ...(program.recordNames[table] ?? []).map((name) => `    ${recordNameText(name)}`),
    );
  }
  const layout = page(program).epilogue(connectionMethods);
  for (const group of Object.values(groups)) {
    for (const [name, { alias, describe, ...option }] of globalOptions) {
      if (option.group !== group || (!program.root.canWait && waitOptions.has(name))) continue;
      layout.option(withValue(name, option).slice(2), {
        group: `${group}:`,
        describe: name === '--db' ? `${describe} (default: ${databaseRemotes(program, env)})` : describe,
        ...(alias === undefined ? {} : { alias }),
      });
    }
  }
  return `${lines.join('\n')}\n\n${await laidOut(layout)}`;
}

function recordNameText({ column, key, via }: RecordName): string {
  if (column === undefined) return 'as "."';
  const name = `"${key === undefined ? column : `${column}:${key}`}"`;
  return via === undefined ? `by ${name}` : `via "${via.column}" of ${via.table} with matching ${name}`;
}

const connectionMethods = [
  'Active database connection methods:',
  '  tcp:HOST:PORT               PORT at remote HOST',
  '  ssl:HOST:PORT               SSL PORT at remote HOST',
  '  unix:FILE                   Unix domain socket named FILE',
].join('\n');

/** An option with its value, as `-t, --timeout=SECS`. */
export function optionText(name: string, option: GlobalOption): string {
  return `${option.alias === undefined ? '' : `-${option.alias}, `}${withValue(name, option)}`;
}

function withValue(name: string, option: GlobalOption): string {
  const takes = takenBy(option);
  return takes === 'nothing' ? name : takes === 'value' ? `${name}=${option.value}` : `${name}[=${option.value}]`;
}

/** A line for each command, as the C programs print them for the shell's completion: `[--option=] ,NAME,ARGUMENTS`. */
function commandList<D extends DatabaseSchema>(program: Program<D>): string {
  return [...program.commands.values()]
    .map((command) => {
      const options = (command.options ?? []).map((option) => `[${option}] `).join('');
      return `${options},${command.name},${argumentMarks(command.args)}\n`;
    })
    .join('');
}

/** Each argument with its mark: `!` required, `?` optional, `*` any number, `+` one or more. Inside brackets, a further argument is marked `!` too. */
export function argumentMarks(args: string): string {
  let depth = 0;
  return args
    .split(' ')
    .filter((token) => token !== '')
    .map((token) => {
      const many = /\.\.\.\]*$/.test(token);
      const optional = token.startsWith('[');
      let mark = '!';
      if (many) mark = optional && token.endsWith(']...') ? '*' : '+';
      else if (depth === 0 && optional) mark = '';
      const word = mark === '*' ? token.slice(1) : token;
      for (const character of token) depth += character === '[' ? 1 : character === ']' ? -1 : 0;
      const marked = mark + word.replace(/\.\.\.|\]/g, '').replaceAll('[', '?');
      return marked.replace(/\{.*\}/, (choice) => choice.replaceAll('|', ' !| !'));
    })
    .join(' ');
}

function optionList<D extends DatabaseSchema>(program: Program<D>): string {
  const lines: string[] = [];
  for (const [name, option] of globalOptions) {
    const value = takenBy(option) === 'nothing' ? '' : '=ARG';
    lines.push(`${name}${value}`);
    if (option.alias !== undefined) lines.push(`-${option.alias}${value === '' ? '' : ' ARG'}`);
  }
  const seen = new Set<string>();
  for (const command of program.commands.values()) {
    for (const option of command.options ?? []) {
      const { name, spec } = parseOptionSpec(option);
      if (seen.has(name)) continue;
      seen.add(name);
      lines.push(takenBy(spec) === 'nothing' ? name : `${name}=ARG`);
    }
  }
  return `${lines.join('\n')}\n`;
}
