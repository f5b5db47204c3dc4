/** Commands for the database as a whole. */
import type { NbCommand } from './types.ts';

const init: NbCommand = {
  name: 'init',
  args: '',
  reads: {},
  summary: 'makes the NB_Global row if it is not there; every other command does that too',
  examples: ['init'],
  run: () => undefined,
};

const sync: NbCommand = {
  name: 'sync',
  args: '',
  reads: {},
  summary: 'with --wait=sb or --wait=hv, waits for earlier changes too',
  examples: ['--wait=hv sync'],
  details: 'Without this command --wait waits only for changes of the same command line.',
  run: ({ forceWait }) => forceWait(),
};

export const initCommand = init;
export const syncCommand = sync;
