/**
 * Many writers at once, with restarts in between: what they saw must be explained by some serial order. Each transaction reads some counters and adds 1
 * to each, so for every counter the values read put its transactions in a row; together these rows must not contradict each other.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Json } from '@weft/ovsdb/json';
import { column, database, integer, string, table } from '@weft/ovsdb/schema';
import { DatabaseService } from '@weft/ovsdb-server/service';
import { SqliteStore } from '@weft/ovsdb-server/store/sqlite';
import { expect, it } from 'vitest';
import { connectTo } from './c-server.ts';
import { Random } from './random-transactions.ts';

const counters = 8;
const schema = database('Counters', '1.0.0', {
  Counter: table({ name: column(string()), value: column(integer()) }, { isRoot: true, indexes: [['name']] }),
});

it('concurrent transactions are equivalent to a serial order, across restarts', { timeout: 60_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-serial-'));
  const file = join(folder, 'db');
  const socket = join(folder, 's');
  SqliteStore.create(file, schema);
  const random = new Random(3);
  /** For each transaction the value of each counter that it read. */
  const history: ReadonlyMap<number, number>[] = [];
  for (let round = 0; round < 4; round++) {
    const service = await DatabaseService.create({ rundir: folder, tls: undefined, log: () => {}, onFatal: () => {} });
    await service.addDatabase(file);
    await service.addRemote(`punix:${socket}`);
    if (round === 0) {
      const peer = await connectTo(socket);
      const inserts = Array.from({ length: counters }, (_, i) => ({
        op: 'insert',
        table: 'Counter',
        row: { name: `c${i}` },
      }));
      await peer.call('transact', ['Counters', ...inserts]);
      peer.close();
    }
    await Promise.all(
      Array.from({ length: 12 }, async () => {
        const peer = await connectTo(socket);
        for (let i = 0; i < 60; i++) {
          const chosen = [...new Set(Array.from({ length: 1 + random.below(3) }, () => random.below(counters)))];
          const where = (n: number): Json => [['name', '==', `c${n}`]];
          const results = (await peer.call('transact', [
            'Counters',
            ...chosen.map((n) => ({ op: 'select', table: 'Counter', where: where(n), columns: ['value'] })),
            ...chosen.map((n) => ({
              op: 'mutate',
              table: 'Counter',
              where: where(n),
              mutations: [['value', '+=', 1]],
            })),
          ])) as unknown as { readonly rows: readonly { readonly value: number }[] }[];
          history.push(new Map(chosen.map((n, k) => [n, results[k]!.rows[0]!.value])));
        }
        peer.close();
      }),
    );
    await service.close();
  }
  rmSync(folder, { recursive: true, force: true });

  // Each counter's transactions read 0, 1, 2, ... without gap or repetition.
  const successors = history.map((): number[] => []);
  const predecessors = history.map(() => 0);
  for (let n = 0; n < counters; n++) {
    const line = history
      .flatMap((read, i) => (read.has(n) ? [{ i, value: read.get(n)! }] : []))
      .sort((a, b) => a.value - b.value);
    expect(line.map(({ value }) => value)).toEqual(line.map((_, position) => position));
    for (let k = 1; k < line.length; k++) {
      successors[line[k - 1]!.i]!.push(line[k]!.i);
      predecessors[line[k]!.i]!++;
    }
  }
  // And the rows fit into one order: there is no cycle.
  const ready = predecessors.flatMap((count, i) => (count === 0 ? [i] : []));
  let ordered = 0;
  for (let i = ready.pop(); i !== undefined; i = ready.pop()) {
    ordered++;
    for (const next of successors[i]!) if (--predecessors[next]! === 0) ready.push(next);
  }
  expect(ordered).toBe(history.length);
});
