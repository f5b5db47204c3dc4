/** One peer's messages share the event loop with others', and a message has bounded work in it. */
import { describe, expect, it } from 'vitest';
import { JsonFramer } from './framer.ts';
import { defaultLimits } from './framing.ts';
import type { Json } from './json.ts';
import { Peer } from './peer.ts';
import { duplexPair, TestClock } from './testing.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const request = (id: number): string => JSON.stringify({ id, method: 'work', params: [] });
const requests = (count: number): string => Array.from({ length: count }, (_, i) => request(i)).join('');

describe('many requests that come at once', () => {
  it('are worked on for 10 ms, then others have their turn', async () => {
    const clock = new TestClock();
    const [left, right] = duplexPair();
    const done: number[] = [];
    new Peer(right, {
      clock,
      onRequest: (_method, _params, id) => {
        done.push(id as number);
        clock.advance(4);
      },
    });
    left.write(requests(10));
    const seen = [done.length];
    while (done.length < 10) {
      await turn();
      seen.push(done.length);
    }
    expect(done).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    // 3 of 4 ms each are more than 10 ms.
    expect([...new Set(seen)]).toEqual([3, 6, 9, 10]);
  });

  it('are all answered if the peer sends nothing after them', async () => {
    const clock = new TestClock();
    const [left, right] = duplexPair();
    const done: number[] = [];
    let closed = false;
    new Peer(right, {
      clock,
      onRequest: (_method, _params, id) => {
        done.push(id as number);
        clock.advance(20);
      },
      onClose: () => {
        closed = true;
      },
    });
    left.end(requests(5));
    while (!closed) await turn();
    expect(done).toEqual([0, 1, 2, 3, 4]);
  });

  it('wait while the peer does not take the answers', async () => {
    const [left, right] = duplexPair();
    let done = 0;
    new Peer(right, {
      pauseAboveBytes: 50_000,
      onRequest: (_method, _params, id, peer) => {
        done++;
        peer.reply(id, 'x'.repeat(30_000));
      },
    });
    left.write(requests(20));
    await new Promise<void>((resolve) => process.nextTick(resolve));
    await Promise.resolve();
    const atFirst = done;
    expect(atFirst).toBeLessThan(4);
    const answers: Json[] = [];
    const framer = new JsonFramer((value) => answers.push(value));
    left.on('data', (chunk: Uint8Array) => framer.push(chunk));
    while (answers.length < 20) await turn();
    expect(answers.map((answer) => (answer as { readonly id: number }).id)).toEqual(
      Array.from({ length: 20 }, (_, i) => i),
    );
  });
});

describe('a message of too many values', () => {
  const feed = (text: string, maxValues: number): void => {
    const framer = new JsonFramer(() => {}, { ...defaultLimits, maxValues });
    for (let i = 0; i < text.length; i += 65536) framer.push(Buffer.from(text.slice(i, i + 65536)));
  };

  it.each(['[],', '0,', '{"a":[1]},'])('of the kind %s is refused', (piece) => {
    const text = `[${piece.repeat(400_000)}0]`;
    expect(() => feed(text, 300_000)).toThrow('message exceeds the maximum of 300000 values');
    expect(() => feed(text, 3_000_000)).not.toThrow();
  });

  it('wait as long as anybody holds the peer', async () => {
    const [left, right] = duplexPair();
    let done = 0;
    const peer = new Peer(right, { onRequest: () => done++ });
    peer.hold();
    peer.hold();
    left.write(requests(3));
    await turn();
    peer.release();
    await turn();
    expect(done).toBe(0);
    peer.release();
    while (done < 3) await turn();
  });
});
