/** What a program does to a replica that it should not. */
import { afterEach, expect, it } from 'vitest';
import { NotConnectedError } from './errors.ts';
import { a, FakeServer, passTime, setUp, shelf, turns, txn } from './testing-fake-server.ts';

const caught: unknown[] = [];
const catchIt = (error: unknown): void => void caught.push(error);

/** What is thrown at nobody comes here, and not to vitest. */
function catchErrors(): void {
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', catchIt);
  restore = () => {
    process.off('uncaughtException', catchIt);
    for (const other of others) process.on('uncaughtException', other);
  };
}
let restore = (): void => {};
afterEach(() => {
  restore();
  restore = () => {};
  caught.length = 0;
});

it('listeners that throw: the others hear of each change once, and the error is not hidden', async () => {
  const server = new FakeServer();
  const { replica } = setUp([server]);
  catchErrors();
  const names: unknown[] = [];
  // Not the first listener.
  replica.onChange((changes) => {
    throw new Error(`of ${changes[0]?.new?.name}`);
  });
  replica.onChange((changes) => names.push(changes[0]?.new?.name));
  replica.onState((state) => {
    throw new Error(state);
  });
  const { id, params } = await server.next('monitor_cond_since');
  server.peer.reply(id, [false, txn(1), { Shelf: { [a]: shelf('x') } }]);
  await replica.synced();
  server.peer.notify('update3', [params[1]!, txn(2), { Shelf: { [a]: { modify: { name: 'y' } } } }]);
  server.peer.notify('update3', [params[1]!, txn(3), { Shelf: { [a]: { modify: { name: 'z' } } } }]);
  await turns();
  expect(names).toEqual(['x', 'y', 'z']);
  expect(caught.map(String)).toEqual(['Error: syncing', 'Error: of x', 'Error: live', 'Error: of y', 'Error: of z']);
  replica.close();
  await turns();
});

it('conditions for a table that is not replicated, or of a replica that is closed', async () => {
  const server = new FakeServer();
  expect(() => setUp([server], { conditions: { Item: false } })).toThrow('table Item is not replicated');
  const { replica } = setUp([server]);
  await expect(replica.setConditions({ Item: false })).rejects.toThrow('table Item is not replicated');
  replica.close();
  await expect(replica.setConditions({ Shelf: false })).rejects.toThrow(NotConnectedError);
});

it('conditions that the server refuses: it says so, and those before hold', async () => {
  const server = new FakeServer();
  const { replica, clock } = setUp([server], { conditions: { Shelf: [['name', '==', 'x']] } });
  server.peer.reply((await server.next('monitor_cond_since')).id, [false, txn(1), {}]);
  await replica.synced();
  const first = replica.setConditions({ Shelf: [['name', '==', 5]] });
  const change = await server.next('monitor_cond_change');
  const error = { error: 'syntax error', details: 'expected string' };
  server.peer.replyError(change.id, error);
  await expect(first).rejects.toMatchObject({ name: 'JsonRpcError', error });
  await passTime(clock, 2000);
  const again = await server.next('monitor_cond_since');
  expect(again.params.slice(2)).toEqual([{ Shelf: [{ columns: ['name'], where: [['name', '==', 'x']] }] }, txn(0)]);
  // Not granted yet; what is wanted instead may not be understood either.
  const second = replica.setConditions({ Shelf: [['name', '==', 6]] });
  server.peer.close();
  await passTime(clock, 2000);
  server.peer.replyError((await server.next('monitor_cond_since')).id, error);
  await expect(second).rejects.toMatchObject({ error });
  replica.close();
});

it('strings that are no text are not sent', async () => {
  const server = new FakeServer();
  const { replica } = setUp([server]);
  server.peer.reply((await server.next('monitor_cond_since')).id, [false, txn(1), {}]);
  await replica.synced();
  for (const name of ['a\0', '\ud800', 'x\udc00y']) {
    const transaction = replica.transaction();
    transaction.insert('Shelf', { labels: new Map([['k', name]]) });
    await expect(transaction.commit()).rejects.toThrow('syntax error: a string holds a null character');
  }
  const transaction = replica.transaction();
  transaction.insert('Shelf', { name: '\ud83d\ude00 \\u0000' });
  void transaction.commit().catch(() => {});
  expect((await server.next('transact')).params[1]).toMatchObject({ row: { name: '\u{1f600} \\u0000' } });
  replica.close();
});

it('start twice: one connection', async () => {
  const server = new FakeServer();
  const { replica } = setUp([server]);
  replica.start();
  await turns();
  expect(server.peers.length).toBe(1);
  replica.close();
});

it('leaving the server while its first rows are delivered', async () => {
  const server = new FakeServer();
  const { replica, clock } = setUp([server]);
  const states: string[] = [];
  replica.onState((state) => states.push(state));
  replica.onChange(() => replica.reconnect());
  const first = await server.next('monitor_cond_since');
  server.peer.reply(first.id, [false, txn(1), { Shelf: { [a]: shelf('x') } }]);
  await passTime(clock);
  const again = await server.next('monitor_cond_since');
  expect(states).toEqual(['syncing', 'connecting', 'syncing']);
  server.peer.reply(again.id, [true, txn(1), {}]);
  await replica.synced();
  replica.close();
});

it('a lock that is given back before the answer is not held', async () => {
  const server = new FakeServer();
  const { replica } = setUp([server]);
  await server.next('monitor_cond_since');
  const lock = replica.lock('l');
  const { id } = await server.next('lock');
  replica.unlock('l');
  server.peer.reply(id, { locked: true });
  await turns();
  expect(lock.held).toBe(false);
  replica.close();
});
