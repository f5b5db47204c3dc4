import { describe, expect, it } from 'vitest';
import { Outbox } from './outbox.ts';

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

describe('an outbox', () => {
  it('visits all who asked once, in order, when the work at hand is done', async () => {
    const outbox = new Outbox();
    const visits: string[] = [];
    outbox.add(() => {
      visits.push('a');
      outbox.add(() => visits.push('again'));
    });
    outbox.add(() => visits.push('b'));
    expect(visits).toEqual([]);
    await turn();
    expect(visits).toEqual(['a', 'b', 'again']);
  });
});
