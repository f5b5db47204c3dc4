import { join } from 'node:path';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { describe, expect, it } from 'vitest';
import { nbctl } from '../nb/program.ts';
import { sbctl } from '../sb/program.ts';
import { parseCommands, parseGlobal } from './argv.ts';
import { globalOptions } from './global-options.ts';
import { localOptions } from './main.ts';
import { manualPage } from './manual.ts';
import type { Program } from './program.ts';

const programs = [nbctl, sbctl] as unknown as readonly Program<DatabaseSchema>[];

describe('the manual page', () => {
  it('is what the registry says', async () => {
    await expect(manualPage(programs)).toMatchFileSnapshot(join(import.meta.dirname, '../../../../docs/nbctl.md'));
  });

  it('has an example of every command that the command line accepts', () => {
    for (const program of programs) {
      for (const command of program.commands.values()) {
        expect(command.examples.length, command.name).toBeGreaterThan(0);
        for (const example of command.examples) {
          const words = [...example.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map((match) => match[1] ?? match[2]!);
          const parsed = parseGlobal(words, globalOptions, localOptions(program));
          const commands = parseCommands(parsed, program.commands);
          expect(
            commands.map(({ invocation }) => invocation.name),
            example,
          ).toContain(command.name);
        }
      }
    }
  });
});
