/** Logs of nbctl: console, file and system log, side by side with those of ovn-nbctl. */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Outcome, runC, runOurs, Twin, temporaryFolder } from './ctl-twins.ts';

const { dir, remove } = temporaryFolder();
let server: Twin;

beforeAll(async () => {
  server = await Twin.start(dir, 'db');
  runC('nb', ['ls-add', 'sw0'], server.socket, dir);
});
afterAll(() => {
  server.stop();
  remove();
});

const log = join(dir, 'log');

/** Without times, process ids and the program's name. */
function comparable(text: string): string {
  return text
    .replaceAll('ovn-nbctl', 'nbctl')
    .replace(
      /\d{4}-\d\d-\d\d([ T])\d\d:\d\d:\d\d(\.\d{3})?/g,
      (_whole, t: string, ms?: string) => `time${t}${ms && 'ms'}`,
    )
    .replace(/\b\d\d:\d\d:\d\d\.\d\d\d000\b/g, 'clock')
    .replace(/pid=\d+/g, 'pid');
}

/** Runs one, and collects what it wrote to the log file. */
async function outcome(run: () => Outcome | Promise<Outcome>): Promise<Outcome & { readonly log: string | undefined }> {
  rmSync(log, { force: true });
  const { stdout, stderr, status } = await run();
  return {
    // Of new rows.
    stdout: stdout.replace(/[0-9a-f-]{36}/g, 'uuid'),
    stderr: comparable(stderr),
    status,
    log: existsSync(log) ? comparable(readFileSync(log, 'utf8')) : undefined,
  };
}

async function compare(args: readonly string[], env: { readonly [name: string]: string } = {}): Promise<Outcome> {
  const c = await outcome(() => runC('nb', args, server.socket, dir, env));
  const ours = await outcome(() => runOurs('nb', args, server.socket, dir, env));
  expect(ours).toEqual(c);
  return ours;
}

const change = ['--may-exist', 'ls-add', 'sw0'];
const read = ['get', 'Logical_Switch', 'sw0', 'name'];

describe('levels', () => {
  it.each([
    ['-vinfo'],
    ['-vconsole:info'],
    ['-vANY:CONSOLE:Info'],
    ['-vconsole info'],
    ['-vconsole:info', '-vreconnect:off'],
    ['-vconsole:info', '-vovn_dbctl:console:warn'],
    ['-vnbctl:console:dbg'],
    ['-vconsole:info', '-vovsdb_cs:off', '-vpoll_loop:file:warn'],
    ['-vinfo', '-vconsole:off'],
    ['--verbose=console:info'],
    ['-vconsole:info', '--no-syslog'],
  ])('%s', async (...options) => {
    await compare([...options, ...change]);
    await compare([...options, ...read]);
  });

  it('show the protocol for debugging', async () => {
    const { stderr } = await runOurs('nb', ['-v', ...read], server.socket, dir);
    expect(stderr).toMatch(/\|jsonrpc\|DBG\|unix:\S+: send request, method="transact", params=\["OVN_Northbound",/);
    expect(stderr).toMatch(/\|jsonrpc\|DBG\|unix:\S+: received reply, result=\[/);
    expect(stderr).toMatch(/\|ovn_dbctl\|DBG\|Called as nbctl /);
  });

  it.each([
    'foo',
    'file:file',
    'dbg:info',
    'console:info jsonrpc nbctl',
    'a:b',
    'FACILITY:foo',
    'FACILITY',
    'PATTERN',
    'PATTERN:',
    'PATTERN:foo:foo',
    'PATTERN foo foo',
  ])('refuse -v%s', async (spec) => {
    const { status } = await compare([`-v${spec}`, ...change]);
    expect(status).toBe(1);
  });
});

describe('patterns', () => {
  it.each([
    'PATTERN:console:%m',
    'pattern:console:X %m',
    'PATTERN:any:%A %c %p|%m',
    'PATTERN:console',
    'PATTERN:console:%d %D %E %N pid=%P %t%T %% %z %5p| %-12c| %-4p| %012c|%08N|%n|%D{%H:%M:%S.######}|%Dx|',
    'PATTERN:console:%B %m',
  ])('%s', async (spec) => {
    await compare(['-vconsole:info', `-v${spec}`, ...change]);
  });

  it('know the facility', async () => {
    const { stderr } = await compare(['-vconsole:info', '-vFACILITY:LOCAL3', '-vPATTERN:console:%B', ...change]);
    expect(stderr).toContain('157');
    await compare(['-vFACILITY:ntp', '-vconsole:info', '-vPATTERN:console:%B', ...change]);
    await compare(['-vFACILITY:clock', '-vconsole:info', '-vPATTERN:console:%B', ...change]);
  });

  it('show the command line as a shell would read it', async () => {
    await compare([
      '-vconsole:info',
      'comment',
      'a b',
      'a"b',
      'a\\b',
      "a'b",
      '',
      'a\tb',
      'a\fb',
      '$x;*',
      '--',
      ...change,
    ]);
  });
});

describe('the log file', () => {
  it.each([
    [change],
    [read],
    [['ls-add', 'sw0']],
    [['lsp-add', 'x']],
    [['nonsense']],
    [['-t', 'x', 'show']],
    [['--wait=x', 'show']],
    [['-f', 'x', 'show']],
    [['-vfoo', 'show']],
    [['--version=x']],
    [['--nonsense']],
    [['--db=unix:nowhere', 'show']],
    [['--', '--id=@x', 'create', 'Logical_Switch_Port', 'name=q']],
    [['set', 'Logical_Switch', 'sw0', 'name=[a,b]']],
    [['--pretty', '--', 'create', 'Meter', 'name=x', 'unit=nonsense']],
    [['-vfile:off', ...change]],
    [['-vfile:dbg', '-vreconnect:file:info', '-vjsonrpc:off', '-vovsdb_cs:off', '-vpoll_loop:off', ...read]],
    [[`--log-file=${join(dir, 'second')}`, ...change]],
  ])('%j', async (args) => {
    await compare([`--log-file=${log}`, ...args]);
  });

  it('lies in the log directory by default', async () => {
    const env = { OVS_LOGDIR: dir };
    await compare(['-vfile:info', '--log-file', ...change], env);
    const texts = ['ovn-nbctl.log', 'nbctl.log'].map((name) => comparable(readFileSync(join(dir, name), 'utf8')));
    expect(texts[1]).toBe(texts[0]);
    expect(texts[1]).toContain('opened log file');
  });

  it('that cannot be opened is said', async () => {
    const { status } = await compare(['--log-file=/nonexistent/x', ...change]);
    expect(status).toBe(1);
    await compare(['--log-file=', ...change]);
  });
});

describe('the system log', () => {
  it.each([
    ['--syslog-method=udp:127.0.0.1:PORT'],
    ['--syslog-method=udp:127.0.0.1:PORT', '-vsyslog:warn'],
    ['--syslog-method=udp:127.0.0.1:PORT', '-vFACILITY:user', '-vPATTERN:syslog:<%B> %A %m'],
    ['--syslog-method=udp:127.0.0.1:PORT', '--no-syslog'],
    ['--syslog-method=null', '--syslog-target=127.0.0.1:PORT'],
    ['--syslog-method=null', '--syslog-target=127.0.0.1:PORT', '-vFACILITY:user'],
  ])('%s', async (...options) => {
    const socket = createSocket('udp4');
    const received: string[] = [];
    socket.on('message', (data) => received.push(comparable(data.toString()).replace(/nbctl \d+ /, 'nbctl pid ')));
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    try {
      const args = [...options.map((option) => option.replace('PORT', String(socket.address().port))), 'ls-add', 'sw0'];
      runC('nb', args, server.socket, dir);
      const wanted = options.includes('--syslog-method=null')
        ? 3
        : options.length === 1 || options.length === 3
          ? 2
          : 1;
      await until(() => received.length >= wanted, 'the messages of ovn-nbctl');
      const theirs = received.splice(0);
      await runOurs('nb', args, server.socket, dir);
      await until(() => received.length >= wanted, 'the messages of nbctl');
      expect(received).toEqual(theirs);
    } finally {
      socket.close();
    }
  });

  it('gets them through a Unix socket, with the prefix of syslog(3)', async () => {
    const path = join(dir, 'syslog');
    const receiver = spawn(
      'python3',
      ['-uc', 'import socket,sys\ns=socket.socket(1,2)\ns.bind(sys.argv[1])\nwhile 1: print(s.recv(9999))', path],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    let text = '';
    receiver.stdout.on('data', (data: Uint8Array) => {
      text += data.toString();
    });
    try {
      await until(() => existsSync(path), 'the receiver');
      await runOurs('nb', [`--syslog-method=unix:${path}`, 'ls-add', 'sw0'], server.socket, dir);
      await until(() => text.includes('already exists'), 'both messages');
      expect(text).toMatch(/<29>\w{3} [ \d]\d \d\d:\d\d:\d\d nbctl: ovs\|00001\|ovn_dbctl\|INFO\|Called as nbctl /);
      expect(text).toMatch(/<27>\w{3} .* nbctl: ovs\|00002\|db_ctl_base\|ERR\|sw0: a switch with this name already/);
    } finally {
      receiver.kill();
    }
  });

  it.each([
    ['--syslog-method=foo'],
    ['--syslog-method=libc:foo'],
    ['--syslog-method='],
    ['--syslog-method=unix'],
    ['--syslog-method=udp:127.0.0.1:x'],
    ['--syslog-method=udp:127.0.0.1:99999'],
    ['--syslog-method=udp:foo'],
    ['--syslog-method=unix:/nonexistent'],
    ['--syslog-target=foo'],
    ['--syslog-target=1.2.3.4'],
  ])('%s', async (option) => {
    await compare([option, ...change]);
  });
});

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  if (!condition()) throw new Error(`waited in vain for ${what}`);
}
