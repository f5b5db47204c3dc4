import { expect, it } from 'vitest';
import { Said } from './said.ts';

it('remembers what was said of late, however much is said', () => {
  const said = new Said();
  expect(said.isNew('a')).toBe(true);
  expect(said.isNew('a')).toBe(false);
  for (let i = 0; i < 10_000; i++) expect(said.isNew(`port ${i}`)).toBe(true);
  expect(said.isNew('port 9999')).toBe(false);
  expect(said.size).toBe(1000);
});
