/** SQLite's checkpoint, which brings what has been committed from the wal to the main file, in a thread of its own: it waits for the disk twice. */
import { statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { sqliteModule } from './load-sqlite.ts';

/** What the thread runs, as text: a bundle is one file. */
const work = `
  const { module, file } = require('node:worker_threads').workerData;
  const db = new (require(module))(file, { fileMustExist: true });
  db.pragma('synchronous = NORMAL');
  db.pragma('wal_checkpoint(PASSIVE)');
  db.close();
`;

/**
 * It does all, or as much as it can: the wal has then what it had. Transactions go on meanwhile. The wal begins anew with the first write of a transaction that
 * begins after a whole checkpoint, so what is written meanwhile makes it longer.
 */
export function checkpoint(file: string): Promise<void> {
  return new Promise((resolve) => {
    const thread = new Worker(work, {
      eval: true,
      workerData: { module: sqliteModule(), file },
      execArgv: [],
      resourceLimits: { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 16 },
    });
    // If the disk fails, what is written next does, too.
    thread.on('error', () => {});
    thread.on('exit', () => resolve());
  });
}

/** Bytes of the wal of a file, if SQLite is told to cut it when it begins anew (`journal_size_limit`). */
export function walLength(file: string): number {
  return statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}
