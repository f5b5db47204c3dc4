/** Servers that say what makes no sense, refuse, or end at the wrong moment: they cost little, and nothing that they say is taken for the truth. */
import { defaultLimits } from '@weft/jsonrpc/framing';
import type { Json } from '@weft/ovsdb/json';
import { schemaToJson } from '@weft/ovsdb/schema-json';
import { describe, expect, it } from 'vitest';
import { UncertainError } from './errors.ts';
import { a, b, type Call, FakeServer, passTime, setUp, shelf, turn, turns, txn } from './testing-fake-server.ts';
import { inventory } from './testing-schema.ts';

describe('a server that is left as soon as it is used', () => {
  it.each<[string, (server: FakeServer, call: Call) => void, string]>([
    ['refuses the monitor', (server, { id }) => server.peer.replyError(id, 'no'), 'no'],
    ['answers nonsense', (server, { id }) => server.peer.reply(id, {}), 'malformed reply to monitor_cond_since'],
    [
      'closes the connection after the rows',
      (server, { id }) => {
        server.peer.reply(id, [false, txn(1), {}]);
        server.peer.close();
      },
      'connection closed by peer',
    ],
    [
      'cancels the monitor',
      (server, { id, params }) => {
        server.peer.reply(id, [false, txn(1), {}]);
        server.peer.notify('monitor_canceled', [params[1]!]);
      },
      'monitor canceled by the server',
    ],
  ])('and %s is asked again after a while, which grows', async (_, answer, reason) => {
    const server = new FakeServer();
    const { replica, clock, log } = setUp([server]);
    const connections: number[] = [];
    for (const wait of [0, 999, 1, 1999, 1, 3999, 1]) {
      await passTime(clock, wait);
      while (server.calls.length > 0) answer(server, server.calls.shift()!);
      await turns();
      connections.push(server.peers.length);
    }
    expect(connections).toEqual([1, 1, 2, 2, 3, 3, 4]);
    expect(log[1]).toBe(`tcp:server:1: ${reason}`);
    replica.close();
  });

  it('and was good for a while is asked again at once', async () => {
    const server = new FakeServer();
    const { replica, clock } = setUp([server]);
    await turns();
    clock.advance(1000);
    server.peer.close();
    await passTime(clock, 0);
    expect(server.peers.length).toBe(2);
    replica.close();
  });
});

describe('a first copy', () => {
  it('of which a row cannot be understood is none', async () => {
    const server = new FakeServer();
    const { replica, log } = setUp([server]);
    const { id } = await server.next('monitor_cond_since');
    server.peer.reply(id, [false, txn(1), { Shelf: { [a]: shelf('x'), [b]: { initial: { name: 5 } } } }]);
    await turns();
    expect([replica.state, replica.everSynced, replica.table('Shelf').size]).toEqual(['connecting', false, 0]);
    expect(log[1]).toBe('tcp:server:1: expected string');
    replica.close();
  });

  it('may be longer than what a server takes of its clients', { timeout: 60_000 }, async () => {
    const server = new FakeServer();
    const { replica } = setUp([server]);
    const { id } = await server.next('monitor_cond_since');
    const { peer } = server;
    peer.sendText(`{"id":${id as number},"error":null,"result":[false,"${txn(1)}",{}]`);
    const spaces = Buffer.alloc(1 << 20, ' ');
    for (let sent = 0; sent <= defaultLimits.maxBytes; sent += spaces.length) peer.sendText(spaces);
    peer.sendText('}');
    await replica.synced();
    replica.close();
  });
});

describe('a transaction', () => {
  it('whose answer came, but not the changes before it, is uncertain', async () => {
    const server = new FakeServer();
    const { replica } = setUp([server], { sliceRows: 10 });
    const monitor = await server.next('monitor_cond_since');
    server.peer.reply(monitor.id, [false, txn(1), {}]);
    await replica.synced();
    const commit = replica.transact([{ op: 'comment', comment: 'x' }]);
    const { id } = await server.next('transact');
    const rows: { [uuid: string]: Json } = {};
    for (let i = 0; i < 95; i++) {
      rows[`00000000-0000-0000-0000-${String(i).padStart(12, '0')}`] = { insert: { name: `s${i}` } };
    }
    server.peer.notify('update3', [monitor.params[1]!, txn(2), { Shelf: rows }]);
    server.peer.reply(id, [{}]);
    server.peer.close();
    await expect(commit).rejects.toThrow(UncertainError);
    expect(replica.table('Shelf').size).toBe(0);
    replica.close();
  });
});

describe('a transaction of which the server does not know what became', () => {
  const details = 'Inventory: the relay has lost its source';

  it.each<[string, (server: FakeServer, id: Json) => void]>([
    ['a C relay', (server, id) => server.peer.replyError(id, 'canceled')],
    ['our relay', (server, id) => server.peer.replyError(id, { error: 'I/O error', details })],
    ['a relay of old', (server, id) => server.peer.reply(id, [{}, { error: 'I/O error', details }])],
  ])('at %s is uncertain, and tried again if that does no harm', async (_, answer) => {
    const server = new FakeServer();
    const { replica } = setUp([server]);
    const monitor = await server.next('monitor_cond_since');
    server.peer.reply(monitor.id, [false, txn(1), {}]);
    const commit = replica.transact([{ op: 'comment', comment: 'x' }]);
    answer(server, (await server.next('transact')).id);
    await expect(commit).rejects.toThrow(UncertainError);
    const done = replica.retry((transaction) => transaction.insert('Shelf', { name: 'x' }), { repeatable: true });
    answer(server, (await server.next('transact')).id);
    server.peer.reply((await server.next('transact')).id, [{ uuid: ['uuid', b] }]);
    const { transaction, value } = await done;
    expect(transaction.uuidOf(value)).toBe(b);
    replica.close();
  });
});

describe('a server with other columns', () => {
  const without = (column: 'name'): string => {
    const json = structuredClone(schemaToJson(inventory)) as unknown as {
      tables: { Shelf: { columns: { [name: string]: unknown } } };
    };
    delete json.tables.Shelf.columns[column];
    return JSON.stringify(json);
  };

  it('than the last one is asked for all rows', async () => {
    const server = new FakeServer();
    const whole = server.status;
    server.status = { ...whole, schema: without('name') };
    const { replica, clock } = setUp([server]);
    const first = await server.next('monitor_cond_since');
    expect(first.params[2]).toEqual({ Shelf: [{ columns: [] }] });
    server.peer.reply(first.id, [false, txn(1), { Shelf: { [a]: { initial: {} } } }]);
    await replica.synced();
    server.status = whole;
    server.peer.close();
    await passTime(clock);
    const again = await server.next('monitor_cond_since');
    expect(again.params.slice(2)).toEqual([{ Shelf: [{ columns: ['name'] }] }, txn(0)]);
    server.peer.reply(again.id, [false, txn(1), { Shelf: { [a]: shelf('x') } }]);
    await replica.synced();
    expect(replica.table('Shelf').get(a)?.name).toBe('x');
    replica.close();
  });

  it('than a condition names is asked for what it can tell', async () => {
    const server = new FakeServer();
    server.status = { ...server.status, schema: without('name') };
    const { replica } = setUp([server], { conditions: { Shelf: [['name', '==', 'x']] } });
    const first = await server.next('monitor_cond_since');
    expect(first.params[2]).toEqual({ Shelf: [{ columns: [] }] });
    server.peer.reply(first.id, [false, txn(1), {}]);
    const done = replica.setConditions({ Shelf: [['name', '==', 'y']] });
    const change = await server.next('monitor_cond_change');
    expect(change.params[2]).toEqual({ Shelf: [{ where: [true] }] });
    server.peer.reply(change.id, {});
    await done;
    await turn();
    replica.close();
  });
});
