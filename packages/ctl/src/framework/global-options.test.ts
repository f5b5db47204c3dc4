import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nbctl } from '../nb/program.ts';
import { parseCommands, parseGlobal } from './argv.ts';
import { globalOptions, readOptions } from './global-options.ts';
import { localOptions } from './main.ts';
import { defaultTableStyle } from './table.ts';

const read = (line: string) =>
  readOptions(parseGlobal(line === '' ? [] : line.split(' '), globalOptions, localOptions(nbctl)).global);

describe('what options say', () => {
  it.each([
    ['', { leaderOnly: true, shuffleRemotes: true, wait: 'none', timeout: 0, chdir: true, style: defaultTableStyle }],
    ['--no-leader-only --leader-only --no-shuffle-remotes', { leaderOnly: true, shuffleRemotes: false }],
    ['--leader-only --no-leader-only', { leaderOnly: false }],
    ['--wait=hv --no-wait', { wait: 'none' }],
    ['--no-wait --wait sb', { wait: 'sb' }],
    ['--db=a --db=b -u c', { db: 'b', unixctl: 'c' }],
    ['-t5 --timeout=007', { timeout: 7 }],
    ['--pidfile', { pidfile: '' }],
    ['--pidfile=x', { pidfile: 'x' }],
    ['--no-chdir --pidf=y --mon', { chdir: false, pidfile: 'y', monitor: true }],
    ['--bare --format=csv', { style: { ...defaultTableStyle, format: 'csv', data: 'bare', headings: false } }],
    ['--format=csv --bare', { style: { ...defaultTableStyle, format: 'list', data: 'bare', headings: false } }],
    ['--max-column-width=12x', { style: { ...defaultTableStyle, maxColumnWidth: 12 } }],
    ['--help --timeout=x', { show: 'help' }],
  ])('%j', (line, settings) => {
    expect(read(line)).toMatchObject(settings);
  });

  it.each([
    ['--wait=x --wait=sb', 'argument to --wait must be "none", "sb", or "hv"'],
    ['--timeout=5 --format=x --timeout=0', 'unknown output format "x"'],
    ['--timeout=0 --version', 'value 0 on -t or --timeout is invalid'],
  ])('refuses the first bad value, whatever follows: %j', (line, message) => {
    expect(() => read(line)).toThrow(message);
  });

  it('leaves values as they are, of global options and of those of commands', () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('"a"', '--x=y', '-1', '1e3', 'true'),
    );
    fc.assert(
      fc.property(text, text, (database, id) => {
        const words = [`--db=${database}`, `--id=${id}`, 'create', 'Logical_Switch', 'name=a'];
        const parsed = parseGlobal(words, globalOptions, localOptions(nbctl));
        expect(readOptions(parsed.global).db).toBe(database);
        const [command] = parseCommands(parsed, nbctl.commands);
        expect([...command!.invocation.options]).toEqual([['--id', id]]);
      }),
    );
  });
});
