/**
 * Shell completion. `--completion bash|zsh` prints what a shell sources; that calls the program with `--complete WORDS...`, of which the last is
 * being typed, and gets the candidates, one per line: commands, options, and names from the database where an argument is one.
 */
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { parseOptionSpec, takenBy } from './argv.ts';
import type { Command } from './command.ts';
import type { ColumnsByTable } from './entry-order.ts';
import { globalOptions } from './global-options.ts';
import type { Program } from './program.ts';
import type { Query } from './query.ts';
import type { Snapshot } from './snapshot.ts';

/** Where the names of an argument stand in the database: tables with a column that holds them. */
export type NameSources = {
  readonly [argument: string]: readonly { readonly table: string; readonly column: string }[];
};

/** What the completion of a line needs. */
export interface Completion {
  /** Known without a database. */
  readonly words: readonly string[];
  /** To be asked of the database: its answer completes the words. */
  readonly names: readonly { readonly table: string; readonly column: string }[];
}

/** What a shell sources; undefined for a shell that is not known. */
export function completionScript(program: string, shell: string): string | undefined {
  const script = shell === 'bash' ? bashScript : shell === 'zsh' ? zshScript : undefined;
  return script?.replaceAll('PROGRAM', program);
}

/**
 * Bash splits words at `=` and `:` too, and replaces only what stands behind the last of those: words are joined again where no space is between them,
 * and candidates lose what stands before. It leaves quotes and backslashes as they were typed: the program gets the words without, and candidates are
 * quoted as the word is.
 */
const bashScript = `_PROGRAM_plain() {
  case $1 in
    \\'*) plain=\${1#\\'} plain=\${plain%\\'} ;;
    \\"*) plain=\${1#\\"}; IFS= read plain <<<"\${plain%\\"}" ;;
    *) IFS= read plain <<<"$1" ;;
  esac
}
_PROGRAM() {
  local rest=$COMP_LINE words=() asked=() word typed before found plain
  for word in "\${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
    if [[ \${#words[@]} == 0 || $rest == [[:space:]]* ]]; then words+=("$word"); else words[-1]+=$word; fi
    rest=\${rest#"\${rest%%[![:space:]]*}"}
    rest=\${rest#"$word"}
  done
  typed=\${words[-1]}
  before=\${typed%"\${COMP_WORDS[COMP_CWORD]}"}
  [[ \${COMP_WORDS[COMP_CWORD]} == [=:] ]] && before=$typed
  for word in "\${words[@]:1}"; do _PROGRAM_plain "$word"; asked+=("$plain"); done
  _PROGRAM_plain "$before"
  before=$plain
  COMPREPLY=()
  mapfile -t found < <(PROGRAM --complete "\${asked[@]}" 2>/dev/null)
  for word in "\${found[@]}"; do
    [[ $word == "\${asked[-1]}"* ]] || continue
    word=\${word#"$before"}
    case $typed in
      \\'*) ;;
      \\"*) word=\${word//\\\\/\\\\\\\\} word=\${word//\\"/\\\\\\"} word=\${word//\\$/\\\\$} word=\${word//\\\`/\\\\\\\`} ;;
      *) printf -v word %q "$word" ;;
    esac
    COMPREPLY+=("$word")
  done
  [[ \${#COMPREPLY[@]} == 1 && \${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -F _PROGRAM PROGRAM
`;

const zshScript = `#compdef PROGRAM
_PROGRAM_complete() {
  local -a found typed
  typed=("\${(@Q)words[2,CURRENT]}")
  found=("\${(@f)$(PROGRAM --complete "\${typed[@]}" 2>/dev/null)}")
  compadd -- "\${found[@]}"
}
compdef _PROGRAM_complete PROGRAM
`;

/** What can stand in place of the last word. */
export function complete<D extends DatabaseSchema>(
  program: Program<D>,
  sources: NameSources,
  words: readonly string[],
): Completion {
  const typed = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  const start = before.lastIndexOf('--') + 1;
  const segment = before.slice(start);
  const nameAt = segment.findIndex((word) => !word.startsWith('-'));
  const command = nameAt < 0 ? undefined : program.commands.get(segment[nameAt]!);
  if (command === undefined) {
    if (!typed.startsWith('-')) return { words: nameAt < 0 ? [...program.commands.keys()] : [], names: [] };
    const options = start === 0 ? [...globalOptions.keys()] : [];
    for (const { options: own = [] } of program.commands.values()) options.push(...own.map(optionWord));
    return { words: [...new Set(options)], names: [] };
  }
  return argumentCompletion(program, sources, command, segment.slice(nameAt + 1));
}

function optionWord(spec: string): string {
  const option = parseOptionSpec(spec);
  const { name } = option;
  return takenBy(option.spec) === 'value' ? `${name}=` : name;
}

function argumentCompletion<D extends DatabaseSchema>(
  program: Program<D>,
  sources: NameSources,
  command: Command<D>,
  given: readonly string[],
): Completion {
  const tokens = command.args.split(' ').filter((token) => token !== '');
  const token = tokens[given.length] ?? (tokens.at(-1)?.includes('...') ? tokens.at(-1)! : undefined);
  if (token === undefined) return { words: ['--'], names: [] };
  const argument = token.replace(/[[\].]/g, '');
  if (argument === 'TABLE') return { words: Object.keys(program.schema.tables), names: [] };
  const table = tokens[0] === 'TABLE' ? program.schema.tables[given[0] ?? ''] : undefined;
  if (table !== undefined && argument.startsWith('COLUMN')) return { words: Object.keys(table.columns), names: [] };
  if (table !== undefined && argument === 'RECORD') {
    const names = (program.recordNames[given[0]!] ?? []).filter(
      (name) => name.column !== undefined && name.key === undefined && name.via === undefined,
    );
    return { words: [], names: names.map((name) => ({ table: given[0]!, column: name.column! })) };
  }
  return { words: words[argument] ?? [], names: sources[argumentKey(command, argument)] ?? sources[argument] ?? [] };
}

/** A port is a router's or a switch's, depending on the command. */
function argumentKey(command: { readonly name: string }, argument: string): string {
  return argument === 'PORT' && command.name.startsWith('lrp-') ? 'ROUTER PORT' : argument;
}

/** Arguments that are one of a few words. */
const words: { readonly [argument: string]: readonly string[] } = {
  STATE: ['enabled', 'disabled'],
  DIRECTION: ['from-lport', 'to-lport'],
  '{DIRECTION|UUID}': ['from-lport', 'to-lport'],
  ACTION: ['allow', 'allow-related', 'allow-stateless', 'drop', 'reject'],
  UNIT: ['kbps', 'pktps'],
  PROTOCOL: ['tcp', 'udp', 'sctp'],
};

/** Asks the names of a completion: only their columns are fetched. */
export async function completionNames(
  read: (queries: readonly Query[], columns: ColumnsByTable) => Promise<Snapshot>,
  names: Completion['names'],
): Promise<string[]> {
  const queries = names.map(({ table }): Query => ({ kind: 'rows', table }));
  const columns = new Map(names.map(({ table, column }) => [table, new Set([column])]));
  const snapshot = await read(queries, columns);
  return names.flatMap(({ table, column }) =>
    (snapshot.answer({ kind: 'rows', table }) ?? []).map((row) => String(row[column])).filter((name) => name !== ''),
  );
}
