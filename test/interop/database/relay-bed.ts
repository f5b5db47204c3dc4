/** For tests of relays: sources, relays of them, and a door between the two. Whoever imports it has a folder for each test, and what he started is stopped. */
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { schemaToJson } from '@weft/ovsdb/schema-json';
import { DatabaseService } from '@weft/ovsdb-server/service';
import { nb } from '@weft/schemas/nb';
import { afterEach, beforeEach } from 'vitest';
import { connectTo, startCServer } from './c-server.ts';
import { startWeftServer } from './weft-server.ts';

export const run = promisify(execFile);
export const nbctl = async (remote: string, ...args: string[]): Promise<string> =>
  (await run('ovn-nbctl', [`--db=${remote}`, '--no-leader-only', '--timeout=20', ...args])).stdout;
export const zero = '00000000-0000-0000-0000-000000000000';

export let folder: string;
export let cleanups: (() => Promise<void> | void)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-relay-'));
});
afterEach(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
  cleanups = [];
  rmSync(folder, { recursive: true, force: true });
});

export const sources = {
  weft: async () => {
    const server = await startWeftServer([nb]);
    cleanups.push(server.stop);
    return `unix:${server.socket}`;
  },
  C: async () => {
    const server = await startCServer(schemaToJson(nb));
    cleanups.push(server.stop);
    return `unix:${server.socket}`;
  },
};

export const relays = {
  weft: async (source: string): Promise<DatabaseService> => {
    const service = await DatabaseService.create({ rundir: folder, tls: undefined, log: () => {}, onFatal: () => {} });
    cleanups.push(() => service.close());
    await service.addDatabase(`relay:OVN_Northbound:${source}`);
    await service.addRemote(`punix:${folder}/relay.sock`);
    return service;
  },
  C: async (source: string) => {
    const args = [
      `relay:OVN_Northbound:${source}`,
      `--remote=punix:${folder}/relay.sock`,
      `--unixctl=${folder}/relay.ctl`,
      '-vconsole:off',
    ];
    const child = spawn('ovsdb-server', args, { stdio: 'ignore' });
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    cleanups.push(async () => {
      child.kill();
      await exited;
    });
  },
};

/** Resolves when the relay has its database. */
export async function relaySettled(): Promise<void> {
  for (let names: readonly string[] = []; !names.includes('OVN_Northbound'); ) {
    // A server disconnects clients when a database comes.
    const peer = await connectTo(`${folder}/relay.sock`);
    names = (await peer.call('list_dbs', []).catch(() => [])) as readonly string[];
    peer.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A way to a source that can be shut. */
export async function doorTo(
  remote: string,
): Promise<{ remote: string; open(): Promise<void>; shut(): Promise<void> }> {
  const path = join(folder, 'door.sock');
  const streams = new Set<Socket>();
  const listener = createServer((near) => {
    const far = createConnection(remote.slice('unix:'.length));
    for (const stream of [near, far]) streams.add(stream.on('error', () => {}));
    near.pipe(far);
    far.pipe(near);
  });
  const open = () => new Promise<void>((resolve) => listener.listen(path, resolve));
  const shut = () =>
    new Promise<void>((resolve) => {
      listener.close(() => resolve());
      for (const stream of streams) stream.destroy();
      streams.clear();
    });
  await open();
  cleanups.push(shut);
  return { remote: `unix:${path}`, open, shut };
}
