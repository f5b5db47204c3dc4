/** What Connection rows ask for that would harm: our server and the C server do not let probes and attempts come too often. */
import { execFile } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseSchema } from '@weft/ovsdb/schema-json';
import { describe, expect, it } from 'vitest';
import { startCServer } from './c-server.ts';
import { startWeftServer } from './weft-server.ts';

const run = promisify(execFile);

const schema = {
  name: 'S',
  version: '1.0.0',
  tables: {
    Global: {
      isRoot: true,
      columns: { connections: { type: { key: { type: 'uuid', refTable: 'Connection' }, min: 0, max: 'unlimited' } } },
    },
    Connection: {
      columns: {
        target: { type: 'string' },
        inactivity_probe: { type: { key: 'integer', min: 0 } },
        max_backoff: { type: { key: 'integer', min: 0 } },
        is_connected: { type: 'boolean' },
        status: { type: { key: 'string', value: 'string', min: 0, max: 'unlimited' } },
      },
    },
  },
};

interface Server {
  readonly folder: string;
  /** With one Connection row. */
  configure(row: { readonly target: string; readonly [column: string]: string | number }): Promise<void>;
  stop(): Promise<void>;
}

async function start(whose: 'theirs' | 'ours'): Promise<Server> {
  const server = whose === 'theirs' ? await startCServer(schema) : await startWeftServer([parseSchema(schema)]);
  const remote = 'db:S,Global,connections';
  if ('service' in server) await server.service.addRemote(remote);
  else await run('ovs-appctl', ['-t', join(server.folder, 'ctl'), 'ovsdb-server/add-remote', remote]);
  return {
    folder: server.folder,
    configure: async (row) => {
      const peer = await server.connect();
      await peer.call('transact', [
        'S',
        { op: 'delete', table: 'Global', where: [] },
        { op: 'insert', table: 'Connection', 'uuid-name': 'c', row },
        { op: 'insert', table: 'Global', row: { connections: ['named-uuid', 'c'] } },
      ]);
      peer.close();
    },
    stop: () => server.stop(),
  };
}

/** Milliseconds until a client that says nothing is probed, and until its connection is closed. */
async function silence(path: string): Promise<readonly [probed: number, closed: number]> {
  for (;;) {
    const socket = connect(path);
    const since = performance.now();
    let probed = Number.POSITIVE_INFINITY;
    socket.on('data', () => (probed = Math.min(probed, performance.now() - since)));
    const connected = await new Promise<boolean>((resolve) => {
      socket.once('error', () => resolve(false)).once('close', () => resolve(true));
    });
    if (connected) return [probed, performance.now() - since];
    // The C server opens it within 2.5 s.
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Milliseconds between `n` connections to somebody who closes each at once. */
async function attempts(path: string, n: number): Promise<number[]> {
  const times: number[] = [];
  await new Promise<void>((resolve) => {
    const listener = createServer((socket) => {
      times.push(performance.now());
      socket.on('error', () => {}).destroy();
      if (times.length > n) listener.close(() => resolve());
    }).listen(path);
  });
  return times.slice(1).map((time, i) => time - times[i]!);
}

describe.each(['theirs', 'ours'] as const)('%s', (whose) => {
  it('probes and tries again after a second at the earliest', { timeout: 60_000 }, async () => {
    const server = await start(whose);
    try {
      for (const probe of [5, -5]) {
        const path = join(server.folder, `probed${probe}`);
        await server.configure({ target: `punix:${path}`, inactivity_probe: probe });
        const [probed, closed] = await silence(path);
        expect(probed).toBeGreaterThan(900);
        expect(closed).toBeGreaterThan(1900);
      }
      const path = join(server.folder, 'active');
      await server.configure({ target: `unix:${path}`, max_backoff: 5 });
      // Together, since on a busy machine one is seen late and the next in time.
      const intervals = (await attempts(path, 5)).slice(1);
      expect(intervals.reduce((sum, interval) => sum + interval, 0)).toBeGreaterThan(450 * intervals.length);
    } finally {
      await server.stop();
    }
  });

  it('waits longer and longer for somebody who takes connections only to close them', { timeout: 60_000 }, async () => {
    const server = await start(whose);
    try {
      const path = join(server.folder, 'active');
      await server.configure({ target: `unix:${path}` });
      const intervals = await attempts(path, 3);
      expect(intervals.at(-1)).toBeGreaterThan(1900);
    } finally {
      await server.stop();
    }
  });
});

it('last_error of ours is what strerror(3) says, whether it listens or connects', async () => {
  const server = await startWeftServer([parseSchema(schema)]);
  try {
    const listening = join(server.folder, 'nowhere', 'sock');
    for (const target of [`punix:${listening}`, `unix:${listening}`]) {
      await server.service.addRemote(target);
      const error = () => server.service.remotes.get(target)?.status(0).status.get('last_error');
      await expect.poll(error).toBe('No such file or directory');
    }
  } finally {
    await server.stop();
  }
});
