import { describe, expect, it } from 'vitest';
import { nbctl } from '../nb/program.ts';
import { parseCommands, parseGlobal } from './argv.ts';
import { arity } from './command.ts';
import { complete } from './completion.ts';
import { globalOptions } from './global-options.ts';
import { localOptions } from './main.ts';
import { suggestion } from './suggest.ts';

const parse = (...argv: string[]) => {
  const parsed = parseGlobal(argv, globalOptions, localOptions(nbctl));
  return { ...parsed, commands: parseCommands(parsed, nbctl.commands).map(({ invocation }) => invocation) };
};

describe('command lines', () => {
  it('options before the first command may be its own', () => {
    const { global, commands } = parse(
      '--oneline',
      '--may-exist',
      'ls-add',
      'sw0',
      '--',
      '--if-exists',
      'ls-del',
      'sw1',
    );
    expect(global).toEqual([{ name: '--oneline' }]);
    expect(commands.map(({ name, args, options }) => [name, args, [...options]])).toEqual([
      ['ls-add', ['sw0'], [['--may-exist', '']]],
      ['ls-del', ['sw1'], [['--if-exists', '']]],
    ]);
  });

  it('suggests the command that was meant', () => {
    const parsed = parseGlobal(['lsp-ad', 'sw0', 'p'], globalOptions, localOptions(nbctl));
    expect(() => parseCommands(parsed, nbctl.commands)).toThrow(
      expect.objectContaining({
        message: `unknown command 'lsp-ad'; use --help for help`,
        mistyped: { word: 'lsp-ad', known: [...nbctl.commands.keys()] },
      }),
    );
    expect(suggestion('lps-list', ['ls-list', 'lsp-list'])).toBe(' (did you mean "lsp-list"?)');
    expect(suggestion('shwo', ['show', 'sync'])).toBe(' (did you mean "show"?)');
    expect(suggestion('xyz', ['show', 'sync'])).toBe('');
  });

  it('counts arguments from the way they are written', () => {
    expect(arity('')).toEqual({ min: 0, max: 0 });
    expect(arity('SWITCH PORT [PARENT] [TAG]')).toEqual({ min: 2, max: 4 });
    expect(arity('ROUTER [PREFIX [NEXTHOP [PORT]]]')).toEqual({ min: 1, max: 4 });
    expect(arity('TABLE RECORD COLUMN[:KEY]=VALUE...')).toEqual({ min: 3, max: Number.POSITIVE_INFINITY });
  });

  it('completes commands, options and names', () => {
    const at = (...words: string[]) => complete(nbctl, nbctl.nameSources, words);
    expect(at('').words).toContain('lsp-add');
    expect(at('--').words).toContain('--may-exist');
    expect(at('lsp-add', '').names).toEqual([{ table: 'Logical_Switch', column: 'name' }]);
    expect(at('ls-list', '--', 'lrp-del', '').names).toEqual([{ table: 'Logical_Router_Port', column: 'name' }]);
    expect(at('list', 'Logical_Switch', '').names).toEqual([{ table: 'Logical_Switch', column: 'name' }]);
    expect(at('get', 'Logical_Switch', 'sw0', '').words).toContain('ports');
  });
});
