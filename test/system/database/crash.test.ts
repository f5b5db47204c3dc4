/** `kill -9` at a random moment under write load. The long form is `npm run bench -- ovsdb-faults`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildServer } from '../../interop/database/build-server.ts';
import { runLedger } from './ledger.ts';

const kills = 10;

let folder: string;
let program: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weft-ledger-'));
  program = await buildServer();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('a killed server has lost nothing that it acknowledged, and the file agrees with itself', async () => {
  const { acknowledged } = await runLedger(program, folder, kills, 7);
  expect(acknowledged).toBeGreaterThan(kills * 5);
});
