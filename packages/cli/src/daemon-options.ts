/** The command line that all daemons share (ovn-northd(8), ovs-vswitchd(8)), on yargs. */
import { resolve } from 'node:path';
import type { TlsFiles } from '@weft/jsonrpc/tls';
import { parseSyslogMethod, parseUdpAddress, type SyslogMethod, type UdpAddress } from '@weft/vlog/syslog';
import yargs, { type Arguments, type InferredOptionTypes, type Options } from 'yargs';
import { getopt, UsageError } from './getopt.ts';
import { type Environment, logDir, runDir, type Suite } from './run-dirs.ts';

export interface DaemonSpec<O extends { readonly [name: string]: Options }> {
  /** The program's name, which its pidfile, log and control socket carry. */
  readonly name: string;
  /** What `--version` says that it is; default: `name`. */
  readonly product?: string;
  /** Whose run and log directories it uses. */
  readonly suite: Suite;
  /** What stands behind the options, such as `[DATABASE]`. */
  readonly positionals?: string;
  readonly maxPositionals?: number;
  readonly description: string;
  /** The program's own options. */
  readonly options: O;
}

export interface CommonOptions {
  readonly pidfile: string | undefined;
  readonly overwritePidfile: boolean;
  readonly detach: boolean;
  readonly chdir: boolean;
  readonly logFile: string | undefined;
  readonly monitor: boolean;
  readonly syslogMethod: SyslogMethod;
  readonly syslogTarget: UdpAddress | undefined;
  /** Undefined for `none`. */
  readonly unixctl: string | undefined;
  readonly verbose: readonly string[];
  readonly user: string | undefined;
  readonly tls: TlsFiles | undefined;
  readonly help: boolean;
  readonly version: boolean;
}

export interface ParsedOptions<O extends { readonly [name: string]: Options }> {
  readonly common: CommonOptions;
  /** The program's own options. */
  readonly args: InferredOptionTypes<O>;
  readonly positionals: readonly string[];
  /** The text of `--help`. Made when it is asked for: laying it out takes longer than reading the options. */
  readonly helpText: () => Promise<string>;
}

const common = {
  pidfile: {
    type: 'string',
    describe: 'create a pidfile, NAME.pid in the run directory if no file is given',
    group: 'Daemon options:',
  },
  'overwrite-pidfile': {
    type: 'boolean',
    describe: 'replace the pidfile of a running process',
    group: 'Daemon options:',
  },
  detach: { type: 'boolean', describe: 'run in the background', group: 'Daemon options:' },
  monitor: {
    type: 'boolean',
    describe: 'start the daemon again when a defect ends it',
    group: 'Daemon options:',
  },
  'no-chdir': { type: 'boolean', describe: 'with --detach, stay in the working directory', group: 'Daemon options:' },
  'no-self-confinement': { type: 'boolean', describe: 'accepted', group: 'Daemon options:' },
  user: { type: 'string', describe: 'run as USER:GROUP', group: 'Daemon options:' },
  verbose: {
    type: 'string',
    alias: 'v',
    describe: 'log levels: [MODULE[:DESTINATION[:LEVEL]]]',
    group: 'Logging options:',
  },
  'log-file': {
    type: 'string',
    describe: 'log to a file too, NAME.log in the log directory if none is given',
    group: 'Logging options:',
  },
  'syslog-target': { type: 'string', describe: 'send log lines to UDP HOST:PORT', group: 'Logging options:' },
  'syslog-method': {
    type: 'string',
    describe: 'libc (default), unix:FILE, udp:IP:PORT or null',
    group: 'Logging options:',
  },
  'private-key': { type: 'string', alias: 'p', describe: 'file with the private key', group: 'SSL options:' },
  certificate: { type: 'string', alias: 'c', describe: 'file with the certificate', group: 'SSL options:' },
  'ca-cert': {
    type: 'string',
    alias: 'C',
    describe: 'file with the peers’ CA certificate, or none',
    group: 'SSL options:',
  },
  'bootstrap-ca-cert': {
    type: 'string',
    describe: 'as --ca-cert, but created from what the first server presents',
    group: 'SSL options:',
  },
  'peer-ca-cert': {
    type: 'string',
    describe: 'file with CA certificates to send to peers after our own',
    group: 'SSL options:',
  },
  'ssl-protocols': { type: 'string', describe: 'TLS versions to use', group: 'SSL options:' },
  'ssl-ciphers': { type: 'string', describe: 'ciphers to use', group: 'SSL options:' },
  unixctl: { type: 'string', describe: 'the control socket, or none', group: 'Other options:' },
  help: { type: 'boolean', alias: 'h', describe: 'show this text', group: 'Other options:' },
  version: { type: 'boolean', alias: 'V', describe: 'show the version', group: 'Other options:' },
} as const satisfies { readonly [name: string]: Options };

/** Options whose value can only follow a `=`: what stands behind them is the next argument. */
const optionalValue = new Set(['pidfile', 'log-file', 'verbose']);

/** @throws UsageError */
export function parseDaemonOptions<O extends { readonly [name: string]: Options }>(
  spec: DaemonSpec<O>,
  argv: readonly string[],
  env: Environment,
): ParsedOptions<O> {
  const parser = yargs(getopt(argv, { ...spec.options, ...common }, optionalValue))
    .scriptName(spec.name)
    .usage(`${spec.description}\nusage: $0 [OPTIONS] ${spec.positionals ?? ''}`.trimEnd())
    // yargs' own come first, or they would stand in the way of ours.
    .help(false)
    .version(false)
    .options(spec.options)
    .options(common)
    .exitProcess(false)
    .strictOptions()
    .wrap(100)
    .fail((message: string | null, error: Error | undefined) => {
      throw new UsageError(message ?? error?.message ?? 'bad command line');
    })
    .parserConfiguration({
      'boolean-negation': false,
      'camel-case-expansion': false,
      'dot-notation': false,
      'duplicate-arguments-array': true,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'populate--': false,
    });
  const parsed = parser.parseSync() as Arguments<InferredOptionTypes<typeof common>>;
  const positionals = parsed._.map(String);
  if (positionals.length > (spec.maxPositionals ?? 0)) {
    throw new UsageError(`too many arguments: ${positionals.slice(spec.maxPositionals ?? 0).join(' ')}`);
  }
  return {
    common: commonOptions(spec, parsed, env),
    args: parsed as unknown as InferredOptionTypes<O>,
    positionals,
    helpText: () => Promise.resolve(parser.getHelp()),
  };
}

function commonOptions(
  spec: { readonly name: string; readonly suite: Suite },
  parsed: InferredOptionTypes<typeof common>,
  env: Environment,
): CommonOptions {
  // Of an option that is given twice, the last one counts.
  const last = (value: unknown): string | undefined => {
    const one: unknown = Array.isArray(value) ? value.at(-1) : value;
    return typeof one === 'string' ? one : undefined;
  };
  const inRunDir = (file: string): string => resolve(runDir(spec.suite, env), file);
  const pidfile = last(parsed.pidfile);
  const logFile = last(parsed['log-file']);
  const unixctl = last(parsed.unixctl);
  const verbose: unknown = parsed.verbose ?? [];
  return {
    pidfile: pidfile === undefined ? undefined : inRunDir(pidfile || `${spec.name}.pid`),
    overwritePidfile: parsed['overwrite-pidfile'] === true,
    detach: parsed.detach === true,
    chdir: parsed['no-chdir'] !== true,
    logFile: logFile === undefined ? undefined : resolve(logFile || `${logDir(spec.suite, env)}/${spec.name}.log`),
    monitor: parsed.monitor === true,
    syslogMethod: syslogMethod(last(parsed['syslog-method']) || env.OVS_SYSLOG_METHOD || 'libc'),
    syslogTarget: syslogTarget(last(parsed['syslog-target'])),
    unixctl: unixctl === 'none' ? undefined : inRunDir(unixctl || `${spec.name}.${process.pid}.ctl`),
    verbose: (Array.isArray(verbose) ? verbose : [verbose]).map(String),
    user: last(parsed.user),
    tls: tlsFiles({
      privateKey: last(parsed['private-key']),
      certificate: last(parsed.certificate),
      caCert: last(parsed['ca-cert']),
      bootstrap: last(parsed['bootstrap-ca-cert']),
      peerCaCert: last(parsed['peer-ca-cert']),
      protocols: last(parsed['ssl-protocols']),
      ciphers: last(parsed['ssl-ciphers']),
    }),
    help: parsed.help === true,
    version: parsed.version === true,
  };
}

function tlsFiles(options: {
  privateKey: string | undefined;
  certificate: string | undefined;
  caCert: string | undefined;
  bootstrap: string | undefined;
  peerCaCert: string | undefined;
  protocols: string | undefined;
  ciphers: string | undefined;
}): TlsFiles | undefined {
  const { privateKey, certificate, bootstrap, peerCaCert, protocols, ciphers } = options;
  const caCert = options.caCert ?? bootstrap;
  if ([privateKey, certificate, caCert, protocols, ciphers].every((text) => text === undefined)) return undefined;
  // Absolute, for --detach leaves the working directory. A place in a database is no file.
  const path = (file: string): string => (file === 'none' || file.startsWith('db:') ? file : resolve(file));
  return {
    ...(privateKey === undefined ? {} : { privateKey: path(privateKey) }),
    ...(certificate === undefined ? {} : { certificate: path(certificate) }),
    ...(caCert === undefined ? {} : { caCert: path(caCert) }),
    ...(options.caCert === undefined && bootstrap !== undefined ? { bootstrapCaCert: true } : {}),
    ...(peerCaCert === undefined ? {} : { peerCaCert: path(peerCaCert) }),
    ...(protocols === undefined ? {} : { protocols }),
    ...(ciphers === undefined ? {} : { ciphers }),
  };
}

function syslogMethod(text: string): SyslogMethod {
  const parsed = parseSyslogMethod(text);
  if (parsed === undefined) throw new UsageError(`unsupported syslog method '${text}'`);
  if (parsed.problem !== undefined) throw new UsageError(`--syslog-method=${text}: ${parsed.problem}`);
  return parsed.method;
}

function syslogTarget(text: string | undefined): UdpAddress | undefined {
  if (text === undefined) return undefined;
  const { address, problem } = parseUdpAddress(text);
  if (problem !== undefined) throw new UsageError(`--syslog-target=${problem}`);
  return address;
}
