/** Switches that misbehave, played by a socket. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Action } from './actions.ts';
import { Connection, type ConnectionHandlers, type ConnectionOptions } from './connection.ts';
import { Framer } from './framing.ts';
import { Match } from './match.ts';
import { decodeMessage } from './message-decode.ts';
import { encode } from './message-encode.ts';
import type { BundleControl, Message } from './messages.ts';
import { DisconnectedError } from './openflow-error.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

const HELLO = encode({ type: 'hello', versions: [4, 6] }, 1);
const features = (xid: number): Uint8Array =>
  encode({ type: 'features_reply', datapathId: 1n, buffers: 0, tables: 254, auxiliaryId: 0, capabilities: 0 }, xid);

type Answer = (message: Message, xid: number, socket: Socket) => void;

/** A socket that greets with `greeting` and answers as told. */
async function fakeSwitch(greeting: Uint8Array, answer: Answer): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'weft-of-fake-'));
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.write(greeting);
    const framer = new Framer();
    socket.on('data', (chunk) =>
      framer.push(chunk, (bytes) => {
        const decoded = decodeMessage(bytes);
        if (decoded.ok) answer(decoded.value.message, decoded.value.xid, socket);
      }),
    );
  });
  const path = join(dir, 'sw');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(dir, { recursive: true, force: true });
  });
  return `unix:${path}`;
}

function start(options: ConnectionOptions, handlers: ConnectionHandlers): Connection {
  const connection = new Connection({ probeInterval: 0, minBackoff: 60_000, ...options }, handlers);
  cleanups.push(() => connection.close());
  connection.start();
  return connection;
}

describe('a connection', () => {
  it('puts messages together that come byte by byte', async () => {
    const remote = await fakeSwitch(HELLO, (message, xid, socket) => {
      if (message.type === 'features_request') for (const byte of features(xid)) socket.write(Uint8Array.of(byte));
    });
    const datapathId = await new Promise((resolve) => start({ remote }, { connected: (f) => resolve(f.datapathId) }));
    expect(datapathId).toBe(1n);
  });

  it('gives up a switch that does not speak OpenFlow 1.5, and says so', async () => {
    const remote = await fakeSwitch(encode({ type: 'hello', versions: [1, 4] }), () => {});
    const reason = await new Promise<Error>((resolve) => start({ remote }, { disconnected: resolve }));
    expect(reason.message).toBe('the switch speaks versions 1, 4 and not OpenFlow 1.5 (6)');
  });

  it('ends on a message with an impossible length', async () => {
    const remote = await fakeSwitch(Uint8Array.of(6, 0, 0, 3, 0, 0, 0, 0), () => {});
    const reason = await new Promise<Error>((resolve) => start({ remote }, { disconnected: resolve }));
    expect(reason.message).toContain('impossible length');
  });

  it('survives a message that it cannot decode', async () => {
    const remote = await fakeSwitch(HELLO, (message, xid, socket) => {
      if (message.type === 'features_request') socket.write(features(xid));
      // A port status that ends before its port does; then the answer.
      if (message.type === 'barrier_request') {
        socket.write(Uint8Array.of(6, 12, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
        socket.write(encode({ type: 'barrier_reply' }, xid));
      }
    });
    const details: string[] = [];
    const connection = await new Promise<Connection>((resolve) => {
      const made: Connection = start(
        { remote },
        { connected: () => resolve(made), unexpected: (_message, detail) => details.push(detail) },
      );
    });
    await connection.barrier();
    expect(details).toEqual([expect.stringContaining('could not be decoded')]);
    expect(connection.ready).toBe(true);
  });

  it('asks a silent switch for a sign of life, and then gives it up; requests fail', async () => {
    let probes = 0;
    const remote = await fakeSwitch(HELLO, (message, xid, socket) => {
      if (message.type === 'features_request') socket.write(features(xid));
      if (message.type === 'echo_request') probes++;
    });
    let waiting: Promise<void> | undefined;
    const reason = await new Promise<Error>((resolve) => {
      const connection: Connection = start(
        { remote, probeInterval: 20 },
        {
          connected: () => {
            waiting = connection.barrier();
            waiting.catch(() => {});
          },
          disconnected: resolve,
        },
      );
    });
    expect(reason.message).toContain('silent');
    expect(probes).toBe(1);
    await expect(waiting).rejects.toBeInstanceOf(DisconnectedError);
  });

  it('answers echo requests with their data', async () => {
    const echoed = new Promise<Uint8Array>((resolve) => {
      void fakeSwitch(HELLO, (message, xid, socket) => {
        if (message.type === 'features_request') {
          socket.write(features(xid));
          socket.write(encode({ type: 'echo_request', data: Uint8Array.of(1, 2, 3) }, 9));
        }
        if (message.type === 'echo_reply' && xid === 9) resolve(message.data);
      }).then((remote) => start({ remote }, {}));
    });
    expect([...(await echoed)]).toEqual([1, 2, 3]);
  });

  it('waits for a switch that reads slowly, and loses nothing', async () => {
    let flows = 0;
    const remote = await fakeSwitch(HELLO, (message, xid, socket) => {
      if (message.type === 'features_request') socket.write(features(xid));
      if (message.type === 'echo_reply') {
        // Stops reading for a moment at each thousandth message.
        if (++flows % 1000 === 0) {
          socket.pause();
          setTimeout(() => socket.resume(), 5);
        }
      }
      if (message.type === 'barrier_request') socket.write(encode({ type: 'barrier_reply' }, xid));
    });
    const connection = await new Promise<Connection>((resolve) => {
      const made: Connection = start({ remote }, { connected: () => resolve(made) });
    });
    const data = new Uint8Array(1000);
    function* messages(): Iterable<Message> {
      for (let i = 0; i < 5000; i++) yield { type: 'echo_reply', data };
    }
    await connection.batch(messages());
    expect(flows).toBe(5000);
  });

  it('names a message that cannot be encoded: a batch goes on without it, a bundle is discarded', async () => {
    const seen: string[] = [];
    const remote = await fakeSwitch(HELLO, (message, xid, socket) => {
      if (message.type === 'features_request') socket.write(features(xid));
      if (message.type === 'barrier_request') socket.write(encode({ type: 'barrier_reply' }, xid));
      if (message.type === 'flow_mod') seen.push(`flow of table ${message.mod.table}`);
      if (message.type !== 'bundle_control') return;
      const { bundle, control, flags } = message;
      seen.push(control);
      const reply = control.replace('request', 'reply') as BundleControl;
      socket.write(encode({ type: 'bundle_control', bundle, control: reply, flags }, xid));
    });
    const connection = await new Promise<Connection>((resolve) => {
      const made: Connection = start({ remote }, { connected: () => resolve(made) });
    });
    const flow = (table: number, actions: number): Message => ({
      type: 'flow_mod',
      mod: {
        command: 'add',
        table,
        priority: 1,
        cookie: 0n,
        match: Match.any,
        actions: Array.from({ length: actions }, (): Action => ({ type: 'output', port: 1 })),
      },
    });
    const messages = [flow(1, 1), flow(2, 5000), flow(3, 1)];
    const named = { errors: [{ name: 'EncodingError', request: messages[1] }] };
    await expect(connection.batch(messages)).rejects.toMatchObject(named);
    expect(seen.splice(0)).toEqual(['flow of table 1', 'flow of table 3']);
    await expect(connection.bundle(messages)).rejects.toMatchObject(named);
    expect(seen).toEqual(['open_request', 'discard_request']);
  });
});
