import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Listener, listen } from './listen.ts';
import { listening } from './testing.ts';
import { UnixctlCommandError, UnixctlConnectError, unixctl } from './unixctl-client.ts';
import { CommandError, UnixctlServer } from './unixctl-server.ts';

const dir = mkdtempSync(join(tmpdir(), 'weft-unixctl-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Runs the C client without blocking this process, which is the server. */
function appctl(...args: string[]): Promise<{ status: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn('ovs-appctl', args);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}

describe('our server, the C ovs-appctl', () => {
  const path = join(dir, 'ours.ctl');
  let listener: Listener;
  beforeAll(async () => {
    const server = new UnixctlServer();
    server.register('greet', {
      usage: 'NAME [TITLE]',
      minArgs: 1,
      maxArgs: 2,
      run: (args) => `hello ${args.join(' ')}`,
    });
    server.register('quiet', { run: async () => '' });
    server.register('refuse', {
      run: () => {
        throw new CommandError('not now');
      },
    });
    listener = await listen({ kind: 'punix', path }, ({ stream }) => server.accept(stream));
  });
  afterAll(() => listener.close());

  it('runs commands', async () => {
    expect(await appctl('-t', path, 'greet', 'wörld', 'x y')).toEqual({
      status: 0,
      stdout: 'hello wörld x y\n',
      stderr: '',
    });
    expect(await appctl('-t', path, 'quiet')).toEqual({ status: 0, stdout: '', stderr: '' });
    expect((await appctl('-t', path, 'list-commands')).stdout).toBe(
      'The available commands are:\n' +
        '  greet                   NAME [TITLE]\n' +
        '  list-commands           \n' +
        '  quiet                   \n' +
        '  refuse                  \n',
    );
  });

  it('reports errors', async () => {
    const refused = await appctl('-t', path, 'refuse');
    expect(refused.status).toBe(2);
    expect(refused.stderr).toBe(`not now\novs-appctl: ${path}: server returned an error\n`);
    expect((await appctl('-t', path, 'greet')).stderr).toContain('"greet" command requires at least 1 arguments\n');
    expect((await appctl('-t', path, 'quiet', 'x')).stderr).toContain('"quiet" command takes at most 0 arguments\n');
    expect((await appctl('-t', path, 'nix')).stderr).toContain(
      '"nix" is not a valid command (use "list-commands" to see a list of valid commands)\n',
    );
  });
});

describe('our client, a C daemon', () => {
  const path = join(dir, 'c.ctl');
  let stop = () => {};
  beforeAll(async () => {
    const db = join(dir, 'c.db');
    execFileSync('ovsdb-tool', ['create', db, '/usr/share/ovn/ovn-nb.ovsschema']);
    const child = spawn('ovsdb-server', ['--no-chdir', `--unixctl=${path}`, '-vconsole:off', db], { stdio: 'ignore' });
    stop = () => child.kill();
    await listening(path);
  });
  afterAll(() => stop());

  it('gets what ovs-appctl gets', async () => {
    for (const command of [['version'], ['ovsdb-server/list-dbs'], ['vlog/list']]) {
      const expected = spawnSync('ovs-appctl', ['-t', path, ...command]).stdout.toString();
      expect(await unixctl(path, command[0]!, command.slice(1))).toBe(expected);
    }
  });

  it('gets its errors', async () => {
    const error = await unixctl(path, 'ovsdb-server/add-db', []).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UnixctlCommandError);
    expect((error as Error).message).toBe('"ovsdb-server/add-db" command requires at least 1 arguments\n');
  });

  it('says when nobody listens', async () => {
    const error = await unixctl(join(dir, 'none'), 'version', []).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UnixctlConnectError);
    expect((error as Error).message).toBe(`cannot connect to "${join(dir, 'none')}" (No such file or directory)`);
  });
});
