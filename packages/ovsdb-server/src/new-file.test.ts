import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OvsdbError } from '@weft/ovsdb/error';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeFile } from './new-file.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-new-file-'));
  file = join(folder, 'db');
});
afterEach(() => rmSync(folder, { recursive: true }));

it('has its name when it is whole', () => {
  writeFileSync(`${file}-log`, 'of a database that is gone');
  makeFile(file, (unfinished) => {
    writeFileSync(unfinished, 'half');
    expect(existsSync(file)).toBe(false);
    writeFileSync(unfinished, 'whole');
  });
  expect(readdirSync(folder)).toEqual(['db']);
});

it('is not there if it could not be made, and the error names it', () => {
  const make = (unfinished: string): void => {
    for (const suffix of ['', '-wal', '-log']) writeFileSync(unfinished + suffix, 'half');
    throw new OvsdbError('I/O error', `${unfinished}: No space left on device`);
  };
  expect(() => makeFile(file, make)).toThrow(new OvsdbError('I/O error', `${file}: No space left on device`));
  expect(readdirSync(folder)).toEqual([]);
});

it('does not take the place of another', () => {
  writeFileSync(file, 'other');
  expect(() => makeFile(file, () => {})).toThrow(/db: create failed \(File exists\)/);
});
