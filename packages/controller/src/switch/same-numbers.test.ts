import { actionsWire } from '@weft/openflow/action-list';
import type { Action } from '@weft/openflow/actions';
import { field } from '@weft/openflow/fields';
import { type Flow, flowKey, type Group, type Meter } from '@weft/openflow/flow';
import { Match } from '@weft/openflow/match';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { conjunction } from '../physical/terms.ts';
import { type Contents, groupContent, meterContent, type SameNumbers, sameNumbers } from './same-numbers.ts';

const reg0 = field('reg0');
const reg1 = field('reg1');
const conjId = field('conj_id');

/** A network in the words of who makes its flows: indexes instead of numbers. */
interface Wishes {
  /** Conjunctive matches: which logical flow has which values in its two dimensions. */
  readonly conjunctions: readonly { readonly cookie: number; readonly dimensions: readonly (readonly number[])[] }[];
  /** What each group's only bucket outputs to. */
  readonly groups: readonly number[];
  readonly meters: readonly { readonly rate: number; readonly burst: boolean }[];
  /** Flows that use a group and a meter, by index; in a conjunctive match's head, or by themselves. */
  readonly users: readonly { readonly group: number; readonly meter: number; readonly head: boolean }[];
}

const values = fc.uniqueArray(fc.nat(4), { minLength: 1, maxLength: 3 });
const wishes: fc.Arbitrary<Wishes> = fc.record({
  conjunctions: fc.array(
    fc.record({ cookie: fc.nat(3), dimensions: fc.array(values, { minLength: 2, maxLength: 2 }) }),
    {
      maxLength: 6,
    },
  ),
  groups: fc.uniqueArray(fc.nat(20), { minLength: 1, maxLength: 5 }),
  meters: fc.array(fc.record({ rate: fc.integer({ min: 1, max: 2 }), burst: fc.boolean() }), {
    minLength: 1,
    maxLength: 5,
  }),
  users: fc.array(fc.record({ group: fc.nat(4), meter: fc.nat(4), head: fc.boolean() }), { maxLength: 12 }),
});

/** How a controller numbers things, by index. */
interface Numbering {
  readonly conjunctions: readonly number[];
  readonly groups: readonly number[];
  readonly meters: readonly number[];
}

const some = fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { minLength: 6, maxLength: 6 });
const numbering: fc.Arbitrary<Numbering> = fc.record({ conjunctions: some, groups: some, meters: some });

/** What a controller that numbers things so puts into a switch. */
function contents(network: Wishes, numbers: Numbering): Contents {
  const flows = new Map<string, Flow>();
  const put = (flow: Flow) => {
    const key = flowKey(flow);
    const known = flows.get(key);
    flows.set(key, known === undefined ? flow : { ...known, actions: [...known.actions, ...flow.actions] });
  };
  network.conjunctions.forEach(({ cookie, dimensions }, index) => {
    const id = numbers.conjunctions[index] as number;
    dimensions.forEach((dimension, clause) => {
      for (const value of dimension) {
        const match = Match.any.with([reg0, reg1][clause] as typeof reg0, value);
        put({ table: 1, priority: 1, cookie: 0n, match, actions: [conjunction(id, clause + 1, dimensions.length)] });
      }
    });
    put({
      table: 1,
      priority: 1,
      cookie: BigInt(cookie),
      match: Match.any.with(conjId, id),
      actions: actionsOf(index, true),
    });
  });
  function actionsOf(index: number, head: boolean): Action[] {
    const user = network.users[index];
    if (user === undefined || user.head !== head) return [];
    const group = user.group % network.groups.length;
    const meter = user.meter % network.meters.length;
    return [
      { type: 'controller', meterId: numbers.meters[meter] },
      { type: 'clone', actions: [{ type: 'group', group: numbers.groups[group] as number }] },
    ];
  }
  network.users.forEach((_, index) => {
    const actions = actionsOf(index, false);
    if (actions.length > 0) put({ table: 2, priority: index, cookie: 1n, match: Match.any, actions });
  });
  return {
    flows: [...flows.values()],
    groups: network.groups.map((port, index): Group => {
      const buckets = [{ id: 0, weight: 100, actions: [{ type: 'output', port }] as const }];
      return { id: numbers.groups[index] as number, type: 'select', buckets };
    }),
    meters: network.meters.map(
      ({ rate, burst }, index): Meter => ({
        id: numbers.meters[index] as number,
        flags: burst ? ['kbps', 'burst'] : ['kbps'],
        bands: [{ type: 'drop', rate, burstSize: 7 }],
      }),
    ),
  };
}

const moved = (numbers: readonly number[], same: ReadonlyMap<number, number>) =>
  numbers.map((id) => same.get(id) ?? -1);

const renumbered = (ours: Numbering, { conjunctions, groups, meters }: SameNumbers): Numbering => ({
  conjunctions: moved(ours.conjunctions, conjunctions),
  groups: moved(ours.groups, groups),
  meters: moved(ours.meters, meters),
});

/** Texts of what is in a switch; the order of conjunctions in one flow says nothing. */
const texts = ({ flows, groups, meters }: Contents) => ({
  flows: [...flows]
    .map(
      (flow) =>
        `${flowKey(flow)} ${flow.cookie} ${[...flow.actions]
          .map((action) => actionsWire([action]))
          .sort()
          .join()}`,
    )
    .sort(),
  groups: groups.map((group) => `${group.id} ${groupContent(group)}`).sort(),
  meters: meters.map((meter) => `${meter.id} ${meterContent(meter)}`).sort(),
});

test('what another controller numbered otherwise is found whole', () => {
  fc.assert(
    fc.property(wishes, numbering, numbering, (network, ours, theirs) => {
      const present = contents(network, theirs);
      const same = sameNumbers(contents(network, ours), present);
      expect(texts(contents(network, renumbered(ours, same)))).toEqual(texts(present));
    }),
  );
});

test('what has its number keeps it', () => {
  fc.assert(
    fc.property(wishes, numbering, (network, numbers) => {
      const same = sameNumbers(contents(network, numbers), contents(network, numbers));
      for (const pairs of [same.conjunctions, same.groups, same.meters])
        for (const [ours, theirs] of pairs) expect(theirs).toBe(ours);
    }),
  );
});

test('whatever the switch has, no number is taken over twice', () => {
  fc.assert(
    fc.property(wishes, wishes, numbering, numbering, (wanted, found, ours, theirs) => {
      const same = sameNumbers(contents(wanted, ours), contents(found, theirs));
      for (const pairs of [same.conjunctions, same.groups, same.meters])
        expect(new Set(pairs.values()).size).toBe(pairs.size);
    }),
  );
});

test('a group or meter that changed keeps its number if the same flows use it', () => {
  const network: Wishes = {
    conjunctions: [],
    groups: [1, 2],
    meters: [{ rate: 1, burst: false }],
    users: [{ group: 0, meter: 0, head: false }],
  };
  const numbers = { conjunctions: [], groups: [5, 6], meters: [7] };
  const others = { conjunctions: [], groups: [15, 16], meters: [17] };
  const changed = { ...network, groups: [3, 2], meters: [{ rate: 2, burst: false }] };
  const same = sameNumbers(contents(changed, numbers), contents(network, others));
  expect([...same.groups].sort()).toEqual([
    [5, 15],
    [6, 16],
  ]);
  expect([...same.meters]).toEqual([[7, 17]]);
});
