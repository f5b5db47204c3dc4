/** A client that does not read is told later what it missed, as one change, and costs little until then. */
import type { Json, JsonObject } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import { column, database, integer, string, table } from '@weft/ovsdb/schema';
import { expect, it } from 'vitest';
import type { TableChange } from '../changes.ts';
import { Database } from '../database.ts';
import { newUuid } from '../new-uuid.ts';
import type { Piece } from '../pieces.ts';
import { MemoryStore } from '../store/memory.ts';
import type { Member } from './member.ts';
import { parseMonitorRequests } from './request.ts';

const schema = database('Zoo', '1.0.0', {
  Animal: table({ name: column(string()), legs: column(integer()), eyes: column(integer()) }, { isRoot: true }),
});

type Rows = Map<string, { [column: string]: Json }>;

/** A client of the second format, whose columns all hold one value. */
class Client {
  readonly rows: Rows = new Map();
  ready = true;
  messages = 0;

  stream(pieces: Piece[]): void {
    this.send(pieces.join(''));
  }

  send(message: string): void {
    this.messages++;
    const { params } = JSON.parse(message) as { params: [string, { Animal: JsonObject }] };
    for (const [uuid, update] of Object.entries(params[1].Animal)) {
      const { insert, modify } = update as { insert?: JsonObject; modify?: JsonObject };
      if (insert !== undefined) {
        expect(this.rows.has(uuid)).toBe(false);
        // Defaults are not written.
        this.rows.set(uuid, { legs: 0, ...insert });
      } else if (modify !== undefined) Object.assign(this.rows.get(uuid)!, modify);
      else expect(this.rows.delete(uuid)).toBe(true);
    }
  }
}

async function open(where: Json) {
  const db = await Database.open(new MemoryStore(schema));
  const monitor = (client: Client): Member =>
    db.monitors.add(parseMonitorRequests(db.tables, { Animal: [{ where }] }, true), 'update2', '"m"', client);
  const transact = (...operations: object[]): void => {
    db.transact(operations as never, { ownsLock: () => true }, (results) => expect(results).not.toContain('error'));
    db.flush();
  };
  return { db, monitor, transact };
}

it('hears in the end what the others heard, of hundreds of transactions', async () => {
  const { db, monitor, transact } = await open([
    ['legs', '<', 3],
    ['name', '==', 'ape'],
  ]);
  const quick = new Client();
  const slow = new Client();
  monitor(quick);
  const behind = monitor(slow);
  let seed = 1;
  const random = (n: number): number => {
    seed = (seed * 48271) % 2147483647;
    return seed % n;
  };
  const names = ['ape', 'bee', 'cat'];
  const uuids: string[] = [];
  for (let step = 0; step < 1000; step++) {
    if (step % 250 === 50) slow.ready = false;
    const uuid = uuids[random(uuids.length || 1)];
    const row = { name: names[random(3)], legs: random(6), eyes: random(9) + 1 };
    const where = [['_uuid', '==', ['uuid', uuid]]];
    if (uuid === undefined || random(10) === 0) {
      uuids.push(newUuid());
      transact({ op: 'insert', table: 'Animal', uuid: uuids.at(-1), row });
    } else if (random(20) === 0) transact({ op: 'delete', table: 'Animal', where });
    else {
      const changed = random(2) === 0 ? { eyes: row.eyes } : { legs: row.legs, name: row.name };
      transact({ op: 'update', table: 'Animal', where, row: changed });
    }
    if (step % 250 !== 249) continue;
    const before = slow.messages;
    slow.ready = true;
    behind.catchUp();
    expect(slow.messages).toBe(before + 1);
    expect(slow.rows).toEqual(quick.rows);
    expect(behind.isBehind).toBe(false);
  }
  db.monitors.stop();
  await db.close();
});

it('meanwhile nobody looks into rows for it', async () => {
  const { db, monitor } = await open([]);
  const client = new Client();
  const member = monitor(client);
  client.ready = false;
  let looks = 0;
  const state = (uuid: string, legs: number): Row => ({
    _uuid: uuid,
    get legs() {
      looks++;
      return legs;
    },
  });
  const at = db.tables.get('Animal')!;
  const uuids = Array.from({ length: 100 }, () => newUuid());
  for (let i = 0; i < 1000; i++) {
    const uuid = uuids[i % 100]!;
    const changes: TableChange[] = [
      { at, table: 'Animal', uuid, old: state(uuid, i), new: state(uuid, i + 1), columns: ['legs'] },
    ];
    member.postpone({ id: newUuid(), changes });
  }
  expect(looks).toBe(0);
  db.monitors.stop();
  await db.close();
});
