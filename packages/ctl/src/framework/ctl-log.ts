/** The log of a ctl program (ovn-nbctl(8), "Logging options"). */
import { systemReason } from '@weft/jsonrpc/connect';
import { Log } from '@weft/vlog/log';
import { Vlog } from '@weft/vlog/vlog';
import { CtlError, UsageError } from './ctl-error.ts';
import type { Host } from './main.ts';

/** Modules that log here: those of the C programs for the same messages, so that `-v` and filters of logs need no change. */
const modules = ['daemon', 'db_ctl_base', 'fatal_signal', 'jsonrpc', 'ovn_dbctl', 'ovsdb_idl', 'socket_util', 'vlog'];

/** A log as it is before any option: warnings on the console. */
export function createLog(program: string, host: Pick<Host, 'stderr' | 'now' | 'log'>): Log {
  const vlog = new Vlog({ console: 'warn' });
  for (const module of [...modules, program]) vlog.register(module);
  // That a short-lived program connects is no news.
  vlog.register('reconnect', { console: 'warn', syslog: 'warn', file: 'warn' });
  const started = host.now();
  return new Log(
    vlog,
    { program, pid: process.pid, started, hostname: host.log.hostname },
    { console: host.stderr, openFile: host.log.openFile, sendSyslog: host.log.sendSyslog, now: host.now },
  );
}

/** Applies a logging option. `directory` is for a log file without a name. */
export function applyLogOption(
  log: Log,
  name: string,
  value: string | undefined,
  program: string,
  directory: string,
): void {
  const text = value ?? '';
  const check = (problem: string | undefined): void => {
    if (problem !== undefined) throw new UsageError(problem);
  };
  switch (name) {
    case '--verbose': {
      const problem = log.vlog.set(text);
      check(problem === undefined ? undefined : `processing "${text}": ${problem}`);
      return;
    }
    case '--log-file':
      // Why it cannot be opened has been logged.
      if (!log.openFile(value ?? `${directory}/${program}.log`, reason)) throw new CtlError('');
      return;
    case '--syslog-method':
      check(log.setSyslogMethod(text));
      return;
    case '--syslog-target':
      log.setSyslogTarget(text);
      return;
    case '--no-syslog':
      log.vlog.set('ovn_dbctl:syslog:warn');
      return;
  }
}

/** Commands that only read, by their names: that they were called is a detail. */
const readOnly = /^(comment|count-flows|dump-flows|find|show|sync|wait-until)$|(^|-)(get|list)(-|$)/;

/** Logs the call: with changes to the database as information, otherwise for debugging. */
export function logCall(log: Log, words: readonly string[], commands: readonly { readonly name: string }[]): void {
  log.write('ovn_dbctl', callLevel(commands), `Called as ${words.map(quoted).join(' ')}`);
}

/** Logs what a daemon is asked to run, at the same levels. */
export function logRun(log: Log, words: readonly string[], commands: readonly { readonly name: string }[]): void {
  log.write('ovn_dbctl', callLevel(commands), `Running command ${words.map(quoted).join(' ')}`);
}

function callLevel(commands: readonly { readonly name: string }[]): 'dbg' | 'info' {
  return commands.every(({ name }) => readOnly.test(name)) ? 'dbg' : 'info';
}

/** A word of a command line as the log shows it: in quotes if it would not be one word without. */
export function quoted(word: string): string {
  return /[\t\n\v\r "'\\]/.test(word) ? `"${word.replace(/["\\]/g, '\\$&')}"` : word;
}

/** A system error in the system's words. */
export function reason(error: unknown): string {
  return error instanceof Error ? systemReason(error) : String(error);
}
