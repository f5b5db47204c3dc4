/** Which server a client for one errand takes. */
import { getEventListeners } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { DatabaseClient } from './client.ts';
import { makeDir, startServer, type TestServer } from './testing.ts';
import { inventory, writeSchema } from './testing-schema.ts';

const { dir, remove } = makeDir();
let good: TestServer;
let silent: Server;
beforeAll(async () => {
  good = await startServer(dir, 'db', writeSchema(`${dir}/inventory.ovsschema`));
  silent = createServer((socket) => socket.on('error', () => {}));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  silent.close();
  await good.stop();
  remove();
});

it('passes over one that accepts and says nothing', { timeout: 30_000 }, async () => {
  const address = silent.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const messages: string[] = [];
  const client = await DatabaseClient.open({
    schema: inventory,
    remotes: `tcp:127.0.0.1:${address.port},${good.remote}`,
    shuffle: false,
    log: (_level, message) => messages.push(message.replace(`:${address.port}`, '')),
  });
  expect(client.remote).toBe(good.remote);
  expect(messages).toEqual(['tcp:127.0.0.1: no response to inactivity probe after 5 seconds, disconnecting']);
  client.close();
});

it('leaves nothing behind at the signal for each time that it tries again', { timeout: 30_000 }, async () => {
  const gone = new AbortController();
  let left = 0;
  let attempts = 0;
  const opening = DatabaseClient.open({
    schema: inventory,
    remotes: `unix:${dir}/nobody`,
    wait: true,
    signal: gone.signal,
    log: () => {
      left = Math.max(left, getEventListeners(gone.signal, 'abort').length);
      if (++attempts === 3) gone.abort();
    },
  });
  await expect(opening).rejects.toThrow('nobody');
  expect([attempts, left]).toEqual([3, 0]);
});
