/** `weft-northd`: keeps the southbound database what the northbound one says (ovn-northd(8)). */
import { setTimeout as sleep } from 'node:timers/promises';
import { CommandError } from '@weft/jsonrpc/unixctl-server';
import { NorthdService, sbTables } from '@weft/northd/service';
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
    command('inc-engine/clear-stats', () => {
      service.clearStats();
      return '';
    });
    control.register('inc-engine/show-stats', {
      usage: '[derivation]',
      maxArgs: 2,
      run: ([name]) => showStats(service, name),
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

function reset(replica: { reconnect(reason: string): void }): string {
  replica.reconnect('state reset requested');
  return '';
}

/** How often each derivation ran, and what was written. */
function showStats(service: NorthdService, name: string | undefined): string {
  const runs = [...service.derivations].sort(([a], [b]) => (a < b ? -1 : 1));
  if (name !== undefined) {
    const found = runs.find(([derivation]) => derivation === name);
    if (found === undefined) throw new CommandError(`no derivation "${name}" has run`);
    return String(found[1]);
  }
  const { rounds, transactions, operations, failures, lastFlushMs, lastWriteMs } = service.stats;
  return [
    `rounds: ${rounds}, transactions: ${transactions}, operations: ${operations}, failures: ${failures}`,
    `last round: ${lastFlushMs.toFixed(1)} ms computing, ${lastWriteMs.toFixed(1)} ms writing`,
    ...runs.map(([derivation, count]) => `${derivation}: ${count} runs`),
  ].join('\n');
}
