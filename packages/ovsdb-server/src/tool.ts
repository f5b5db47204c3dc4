/** The commands of `weft-ovsdb` that work on files and serve nothing. */
import { OvsdbError } from '@weft/ovsdb/error';
import { fileTools } from './tool/files.ts';
import { type NamedSchemas, readSchema, type Tools } from './tool/tool.ts';
import { transactionTools } from './tool/transactions.ts';
import { versionTools } from './tool/versions.ts';

const tools: Tools = {
  ...fileTools,
  ...versionTools,
  ...transactionTools,
  help: {
    args: '',
    does: 'print this',
    run: (_, { out }) => out(Object.keys(tools).map(usage).join('')),
  },
};

export const toolNames: readonly string[] = Object.keys(tools);

export interface Streams {
  out(text: string): void;
  err(text: string): void;
}

/** Runs one; returns the exit status. `--rbac-role=ROLE` may stand anywhere among the arguments. */
export async function runTool(
  name: string,
  args: readonly string[],
  streams: Streams,
  schemas: NamedSchemas,
): Promise<number> {
  const tool = tools[name]!;
  const rolePrefix = '--rbac-role=';
  const role = args.find((arg) => arg.startsWith(rolePrefix))?.slice(rolePrefix.length);
  const positional = args.filter((arg) => !arg.startsWith(rolePrefix));
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
    await tool.run(positional, { ...streams, role, schema, exit });
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
