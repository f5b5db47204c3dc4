/** The options that stand before the first command, in both programs. */

import type { GlobalArguments, OptionSpec, Takes } from './argv.ts';
import { CtlError, UsageError } from './ctl-error.ts';
import { type DataFormat, dataFormats } from './print-value.ts';
import { defaultTableStyle, type TableFormat, type TableStyle, tableFormats } from './table.ts';

const spec = (takes: Takes, short?: string): OptionSpec => (short === undefined ? { takes } : { takes, short });

/** By name, in the order of `--options`. */
export const globalOptions: ReadonlyMap<string, OptionSpec> = new Map([
  ['--db', spec('value')],
  ['--no-syslog', spec('nothing')],
  ['--help', spec('nothing', 'h')],
  ['--commands', spec('nothing')],
  ['--options', spec('nothing')],
  ['--leader-only', spec('nothing')],
  ['--no-leader-only', spec('nothing')],
  ['--shuffle-remotes', spec('nothing')],
  ['--no-shuffle-remotes', spec('nothing')],
  ['--version', spec('nothing', 'V')],
  ['--unixctl', spec('value', 'u')],
  ['--no-wait', spec('nothing')],
  ['--wait', spec('value')],
  ['--print-wait-time', spec('nothing')],
  ['--dry-run', spec('nothing')],
  ['--oneline', spec('nothing')],
  ['--timeout', spec('value', 't')],
  ['--detach', spec('nothing')],
  ['--no-self-confinement', spec('nothing')],
  ['--no-chdir', spec('nothing')],
  ['--pidfile', spec('optional value')],
  ['--overwrite-pidfile', spec('nothing')],
  ['--monitor', spec('nothing')],
  ['--user', spec('value')],
  ['--verbose', spec('optional value', 'v')],
  ['--log-file', spec('optional value')],
  ['--syslog-method', spec('value')],
  ['--syslog-target', spec('value')],
  ['--private-key', spec('value', 'p')],
  ['--certificate', spec('value', 'c')],
  ['--ca-cert', spec('value', 'C')],
  ['--ssl-protocols', spec('value')],
  ['--ssl-ciphers', spec('value')],
  ['--bootstrap-ca-cert', spec('value')],
  ['--format', spec('value', 'f')],
  ['--data', spec('value', 'd')],
  ['--no-headings', spec('nothing')],
  ['--pretty', spec('nothing')],
  ['--bare', spec('nothing')],
  ['--max-column-width', spec('value')],
]);

/** Those about logs. */
export const logOptions = new Set(['--verbose', '--log-file', '--syslog-method', '--syslog-target', '--no-syslog']);

/** What the global options say. */
export interface Settings {
  db?: string;
  leaderOnly: boolean;
  shuffleRemotes: boolean;
  wait: 'none' | 'sb' | 'hv';
  printWaitTime: boolean;
  dryRun: boolean;
  oneline: boolean;
  /** Seconds; 0 for no limit. */
  timeout: number;
  unixctl?: string;
  style: TableStyle;
  show?: 'help' | 'version' | 'commands' | 'options';
  detach: boolean;
  monitor: boolean;
  chdir: boolean;
  overwritePidfile: boolean;
  /** Empty for the default file. */
  pidfile?: string;
  user?: string;
  tls: {
    privateKey?: string;
    certificate?: string;
    caCert?: string;
    bootstrapCaCert?: string;
    protocols?: string;
    ciphers?: string;
  };
}

/** What holds without any option. */
export function defaultSettings(): Settings {
  return {
    leaderOnly: true,
    shuffleRemotes: true,
    wait: 'none',
    printWaitTime: false,
    dryRun: false,
    oneline: false,
    timeout: 0,
    style: defaultTableStyle,
    detach: false,
    monitor: false,
    chdir: true,
    overwritePidfile: false,
    tls: {},
  };
}

/**
 * Applies options in their order, so that later ones win.
 * @param log gets the options about logs; absent: they have no effect, as in a daemon that runs another's command line
 * @throws CtlError for a bad value
 */
export function applyOptions(
  settings: Settings,
  options: GlobalArguments['global'],
  log: (name: string, value: string | undefined) => void = () => undefined,
): void {
  for (const { name, value } of options) {
    if (logOptions.has(name)) log(name, value);
    else applyOption(settings, name, value);
    // The rest of the command line does not matter.
    if (settings.show !== undefined) return;
  }
}

function applyOption(settings: Settings, name: string, value: string | undefined): void {
  const text = value ?? '';
  const style = (change: Partial<TableStyle>) => {
    settings.style = { ...settings.style, ...change };
  };
  switch (name) {
    case '--db':
      settings.db = text;
      return;
    case '--leader-only':
    case '--no-leader-only':
      settings.leaderOnly = name === '--leader-only';
      return;
    case '--shuffle-remotes':
    case '--no-shuffle-remotes':
      settings.shuffleRemotes = name === '--shuffle-remotes';
      return;
    case '--unixctl':
      settings.unixctl = text;
      return;
    case '--no-wait':
      settings.wait = 'none';
      return;
    case '--wait':
      if (text !== 'none' && text !== 'sb' && text !== 'hv') {
        throw new CtlError('argument to --wait must be "none", "sb", or "hv"');
      }
      settings.wait = text;
      return;
    case '--print-wait-time':
      settings.printWaitTime = true;
      return;
    case '--dry-run':
      settings.dryRun = true;
      return;
    case '--oneline':
      settings.oneline = true;
      return;
    case '--timeout':
      settings.timeout = parseTimeout(text);
      return;
    case '--help':
    case '--version':
    case '--commands':
    case '--options':
      settings.show = name.slice(2) as Settings['show'] & string;
      return;
    case '--format':
      if (!(tableFormats as readonly string[]).includes(text)) throw new UsageError(`unknown output format "${text}"`);
      style({ format: text as TableFormat });
      return;
    case '--data':
      if (!(dataFormats as readonly string[]).includes(text)) throw new UsageError(`unknown data format "${text}"`);
      style({ data: text as DataFormat });
      return;
    case '--no-headings':
      style({ headings: false });
      return;
    case '--pretty':
      style({ pretty: true });
      return;
    case '--bare':
      style({ format: 'list', data: 'bare', headings: false });
      return;
    case '--max-column-width':
      style({ maxColumnWidth: Number.parseInt(text, 10) || 0 });
      return;
    case '--detach':
      settings.detach = true;
      return;
    case '--monitor':
      settings.monitor = true;
      return;
    case '--no-chdir':
      settings.chdir = false;
      return;
    case '--overwrite-pidfile':
      settings.overwritePidfile = true;
      return;
    case '--pidfile':
      settings.pidfile = text;
      return;
    case '--user':
      settings.user = text;
      return;
    case '--private-key':
      settings.tls.privateKey = text;
      return;
    case '--certificate':
      settings.tls.certificate = text;
      return;
    case '--ca-cert':
      settings.tls.caCert = text;
      return;
    case '--bootstrap-ca-cert':
      settings.tls.bootstrapCaCert = text;
      return;
    case '--ssl-protocols':
      settings.tls.protocols = text;
      return;
    case '--ssl-ciphers':
      settings.tls.ciphers = text;
      return;
    default:
      // --no-self-confinement: nothing here confines itself.
      return;
  }
}

function parseTimeout(text: string): number {
  // The manual has 0 for no limit; the C program refuses it.
  if (!/^[0-9]+$/.test(text) || Number(text) === 0 || Number(text) > 0xffffffff) {
    throw new CtlError(`value ${text} on -t or --timeout is invalid`);
  }
  return Number(text);
}
