/** How nbctl finds its database: SSL, clusters, several remotes, the environment, and for how long it waits. Beside ovn-nbctl. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { listening } from '@weft/jsonrpc/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Outcome, runC, runOurs, Twin, temporaryFolder } from './ctl-twins.ts';

const { dir, remove } = temporaryFolder();
const children: ChildProcess[] = [];
const path = (name: string): string => join(dir, name);
let server: Twin;

beforeAll(async () => {
  server = await Twin.start(dir, 'plain');
  runC('nb', ['ls-add', 'sw0'], server.socket, dir);
});
afterAll(() => {
  server.stop();
  for (const child of children) child.kill();
  remove();
});

/** Starts a C ovsdb-server, and waits for its control socket. */
async function start(name: string, ...args: string[]): Promise<void> {
  const control = path(`${name}.ctl`);
  const options = [`--unixctl=${control}`, '-vconsole:off', '--no-chdir', ...args];
  children.push(spawn('ovsdb-server', [path(`${name}.db`), ...options], { stdio: 'ignore', cwd: dir }));
  await listening(control);
}

const appctl = (name: string, ...args: string[]): string =>
  execFileSync('ovs-appctl', ['-t', path(`${name}.ctl`), ...args], { encoding: 'utf8' });

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 1000 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
  if (!condition()) throw new Error(`waited in vain for ${what}`);
}

/** Without what one run has otherwise than the next: times, and how late a program under load comes to notice one. */
function comparable({ stdout, stderr, status }: Outcome): Outcome {
  const text = stderr.replaceAll('ovn-nbctl', 'nbctl').replace(/^\S+Z\|\d+\|/gm, '');
  return { stdout, stderr: text.replace(/(probe after) 5(\.\d+)? seconds/, '$1 5 seconds'), status };
}

/** Runs both on `db`; they must agree. */
async function compare(
  db: string,
  args: readonly string[],
  env: { readonly [name: string]: string } = {},
): Promise<Outcome> {
  const words = [`--db=${db}`, ...args];
  const c = comparable(runC('nb', words, server.socket, dir, env));
  const ours = comparable(await runOurs('nb', words, server.socket, dir, env));
  expect(ours).toEqual(c);
  return ours;
}

/** In a process of their own, for the C program is waited for: servers that drop what asks for a connection, say nothing, and hang up. */
async function badServers(): Promise<{
  unanswered: string;
  silent: string;
  closes: string;
  stop: () => Promise<void>;
}> {
  const script = `
import socket, threading, time
def server(backlog):
    s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(backlog); return s
def hang_up(s):
    while True:
        c = s.accept()[0]; c.recv(65536); c.close()
# Who finds the queue of connections full hears nothing.
full = server(0); clients = []
for _ in range(3):
    c = socket.socket(); c.setblocking(False); c.connect_ex(full.getsockname()); clients.append(c)
silent = server(50); closes = server(50)
threading.Thread(target=hang_up, args=[closes], daemon=True).start()
print(*[s.getsockname()[1] for s in (full, silent, closes)], flush=True)
time.sleep(300)
`;
  const child = spawn('python3', ['-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const line = await new Promise<string>((resolve) => child.stdout.once('data', (data: Buffer) => resolve(`${data}`)));
  const [unanswered, silent, closes] = line
    .trim()
    .split(' ')
    .map((port) => `tcp:127.0.0.1:${port}`) as [string, string, string];
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    unanswered,
    silent,
    closes,
    stop: () => {
      child.kill();
      return ended;
    },
  };
}

describe('SSL', () => {
  let db: string;
  const own = (...options: string[]) => ['-p', path('key.pem'), '-c', path('cert.pem'), ...options];
  const read = ['get', 'NB_Global', '.', 'name'];

  beforeAll(async () => {
    const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: dir, stdio: 'pipe' });
    for (const ca of ['ca', 'other']) {
      const files = ['-keyout', `${ca}.key`, '-out', `${ca}.pem`];
      openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...files, '-days', '2', '-subj', `/CN=${ca}`);
    }
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'key.pem', '-out', 'request.pem', '-subj', '/CN=peer');
    const signer = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial'];
    openssl('x509', '-req', '-in', 'request.pem', ...signer, '-days', '2', '-out', 'cert.pem');
    execFileSync('ovsdb-tool', ['create', path('ssl.db'), '/usr/share/ovn/ovn-nb.ovsschema']);
    await start('ssl', '--remote=pssl:0:127.0.0.1', ...own('-C', path('ca.pem')), `--log-file=${path('ssl.log')}`);
    // The port that the system chose.
    const log = readFileSync(path('ssl.log'), 'utf8');
    const [, port = ''] = /listening on port (\d+)/.exec(log) ?? [];
    db = `ssl:127.0.0.1:${port}`;
    runC('nb', [`--db=${db}`, ...own('-C', path('ca.pem')), 'init'], server.socket, dir);
  });

  it('needs key, certificate and CA certificate', async () => {
    expect(await compare(db, [...own('-C', path('ca.pem')), ...read])).toMatchObject({ stdout: '""\n', status: 0 });
    expect(await compare(db, [...own(`--ca-cert=${path('ca.pem')}`), ...read])).toMatchObject({ status: 0 });
    for (const options of [[], ['-C', path('ca.pem')], ['-p', path('key.pem')], own()]) {
      expect(await compare(db, [...options, ...read])).toMatchObject({ status: 1 });
    }
    // A key or a certificate alone is not even looked at.
    for (const options of [
      ['-p', 'nofile'],
      ['-c', 'nofile'],
      ['-p', 'nofile', '-C', 'nofile'],
      ['-c', '.', '-C', '.'],
    ]) {
      expect(await compare(db, [...options, ...read])).toMatchObject({ status: 1 });
    }
  });

  it.each([
    { key: 'nofile' },
    { key: 'bad.pem' },
    { key: 'empty.pem' },
    { key: '.' },
    { key: 'other.key' },
    { key: 'cert.pem', cert: 'key.pem' },
    { key: 'nofile', cert: 'nofile', ca: 'nofile' },
    { cert: 'nofile' },
    { cert: 'bad.pem' },
    { cert: 'empty.pem' },
    { cert: 'other.pem' },
    { ca: 'nofile' },
    { ca: 'bad.pem' },
    { ca: 'empty.pem' },
    { ca: 'key.pem' },
    { ca: 'other.pem' },
  ])('says in the words of OpenSSL what is wrong with its files: %o', async (files) => {
    writeFileSync(path('bad.pem'), 'garbage\n');
    writeFileSync(path('empty.pem'), '');
    const { key = 'key.pem', cert = 'cert.pem', ca = 'ca.pem' } = files;
    const options = ['-p', path(key), '-c', path(cert), '-C', path(ca)];
    expect(await compare(db, [...options, ...read])).toMatchObject({ stdout: '', status: 1 });
    // Where they are not needed they are looked at all the same.
    expect(await compare(`unix:${server.socket}`, [...options, ...read])).toMatchObject({ status: 0 });
  });

  it('ends when the server refuses its certificate, or speaks no SSL', async () => {
    const refused = ['-p', path('other.key'), '-c', path('other.pem'), '-C', path('ca.pem'), ...read];
    const c = runC('nb', [`--db=${db}`, ...refused], server.socket, dir);
    const { stdout, stderr, status } = await runOurs('nb', [`--db=${db}`, ...refused], server.socket, dir);
    expect({ stdout, status }).toEqual({ stdout: c.stdout, status: c.status });
    // The C program reads why, or finds that it cannot write any longer, whichever comes first.
    const lines = stderr.replace(/^\S+Z\|\d+\|/gm, '').split('\n');
    expect(lines).toEqual([
      'stream_ssl|WARN|SSL_read: error:0A000418:SSL routines::tlsv1 alert unknown ca',
      `jsonrpc|WARN|${db}: receive error: Input/output error`,
      `reconnect|WARN|${db}: connection dropped (Input/output error)`,
      `nbctl: ${db}: database connection failed (Input/output error)`,
      '',
    ]);
    expect(await compare(db.replace('ssl:', 'tcp:'), read)).toMatchObject({ stdout: '', status: 1 });
  });

  it('warns when the peer is not verified', async () => {
    const { stderr } = await compare(db, [...own('-C', 'none'), ...read]);
    expect(stderr).toContain('stream_ssl|WARN|Peer certificate validation disabled (this is a security risk)\n');
  });

  it('--bootstrap-ca-cert takes the CA certificate from the first server, and then trusts no other', async () => {
    execFileSync('sh', ['-c', 'cat cert.pem ca.pem >chain.pem'], { cwd: dir });
    const file = path('bootstrap.pem');
    // As `-C` if the file exists.
    await compare(db, [...own(`--bootstrap-ca-cert=${path('ca.pem')}`), ...read]);
    const args = [`--db=${db}`, ...own(`--bootstrap-ca-cert=${file}`), ...read];
    // The C program makes the file, fails, and succeeds when it is called again: the manual says that it connects anew.
    runC('nb', args, server.socket, dir);
    const theirs = runC('nb', args, server.socket, dir);
    const text = execFileSync('openssl', ['x509', '-in', file, '-noout', '-subject'], { encoding: 'utf8' });
    rmSync(file);
    expect(await runOurs('nb', args, server.socket, dir)).toEqual(theirs);
    expect(execFileSync('openssl', ['x509', '-in', file, '-noout', '-subject'], { encoding: 'utf8' })).toBe(text);
    const wrong = [`--db=${db}`, ...own(`--bootstrap-ca-cert=${path('other.pem')}`), ...read];
    expect((await runOurs('nb', wrong, server.socket, dir)).status).toBe(1);
  });

  it('protocols and ciphers can be chosen', async () => {
    // ovn-nbctl 23.03.1 aborts at these options.
    const run = (...options: string[]) =>
      runOurs('nb', [`--db=${db}`, ...own('-C', path('ca.pem')), ...options, ...read], server.socket, dir);
    expect(await run('--ssl-protocols=TLSv1.2', '--ssl-ciphers=HIGH:!aNULL')).toMatchObject({ status: 0 });
    expect((await run('--ssl-protocols=nonsense')).stderr).toContain('no known protocol in "nonsense"');
    expect((await run('--ssl-ciphers=nonsense')).status).toBe(1);
  });
});

describe('a cluster of three', () => {
  const remote = (i: number): string => `unix:${path(`raft${i}.sock`)}`;
  let leader = 0;
  let followers: readonly number[] = [];

  beforeAll(async () => {
    const address = (i: number): string => `unix:${path(`raft${i}.raft`)}`;
    execFileSync('ovsdb-tool', ['create-cluster', path('raft1.db'), '/usr/share/ovn/ovn-nb.ovsschema', address(1)], {
      stdio: 'pipe',
    });
    for (const i of [2, 3]) {
      execFileSync('ovsdb-tool', ['join-cluster', path(`raft${i}.db`), 'OVN_Northbound', address(i), address(1)]);
    }
    const members = [1, 2, 3];
    for (const i of members) await start(`raft${i}`, `--remote=p${remote(i)}`);
    const status = (i: number): string => appctl(`raft${i}`, 'cluster/status', 'OVN_Northbound');
    await until(() => members.every((i) => /Status: cluster member/.test(status(i))), 'the cluster');
    await until(() => members.some((i) => /Role: leader/.test(status(i))), 'the election');
    leader = members.find((i) => /Role: leader/.test(status(i))) ?? 0;
    followers = members.filter((i) => i !== leader);
    runC('nb', [`--db=${remote(leader)}`, 'ls-add', 'sw0'], server.socket, dir);
    for (const i of followers) {
      const seen = () =>
        runC('nb', [`--db=${remote(i)}`, '--no-leader-only', 'ls-list'], server.socket, dir).stdout !== '';
      await until(seen, 'the followers');
    }
  });

  const change = ['--may-exist', 'ls-add', 'sw0'];

  it('is asked through its leader', async () => {
    const all = [...followers, leader].map(remote).join(',');
    expect(await compare(all, change)).toMatchObject({ status: 0 });
    expect(await compare(all, ['--leader-only', 'ls-list'])).toMatchObject({ status: 0 });
    const args = [`--db=${all}`, '--no-shuffle-remotes', '-vconsole:info', 'ls-list'];
    const { stderr } = await runOurs('nb', args, server.socket, dir);
    for (const i of followers) {
      const why = 'clustered database server is not cluster leader; trying another server';
      expect(stderr).toContain(`|ovsdb_cs|INFO|${remote(i)}: ${why}\n`);
    }
  });

  it('is asked through any member with --no-leader-only', async () => {
    for (const i of followers) {
      expect(await compare(remote(i), ['--no-leader-only', ...change])).toMatchObject({ stderr: '', status: 0 });
      const list = await compare(remote(i), ['--no-leader-only', 'ls-list']);
      expect(list.stdout).toContain('(sw0)');
    }
  });

  it('does not answer through followers alone', async () => {
    for (const db of [remote(followers[0] ?? 0), followers.map(remote).join(',')]) {
      const args = [`--db=${db}`, 'ls-list'];
      const c = runC('nb', args, server.socket, dir);
      const ours = await runOurs('nb', args, server.socket, dir);
      expect(ours).toMatchObject({ stdout: c.stdout, status: c.status });
      // The C program gives no reason.
      const reason = 'clustered database server is not cluster leader';
      const text =
        comparable(c)
          .stderr.split('\n')
          .find((line) => line.startsWith('nbctl: ')) ?? '';
      expect(ours.stderr).toBe(`${text.replace('()', `(${reason})`)}\n`);
    }
  });
});

describe('several remotes', () => {
  it('are tried until one answers', async () => {
    const live = `unix:${server.socket}`;
    for (const db of [`unix:${path('dead')},${live}`, `tcp:127.0.0.1:1,${live}`, `${live},unix:${path('dead')}`]) {
      expect(await compare(db, ['--no-shuffle-remotes', 'get', 'Logical_Switch', 'sw0', 'name'])).toMatchObject({
        stdout: 'sw0\n',
        status: 0,
      });
      await compare(db, ['--shuffle-remotes', 'ls-list']);
    }
    await compare(`unix:${path('dead')},${live}`, ['--no-shuffle-remotes', '-vconsole:info', 'ls-list']);
  });

  it('are passed over if they do not answer, say nothing, or end the connection', { timeout: 120_000 }, async () => {
    const live = `unix:${server.socket}`;
    const bad = await badServers();
    try {
      for (const remote of [bad.unanswered, bad.closes, bad.silent]) {
        for (const db of [`${remote},${live}`, remote]) {
          // A silent server is left after ten seconds.
          const repeated = remote === bad.silent ? [[]] : [[], ['--no-leader-only']];
          for (const more of repeated) {
            const said = await compare(db, ['--no-shuffle-remotes', '-vreconnect:console:info', ...more, 'ls-list']);
            expect(said.status).toBe(db === remote ? 1 : 0);
          }
        }
      }
      await compare(`${bad.unanswered},tcp:127.0.0.1:1,${bad.unanswered}`, ['--no-shuffle-remotes', 'ls-list']);
    } finally {
      await bad.stop();
    }
  });

  it('stand behind commas, of which one that no remote follows is part of a name', async () => {
    const live = `unix:${server.socket}`;
    for (const db of [`,${live}`, ` ${live}`, `${live},${live}`, `${live}, ${live}`, `nosuch:x,,${live}`]) {
      expect(await compare(db, ['--no-shuffle-remotes', 'get', 'Logical_Switch', 'sw0', 'name'])).toMatchObject({
        stdout: 'sw0\n',
        status: 0,
      });
    }
    for (const db of ['', `${live},`, `${live} `, `${live};${live}`, `nosuch:x ; ${live}`]) {
      expect(await compare(db, ['--no-shuffle-remotes', 'ls-list'])).toMatchObject({ stdout: '' });
    }
  });

  it('that are all dead are named', async () => {
    const db = `unix:${path('dead')},unix:${path('gone')}`;
    expect(await compare(db, ['show'])).toMatchObject({ status: 1 });
    await compare('tcp:127.0.0.1:1', ['show']);
    await compare('nonsense:1', ['show']);
    await compare(`${db}`, ['--no-shuffle-remotes', '-vconsole:info', 'show']);
  });

  it.each([
    ['ssl:127.0.0.1:1'],
    ['ssl:127.0.0.1'],
    ['ssl:127.0.0.1:x'],
    ['ssl:nosuch.invalid:1'],
    ['ssl:nosuch.invalid'],
    ['ssl:[::1:1'],
    ['ssl:[::1]1'],
    ['ssl:::1'],
    ['ssl:::zz'],
    ['ssl:[::1'],
    ['ssl:[zz]:1'],
    ['ssl:localhost:1'],
    ['ssl:'],
    ['tcp:127.0.0.1'],
    ['tcp:127.0.0.1:99999'],
    ['tcp:[::1]:x'],
    ['tcp:'],
    ['tcp:nosuch.invalid:1'],
    ['unix:'],
    ['unix:nosuch'],
    ['tcp:127.0.0.1:'],
    ['tcp:127.0.0.1:0'],
    ['tcp:127.0.0.1:-1'],
    ['tcp:127.0.0.1:1 '],
    ['tcp:127.0.0.1:1,'],
    ['tcp:127.0.0.1:1, '],
    ['tcp:127.0.0.1:1:2'],
    ['tcp:127.1:1'],
    ['tcp::1'],
    ['tcp:[::1]'],
    ['tcp:[::1'],
    ['tcp:::1:5'],
    ['tcp:[zz]:5'],
    ['tcp:[fe80::1%nosuch]:5'],
    ['ssl::1'],
    ['ssl:127.0.0.1:1:2'],
    ['unix:/dev/null/x'],
    ['unix:/dev'],
    ['x'],
    [','],
    ['TCP:127.0.0.1:1'],
    ['tcp:127.0.0.1:1,Foo:x'],
    ['tcp:127.0.0.1:1 unix:nosuch'],
  ])('that cannot be reached, in the words of the streams: %s', async (db) => {
    expect(await compare(db, ['show'])).toMatchObject({ status: 1 });
  });

  it('are tried in a random order, unless the order is asked for', async () => {
    const remotes = ['a', 'b', 'c', 'd'].map((name) => `unix:${path(name)}`);
    const order = async (option: string): Promise<string> => {
      const args = [`--db=${remotes.join(',')}`, option, '-vconsole:info', 'show'];
      const { stderr } = await runOurs('nb', args, server.socket, dir);
      return [...stderr.matchAll(/(\S+): connecting\.\.\./g)].map(([, remote]) => remote?.split('|').at(-1)).join();
    };
    expect(await order('--no-shuffle-remotes')).toBe(remotes.join());
    const seen = new Set<string>();
    for (let i = 0; i < 200 && seen.size < 3; i++) seen.add(await order('--shuffle-remotes'));
    expect(seen.size).toBe(3);
  });
});

describe('the environment', () => {
  const live = () => `unix:${server.socket}`;
  const both = async (args: readonly string[], env: { readonly [name: string]: string }): Promise<Outcome> => {
    // Without the `--db` that the helpers give.
    const c = await runAlone('ovn-nbctl', args, env);
    const ours = await runAlone(join(process.cwd(), 'node_modules/.bin/nbctl'), args, env);
    expect(comparable(ours)).toEqual(comparable(c));
    return ours;
  };

  it('names the database, the options and the timeout', async () => {
    expect(await both(['ls-list'], { OVN_NB_DB: live() })).toMatchObject({ status: 0 });
    expect(await both(['show'], { OVN_NB_DB: 'unix:/nonexistent' })).toMatchObject({ status: 1 });
    expect(await both([`--db=${live()}`, 'ls-list'], { OVN_NB_DB: 'unix:/nonexistent' })).toMatchObject({ status: 0 });
    const json = { OVN_NB_DB: live(), OVN_NBCTL_OPTIONS: '--format=json  --data=json' };
    expect((await both(['--columns=name', 'list', 'Logical_Switch'], json)).stdout).toContain('"headings":["name"]');
    await both(['--format=csv', '--columns=name', 'list', 'Logical_Switch'], json);
    await both(['show'], { OVN_NB_DB: live(), OVN_NBCTL_OPTIONS: '--nonsense' });
    for (const options of [
      '--columns="name,_uuid"',
      "'--columns=name'",
      '--col\\umns="na"me',
      '\t--columns=""',
      '"a',
      'a\\',
    ]) {
      await both(['-fcsv', 'list', 'Logical_Switch'], { OVN_NB_DB: live(), OVN_NBCTL_OPTIONS: options });
    }
    const wait = ['--', 'wait-until', 'Logical_Switch', 'sw0', 'name=never'];
    expect(await both(wait, { OVN_NB_DB: live(), OVS_CTL_TIMEOUT: '1' })).toMatchObject({ status: 142 });
  });

  it('lets the socket in the run directory be the default', async () => {
    const socket = path('ovnnb_db.sock');
    expect(await both(['show'], {})).toMatchObject({ status: 1 });
    execFileSync('ln', ['-s', server.socket, socket]);
    // A remote's own socket is looked for with those of Open vSwitch.
    const relative = { OVN_NB_DB: 'unix:ovnnb_db.sock' };
    expect(await both(['ls-list'], { ...relative, OVN_RUNDIR: '/nonexistent' })).toMatchObject({ status: 0 });
    expect(await both(['ls-list'], { ...relative, OVS_RUNDIR: '/nonexistent' })).toMatchObject({ status: 1 });
    expect(await both(['ls-list'], {})).toMatchObject({ status: 0 });
  });

  function runAlone(
    program: string,
    args: readonly string[],
    env: { readonly [name: string]: string },
  ): Promise<Outcome> {
    if (!existsSync(program) && program.startsWith('/')) throw new Error('nbctl is not built: run `npm run build`');
    return new Promise((resolve) => {
      const child = spawn(program, args, {
        env: { PATH: process.env.PATH ?? '', OVN_RUNDIR: dir, OVS_RUNDIR: dir, ...env },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let stdout = '';
      let stderr = '';
      child.stdout.on('data', (data: Uint8Array) => {
        stdout += data.toString();
      });
      child.stderr.on('data', (data: Uint8Array) => {
        stderr += data.toString();
      });
      child.on('close', (code, signal) =>
        resolve({ stdout, stderr, status: signal === 'SIGALRM' ? 142 : (code ?? -1) }),
      );
    });
  }

  it('an expired --timeout ends the program by SIGALRM', async () => {
    const wait = ['wait-until', 'Logical_Switch', 'sw0', 'name=never'];
    const { stderr } = await both([`--db=${live()}`, '-t', '1', ...wait], {});
    expect(stderr).toMatch(/\|fatal_signal\|WARN\|terminating with signal 14 \(Alarm clock\)\n$/);
    await both([`--db=${live()}`, '--timeout=1', '--wait=sb', 'sync'], {});
  });
});

it('wait-until ends when somebody else makes it true', async () => {
  const args = ['wait-until', 'Logical_Switch', 'later', 'external_ids:done=yes', '--', 'get', 'Logical_Switch'];
  const waiting = runOurs('nb', [...args, 'later', 'external_ids:done'], server.socket, dir);
  let ended = false;
  void waiting.then(() => {
    ended = true;
  });
  runC('nb', ['ls-add', 'later'], server.socket, dir);
  runC('nb', ['set', 'Logical_Switch', 'later', 'external_ids:done=no'], server.socket, dir);
  // It has had its chance to see both.
  await runOurs('nb', ['ls-list'], server.socket, dir);
  expect(ended).toBe(false);
  runC('nb', ['set', 'Logical_Switch', 'later', 'external_ids:done=yes'], server.socket, dir);
  expect(await waiting).toEqual({ stdout: 'yes\n', stderr: '', status: 0 });
});
