/** Conversations of several clients with our server and with the C server: what each client hears, line by line, is the same. */
import { canonicalText, isArray, isObject, type Json } from '@weft/ovsdb/json';
import { parseSchema } from '@weft/ovsdb/schema-json';
import { afterEach, expect, it } from 'vitest';
import { startCServer } from './c-server.ts';
import { RawClient } from './raw-client.ts';
import { startWeftServer } from './weft-server.ts';

/** Uuids that the servers choose, the order of rows, and null members, which mean the same as none, away. */
function normal(json: Json): Json {
  if (typeof json === 'string') return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(json) ? known(json) : json;
  if (isArray(json)) return json.map(normal);
  if (!isObject(json)) return json;
  if (isArray(json.rows)) return { rows: json.rows.map((row) => canonicalText(normal(row))).sort() };
  const members = Object.entries(json).filter(([name, value]) => !/^(result|error)$/.test(name) || value !== null);
  const sorted = members.map(([name, value]) => [normal(name), normal(value)] as [string, Json]);
  // Rows have the names of their uuids.
  return sorted.every(([name]) => name === 'uuid') && sorted.length > 1
    ? sorted.map(([, value]) => canonicalText(value)).sort()
    : Object.fromEntries(sorted);
}

/** A standalone C server has no ids of transactions but zero. */
const known = (uuid: string): string => (/^0{8}-0{4}-4/.test(uuid) ? uuid : 'uuid');

/** Which of a client's monitors is told first is each server's own affair, and so is what of a conversion is told first. */
function inOneOrder(told: readonly Json[], converts: boolean): string[] {
  const texts = told.map((json) => canonicalText(normal(json)));
  const notifications = texts.filter((text) => text.includes('"id":null'));
  if (converts || notifications.length === texts.length) return texts.sort();
  // Of one step they come in one piece, before the answer if there are any.
  const first = texts.findIndex((text) => text.includes('"id":null'));
  return texts.toSpliced(Math.max(first, 0), notifications.length, ...notifications.sort());
}

/** A client, by a letter, and what it sends: a method with parameters, or any text. */
export type Line =
  | readonly [client: string, method: string, ...params: Json[]]
  | readonly [client: string, text: { readonly raw: string }];

export interface Statement {
  /** The document, its section, and what it says there. */
  readonly says: string;
  readonly lines: readonly Line[];
  /** What is heard, among other things, in this order. */
  readonly heard: readonly (string | RegExp)[];
}

/** Makes each statement a test: both servers say the same, and what the document says. `schema` is that of the only database. */
export function playAll(schema: object, statements: readonly Statement[]): void {
  const cleanups: Cleanup[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  it.each(statements.map(({ says, ...rest }) => [says, rest] as const))('%s', async (_, { lines, heard }) => {
    const text = await play(schema, lines, cleanups);
    let rest = text;
    for (const wanted of heard) {
      const at = typeof wanted === 'string' ? rest.indexOf(wanted) : rest.search(wanted);
      expect(at, `${wanted} in\n${text}`).toBeGreaterThanOrEqual(0);
      rest = rest.slice(at + 1);
    }
  });
}

type Cleanup = () => Promise<void> | void;

/** Plays it to both. What was heard, line by line: `a: {...}`, and `a is disconnected`. */
async function play(schema: object, lines: readonly Line[], cleanups: Cleanup[]): Promise<string> {
  const c = await startCServer(schema as unknown as Json);
  cleanups.push(c.stop);
  const weft = await startWeftServer([parseSchema(schema)]);
  cleanups.push(weft.stop);
  const transcripts: string[] = [];
  for (const { socket } of [c, weft]) {
    const clients = new Map<string, RawClient>();
    const gone = new Set<RawClient>();
    const heard: string[] = [];
    for (const [i, [name, method, ...params]] of lines.entries()) {
      let client = clients.get(name);
      if (client === undefined || client.closed) {
        client = new RawClient(socket);
        clients.set(name, client);
        cleanups.push(() => client?.close());
        await client.take();
      }
      client.send(typeof method === 'object' ? method.raw : JSON.stringify({ id: i, method, params }));
      const order = [name, ...[...clients.keys()].filter((other) => other !== name)];
      for (const who of order) {
        const client = clients.get(who)!;
        if (!gone.has(client)) {
          const told = await client.take();
          heard.push(...inOneOrder(told, method === 'convert').map((text) => `${who}: ${text}`));
        }
        if (client.closed && !gone.has(client)) heard.push(`${who} is disconnected`);
        if (client.closed) gone.add(client);
      }
    }
    transcripts.push(heard.join('\n'));
  }
  expect(transcripts[1]).toBe(transcripts[0]);
  return transcripts[0]!;
}
