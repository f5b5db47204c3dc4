/** ovsdbapp, the Python library through which OpenStack drives OVN, unmodified: its calls give the same on our server and on the C server. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { nb } from '@weft/schemas/nb';
import { sb } from '@weft/schemas/sb';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { connectTo } from './c-server.ts';
import { startWeftServer } from './weft-server.ts';

let folder: string;
let stops: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-ovsdbapp-'));
});
afterEach(async () => {
  for (const stop of stops) await stop();
  stops = [];
  rmSync(folder, { recursive: true, force: true });
});

/** The C server with both databases of OVN; returns its socket. */
async function startC(): Promise<string> {
  const socket = join(folder, 'c.sock');
  const files = ['nb', 'sb'].map((name) => {
    const file = join(folder, `${name}.db`);
    execFileSync('ovsdb-tool', ['create', file, `/usr/share/ovn/ovn-${name}.ovsschema`]);
    return file;
  });
  const args = [...files, `--remote=punix:${socket}`, `--unixctl=${join(folder, 'ctl')}`, '-vconsole:off'];
  const child = spawn('ovsdb-server', args, { stdio: 'ignore' });
  stops.push(() => child.kill());
  (await connectTo(socket)).close();
  return socket;
}

async function play(socket: string): Promise<string[]> {
  const script = join(import.meta.dirname, 'ovsdbapp-calls.py');
  const { stdout } = await promisify(execFile)('/usr/bin/python3', ['-W', 'ignore', script, socket], {
    timeout: 60_000,
  });
  return stdout.split('\n');
}

it('says the same of both servers', { timeout: 150_000 }, async () => {
  if (!existsSync('/usr/lib/python3/dist-packages/ovsdbapp')) {
    throw new Error('the Debian package python3-ovsdbapp is missing');
  }
  const expected = await play(await startC());
  expect(expected).toContain("switches ['s1', 'wholeFalse']");
  const weft = await startWeftServer([nb, sb]);
  stops.push(() => weft.stop());
  expect(await play(weft.socket)).toEqual(expected);
});
