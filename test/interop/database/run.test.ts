/** `--run=COMMAND` (ovsdb-server(1)): the server serves as long as the command runs, and ends as it ended. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildServer } from './build-server.ts';

const schema = '/usr/share/ovn/ovn-nb.ovsschema';
let folder: string;
let programs: { readonly [name: string]: { readonly create: readonly string[]; readonly serve: readonly string[] } };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weft-run-'));
  const ours = [process.execPath, await buildServer()];
  programs = {
    C: { create: ['ovsdb-tool', 'create'], serve: ['ovsdb-server'] },
    weft: { create: [...ours, 'create'], serve: ours },
  };
  for (const [name, { create }] of Object.entries(programs))
    execFileSync(create[0]!, [...create.slice(1), join(folder, name), schema]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.each([
  ['exit 0', 0],
  ['exit 3', 1],
  ['kill -9 $$', 1],
  ['echo "to err" >&2; echo "to out"', 0],
  ['ovsdb-client --timeout=20 list-dbs unix:SOCKET && ovsdb-client --timeout=20 get-schema-version unix:SOCKET', 0],
])('%s', (command, status) => {
  const results = Object.entries(programs).map(([name, { serve }]) => {
    const socket = join(folder, `${name}.sock`);
    const args = [`--remote=punix:${socket}`, `--unixctl=${join(folder, `${name}.ctl`)}`, '-vconsole:off'];
    const run = `--run=${command.replaceAll('SOCKET', socket)}`;
    const result = spawnSync(serve[0]!, [...serve.slice(1), join(folder, name), ...args, run], { encoding: 'utf8' });
    expect(existsSync(socket), 'it has ended in good order').toBe(false);
    // A signal has a name of the system's, or a word of the C library's.
    const err = result.stderr.replace(/^(weft-ovsdb|ovsdb-server): /, '').replace(/killed.*/, 'killed');
    return { status: result.status, out: result.stdout, err };
  });
  expect(results[1]).toEqual(results[0]);
  expect(results[1]?.status).toBe(status);
});
