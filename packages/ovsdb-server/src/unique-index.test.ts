import type { Row } from '@weft/ovsdb/row';
import { expect, it, vi } from 'vitest';
import { UniqueIndex } from './unique-index.ts';

const row = (uuid: string, name: string): Row => ({ _uuid: uuid, name });

it('rows may agree within a transaction, in any order', () => {
  const index = new UniqueIndex(['name']);
  for (const uuid of ['1', '2', '3']) index.update(uuid, undefined, row(uuid, 'same'));
  expect(index.otherOwner(row('1', 'same'))).toBe('2');
  expect(index.otherOwner(row('3', 'same'))).toBe('1');
  index.update('1', row('1', 'same'), row('1', 'other'));
  index.update('3', row('3', 'same'), undefined);
  expect(index.otherOwner(row('2', 'same'))).toBeUndefined();
  expect(index.otherOwner(row('4', 'same'))).toBe('2');
  index.update('2', row('2', 'same'), undefined);
  expect(index.otherOwner(row('4', 'same'))).toBeUndefined();
});

it('what all rows have for a while is taken from each without going through the others', () => {
  const index = new UniqueIndex(['name']);
  const uuids = Array.from({ length: 200 }, (_, i) => String(i));
  for (const uuid of uuids) index.update(uuid, undefined, row(uuid, 'same'));
  const passes = (['filter', 'indexOf', 'findIndex'] as const).map((name) => vi.spyOn(Array.prototype, name));
  for (const uuid of uuids) index.update(uuid, row(uuid, 'same'), undefined);
  const made = passes.map(({ mock }) => mock.calls.length);
  vi.restoreAllMocks();
  expect(made).toEqual([0, 0, 0]);
});
