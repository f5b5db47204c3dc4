/** `weft-ovsdb`: serves OVSDB databases from SQLite files (the counterpart of ovsdb-server(1) and ovsdb-tool(1)). */
import { findTool, runTool } from '@weft/ovsdb-server/tool';
import { runDaemon } from '../daemon.ts';

async function tool(name: string, args: readonly string[]): Promise<void> {
  process.exitCode = await runTool(
    name,
    args,
    {
      out: (text) => process.stdout.write(text),
      err: (text) => process.stderr.write(`weft-ovsdb: ${text}\n`),
    },
    {
      nb: async () => (await import('@weft/schemas/nb')).nb,
      sb: async () => (await import('@weft/schemas/sb')).sb,
      vswitch: async () => (await import('@weft/schemas/vswitch')).vswitch,
    },
  );
}

async function serve(): Promise<void> {
  const { registerCommands } = await import('@weft/ovsdb-server/commands');
  const { DatabaseService, errorInFull } = await import('@weft/ovsdb-server/service');
  await runDaemon(
    {
      name: 'weft-ovsdb',
      suite: 'ovs',
      positionals: 'FILE... | relay:DB:REMOTE...',
      maxPositionals: Number.POSITIVE_INFINITY,
      description: 'weft-ovsdb: OVSDB server ("weft-ovsdb help": commands on files)',
      options: {
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
      },
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
      replication.active = daemon.args['sync-from'];
      if (daemon.args['sync-exclude-tables'] !== undefined) replication.exclude(daemon.args['sync-exclude-tables']);
      for (const file of new Set(daemon.positionals)) {
        await service.addDatabase(file).catch((error: unknown) => {
          throw errorInFull(error);
        });
      }
      for (const remote of daemon.args.remote ?? []) await service.addRemote(remote);
      registerCommands(daemon.control, service);
      service.start();
      if (replication.active !== undefined && daemon.args.active !== true) replication.connect();
      const { run } = daemon.args;
      if (run !== undefined) {
        const { spawn } = await import('node:child_process');
        const child = spawn('/bin/sh', ['-c', run], { stdio: 'inherit' });
        child.once('error', (error) => log.error(`--run: ${error.message}`));
        child.once('close', (code, signal) => {
          const how = code === null ? `killed by ${signal}` : `exit status ${code}`;
          if (code !== 0) process.stderr.write(`weft-ovsdb: ${run}: child exited, ${how}\n`);
          void daemon.exit(code === 0 ? 0 : 1);
        });
      }
    },
  );
}

const command = findTool(process.argv.slice(2));
void (command === undefined ? serve() : tool(command.name, command.args));
