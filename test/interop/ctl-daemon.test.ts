/** Daemon mode: the C ovn-nbctl uses our daemon, and ours the C one. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Twin, temporaryFolder } from './ctl-twins.ts';

const ours = resolve('node_modules/.bin/nbctl');
const { dir, remove } = temporaryFolder();
let server: Twin;

beforeAll(async () => {
  if (!existsSync(ours)) throw new Error('nbctl is not built: run `npm run build`');
  server = await Twin.start(dir, 'db');
});
afterAll(() => {
  server.stop();
  remove();
});

function run(program: string, args: readonly string[], env: { readonly [name: string]: string } = {}) {
  const result = spawnSync(program, args, {
    encoding: 'utf8',
    env: { PATH: process.env.PATH ?? '', OVN_RUNDIR: dir, OVS_RUNDIR: dir, ...env },
    timeout: 30_000,
  });
  return { stdout: result.stdout, stderr: result.stderr, status: result.status };
}

it.each([
  { daemon: ours, client: 'ovn-nbctl' },
  { daemon: 'ovn-nbctl', client: ours },
  { daemon: ours, client: ours },
])('$client uses the daemon of $daemon', async ({ daemon, client }) => {
  const control = join(dir, 'daemon.ctl');
  const pidfile = join(dir, 'daemon.pid');
  const started = run(daemon, [`--db=unix:${server.socket}`, '--detach', `--pidfile=${pidfile}`, '-u', control]);
  expect(started).toMatchObject({ stdout: `${control}\n`, status: 0 });
  try {
    const env = { OVN_NB_DAEMON: control };
    expect(run(client, ['--may-exist', 'ls-add', 'sw0'], env)).toMatchObject({ stdout: '', status: 0 });
    const direct = run('ovn-nbctl', [`--db=unix:${server.socket}`, 'show']);
    expect(run(client, ['show'], env)).toEqual(direct);
    const failed = run(client, ['lsp-add', 'nosuch', 'p'], env);
    expect(failed.status).toBe(1);
    expect(failed.stderr).toMatch(/^(ovn-)?nbctl: nosuch: switch name not found\n$/);
    const table = run(
      client,
      ['-f', 'csv', '--columns=name', 'list', 'Logical_Switch', '--', '--if-exists', 'ls-del', 'x'],
      env,
    );
    expect(table).toMatchObject({ stdout: 'name\nsw0\n', status: 0 });
    expect(run(client, ['-u', control, 'ls-list']).stdout).toMatch(/\(sw0\)\n$/);
  } finally {
    process.kill(Number(readFileSync(pidfile, 'utf8')), 'SIGTERM');
    for (let i = 0; i < 200 && existsSync(control); i++) await new Promise((done) => setTimeout(done, 20));
  }
  expect(existsSync(control)).toBe(false);
});
