import { Runtime } from '@weft/incremental/runtime';
import type { RowChange } from '@weft/ovsdb/row';
import { expect, test } from 'vitest';
import { Intake } from './intake.ts';
import { createTables } from './tables.ts';

const uuid = (i: number) => `00000000-0000-0000-0000-${String(i).padStart(12, '0')}`;
const set = (i: number, name: string): RowChange => ({
  table: 'Address_Set',
  uuid: uuid(i),
  new: { _uuid: uuid(i), name, addresses: [] },
});

function bed() {
  const { sb } = createTables(new Runtime());
  return { sb, intake: new Intake() };
}

test('a few changes are there at once', () => {
  const { sb, intake } = bed();
  intake.add(sb, [set(1, 'as1'), set(2, 'as2')]);
  expect(intake.empty).toBe(true);
  expect(sb.Address_Set.get(uuid(2))?.name).toBe('as2');
});

test('many are applied in slices, none is lost, and later ones stay later', () => {
  const { sb, intake } = bed();
  const count = 2500;
  intake.add(
    sb,
    Array.from({ length: count }, (_, i) => set(i, `as${i}`)),
  );
  expect(intake.empty).toBe(false);
  // Few, but behind the others: row 0 gets its last name, and the last row is gone in the end.
  intake.add(sb, [set(0, 'renamed'), { table: 'Address_Set', uuid: uuid(count - 1) }]);
  const sizes: number[] = [];
  while (!intake.empty) {
    intake.step();
    sizes.push([...sb.Address_Set.rows()].length);
  }
  expect(sizes.length).toBeGreaterThan(2);
  expect(sizes[0]).toBeLessThan(count);
  expect(sizes.at(-1)).toBe(count - 1);
  expect(sb.Address_Set.get(uuid(0))?.name).toBe('renamed');
});

test('what waits can be applied in one go', () => {
  const { sb, intake } = bed();
  intake.add(
    sb,
    Array.from({ length: 5000 }, (_, i) => set(i, `as${i}`)),
  );
  intake.finish();
  expect([...sb.Address_Set.rows()]).toHaveLength(5000);
});
