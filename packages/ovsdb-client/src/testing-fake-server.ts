/** For tests: a server that is played, so that it can misbehave, be old, or change its role at the right moment. */
import type { Duplex } from 'node:stream';
import type { RequestId } from '@weft/jsonrpc/message';
import { Peer } from '@weft/jsonrpc/peer';
import { duplexPair, TestClock } from '@weft/jsonrpc/testing';
import type { Json, JsonObject } from '@weft/ovsdb/json';
import type { RowChange } from '@weft/ovsdb/row';
import { schemaToJson } from '@weft/ovsdb/schema-json';
import { Replica, type ReplicaOptions } from './replica.ts';
import { inventory } from './testing-schema.ts';

export const a = '00000000-0000-0000-0000-00000000000a';
export const b = '00000000-0000-0000-0000-00000000000b';
export const txn = (n: number): string => `00000000-0000-0000-0000-0000000000${String(n).padStart(2, '0')}`;
const schemaText = JSON.stringify(schemaToJson(inventory));

export interface Call {
  readonly method: string;
  readonly params: readonly Json[];
  readonly id: RequestId;
}

/** A server whose every word the test decides. Requests that are not answered by `status` wait in `calls`. */
export class FakeServer {
  readonly calls: Call[] = [];
  readonly peers: Peer[] = [];
  status: JsonObject = { name: 'Inventory', model: 'standalone', connected: true, leader: true, schema: schemaText };
  /** What `get_schema` answers, if not what `_Server` has. */
  schema: Json | undefined;
  readonly unknown = new Set<string>();

  accept(): Duplex {
    const [left, right] = duplexPair();
    const peer = new Peer(right, {
      onRequest: (method, params, id) => {
        if (this.unknown.has(method)) peer.replyError(id, 'unknown method');
        else if (method === 'set_db_change_aware') peer.reply(id, {});
        else if (method === 'get_schema')
          peer.reply(id, this.schema ?? (JSON.parse(this.status.schema as string) as Json));
        else if (method === 'monitor_cond' && params[0] === '_Server') {
          peer.reply(id, { Database: { [a]: { initial: this.status } } });
        } else this.calls.push({ method, params, id });
      },
    });
    this.peers.push(peer);
    return left;
  }

  get peer(): Peer {
    return this.peers.at(-1)!;
  }

  async next(method: string): Promise<Call> {
    for (let i = 0; i < 200; i++) {
      const call = this.calls.shift();
      if (call !== undefined) {
        if (call.method !== method) throw new Error(`${call.method} came, not ${method}`);
        return call;
      }
      await turn();
    }
    throw new Error(`no ${method} came`);
  }

  setStatus(modify: JsonObject): void {
    this.peer.notify('update2', ['weft:_Server', { Database: { [a]: { modify } } }]);
  }
}

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
export const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await turn();
};

export function setUp(
  servers: readonly FakeServer[],
  options: Partial<ReplicaOptions<typeof inventory>> = {},
): { replica: Replica<typeof inventory>; clock: TestClock; lists: (readonly RowChange[])[]; log: string[] } {
  const clock = new TestClock();
  const log: string[] = [];
  const replica = new Replica({
    schema: inventory,
    remotes: servers.map((_, i) => `tcp:server:${i + 1}`).join(','),
    tables: { Shelf: ['name'] },
    shuffle: false,
    clock,
    random: () => 0,
    backoff: { minMs: 1000, maxMs: 8000, random: () => 1 },
    connect: async (remote) => servers[remote.kind === 'tcp' ? remote.port - 1 : 0]!.accept(),
    log: (_level, message) => log.push(message),
    ...options,
  });
  const lists: (readonly RowChange[])[] = [];
  replica.onChange((changes) => lists.push(changes));
  replica.start();
  return { replica, clock, lists, log };
}

/** Lets the client notice what happened, and wait as long as it wants before it tries again. */
export async function passTime(clock: TestClock, milliseconds = 1000): Promise<void> {
  await turns();
  clock.advance(milliseconds);
  await turns();
}

export const shelf = (name: string): JsonObject => ({ initial: { name } });
