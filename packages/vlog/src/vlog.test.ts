import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listening } from '@weft/jsonrpc/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Vlog } from './vlog.ts';

const dir = mkdtempSync(join(tmpdir(), 'weft-vlog-'));
const socket = join(dir, 'c.ctl');
let server: ChildProcess;
beforeAll(async () => {
  const db = join(dir, 'c.db');
  execFileSync('ovsdb-tool', ['create', db, '/usr/share/ovn/ovn-nb.ovsschema']);
  const env = { ...process.env, OVS_RUNDIR: dir };
  server = spawn('ovsdb-server', ['--no-chdir', `--unixctl=${socket}`, '-vconsole:off', db], { stdio: 'ignore', env });
  await listening(socket);
});
afterAll(() => {
  server.kill();
  rmSync(dir, { recursive: true, force: true });
});

function c(...args: string[]): { readonly ok: boolean; readonly text: string } {
  const { status, stdout, stderr } = spawnSync('ovs-appctl', ['-t', socket, ...args]);
  return status === 0 ? { ok: true, text: stdout.toString() } : { ok: false, text: stderr.toString().split('\n')[0]! };
}

describe('log levels', () => {
  it('are set, refused and listed as by a C daemon', () => {
    const modules = ['jsonrpc', 'raft', 'ovsdb_jsonrpc_server'];
    const ours = new Vlog();
    for (const module of modules) ours.register(module);
    ours.set('any:console:off');
    c('vlog/set', 'any:dbg');
    ours.set('any:dbg');
    const word = fc.constantFrom(
      ...[
        ...modules,
        'console',
        'SYSLOG',
        'file',
        'off',
        'emer',
        'ERR',
        'warn',
        'info',
        'dbg',
        'any',
        'ANY',
        'nonsense',
      ],
    );
    const spec = fc
      .tuple(fc.array(word, { maxLength: 4 }), fc.constantFrom(':', ',', ' ', ', '))
      .map(([words, separator]) => words.join(separator));
    const special = fc.constantFrom(
      'PATTERN:file:%m',
      'PATTERN:any:%m',
      'PATTERN:x:%m',
      'FACILITY:user',
      'FACILITY:x',
      'raft-x',
    );
    fc.assert(
      fc.property(fc.oneof({ weight: 9, arbitrary: spec }, { weight: 1, arbitrary: special }), (text) => {
        const theirs = c('vlog/set', text);
        const problem = ours.set(text);
        expect({ ok: problem === undefined, text: problem ?? '' }).toEqual(theirs);
        const lines = c('vlog/list').text.split('\n');
        const wanted = lines.filter((line, i) => i < 2 || line === '' || modules.includes(line.split(' ')[0]!));
        expect(ours.list()).toBe(wanted.join('\n'));
      }),
      { numRuns: 150 },
    );
  });

  it('can be set for a module that comes later', () => {
    const vlog = new Vlog();
    expect(vlog.set('later:file:dbg', { announce: true })).toBeUndefined();
    expect(vlog.set('later:file:dbg')).toBe('no destination, level, or module "later"');
    vlog.register('later');
    expect([vlog.level('later', 'file'), vlog.level('later', 'console')]).toEqual(['dbg', 'info']);
  });
});
