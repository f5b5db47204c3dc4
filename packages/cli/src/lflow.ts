/** `weft lflow`: the logical-flow language at the command line. */
import { createInterface } from 'node:readline';
import { lastTable } from '@weft/lflow/parse-actions';
import type { ArgumentsCamelCase, Argv, CommandModule } from 'yargs';
import {
  type Network,
  type NetworkOptions,
  networkFromDatabase,
  networkFromOptions,
  standardNetwork,
} from './lflow-network.ts';
import { actionsReport, matchReport, type Report } from './lflow-report.ts';
import { defaultRemote } from './run-dirs.ts';

interface CommonOptions extends NetworkOptions {
  readonly json: boolean;
  readonly db: string | undefined;
}

interface ActionOptions extends CommonOptions {
  readonly pipeline: 'ingress' | 'egress';
  readonly table: number;
  readonly datapath: 'switch' | 'router';
}

const networkOptions = {
  'address-set': {
    type: 'string',
    array: true,
    nargs: 1,
    default: [] as string[],
    describe: 'NAME=ADDRESS,... for $NAME',
  },
  'port-group': { type: 'string', array: true, nargs: 1, default: [] as string[], describe: 'NAME=PORT,... for @NAME' },
  port: {
    type: 'string',
    array: true,
    nargs: 1,
    default: [] as string[],
    describe: 'NAME[=KEY]: a logical port. Without any, every name that is used is one',
  },
  resident: {
    type: 'string',
    array: true,
    nargs: 1,
    default: [] as string[],
    describe: 'PORT: a port for which is_chassis_resident() is true',
  },
  template: {
    type: 'string',
    array: true,
    nargs: 1,
    default: [] as string[],
    describe: 'NAME=TEXT: what ^NAME stands for on a chassis',
  },
  db: {
    type: 'string',
    describe:
      'take address sets, port groups, ports and DHCP options from this southbound database; empty: from the default one',
  },
  json: { type: 'boolean', default: false, describe: 'print one JSON object for each text' },
} as const;

const usage = (command: string): string =>
  `$0 lflow ${command} TEXT...\n\nA TEXT of \`-\` stands for the lines of standard input, a text each.`;

const matchCommand: CommandModule<object, CommonOptions> = {
  command: 'match',
  describe: 'check a match, and show the OpenFlow matches that it becomes and what they cost',
  builder: (argv) =>
    argv
      .usage(usage('match'))
      .options(networkOptions)
      .example(
        `$0 lflow match 'outport == @pg0 && ip4.src == $as0 && tcp.dst == {80, 443}' --address-set as0=10.0.0.0/24,10.1.0.5 --port-group pg0=p1,p2`,
        'What an ACL costs',
      ) as unknown as Argv<CommonOptions>,
  handler: (argv) => run(argv, matchReport),
};

const actionsCommand: CommandModule<object, ActionOptions> = {
  command: 'actions',
  describe: 'check actions, and show their prerequisites and the OpenFlow actions that they become',
  builder: (argv) =>
    argv
      .usage(usage('actions'))
      .options(networkOptions)
      .options({
        pipeline: {
          choices: ['ingress', 'egress'] as const,
          default: 'ingress' as const,
          describe: 'the pipeline that the actions are in',
        },
        table: { type: 'number', default: 0, describe: 'the logical table that the actions are in' },
        datapath: {
          choices: ['switch', 'router'] as const,
          default: 'switch' as const,
          describe: 'what the pipeline belongs to',
        },
      }) as unknown as Argv<ActionOptions>,
  handler: (argv) => {
    if (!Number.isInteger(argv.table) || argv.table < 0 || argv.table > lastTable) {
      process.stderr.write(`weft lflow: --table: expecting a number from 0 to ${lastTable}\n`);
      process.exitCode = 2;
      return undefined;
    }
    return run(argv, (text, network) =>
      actionsReport(text, network, { pipeline: argv.pipeline, table: argv.table, datapath: argv.datapath }),
    );
  },
};

export const lflowCommand: CommandModule = {
  command: 'lflow',
  describe: 'check and compile matches and actions of logical flows (and of ACLs)',
  builder: (argv) => argv.command(matchCommand).command(actionsCommand),
  handler: () => {
    process.stderr.write('weft lflow: say `match` or `actions`; `weft lflow --help` tells more\n');
    process.exitCode = 2;
  },
};

async function run(
  argv: ArgumentsCamelCase<CommonOptions>,
  report: (text: string, network: Network) => Report,
): Promise<void> {
  let network: Network;
  try {
    network =
      argv.db === undefined
        ? standardNetwork()
        : await networkFromDatabase(argv.db || defaultRemote('sb', process.env));
    network = networkFromOptions(argv, network);
  } catch (error) {
    process.stderr.write(`weft lflow: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 2;
    return;
  }
  const print = (text: string): void => {
    const made = report(text, network);
    if (!made.json.ok) process.exitCode = 1;
    process.stdout.write(argv.json ? `${JSON.stringify(made.json)}\n` : `${made.human}\n`);
  };
  // The first two are the names of the commands.
  const texts = argv._.slice(2).map(String);
  if (texts.length === 0) {
    process.stderr.write('weft lflow: give a text, or `-` to read texts from standard input\n');
    process.exitCode = 2;
    return;
  }
  for (const text of texts) {
    if (text !== '-') {
      print(text);
      continue;
    }
    for await (const line of createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (line.trim() !== '') print(line);
    }
  }
}
