import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
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
const env: NodeJS.ProcessEnv = { ...process.env, OVN_RUNDIR: dir, OVN_LOGDIR: dir, OVS_RUNDIR: dir };
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
    expect((await c('list-commands')).stdout).toContain('  speak                   WORD [TIMES]\n');
    expect((await c('speak', 'x')).stdout).toBe('x!\n');
    expect((await c('memory/show')).stdout).toMatch(/^resident-kB:\d+ heap-kB:\d+ /);
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

  it('goes on with its log when that cannot be opened anew, and opens it when it can', async () => {
    const folder = join(dir, 'logs');
    const options = ['-vconsole:off', `--unixctl=${join(dir, 'log.ctl')}`, `--log-file=${join(folder, 'log')}`];
    expect((await daemon('--detach', ...options)).code).toBe(0);
    const control = (...args: string[]): Promise<Result> => run('ovn-appctl', '-t', join(dir, 'log.ctl'), ...args);
    rmSync(folder, { recursive: true });
    expect(await control('vlog/reopen')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^No such file or directory\n/),
    });
    await control('vlog/set', 'file:dbg');
    expect((await control('speak', 'x')).stdout).toBe('x!\n');
    mkdirSync(folder);
    expect((await control('vlog/reopen')).code).toBe(0);
    await control('speak', 'again');
    expect(readFileSync(join(folder, 'log'), 'utf8')).toContain('asked for again');
    await control('exit');
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

  it('is who its pidfile names: a lock of somebody else is on a file of another file system, under the same number', () => {
    const pidfile = join(dir, 'weft-test.pid');
    const text = readFileSync(pidfile, 'utf8');
    writeFileSync(pidfile, '1\n');
    expect(lockHolder(pidfile)).toBe(undefined);
    writeFileSync(pidfile, text);
    expect(lockHolder(pidfile)).toBe(Number(text));
  });

  it('has its own name among the processes', () => {
    const pid = readFileSync(join(dir, 'weft-test.pid'), 'utf8').trim();
    expect(readFileSync(`/proc/${pid}/comm`, 'utf8')).toBe('weft-test\n');
  });

  it('ends by the exit command, and leaves nothing behind', async () => {
    const pid = readFileSync(join(dir, 'weft-test.pid'), 'utf8').trim();
    expect(await c('exit', '--restart')).toMatchObject({ code: 2 });
    expect(await c('exit')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(existsSync(join(dir, 'weft-test.pid'))).toBe(false);
    expect(existsSync(join(dir, `weft-test.${pid}.ctl`))).toBe(false);
    expect(readFileSync(join(dir, 'weft-test.log'), 'utf8')).toContain('ending with []');
  });

  it('that cannot start says why, and its parent fails', async () => {
    const log = join(dir, 'failed.log');
    expect(await daemon('--detach', '--pidfile', `--log-file=${log}`, '--start-fails')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'weft-test: no database\n',
    });
    expect(JSON.parse(readFileSync(log, 'utf8'))).toMatchObject({ level: 'fatal', msg: 'no database' });
    expect(readdirSync(dir).filter((name) => /\.(ctl|pid)$/.test(name))).toEqual([]);
  });

  it('that cannot start beside another one does not take its control socket', async () => {
    const options = ['-vconsole:off', `--unixctl=${join(dir, 'one.ctl')}`];
    expect((await daemon('--detach', '--pidfile', ...options)).code).toBe(0);
    expect((await daemon('--start-fails', ...options)).code).toBe(1);
    expect((await run('ovn-appctl', '-t', join(dir, 'one.ctl'), 'speak', 'x')).stdout).toBe('x!\n');
    await run('ovn-appctl', '-t', join(dir, 'one.ctl'), 'exit');
  });
});

describe('a monitored daemon', () => {
  const pidfile = join(dir, 'weft-test.pid');
  const pid = (): number => Number(readFileSync(pidfile, 'utf8'));
  const parentOf = (process: number): number =>
    Number(
      readFileSync(`/proc/${process}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')[1],
    );
  const restarted = (before: number): Promise<void> =>
    until(() => lockHolder(pidfile) !== undefined && lockHolder(pidfile) !== before, 'the new daemon');

  it('is started again after a signal that indicates an error, and not after another', async () => {
    expect(await daemon('--pidfile', '--detach', '--monitor', '--log-file', '-vconsole:off')).toMatchObject({
      code: 0,
      stderr: '',
    });
    const first = pid();
    const monitor = parentOf(first);
    expect(readFileSync(`/proc/${monitor}/cmdline`, 'utf8')).toContain(`weft-test: monitoring pid ${first} (healthy)`);
    process.kill(first, 'SIGSEGV');
    await restarted(first);
    expect(parentOf(pid())).toBe(monitor);
    await until(() => existsSync(join(dir, `weft-test.${pid()}.ctl`)), 'the control socket');
    expect((await c('speak', 'x')).stdout).toBe('x!\n');
    process.kill(pid(), 'SIGKILL');
    await until(() => !existsSync(`/proc/${monitor}`), 'the end of the monitor');
    const lines = readFileSync(join(dir, 'weft-test.log'), 'utf8').trim().split('\n');
    const messages = lines.map((line) => JSON.parse(line)).filter(({ module }) => module === 'monitor');
    expect(messages.map(({ level, msg }) => `${level}: ${msg}`)).toEqual([
      `error: 1 crashes: pid ${first} died, killed (Segmentation fault), restarting`,
      expect.stringMatching(/^info: pid \d+ died, killed \(Killed\), exiting$/),
    ]);
  });

  it('is started again after a defect, and ends by the exit command', async () => {
    expect((await daemon('--pidfile', '--detach', '--monitor', '-vconsole:off')).code).toBe(0);
    const first = pid();
    const monitor = parentOf(first);
    await c('fail');
    await restarted(first);
    await until(() => existsSync(join(dir, `weft-test.${pid()}.ctl`)), 'the control socket');
    expect((await c('exit')).code).toBe(0);
    await until(() => !existsSync(`/proc/${monitor}`), 'the end of the monitor');
    expect(existsSync(pidfile)).toBe(false);
  });

  it('that cannot start is not started again', async () => {
    expect(await daemon('--detach', '--monitor', '-vconsole:off', '--start-fails')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'weft-test: no database\n',
    });
  });
});

describe('a daemon whose clock is set back all the time', () => {
  it('logs, and is started again', { timeout: 90_000 }, async () => {
    const clock = join(dir, 'clock.cjs');
    writeFileSync(clock, 'let now = Date.now(); Date.now = () => (now -= 3600000);\n');
    const log = join(dir, 'clock.log');
    const pidfile = join(dir, 'weft-test.pid');
    const args = ['--pidfile', '--detach', '--monitor', `--log-file=${log}`, '-vconsole:off', '-vtest:file:dbg'];
    env.NODE_OPTIONS = `--require ${clock}`;
    try {
      expect((await daemon(...args)).code).toBe(0);
    } finally {
      delete env.NODE_OPTIONS;
    }
    await c('speak', 'x', '50');
    expect(readFileSync(log, 'utf8').split('asked for x')).toHaveLength(51);
    for (let crashes = 0; crashes < 2; crashes++) {
      const before = Number(readFileSync(pidfile, 'utf8'));
      process.kill(before, 'SIGSEGV');
      // After the second one it waits for 10 seconds.
      await expect
        .poll(async () => (lockHolder(pidfile) === before ? 2 : (await c('speak', 'y')).code), { timeout: 40_000 })
        .toBe(0);
    }
    await c('exit');
  });
});

describe('--user', () => {
  const identity = (pid: number): string[] =>
    readFileSync(`/proc/${pid}/status`, 'utf8')
      .split('\n')
      .filter((line) => /^(Uid|Gid|Groups):/.test(line))
      .map((line) => line.trim().split(/\s+/).slice(1).join(' '));

  beforeAll(() => {
    if (process.getuid?.() !== 0) throw new Error('only root can become another user: run these tests as root');
  });

  it('is who the daemon is, with no other group, and owns its files', async () => {
    const uid = Number(execFileSync('id', ['-u', 'daemon'], { encoding: 'utf8' }));
    const gid = Number(execFileSync('id', ['-g', 'daemon'], { encoding: 'utf8' }));
    const own = mkdtempSync(join(tmpdir(), 'weft-user-'));
    try {
      chownSync(own, uid, gid);
      const files = ['d.pid', 'd.ctl', 'd.log'].map((name) => join(own, name));
      const [pidfile, control, log] = files as [string, string, string];
      const args = [`--pidfile=${pidfile}`, `--unixctl=${control}`, `--log-file=${log}`];
      expect(await daemon('--detach', '-vconsole:off', '--user=daemon', ...args)).toMatchObject({
        code: 0,
        stderr: '',
      });
      const ids = identity(Number(readFileSync(pidfile, 'utf8')));
      expect(ids).toEqual([Array(4).fill(uid).join(' '), Array(4).fill(gid).join(' '), '']);
      expect(files.map((file) => statSync(file).uid)).toEqual([uid, uid, uid]);
      expect((await run('ovs-appctl', '-t', control, 'exit')).code).toBe(0);
    } finally {
      rmSync(own, { recursive: true, force: true });
    }
  });

  it.each([
    ['nosuch', 'user nosuch not found, aborting.'],
    ['daemon:nosuch', 'group nosuch not found, aborting.'],
    ['daemon:root', 'Invalid --user option daemon:root (user daemon is not in group root), aborting.'],
  ])('%s is refused', async (user, message) => {
    const theirs = await run('ovsdb-server', `--user=${user}`);
    // The C program says this of a pidfile that it has not got.
    expect(theirs.stderr).toBe(`ovsdb-server: (null): ${message}\n`);
    expect(await daemon(`--user=${user}`, '-vconsole:off')).toEqual({
      code: theirs.code,
      stdout: '',
      stderr: `weft-test: ${message}\n`,
    });
  });
});

describe('patterns', () => {
  it('shape the lines of a destination, which otherwise are JSON', async () => {
    const file = join(dir, 'pattern.log');
    const args = [`--log-file=${file}`, '-vconsole:off', '-vPATTERN:file:%A|%5N|%-7c|%p|%t|%m', '--greeting=hi'];
    expect((await daemon('--pidfile', '--detach', ...args)).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe('weft-test|    1|test   |INFO|main|started, hi\n');
    expect((await c('vlog/list-pattern')).stdout).toBe(
      [
        '         prefix                            format',
        '         ------                            ------',
        'SYSLOG   <%B> %D{%h %e %T} %E %A:          ovs|%05N|%c%T|%p|%m',
        'CONSOLE  none                              JSON; on a terminal for reading',
        'FILE     none                              %A|%5N|%-7c|%p|%t|%m',
        '',
      ].join('\n'),
    );
    expect((await c('vlog/close')).code).toBe(0);
    await c('vlog/set', 'test:dbg');
    await c('speak', 'x');
    expect(await c('vlog/reopen')).toEqual({ code: 0, stdout: '', stderr: '' });
    await c('vlog/set', 'PATTERN:file:%m');
    await c('speak', 'y');
    expect((await c('exit')).code).toBe(0);
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('\nasked for y\n');
    expect(text).not.toContain('asked for x');
  });

  it('keep what a daemon says again and again short, unless all of it is wanted', async () => {
    const file = join(dir, 'rate.log');
    const args = [`--log-file=${file}`, '-vconsole:off', '-vtest:file:dbg', '-vPATTERN:file:%m', '--greeting=hi'];
    expect((await daemon('--pidfile', '--detach', ...args)).code).toBe(0);
    const lines = () =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line === 'asked for z').length;
    await c('speak', 'z', '5000');
    const limited = lines();
    // A slow machine earns a few more.
    expect(limited).toBeGreaterThanOrEqual(60);
    expect(limited).toBeLessThan(500);
    expect((await c('vlog/enable-rate-limit', 'nosuch')).stderr).toContain('unknown module\n');
    expect((await c('vlog/disable-rate-limit', 'test')).code).toBe(0);
    await c('speak', 'z', '500');
    expect(lines()).toBe(limited + 500);
    expect((await c('vlog/enable-rate-limit')).code).toBe(0);
    await c('speak', 'z', '500');
    expect(lines()).toBeLessThan(limited + 1000);
    expect((await c('exit')).code).toBe(0);
  });

  it('shape what goes to the system log', async () => {
    const socket = createSocket('udp4');
    const received: string[] = [];
    socket.on('message', (data) => received.push(data.toString()));
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    try {
      const { port } = socket.address();
      const method = `--syslog-method=udp:127.0.0.1:${port}`;
      expect((await daemon('--pidfile', '--detach', '-vconsole:off', method, '--greeting=hi')).code).toBe(0);
      await until(() => received.length > 0, 'the message');
      expect(received[0]).toBe('<29>ovs|00001|test|INFO|started, hi');
      expect((await c('exit')).code).toBe(0);
    } finally {
      socket.close();
    }
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

  it('does not mind that nobody takes its log: a full disk, and a pipe whose reader is gone', async () => {
    const args = ['--log-file=/dev/full', `--unixctl=${join(dir, 'full.ctl')}`, '-vdbg'];
    const child = spawn(process.execPath, [join(bundles, 'daemon.mjs'), ...args], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    children.push(child);
    const ended = new Promise((resolve) => child.on('close', resolve));
    await until(() => existsSync(join(dir, 'full.ctl')), 'the control socket');
    child.stderr.destroy();
    const control = (...args: string[]): Promise<Result> => run('ovn-appctl', '-t', join(dir, 'full.ctl'), ...args);
    // Each makes more lines than are kept.
    for (const word of ['x', 'y', 'z']) expect((await control('speak', word, '2000')).stdout).toBe(`${word}!\n`);
    expect((await control('exit')).code).toBe(0);
    expect(await ended).toBe(0);
  });

  it('takes the place of a stale pidfile', async () => {
    writeFileSync(join(dir, 'weft-test.pid'), '1\n');
    expect((await daemon('--pidfile', '--detach', '-vconsole:off')).code).toBe(0);
    expect((await c('exit')).code).toBe(0);
  });

  it.each([
    [['--nonsense'], "weft-test: unrecognized option '--nonsense'\n"],
    [['a', 'b'], 'weft-test: too many arguments: b\n'],
    [['--syslog-method=foo'], "weft-test: unsupported syslog method 'foo'\n"],
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
