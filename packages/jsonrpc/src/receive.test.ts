import { once } from 'node:events';
import { createServer, connect as netConnect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { receiveFrom } from './receive.ts';

/** Both ends of a connection over loopback. */
async function pair(): Promise<{ readonly near: Socket; readonly far: Socket; readonly close: () => void }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const far = netConnect((server.address() as { port: number }).port, '127.0.0.1');
  const [near] = (await once(server, 'connection')) as [Socket];
  return {
    near,
    far,
    close: () => {
      near.destroy();
      far.destroy();
      server.close();
    },
  };
}

it('hands over all bytes once and in order, and none while the stream is paused', async () => {
  const step = fc.oneof(
    fc.record({ write: fc.constantFrom(1, 100, 5000, 200_000) }),
    fc.constantFrom('pause' as const, 'resume' as const, 'turn' as const, 'wait' as const),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const { near, far, close } = await pair();
      const received: Buffer[] = [];
      const sent: Buffer[] = [];
      let paused = false;
      let whilePaused = 0;
      receiveFrom(near, (chunk) => {
        if (paused) whilePaused++;
        received.push(Buffer.from(chunk));
      });
      const ended = once(near, 'end');
      for (const [number, what] of steps.entries()) {
        if (what === 'pause') {
          paused = true;
          near.pause();
        } else if (what === 'resume') {
          paused = false;
          near.resume();
        } else if (what === 'turn') await new Promise((done) => setImmediate(done));
        else if (what === 'wait') await sleep(3);
        else {
          const bytes = Buffer.alloc(what.write, number + 1);
          sent.push(bytes);
          far.write(bytes);
        }
      }
      far.end();
      await sleep(1);
      paused = false;
      near.resume();
      await ended;
      expect(Buffer.concat(received).equals(Buffer.concat(sent))).toBe(true);
      expect(whilePaused).toBe(0);
      close();
    }),
    { numRuns: 60 },
  );
});

it('takes a pause that comes while it hands over', async () => {
  const { near, far, close } = await pair();
  const received: number[] = [];
  receiveFrom(near, (chunk) => {
    received.push(chunk.length);
    near.pause();
  });
  far.write('x');
  while (received.length === 0) await sleep(1);
  far.end('xxxxx');
  await sleep(20);
  expect(received).toEqual([1]);
  const ended = once(near, 'end');
  const resumes = setInterval(() => near.resume(), 1);
  await ended;
  clearInterval(resumes);
  expect(received.reduce((sum, n) => sum + n)).toBe(6);
  close();
});

it('leaves a queue to a sender that is not read, so that it stops', async () => {
  const { near, far, close } = await pair();
  receiveFrom(near, () => {});
  near.pause();
  for (let i = 0; i < 300; i++) far.write(Buffer.alloc(100_000));
  await sleep(100);
  expect(near.readableLength).toBeLessThan(1_000_000);
  expect(far.writableLength).toBeGreaterThan(0);
  close();
});
