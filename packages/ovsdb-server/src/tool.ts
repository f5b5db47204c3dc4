/** The commands of `weft-ovsdb` that work on files and serve nothing. */
import { OvsdbError } from '@weft/ovsdb/error';
import { fileTools } from './tool/files.ts';
import { logTools } from './tool/show-log.ts';
import { type NamedSchemas, readSchema, type Tools } from './tool/tool.ts';
import { transactionTools } from './tool/transactions.ts';
import { versionTools } from './tool/versions.ts';

const tools: Tools = {
  ...fileTools,
  ...versionTools,
  ...transactionTools,
  ...logTools,
  help: {
    args: '',
    does: 'print this',
    run: (_, { out }) => out(Object.keys(tools).map(usage).join('')),
  },
};

export interface Streams {
  out(text: string): void;
  err(text: string): void;
}

const rolePrefix = '--rbac-role=';
/** Of a log, which no command has: what there is to say is printed. The start scripts of Open vSwitch write `-vconsole:off` before each command. */
const logOptions = '-v.*|--verbose(=.*)?|--log-file(=.*)?|--syslog-(method|target)=.*';
const option = new RegExp(`^(${rolePrefix}.*|-m+|--more|${logOptions})$`, 's');

/** The command that a line gives, and its arguments; undefined if its first word that is no option names none. */
export function findTool(line: readonly string[]): { readonly name: string; readonly args: string[] } | undefined {
  const at = line.findIndex((arg) => !option.test(arg));
  const name = line[at];
  return name !== undefined && Object.hasOwn(tools, name) ? { name, args: line.toSpliced(at, 1) } : undefined;
}

/** Runs one; returns the exit status. Options may stand anywhere among the arguments: `--rbac-role=ROLE`, `-m`, `--more`, those of a log. */
export async function runTool(
  name: string,
  args: readonly string[],
  streams: Streams,
  schemas: NamedSchemas,
): Promise<number> {
  const tool = tools[name]!;
  const role = args.find((arg) => arg.startsWith(rolePrefix))?.slice(rolePrefix.length);
  const more = args.reduce((sum, arg) => sum + (arg === '--more' ? 1 : /^-m+$/.test(arg) ? arg.length - 1 : 0), 0);
  const positional = args.filter((arg) => !option.test(arg));
  const names = tool.args === '' ? [] : tool.args.split(' ');
  const least = names.filter((arg) => !arg.startsWith('[')).length;
  const wrong =
    positional.length < least
      ? `requires at least ${least} arguments`
      : positional.length > names.length
        ? `takes at most ${names.length} arguments`
        : undefined;
  if (wrong !== undefined) {
    streams.err(`'${name}' command ${wrong}\n${usage(name).trimEnd()}`);
    return 1;
  }
  const schema = async (of: string) => (await schemas[of]?.()) ?? readSchema(of);
  let status = 0;
  const exit = (chosen: number): void => {
    status = chosen;
  };
  try {
    await tool.run(positional, { ...streams, role, more, schema, exit });
    return status;
  } catch (error) {
    streams.err(error instanceof OvsdbError ? error.toText() : error instanceof Error ? error.message : String(error));
    return 1;
  }
}

function usage(name: string): string {
  const { args, does } = tools[name]!;
  return `  ${`${name} ${args}`.padEnd(32)} ${does}\n`;
}
