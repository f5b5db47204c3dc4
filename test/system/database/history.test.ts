/**
 * Many writers at once, over several lives of the server that each end with `kill -9`: what they saw and wrote is equivalent to some serial order.
 * WEFT_TRANSACTIONS sets how many.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildServer } from '../../interop/database/build-server.ts';
import { runHistory } from './history.ts';
import { anomaly } from './serial-order.ts';

const wanted = Number(process.env.WEFT_TRANSACTIONS ?? 1200);

let folder: string;
let program: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weft-history-'));
  program = await buildServer();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('concurrent transactions', () => {
  it('have a serial order', { timeout: 60_000 + wanted * 20 }, async () => {
    const { initial, transactions, final, witnesses, conflicts, swaps, lives } = await runHistory({
      program,
      folder,
      transactions: wanted,
      lives: 4,
      clients: 8,
    });
    expect(lives).toBe(4);
    expect(anomaly(initial, transactions, final, witnesses)).toBeUndefined();
    // The clients did get in each other's way.
    expect(conflicts).toBeGreaterThan(10);
    expect(swaps).toBeGreaterThan(10);
    expect(transactions.filter(({ end }) => end !== undefined).length).toBeGreaterThanOrEqual(wanted);
  });
});
