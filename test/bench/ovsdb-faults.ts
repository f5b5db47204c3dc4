/**
 * `npm run bench -- ovsdb-faults`: the long forms of the fault tests. WEFT_CRASHES (200) kills under write load, then a history of WEFT_TRANSACTIONS
 * (20,000) concurrent transactions over 20 lives of the server, searched for a serial order.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { runHistory } from '../system/database/history.ts';
import { runLedger } from '../system/database/ledger.ts';
import { anomaly } from '../system/database/serial-order.ts';

const kills = Number(process.env.WEFT_CRASHES ?? 200);
const transactions = Number(process.env.WEFT_TRANSACTIONS ?? 20_000);
const killsPerLedger = 10;
const seed = Number(process.env.WEFT_SEED ?? Date.now() % 1_000_000);
const program = resolve('node_modules/.bin/weft-ovsdb');
if (!existsSync(program)) throw new Error(`${program} is missing: run "npm run build" first`);

const folder = mkdtempSync(join(tmpdir(), 'weft-faults-'));
try {
  console.info(`seed ${seed}`);
  // A ledger is read whole after each kill, so a new one is begun now and then.
  let acknowledged = 0;
  let happened = 0;
  for (let done = 0; done < kills; done += killsPerLedger) {
    const ledgerFolder = mkdtempSync(join(folder, 'ledger-'));
    const ledger = await runLedger(program, ledgerFolder, Math.min(killsPerLedger, kills - done), seed + done);
    acknowledged += ledger.acknowledged;
    happened += ledger.happened;
    console.info(
      `kill -9 ${Math.min(done + killsPerLedger, kills)} times: all ${acknowledged} acknowledged transactions are there, and ${happened} that were not answered`,
    );
  }
  const history = await runHistory({ program, folder, transactions, lives: 20, clients: 16, seed });
  const wrong = anomaly(history.initial, history.transactions, history.final, history.witnesses);
  if (wrong !== undefined) throw new Error(wrong);
  console.info(
    `${history.transactions.length} transactions of 16 clients in 20 lives, ${history.conflicts} conflicts: there is a serial order`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
