/**
 * Transcripts for tests: files of command lines (`ctl-transcripts/*.txt`) that ours and the C program run side by side. A file is a list of scenes, each of
 * which starts with an empty database at its heading (`# ...`); a line is the arguments of one call.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Comparison, shellWords, type Which } from './ctl-twins.ts';

const folder = join(import.meta.dirname, 'ctl-transcripts');

interface Scene {
  readonly title: string;
  readonly lines: readonly string[];
}

function scenesOf(text: string): Scene[] {
  const scenes: { title: string; lines: string[] }[] = [];
  for (const line of text.split('\n')) {
    if (line.startsWith('#')) scenes.push({ title: line.slice(1).trim(), lines: [] });
    else if (line.trim() !== '') scenes.at(-1)!.lines.push(line);
  }
  return scenes;
}

/** Makes each scene a test, on the C ovsdb-server or on another one. */
export function playTranscripts(program?: string): void {
  let twins: Comparison;
  beforeAll(async () => {
    twins = await Comparison.start(program);
  });
  afterAll(() => twins.stop());

  for (const file of readdirSync(folder).sort()) {
    const which: Which = file.startsWith('sb') ? 'sb' : 'nb';
    describe(file, () => {
      for (const { title, lines } of scenesOf(readFileSync(join(folder, file), 'utf8'))) {
        // Long scenes on a machine that does other things too.
        it(title, { timeout: 600_000 }, async () => {
          await twins.reset(which);
          const differences: string[] = [];
          for (const line of lines) {
            const difference = await twins.run(which, shellWords(line));
            if (difference !== undefined) differences.push(difference);
          }
          expect(differences.join('\n\n')).toBe('');
        });
      }
    });
  }
}
