import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { FileLock } from './file-lock.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-lock-'));
  file = join(folder, 'db');
  writeFileSync(file, '');
});
afterEach(() => rmSync(folder, { recursive: true }));

it('is one holder’s, and leaves nothing behind', () => {
  const lock = FileLock.take(file);
  expect(readdirSync(folder)).toEqual(['db', 'db-lock']);
  expect(() => FileLock.take(file, 10)).toThrow(/locked/);
  expect(() => FileLock.take(file, 10)).toThrow(/locked/);
  lock.release();
  expect(existsSync(`${file}-lock`)).toBe(false);
  FileLock.take(file).release();
});

it('is free when only its file is there, which a killed process leaves', () => {
  writeFileSync(`${file}-lock`, '');
  FileLock.take(file).release();
  expect(readdirSync(folder)).toEqual(['db']);
});
