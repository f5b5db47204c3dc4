/** For tests: the installed ovsdb-server, alone or as a cluster, in a directory of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listening } from '@weft/jsonrpc/testing';

export interface TestServer {
  readonly dir: string;
  readonly remote: string;
  readonly process: ChildProcess;
  /** Ends the process and waits for its end. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Says in a sentence what is missing. */
function requireProgram(name: string): void {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' });
  } catch (cause) {
    throw new Error(`these tests need ${name} of the Debian packages openvswitch-common and ovn-common`, { cause });
  }
}

/** Resolves when the condition holds; fails after a generous time. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + 30_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export const nbSchemaFile = '/usr/share/ovn/ovn-nb.ovsschema';

/** A new folder, and the function that removes it. */
export function makeDir(): { dir: string; remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), 'weft-client-'));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

/** Starts a server on `name.db` of `dir`, which is created from the schema if it does not exist. */
export async function startServer(dir: string, name = 'db', schema = nbSchemaFile): Promise<TestServer> {
  requireProgram('ovsdb-server');
  const file = join(dir, `${name}.db`);
  if (!existsSync(file)) execFileSync('ovsdb-tool', ['create', file, schema]);
  return runServer(dir, name, file);
}

async function runServer(dir: string, name: string, file: string): Promise<TestServer> {
  const socket = join(dir, `${name}.sock`);
  rmSync(socket, { force: true });
  const args = [
    '--no-chdir',
    `--remote=punix:${socket}`,
    `--unixctl=${join(dir, `${name}.ctl`)}`,
    '-vconsole:off',
    file,
  ];
  const child = spawn('ovsdb-server', args, { stdio: 'ignore', env: { ...process.env, OVS_RUNDIR: dir } });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  await listening(socket);
  return {
    dir,
    remote: `unix:${socket}`,
    process: child,
    stop: (signal = 'SIGTERM') => {
      child.kill(signal);
      return ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** A cluster of three; the first is the leader at the beginning. */
export async function startCluster(dir: string, database: string, schema = nbSchemaFile): Promise<TestServer[]> {
  requireProgram('ovsdb-server');
  const raft = await Promise.all([0, 1, 2].map(async () => `tcp:127.0.0.1:${await freePort()}`));
  execFileSync('ovsdb-tool', ['create-cluster', join(dir, 'm0.db'), schema, raft[0]!]);
  const servers = [await runServer(dir, 'm0', join(dir, 'm0.db'))];
  for (const i of [1, 2]) {
    execFileSync('ovsdb-tool', ['join-cluster', join(dir, `m${i}.db`), database, raft[i]!, raft[0]!]);
    servers.push(await runServer(dir, `m${i}`, join(dir, `m${i}.db`)));
  }
  for (const server of servers) {
    execFileSync('ovsdb-client', ['wait', '--timeout=30', server.remote, database, 'connected'], { stdio: 'ignore' });
  }
  return servers;
}
