import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LflowOracle } from './lflow-oracle.ts';

const root = join(import.meta.dirname, '../..');
const dir = mkdtempSync(join(tmpdir(), 'weft-lflow-docs-'));

beforeAll(async () => {
  await build({
    entryPoints: [join(root, 'packages/cli/src/bin/weft.ts')],
    outfile: join(dir, 'weft.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['better-sqlite3'],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
});

afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** The console blocks of the page: a command, and what it prints. */
function examples(): { command: string; output: string }[] {
  const page = readFileSync(join(root, 'docs/logical-flows.md'), 'utf8');
  return [...page.matchAll(/```console\n\$ ([^\n]*)\n([\s\S]*?)```/g)].map(([, command = '', output = '']) => ({
    command,
    output,
  }));
}

describe('docs/logical-flows.md', () => {
  it('has examples', () => {
    expect(examples().length).toBeGreaterThan(10);
  });

  it.each(examples())('$command', ({ command, output }) => {
    const shell = `weft() { '${process.execPath}' '${dir}/weft.mjs' "$@"; }; ${command}`;
    const { stdout, stderr, status } = spawnSync('bash', ['-c', shell], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(stdout).toBe(output);
    expect(status).toBe(/^error: |"ok":false/m.test(output) ? 1 : 0);
  });
});

describe('weft lflow --db', () => {
  const oracle = new LflowOracle();

  beforeAll(() => oracle.start(), 60_000);
  afterAll(() => oracle.stop());

  function weft(...args: string[]): { stdout: string; stderr: string; status: number | null } {
    return spawnSync(process.execPath, [join(dir, 'weft.mjs'), 'lflow', ...args], { encoding: 'utf8' });
  }

  it('takes sets, groups and ports from a southbound database', () => {
    const text = 'inport == @pg1 && ip4.src == {$as1, 1.2.3.4} && is_chassis_resident("lp1")';
    const { stdout, status } = weft('match', text, '--db', `unix:${oracle.dir}/sb.sock`);
    expect(status).toBe(0);
    for (const match of ['reg14=0x1', 'reg14=0x2', 'nw_src=10.0.0.1', 'nw_src=10.1.0.0/16', 'nw_src=1.2.3.4']) {
      expect(stdout).toContain(match);
    }
  });

  it('knows nothing else', () => {
    const { stdout, status } = weft('match', 'ip4.src == $nobody', '--db', `unix:${oracle.dir}/sb.sock`);
    expect(stdout).toContain("error: Syntax error at `$nobody' expecting address set name.");
    expect(status).toBe(1);
  });

  it('says that there is no database', () => {
    const { stderr, status } = weft('match', 'ip4', '--db', `unix:${oracle.dir}/none.sock`);
    expect(stderr).toContain('none.sock');
    expect(status).toBe(2);
  });
});
