import { describe, expect, it } from 'vitest';
import { nbctl } from '../nb/program.ts';
import { globalOptions, groups } from './global-options.ts';
import { argumentMarks, information } from './information.ts';

describe('the help', () => {
  it('explains every option, once', async () => {
    const page = await information('help', nbctl, {});
    for (const [name, { describe }] of globalOptions) {
      const lines = page.split('\n').filter((line) => new RegExp(`^ *(-., )?${name}(\\[?=|  |$)`).test(line));
      expect(lines, name).toHaveLength(1);
      expect(lines[0]).toContain(describe);
    }
    for (const group of Object.values(groups)) expect(page).toContain(`\n${group}:\n`);
  });

  it('names the default database', async () => {
    const page = await information('help', nbctl, { OVN_NB_DB: 'tcp:10.0.0.1:6641' });
    expect(page).toContain('(default: tcp:10.0.0.1:6641)\n');
  });
});

it.each([
  ['SWITCH PORT [PARENT] [TAG]', '!SWITCH !PORT ?PARENT ?TAG'],
  ['[DIRECTION [PRIORITY MATCH]]', '?DIRECTION !?PRIORITY !MATCH'],
  ['TABLE [RECORD]...', '!TABLE *RECORD'],
  ['COLUMN [KEY=]VALUE...', '!COLUMN +?KEY=VALUE'],
  ['COLUMN[:KEY]=VALUE...', '+COLUMN?:KEY=VALUE'],
  ['{SWITCH|PORTGROUP} [ACTION]', '!{SWITCH !| !PORTGROUP} ?ACTION'],
  ['', ''],
])('--commands marks the arguments of %j', (args, marked) => {
  expect(argumentMarks(args)).toBe(marked);
});
