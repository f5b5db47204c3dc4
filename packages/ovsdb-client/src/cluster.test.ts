/** The client through what happens to a RAFT cluster: three C servers. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DatabaseClient } from './client.ts';
import { Replica } from './replica.ts';
import { makeDir, startCluster, startServer, type TestServer, until } from './testing.ts';
import { inventory, writeSchema } from './testing-schema.ts';

const { dir, remove } = makeDir();
let servers: TestServer[];
beforeAll(async () => {
  servers = await startCluster(dir, 'Inventory', writeSchema(join(dir, 'inventory.ovsschema')));
});
afterAll(async () => {
  for (const server of servers) await server.stop('SIGKILL');
  remove();
});

describe('a cluster of three', () => {
  it('loses its leader and no transaction', async () => {
    const remotes = servers.map((server) => server.remote).join(',');
    const backoff = { minMs: 50, maxMs: 500, random: Math.random };
    const leaderOnly = new Replica({ schema: inventory, remotes, backoff });
    const anyServer = new Replica({ schema: inventory, remotes, backoff, leaderOnly: false });
    leaderOnly.start();
    anyServer.start();
    try {
      await leaderOnly.synced();
      await anyServer.synced();
      const leader = servers.find((server) => server.remote === leaderOnly.remote)!;
      expect(leader).toBeDefined();
      const insert = (name: string): Promise<unknown> =>
        leaderOnly.retry(
          (txn) => {
            // An attempt whose outcome is unknown may have been committed.
            for (const row of leaderOnly.table('Shelf').rows()) if (row.name === name) return;
            txn.insert('Shelf', { name });
          },
          { attempts: 100, repeatable: true },
        );
      await insert('before');
      const inFlight = ['a', 'b', 'c'].map((name) => insert(name));
      await leader.stop('SIGKILL');
      servers = servers.filter((server) => server !== leader);
      await Promise.all(inFlight);
      await insert('after');
      expect(leaderOnly.remote).not.toBe(leader.remote);
      const names = ['a', 'after', 'b', 'before', 'c'];
      for (const replica of [leaderOnly, anyServer]) {
        await until(() => replica.table('Shelf').size === names.length, 'all rows');
        expect([...replica.table('Shelf').rows()].map((row) => row.name).sort()).toEqual(names);
      }
      // One errand finds the leader too.
      const client = await DatabaseClient.open({ schema: inventory, remotes });
      expect(client.remote).toBe(leaderOnly.remote);
      client.close();
    } finally {
      leaderOnly.close();
      anyServer.close();
    }
  }, 120_000);

  it('moves its leadership, and loses its quorum for a while, and no transaction', async () => {
    const remotes = servers.map((server) => server.remote).join(',');
    const replica = new Replica({
      schema: inventory,
      remotes,
      backoff: { minMs: 50, maxMs: 500, random: Math.random },
    });
    const insert = (name: string): Promise<unknown> =>
      replica.retry(
        (txn) => {
          for (const row of replica.table('Shelf').rows()) if (row.name === name) return;
          txn.insert('Shelf', { name });
        },
        { attempts: 100, repeatable: true },
      );
    const at = (): TestServer => servers.find((server) => server.remote === replica.remote)!;
    const control = (server: TestServer, ...args: string[]): string =>
      execFileSync('ovs-appctl', ['-t', server.remote.replace(/^unix:(.*)sock$/, '$1ctl'), ...args], {
        encoding: 'utf8',
      });
    replica.start();
    try {
      await replica.synced();
      const first = at();
      const moving = ['m1', 'm2', 'm3'].map(insert);
      control(first, 'cluster/failure-test', 'transfer-leadership');
      await until(() => replica.remote !== undefined && replica.remote !== first.remote, 'another leader');
      await Promise.all(moving);
      // Of three members one is dead; without another there is no majority.
      const other = servers.find((server) => server.remote !== replica.remote)!;
      const name = /([^/]*)\.sock$/.exec(other.remote)![1]!;
      await other.stop('SIGKILL');
      await until(() => replica.state === 'connecting', 'the loss of the leader');
      const waiting = insert('without a majority');
      servers = [...servers.filter((server) => server !== other), await startServer(dir, name)];
      await waiting;
      const names = [...replica.table('Shelf').rows()].map((row) => row.name);
      expect(names).toEqual(expect.arrayContaining(['m1', 'm2', 'm3', 'without a majority']));
      expect(new Set(names).size).toBe(names.length);
    } finally {
      replica.close();
    }
  }, 120_000);

  it('of another identity is left alone', async () => {
    const messages: string[] = [];
    const remotes = `${servers[0]!.remote},cid:00000000-0000-0000-0000-000000000001`;
    const log = (_level: string, message: string): void => void messages.push(message);
    const replica = new Replica({ schema: inventory, remotes, leaderOnly: false, log });
    replica.start();
    await until(() => messages.some((message) => message.includes("server's cluster ID is")), 'the refusal');
    expect(replica.everSynced).toBe(false);
    replica.close();
  });
});
