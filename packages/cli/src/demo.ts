/** `weft demo`: the tutorial, played on this machine. */
import type { CommandModule } from 'yargs';
import { runDemo } from './demo/demo.ts';

export const demoCommand: CommandModule = {
  command: 'demo',
  describe: 'play the tutorial on this machine: two hypervisors, guests, real packets (as root)',
  builder: (yargs) =>
    yargs
      .option('keep', { type: 'boolean', describe: 'leave it running, and say how to talk to it' })
      .option('down', { type: 'boolean', describe: 'remove what an earlier demo left' })
      .conflicts('keep', 'down')
      .strict(),
  handler: async (argv) => {
    process.exitCode = await runDemo({
      keep: argv.keep === true,
      down: argv.down === true,
      print: (line) => console.log(line),
      colour: process.stdout.isTTY,
    });
  },
};
