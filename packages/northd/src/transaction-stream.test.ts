import type { JsonObject } from '@weft/ovsdb/json';
import { describe, expect, it } from 'vitest';
import type { Unit } from './reconciler.ts';
import { TransactionStream } from './transaction-stream.ts';

const units = (count: number): Unit[] =>
  Array.from({ length: count }, (_, i) => [{ op: 'comment', comment: String(i) }]);

/** A stream to a database that answers when it is told to. */
function newStream(options: { whole?: boolean; check?: () => void } = {}) {
  const sent: (readonly JsonObject[])[] = [];
  const answers: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const stream = new TransactionStream({
    transact: (operations) => {
      sent.push(operations);
      return new Promise<void>((resolve, reject) => answers.push({ resolve, reject }));
    },
    whole: options.whole ?? false,
    now: () => 0,
    pause: () => new Promise((resolve) => setImmediate(resolve)),
    check: options.check ?? (() => {}),
  });
  return { stream, answers, sizes: () => sent.map((operations) => operations.length) };
}

/** Lets the stream go on until it waits for the database. */
const turns = async () => {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
};

describe('a stream of transactions', () => {
  it('keeps what is small together, however it is handed in', async () => {
    const { stream, answers, sizes } = newStream();
    await stream.add(units(700));
    await stream.add(units(1));
    expect(sizes()).toEqual([]);
    const ended = stream.end();
    answers[0]?.resolve();
    await ended;
    expect(sizes()).toEqual([701]);
  });

  it('sends what is large in pieces while more is made, so many at a time', async () => {
    const { stream, answers, sizes } = newStream();
    const added = stream.add(units(5000));
    await turns();
    expect(sizes()).toEqual([1500, ...Array(7).fill(250)]);
    answers[0]?.resolve();
    await turns();
    expect(sizes()).toEqual([1500, ...Array(8).fill(250)]);
    for (let i = 1; i < 15; i++) {
      answers[i]?.resolve();
      await turns();
    }
    await added;
    expect(sizes()).toEqual([1500, ...Array(14).fill(250)]);
  });

  it('sends everything in one transaction where it must be whole', async () => {
    const { stream, answers, sizes } = newStream({ whole: true });
    await stream.add(units(5000));
    const ended = stream.end();
    answers[0]?.resolve();
    await ended;
    expect(sizes()).toEqual([5000]);
  });

  it('fails with the transaction that fails, and when the check does', async () => {
    const refused = newStream();
    await refused.stream.add(units(3));
    const ended = refused.stream.end();
    refused.answers[0]?.reject(new Error('refused'));
    await expect(ended).rejects.toThrow('refused');
    const checked = newStream({
      check: () => {
        throw new Error('no longer active');
      },
    });
    await expect(checked.stream.add(units(5000))).rejects.toThrow('no longer active');
    expect(checked.sizes()).toEqual([1500]);
  });
});
