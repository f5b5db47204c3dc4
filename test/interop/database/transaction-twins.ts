/** The same transactions on our server and on the C server, over their sockets: same results, same `error` and `details`. */
import { canonicalText, isArray, isObject, type Json, jsonText } from '@weft/ovsdb/json';
import { parseSchema } from '@weft/ovsdb/schema-json';
import { expect } from 'vitest';
import { type CServer, startCServer } from './c-server.ts';
import { RawClient } from './raw-client.ts';
import { startWeftServer, type WeftServer } from './weft-server.ts';

/** Uuids that tests choose begin like this; all others are the servers' own. */
const chosen = /^0{7}/;
const anyUuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** What the servers choose by themselves, the order of rows, and digits of a real beyond the 15 that the C server writes, away. */
function normal(json: Json): Json {
  if (typeof json === 'number' && !Number.isSafeInteger(json)) return Number(json.toPrecision(15));
  if (typeof json === 'string') return normalText(json);
  if (isArray(json)) return json.map(normal);
  if (!isObject(json)) return json;
  if (isArray(json.rows))
    return { rows: json.rows.map(normal).sort((a, b) => (canonicalText(a) < canonicalText(b) ? -1 : 1)) };
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, normal(value)]));
}

/** Which of two rows with the same values in an index is the first is up to the server. */
const twoRows = /(?<=First row, with UUID )(\S+, .*)\. {2}(Second row, with UUID )(.*)\.$/;

function normalText(text: string): string {
  return text
    .replaceAll(anyUuid, (uuid) => (chosen.test(uuid) ? uuid : 'uuid'))
    .replace(/after \d+ ms/, 'after some ms')
    .replace(twoRows, (_, first, middle, second) => [first, second].sort().join(middle));
}

export class TransactionTwins {
  readonly #name: string;
  readonly #c: CServer;
  readonly #weft: WeftServer;
  readonly #clients: readonly [c: RawClient, weft: RawClient];

  private constructor(name: string, c: CServer, weft: WeftServer) {
    this.#name = name;
    this.#c = c;
    this.#weft = weft;
    this.#clients = [new RawClient(c.socket), new RawClient(weft.socket)];
  }

  static async start(schema: { readonly name: string; readonly tables: object }): Promise<TransactionTwins> {
    const c = await startCServer(schema as unknown as Json);
    return new TransactionTwins(schema.name, c, await startWeftServer([parseSchema(schema)]));
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.#c.stop();
    await this.#weft.stop();
  }

  /**
   * Sends transactions, one after the other, each as operations or as JSON text of an array of them, and expects the same answers from both.
   * Returns the answers, as texts with sorted members, null members left out.
   */
  async play(transactions: readonly (readonly Json[] | string)[]): Promise<string[]> {
    const [theirs, ours] = await Promise.all(this.#clients.map((client) => this.#send(client, transactions)));
    for (const [i, transaction] of transactions.entries()) {
      const context = typeof transaction === 'string' ? transaction : jsonText(transaction);
      expect(ours![i], context).toBe(theirs![i]);
    }
    expect(this.#c.dead, 'the C server is alive').toBe(false);
    return theirs!;
  }

  async #send(client: RawClient, transactions: readonly (readonly Json[] | string)[]): Promise<string[]> {
    const answers = new Array<string>(transactions.length).fill('no answer');
    let answered = 0;
    const takeAll = async (sent: number): Promise<void> => {
      while (answered < sent && !client.closed) {
        for (const json of await client.take()) {
          if (!isObject(json) || typeof json.id !== 'number') continue;
          const { id, result = null, error = null } = json;
          answers[id] = canonicalText(normal(error ?? result));
          answered++;
        }
      }
    };
    for (const [id, transaction] of transactions.entries()) {
      const operations = typeof transaction === 'string' ? transaction : jsonText(transaction);
      const params = `["${this.#name}",${operations.slice(1)}`.replace(/,\]$/, ']');
      client.send(`{"id":${id},"method":"transact","params":${params}}`);
      // What comes while a transaction waits may change what it finds in the end.
      if (/"timeout":[1-9]/.test(operations)) await takeAll(id + 1);
    }
    await takeAll(transactions.length);
    return answers;
  }
}
