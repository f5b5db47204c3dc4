import { describe, expect, it } from 'vitest';
import { nbctl } from '../nb/program.ts';
import { globalOptions } from './global-options.ts';
import { argumentMarks, information } from './information.ts';
import { optionHelp } from './option-help.ts';

describe('the help', () => {
  it('explains every option, once', () => {
    const explained = optionHelp.flatMap(({ options }) => Object.keys(options));
    expect([...explained].sort()).toEqual([...globalOptions.keys()].sort());
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
