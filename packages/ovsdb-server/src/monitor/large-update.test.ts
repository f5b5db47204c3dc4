/** What a transaction changed may be longer than V8's longest string, and thousands may want to hear of it. */
import type { JsonObject } from '@weft/ovsdb/json';
import { column, database, string, table } from '@weft/ovsdb/schema';
import { expect, it } from 'vitest';
import { Database } from '../database.ts';
import type { Piece } from '../pieces.ts';
import { MemoryStore } from '../store/memory.ts';
import { parseMonitorRequests } from './request.ts';

const animal = table({ name: column(string()), notes: column(string()) }, { isRoot: true });
const schema = database('Zoo', '1.0.0', { Animal: animal, Cage: animal, Zebra: animal });

/** Keeps messages as they came. */
class Client {
  ready = true;
  readonly messages: (string | readonly Piece[])[] = [];

  send(message: string): void {
    this.messages.push(message);
  }

  stream(pieces: Piece[]): void {
    this.messages.push(pieces);
  }
}

function updatesIn(message: string | readonly Piece[] | undefined): { readonly [table: string]: JsonObject } {
  const text = typeof message === 'string' ? message : message!.join('');
  return (JSON.parse(text) as { params: JsonObject[] }).params.at(-1) as { readonly [table: string]: JsonObject };
}

const count = 2000;
const insert = (name: string, rows: number) =>
  Array.from({ length: rows }, (_, i) => ({
    op: 'insert',
    table: name,
    row: { name: `é${i}`, notes: 'x'.repeat(200) },
  }));

async function open() {
  const db = await Database.open(new MemoryStore(schema));
  const monitor = (client: Client) => {
    const all = { Animal: [{}], Cage: [{}], Zebra: [{}] };
    return db.monitors.add(parseMonitorRequests(db.tables, all, true), 'update3', '"m"', client);
  };
  const transact = (operations: readonly object[]): void => {
    db.transact(operations as never, { ownsLock: () => true }, () => {});
    db.flush();
  };
  return { db, monitor, transact };
}

it('a large update comes in parts of bounded length, whose bytes all clients share', async () => {
  const { monitor, transact } = await open();
  const [one, other] = [new Client(), new Client()];
  monitor(one);
  monitor(other);
  transact([...insert('Animal', 2), ...insert('Cage', count), ...insert('Zebra', 3)]);
  const [pieces, others] = [one.messages[0], other.messages[0]] as [readonly Piece[], readonly Piece[]];
  expect(Array.isArray(pieces)).toBe(true);
  const bytes = pieces.filter((piece) => Buffer.isBuffer(piece));
  expect(bytes.length).toBeGreaterThan(5);
  for (const piece of pieces) expect((piece as string | Buffer).length).toBeLessThan(150_000);
  for (const piece of bytes) expect(others).toContain(piece);
  const { Animal = {}, Cage = {}, Zebra = {} } = updatesIn(pieces);
  expect([Animal, Cage, Zebra].map((rows) => Object.keys(rows).length)).toEqual([2, count, 3]);
  expect(new Set(Object.values(Cage).map((row) => (row as { insert: { name: string } }).insert.name)).size).toBe(count);
});

it('what a slow client is told later comes in parts, too', async () => {
  const { monitor, transact } = await open();
  const slow = new Client();
  const member = monitor(slow);
  slow.ready = false;
  transact(insert('Cage', count));
  transact(insert('Animal', count));
  slow.ready = true;
  member.catchUp();
  expect(slow.messages).toHaveLength(1);
  expect(Array.isArray(slow.messages[0])).toBe(true);
  const updates = updatesIn(slow.messages[0]);
  expect(Object.entries(updates).map(([name, rows]) => [name, Object.keys(rows).length])).toEqual([
    ['Animal', count],
    ['Cage', count],
  ]);
});
