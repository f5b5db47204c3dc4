/** The commands of a daemon's control socket for its log (ovs-appctl(8), "Logging Commands"). */
import { CommandError, type UnixctlServer } from '@weft/jsonrpc/unixctl-server';
import type { Destination, Vlog } from './vlog.ts';

/** The log that the commands are about. */
export interface LogControl {
  /** Returns what is wrong, or undefined. */
  readonly reopen: () => string | undefined;
  readonly close: () => void;
  readonly syslogPrefix: () => string;
  /** Names of formats that are no patterns. */
  readonly formats?: Readonly<Partial<Record<Destination, string>>>;
}

/** Registers `vlog/set`, `vlog/list` and their like. */
export function registerVlogCommands(control: UnixctlServer, vlog: Vlog, log: LogControl): void {
  const done = (problem: string | undefined): string => {
    if (problem !== undefined) throw new CommandError(problem);
    return '';
  };
  control.register('vlog/set', {
    usage: '{spec | PATTERN:destination:pattern}',
    maxArgs: Number.POSITIVE_INFINITY,
    run: (args) => {
      if (args.length === 0) return done(vlog.set(''));
      for (const spec of args) done(vlog.set(spec));
      return '';
    },
  });
  control.register('vlog/list', { run: () => vlog.list() });
  control.register('vlog/list-pattern', { run: () => vlog.listPatterns(log.syslogPrefix(), log.formats) });
  control.register('vlog/reopen', { run: () => done(log.reopen()) });
  control.register('vlog/close', {
    run: () => {
      log.close();
      return '';
    },
  });
  for (const [name, limits] of [
    ['vlog/enable-rate-limit', true],
    ['vlog/disable-rate-limit', false],
  ] as const) {
    control.register(name, {
      usage: '[module]...',
      maxArgs: Number.POSITIVE_INFINITY,
      run: (modules) => done(vlog.limitRate(modules, limits)),
    });
  }
}
