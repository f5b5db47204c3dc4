import type { sb } from '@weft/schemas/sb';
import { describe, expect, it } from 'vitest';
import { type Write, Writes } from './writes.ts';

type Sb = typeof sb;

/** Commits what is pending, as the controller does, and gives the keys. */
function commit(writes: Writes<Sb>): readonly string[] {
  const { keys } = writes;
  writes.settle(writes.fill(undefined as never));
  return keys;
}

describe('writes', () => {
  const write: Write<Sb> = () => {};

  it('are made once, and are done when the rows have changed', () => {
    const writes = new Writes<Sb>();
    writes.set('claim', write);
    expect(commit(writes)).toEqual(['claim']);
    expect(commit(writes)).toEqual([]);
    writes.set('claim', undefined);
    writes.revive();
    expect(writes.keys).toEqual([]);
  });

  it('are made again if somebody else undid them at once', () => {
    const writes = new Writes<Sb>();
    writes.set('claim', write);
    commit(writes);
    expect(writes.unconfirmed).toBe(1);
    // The derivation has seen no change: it says nothing.
    writes.revive();
    expect(commit(writes)).toEqual(['claim']);
  });

  it('give way to what is asked for meanwhile', () => {
    const writes = new Writes<Sb>();
    writes.set('claim', write);
    const filled = writes.fill(undefined as never);
    writes.set('claim', () => {});
    writes.settle(filled);
    expect(writes.keys).toEqual(['claim']);
    expect(writes.unconfirmed).toBe(0);
  });
});
