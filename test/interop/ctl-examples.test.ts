/**
 * The examples of the help pages are true. `ctl-examples/*.txt` are sessions in which each of them stands: a scene begins at its heading (`# ...`) with
 * an empty database; under a command line (`$ ...`) is what it prints, with `UUID` for a uuid that nobody chose. Both programs run them, and all of
 * their command lines succeed.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { information } from '@weft/ctl/framework/information';
import { nbctl } from '@weft/ctl/nb/program';
import { sbctl } from '@weft/ctl/sb/program';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Comparison, shellWords, uuidPattern, type Which } from './ctl-twins.ts';

interface Scene {
  readonly title: string;
  readonly steps: readonly { readonly line: string; readonly output: string }[];
}

function scenesOf(text: string): Scene[] {
  return text
    .split(/^# /m)
    .slice(1)
    .map((scene) => {
      const [heading, ...steps] = scene.trimEnd().split(/^\$ /m);
      return {
        title: heading!.trim(),
        steps: steps.map((step) => {
          const [line, ...output] = step.replace(/\n$/, '').split('\n');
          return { line: line!, output: output.map((text) => `${text}\n`).join('') };
        }),
      };
    });
}

/** The command lines of the help pages of all commands. */
async function examplesOf(which: Which): Promise<string[]> {
  const pageOf = (name: string) =>
    which === 'nb' ? information('help', nbctl, {}, [name]) : information('help', sbctl, {}, [name]);
  const names = [...(which === 'nb' ? nbctl : sbctl).commands.keys()];
  const pages = await Promise.all(names.map(async (name) => ({ name, page: await pageOf(name) })));
  return pages.flatMap(({ name, page }) => {
    const [, examples = ''] = page.split('Examples:\n');
    const lines = examples
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.trim());
    expect(lines.length, `examples of ${name}`).toBeGreaterThan(0);
    return lines;
  });
}

let twins: Comparison;
beforeAll(async () => {
  twins = await Comparison.start();
});
afterAll(() => twins.stop());

describe.each(['nb', 'sb'] as const)('%sctl', (which) => {
  const scenes = scenesOf(readFileSync(join(import.meta.dirname, 'ctl-examples', `${which}.txt`), 'utf8'));

  it('all examples of the help pages are here', async () => {
    const here = new Set(scenes.flatMap(({ steps }) => steps.map(({ line }) => line)));
    const examples = await examplesOf(which);
    expect(examples.filter((example) => !here.has(example))).toEqual([]);
  });

  for (const { title, steps } of scenes) {
    it(title, async () => {
      await twins.reset(which);
      let session = '';
      for (const { line } of steps) {
        const [program, ...argv] = shellWords(line);
        expect(program).toBe(`${which}ctl`);
        const { difference, ours } = await twins.compare(which, argv);
        expect(difference, line).toBe(undefined);
        expect(ours, line).toMatchObject({ stderr: '', status: 0 });
        session += `$ ${line}\n${ours.stdout}`;
      }
      const chosen = steps.map(({ line }) => line).join('\n');
      const seen = session.replace(uuidPattern, (uuid) => (chosen.includes(uuid) ? uuid : 'UUID'));
      expect(seen).toBe(steps.map(({ line, output }) => `$ ${line}\n${output}`).join(''));
    });
  }
});
