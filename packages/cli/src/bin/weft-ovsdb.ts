/** `weft-ovsdb`: serves OVSDB databases from SQLite files (the counterpart of ovsdb-server(1) and ovsdb-tool(1)). */
import { basename } from 'node:path';
import type { Settings } from '@weft/ovsdb-server/settings';
import { findTool, runTool } from '@weft/ovsdb-server/tool';
import type { Options } from 'yargs';
import { type Daemon, runDaemon } from '../daemon.ts';

/**
 * The name that it was called by. A link of that name in the place of one of the C programs stands for that program: what drives it finds the pidfile, the
 * control socket and the process under the names that it knows.
 */
const program = basename(process.argv[1] ?? '');

async function tool(name: string, args: readonly string[]): Promise<void> {
  process.exitCode = await runTool(
    name,
    args,
    {
      out: (text) => process.stdout.write(text),
      err: complain,
    },
    {
      nb: async () => (await import('@weft/schemas/nb')).nb,
      sb: async () => (await import('@weft/schemas/sb')).sb,
      vswitch: async () => (await import('@weft/schemas/vswitch')).vswitch,
    },
  );
}

function complain(text: string): void {
  process.stderr.write(`${program === 'ovsdb-tool' ? program : 'weft-ovsdb'}: ${text}\n`);
}

const options = {
  remote: {
    type: 'string',
    array: true,
    describe: 'listen on or connect to REMOTE, or to those in db:DB,TABLE,COLUMN',
  },
  run: { type: 'string', describe: 'run a shell COMMAND, and end when it ends' },
  'sync-from': { type: 'string', describe: 'be a backup that follows SERVER' },
  'sync-exclude-tables': { type: 'string', describe: 'do not replicate DB:TABLE[,DB:TABLE]...' },
  active: { type: 'boolean', describe: 'with --sync-from: start as the active server' },
  'disable-file-column-diff': { type: 'boolean', describe: 'accepted' },
  'no-dbs': { type: 'boolean', describe: 'accepted: without a FILE it serves none until add-db' },
} as const satisfies { readonly [name: string]: Options };

async function serve(): Promise<void> {
  const { registerCommands } = await import('@weft/ovsdb-server/commands');
  const { DatabaseService, errorInFull } = await import('@weft/ovsdb-server/service');
  const { settingsOf } = await import('@weft/ovsdb-server/settings');
  await runDaemon(
    {
      name: program === 'ovsdb-server' ? program : 'weft-ovsdb',
      product: 'weft-ovsdb',
      suite: 'ovs',
      positionals: 'FILE... | relay:DB:REMOTE...',
      maxPositionals: Number.POSITIVE_INFINITY,
      description: 'weft-ovsdb: OVSDB server ("weft-ovsdb help": commands on files)',
      options,
    },
    async (daemon) => {
      const log = daemon.log('ovsdb');
      const service = await DatabaseService.create({
        rundir: daemon.rundir,
        tls: daemon.tls,
        log: (level, message) => log[level](message),
        onFatal: (error) => {
          log.fatal(error.message);
          void daemon.exit(1);
        },
      });
      daemon.onExit(() => service.close());
      const { replication } = service;
      const left = daemon.memo?.read();
      const settings = left === undefined ? given(daemon) : (JSON.parse(left) as Settings);
      replication.active = settings.active;
      if (settings.excluded !== '') replication.exclude(settings.excluded);
      for (const file of settings.databases) {
        await service.addDatabase(file).catch((error: unknown) => {
          throw errorInFull(error);
        });
      }
      // A database that something is read from may have been removed since.
      const complainedOf = (error: unknown): void => {
        if (left === undefined || !(error instanceof Error)) throw error;
        log.warn(error.message);
      };
      try {
        service.checkTls();
      } catch (error) {
        complainedOf(error);
      }
      registerCommands(daemon.control, service, () => daemon.memo?.write(JSON.stringify(settingsOf(service))));
      await daemon.listenForCommands();
      // Before anybody can connect, for a backup takes no writes.
      if (settings.backup) replication.connect();
      for (const remote of settings.remotes) await service.addRemote(remote).catch(complainedOf);
      service.start();
      const { run } = daemon.args;
      if (run !== undefined) {
        const { spawn } = await import('node:child_process');
        const child = spawn('/bin/sh', ['-c', run], { stdio: 'inherit' });
        child.once('error', (error) => log.error(`--run: ${error.message}`));
        child.once('close', (code, signal) => {
          const how = code === null ? `killed by ${signal}` : `exit status ${code}`;
          if (code !== 0) process.stderr.write(`${daemon.name}: ${run}: child exited, ${how}\n`);
          void daemon.exit(code === 0 ? 0 : 1);
        });
      }
    },
  );
}

/** What the command line says. */
function given({ args, positionals }: Daemon<typeof options>): Settings {
  const active = args['sync-from'];
  return {
    databases: [...new Set(positionals)],
    remotes: args.remote ?? [],
    active,
    backup: active !== undefined && args.active !== true,
    excluded: args['sync-exclude-tables'] ?? '',
  };
}

const line = process.argv.slice(2);
const command = program === 'ovsdb-server' ? undefined : findTool(line);
if (command !== undefined) {
  void tool(command.name, command.args);
} else if (program === 'ovsdb-tool' && line.some((arg) => arg === '-h' || arg === '--help')) {
  void tool('help', []);
} else if (program === 'ovsdb-tool' && !line.some((arg) => arg === '-V' || arg === '--version')) {
  const word = line.find((arg) => !arg.startsWith('-'));
  complain(`${word === undefined ? 'missing command name' : `unknown command '${word}'`}; use --help for help`);
  process.exitCode = 1;
} else {
  void serve();
}
