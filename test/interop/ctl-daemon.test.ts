/** Daemon mode: the C ovn-nbctl uses our daemon, and ours the C one. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { basename, join, resolve } from 'node:path';
import { lockHolder } from '@weft/cli/pidfile';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
    // A daemon that starts must not hold this process by its standard error.
    stdio: ['ignore', 'pipe', 'pipe'],
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
    const ignoring = run(client, ['-vconsole:info', '--no-leader-only', '-p', 'key', 'ls-list'], env);
    expect(ignoring.stderr.replaceAll('ovn-nbctl', 'nbctl').replace(/^\S+Z\|/gm, '')).toBe(
      ['no-leader-only', 'private-key']
        .map((option, i) => `0000${i + 1}|ovn_dbctl|INFO|using nbctl daemon, ignoring ${option} option\n`)
        .join(''),
    );
    // A relative name is one of the run directory.
    expect(run(client, ['-u', basename(control), 'ls-list'])).toEqual(run(client, ['-u', control, 'ls-list']));
    // Who names a database means that one.
    const named = run(client, [`--db=unix:${server.socket}`, '-u', control, 'ls-list']);
    expect(named.stdout).toBe(run(client, ['ls-list'], env).stdout);
    expect(named.stderr).toMatch(/\|ovn_dbctl\|WARN\|not using (ovn-)?nbctl daemon because of db option\n$/);
  } finally {
    process.kill(Number(readFileSync(pidfile, 'utf8')), 'SIGTERM');
    for (let i = 0; i < 200 && existsSync(control); i++) await new Promise((done) => setTimeout(done, 20));
  }
  expect(existsSync(control)).toBe(false);
});

it("sbctl's daemon refuses to wait, whoever asks", () => {
  const control = join(dir, 'sb.ctl');
  const pidfile = join(dir, 'sb.pid');
  const daemon = resolve('node_modules/.bin/sbctl');
  run(daemon, [`--db=unix:${server.socket}`, '--detach', `--pidfile=${pidfile}`, '-u', control]);
  try {
    for (const option of ['--wait=sb', '--wait=nonsense', '--no-wait', '--print-wait-time']) {
      const direct = run('ovn-sbctl', [`--db=unix:${server.socket}`, option, 'init']);
      expect(direct.stderr).toContain('not supported');
      expect(run('ovn-sbctl', ['-u', control, option, 'init'])).toEqual(direct);
    }
  } finally {
    process.kill(Number(readFileSync(pidfile, 'utf8')), 'SIGTERM');
  }
});

describe('our daemon', () => {
  const control = join(dir, 'own.ctl');
  const pidfile = join(dir, 'own.pid');
  const start = (...options: string[]) =>
    run(ours, [`--db=unix:${server.socket}`, '--detach', `--pidfile=${pidfile}`, '-u', control, ...options]);
  const until = async (condition: () => boolean, what: string): Promise<void> => {
    for (let i = 0; i < 1500 && !condition(); i++) await new Promise((done) => setTimeout(done, 20));
    if (!condition()) throw new Error(`waited in vain for ${what}`);
  };
  const appctl = (...args: string[]) => run('ovs-appctl', ['-t', control, ...args]);

  it('holds its pidfile, which keeps a second one from starting', async () => {
    expect(start()).toEqual({ stdout: `${control}\n`, stderr: '', status: 0 });
    const pid = Number(readFileSync(pidfile, 'utf8'));
    try {
      expect(lockHolder(pidfile)).toBe(pid);
      const theirs = run('ovn-nbctl', ['--detach', `--pidfile=${pidfile}`, '-u', join(dir, 'second.ctl')]);
      expect(theirs.stderr).toBe(`ovn-nbctl: ${pidfile}: already running as pid ${pid}, aborting\n`);
      const second = run(ours, ['--detach', `--pidfile=${pidfile}`, '-u', join(dir, 'second.ctl')]);
      expect(second).toEqual({ stdout: '', stderr: theirs.stderr.replace('ovn-', ''), status: theirs.status });
      // It is known by its pidfile.
      expect(run('ovs-appctl', ['-t', pidfile, 'version']).stderr).not.toContain('cannot read pidfile');
    } finally {
      expect(appctl('exit').status).toBe(0);
      await until(() => !existsSync(pidfile), 'the end');
    }
  });

  it('gives its pidfile up to one that overwrites it', async () => {
    start();
    const first = Number(readFileSync(pidfile, 'utf8'));
    const other = join(dir, 'other.ctl');
    const args = ['--detach', `--pidfile=${pidfile}`, '--overwrite-pidfile', '-u', other];
    expect(run(ours, [`--db=unix:${server.socket}`, ...args])).toMatchObject({ stdout: `${other}\n`, status: 0 });
    const second = Number(readFileSync(pidfile, 'utf8'));
    expect(second).not.toBe(first);
    expect(lockHolder(pidfile)).toBe(second);
    run('ovs-appctl', ['-t', other, 'exit']);
    appctl('exit');
    await until(() => !existsSync(`/proc/${first}`) && !existsSync(`/proc/${second}`), 'the end of both');
  });

  it('is started again by its monitor, and logs what it runs', async () => {
    const log = join(dir, 'own.log');
    expect(start('--monitor', `--log-file=${log}`)).toMatchObject({ stdout: `${control}\n`, stderr: '', status: 0 });
    const first = Number(readFileSync(pidfile, 'utf8'));
    process.kill(first, 'SIGABRT');
    await until(() => lockHolder(pidfile) !== undefined && lockHolder(pidfile) !== first, 'the new daemon');
    const ready = () => run(ours, ['-u', control, '--may-exist', 'ls-add', 'a b']).status === 0;
    await until(ready, 'the control socket');
    expect(appctl('exit').status).toBe(0);
    await until(() => readFileSync(log, 'utf8').includes('exiting'), 'the end of the monitor');
    const text = readFileSync(log, 'utf8');
    expect(text).toContain(`|daemon|ERR|1 crashes: pid ${first} died, killed (Aborted), restarting\n`);
    expect(text).toContain('|ovn_dbctl|INFO|Running command run --may-exist -- ls-add "a b"\n');
    expect(text).toMatch(/\|daemon\|INFO\|pid \d+ died, exit status 0, exiting\n$/);
  });

  it('is not held up by who waits, nor waits for who has gone', async () => {
    start();
    try {
      // The C daemon would wait for ever.
      const waiting = run('ovn-nbctl', ['-u', control, '-t', '1', 'wait-until', 'Logical_Switch', 'never']);
      expect(waiting.stderr).toContain('terminating with signal 14');
      const args = ['-u', control, 'wait-until', 'Logical_Switch', 'later', '--', 'get', 'Logical_Switch', 'later'];
      const patient = spawn('ovn-nbctl', [...args, 'name'], { stdio: ['ignore', 'pipe', 'inherit'] });
      let printed = '';
      patient.stdout.on('data', (data: Uint8Array) => {
        printed += data.toString();
      });
      const ended = new Promise((resolve) => patient.on('close', resolve));
      expect(run(ours, ['-u', control, 'ls-add', 'later'])).toMatchObject({ status: 0 });
      expect(await ended).toBe(0);
      expect(printed).toBe('later\n');
    } finally {
      appctl('exit');
      await until(() => !existsSync(pidfile), 'the end');
    }
  });

  it('does not wait for who had gone before a server was found', async () => {
    const shut: Socket[] = [];
    let [isOpen, connections] = [false, 0];
    const letThrough = (near: Socket): void => {
      const far = createConnection(server.socket);
      near.pipe(far).on('error', () => {});
      far.pipe(near);
    };
    // The way to the server, which lets nobody through at first.
    const door = createServer((near) => {
      connections++;
      near.on('error', () => {}).on('close', () => connections--);
      if (isOpen) letThrough(near);
      else shut.push(near);
    });
    const path = join(dir, 'door.sock');
    await new Promise<void>((resolve) => door.listen(path, resolve));
    // Of two remotes it is asked which will do.
    expect(start(`--db=unix:${path},unix:${path}`).status).toBe(0);
    const pid = Number(readFileSync(pidfile, 'utf8'));
    try {
      const caller = createConnection(control);
      caller.write('{"id":0,"method":"run","params":["--wait=sb","sync"]}');
      await until(() => shut.length === 1, 'the daemon to look for a server');
      caller.destroy();
      await new Promise((done) => caller.once('close', done));
      await until(() => appctl('version').status === 0, 'the daemon to hear of it');
      isOpen = true;
      for (const near of shut.splice(0)) letThrough(near);
      await until(() => connections === 0, 'the daemon to leave the server');
    } finally {
      process.kill(pid, 'SIGTERM');
      door.close();
    }
  });

  it('has the log commands of the C program', async () => {
    const other = join(dir, 'c.ctl');
    const logs = [join(dir, 'own2.log'), join(dir, 'c2.log')] as const;
    start(`--log-file=${logs[0]}`);
    run('ovn-nbctl', [`--db=unix:${server.socket}`, '--detach', '-u', other, `--log-file=${logs[1]}`]);
    const ask = (socket: string, args: readonly string[]) => {
      const { stdout, stderr, status } = run('ovs-appctl', ['-t', socket, ...args]);
      return { stdout, stderr: stderr.replaceAll(socket, 'SOCKET'), status };
    };
    try {
      for (const args of [
        ['vlog/list-pattern'],
        ['vlog/set', 'PATTERN:file:%m'],
        ['vlog/set', 'PATTERN:nowhere:%m'],
        ['vlog/set', 'FACILITY:nonsense'],
        ['vlog/set', 'nonsense'],
        ['vlog/set', 'file:file'],
        ['vlog/disable-rate-limit'],
        ['vlog/disable-rate-limit', 'nonsense'],
        ['vlog/enable-rate-limit', 'jsonrpc'],
        ['vlog/list-pattern'],
        ['vlog/close'],
        ['vlog/reopen'],
        ['run'],
        ['run', 'nonsense'],
        ['run', '--nonsense', 'show'],
        ['run', '--db=x', 'show'],
        ['run', '--help'],
        ['run', '--version'],
        ['run', '-t', 'x', 'show'],
        ['run', '--oneline', 'ls-list'],
        ['vlog/nonsense'],
      ]) {
        expect(ask(control, args), args.join(' ')).toEqual(ask(other, args));
      }
      // The C daemon would die of this.
      expect(ask(control, ['run', '-vfoo', 'show']).stderr).toContain('no destination, level, or module "foo"\n');
    } finally {
      for (const socket of [control, other]) run('ovs-appctl', ['-t', socket, 'exit']);
      await until(() => !existsSync(pidfile), 'the end');
    }
  });

  it.each([
    ['--pidfile=/nonexistent/x'],
    ['-u', '/nonexistent/x'],
    ['--user=nosuch'],
    ['--user=daemon:nosuch'],
    ['show'],
    ['--wait=x'],
  ])('that cannot start says so: %s', (...options) => {
    const args = [`--db=unix:${server.socket}`, '--detach', ...options];
    const c = run('ovn-nbctl', args);
    const own = run(ours, args);
    expect(own).toMatchObject({ stdout: c.stdout, status: c.status });
    expect(own.status).toBe(1);
    // The C program speaks of the pidfile that it has not got, of its temporary file, and of each layer that noticed.
    const message = c.stderr.split('\n').find((line) => /^ovn-nbctl: (?!failed to create)/.test(line)) ?? '';
    expect(own.stderr).toBe(`${message.replace('ovn-', '').replace('(null): ', '').replace('x.tmp', 'x')}\n`);
  });
});

describe('a daemon that is not there', () => {
  it.each([
    [{ OVN_NB_DAEMON: '/nonexistent' }, []],
    [{}, ['-u', '/nonexistent']],
  ] as const)('%j %j', (env, options) => {
    const comparable = (text: string) => text.replaceAll('ovn-nbctl', 'nbctl').replace(/^\d{4}-\S+?Z/gm, 'time');
    const c = run('ovn-nbctl', [...options, 'show'], env as { readonly [name: string]: string });
    const own = run(ours, [...options, 'show'], env as { readonly [name: string]: string });
    expect({ ...own, stderr: comparable(own.stderr) }).toEqual({ ...c, stderr: comparable(c.stderr) });
  });
});
