/**
 * `npm run bench -- ovsdb-fuzz [OPERATIONS [SEED]]`: random transactions against our engine and the installed ovsdb-server, 1,000,000 operations if not
 * told otherwise, and with every round of them random messages, sound and bent, over the protocol. The comparisons are those of differential.test.ts
 * and protocol.test.ts in test/interop/database; each round starts both servers from nothing, with another seed, so that a difference is found again by
 * its round's seed alone.
 */
import { spawnSync } from 'node:child_process';
import { Random, TransactionGenerator } from '../interop/database/random-transactions.ts';

const goal = Number(process.argv[2] ?? 1_000_000);
const firstSeed = Number(process.argv[3] ?? Date.now() % 1_000_000);
const perRound = 50_000;
const messagesPerRound = 20_000;

/** How many operations and transactions the round has; it stops early if the goal is reached. */
function plan(seed: number, wanted: number): { readonly operations: number; readonly transactions: number } {
  const generator = new TransactionGenerator(new Random(seed));
  let operations = 0;
  let transactions = 0;
  while (transactions < perRound && operations < wanted) {
    operations += generator.transaction().length;
    transactions++;
  }
  return { operations, transactions };
}

const started = performance.now();
let operations = 0;
let transactions = 0;
let messages = 0;
const failed: number[] = [];
const noted: string[] = [];
for (let seed = firstSeed; operations < goal; seed++) {
  const round = plan(seed, goal - operations);
  const { status, stdout, error } = spawnSync(
    'npx',
    [
      'vitest',
      'run',
      'test/interop/database/differential.test.ts',
      'test/interop/database/protocol.test.ts',
      '--no-file-parallelism',
      '--reporter=verbose',
    ],
    {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      env: {
        ...process.env,
        NO_COLOR: '1',
        WEFT_FUZZ_TRANSACTIONS: String(round.transactions),
        WEFT_FUZZ_MESSAGES: String(messagesPerRound),
        WEFT_FUZZ_SEED: String(seed),
      },
    },
  );
  if (error !== undefined) throw error;
  messages += messagesPerRound;
  noted.push(...(stdout.match(/^the C server (?:kept|died).*$/gm) ?? []).map((line) => line.slice(0, 200)));
  if (status !== 0) {
    failed.push(seed);
    console.info(stdout);
  }
  operations += round.operations;
  transactions += round.transactions;
  const seconds = (performance.now() - started) / 1000;
  console.info(
    `${operations.toLocaleString('en')} of ${goal.toLocaleString('en')} operations, seed ${seed}: ${status === 0 ? 'same answers' : 'DIFFERENT'}, ${seconds.toFixed(0)} s`,
  );
}
for (const note of noted) console.info(note);
console.info(
  `${operations.toLocaleString('en')} operations in ${transactions.toLocaleString('en')} transactions, and ${messages.toLocaleString('en')} messages, seeds from ${firstSeed}: ` +
    (failed.length === 0 ? 'no difference from the C server' : `different answers with the seeds ${failed.join(', ')}`),
);
if (failed.length > 0) process.exitCode = 1;
