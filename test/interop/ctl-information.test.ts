/** `--commands`, `--options` and what is refused before anything runs: as the C programs have it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Outcome, runC, runOurs, Twin, temporaryFolder } from './ctl-twins.ts';

const { dir, remove } = temporaryFolder();
let server: Twin;
beforeAll(async () => {
  server = await Twin.start(dir, 'db');
  for (const which of ['nb', 'sb'] as const) runC(which, ['init'], server.socket, dir);
});
afterAll(() => {
  server.stop();
  remove();
});

/**
 * Commands of which the C program's text does not say what they take, because it is empty, another command's, of another order, or lacks a space; ours
 * does.
 */
const sayMore = new Set(
  (
    'acl-del dhcp-options-create dhcp-options-set-options fwd-group-add fwd-group-list ha-chassis-group-add ha-chassis-group-add-chassis ' +
    'ha-chassis-group-del ha-chassis-group-list ha-chassis-group-remove-chassis ha-chassis-group-set-chassis-prio ip-multicast-flush lb-add ' +
    'lr-nat-add lr-nat-del lr-policy-add lrp-set-options lsp-set-options pg-add pg-del pg-set-ports qos-add'
  ).split(' '),
);

const lines = ({ stdout }: Outcome): string[] => stdout.split('\n').sort();

describe.each(['nb', 'sb'] as const)('ovn-%sctl', (which) => {
  it('--commands', async () => {
    const split = (line: string) => /^([^,]*,([^,]*),)(.*)$/.exec(line) ?? [line, line, '', ''];
    const comparable = (outcome: Outcome) =>
      lines(outcome)
        .map(split)
        .map(([line, head, name]) => (sayMore.has(name ?? '') ? head : line))
        .sort();
    const c = runC(which, ['--commands'], server.socket, dir);
    expect(comparable(await runOurs(which, ['--commands'], server.socket, dir))).toEqual(comparable(c));
  });

  it('--options', async () => {
    const c = runC(which, ['--options'], server.socket, dir);
    expect(lines(await runOurs(which, ['--options'], server.socket, dir))).toEqual(lines(c));
  });

  it.each([
    ['--wait=sb', 'show'],
    ['--wait=none', 'show'],
    ['--wait=x', 'show'],
    ['--no-wait', 'show'],
    ['--print-wait-time', 'show'],
    ['--print-wait-time=x', 'show'],
    ['--nonsense', 'show'],
    ['--nonsense=x', 'show'],
    ['-x', 'show'],
    ['--db'],
    ['--no-'],
    ['--dry-run=x', 'show'],
    ['--timeout=', 'show'],
    ['--timeout=-1', 'show'],
    ['--timeout=0', 'show'],
    ['-t', '4294967296', 'show'],
    ['-f', 'x', 'show'],
    ['-d', 'x', 'show'],
    ['--detach', 'show'],
    [],
    ['--'],
    ['--', '--', 'show'],
  ])('%s %s', async (...args) => {
    const comparable = ({ stdout, stderr, status }: Outcome) => ({
      stdout,
      stderr: stderr.replaceAll('ovn-', '').replace(/^\S+Z\|/gm, ''),
      status,
    });
    const c = comparable(runC(which, args, server.socket, dir));
    expect(comparable(await runOurs(which, args, server.socket, dir))).toEqual(c);
  });
});
