/** The manual page of the programs, from their registries: `docs/nbctl.md`. */
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import type { Command } from './command.ts';
import { globalOptions, groups } from './global-options.ts';
import { capital, optionText, usage } from './information.ts';
import type { Program } from './program.ts';

const intro = `# nbctl and sbctl

Made from the registry of commands by \`npx vitest run packages/ctl -u\`; edit the commands, not this page.

\`nbctl\` and \`sbctl\` are used like ovn-nbctl(8) and ovn-sbctl(8): options, one or more commands separated by \`--\`, all in one transaction.

    nbctl [OPTIONS] [--] [OPTIONS OF THE COMMAND] COMMAND [ARG...] [-- [OPTIONS] COMMAND [ARG...]]...

They connect to \`--db\`, else \`$OVN_NB_DB\` (\`$OVN_SB_DB\`), else the socket in the run directory. \`$OVN_NBCTL_OPTIONS\` (\`$OVN_SBCTL_OPTIONS\`) holds
options for every call. A daemon, which \`--detach\` starts and whose socket it prints, runs the commands if \`$OVN_NB_DAEMON\` (\`$OVN_SB_DAEMON\`) or
\`-u\` names its socket; the C programs and ours can use each other's.

A command fetches the rows that it needs, not whole tables.

\`nbctl --help COMMAND\` explains one command. \`source <(nbctl --completion bash)\` (or \`zsh\`) completes commands, options, and the names of switches,
routers and ports from the database.

Logs are those of the C programs: \`-v\`, \`--log-file\`, \`--syslog-method\` and patterns as in ovs-appctl(8), with the same messages in the same modules, but
for the protocol's, which differs. What goes to the local system log is sent by logger(1): with \`--syslog-method=unix:FILE\` too, each message has the prefix of
syslog(3), which the C programs leave out there. The default log directory is \`$OVN_LOGDIR\`, else \`$OVS_LOGDIR\`, else \`/var/log/ovn\`.

Where they differ from 23.03.1: \`--ssl-protocols\` and \`--ssl-ciphers\` work, at which the C programs abort; \`--bootstrap-ca-cert\` needs no second call. What
is wrong with keys and certificates is said in OpenSSL's words, as there; when a server refuses the certificate, the alert that it sent is said, where the C
programs sometimes only find that they cannot write any longer. \`--dry-run\` waits for nothing, as nothing changes: with \`--wait\` the C programs wait for a
number that they never wrote, for ever. They also wait for a server to connect to them where \`--db\` is \`ptcp:\`, \`pssl:\` or \`punix:\`; ours refuse that. A
daemon runs other command lines while one waits (\`wait-until\`, \`--wait\`), and one whose caller has gone waits no longer. On a terminal, \`show\` and failures
have colour, unless \`$NO_COLOR\` is set, and a mistyped command, option, table or column is answered with the one that is closest.
`;

/** `docs/nbctl.md`: what the registries of the programs say, as Markdown. */
export function manualPage(programs: readonly Program<DatabaseSchema>[]): string {
  const parts = [intro, '## Options\n', ...optionLines()];
  for (const program of programs) {
    parts.push('', `# ${program.name}`, '');
    for (const section of program.sections) {
      parts.push(`## ${program.name}: ${section.title}`, '');
      for (const command of section.commands) parts.push(...commandLines(program.name, command));
    }
  }
  return `${parts.join('\n').trimEnd()}\n`;
}

function optionLines(): string[] {
  return Object.values(groups).flatMap((group) => [
    `### ${group}`,
    '',
    ...[...globalOptions].flatMap(([name, option]) =>
      option.group === group ? [`- \`${optionText(name, option)}\`: ${option.describe}`] : [],
    ),
    '',
  ]);
}

function commandLines(program: string, command: Command<DatabaseSchema>): string[] {
  const lines = [`### ${command.name}`, '', `    ${usage(command)}`, '', `${capital(command.summary)}.`];
  if (command.details !== undefined) lines.push(command.details);
  lines.push('', ...command.examples.map((example) => `    $ ${program} ${example}`), '');
  return lines;
}
