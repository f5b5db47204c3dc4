/** What the global options are for: the help and the manual page. Loaded for those alone. */

export interface OptionHelp {
  /** What its value is called. */
  readonly value?: string;
  readonly text: string;
}

/** Sections of options, each by name. `{PROGRAM}` and the like are filled in by the help. */
export const optionHelp: readonly {
  readonly title: string;
  readonly options: { readonly [name: string]: OptionHelp };
}[] = [
  {
    title: 'Options',
    options: {
      '--db': { value: 'DATABASE', text: 'connect to DATABASE: one remote, or several separated by commas' },
      '--no-wait': { text: 'do not wait for OVN reconfiguration (default)' },
      '--wait': {
        value: 'none|sb|hv',
        text: 'wait for the southbound database (sb), or for all chassis too (hv), to catch up',
      },
      '--leader-only': { text: 'accept only the leader of a cluster (default)' },
      '--no-leader-only': { text: 'accept any cluster member, not just the leader' },
      '--shuffle-remotes': { text: 'try the remotes in random order (default)' },
      '--no-shuffle-remotes': { text: 'do not shuffle the order of remotes' },
      '--print-wait-time': { text: 'print time spent on waiting' },
      '--timeout': { value: 'SECS', text: 'wait at most SECS seconds' },
      '--dry-run': { text: 'do not commit changes to database' },
      '--oneline': { text: 'print exactly one line of output per command' },
    },
  },
  {
    title: 'Output formatting options',
    options: {
      '--format': {
        value: 'FORMAT',
        text: 'set output formatting to FORMAT ("table", "list", "html", "csv", or "json")',
      },
      '--data': { value: 'FORMAT', text: 'set table cell output formatting to FORMAT ("string", "bare", or "json")' },
      '--no-headings': { text: 'omit table heading row' },
      '--pretty': { text: 'pretty-print JSON in output' },
      '--bare': { text: 'equivalent to "--format=list --data=bare --no-headings"' },
      '--max-column-width': { value: 'WIDTH', text: 'cut table cells after WIDTH characters' },
    },
  },
  {
    title: 'Daemon options',
    options: {
      '--detach': { text: 'run in background as daemon, and print its control socket' },
      '--unixctl': { value: 'SOCKET', text: 'the control socket of the daemon, to start it or to use it' },
      '--monitor': { text: 'creates a process to monitor this daemon' },
      '--user': { value: 'username[:group]', text: 'changes the effective daemon user:group' },
      '--no-chdir': { text: "do not chdir to '/'" },
      '--no-self-confinement': { text: 'accepted; there is no confinement' },
      '--pidfile': { value: 'FILE', text: 'create pidfile (default: the program’s name in the run directory)' },
      '--overwrite-pidfile': { text: 'with --pidfile, start even if already running' },
    },
  },
  {
    title: 'Logging options',
    options: {
      '--verbose': { value: 'SPEC', text: 'set logging levels; without SPEC, maximum verbosity level' },
      '--log-file': { value: 'FILE', text: 'enable logging to specified FILE (default: in the log directory)' },
      '--syslog-method': {
        value: '(libc|unix:file|udp:ip:port|null)',
        text: 'specify how to send messages to syslog daemon',
      },
      '--syslog-target': { value: 'HOST:PORT', text: 'also send syslog msgs to HOST:PORT via UDP' },
      '--no-syslog': { text: 'do not log to syslog which commands are called' },
    },
  },
  {
    title: 'PKI configuration (required to use SSL)',
    options: {
      '--private-key': { value: 'FILE', text: 'file with private key' },
      '--certificate': { value: 'FILE', text: 'file with certificate for private key' },
      '--ca-cert': { value: 'FILE', text: 'file with peer CA certificate' },
      '--bootstrap-ca-cert': { value: 'FILE', text: 'file with peer CA certificate to read or create' },
      '--ssl-protocols': { value: 'PROTOS', text: 'list of SSL protocols to enable' },
      '--ssl-ciphers': { value: 'CIPHERS', text: 'list of SSL ciphers to enable' },
    },
  },
  {
    title: 'Other options',
    options: {
      '--help': { text: 'display this help message, or that of the command that follows' },
      '--version': { text: 'display version information' },
      '--commands': { text: 'list the commands, for shells’ completion' },
      '--options': { text: 'list the options, for shells’ completion' },
    },
  },
];
