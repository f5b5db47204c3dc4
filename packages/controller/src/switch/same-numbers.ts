/**
 * Which numbers in a switch stand for what we have under other numbers.
 *
 * Flows refer to groups, meters and conjunctive matches by numbers that each controller gives as it likes. What a switch has from an earlier controller
 * can stay as it is if the next one takes its numbers over. What stands for the same is found by what it is, and by who refers to it.
 */
import type { Actions } from '@weft/openflow/action-list';
import type { Action } from '@weft/openflow/actions';
import { field } from '@weft/openflow/fields';
import { type Flow, flowKey, type Group, type Meter } from '@weft/openflow/flow';
import { encode } from '@weft/openflow/message-encode';
import { stableId } from '../stable-id.ts';

/** What a switch has, or should have. */
export interface Contents {
  readonly flows: Iterable<Flow>;
  readonly groups: readonly Group[];
  readonly meters: readonly Meter[];
}

/** For numbers of ours, the numbers in the switch that stand for the same. No two of ours have the same number there. */
export interface SameNumbers {
  readonly conjunctions: ReadonlyMap<number, number>;
  readonly groups: ReadonlyMap<number, number>;
  readonly meters: ReadonlyMap<number, number>;
}

/** Finds what is the same in what should be there and what is. */
export function sameNumbers(wanted: Contents, present: Contents): SameNumbers {
  const ours = [...wanted.flows].filter(refers);
  const theirs = [...present.flows].filter(refers);
  const conjunctions = pair(conjunctive(ours), conjunctive(theirs), [
    ({ head, cookie, clauses }) => `${head} ${cookie} ${clauses}`,
    // The logical flow was made anew; or what it is about has changed.
    ({ head, clauses }) => `${head} ${clauses}`,
    ({ head, cookie }) => `${head} ${cookie}`,
  ]);
  const same = <T extends Numbered>(
    kind: Kind,
    content: (item: T) => string,
    mine: readonly T[],
    other: readonly T[],
  ) =>
    pair(
      referred(kind, ours, mine, content, (id) => conjunctions.get(id) ?? id),
      referred(kind, theirs, other, content, (id) => id),
      [
        ({ content, usage }) => content && `${content} ${usage}`,
        ({ content }) => content,
        // Another one now, for the same flows: they need not change.
        ({ usage }) => usage,
      ],
    );
  return {
    conjunctions,
    groups: same('group', groupContent, wanted.groups, present.groups),
    meters: same('meter', meterContent, wanted.meters, present.meters),
  };
}

/** What a group is but for its number: equal groups have equal texts, whoever encoded them. */
export const groupContent = (group: Group): string =>
  bytes(encode({ type: 'group_mod', mod: { ...group, ...inOrder(group), id: 0, command: 'add' } }, 0));

/** The switch gives the fields of a hash back in an order of its own. */
const inOrder = ({ selection }: Group): Pick<Group, 'selection'> =>
  selection === undefined
    ? {}
    : { selection: { ...selection, fields: selection.fields.toSorted((a, b) => a.field.id - b.field.id) } };

/** The same of a meter. */
export function meterContent(meter: Meter): string {
  // Without a burst of its own, the switch says that it has one as large as the rate.
  const bands = meter.flags.includes('burst') ? meter.bands : meter.bands.map((band) => ({ ...band, burstSize: 0 }));
  return bytes(encode({ type: 'meter_mod', mod: { ...meter, bands, id: 0, command: 'add' } }, 0));
}

const bytes = (message: Uint8Array): string => Buffer.from(message).toString('latin1');

interface Numbered {
  readonly id: number;
}

type Kind = 'group' | 'meter';

const conjId = field('conj_id');

/** The conjunctive match whose parts are all there, in a flow that asks for that. */
const headOf = ({ match }: Flow): number | undefined => {
  const term = match.get(conjId);
  return term === undefined ? undefined : Number(term.value);
};

/** Whether a flow refers to anything by number. */
const refers = (flow: Flow): boolean => [...flow.actions].some(isReference) || headOf(flow) !== undefined;

const isReference = (action: Action): boolean =>
  action.type === 'conjunction' || numberOf(action) !== undefined || nestedIn(action).some(isReference);

/** What an action refers to. */
function numberOf(action: Action): { readonly kind: Kind; readonly id: number } | undefined {
  if (action.type === 'group') return { kind: 'group', id: action.group };
  if (action.type === 'meter') return { kind: 'meter', id: action.meter };
  if (action.type === 'controller' && action.meterId !== undefined) return { kind: 'meter', id: action.meterId };
  return undefined;
}

const nestedIn = (action: Action): readonly Action[] => ('actions' in action && action.actions) || [];

/** A sum that is the same in whatever order its texts come. */
class Sum {
  #count = 0;
  #sum = 0;

  add(text: string): void {
    this.#count++;
    this.#sum = (this.#sum + stableId(text)) >>> 0;
  }

  get text(): string {
    return `${this.#count}/${this.#sum}`;
  }
}

interface Conjunctive extends Numbered {
  /** Where the match goes on when all its parts are there. */
  readonly head: string;
  readonly cookie: string;
  readonly clauses: string;
}

function conjunctive(flows: readonly Flow[]): readonly Conjunctive[] {
  const heads = new Map<number, Flow>();
  const clauses = new Map<number, Sum>();
  for (const flow of flows) {
    const id = headOf(flow);
    if (id !== undefined) heads.set(id, flow);
    let key: string | undefined;
    for (const action of flow.actions) {
      if (action.type !== 'conjunction') continue;
      key ??= flowKey(flow);
      entry(clauses, action.id, () => new Sum()).add(`${key} ${action.clause}/${action.count}`);
    }
  }
  return [...heads].map(([id, flow]) => ({
    id,
    head: flowKey({ ...flow, match: flow.match.without(conjId) }),
    cookie: String(flow.cookie),
    clauses: clauses.get(id)?.text ?? '',
  }));
}

interface Referred extends Numbered {
  /** Undefined if flows refer to what is not there. */
  readonly content: string | undefined;
  /** Which flows refer to it. Undefined if none does. */
  readonly usage: string | undefined;
}

function referred<T extends Numbered>(
  kind: Kind,
  flows: readonly Flow[],
  items: readonly T[],
  content: (item: T) => string,
  conjunction: (id: number) => number,
): readonly Referred[] {
  const usage = new Map<number, Sum>();
  for (const flow of flows) {
    const id = headOf(flow);
    const key = flowKey(id === undefined ? flow : { ...flow, match: flow.match.with(conjId, conjunction(id)) });
    let place = 0;
    const walk = (actions: Actions): void => {
      for (const action of actions) {
        const found = numberOf(action);
        if (found?.kind === kind) entry(usage, found.id, () => new Sum()).add(`${key} ${place++}`);
        walk(nestedIn(action));
      }
    };
    walk(flow.actions);
  }
  const contents = new Map(items.map((item) => [item.id, content(item)]));
  return [...new Set([...contents.keys(), ...usage.keys()])].map((id) => ({
    id,
    content: contents.get(id),
    usage: usage.get(id)?.text,
  }));
}

type Likeness<T> = (thing: T) => string | undefined;

/** Pairs things that agree, at first in everything, then in less and less. Each has at most one partner. */
function pair<T extends Numbered>(
  wanted: readonly T[],
  present: readonly T[],
  likenesses: readonly Likeness<T>[],
): ReadonlyMap<number, number> {
  const pairs = new Map<number, number>();
  const ours = new Set(wanted);
  const theirs = new Set(present);
  const join = (one: T, other: T) => {
    pairs.set(one.id, other.id);
    ours.delete(one);
    theirs.delete(other);
  };
  for (const likeness of likenesses) {
    const candidates = grouped(theirs, likeness);
    for (const [like, alike] of grouped(ours, likeness)) {
      const numbers = new Map(candidates.get(like)?.map((other) => [other.id, other]));
      // Who has the same number already keeps it; of the rest none is better than another.
      for (const one of alike) {
        const itself = numbers.get(one.id);
        if (itself === undefined) continue;
        join(one, itself);
        numbers.delete(one.id);
      }
      const free = numbers.values();
      for (const one of alike.filter((each) => ours.has(each))) {
        const { value: other } = free.next();
        if (other !== undefined) join(one, other);
      }
    }
  }
  return pairs;
}

function grouped<T>(things: Iterable<T>, likeness: Likeness<T>): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const thing of things) {
    const like = likeness(thing);
    if (like !== undefined) entry(groups, like, () => []).push(thing);
  }
  return groups;
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
