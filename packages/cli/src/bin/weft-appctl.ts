/** `weft-appctl`: runs a command in a daemon, ours or the C one, over its control socket (ovs-appctl(8)). */
import { existsSync } from 'node:fs';
import { UnixctlCommandError, unixctl } from '@weft/jsonrpc/unixctl-client';
import { parseAppctl } from '../appctl-options.ts';
import { readPidfile } from '../pidfile.ts';
import { type Environment, runDir } from '../run-dirs.ts';
import { version } from '../version.ts';

const program = 'weft-appctl';

/** A path as it is; a name by its pidfile in OVN's run directory or, if there is none, in Open vSwitch's. */
function socketOf(target: string, env: Environment): string {
  if (target.startsWith('/')) return target;
  const dirs = [runDir('ovn', env), runDir('ovs', env)];
  const dir = dirs.find((candidate) => existsSync(`${candidate}/${target}.pid`)) ?? dirs[0] ?? '';
  return `${dir}/${target}.${readPidfile(`${dir}/${target}.pid`)}.ctl`;
}

async function run(): Promise<number> {
  const options = parseAppctl(process.argv.slice(2));
  if (options.kind === 'help') {
    process.stdout.write(options.text);
    return 0;
  }
  if (options.kind === 'version') {
    process.stdout.write(`${program} ${version}\n`);
    return 0;
  }
  if (options.timeoutSeconds > 0) {
    // As after SIGALRM, which ends the C program.
    setTimeout(() => {
      process.stderr.write(`${program}: ${options.target}: no response within ${options.timeoutSeconds} seconds\n`);
      process.exit(142);
    }, options.timeoutSeconds * 1000).unref();
  }
  try {
    process.stdout.write(await unixctl(socketOf(options.target, process.env), options.command, options.args));
    return 0;
  } catch (error) {
    if (!(error instanceof UnixctlCommandError)) throw error;
    process.stderr.write(error.message);
    process.stderr.write(`${program}: ${options.target}: server returned an error\n`);
    return 2;
  }
}

run().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.stderr.write(`${program}: ${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  },
);
