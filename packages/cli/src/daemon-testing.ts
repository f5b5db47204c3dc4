/** A small daemon for the tests of the scaffolding, run as a process of its own. */
import { runDaemon } from './daemon.ts';

await runDaemon(
  {
    name: 'weft-test',
    suite: 'ovn',
    description: 'weft-test: a daemon that does nothing',
    positionals: '[WORD]',
    maxPositionals: 1,
    options: {
      'start-fails': { type: 'boolean', describe: 'fail at the start' },
      greeting: { type: 'string', describe: 'text' },
    },
  },
  (daemon) => {
    const log = daemon.log('test');
    if (daemon.args['start-fails']) throw new Error('no database');
    log.info({ word: daemon.positionals[0], cwd: process.cwd() }, `started, ${daemon.args.greeting ?? 'no greeting'}`);
    const timer = setInterval(() => {}, 1000);
    daemon.control.register('speak', {
      usage: 'WORD [TIMES]',
      minArgs: 1,
      maxArgs: 2,
      run: ([word, times = '1']) => {
        for (let i = 0; i < Number(times); i++) log.debug(`asked for ${word}`);
        return `${word}!`;
      },
    });
    daemon.control.register('fail', {
      run: () => {
        setImmediate(() => {
          throw new Error('a defect');
        });
        return '';
      },
    });
    daemon.onExit((args) => {
      log.info(`ending with [${args.join(' ')}]`);
      clearInterval(timer);
    });
  },
);
