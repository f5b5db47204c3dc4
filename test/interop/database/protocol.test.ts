/**
 * The protocol against the installed ovsdb-server: the same random messages, sound and bent, on several connections; the same answers and notifications,
 * and the same connections ended. WEFT_FUZZ_MESSAGES and WEFT_FUZZ_SEED lengthen and vary the run.
 */
import { canonicalText, isArray, isObject, type Json, type JsonObject } from '@weft/ovsdb/json';
import { parseSchema } from '@weft/ovsdb/schema-json';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CServer, startCServer } from './c-server.ts';
import { MessageGenerator, messageSchema } from './random-messages.ts';
import { Random } from './random-transactions.ts';
import { RawClient } from './raw-client.ts';
import { startWeftServer, type WeftServer } from './weft-server.ts';

const messages = Number(process.env.WEFT_FUZZ_MESSAGES ?? 2000);
const seed = Number(process.env.WEFT_FUZZ_SEED ?? 1);
const clients = 3;

/** A client that heeds which locks it holds. */
class LockClient extends RawClient {
  /** The locks that it has been told it holds. */
  readonly #locks = new Set<Json>();

  /**
   * Is it news? The C server tells the holder of a lock again that it has it, when another client leaves the line behind it (RFC 7047 section 4.1.9 has
   * `locked` for a lock that was waited for).
   */
  #isNews(json: Json): boolean {
    if (!isObject(json) || !isArray(json.params)) return true;
    const [lock = null] = json.params;
    if (json.method === 'stolen') this.#locks.delete(lock);
    if (json.method !== 'locked') return true;
    if (this.#locks.has(lock)) return false;
    this.#locks.add(lock);
    return true;
  }

  /** Learns from the answer to a request what it holds now. */
  learn(request: Json, answers: readonly Json[]): void {
    if (!isObject(request) || !isArray(request.params)) return;
    const answer = answers.find(
      (json) =>
        isObject(json) && 'result' in json && canonicalText(json.id ?? null) === canonicalText(request.id ?? null),
    );
    if (!isObject(answer) || answer.error !== null) return;
    const [lock = null] = request.params;
    if (request.method === 'unlock') this.#locks.delete(lock);
    if (isObject(answer.result) && answer.result.locked === true) this.#locks.add(lock);
  }

  override async take(): Promise<Json[]> {
    return (await super.take()).filter((json) => this.#isNews(json));
  }
}

let c: CServer;
let ours: WeftServer;

async function start(): Promise<void> {
  c = await startCServer(messageSchema as unknown as Json);
  ours = await startWeftServer([parseSchema(messageSchema)]);
}

async function stop(): Promise<void> {
  await c?.stop();
  await ours?.stop();
}

beforeAll(start);
afterAll(stop);

const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/;

/** Without uuids and the order of rows; null members away, since absent and null mean the same. */
function normal(json: Json): Json {
  if (typeof json === 'string') return normalText(json);
  if (isArray(json)) return json.map(normal);
  if (!isObject(json)) return json;
  if (isArray(json.rows)) return { rows: json.rows.map((row) => canonicalText(normal(row))).sort() };
  const members = Object.entries(json).filter(([name, value]) => !/^(result|error)$/.test(name) || value !== null);
  if (members.length > 0 && members.every(([name]) => uuid.test(name))) {
    return members.map(([, row]) => canonicalText(normal(row))).sort();
  }
  return Object.fromEntries(members.map(([name, value]) => [name, normal(value)]));
}

/** Which of several rows is named first, is each server's own affair. */
function normalText(text: string): string {
  return text.replaceAll(new RegExp(uuid, 'g'), 'uuid').replace(/(?<=^Transaction causes multiple rows in ).*$/, '');
}

/** An update row by row: what two transactions did that were executed at once may come in one update or in two. */
function inRows(json: Json): Json[] {
  if (!isObject(json) || (json.method !== 'update2' && json.method !== 'update3') || !isArray(json.params))
    return [json];
  const updates = json.params.at(-1);
  return Object.entries(updates as JsonObject).flatMap(([table, rows]) =>
    Object.entries(rows as JsonObject).map(([uuid, row]) => ({
      ...json,
      params: [...(json.params as readonly Json[]).slice(0, -1), { [table]: { [uuid]: row } }],
    })),
  );
}

type Side = 'theirs' | 'mine';
type Pair = { readonly [side in Side]: LockClient };

function hasEnded({ theirs, mine }: Pair): boolean {
  return theirs.closed || mine.closed;
}

/** Which of a client's monitors is told first is each server's own affair, and so is what of a conversion is told first. */
function inOneOrder(lines: readonly string[], message: Json): string[] {
  if (isObject(message) && message.method === 'convert') return [...lines].sort();
  const ordered: string[] = [];
  const run: string[] = [];
  for (const line of lines) {
    const isNotification = line.includes('"id":null');
    if (!isNotification || run[0]?.[0] !== line[0]) ordered.push(...run.sort().splice(0));
    (isNotification ? run : ordered).push(line);
  }
  ordered.push(...run.sort());
  return ordered;
}

it(`answers random messages as the C server does (${messages}, seed ${seed})`, { timeout: 600_000 }, async () => {
  const random = new Random(seed);
  const generator = new MessageGenerator(random);
  const open = async (): Promise<Pair> => {
    const pair = { theirs: new LockClient(c.socket), mine: new LockClient(ours.socket) };
    // Answers show that it has been accepted.
    await pair.theirs.take();
    await pair.mine.take();
    return pair;
  };
  const openAll = (): Promise<Pair[]> => Promise.all(Array.from({ length: clients }, open));
  let pairs = await openAll();
  const close = (pair: Pair): void => {
    pair.theirs.close();
    pair.mine.close();
  };
  const crashes: string[] = [];
  const past: string[] = [];
  for (let i = 0; i < messages; i++) {
    const acting = random.below(clients);
    const message = generator.message();
    past.push(`client ${acting}: ${JSON.stringify(message)}`);
    for (const client of Object.values(pairs[acting]!)) client.send(JSON.stringify(message));
    const order = [acting, ...pairs.keys()];
    const heard: { readonly [side in Side]: string[] } = { theirs: [], mine: [] };
    const listen = async (side: Side): Promise<void> => {
      for (const k of order) {
        const client = pairs[k]![side];
        const received = await client.take();
        if (k === acting) client.learn(message, received);
        // RFC 7047 section 4.1.4 has the transaction answered; the C server forgets it.
        const cancels = isObject(message) && message.method === 'cancel';
        for (const json of received) {
          if (cancels && isObject(json) && json.error === 'canceled') continue;
          heard[side].push(...inRows(json).map((part) => `${k} gets ${canonicalText(normal(part))}`));
        }
      }
    };
    const outcome = (side: Side): string => {
      const closed = pairs.flatMap((pair, k) => (pair[side].closed ? [k] : []));
      // What a client is told while it is being disconnected, and it alone, depends on the moment; so does the answer to who asked for a conversion.
      const converts = isObject(message) && message.method === 'convert' && closed.includes(acting);
      const isReply = (line: string): boolean =>
        line.startsWith(`${acting}`) && !line.includes('"id":null') && !converts;
      const lines = heard[side].filter((line) => isReply(line) || !closed.includes(Number(line[0])));
      return [...inOneOrder(lines, message), ...closed.map((k) => `${k} is disconnected`), ''].join('\n');
    };
    await listen('theirs');
    await listen('mine');
    // Others hear of it when the server has cleared up after a client that is gone, which may be a moment later.
    for (let round = 0; round < 10 && outcome('mine') !== outcome('theirs') && pairs.some(hasEnded); round++) {
      await listen('theirs');
      await listen('mine');
    }
    const got = { theirs: outcome('theirs'), mine: outcome('mine') };
    if (pairs.every(({ theirs }) => theirs.closed) && (await isDead(c))) {
      // Some messages end the C server itself. Both sides begin again.
      crashes.push(JSON.stringify(message));
      pairs.forEach(close);
      await stop();
      await start();
      pairs = await openAll();
      continue;
    }
    expect(got.mine, `message ${i}, after\n${past.slice(-12).join('\n')}`).toBe(got.theirs);
    for (const [k, pair] of pairs.entries()) {
      if (pair.mine.closed) pairs[k] = await open();
    }
  }
  pairs.forEach(close);
  if (crashes.length > 0) console.info(`the C server died of ${crashes.length} messages, the first: ${crashes[0]}`);
});

/** A process that ends closes its sockets first. */
async function isDead(server: CServer): Promise<boolean> {
  for (let attempt = 0; attempt < 40 && !server.dead; attempt++) await new Promise((done) => setTimeout(done, 5));
  return server.dead;
}
