import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { anomaly, type Transaction, type Witness } from './serial-order.ts';

type Versions = { readonly [item: string]: number | undefined };
const versions = (object: Versions): Map<string, number> => new Map(Object.entries(object) as [string, number][]);

/** `span` is start and end; without an end no answer came. */
function transaction(id: string, reads: Versions, writes: Versions, span: readonly [number, number?]): Transaction {
  const [start, end] = span;
  return {
    id,
    reads: versions(reads),
    writes: new Map(Object.entries(writes)),
    start,
    ...(end === undefined ? {} : { end }),
  };
}

const initial = versions({ x: 0, y: 0 });

describe('a history is refused', () => {
  it.each<[string, readonly Transaction[], Versions, RegExp]>([
    [
      'when two updates start from one version',
      [transaction('A', { x: 0 }, { x: 1 }, [1, 4]), transaction('B', { x: 0 }, { x: 1 }, [2, 3])],
      { x: 1, y: 0 },
      /lost update: A and B both wrote x 1/,
    ],
    [
      'when what was acknowledged is gone',
      [transaction('A', { x: 0 }, { x: 1 }, [1, 2])],
      { x: 0, y: 0 },
      /lost write: A wrote x 1, but in the end it is 0/,
    ],
    [
      'when two transactions each overwrite what the other read (write skew)',
      [transaction('A', { x: 0, y: 0 }, { x: 1 }, [1, 4]), transaction('B', { x: 0, y: 0 }, { y: 1 }, [2, 3])],
      { x: 1, y: 1 },
      /no serial order: A → B → A/,
    ],
    [
      'when a reader sees half of a transaction',
      [transaction('A', { x: 0, y: 0 }, { x: 1, y: 1 }, [1, 4]), transaction('R', { x: 1, y: 0 }, {}, [2, 3])],
      { x: 1, y: 1 },
      /no serial order/,
    ],
    [
      'when a reader sees what was overwritten before it asked',
      [transaction('A', { x: 0 }, { x: 1 }, [1, 2]), transaction('R', { x: 0 }, {}, [3, 4])],
      { x: 1, y: 0 },
      /no serial order/,
    ],
    [
      'when two readers disagree about the order of two writers',
      [
        transaction('A', {}, { x: 1 }, [1, 9]),
        transaction('B', {}, { y: 1 }, [1, 9]),
        transaction('R', { x: 1, y: 0 }, {}, [1, 9]),
        transaction('S', { x: 0, y: 1 }, {}, [1, 9]),
      ],
      { x: 1, y: 1 },
      /no serial order/,
    ],
    [
      'when a version came from nowhere',
      [transaction('A', { x: 0 }, { x: 1 }, [1, 2])],
      { x: 2, y: 0 },
      /nobody wrote x 2/,
    ],
    [
      'when one transaction without an answer would have to account for two versions',
      [transaction('A', {}, { x: undefined }, [1])],
      { x: 2, y: 0 },
      /nobody wrote x 1 or 2/,
    ],
    ['when a reader saw the future', [transaction('R', { x: 1 }, {}, [1, 2])], { x: 0, y: 0 }, /never was/],
    ['when an item is gone', [], { x: 0 }, /y is gone/],
  ])('%s', (_, transactions, final, reason) => {
    expect(anomaly(initial, transactions, versions(final))).toMatch(reason);
  });
});

describe('a history with witnesses is refused', () => {
  const unanswered = transaction('U', {}, { x: undefined, y: undefined }, [1]);
  const late = transaction('V', {}, { y: undefined }, [1]);
  const known = transaction('A', {}, { x: 1 }, [2, 3]);
  const witness = (item: string, version: number, writer: string): Witness => ({ item, version, writer });

  it.each<[string, readonly Transaction[], readonly Witness[], Versions, RegExp]>([
    [
      'when half of a transaction without an answer happened',
      [unanswered],
      [witness('x', 1, 'U')],
      { x: 1, y: 0 },
      /half of U: it did not write y/,
    ],
    [
      'when it is another one that a version is left for',
      [unanswered, late],
      [witness('x', 1, 'U'), witness('y', 1, 'V')],
      { x: 1, y: 1 },
      /half of U: it did not write y/,
    ],
    [
      'when a transaction without an answer happened twice',
      [unanswered],
      [witness('x', 1, 'U'), witness('y', 1, 'U'), witness('x', 2, 'U')],
      { x: 2, y: 1 },
      /x 2 is of U, and so is 1/,
    ],
    [
      'when what was acknowledged is of another',
      [known, unanswered],
      [witness('x', 1, 'U'), witness('y', 1, 'U')],
      { x: 1, y: 1 },
      /lost update: A and U both wrote x 1/,
    ],
    [
      'when a version had one writer, and later another',
      [unanswered, late],
      [witness('y', 1, 'U'), witness('y', 1, 'V')],
      { x: 1, y: 1 },
      /y 1 is of U, and of V/,
    ],
    [
      'when what failed left something behind',
      [transaction('F', {}, {}, [1, 2])],
      [witness('x', 1, 'F')],
      { x: 1, y: 0 },
      /x 1 is of F, which did not write it/,
    ],
    [
      'when what was not answered was read before it was sent',
      [transaction('R', { x: 1 }, {}, [1, 2]), transaction('U', {}, { x: undefined }, [3])],
      [witness('x', 1, 'U')],
      { x: 1, y: 0 },
      /no serial order/,
    ],
  ])('%s', (_, transactions, witnesses, final, reason) => {
    expect(anomaly(initial, transactions, versions(final), witnesses)).toMatch(reason);
  });
});

describe('a history is accepted', () => {
  it('with one without an answer whose other half nobody saw before it was overwritten by another', () => {
    const transactions = [
      transaction('U', {}, { x: undefined, y: undefined }, [1]),
      transaction('V', {}, { y: undefined }, [1]),
    ];
    const witnesses = [
      { item: 'x', version: 1, writer: 'U' },
      { item: 'y', version: 2, writer: 'V' },
    ];
    expect(anomaly(initial, transactions, versions({ x: 1, y: 2 }), witnesses)).toBeUndefined();
  });

  it.each<[string, readonly Transaction[], Versions]>([
    [
      'whatever the order of answers',
      [transaction('A', { x: 1 }, { x: 2 }, [1, 2]), transaction('B', { x: 0 }, { x: 1 }, [1, 3])],
      { x: 2, y: 0 },
    ],
    [
      'with a transaction without an answer, which happened or not',
      [transaction('A', {}, { x: undefined, y: 1 }, [1]), transaction('B', { x: 1 }, { x: 2 }, [2, 3])],
      { x: 2, y: 0 },
    ],
  ])('%s', (_, transactions, final) => {
    expect(anomaly(initial, transactions, versions(final))).toBeUndefined();
  });

  it('when it was made by executing one transaction after the other, in whatever order they are told', () => {
    const items = ['a', 'b', 'c'];
    const step = fc.record({ read: fc.subarray(items), write: fc.subarray(items), early: fc.nat(5), late: fc.nat(5) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.infiniteStream(fc.nat()), (steps, shuffle) => {
        const state = new Map(items.map((item) => [item, 0]));
        const start = new Map(state);
        const transactions = steps.map(({ read, write, early, late }, i): Transaction => {
          const reads = new Map(read.map((item) => [item, state.get(item)!]));
          for (const item of write) state.set(item, state.get(item)! + 1);
          const writes = new Map(write.map((item) => [item, state.get(item)!]));
          // Each happens at time i, somewhere between its start and its end.
          return { id: `T${i}`, reads, writes, start: i - early - 0.1, end: i + late + 0.1 };
        });
        const told = transactions
          .map((transaction) => ({ transaction, key: shuffle.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map((entry) => entry.transaction);
        expect(anomaly(start, told, state)).toBeUndefined();
      }),
    );
  });
});
