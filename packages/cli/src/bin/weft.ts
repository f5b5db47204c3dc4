/** `weft`: what only Weft has, one sub-command for each file that is listed here. */
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import { demoCommand } from '../demo.ts';
import { lflowCommand } from '../lflow.ts';
import { version } from '../version.ts';

void yargs(hideBin(process.argv))
  .scriptName('weft')
  .usage('$0 COMMAND\n\nTools of Weft, an OVN-style network.')
  .command(demoCommand)
  .command(lflowCommand)
  .command('$0', false, {}, (argv) => {
    const word = argv._[0];
    process.stderr.write(
      `weft: ${word === undefined ? 'say which command' : `no command is named ${word}`}; \`weft --help\` lists them\n`,
    );
    process.exitCode = 2;
  })
  // What a command does with its arguments is its own affair: yargs' positional parameters lose `-`, and turn `0x10` into 16.
  .parserConfiguration({ 'parse-positional-numbers': false })
  .strictOptions()
  .showHelpOnFail(false)
  .version(version)
  .help()
  .parseAsync();
