/** What only a server that is old, or changes its role at the right moment, can show: against one played in memory. */
import { duplexPair } from '@weft/jsonrpc/testing';
import type { Json } from '@weft/ovsdb/json';
import { describe, expect, it } from 'vitest';
import { UncertainError } from './errors.ts';
import { a, b, FakeServer, passTime, setUp, shelf, turn, turns, txn } from './testing-fake-server.ts';

describe('monitoring', () => {
  it('falls back to older methods, down to RFC 7047', async () => {
    const server = new FakeServer();
    server.unknown.add('monitor_cond_since');
    server.unknown.add('monitor_cond');
    server.unknown.add('set_db_change_aware');
    const { replica, lists } = setUp([server]);
    const monitor = await server.next('monitor');
    expect(monitor.params[2]).toEqual({ Shelf: [{ columns: ['name'] }] });
    server.peer.reply(monitor.id, { Shelf: { [a]: { new: { name: 'x' } } } });
    server.peer.notify('update', [monitor.params[1]!, { Shelf: { [a]: { old: { name: 'x' }, new: { name: 'y' } } } }]);
    server.peer.notify('update', [monitor.params[1]!, { Shelf: { [a]: { old: { name: 'y' } } } }]);
    await replica.synced();
    await turns();
    // Nothing to ask such a server for: it sends every row.
    await replica.setConditions({ Shelf: [['name', '==', 'z']] });
    expect(lists.map((list) => [list[0]!.old?.name, list[0]!.new?.name])).toEqual([
      [undefined, 'x'],
      ['x', 'y'],
      ['y', undefined],
    ]);
    replica.close();
  });

  it('resumes from the last transaction that it has seen', async () => {
    const server = new FakeServer();
    const { replica, clock } = setUp([server]);
    const first = await server.next('monitor_cond_since');
    expect(first.params[3]).toBe('00000000-0000-0000-0000-000000000000');
    server.peer.reply(first.id, [false, txn(1), { Shelf: { [a]: shelf('x') } }]);
    server.peer.notify('update3', [first.params[1]!, txn(2), { Shelf: { [a]: { modify: { name: 'y' } } } }]);
    await replica.synced();
    await turns();
    server.peer.close();
    await passTime(clock);
    expect((await server.next('monitor_cond_since')).params[3]).toBe(txn(2));
    replica.close();
  });

  it('begins anew if a change of conditions was on its way when the connection broke', async () => {
    const server = new FakeServer();
    const { replica, clock, lists } = setUp([server], { conditions: { Shelf: [['name', '==', 'x']] } });
    const first = await server.next('monitor_cond_since');
    server.peer.reply(first.id, [false, txn(1), { Shelf: { [a]: shelf('x') } }]);
    await replica.synced();
    const done = replica.setConditions({ Shelf: [['name', '==', 'y']] });
    const change = await server.next('monitor_cond_change');
    expect(change.params[2]).toEqual({ Shelf: [{ where: [['name', '==', 'y']] }] });
    // The rows of the new condition come, the reply does not.
    const rows = { Shelf: { [a]: { delete: null }, [b]: { insert: { name: 'y' } } } };
    server.peer.notify('update3', [first.params[1]!, txn(1), rows]);
    await turns();
    server.peer.close();
    await passTime(clock);
    const again = await server.next('monitor_cond_since');
    expect(again.params[3]).toBe('00000000-0000-0000-0000-000000000000');
    expect(again.params[2]).toEqual({ Shelf: [{ columns: ['name'], where: [['name', '==', 'y']] }] });
    // b is gone by now, of which nobody could have told us.
    server.peer.reply(again.id, [false, txn(3), {}]);
    await done;
    expect(replica.table('Shelf').size).toBe(0);
    expect(lists.flat().at(-1)).toMatchObject({ uuid: b, old: { name: 'y' } });
    replica.close();
  });

  it('resumes with the conditions that were granted, then asks for those that are wanted', async () => {
    const server = new FakeServer();
    const { replica, clock } = setUp([server]);
    const first = await server.next('monitor_cond_since');
    server.peer.reply(first.id, [false, txn(1), {}]);
    await replica.synced();
    server.peer.close();
    await turns();
    const done = replica.setConditions({ Shelf: [['name', '==', 'z']] });
    await passTime(clock);
    const again = await server.next('monitor_cond_since');
    expect(again.params.slice(2)).toEqual([{ Shelf: [{ columns: ['name'] }] }, txn(1)]);
    server.peer.reply(again.id, [true, txn(1), {}]);
    const change = await server.next('monitor_cond_change');
    server.peer.reply(change.id, {});
    await done;
    replica.close();
  });

  it('begins anew when an update does not fit, or the monitor is canceled', async () => {
    const server = new FakeServer();
    const { replica, clock, lists } = setUp([server]);
    const answer = async (): Promise<Json> => {
      const call = await server.next('monitor_cond_since');
      expect(call.params[3]).toBe('00000000-0000-0000-0000-000000000000');
      server.peer.reply(call.id, [false, txn(1), { Shelf: { [a]: shelf('x') } }]);
      await replica.synced();
      return call.params[1]!;
    };
    server.peer.notify('update3', [await answer(), txn(2), { Shelf: { [b]: { modify: { name: 'y' } } } }]);
    await passTime(clock);
    server.peer.notify('monitor_canceled', [await answer()]);
    await passTime(clock, 2000);
    await answer();
    // Twice the same rows: no change.
    expect(lists.length).toBe(1);
    replica.close();
  });

  it('decodes a large update in slices, and shows it in one step', async () => {
    const server = new FakeServer();
    const { replica, lists } = setUp([server], { sliceRows: 10 });
    const call = await server.next('monitor_cond_since');
    const rows: { [uuid: string]: Json } = {};
    for (let i = 0; i < 95; i++) rows[`00000000-0000-0000-0000-${String(i).padStart(12, '0')}`] = shelf(`s${i}`);
    server.peer.reply(call.id, [false, txn(1), { Shelf: rows }]);
    // This one waits its turn.
    const last = '00000000-0000-0000-0000-000000000094';
    server.peer.notify('update3', [call.params[1]!, txn(2), { Shelf: { [last]: { modify: { name: 'changed' } } } }]);
    const sizes: number[] = [];
    while (replica.state !== 'live') {
      sizes.push(replica.table('Shelf').size);
      await turn();
    }
    expect(new Set(sizes)).toEqual(new Set([0]));
    expect(sizes.length).toBeGreaterThan(9);
    await turns();
    expect(lists.map((list) => list.length)).toEqual([95, 1]);
    expect(replica.table('Shelf').get(last)?.name).toBe('changed');
    replica.close();
  });
});

describe('the session', () => {
  const clustered = { model: 'clustered', cid: ['uuid', b] };

  it('goes to the next server when this one is not the leader, and when it stops being it', async () => {
    const [one, two] = [new FakeServer(), new FakeServer()];
    one.status = { ...one.status, ...clustered, leader: false };
    two.status = { ...two.status, ...clustered };
    const { replica, clock, log } = setUp([one, two]);
    await turns();
    expect(log[0]).toBe('tcp:server:1: server is not the cluster leader');
    expect(replica.remote).toBe('tcp:server:2');
    clock.advance(1000);
    one.status = { ...one.status, leader: true };
    two.setStatus({ leader: false });
    await passTime(clock, 0);
    expect(replica.remote).toBe('tcp:server:1');
    replica.close();
  });

  it('does not go back in time within a cluster', async () => {
    const [one, two] = [new FakeServer(), new FakeServer()];
    one.status = { ...one.status, ...clustered, index: 100 };
    two.status = { ...two.status, ...clustered, index: 99 };
    const { replica, clock, log } = setUp([one, two]);
    await turns();
    expect(replica.remote).toBe('tcp:server:1');
    two.status = { ...two.status, index: 105 };
    one.setStatus({ index: 106 });
    await turns();
    one.setStatus({ connected: false });
    one.status = { ...one.status, index: 107 };
    await passTime(clock, 0);
    expect(log).toContain('tcp:server:1: database server is disconnected from its storage or cluster');
    expect(log).toContain('tcp:server:2: server has stale data');
    replica.close();
  });

  it('takes what a rebuilt cluster has once it is told to forget the old one', async () => {
    const server = new FakeServer();
    server.status = { ...server.status, ...clustered, index: 100 };
    const { replica, clock, log } = setUp([server]);
    await turns();
    expect(replica.state).toBe('syncing');
    server.status = { ...server.status, index: 3 };
    server.peer.close();
    await passTime(clock);
    await passTime(clock);
    expect(log.at(-1)).toBe('tcp:server:1: server has stale data');
    expect(replica.state).toBe('connecting');
    replica.resetClusterState();
    await turns();
    expect(log.at(-1)).toBe('tcp:server:1: connected');
    expect(replica.state).toBe('syncing');
    replica.close();
  });

  it('leaves a server without the database, or whose schema changes', async () => {
    const server = new FakeServer();
    server.status = { ...server.status, name: 'Other' };
    const { replica, clock, log } = setUp([server]);
    await turns();
    expect(log.at(-1)).toBe('tcp:server:1: server does not have database Inventory');
    server.status = { ...server.status, name: 'Inventory' };
    await passTime(clock);
    expect(replica.state).toBe('syncing');
    clock.advance(1000);
    server.setStatus({ schema: '{"tables":{}}' });
    await passTime(clock, 0);
    expect(log).toContain('tcp:server:1: schema changed');
    await turns();
    expect(replica.state).toBe('syncing');
    replica.close();
  });

  it('names a remote that makes no sense, and uses the others', async () => {
    const { replica, log } = setUp([new FakeServer()], { remotes: 'nonsense,ptcp:1, tcp:server:1' });
    await turns();
    expect(log).toEqual([
      'nonsense: not a connection method',
      'ptcp:1: unknown or passive connection method',
      'tcp:server:1: connected',
    ]);
    replica.setRemotes('tcp:');
    await turns();
    expect(replica.state).toBe('connecting');
    replica.close();
  });

  it('gives up a server that says nothing', async () => {
    const good = new FakeServer();
    let first = true;
    const { replica, clock, log } = setUp([good], {
      connect: async () => {
        if (!first) return good.accept();
        first = false;
        return duplexPair()[0];
      },
    });
    await passTime(clock, 5000);
    await passTime(clock, 4999);
    expect(log).toEqual([]);
    await passTime(clock, 1);
    expect(log).toEqual(['tcp:server:1: no response to inactivity probe after 5 seconds, disconnecting']);
    await passTime(clock, 1000);
    expect(replica.state).toBe('syncing');
    replica.close();
  });

  it('gives up a process that says nothing, where another can be asked', async () => {
    for (const [remotes, expected] of [
      ['unix:/a', 'connecting'],
      ['unix:/a,unix:/b', 'syncing'],
    ] as const) {
      const good = new FakeServer();
      const { replica, clock } = setUp([], {
        remotes,
        connect: async (remote) => (remote.kind === 'unix' && remote.path === '/b' ? good.accept() : duplexPair()[0]),
      });
      await passTime(clock, 5000);
      await passTime(clock, 5000);
      await passTime(clock, 1000);
      expect(replica.state).toBe(expected);
      replica.close();
    }
  });

  it('passes over a host that does not answer, after a second', async () => {
    const good = new FakeServer();
    const never = (signal: AbortSignal): Promise<never> =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    const { replica, clock } = setUp([good, good], {
      connect: async (remote, signal) => (remote.kind === 'tcp' && remote.port === 1 ? never(signal) : good.accept()),
    });
    await passTime(clock, 999);
    expect(replica.state).toBe('connecting');
    await passTime(clock, 1);
    expect(replica.state).toBe('syncing');
    replica.close();
  });

  it('waits longer from attempt to attempt, after each round through the list', async () => {
    let attempts = 0;
    const { replica, clock } = setUp([new FakeServer(), new FakeServer()], {
      connect: () => {
        attempts++;
        return Promise.reject(new Error('refused'));
      },
    });
    const counts: number[] = [];
    for (const wait of [0, 999, 1, 1999, 1, 3999, 1]) {
      await passTime(clock, wait);
      counts.push(attempts);
    }
    expect(counts).toEqual([2, 2, 4, 4, 6, 6, 8]);
    replica.close();
  });

  it('says when nobody knows whether a transaction was committed', async () => {
    const server = new FakeServer();
    const { replica } = setUp([server]);
    const first = await server.next('monitor_cond_since');
    server.peer.reply(first.id, [false, txn(1), {}]);
    await replica.synced();
    const commit = replica.transact([{ op: 'comment', comment: 'x' }]);
    await server.next('transact');
    server.peer.close();
    await expect(commit).rejects.toThrow(UncertainError);
    replica.close();
  });
});
