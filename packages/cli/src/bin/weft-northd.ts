/** `weft-northd`: keeps the southbound database what the northbound one says (ovn-northd(8)). */
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError } from '@weft/jsonrpc/unixctl-server';
import { NorthdService, sbTables } from '@weft/northd/service';
import { showStatistics } from '@weft/northd/statistics';
import { Replica } from '@weft/ovsdb-client/replica';
import { nb } from '@weft/schemas/nb';
import { sb } from '@weft/schemas/sb';
import type { Logger } from 'pino';
import { runDaemon } from '../daemon.ts';

const options = {
  'ovnnb-db': { type: 'string', describe: 'connect to the OVN_Northbound database at DATABASE' },
  'ovnsb-db': { type: 'string', describe: 'connect to the OVN_Southbound database at DATABASE' },
  'dry-run': { type: 'boolean', describe: 'start paused' },
  'n-threads': { type: 'string', describe: 'accepted; one thread is enough' },
} as const;

void runDaemon(
  {
    name: 'weft-northd',
    suite: 'ovn',
    description: 'weft-northd: the central control daemon of OVN',
    options,
  },
  (daemon) => {
    const log = daemon.log('northd');
    const connect = (args: { remotes: string; module: string }) => ({
      remotes: args.remotes,
      ...(daemon.tls === undefined ? {} : { tls: daemon.tls }),
      log: logLine(daemon.log(args.module)),
    });
    const nbRemotes = daemon.args['ovnnb-db'] ?? process.env.OVN_NB_DB ?? `unix:${daemon.rundir}/ovnnb_db.sock`;
    const sbRemotes = daemon.args['ovnsb-db'] ?? process.env.OVN_SB_DB ?? `unix:${daemon.rundir}/ovnsb_db.sock`;
    const nbReplica = new Replica({ schema: nb, ...connect({ remotes: nbRemotes, module: 'nb' }) });
    const sbReplica = new Replica({
      schema: sb,
      tables: Object.fromEntries(sbTables.map((table) => [table, true as const])),
      ...connect({ remotes: sbRemotes, module: 'sb' }),
    });
    const service = new NorthdService(
      {
        nb: nbReplica,
        sb: sbReplica,
        log: logLine(log),
        wallClock: () => Date.now(),
        now: () => performance.now(),
        pause: () => new Promise((resolve) => setImmediate(resolve)),
        sleep,
      },
      daemon.args['dry-run'] === true,
    );

    const { control } = daemon;
    const command = (name: string, run: () => string): void => control.register(name, { run });
    command('pause', () => {
      service.pause();
      return '';
    });
    command('resume', () => {
      service.resume();
      return '';
    });
    command('is-paused', () => String(service.status === 'paused'));
    command('status', () => `Status: ${service.status}`);
    command('nb-connection-status', () => connectionStatus(nbReplica.state));
    command('sb-connection-status', () => connectionStatus(sbReplica.state));
    command('nb-cluster-state-reset', () => reset(nbReplica));
    command('sb-cluster-state-reset', () => reset(sbReplica));
    command('inc-engine/recompute', () => {
      service.recompute();
      return '';
    });
    command('inc-engine/clear-stats', () => {
      service.clearStats();
      return '';
    });
    control.register('inc-engine/show-stats', {
      usage: '[NODE [COUNTER]]',
      maxArgs: 2,
      run: ([node, counter]) => showStatistics(service, node, counter),
    });
    command('parallel-build/get-n-threads', () => '1');
    control.register('parallel-build/set-n-threads', { usage: 'N_THREADS', minArgs: 1, run: ([n]) => setThreads(n) });
    const { stopwatches } = service;
    control.register('stopwatch/show', {
      usage: '[NAME]',
      maxArgs: 1,
      run: ([name]) => {
        const shown = stopwatches.show(name);
        if (shown === undefined) throw new CommandError('No such stopwatch');
        return shown;
      },
    });
    control.register('stopwatch/reset', {
      usage: '[NAME]',
      maxArgs: 1,
      run: ([name]) => {
        stopwatches.reset(name);
        return '';
      },
    });

    nbReplica.start();
    sbReplica.start();
    daemon.onExit(() => {
      service.close();
      nbReplica.close();
      sbReplica.close();
    });
  },
);

function logLine(logger: Logger): (level: 'debug' | 'info' | 'warn' | 'error', message: string) => void {
  return (level, message) => logger[level](message);
}

const connectionStatus = (state: string): string =>
  state === 'live' || state === 'syncing' ? 'connected' : 'not connected';

function reset(replica: { resetClusterState(): void }): string {
  replica.resetClusterState();
  return '';
}

/** ovn-northd takes 1 to 256; more than one would not make this program faster. */
function setThreads(text = ''): string {
  const n = /^\d+$/.test(text) ? Number(text) : 0;
  if (n < 1 || n > 256) throw new CommandError(`invalid n_threads: ${n}`);
  if (n > 1)
    throw new CommandError(`n_threads must be 1: weft-northd computes what changed, in one thread, whatever is set`);
  return '';
}
