/** How much memory the server's heap may take: most of what the machine has, since the C server takes what it needs. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-heap-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a server with that environment was started with: its command line, and the variable that costs time. */
function started(env: { readonly [name: string]: string }): string {
  const run = '--run=tr "\\000" " " </proc/$PPID/cmdline; echo "$NODE_EXTRA_CA_CERTS"';
  const args = ['--no-dbs', `--unixctl=${join(folder, 'ctl')}`, '-vconsole:off', run];
  const result = spawnSync(resolve('dist/weft-ovsdb.cjs'), args, {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...env },
  });
  expect(result.status, result.stderr).toBe(0);
  return result.stdout;
}

const heapOf = (line: string): number => Number(/--max-old-space-size=(\d+) /.exec(line)?.[1]);

it('is three quarters of the memory at most', () => {
  const all = Number(/MemTotal: +(\d+)/.exec(readFileSync('/proc/meminfo', 'utf8'))![1]) / 1024;
  const line = started({ NODE_EXTRA_CA_CERTS: '/none' });
  expect(line).toMatch(/ --no-memory-reducer .*weft-ovsdb\.cjs --no-dbs/);
  // A control group may allow less.
  expect(heapOf(line)).toBeGreaterThan(0);
  expect(heapOf(line)).toBeLessThanOrEqual(all * 0.75);
  expect(line).not.toContain('/none');
});

it('is what NODE_OPTIONS says', () => {
  for (const option of ['--max-old-space-size=1234', '--max_old_space_size=1234'])
    expect(started({ NODE_OPTIONS: option })).not.toMatch(/max.old.space.size/);
});

it('leaves V8 the code that was compiled when the program was built', () => {
  const launch = readFileSync('dist/weft-ovsdb.cjs', 'utf8');
  const told = launch.replace('script.runInThisContext()', 'console.log(script.cachedDataRejected);process.exit(0)');
  const lines = told.replaceAll('__filename', JSON.stringify(resolve('dist/weft-ovsdb.cjs'))).split('\n');
  const options = / (--max-semi-space-size=.*) "\$0"/.exec(launch)![1]!.split(' ');
  const result = spawnSync(
    process.execPath,
    ['--max-old-space-size=1234', ...options, '-e', lines.slice(lines.indexOf('*/;') + 1).join('\n')],
    { encoding: 'utf8' },
  );
  expect(result.stdout.trim(), result.stderr).toBe('false');
});
