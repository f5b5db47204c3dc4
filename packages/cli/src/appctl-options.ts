/** The command line of `weft-appctl`. What follows the command belongs to the daemon, options included, so yargs has no part in it. */

export type AppctlOptions =
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' }
  | {
      readonly kind: 'run';
      readonly target: string;
      readonly timeoutSeconds: number;
      readonly command: string;
      readonly args: readonly string[];
    };

/** As for ovn-appctl. */
const defaultTarget = 'weft-controller';

const help = `weft-appctl, for querying and controlling a daemon of Weft, OVN or Open vSwitch
usage: weft-appctl [TARGET] COMMAND [ARG...]
Targets:
  -t, --target=TARGET  pidfile name or socket to contact (default: ${defaultTarget})
Common commands:
  list-commands        list the commands that the target knows
  version              print the version of the target
  vlog/list            list the log levels
  vlog/set [SPEC]      set log levels: [MODULE[:DESTINATION[:LEVEL]]]
  vlog/reopen          open the log file anew
  exit                 end the target
Other options:
  -T, --timeout=SECS   wait at most SECS seconds for a response
  -h, --help           show this text
  -V, --version        show the version of weft-appctl
`;

/** Thrown for a command line that makes no sense. */
export class AppctlUsageError extends Error {
  override name = 'AppctlUsageError';
}

/** @throws AppctlUsageError */
export function parseAppctl(argv: readonly string[]): AppctlOptions {
  let target = defaultTarget;
  let timeoutSeconds = 0;
  let i = 0;
  for (; i < argv.length; i++) {
    const arg = argv[i] ?? '';
    if (arg === '--') {
      i++;
      break;
    }
    if (!arg.startsWith('-')) break;
    if (arg === '-h' || arg === '--help') return { kind: 'help', text: help };
    if (arg === '-V' || arg === '--version') return { kind: 'version' };
    const match = /^(?:--(target|timeout)(?:=(.*))?|-([tT])(.*))$/s.exec(arg);
    // Levels of this program's own log, which has none.
    if (match === null && /^(-v|--verbose)/.test(arg)) continue;
    if (match === null) throw new AppctlUsageError(`unrecognized option '${arg}'`);
    const value = match[2] ?? (match[4] || argv[++i]);
    if (value === undefined) throw new AppctlUsageError(`option '${arg}' requires an argument`);
    if (match[1] === 'target' || match[3] === 't') target = value;
    else {
      timeoutSeconds = Number(value);
      if (!/^\d+$/.test(value)) throw new AppctlUsageError(`value ${value} on -T or --timeout is invalid`);
    }
  }
  const [command, ...args] = argv.slice(i);
  if (command === undefined) {
    throw new AppctlUsageError('at least one non-option argument is required (use --help for help)');
  }
  return { kind: 'run', target, timeoutSeconds, command, args };
}
