/** Clients that misbehave, each beside a good one, which must not notice. */
import { createConnection, type Socket } from 'node:net';
import { JsonFramer } from '@weft/jsonrpc/framer';
import type { Peer } from '@weft/jsonrpc/peer';
import type { Json } from '@weft/ovsdb/json';
import { schemaToJson } from '@weft/ovsdb/schema-json';
import { nb } from '@weft/schemas/nb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startCServer } from './c-server.ts';
import { startWeftServer, type WeftServer } from './weft-server.ts';

let server: WeftServer;
let good: Peer;
let sockets: Socket[] = [];

beforeEach(async () => {
  server = await startWeftServer([nb]);
  good = await server.connect();
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
  good.close();
  await server.stop();
});

function raw(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(server.socket, () => resolve(socket));
    socket.on('error', reject);
    sockets.push(socket);
  });
}

const ended = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    socket.on('error', () => resolve());
    socket.on('close', () => resolve());
    socket.resume();
  });

async function stillGood(): Promise<void> {
  expect(await good.call('list_dbs', [])).toContain('OVN_Northbound');
}

async function insertSwitch(name: string, size = 0): Promise<void> {
  const row = { name, external_ids: ['map', size === 0 ? [] : [['filler', 'x'.repeat(size)]]] };
  const [result] = (await good.call('transact', [
    'OVN_Northbound',
    { op: 'insert', table: 'Logical_Switch', row },
  ])) as Json[];
  expect(result).toHaveProperty('uuid');
}

describe('a client that sends nonsense is disconnected', () => {
  it.each([
    ['no JSON', 'hello\n'],
    ['a number', '5'],
    ['what can be no JSON, without end', '{{'],
    ['invalid UTF-8 outside strings', Buffer.of(0x7b, 0xff)],
    ['JSON nested 100,000 deep', `{"id":0,"method":"echo","params":${'['.repeat(100_000)}`],
    ['a message without method', '{"id":1}'],
    ['an object without end and a bracket too many', '{"id":0,"method":"echo","params":[]}]'],
  ])('%s', async (_, bytes) => {
    const socket = await raw();
    const end = ended(socket);
    socket.write(bytes);
    await end;
    await stillGood();
  });

  it('a message of 300 MB', { timeout: 60_000 }, async () => {
    const socket = await raw();
    const end = ended(socket);
    socket.write('{"id":0,"method":"echo","params":["');
    const block = Buffer.alloc(1 << 20, 0x78);
    for (let i = 0; i < 300 && !socket.destroyed; i++) {
      if (!socket.write(block)) await Promise.race([end, new Promise((resolve) => socket.once('drain', resolve))]);
      if (i % 50 === 0) await stillGood();
    }
    await end;
    await stillGood();
  });
});

describe('what stands in one piece before nonsense is answered, as by the C server', () => {
  const request = (id: number, method: string, ...params: Json[]): string => JSON.stringify({ id, method, params });
  const insert = { op: 'insert', table: 'Logical_Switch', row: { name: 'in time' } };
  const sound = [request(1, 'transact', 'OVN_Northbound', insert), request(2, 'list_dbs')].join('');
  const heardFrom = (path: string, text: string | Buffer): Promise<string> =>
    new Promise((resolve) => {
      let heard = '';
      const socket = createConnection(path, () => socket.write(text));
      socket.on('error', () => {}).on('data', (data) => (heard += data.toString()));
      socket.on('close', () => resolve(heard.replace(/[0-9a-f-]{36}/, 'uuid')));
    });

  it('whatever the nonsense is', async () => {
    const c = await startCServer(schemaToJson(nb));
    for (const nonsense of [' nonsense ', ']', '{"id":1}', '{"id":"none","result":1,"error":null}', '[]']) {
      const answers = await heardFrom(server.socket, sound + nonsense);
      expect(answers, nonsense).toContain('"uuid"');
      expect(parseAll(answers), nonsense).toEqual(parseAll(await heardFrom(c.socket, sound + nonsense)));
    }
    await c.stop();
  });
});

function parseAll(text: string): Json[] {
  const values: Json[] = [];
  new JsonFramer((value) => values.push(value as Json)).push(Buffer.from(text));
  return values;
}

describe('a request that makes no sense gets an error', () => {
  it.each<[string, string, Json[], string]>([
    [
      'a monitor of an unknown column',
      'monitor',
      ['OVN_Northbound', 'm', { ACL: [{ columns: ['nothing'] }] }],
      'not a valid column name',
    ],
    [
      'a monitor of an unknown table',
      'monitor_cond',
      ['OVN_Northbound', 'm', { Nothing: [{}] }],
      'no table named Nothing',
    ],
    ['an unknown database', 'transact', ['Nowhere'], 'unknown database'],
    ['an unknown method', 'levitate', [], 'unknown method'],
    ['too few parameters', 'monitor', ['OVN_Northbound'], 'syntax error'],
    ['a lock that is not held', 'unlock', ['mine'], 'unlock'],
  ])('%s', async (_, method, params, expected) => {
    await expect(good.call(method, params)).rejects.toThrow(expected);
  });

  it('a number out of range', async () => {
    const insert = (priority: string): Promise<Json> =>
      new Promise((resolve) => {
        void raw().then((socket) => {
          socket.on('data', (data) => resolve(JSON.parse(data.toString()) as Json));
          socket.write(
            `{"id":0,"method":"transact","params":["OVN_Northbound",{"op":"insert","table":"ACL","row":{"priority":${priority}}}]}`,
          );
        });
      });
    expect(JSON.stringify(await insert('40000'))).toContain('constraint violation');
    expect(JSON.stringify(await insert('1e300'))).toContain('expected integer');
    expect(JSON.stringify(await insert('99999999999999999999'))).toContain('expected integer');
  });
});

describe('slow clients', () => {
  it('one that sends a byte at a time is served', async () => {
    const socket = await raw();
    const answer = new Promise<string>((resolve) => socket.on('data', (data) => resolve(data.toString())));
    for (const byte of '{"id":7,"method":"echo","params":[1]}') {
      socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(JSON.parse(await answer)).toEqual({ id: 7, result: [1], error: null });
    await stillGood();
  });

  it('one that stops reading costs a bounded amount, and sees the final state when it reads again', {
    timeout: 60_000,
  }, async () => {
    const socket = await raw();
    socket.pause();
    const monitor = {
      id: 1,
      method: 'monitor_cond_since',
      params: [
        'OVN_Northbound',
        'm',
        { Logical_Switch: [{ columns: ['name', 'external_ids'] }] },
        '00000000-0000-0000-0000-000000000000',
      ],
    };
    socket.write(JSON.stringify(monitor));
    await stillGood();
    await insertSwitch('ls');
    // 100 MB of updates to one row.
    for (let i = 0; i < 200; i++) {
      const row = { external_ids: ['map', [['filler', `${i} ${'x'.repeat(500_000)}`]]] };
      await good.call('transact', ['OVN_Northbound', { op: 'update', table: 'Logical_Switch', where: [], row }]);
    }
    const queued = [...server.service.server.sessions].map(({ peer }) => peer.queuedBytes);
    expect(Math.max(...queued)).toBeLessThan(20_000_000);
    let text = '';
    const last = new Promise<void>((resolve) => {
      socket.on('data', (data) => {
        text = (text + data.toString()).slice(-2_000_000);
        if (text.includes('"199 xxx')) resolve();
      });
    });
    socket.resume();
    await last;
  });

  it('2,000 idle connections do no harm', { timeout: 60_000 }, async () => {
    // One after the other: both ends share one event loop, and the backlog of a unix socket is short.
    for (let i = 0; i < 2000; i++) await raw();
    for (let i = 0; i < 20; i++) await insertSwitch(`ls${i}`);
    expect(server.service.server.sessions.size).toBeGreaterThan(2000);
  });
});

describe('while a large answer leaves', () => {
  /** What a client hears that asks for all of 20,000 rows and goes on at once; a piece of nonsense ends it. */
  async function heard(requests: readonly string[], pause: boolean): Promise<Json[]> {
    const rows = Array.from({ length: 20_000 }, (_, i) => ({
      op: 'insert',
      table: 'Logical_Switch',
      row: { name: `${i}`, external_ids: ['map', [['filler', 'x'.repeat(1500)]]] },
    }));
    for (let i = 0; i < rows.length; i += 1000) await good.call('transact', [nb.name, ...rows.slice(i, i + 1000)]);
    const socket = await raw();
    const messages: Json[] = [];
    const last = JSON.parse(requests.at(-1)!) as { readonly id: Json };
    const done = new Promise<void>((resolve, reject) => {
      const framer = new JsonFramer((message) => {
        messages.push(message as Json);
        if ((message as { readonly id: Json }).id === last.id) resolve();
      });
      socket.on('data', (data) => {
        try {
          framer.push(data);
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      });
    });
    if (pause) socket.pause();
    for (const request of requests) {
      socket.write(request);
      // So that the server reads it in another turn than the others.
      for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
    }
    if (pause) await stillGood();
    socket.resume();
    await done;
    return messages;
  }
  const monitor = JSON.stringify({
    id: 'all',
    method: 'monitor_cond',
    params: [nb.name, 'm', { Logical_Switch: [{ columns: ['name', 'external_ids'] }] }],
  });
  const insert = (name: string): string =>
    JSON.stringify({
      id: name,
      method: 'transact',
      params: [nb.name, { op: 'insert', table: 'Logical_Switch', row: { name } }],
    });
  const echo = (id: string): string => JSON.stringify({ id, method: 'echo', params: [id] });
  const order = (messages: readonly Json[]): Json[] =>
    messages.map((message) => {
      const { id, method } = message as { readonly id: Json; readonly method?: string };
      return method ?? id;
    });

  it.each([false, true])('nothing else comes in its midst, and all in its order (paused: %s)', async (pause) => {
    const requests = [monitor, echo('e1'), insert('one'), echo('e2'), insert('two'), echo('e3')];
    const messages = await heard(requests, pause);
    const all = messages.find((message) => (message as { readonly id: Json }).id === 'all');
    const { result } = all as { readonly result: { readonly Logical_Switch: object } };
    expect(Object.keys(result.Logical_Switch)).toHaveLength(20_000);
    // Of its own changes a client hears before their answers.
    expect(order(messages)).toEqual(['all', 'e1', 'update2', 'one', 'e2', 'update2', 'two', 'e3']);
  });
});

describe('locks', () => {
  it('go from session to session, can be stolen, and end with their session', async () => {
    const told: string[] = [];
    const open = (name: string) =>
      server.connect((method, params) => told.push(`${name} ${method} ${String(params[0])}`));
    const [a, b, c] = [await open('a'), await open('b'), await open('c')] as const;
    expect(await a.call('lock', ['l'])).toEqual({ locked: true });
    expect(await b.call('lock', ['l'])).toEqual({ locked: false });
    expect(await c.call('steal', ['l'])).toEqual({ locked: true });
    await a.call('echo', []);
    expect(told).toEqual(['a stolen l']);
    const assert = async (peer: Peer): Promise<string> =>
      JSON.stringify(await peer.call('transact', ['OVN_Northbound', { op: 'assert', lock: 'l' }]));
    expect(await assert(c)).toBe('[{}]');
    expect(await assert(a)).toContain('not owner');
    c.close();
    // The one from whom it was stolen stands first in line.
    while (told.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(told[1]).toBe('a locked l');
    await a.call('unlock', ['l']);
    await b.call('echo', []);
    expect(told[2]).toBe('b locked l');
    for (const peer of [a, b]) peer.close();
  });
});

describe('transactions that wait', () => {
  const wait = (timeout: number | undefined): Json => ({
    op: 'wait',
    table: 'Logical_Switch',
    where: [['name', '==', 'awaited']],
    columns: ['name'],
    until: '==',
    rows: [{ name: 'awaited' }],
    ...(timeout === undefined ? {} : { timeout }),
  });

  it('go on when another client makes the condition true', async () => {
    const waiting = good.call('transact', [
      'OVN_Northbound',
      wait(undefined),
      { op: 'insert', table: 'Logical_Switch', row: { name: 'after' } },
    ]);
    const other = await server.connect();
    await other.call('transact', [
      'OVN_Northbound',
      { op: 'insert', table: 'Logical_Switch', row: { name: 'awaited' } },
    ]);
    expect(await waiting).toMatchObject([{}, { uuid: expect.anything() as Json }]);
    other.close();
  });

  it('time out, and can be cancelled', async () => {
    expect(JSON.stringify(await good.call('transact', ['OVN_Northbound', wait(20)]))).toContain('timed out');
    const cancelled = new Promise<Error>((resolve) => {
      const id = good.request('transact', ['OVN_Northbound', wait(undefined)], () => {}, resolve);
      good.notify('cancel', [id]);
    });
    expect((await cancelled).message).toContain('canceled');
  });

  it('are refused above a thousand of one client, of which the rest wait on', async () => {
    const many = await server.connect();
    const waiting = Array.from({ length: 1000 }, () => many.call('transact', ['OVN_Northbound', wait(undefined)]));
    await expect(many.call('transact', ['OVN_Northbound', wait(undefined)])).rejects.toThrow(
      /1000 transactions of this client wait already.*resources exhausted/,
    );
    // What need not wait is executed, and another client may wait.
    expect(await many.call('transact', ['OVN_Northbound', { op: 'comment', comment: 'x' }])).toEqual([{}]);
    const other = good.call('transact', ['OVN_Northbound', wait(undefined)]);
    await insertSwitch('awaited');
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => [{}]));
    expect(await other).toEqual([{}]);
    many.close();
  });
});
