/** Clients that misbehave: each gets a clear end or a bounded cost, and the others are answered all the while. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Peer } from '@weft/jsonrpc/peer';
import type { Json } from '@weft/ovsdb/json';
import { column, database, integer, real, string, table } from '@weft/ovsdb/schema';
import { SqliteStore } from '@weft/ovsdb-server/store/sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildServer } from '../../interop/database/build-server.ts';
import { ServerProcess } from './server-process.ts';

const schema = database('Faults', '1.0.0', {
  Item: table(
    { name: column(string()), count: column(integer()), ratio: column(real()), text: column(string()) },
    { isRoot: true },
  ),
});

let folder: string;
let program: string;
let server: ServerProcess;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weft-clients-'));
  const file = join(folder, 'faults.db');
  SqliteStore.create(file, schema);
  program = await buildServer();
  server = new ServerProcess(program, [file], join(folder, 's'));
  const peer = await server.connect();
  await transact(peer, { op: 'insert', table: 'Item', row: { name: 'bystander' } });
  peer.close();
});
afterAll(async () => {
  await server.kill('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
});

async function transact(peer: Peer, ...operations: Json[]): Promise<readonly Json[]> {
  const results = (await peer.call('transact', ['Faults', ...operations])) as readonly Json[];
  expect(JSON.stringify(results)).not.toContain('"error"');
  return results;
}

/** A client that writes all the time, and counts its answers. */
class Bystander {
  answers = 0;
  readonly #peer: Peer;
  readonly #done: Promise<void>;
  #stopped = false;

  constructor(peer: Peer) {
    this.#peer = peer;
    this.#done = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await transact(this.#peer, {
        op: 'mutate',
        table: 'Item',
        where: [['name', '==', 'bystander']],
        mutations: [['count', '+=', 1]],
      });
      this.answers++;
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
    this.#peer.close();
  }
}

let bystander: Bystander;
beforeEach(async () => {
  bystander = new Bystander(await server.connect());
});
/** Nobody noticed: the server lives, complains of nothing, and goes on answering. */
afterEach(async () => {
  await answered(5);
  await bystander.stop();
  expect(server.running).toBe(true);
  expect(server.errors).toBe('');
});

async function closed(socket: Socket): Promise<void> {
  socket.resume();
  if (!socket.destroyed) await new Promise((resolve) => socket.on('close', resolve));
}

/** Writes as much as the other side takes; ends early if that closes. */
async function pour(socket: Socket, pieces: Iterable<Uint8Array | string>): Promise<void> {
  let wake = (): void => {};
  socket.on('drain', () => wake());
  socket.on('close', () => wake());
  for (const piece of pieces) {
    if (socket.destroyed) return;
    const resumed = new Promise<void>((resolve) => {
      wake = resolve;
    });
    if (!socket.write(piece)) await resumed;
  }
}

/** `count` answers of the bystander from now on. */
async function answered(count: number): Promise<void> {
  const goal = bystander.answers + count;
  while (bystander.answers < goal) await new Promise((resolve) => setTimeout(resolve, 1));
}

function* repeated(head: string, piece: string, bytes: number): Generator<Uint8Array | string> {
  yield head;
  const many = Buffer.from(piece.repeat(Math.ceil(65536 / piece.length)));
  for (let sent = 0; sent < bytes; sent += many.length) yield many;
}

describe('messages that cannot be', () => {
  it.each<[string, string]>([
    ['of one long string', 'a'],
    ['of small values', '[],'],
    ['of small numbers', '0,'],
    ['of objects', '{"a":{}},'],
  ])('300 MB %s end the connection, in bounded memory', async (_, piece) => {
    const socket = await server.raw();
    const head = '{"id":1,"method":"transact","params":["Faults",';
    const end = closed(socket);
    await pour(socket, repeated(piece === 'a' ? `${head}"` : head, piece, 300e6));
    await end;
    expect(bystander.answers).toBeGreaterThan(20);
    // Not more than the message itself may take, twice over while it grows.
    expect(server.rssMb(true)).toBeLessThan(1300);
  });

  it.each(['[', '{"a":'])('JSON nested 100,000 deep (%s) ends the connection', async (bracket) => {
    const socket = await server.raw();
    const end = closed(socket);
    await pour(socket, [`{"id":1,"method":"echo","params":${bracket.repeat(100_000)}`]);
    await end;
  });

  it.each<[string, Uint8Array]>([
    ['a lone continuation byte', Buffer.from([0x80])],
    ['an overlong slash', Buffer.from([0xc0, 0xaf])],
    ['a surrogate', Buffer.from([0xed, 0xa0, 0x80])],
    ['a sequence cut short', Buffer.from([0xe2, 0x82])],
  ])('invalid UTF-8 (%s) is refused where it stands', async (_, bytes) => {
    const socket = await server.raw();
    const answer = once(socket, 'data').then(([chunk]) => String(chunk as Buffer));
    const [before, after] = [
      '{"id":1,"method":"transact","params":["Faults",{"op":"insert","table":"Item","row":{"name":"',
      '"}}]}',
    ];
    socket.write(Buffer.concat([Buffer.from(before), bytes, Buffer.from(after)]));
    expect(await answer).toMatch(/"not a valid UTF-8 string: .*"error":"constraint violation"/);
    socket.destroy();
  });
});

describe('requests that cannot be', () => {
  const insert = async (column: string, value: Json): Promise<string> => {
    const peer = await server.connect();
    const results = await peer.call('transact', ['Faults', { op: 'insert', table: 'Item', row: { [column]: value } }]);
    peer.close();
    return JSON.stringify(results);
  };

  it('numbers out of range get an error', async () => {
    expect(await insert('count', 2n ** 63n)).toMatch(/"error":"syntax error"/);
    expect(await insert('count', -(2n ** 63n) - 1n)).toMatch(/"error":"syntax error"/);
    expect(await insert('count', 1.5)).toMatch(/"error":"syntax error"/);
    expect(await insert('count', 2n ** 63n - 1n)).not.toMatch(/"error"/);
    expect(await insert('count', -(2n ** 63n))).not.toMatch(/"error"/);
    const peer = await server.connect();
    const overflow = await peer.call('transact', [
      'Faults',
      { op: 'mutate', table: 'Item', where: [['count', '>', 2 ** 60]], mutations: [['count', '+=', 1]] },
    ]);
    expect(JSON.stringify(overflow)).toMatch(/"error":"range error"/);
    peer.close();
  });

  it('a number that no double holds ends the connection or gets an error', async () => {
    const socket = await server.raw();
    const end = closed(socket).then(() => 'closed');
    socket.write(
      '{"id":1,"method":"transact","params":["Faults",{"op":"insert","table":"Item","row":{"ratio":1e400}}]}',
    );
    const answer = await Promise.race([once(socket, 'data').then(([chunk]) => String(chunk as Buffer)), end]);
    expect(answer).toMatch(/closed|"error"/);
    socket.destroy();
  });

  it.each<[string, readonly Json[], RegExp]>([
    ['a monitor of a column that does not exist', ['Faults', 'm', { Item: { columns: ['nope'] } }], /nope/],
    ['a monitor of a table that does not exist', ['Faults', 'm', { Nope: {} }], /Nope/],
    ['a monitor of a database that does not exist', ['Nope', 'm', { Item: {} }], /[Nn]ope/],
  ])('%s gets an error that names it', async (_, params, name) => {
    const peer = await server.connect();
    for (const method of ['monitor', 'monitor_cond']) {
      await expect(peer.call(method, params)).rejects.toThrow(name);
    }
    // The connection is still good.
    await transact(peer, { op: 'select', table: 'Item', where: [['name', '==', 'bystander']] });
    peer.close();
  });
});

describe('clients that are slow', () => {
  it('one that sends a byte a second is answered when it is done', async () => {
    const socket = await server.raw();
    // In the server's time a second between two bytes is many answers to others.
    for (const byte of '{"id":7,"method":"echo","params":["slow"]}') {
      socket.write(byte);
      await answered(3);
    }
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(JSON.parse(answer.toString())).toEqual({ id: 7, result: ['slow'], error: null });
    socket.destroy();
  });

  it('one that monitors and does not read costs as much as what changed, not as how often', async () => {
    // This server has room for far less than what will be written. The client is due one row in the end; the history of transactions is bounded too.
    const file = join(folder, 'small.db');
    SqliteStore.create(file, schema);
    const small = new ServerProcess(program, [file], join(folder, 'small'), ['--max-old-space-size=96']);
    try {
      const socket = await small.raw();
      socket.pause();
      socket.write('{"id":1,"method":"monitor_cond","params":["Faults","m",{"Item":[{}]}]}');
      const writer = await small.connect();
      const text = 'x'.repeat(200_000);
      await transact(writer, { op: 'insert', table: 'Item', row: { name: 'big', text } });
      for (let i = 0; i < 800; i++) {
        const row = { text: `${i}${text}` };
        await transact(writer, { op: 'update', table: 'Item', where: [['name', '==', 'big']], row });
      }
      // Not in buffers outside the heap either.
      expect(small.rssMb(true)).toBeLessThan(350);
      // When it reads again it gets to what is there now.
      const last = `"799${'x'.repeat(20)}`;
      await new Promise<void>((resolve) => {
        let tail = '';
        socket.on('data', (chunk: Buffer) => {
          const seen = tail + chunk.toString('latin1');
          tail = seen.slice(-100);
          if (seen.includes(last)) resolve();
        });
        socket.resume();
      });
      socket.destroy();
      writer.close();
      expect(small.errors).toBe('');
    } finally {
      await small.kill('SIGTERM');
    }
  });

  it('one that asks and does not read is not read either', async () => {
    const writer = await server.connect();
    const text = 'y'.repeat(1_000_000);
    await transact(writer, { op: 'insert', table: 'Item', row: { name: 'large', text } });
    const before = server.rssMb();
    const socket = await server.raw();
    socket.pause();
    // Answered at once, that would be 2 GB.
    for (let id = 0; id < 2000; id++) {
      socket.write(
        `{"id":${id},"method":"transact","params":["Faults",{"op":"select","table":"Item","where":[["name","==","large"]]}]}`,
      );
    }
    await answered(200);
    expect(server.rssMb() - before).toBeLessThan(150);
    socket.destroy();
    await transact(writer, { op: 'delete', table: 'Item', where: [['name', '==', 'large']] });
    writer.close();
  });

  it('one that asks for much at once does not hold up others', async () => {
    const socket = await server.raw();
    let seen = 0;
    socket.on('data', (chunk: Buffer) => {
      seen += chunk.toString('latin1').split('"id":').length - 1;
    });
    // A scan of a table of 5,000 rows for each.
    const writer = await server.connect();
    await transact(
      writer,
      ...Array.from({ length: 5000 }, (_, i) => ({ op: 'insert', table: 'Item', row: { name: 'many', count: i } })),
    );
    const scan = { op: 'select', table: 'Item', where: [['count', '>', 4998]], columns: ['name'] };
    let asked = '';
    for (let id = 0; id < 500; id++) asked += JSON.stringify({ id, method: 'transact', params: ['Faults', scan] });
    const before = bystander.answers;
    socket.write(asked);
    while (seen < 500) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(bystander.answers - before).toBeGreaterThan(5);
    socket.destroy();
    await transact(writer, { op: 'delete', table: 'Item', where: [['name', '==', 'many']] });
    writer.close();
  });
});

it('2,000 idle connections cost memory only', async () => {
  const before = server.rssMb();
  const sockets: Socket[] = [];
  while (sockets.length < 2000) sockets.push(await server.raw());
  expect((server.rssMb() - before) / 2000).toBeLessThan(0.05);
  await answered(100);
  for (const socket of sockets) socket.destroy();
});
