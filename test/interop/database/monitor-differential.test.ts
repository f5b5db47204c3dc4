/** The same monitors on our server and on the installed ovsdb-server see the same of the same random transactions. */
import type { Peer } from '@weft/jsonrpc/peer';
import { canonicalText, isArray, isObject, type Json } from '@weft/ovsdb/json';
import { parseSchema } from '@weft/ovsdb/schema-json';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CServer, startCServer } from './c-server.ts';
import { fuzzSchema, Random, TransactionGenerator } from './random-transactions.ts';
import { startWeftServer, type WeftServer } from './weft-server.ts';

const transactions = Number(process.env.WEFT_FUZZ_TRANSACTIONS ?? 1500);
const seed = Number(process.env.WEFT_FUZZ_SEED ?? 1);

let c: CServer;
let weft: WeftServer;

beforeAll(async () => {
  c = await startCServer(fuzzSchema as unknown as Json);
  weft = await startWeftServer([parseSchema(fuzzSchema)]);
});

afterAll(async () => {
  await c?.stop();
  await weft?.stop();
});

/** One connection, and what it was told since the last look. */
class Client {
  readonly peer: Peer;
  readonly #told: Json[];

  private constructor(peer: Peer, told: Json[]) {
    this.peer = peer;
    this.#told = told;
  }

  static async open(server: { connect: CServer['connect'] }): Promise<Client> {
    const told: Json[] = [];
    return new Client(await server.connect((method, params) => told.push([method, ...params])), told);
  }

  /** Sorted, because the order of the monitors of one session is not fixed. Ours names a transaction when a changed condition shows nothing new. */
  async take(): Promise<string[]> {
    await this.peer.call('echo', []);
    return this.#told
      .splice(0)
      .map((message) => canonicalText(normal(message)))
      .filter((text) => !text.endsWith(',{"modify":{}}]') && !text.endsWith(',"id",{}]'))
      .sort();
  }
}

/** Transaction ids differ, the C server writes 15 digits of a real, and it may tell that a row has changed in no column. */
function normal(json: Json): Json {
  if (typeof json === 'number') return Number(json.toPrecision(15));
  // In the text of an error.
  if (typeof json === 'string')
    return json.replaceAll(/\d+\.\d{15,}/g, (real) => String(Number(Number(real).toPrecision(15))));
  if (isArray(json)) {
    if (json[0] === 'update3') return json.map((part, i) => (i === 2 ? 'id' : normal(part)));
    return json.map(normal);
  }
  if (!isObject(json)) return json;
  const members = Object.entries(json).map(([name, value]) => [name, normal(value)] as const);
  const kept = members.filter(([, value]) => canonicalText(value) !== '{"modify":{}}');
  return kept.length === 0 && members.length > 0 ? { modify: {} } : Object.fromEntries(kept);
}

function select(random: Random): Json {
  const names = ['initial', 'insert', 'delete', 'modify'].filter(() => random.chance(0.2));
  return Object.fromEntries(names.map((name) => [name, random.chance(0.5)]));
}

describe('random monitors', () => {
  it(`are told the same by both servers (${transactions} transactions, seed ${seed})`, {
    timeout: 300_000,
  }, async () => {
    const random = new Random(seed + 1000);
    const generator = new TransactionGenerator(new Random(seed));
    const watchers = [await Client.open(c), await Client.open(weft)] as const;
    const writers = [await c.connect(), await weft.connect()] as const;
    const both = async (call: (client: Client) => Promise<Json>): Promise<[Json, Json]> => {
      const settle = (client: Client): Promise<Json> => call(client).catch((error: Error) => ['error', error.message]);
      return [await settle(watchers[0]), await settle(watchers[1])];
    };
    const open: { readonly id: string; readonly tables: readonly string[]; readonly conditional: boolean }[] = [];
    let told = 0;
    const step = async (i: number): Promise<void> => {
      if (i % 25 === 0) {
        for (const { id } of open.splice(0, Math.max(0, open.length - 6)))
          await both(({ peer }) => peer.call('monitor_cancel', [id]));
        const tables = ['Root', 'Leaf', 'Few'].filter(() => random.chance(0.7));
        const method = random.pick(['monitor', 'monitor_cond', 'monitor_cond_since']);
        const conditional = method !== 'monitor';
        const requests = Object.fromEntries(
          tables.map((table) => {
            const all = Object.keys(fuzzSchema.tables[table as 'Root'].columns);
            const columns = all.filter(() => random.chance(0.5));
            return [
              table,
              [
                {
                  columns,
                  select: select(random),
                  ...(conditional ? { where: valid(generator.condition(table)) } : {}),
                },
              ],
            ];
          }),
        ) as Json;
        const id = `m${i}`;
        const since = method === 'monitor_cond_since' ? ['00000000-0000-0000-0000-000000000000'] : [];
        const [theirs, ours] = await both(({ peer }) => peer.call(method, ['Fuzz', id, requests, ...since]));
        const rows = (answer: Json): Json => normal(isArray(answer) && answer.length === 3 ? answer[2]! : answer);
        expect(rows(ours), `${method} ${JSON.stringify(requests)}`).toEqual(rows(theirs));
        open.push({ id, tables, conditional });
      } else if (i % 25 === 12) {
        const target = open.find(({ conditional, tables }) => conditional && tables.length > 0);
        if (target !== undefined) {
          const table = random.pick(target.tables);
          const change = { [table]: [{ where: valid(generator.condition(table)) }] } as Json;
          const [theirs, ours] = await both(({ peer }) =>
            peer.call('monitor_cond_change', [target.id, target.id, change]),
          );
          expect(normal(ours)).toEqual(normal(theirs));
        }
      }
      // "*=" can end the C server; see the test of transactions.
      const operations = generator.transaction().filter((operation) => !JSON.stringify(operation).includes('"*="'));
      const results = await Promise.all(writers.map((peer) => peer.call('transact', ['Fuzz', ...operations])));
      const [theirs, ours] = await Promise.all(watchers.map((watcher) => watcher.take()));
      told += ours!.length;
      const context = `transaction ${i}: ${JSON.stringify(operations)} → ${JSON.stringify(results[1])}`;
      expect(ours, context).toEqual(theirs);
    };
    let done = 0;
    for (; done < transactions; done++) {
      try {
        await step(done);
      } catch (error) {
        if (!(await diesOf(error))) throw error;
        console.info(`the C server died of transaction ${done}`);
        break;
      }
    }
    expect(told).toBeGreaterThan(done / 10);
    for (const { peer } of watchers) peer.close();
    for (const peer of writers) peer.close();
  });
});

/** Some weak references end the C server itself. A process that ends closes its sockets first. */
async function diesOf(error: unknown): Promise<boolean> {
  if (!(error instanceof Error) || !/EPIPE|ECONNRESET|connection/.test(error.message)) return false;
  for (let attempt = 0; attempt < 100 && !c.dead; attempt++) await new Promise((done) => setTimeout(done, 20));
  return c.dead;
}

/** Only clauses that a server accepts: what it says of others is compared elsewhere. */
function valid(condition: Json[]): Json[] {
  return condition.filter(
    (clause) => !isArray(clause) || (clause.length === 3 && !JSON.stringify(clause).includes('named-uuid')),
  );
}
