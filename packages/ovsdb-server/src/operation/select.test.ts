/** A long result is made in pieces, which show the rows as they were when the operation was executed. */
import type { Json } from '@weft/ovsdb/json';
import { column, database, integer, string, table } from '@weft/ovsdb/schema';
import { expect, it } from 'vitest';
import { Database } from '../database.ts';
import { rowsPerPiece, type Text, wholeText } from '../pieces.ts';
import { MemoryStore } from '../store/memory.ts';

const schema = database('D', '1.0.0', {
  T: table({ name: column(string()), kind: column(integer()) }, { isRoot: true }),
});

const transact = (db: Database, ...operations: Json[]): Text => {
  let answer: Text | undefined;
  db.transact(operations, { ownsLock: () => true }, (results, failed) => {
    expect(failed).toBe(operations.some((operation) => (operation as { op: string }).op === 'abort'));
    answer = results;
  });
  db.flush();
  return answer!;
};

const open = async (count: number): Promise<Database> => {
  const db = await Database.open(new MemoryStore(schema));
  const rows = Array.from({ length: count }, (_, i) => ({ name: `r${i}`, kind: i % 3 }));
  transact(db, ...rows.map((row) => ({ op: 'insert', table: 'T', row })));
  return db;
};

const select = (members: object): Json => ({ op: 'select', table: 'T', where: [], ...members }) as Json;

it('makes a long result in pieces, of the rows as they were', async () => {
  const count = 3 * rowsPerPiece + 1;
  const db = await open(count);
  const answer = transact(db, select({ columns: ['name'], sort: ['name'] }), select({ columns: ['name', '_uuid'] }));
  expect((answer as readonly unknown[]).filter((piece) => typeof piece === 'function')).toHaveLength(8);
  transact(db, { op: 'update', table: 'T', where: [['kind', '==', 0]], row: { name: 'changed' } });
  transact(db, { op: 'delete', table: 'T', where: [['kind', '==', 1]] });
  const names = Array.from({ length: count }, (_, i) => `r${i}`);
  const [first, second] = JSON.parse(wholeText(answer)) as { rows: { name: string }[] }[];
  expect(first!.rows).toEqual([...names].sort().map((name) => ({ name })));
  expect(second!.rows.map(({ name }) => name)).toEqual(names);
});

it('shows no row twice, in whatever pieces it is', async () => {
  const db = await open(2 * rowsPerPiece + 10);
  const answer = transact(db, select({ columns: ['kind'], sort: ['kind'] }));
  expect(JSON.parse(wholeText(answer))).toEqual([{ rows: [{ kind: 0 }, { kind: 1 }, { kind: 2 }] }]);
});

it('is in pieces in a transaction that fails, too', async () => {
  const db = await open(rowsPerPiece + 1);
  const answer = transact(db, select({ columns: ['name'] }), { op: 'abort' }, select({}));
  const [rows, error, rest] = JSON.parse(wholeText(answer)) as [{ rows: Json[] }, Json, Json];
  expect(rows.rows).toHaveLength(rowsPerPiece + 1);
  expect(error).toMatchObject({ error: 'aborted' });
  expect(rest).toBeNull();
});

it('is one text if it is short', async () => {
  expect(typeof transact(await open(rowsPerPiece), select({}))).toBe('string');
});
