/** nbctl and sbctl on a pseudo-terminal: colour, and words that were mistyped; as the C programs when they are piped. */
import { execFileSync, spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runC, Twin, temporaryFolder } from './ctl-twins.ts';

const { dir, remove } = temporaryFolder();
let server: Twin;

beforeAll(async () => {
  server = await Twin.start(dir, 'db');
  runC('nb', ['ls-add', 'sw0', '--', 'lsp-add', 'sw0', 'p1'], server.socket, dir);
  runC('sb', ['chassis-add', 'ch0', 'geneve', '10.0.0.1'], server.socket, dir);
});
afterAll(() => {
  server.stop();
  remove();
});

interface Ended {
  readonly text: string;
  readonly status: number | null;
}

const environment = (extra: { readonly [name: string]: string }) => ({
  PATH: `${resolve('node_modules/.bin')}:${process.env.PATH}`,
  HOME: dir,
  TERM: 'xterm',
  OVN_NB_DB: `unix:${server.socket}`,
  OVN_SB_DB: `unix:${server.socket}`,
  ...extra,
});

/** Runs a command line of the shell on a terminal of its own (script(1)), and returns what a person would get. */
function onTerminal(line: string, extra: { readonly [name: string]: string } = {}): Ended {
  const { stdout, status } = spawnSync('script', ['-qec', line, '/dev/null'], {
    encoding: 'utf8',
    env: environment(extra),
    timeout: 30_000,
  });
  return { text: stdout.replaceAll('\r\n', '\n'), status };
}

const piped = (line: string, extra: { readonly [name: string]: string } = {}): string =>
  execFileSync('sh', ['-c', line], { encoding: 'utf8', env: environment(extra) });

const esc = String.fromCharCode(27);
const withoutColour = (text: string): string => text.replaceAll(new RegExp(`${esc}\\[\\d+m`, 'g'), '');

describe('colour', () => {
  it.each(['nbctl', 'sbctl'])('helps in the overview of %s, and changes nothing else', (program) => {
    const { text, status } = onTerminal(`${program} show`);
    expect(status).toBe(0);
    expect(text).toContain(`${esc}[1m${program === 'nbctl' ? 'switch ' : 'Chassis '}`);
    expect(text).toContain(`${esc}[36m${program === 'nbctl' ? 'port p1' : 'Encap geneve'}`);
    expect(withoutColour(text)).toBe(piped(`ovn-${program} show`));
  });

  it('is for people: none in a pipe, in a file, or with NO_COLOR', () => {
    const plain = piped('ovn-nbctl show');
    expect(piped('nbctl show')).toBe(plain);
    expect(onTerminal('nbctl show | cat').text).toBe(plain);
    const file = join(dir, 'file');
    expect(onTerminal(`nbctl show >${file}; cat ${file}`).text).toBe(plain);
    expect(onTerminal('nbctl show', { NO_COLOR: '1' }).text).toBe(plain);
    // Empty is as good as unset.
    expect(onTerminal('nbctl show', { NO_COLOR: '' }).text).toContain(esc);
    expect(onTerminal('nbctl --oneline show').text).toBe(piped('ovn-nbctl --oneline show'));
    expect(onTerminal('nbctl --columns=name list Logical_Switch').text).toBe('name                : sw0\n');
  });

  it('marks failures', () => {
    const failure = onTerminal('nbctl ls-add sw0');
    expect(failure).toEqual({
      text: `${esc}[31mnbctl: sw0: a switch with this name already exists${esc}[0m\n`,
      status: 1,
    });
    expect(onTerminal('nbctl ls-add sw0', { NO_COLOR: '1' }).text).not.toContain(esc);
    expect(onTerminal('nbctl ls-add sw0 2>&1 | cat').text).not.toContain(esc);
  });
});

describe('a word that was mistyped', () => {
  it.each([
    ['nbctl ls-ad sw1', "unknown command 'ls-ad'; use --help for help", 'ls-add'],
    ['nbctl lps-list sw0', "unknown command 'lps-list'; use --help for help", 'lsp-list'],
    ['sbctl chasis-add a geneve 1.1.1.1', "unknown command 'chasis-add'; use --help for help", 'chassis-add'],
    ['nbctl --wiat=sb sync', "unrecognized option '--wiat=sb'", '--wait'],
    ['nbctl --may-exits ls-add sw1', "unrecognized option '--may-exits'", '--may-exist'],
    ['nbctl -- --may-exits ls-add sw1', "'ls-add' command has no '--may-exits' option", '--may-exist'],
    ['nbctl list Logical_Swich', 'unknown table "Logical_Swich"', 'Logical_Switch'],
    ['sbctl list Chasis', 'unknown table "Chasis"', 'Chassis'],
    [
      'nbctl get Logical_Switch sw0 extrnal_ids',
      'Logical_Switch does not contain a column whose name matches "extrnal_ids"',
      'external_ids',
    ],
  ])('%s', (line, message, meant) => {
    const [program] = line.split(' ');
    const { text, status } = onTerminal(line, { NO_COLOR: '1' });
    expect(text).toBe(`${program}: ${message} (did you mean "${meant}"?)\n`);
    expect(status).toBe(1);
    // Scripts get what the C programs say.
    expect(onTerminal(`${line} 2>&1 | cat`).text).toBe(`${program}: ${message}\n`);
  });

  it('that is like nothing is not guessed', () => {
    const { text } = onTerminal('nbctl qwertyuiop', { NO_COLOR: '1' });
    expect(text).toBe("nbctl: unknown command 'qwertyuiop'; use --help for help\n");
  });
});
