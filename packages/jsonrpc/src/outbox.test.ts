import { describe, expect, it } from 'vitest';
import { inPromises, Outbox } from './outbox.ts';

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

describe.each([
  ['in the next tick', new Outbox()],
  ['among promises', new Outbox(inPromises)],
])('an outbox that is emptied %s', (_when, outbox) => {
  it('visits all who asked once, in order, when the work at hand is done', async () => {
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
