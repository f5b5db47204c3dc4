import { describe, expect, it } from 'vitest';
import { Backoff } from './backoff.ts';
import { formatRemote, isPassive, parseActive, parsePassive, RemoteSyntaxError, splitRemotes } from './remote.ts';

describe('remotes (ovsdb(7) "Connection Methods")', () => {
  it.each([
    ['tcp:10.1.1.41:6641', { kind: 'tcp', host: '10.1.1.41', port: 6641 }],
    ['tcp:[::1]:6642', { kind: 'tcp', host: '::1', port: 6642 }],
    ['ssl:[fe80::1%eth0]:6653', { kind: 'ssl', host: 'fe80::1%eth0', port: 6653 }],
    ['ssl:db.example', { kind: 'ssl', host: 'db.example', port: 6640 }],
    ['unix:/run/ovn/ovnnb_db.sock', { kind: 'unix', path: '/run/ovn/ovnnb_db.sock' }],
    ['ws://host:80/db', { kind: 'ws', url: 'ws://host:80/db' }],
  ] as const)('%s', (text, remote) => {
    expect(parseActive(text)).toEqual(remote);
    expect(isPassive(text)).toBe(false);
    expect(parseActive(formatRemote(parseActive(text)))).toEqual(remote);
  });

  it.each([
    ['ptcp:6641:10.1.1.41', { kind: 'ptcp', port: 6641, host: '10.1.1.41' }],
    ['ptcp:6641', { kind: 'ptcp', port: 6641 }],
    ['pssl:', { kind: 'pssl', port: 6640 }],
    ['ptcp:0:127.0.0.1', { kind: 'ptcp', port: 0, host: '127.0.0.1' }],
    ['pssl:6640:[::]', { kind: 'pssl', port: 6640, host: '::' }],
    ['punix:db.sock', { kind: 'punix', path: '/run/x/db.sock' }],
  ] as const)('%s', (text, remote) => {
    expect(parsePassive(text, { rundir: '/run/x' })).toEqual(remote);
    expect(isPassive(text)).toBe(true);
    expect(parsePassive(formatRemote(remote))).toEqual(remote);
  });

  it.each(['tcp', 'tcp:', 'tcp:h:99999', 'tcp:::1:5', 'ptcp:5', 'unix:', 'foo:bar'])('refuses %s as active', (text) => {
    expect(() => parseActive(text)).toThrow(RemoteSyntaxError);
  });

  it.each(['tcp:h:5', 'ptcp:x', 'ptcp:70000', 'ptcp:1:2:3', 'punix:'])('refuses %s as passive', (text) => {
    expect(() => parsePassive(text)).toThrow(RemoteSyntaxError);
  });

  it('splits lists and finds the cluster id', () => {
    expect(splitRemotes('tcp:a:1, tcp:b:2,cid:123')).toEqual({ remotes: ['tcp:a:1', 'tcp:b:2'], cid: '123' });
    expect(splitRemotes('unix:/x')).toEqual({ remotes: ['unix:/x'] });
  });
});

describe('backoff', () => {
  it('doubles from the minimum to the maximum, and starts again after success', () => {
    const backoff = new Backoff({ minMs: 1000, maxMs: 8000, random: () => 1 });
    expect(Array.from({ length: 5 }, () => backoff.failed())).toEqual([1000, 2000, 4000, 8000, 8000]);
    backoff.succeeded();
    expect(backoff.failed()).toBe(1000);
  });

  it('waits between a half and all of the delay', () => {
    const low = new Backoff({ minMs: 1000, maxMs: 8000, random: () => 0 });
    expect(low.failed()).toBe(500);
  });
});
