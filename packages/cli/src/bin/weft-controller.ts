/** `weft-controller`: the controller of a chassis (ovn-controller(8)). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ControllerService } from '@weft/controller/service';
import { status } from '@weft/controller/status';
import { CommandError } from '@weft/jsonrpc/unixctl-server';
import { runDaemon } from '../daemon.ts';
import { configDir, runDir } from '../run-dirs.ts';

const options = {
  'chassis-name': { type: 'string', alias: 'n', describe: 'use this chassis name instead of the configured system-id' },
  'enable-dummy-vif-plug': { type: 'boolean', describe: 'accepted' },
} as const;

void runDaemon(
  {
    name: 'weft-controller',
    suite: 'ovn',
    positionals: '[OVS-DATABASE]',
    maxPositionals: 1,
    description: 'weft-controller: the OVN controller of a chassis',
    options,
  },
  (daemon) => {
    const ovsRundir = runDir('ovs', process.env);
    const service = new ControllerService({
      ovsRemote: daemon.positionals[0] ?? `unix:${ovsRundir}/db.sock`,
      ovsRundir,
      name: daemon.args['chassis-name'] ?? overridingSystemId(),
      tls: daemon.tls,
      log: (module) => {
        const logger = daemon.log(module);
        return { info: (message) => logger.info(message), warn: (message) => logger.warn(message) };
      },
      now: () => Date.now(),
    });
    for (const { name, run, ...shape } of status(service)) {
      daemon.control.register(name, {
        ...shape,
        run: (args) => {
          const result = run(args);
          if (typeof result !== 'string') throw new CommandError(result.error);
          return result;
        },
      });
    }
    // A signal ends the process and no more: the chassis stays, for whoever starts the controller again.
    daemon.control.register('exit', {
      usage: '[--restart]',
      maxArgs: 1,
      run: async (args) => {
        await service.stop(args.includes('--restart'));
        setTimeout(() => void daemon.exit(0, args), 10);
        return '';
      },
    });
    daemon.onExit(() => service.stop(true));
    service.start();
  },
);

/** The chassis name that a machine's own file gives, before what the database says (ovn-controller(8), external_ids:system-id). */
function overridingSystemId(): string | undefined {
  try {
    return (
      readFileSync(join(configDir(process.env), 'system-id-override'), 'utf8')
        .split('\n')[0]
        ?.trim() || undefined
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
