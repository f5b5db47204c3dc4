import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lockHolder } from './pidfile.ts';

const source = dirname(fileURLToPath(import.meta.url));
// Below the package, so that the addon is found from the bundle.
const bundles = join(source, '../node_modules', `.weft-daemon-test-${process.pid}`);
const dir = mkdtempSync(join(tmpdir(), 'weft-daemon-'));
const env = { ...process.env, OVN_RUNDIR: dir, OVN_LOGDIR: dir, OVS_RUNDIR: dir };
const children: ChildProcess[] = [];

beforeAll(async () => {
  await build({
    entryPoints: { daemon: join(source, 'daemon-testing.ts'), appctl: join(source, 'bin/weft-appctl.ts') },
    outdir: bundles,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    external: ['better-sqlite3'],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  for (const name of ['weft-test', 'other']) {
    const path = join(dir, `${name}.pid`);
    if (existsSync(path)) process.kill(Number(readFileSync(path, 'utf8')), 'SIGKILL');
  }
  rmSync(dir, { recursive: true, force: true });
  rmSync(bundles, { recursive: true, force: true });
});

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(command: string, ...args: string[]): Promise<Result> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    children.push(child);
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data: Uint8Array) => {
      stdout += data.toString();
    });
    child.stderr.on('data', (data: Uint8Array) => {
      stderr += data.toString();
    });
    child.on('close', (code) => resolve({ code, stdout, stderr }));
  });
}
const daemon = (...args: string[]): Promise<Result> => run(process.execPath, join(bundles, 'daemon.mjs'), ...args);
const ours = (...args: string[]): Promise<Result> => run(process.execPath, join(bundles, 'appctl.mjs'), ...args);
/** The C client, by the pidfile's name. */
const c = (...args: string[]): Promise<Result> => run('ovn-appctl', '-t', 'weft-test', ...args);

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  if (!condition()) throw new Error(`waited in vain for ${what}`);
}

describe('a detached daemon', () => {
  it('is ready when its parent ends, and the C ovn-appctl drives it by name', async () => {
    expect(await daemon('--pidfile', '--detach', '--log-file', '-vconsole:off', '--greeting=hi', 'word')).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
    const pid = Number(readFileSync(join(dir, 'weft-test.pid'), 'utf8'));
    expect(lockHolder(join(dir, 'weft-test.pid'))).toBe(pid);
    expect(await c('version')).toEqual({ code: 0, stdout: 'weft-test 0.1.0\n', stderr: '' });
    expect((await c('list-commands')).stdout).toContain('  speak                   WORD\n');
    expect((await c('speak', 'x')).stdout).toBe('x!\n');
    expect((await c('nix')).code).toBe(2);
  });

  it('writes JSON to its log, at the levels that vlog/set chose', async () => {
    const log = (): string[] => readFileSync(join(dir, 'weft-test.log'), 'utf8').trim().split('\n');
    expect(JSON.parse(log()[0]!)).toMatchObject({ module: 'test', level: 'info', msg: 'started, hi', word: 'word' });
    expect(log().join()).not.toContain('asked for');
    expect(await c('vlog/set', 'test:file:dbg')).toEqual({ code: 0, stdout: '', stderr: '' });
    await c('speak', 'y');
    expect(JSON.parse(log().at(-1)!)).toMatchObject({ level: 'debug', msg: 'asked for y' });
    expect((await c('vlog/list')).stdout).toMatch(/^test +OFF +INFO +DBG$/m);
    expect((await c('vlog/set', 'nonsense')).stderr).toContain('no destination, level, or module "nonsense"\n');
    rmSync(join(dir, 'weft-test.log'));
    await c('vlog/reopen');
    await c('speak', 'z');
    expect(JSON.parse(log()[0]!)).toMatchObject({ msg: 'asked for z' });
  });

  it('obeys weft-appctl', async () => {
    // What follows the command is the daemon's, options too.
    expect(await ours('-t', 'weft-test', 'speak', '--word')).toEqual({ code: 0, stdout: '--word!\n', stderr: '' });
    expect(await ours('--target=weft-test', '-T', '5', 'speak')).toEqual({
      code: 2,
      stdout: '',
      stderr: '"speak" command requires at least 1 arguments\nweft-appctl: weft-test: server returned an error\n',
    });
  });

  it('keeps a second one from starting', async () => {
    const second = await daemon('--pidfile');
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/weft-test\.pid: already running as pid \d+, aborting/);
  });

  it('ends by the exit command, and leaves nothing behind', async () => {
    const pid = readFileSync(join(dir, 'weft-test.pid'), 'utf8').trim();
    expect(await c('exit', '--restart')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(existsSync(join(dir, 'weft-test.pid'))).toBe(false);
    expect(existsSync(join(dir, `weft-test.${pid}.ctl`))).toBe(false);
    expect(readFileSync(join(dir, 'weft-test.log'), 'utf8')).toContain('ending with [--restart]');
  });

  it('that cannot start says why, and its parent fails', async () => {
    expect(await daemon('--detach', '--pidfile', '-vconsole:off', '--start-fails')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'weft-test: no database\n',
    });
  });
});

describe('in the foreground', () => {
  it('ends at SIGTERM in good order', async () => {
    const args = [join(bundles, 'daemon.mjs'), '--pidfile=other.pid', `--unixctl=${dir}/fg.ctl`, '-vdbg'];
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    children.push(child);
    let text = '';
    child.stderr.on('data', (data: Uint8Array) => {
      text += data.toString();
    });
    await until(() => text.includes('started'), 'the start');
    expect((await run('ovs-appctl', '-t', `${dir}/fg.ctl`, 'version')).stdout).toBe('weft-test 0.1.0\n');
    child.kill('SIGTERM');
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(code).toBe(0);
    expect(text).toContain('ending with []');
    expect(existsSync(join(dir, 'other.pid'))).toBe(false);
    expect(existsSync(join(dir, 'fg.ctl'))).toBe(false);
  });

  it('takes the place of a stale pidfile', async () => {
    writeFileSync(join(dir, 'weft-test.pid'), '1\n');
    expect((await daemon('--pidfile', '--detach', '-vconsole:off')).code).toBe(0);
    expect((await c('exit')).code).toBe(0);
  });

  it.each([
    [['--nonsense'], "weft-test: unrecognized option '--nonsense'\n"],
    [['a', 'b'], 'weft-test: too many arguments: b\n'],
    [['-vfile:file'], 'weft-test: processing "file:file": cannot specify multiple destinations\n'],
    [['--syslog-target=x'], 'weft-test: --syslog-target=x: port must be specified\n'],
  ])('refuses %j', async (args, message) => {
    expect(await daemon(...args)).toEqual({ code: 1, stdout: '', stderr: message });
  });

  it('shows its version', async () => {
    expect((await daemon('--version')).stdout).toBe('weft-test 0.1.0\n');
    expect((await daemon('-h')).stdout).toContain('usage: weft-test [OPTIONS] [WORD]\n');
  });
});

describe('weft-appctl without a daemon', () => {
  it.each([
    [['-t', 'nobody', 'version'], `weft-appctl: cannot read pidfile "${dir}/nobody.pid" (No such file or directory)\n`],
    [['-t', '/no/where', 'version'], 'weft-appctl: cannot connect to "/no/where" (No such file or directory)\n'],
    [[], 'weft-appctl: at least one non-option argument is required (use --help for help)\n'],
    [['-x'], "weft-appctl: unrecognized option '-x'\n"],
  ])('%j', async (args, message) => {
    expect(await ours(...args)).toEqual({ code: 1, stdout: '', stderr: message });
  });
});
