import { describe, expect, it } from 'vitest';
import { NumberPool } from './number-pool.ts';

describe('a pool of numbers', () => {
  it('gives each owner its own, and the same again', () => {
    const pool = new NumberPool(1);
    expect(['a', 'b', 'a', 'c'].map((owner) => pool.allocate(owner, 10))).toEqual([1, 2, 1, 3]);
  });

  it('lets a freed number rest until the others have been used', () => {
    const pool = new NumberPool(1);
    for (const owner of ['a', 'b']) pool.allocate(owner, 3);
    pool.release('a');
    expect([pool.allocate('c', 3), pool.allocate('d', 3), pool.allocate('e', 3)]).toEqual([3, 1, undefined]);
  });

  it('gives the lowest that is free, where that is wanted', () => {
    const pool = new NumberPool(1, 'lowest');
    for (const owner of ['a', 'b']) pool.allocate(owner, 3);
    pool.release('a');
    expect(pool.allocate('c', 3)).toBe(1);
  });

  it('takes a number from its owner for one that has a right to it', () => {
    const pool = new NumberPool(1);
    pool.allocate('a', 10);
    pool.assign('b', 1);
    expect(pool.ownerOf(1)).toBe('b');
    expect(pool.get('a')).toBeUndefined();
    expect(pool.allocate('a', 10)).toBe(2);
  });

  it('moves an owner whose number is reserved or too high', () => {
    const pool = new NumberPool(1);
    pool.assign('a', 7);
    expect(pool.allocate('a', 5)).toBe(1);
    expect(pool.allocate('a', 5, (number) => number === 1)).toBe(2);
    expect(pool.ownerOf(7)).toBeUndefined();
  });
});
