import { describe, expect, it } from 'vitest';
import { Dispatcher, MethodError } from './dispatch.ts';
import type { Json } from './json.ts';
import { ConnectionClosedError, JsonRpcError, Peer } from './peer.ts';
import { Duplex, duplexPair, TestClock } from './testing.ts';

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('a peer', () => {
  it('asks and answers both ways, with results and errors of any shape', async () => {
    const [left, right] = duplexPair();
    const dispatcher = new Dispatcher({
      add: ([a, b]) => Number(a) + Number(b),
      later: async ([text]) => [text ?? null],
      fail: () => {
        throw new MethodError({ error: 'unknown database', details: 'nix' });
      },
      nothing: () => null,
    });
    const client = new Peer(left);
    new Peer(right, { onRequest: (method, params, id, peer) => dispatcher.handle(method, params, id, peer) });
    expect(await client.call('add', [1, 2])).toBe(3);
    expect(await client.call('later', ['x'])).toEqual(['x']);
    expect(await client.call('nothing', [])).toBe(null);
    expect(await client.call('echo', [1, 'two'])).toEqual([1, 'two']);
    const error = await client.call('fail', []).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(JsonRpcError);
    expect((error as JsonRpcError).error).toEqual({ error: 'unknown database', details: 'nix' });
    expect(await client.call('toString', []).catch((e: JsonRpcError) => e.error)).toBe('unknown method');
    expect(await client.call('constructor', []).catch((e: JsonRpcError) => e.error)).toBe('unknown method');
  });

  it('delivers a reply before the notification that follows it', async () => {
    const [left, right] = duplexPair();
    const seen: string[] = [];
    const client = new Peer(left, { onNotification: (method) => seen.push(method) });
    client.request(
      'm',
      [],
      () => seen.push('reply'),
      () => {},
    );
    right.write('{"id":0,"result":{},"error":null}{"id":null,"method":"update","params":[]}');
    await settled();
    expect(seen).toEqual(['reply', 'update']);
  });

  it('fails what waits when the connection ends, and says why', async () => {
    const [left, right] = duplexPair();
    const closes: (Error | undefined)[] = [];
    const client = new Peer(left, { name: 'tcp:1', onClose: (error) => closes.push(error) });
    const call = client.call('never', []);
    right.end();
    await expect(call).rejects.toThrow(ConnectionClosedError);
    await expect(client.call('late', [])).rejects.toThrow(ConnectionClosedError);
    expect(closes).toEqual([undefined]);
  });

  it('closes the connection of a peer that sends no JSON', async () => {
    const [left, right] = duplexPair();
    const closes: (Error | undefined)[] = [];
    new Peer(left, { onClose: (error) => closes.push(error) });
    right.write('GET / HTTP/1.1\r\n\r\n');
    await settled();
    expect(String(closes[0])).toContain('syntax error');
  });

  it('probes a silent peer, and gives it up when the probe is not answered', async () => {
    const [left, right] = duplexPair();
    const clock = new TestClock();
    const closes: (Error | undefined)[] = [];
    const received: string[] = [];
    right.on('data', (chunk: Buffer) => received.push(chunk.toString()));
    new Peer(left, { name: 'tcp:x', clock, probeIntervalMs: 5000, onClose: (error) => closes.push(error) });
    clock.advance(4999);
    await settled();
    expect(received).toEqual([]);
    clock.advance(1);
    await settled();
    expect(received).toEqual(['{"id":"echo","method":"echo","params":[]}']);
    right.write('{"id":"echo","result":[],"error":null}');
    await settled();
    clock.advance(5000);
    await settled();
    expect(received.length).toBe(2);
    clock.advance(5000);
    await settled();
    expect(closes.map(String)).toEqual([
      'InactivityError: tcp:x: no response to inactivity probe after 5 seconds, disconnecting',
    ]);
  });

  it('does not give up one whose answer has come, but was not looked at', async () => {
    const [left, right] = duplexPair();
    const clock = new TestClock();
    const peer = new Peer(left, { clock, probeIntervalMs: 5000 });
    new Peer(right);
    clock.advance(5000);
    await settled();
    clock.advance(5000);
    // The second probe is on its way; what answers it does not get to run before the time is over.
    clock.advance(5000);
    await settled();
    expect(peer.closed).toBe(false);
  });

  it('does not give up one that is owed something, and probes it again when it has that', async () => {
    const [left] = duplexPair();
    const clock = new TestClock();
    const peer = new Peer(left, { clock, probeIntervalMs: 5000 });
    const pass = async (): Promise<void> => {
      clock.advance(5000);
      await settled();
    };
    peer.excuseSilence(true);
    for (let i = 0; i < 10; i++) await pass();
    expect(peer.closed).toBe(false);
    peer.excuseSilence(false);
    for (let i = 0; i < 3; i++) await pass();
    expect(peer.closed).toBe(true);
  });

  it('sees that a slow one takes many parts, each of which is short', async () => {
    // Like a socket it is given all at once that has come while it was busy, and says only of all together that they are gone.
    const gone: (() => void)[] = [];
    const slow = new Duplex({
      read() {},
      write: (_chunk, _encoding, done) => void gone.push(done),
      writev: (_chunks, done) => void gone.push(done),
    });
    for (const part of [Buffer.alloc(65_536), 'x'.repeat(65_536)]) {
      const clock = new TestClock();
      const peer = new Peer(slow, { clock, probeIntervalMs: 5000, pauseAboveBytes: 1 << 20 });
      for (let i = 0; i < 400; i++) peer.sendText(part);
      let writes = 0;
      while (peer.queuedBytes > 0 && !peer.closed) {
        clock.advance(4000);
        gone.shift()?.();
        writes++;
        await settled();
      }
      expect(peer.closed).toBe(false);
      expect(writes).toBeGreaterThan(20);
    }
  });

  it('looks at what comes when all have released it who held it', async () => {
    const [left, right] = duplexPair();
    const seen: string[] = [];
    const peer = new Peer(left, { onNotification: (method) => seen.push(method) });
    peer.hold();
    peer.hold();
    right.write('{"id":null,"method":"update","params":[]}');
    peer.release();
    await settled();
    expect(seen).toEqual([]);
    peer.release();
    await settled();
    expect(seen).toEqual(['update']);
  });

  it('stops reading from one that does not read, and gives it up when it reads nothing for long', async () => {
    const clock = new TestClock();
    const closes: (Error | undefined)[] = [];
    let asked = 0;
    // A stream that takes no byte, as a socket does whose other end does not read.
    const stuck = new Duplex({ read() {}, write() {} });
    const peer = new Peer(stuck, {
      clock,
      probeIntervalMs: 5000,
      pauseAboveBytes: 1_000_000,
      onRequest: (_method, _params, id, p) => {
        asked++;
        p.reply(id, 'x'.repeat(2_000_000));
      },
      onClose: (error) => closes.push(error),
    });
    stuck.push('{"id":1,"method":"dump","params":[]}');
    await settled();
    stuck.push('{"id":2,"method":"dump","params":[]}');
    await settled();
    expect(asked).toBe(1);
    expect(peer.queuedBytes).toBeGreaterThan(2_000_000);
    for (let i = 0; i < 3; i++) clock.advance(5000);
    await settled();
    expect(String(closes[0])).toContain('peer has read nothing for 5 seconds');
  });

  it('keeps one that does read a long answer, however slowly', async () => {
    const clock = new TestClock();
    const closes: (Error | undefined)[] = [];
    const taken: (() => void)[] = [];
    const slow = new Duplex({ read() {}, write: (_chunk, _encoding, done) => void taken.push(done) });
    new Peer(slow, {
      clock,
      probeIntervalMs: 5000,
      pauseAboveBytes: 1000,
      onRequest: (_method, _params, id, peer) => peer.reply(id, 'x'.repeat(2_000_000)),
      onClose: (error) => closes.push(error),
    });
    slow.push('{"id":1,"method":"dump","params":[]}');
    await settled();
    // It never has time to say anything, but a piece is gone now and then.
    for (let pieces = 0; pieces < 6; pieces++) {
      clock.advance(4000);
      taken.shift()?.();
      await settled();
    }
    expect(closes).toEqual([]);
    clock.advance(10_000);
    await settled();
    expect(String(closes[0])).toContain('peer has read nothing for 5 seconds');
  });

  it('sends a long message whole and in order', async () => {
    const [left, right] = duplexPair();
    const values: Json[] = [];
    new Peer(right, { onNotification: (_method, params) => values.push(params[0] ?? null) });
    const peer = new Peer(left);
    peer.notify('a', ['1']);
    peer.notify('b', ['é'.repeat(1_000_000)]);
    peer.notify('c', ['3']);
    peer.close();
    for (let i = 0; i < 50 && values.length < 3; i++) await settled();
    expect(values.map((value) => (value as string).length)).toEqual([1, 1_000_000, 1]);
  });

  it('does not linger for one that takes nothing', async () => {
    const stuck = new Duplex({ read() {}, write() {} });
    const clock = new TestClock();
    const peer = new Peer(stuck, { clock });
    peer.notify('a', ['x'.repeat(2_000_000)]);
    peer.close();
    await settled();
    expect(stuck.destroyed).toBe(false);
    clock.advance(10_000);
    expect(stuck.destroyed).toBe(true);
  });

  it('closes on one message too many', async () => {
    const stuck = new Duplex({ read() {}, write() {} });
    const closes: (Error | undefined)[] = [];
    const peer = new Peer(stuck, { maxQueuedBytes: 1000, onClose: (error) => closes.push(error) });
    peer.notify('a', ['x'.repeat(2000)]);
    expect(peer.closed).toBe(false);
    peer.notify('a', ['x']);
    expect(String(closes[0])).toContain('peer does not read');
  });
});
