/**
 * The passive connection methods of ovsdb(7), with and without ports and addresses, sound and bent: our server and the C server, each in a network of its own,
 * listen on the same sockets.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildServer } from './build-server.ts';

// biome-ignore format: a list
const remotes = [
  'ptcp:', 'ptcp:6701', 'ptcp:6702:127.0.0.1', 'ptcp:6703:[::1]', 'ptcp:6704:[::]', 'ptcp:6705:0.0.0.0', 'ptcp:6706:127.0.0.2', 'ptcp:6707:::1', 'ptcp:x',
  'ptcp:99999', 'ptcp:6709:', 'ptcp:6710:127.0.0.1:x', 'ptcp:6711:300.0.0.1', 'punix:relative.sock', 'punix:FOLDER/absolute.sock',
];

let folder: string;
let ours: readonly string[];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weft-listen-'));
  writeFileSync(join(folder, 'schema'), '{"name":"S","version":"1.0.0","tables":{}}');
  ours = [process.execPath, await buildServer()];
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What listens while the server runs: addresses, and files. */
function listening(name: string, tool: readonly string[], server: readonly string[]): string {
  const place = join(folder, name);
  mkdirSync(place);
  const file = join(place, 'db');
  execFileSync(tool[0]!, [...tool.slice(1), 'create', file, join(folder, 'schema')]);
  const quoted = [
    ...server,
    file,
    ...remotes.map((remote) => `--remote=${remote.replace('FOLDER', place)}`),
    '--unixctl=none',
    '-vconsole:off',
    '-vsyslog:off',
    // It runs when the server listens.
    `--run=ss -Htln | awk '{print $4}' | sort; cd ${place}; find . -name '*.sock' | sort`,
  ].map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  const script = `ip link set lo up; exec ${quoted.join(' ')}`;
  return execFileSync('unshare', ['--net', 'sh', '-c', script], {
    encoding: 'utf8',
    env: { ...process.env, OVS_RUNDIR: place },
  });
}

it('both servers listen where ovsdb(7) says', () => {
  const theirs = listening('C', ['ovsdb-tool'], ['ovsdb-server']);
  expect(listening('weft', ours, ours)).toBe(theirs);
  // The default port, and the address for connections of both kinds.
  expect(theirs.split('\n')).toEqual(
    expect.arrayContaining(['0.0.0.0:6640', '*:6704', './absolute.sock', './relative.sock']),
  );
});
