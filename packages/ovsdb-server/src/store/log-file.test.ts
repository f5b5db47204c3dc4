import { mkdtempSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { LogFile, type LogRecord, parseLog } from './log-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'weft-log-file-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Numbers ascend, as a store gives them; texts are as long as they like. */
const records = fc
  .array(fc.record({ step: fc.integer({ min: 1, max: 3 }), id: fc.uuid(), changes: fc.string({ unit: 'binary' }) }))
  .map((steps) => {
    let sequence = 0;
    return steps.map(({ step, id, changes }): LogRecord => {
      sequence += step;
      // Lines end with a newline, so JSON, which escapes it, is what they hold.
      return { sequence, id, changes: JSON.stringify(changes) };
    });
  });

it('reads what was appended, after any transaction, up to where it was cut', () => {
  let file = 0;
  fc.assert(
    fc.property(records, fc.nat(30), fc.nat(40), (appended, after, cut) => {
      const path = join(folder, String(file++));
      const log = new LogFile(path, 0o600);
      log.append(appended);
      log.close();
      const whole = readFileSync(path).length;
      truncateSync(path, Math.max(0, whole - cut));
      const left = readFileSync(path);
      const all = parseLog(left);
      // JSON has no newlines: what ends with one is whole.
      expect(all.records).toEqual(appended.slice(0, left.filter((byte) => byte === 0x0a).length));
      expect(all.length + all.rest).toBe(Math.max(0, whole - cut));
      expect(all.last).toBe(all.records.at(-1)?.sequence ?? 0);
      const some = parseLog(readFileSync(path), after);
      expect(some).toEqual({ ...all, records: all.records.filter(({ sequence }) => sequence > after) });
    }),
  );
});
