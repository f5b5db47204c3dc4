/** The options that stand before the first command, in both programs: how they are declared, and what a command line says with them. yargs reads it. */
import type { InferredOptionTypes } from 'yargs';
import type { GlobalArguments } from './argv.ts';
import { CtlError, UsageError } from './ctl-error.ts';
import { type Given, type OptionSpec, optionValues } from './option-values.ts';
import { type DataFormat, dataFormats } from './print-value.ts';
import { defaultTableStyle, type TableFormat, type TableStyle, tableFormats } from './table.ts';

/** How an option is declared, and: */
export interface GlobalOption extends OptionSpec {
  /** What its value is called. */
  readonly value?: string;
}

/** Sections of the help. */
export const groups = {
  general: 'Options',
  output: 'Output formatting options',
  daemon: 'Daemon options',
  logging: 'Logging options',
  pki: 'PKI configuration (required to use SSL)',
  other: 'Other options',
} as const;

const declared = {
  db: {
    type: 'string',
    value: 'DATABASE',
    group: groups.general,
    describe: 'connect to DATABASE: one remote, or several separated by commas',
  },
  'no-syslog': { type: 'boolean', group: groups.logging, describe: 'do not log to syslog which commands are called' },
  help: {
    type: 'boolean',
    alias: 'h',
    group: groups.other,
    describe: 'display this help message, or that of the command that follows',
  },
  commands: { type: 'boolean', group: groups.other, describe: 'list the commands, for shells’ completion' },
  options: { type: 'boolean', group: groups.other, describe: 'list the options, for shells’ completion' },
  'leader-only': { type: 'boolean', group: groups.general, describe: 'accept only the leader of a cluster (default)' },
  'no-leader-only': {
    type: 'boolean',
    group: groups.general,
    describe: 'accept any cluster member, not just the leader',
  },
  'shuffle-remotes': { type: 'boolean', group: groups.general, describe: 'try the remotes in random order (default)' },
  'no-shuffle-remotes': { type: 'boolean', group: groups.general, describe: 'do not shuffle the order of remotes' },
  version: { type: 'boolean', alias: 'V', group: groups.other, describe: 'display version information' },
  unixctl: {
    type: 'string',
    alias: 'u',
    value: 'SOCKET',
    group: groups.daemon,
    describe: 'the control socket of the daemon, to start it or to use it',
  },
  'no-wait': { type: 'boolean', group: groups.general, describe: 'do not wait for OVN reconfiguration (default)' },
  wait: {
    type: 'string',
    coerce: parseWait,
    value: 'none|sb|hv',
    group: groups.general,
    describe: 'wait for the southbound database (sb), or for all chassis too (hv), to catch up',
  },
  'print-wait-time': { type: 'boolean', group: groups.general, describe: 'print time spent on waiting' },
  'dry-run': { type: 'boolean', group: groups.general, describe: 'do not commit changes to database' },
  oneline: { type: 'boolean', group: groups.general, describe: 'print exactly one line of output per command' },
  timeout: {
    type: 'string',
    coerce: parseTimeout,
    alias: 't',
    value: 'SECS',
    group: groups.general,
    describe: 'wait at most SECS seconds',
  },
  detach: {
    type: 'boolean',
    group: groups.daemon,
    describe: 'run in background as daemon, and print its control socket',
  },
  'no-self-confinement': { type: 'boolean', group: groups.daemon, describe: 'accepted; there is no confinement' },
  'no-chdir': { type: 'boolean', group: groups.daemon, describe: "do not chdir to '/'" },
  pidfile: {
    type: 'string',
    optional: true,
    value: 'FILE',
    group: groups.daemon,
    describe: 'create pidfile (default: the program’s name in the run directory)',
  },
  'overwrite-pidfile': {
    type: 'boolean',
    group: groups.daemon,
    describe: 'with --pidfile, start even if already running',
  },
  monitor: { type: 'boolean', group: groups.daemon, describe: 'creates a process to monitor this daemon' },
  user: {
    type: 'string',
    value: 'username[:group]',
    group: groups.daemon,
    describe: 'changes the effective daemon user:group',
  },
  verbose: {
    type: 'string',
    optional: true,
    alias: 'v',
    value: 'SPEC',
    group: groups.logging,
    describe: 'set logging levels; without SPEC, maximum verbosity level',
  },
  'log-file': {
    type: 'string',
    optional: true,
    value: 'FILE',
    group: groups.logging,
    describe: 'enable logging to specified FILE (default: in the log directory)',
  },
  'syslog-method': {
    type: 'string',
    value: '(libc|unix:file|udp:ip:port|null)',
    group: groups.logging,
    describe: 'specify how to send messages to syslog daemon',
  },
  'syslog-target': {
    type: 'string',
    value: 'HOST:PORT',
    group: groups.logging,
    describe: 'also send syslog msgs to HOST:PORT via UDP',
  },
  'private-key': { type: 'string', alias: 'p', value: 'FILE', group: groups.pki, describe: 'file with private key' },
  certificate: {
    type: 'string',
    alias: 'c',
    value: 'FILE',
    group: groups.pki,
    describe: 'file with certificate for private key',
  },
  'ca-cert': {
    type: 'string',
    alias: 'C',
    value: 'FILE',
    group: groups.pki,
    describe: 'file with peer CA certificate',
  },
  'ssl-protocols': { type: 'string', value: 'PROTOS', group: groups.pki, describe: 'list of SSL protocols to enable' },
  'ssl-ciphers': { type: 'string', value: 'CIPHERS', group: groups.pki, describe: 'list of SSL ciphers to enable' },
  'bootstrap-ca-cert': {
    type: 'string',
    value: 'FILE',
    group: groups.pki,
    describe: 'file with peer CA certificate to read or create',
  },
  format: {
    type: 'string',
    coerce: parseFormat,
    alias: 'f',
    value: 'FORMAT',
    group: groups.output,
    describe: 'set output formatting to FORMAT ("table", "list", "html", "csv", or "json")',
  },
  data: {
    type: 'string',
    coerce: parseData,
    alias: 'd',
    value: 'FORMAT',
    group: groups.output,
    describe: 'set table cell output formatting to FORMAT ("string", "bare", or "json")',
  },
  'no-headings': { type: 'boolean', group: groups.output, describe: 'omit table heading row' },
  pretty: { type: 'boolean', group: groups.output, describe: 'pretty-print JSON in output' },
  bare: { type: 'boolean', group: groups.output, describe: 'equivalent to "--format=list --data=bare --no-headings"' },
  'max-column-width': {
    type: 'string',
    coerce: parseWidth,
    value: 'WIDTH',
    group: groups.output,
    describe: 'cut table cells after WIDTH characters',
  },
} as const satisfies { readonly [name: string]: GlobalOption };

/** By name, in the order of `--options`. */
export const globalOptions: ReadonlyMap<string, GlobalOption> = new Map(
  Object.entries(declared).map(([name, option]) => [`--${name}`, option]),
);

/** Those about logs. */
export const logOptions = new Set(['--verbose', '--log-file', '--syslog-method', '--syslog-target', '--no-syslog']);

/** Those that ask for a text instead of commands. */
const texts = ['help', 'version', 'commands', 'options'] as const;

/** What the global options say. */
export interface Settings {
  readonly db: string | undefined;
  readonly leaderOnly: boolean;
  readonly shuffleRemotes: boolean;
  readonly wait: 'none' | 'sb' | 'hv';
  readonly printWaitTime: boolean;
  readonly dryRun: boolean;
  readonly oneline: boolean;
  /** Seconds; 0 for no limit. */
  readonly timeout: number;
  readonly unixctl: string | undefined;
  readonly style: TableStyle;
  readonly show: (typeof texts)[number] | undefined;
  readonly detach: boolean;
  readonly monitor: boolean;
  readonly chdir: boolean;
  readonly overwritePidfile: boolean;
  /** Empty for the default file. */
  readonly pidfile: string | undefined;
  readonly user: string | undefined;
  readonly tls: {
    readonly privateKey: string | undefined;
    readonly certificate: string | undefined;
    readonly caCert: string | undefined;
    readonly bootstrapCaCert: string | undefined;
    readonly protocols: string | undefined;
    readonly ciphers: string | undefined;
  };
}

/**
 * What options say, of which later ones win.
 * @param log gets the options about logs, in their order; absent: they have no effect, as in a daemon that runs another's command line
 * @throws CtlError for the first bad value
 */
export function readOptions(
  options: GlobalArguments['global'],
  log: (name: string, value: string | undefined) => void = () => undefined,
): Settings {
  const given: Given[] = [];
  for (const { name, value } of options) {
    if (logOptions.has(name)) {
      log(name, value);
      continue;
    }
    // A bad value is refused where it stands, though a later one would win.
    const { coerce, optional } = globalOptions.get(name)!;
    coerce?.(value);
    if (name === '--bare') given.push(['--format', 'list'], ['--data', 'bare'], ['--no-headings']);
    else given.push([name, optional ? (value ?? '') : value]);
    // The rest of the command line does not matter.
    if (texts.some((text) => name === `--${text}`)) break;
  }
  return settings(optionValues(given, positive, { negated: true }));
}

/** `--no-X` says that X is false: yargs knows that by itself. */
const positive = Object.fromEntries(
  Object.entries(declared).filter(([name]) => !name.startsWith('no-')),
) as unknown as Omit<typeof declared, `no-${string}`>;

function settings(
  given: Partial<InferredOptionTypes<typeof positive>> & { readonly [name: string]: unknown },
): Settings {
  const { format, data } = given;
  return {
    db: given.db,
    leaderOnly: given['leader-only'] ?? true,
    shuffleRemotes: given['shuffle-remotes'] ?? true,
    wait: given.wait || 'none',
    printWaitTime: given['print-wait-time'] ?? false,
    dryRun: given['dry-run'] ?? false,
    oneline: given.oneline ?? false,
    timeout: given.timeout ?? 0,
    unixctl: given.unixctl,
    style: {
      ...defaultTableStyle,
      ...(format === undefined ? {} : { format }),
      ...(data === undefined ? {} : { data }),
      headings: given.headings !== false,
      pretty: given.pretty ?? false,
      maxColumnWidth: given['max-column-width'] ?? defaultTableStyle.maxColumnWidth,
    },
    show: texts.find((text) => given[text] === true),
    detach: given.detach ?? false,
    monitor: given.monitor ?? false,
    chdir: given.chdir !== false,
    overwritePidfile: given['overwrite-pidfile'] ?? false,
    pidfile: given.pidfile,
    user: given.user,
    tls: {
      privateKey: given['private-key'],
      certificate: given.certificate,
      caCert: given['ca-cert'],
      bootstrapCaCert: given['bootstrap-ca-cert'],
      protocols: given['ssl-protocols'],
      ciphers: given['ssl-ciphers'],
    },
  };
}

function parseWait(text: string | false): 'none' | 'sb' | 'hv' {
  // `--no-wait`
  if (text === false) return 'none';
  if (text !== 'none' && text !== 'sb' && text !== 'hv') {
    throw new CtlError('argument to --wait must be "none", "sb", or "hv"');
  }
  return text;
}

function parseTimeout(text: string): number {
  // The manual has 0 for no limit; the C program refuses it.
  if (!/^[0-9]+$/.test(text) || Number(text) === 0 || Number(text) > 0xffffffff) {
    throw new CtlError(`value ${text} on -t or --timeout is invalid`);
  }
  return Number(text);
}

function parseFormat(text: string): TableFormat {
  if (!(tableFormats as readonly string[]).includes(text)) throw new UsageError(`unknown output format "${text}"`);
  return text as TableFormat;
}

function parseData(text: string): DataFormat {
  if (!(dataFormats as readonly string[]).includes(text)) throw new UsageError(`unknown data format "${text}"`);
  return text as DataFormat;
}

function parseWidth(text: string): number {
  return Number.parseInt(text, 10) || 0;
}
