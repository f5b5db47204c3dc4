/** What our relay forwards: in which order, how much of it, and what it does while its source is slow or away. */
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { Peer } from '@weft/jsonrpc/peer';
import type { Json } from '@weft/ovsdb/json';
import { schemaToJson } from '@weft/ovsdb/schema-json';
import type { DatabaseService } from '@weft/ovsdb-server/service';
import { nb } from '@weft/schemas/nb';
import { describe, expect, it } from 'vitest';
import { connectTo } from './c-server.ts';
import { cleanups, doorTo, folder, relaySettled, relays, sources, zero } from './relay-bed.ts';
import { startWeftServer } from './weft-server.ts';

interface SlowSource {
  readonly remote: string;
  readonly waiting: (() => void)[];
  /** Those who follow it. */
  readonly peers: Peer[];
  /** They get the schema then. */
  ready: Promise<void>;
  /** The last transactions that they said they had seen. */
  readonly seen: Json[];
}

const someId = zero.replace('0', '1');

/** A transaction that writes, as text: its comment. */
const comment = (id: number, text: string): string =>
  JSON.stringify({
    id,
    method: 'transact',
    params: ['OVN_Northbound', { op: 'comment', comment: text }, { op: 'insert', table: 'Logical_Switch', row: {} }],
  });

/** A source that answers transactions when it is told to, but at once the ones without operations. */
async function slowSource(): Promise<SlowSource> {
  const path = join(folder, 'source.sock');
  const source: SlowSource = { remote: `unix:${path}`, waiting: [], peers: [], ready: Promise.resolve(), seen: [] };
  const { waiting, peers } = source;
  const listener = createServer((stream) => {
    const peer = new Peer(stream, {
      onRequest: (method, params, id) => {
        if (method === 'get_schema') void source.ready.then(() => peer.reply(id, schemaToJson(nb)));
        else if (method === 'monitor') peer.reply(id, {});
        else if (method === 'monitor_cond_since') {
          source.seen.push(params[3]!);
          peer.reply(id, [false, someId, {}]);
        } else if (params.length === 1) peer.reply(id, []);
        else waiting.push(() => peer.reply(id, [params[1]!]));
      },
    });
    peers.push(peer);
  });
  await new Promise<void>((resolve) => listener.listen(path, resolve));
  cleanups.push(() => {
    for (const peer of peers) peer.close();
    listener.close();
  });
  return source;
}

describe('our relay', () => {
  it('takes on what the source executes at once, however much', async () => {
    const server = await startWeftServer([nb]);
    cleanups.push(server.stop);
    await relays.weft(`unix:${server.socket}`);
    await relaySettled();
    const near = await connectTo(`${folder}/relay.sock`);
    const count = 3000;
    const answers = await Promise.all(
      Array.from({ length: count }, (_, i) =>
        near.call('transact', [
          'OVN_Northbound',
          { op: 'insert', table: 'Address_Set', row: { name: `set${i}`, addresses: 'x'.repeat(4000) } },
        ]),
      ),
    );
    expect(answers.filter((answer) => JSON.stringify(answer).includes('uuid'))).toHaveLength(count);
    near.close();
  });

  it('takes on 1,000 that wait at the source, and refuses more', async () => {
    const { remote, waiting } = await slowSource();
    await relays.weft(remote);
    await relaySettled();
    const near = await connectTo(`${folder}/relay.sock`);
    const send = () =>
      near.call('transact', ['OVN_Northbound', { op: 'commit', durable: false }]).then(
        () => 'done',
        (error: Error) => error.message,
      );
    const answers = Array.from({ length: 1100 }, send);
    for (const refused of await Promise.all(answers.slice(1000))) expect(refused).toContain('resources exhausted');
    expect(waiting).toHaveLength(1000);
    for (const answer of waiting.splice(0)) answer();
    for (const answer of await Promise.all(answers.slice(0, 1000))) expect(answer).toBe('done');
    // There is room again.
    const last = send();
    while (waiting.length === 0) await near.call('echo', []);
    waiting.pop()?.();
    expect(await last).toBe('done');
    near.close();
  });

  const megabyte = { op: 'comment', comment: 'x'.repeat(1 << 20) };

  /** Sends the relay 60 MB from one client, and resolves when it has had time to read all that it wants to: with their answers, and how many it has read. */
  async function flood({
    server,
  }: DatabaseService): Promise<{ readonly answers: Promise<Json[]>; readonly read: number }> {
    const [near, other] = [await connectTo(`${folder}/relay.sock`), await connectTo(`${folder}/relay.sock`)];
    cleanups.push(() => [near, other].forEach((peer) => void peer.close()));
    const write = (): Promise<Json> => near.call('transact', [nb.name, { op: 'commit', durable: false }, megabyte]);
    const answers = Promise.all(Array.from({ length: 60 }, write));
    const waiting = (): number => Math.max(...[...server.sessions].map(({ waitingCount }) => waitingCount));
    await expect.poll(waiting, { timeout: 20_000 }).toBeGreaterThan(4);
    for (let i = 0; i < 300; i++) await other.call('echo', []);
    return { answers, read: waiting() };
  }

  it('reads no more of a client than its source does, and some megabytes', async () => {
    const { remote, waiting, peers } = await slowSource();
    const relay = await relays.weft(remote);
    await relaySettled();
    for (const peer of peers) peer.hold();
    const { answers, read } = await flood(relay);
    expect(read).toBeLessThan(20);
    for (const peer of peers) peer.release();
    const timer = setInterval(() => {
      for (const answer of waiting.splice(0)) answer();
    }, 5);
    await answers.finally(() => clearInterval(timer));
  });

  it('reads no more than some megabytes of a client that writes while there is no source', async () => {
    const door = await doorTo(await sources.weft());
    const relay = await relays.weft(door.remote);
    await relaySettled();
    await door.shut();
    const { answers, read } = await flood(relay);
    expect(read).toBeLessThan(20);
    await door.open();
    expect(await answers).toHaveLength(60);
  });

  it('notices that a client has gone which it does not read, as the C relay does', async () => {
    const gone = async (start: (source: string) => Promise<unknown>): Promise<number> => {
      const door = await doorTo((await slowSource()).remote);
      await start(door.remote);
      await relaySettled();
      await door.shut();
      const path = `${folder}/relay.sock`;
      // One client sends so much that no other is read any more.
      const greedy = createConnection(path).on('error', () => {});
      cleanups.push(() => void greedy.destroy());
      greedy.write(comment(1, 'x'.repeat(9 << 20)));
      await new Promise((resolve) => setTimeout(resolve, 500));
      let closed = 0;
      for (let i = 0; i < 10; i++) {
        const client = createConnection(path).on('error', () => {});
        client.on('close', () => closed++).resume();
        client.write(comment(1, 'short'));
        await new Promise((resolve) => setTimeout(resolve, 20));
        // What clients do that get no answer for long: they ask whether anybody is there, and hang up.
        client.write('{"id":"echo","method":"echo","params":[]}');
        await new Promise((resolve) => setTimeout(resolve, 20));
        client.end();
      }
      // Whoever reads notices the end, and ends its side, too.
      for (let wait = 0; closed < 10 && wait < 50; wait++) await new Promise((resolve) => setTimeout(resolve, 20));
      return closed;
    };
    expect(await gone(relays.C)).toBe(10);
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    let service: DatabaseService | undefined;
    const ours = async (source: string): Promise<void> => {
      service = await relays.weft(source);
    };
    expect(await gone(ours)).toBe(10);
    expect(service?.server.sessions.size).toBe(1);
    const database = service?.server.database('OVN_Northbound');
    expect(database && service?.server.forwarder(database)?.settling).toBe(1);
  });

  it('asks its source for what came after the last transaction that it has seen', async () => {
    const source = await slowSource();
    await relays.weft(source.remote);
    await relaySettled();
    source.peers.shift()?.close();
    await expect.poll(() => source.seen, { timeout: 10_000 }).toEqual([zero, someId]);
  });

  it('sends in order what came before and after there was a source again', async () => {
    const source = await slowSource();
    const { server } = await relays.weft(source.remote);
    await relaySettled();
    const near = await connectTo(`${folder}/relay.sock`);
    const answered: Json[] = [];
    const write = async (name: string): Promise<void> => {
      answered.push(await near.call('transact', [nb.name, { op: 'insert', table: 'Copp', row: { name } }]));
    };
    let open = (): void => {};
    source.ready = new Promise((resolve) => {
      open = resolve;
    });
    const [session] = server.sessions;
    source.peers.shift()?.close();
    const first = write('first');
    await expect.poll(() => session!.waitingCount).toBe(1);
    await expect.poll(() => source.peers.length, { timeout: 10_000 }).toBe(1);
    const second = write('second');
    await expect.poll(() => session!.waitingCount).toBe(2);
    open();
    await expect.poll(() => source.waiting.length).toBe(2);
    for (const answer of source.waiting) answer();
    await Promise.all([first, second]);
    expect(JSON.stringify(answered)).toMatch(/first.*second/);
    near.close();
  });
});
