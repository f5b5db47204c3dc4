/** Completion in real shells: interactive ones on pseudo-terminals, and the function that bash runs at a TAB. */
import { spawn, spawnSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runC, Twin, temporaryFolder } from './ctl-twins.ts';

const { dir, remove } = temporaryFolder();
let server: Twin;

beforeAll(async () => {
  server = await Twin.start(dir, 'db');
  const add = ['ls-add', 'sw0', '--', 'ls-add', 'a switch', '--', 'lsp-add', 'sw0', 'sw0:p1', '--', 'lr-add', 'r0'];
  runC('nb', add, server.socket, dir);
  for (const name of special) runC('nb', ['ls-add', name], server.socket, dir);
});
afterAll(() => {
  server.stop();
  remove();
});

/** Names that a shell reads otherwise than they are written. */
const special = ['b"q', "c'q", 'd$x', 'e&f', 'g*h', 'i:j', 'k=l', 'm\\n', 'n;o', 'q(r)'];

const environment = () => ({
  PATH: `${resolve('node_modules/.bin')}:${process.env.PATH}`,
  HOME: dir,
  OVN_NB_DB: `unix:${server.socket}`,
});

describe('bash', () => {
  /** What TAB offers behind `line`. Bash has split it: at spaces, and at `=` and `:`, which are words of their own. */
  function complete(line: string, env = environment()): string[] {
    const words = line.split(/(?=[=:])|(?<=[=:])| /);
    const script = `source <(nbctl --completion bash)
      COMP_LINE=$1 COMP_POINT=\${#1}; shift; COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)); _nbctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', script, 'bash', line, ...words], { encoding: 'utf8', env });
    expect(stderr).toBe('');
    // The order of rows is the database's.
    return stdout
      .split('\n')
      .filter((word) => word !== '')
      .sort();
  }

  it('completes commands and options', () => {
    expect(complete('nbctl ls-a')).toEqual(['ls-add']);
    expect(complete('nbctl ls-add x -- lr-a')).toEqual(['lr-add']);
    expect(complete('nbctl --may-exist ls-a')).toEqual(['ls-add']);
    expect(complete('nbctl --no-le')).toEqual(['--no-leader-only']);
    expect(complete('nbctl nonsense')).toEqual([]);
  });

  it('completes names from the database', () => {
    expect(complete('nbctl ls-del ')).toEqual(expect.arrayContaining(['a\\ switch', 'sw0', 'n\\;o']));
    expect(complete('nbctl lsp-add s')).toEqual(['sw0']);
    expect(complete('nbctl lr-del r')).toEqual(['r0']);
    expect(complete('nbctl list Logical_Switch_')).toEqual(['Logical_Switch_Port']);
    expect(complete('nbctl set Logical_Switch sw0 na')).toEqual(['name']);
    // Bash replaces what is behind the colon.
    expect(complete('nbctl lsp-del sw0')).toEqual(['sw0:p1']);
    expect(complete('nbctl lsp-del sw0:p')).toEqual(['p1']);
    expect(complete('nbctl lsp-del sw0:')).toEqual(['p1']);
  });

  it('asks the database that the line names', () => {
    const { PATH, HOME } = environment();
    const nowhere = { PATH, HOME, OVN_NB_DB: 'unix:/nonexistent' };
    expect(complete('nbctl ls-del s', nowhere)).toEqual([]);
    expect(complete(`nbctl --db=unix:${server.socket} ls-del s`, nowhere)).toEqual(['sw0']);
    expect(complete(`nbctl --db unix:${server.socket} -t 5 ls-del s`, nowhere)).toEqual(['sw0']);
  });
});

describe('bash on a terminal', () => {
  /** Types each line and TAB into an interactive bash, and has it print what it has for a command line then. */
  async function complete(lines: readonly string[]): Promise<string[]> {
    const env = { ...environment(), TERM: 'dumb' };
    const shell = spawn('script', ['-qec', 'bash --norc --noprofile -i', '/dev/null'], {
      env,
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    let text = '';
    let seen = () => undefined as unknown;
    shell.stdout.on('data', (data: Uint8Array) => {
      text += data.toString();
      seen();
    });
    const type = async (keys: string, until: RegExp): Promise<string> => {
      text = '';
      shell.stdin.write(keys);
      for (;;) {
        const found = until.exec(text);
        if (found !== null) return found[1] ?? '';
        await new Promise<void>((resolve) => {
          seen = resolve;
        });
      }
    };
    try {
      // A control character kills what is typed, so that the next line begins anew.
      const show = `bind -x '"\\C-x": printf "<%s>" "$READLINE_LINE"'`;
      const setUp = `PS1= PS2=; bind 'set enable-bracketed-paste off'; source <(nbctl --completion bash); ${show}`;
      await type(`${setUp}; echo READY''GO\n`, /READYGO/);
      const completed: string[] = [];
      for (const line of lines) completed.push(await type(`\x15${line}\t\x18`, /<([^>]*)>/));
      return completed;
    } finally {
      shell.kill('SIGKILL');
    }
  }

  it('completes commands, options and names, and quotes them as they are typed', async () => {
    const cases = {
      'nbctl ls-ad': 'nbctl ls-add ',
      'nbctl --may': 'nbctl --may-exist ',
      'nbctl lr-del r': 'nbctl lr-del r0 ',
      'nbctl lsp-del sw0:': 'nbctl lsp-del sw0:p1 ',
      'nbctl ls-del a': 'nbctl ls-del a\\ switch ',
      'nbctl ls-del a\\ s': 'nbctl ls-del a\\ switch ',
      'nbctl ls-del "a s': 'nbctl ls-del "a switch" ',
      "nbctl ls-del 'a": "nbctl ls-del 'a switch' ",
      'nbctl ls-del b': 'nbctl ls-del b\\"q ',
      'nbctl ls-del "b': 'nbctl ls-del "b\\"q" ',
      'nbctl ls-del c': "nbctl ls-del c\\'q ",
      'nbctl ls-del d': 'nbctl ls-del d\\$x ',
      'nbctl ls-del "d': 'nbctl ls-del "d\\$x" ',
      "nbctl ls-del 'd": "nbctl ls-del 'd$x' ",
      'nbctl ls-del e': 'nbctl ls-del e\\&f ',
      'nbctl ls-del g': 'nbctl ls-del g\\*h ',
      'nbctl ls-del i:': 'nbctl ls-del i:j ',
      'nbctl ls-del "i:': 'nbctl ls-del "i:j" ',
      'nbctl ls-del k=': 'nbctl ls-del k=l ',
      'nbctl ls-del m': 'nbctl ls-del m\\\\n ',
      'nbctl ls-del n': 'nbctl ls-del n\\;o ',
      'nbctl ls-del "q': 'nbctl ls-del "q(r)" ',
      'nbctl ls-del a\\ switch -- ls-del sw': 'nbctl ls-del a\\ switch -- ls-del sw0 ',
    };
    const completed = await complete(Object.keys(cases));
    expect(completed.map((line, i) => [Object.keys(cases)[i], line])).toEqual(Object.entries(cases));
  });
});

describe('zsh', () => {
  beforeAll(() => {
    if (spawnSync('zsh', ['--version']).error !== undefined)
      throw new Error('this test completes in a real zsh and needs the Debian package zsh');
  });

  /**
   * Types `line` and TAB into an interactive zsh, and then has it print what it has for a command line. What is looked for is not what is typed: the
   * terminal echoes that.
   */
  function complete(line: string): string {
    const script = String.raw`zmodload zsh/zpty
      zpty shell zsh -f -i
      {
        zpty -w shell "PS1= PS2= RPS1=; unsetopt zle_bracketed_paste; autoload -U compinit; compinit -u -d ${join(dir, 'zcompdump')}"
        zpty -w shell 'source <(nbctl --completion zsh); show() { print -r -- BE""GIN:"$BUFFER":E""ND }; zle -N show; bindkey "^X" show; print READY""GO'
        zpty -r shell REPLY '*READYGO*'
        zpty -w -n shell $1$'\t\x18'
        zpty -r shell REPLY '*BEGIN:*:END*'
        print -r -- "$REPLY"
      } always { zpty -d shell }`;
    const env = { ...environment(), TERM: 'dumb' };
    const { stdout } = spawnSync('zsh', ['-f', '-c', script, 'zsh', line], { encoding: 'utf8', env, timeout: 60_000 });
    return /BEGIN:(.*):END/.exec(stdout)?.[1] ?? stdout;
  }

  it('completes commands and names', () => {
    expect(complete('nbctl ls-ad')).toBe('nbctl ls-add ');
    expect(complete('nbctl lsp-del sw0:')).toBe('nbctl lsp-del sw0:p1 ');
    expect(complete('nbctl ls-del a')).toBe('nbctl ls-del a\\ switch ');
    expect(complete('nbctl ls-del a\\ s')).toBe('nbctl ls-del a\\ switch ');
    expect(complete('nbctl ls-del "a s')).toBe('nbctl ls-del "a switch" ');
    expect(complete("nbctl ls-del 'd")).toBe("nbctl ls-del 'd$x' ");
    expect(complete('nbctl ls-del d')).toBe('nbctl ls-del d\\$x ');
    expect(complete('nbctl ls-del "b')).toBe('nbctl ls-del "b\\"q" ');
    expect(complete('nbctl --may')).toBe('nbctl --may-exist ');
    expect(complete(`nbctl --db=unix:${server.socket} ls-del s`)).toBe(`nbctl --db=unix:${server.socket} ls-del sw0 `);
  });
});
