import { actionsWire } from '@weft/openflow/action-list';
import { type Flow, flowKey } from '@weft/openflow/flow';

/** A change of the flows that the switch should have. */
export interface FlowChanges {
  /** New, or with other actions than before. By flow key. */
  readonly put: ReadonlyMap<string, Flow>;
  /** Keys of flows that should be no more, with the flow that was there. */
  readonly removed: ReadonlyMap<string, Flow>;
}

/** A lone flow stands for itself: few entries of the switch are wanted by two rows. */
type Entry = Flow | Flow[];

/**
 * The flows that this chassis should have. Several rows may want the same entry (table, priority, match): it stays until the last one lets go. If
 * they disagree on the actions, the one whose cookie and actions come first wins, whatever the order in which they came; conjunctions are joined,
 * for one flow may be a clause of several conjunctive matches.
 */
export class FlowTable {
  readonly #entries = new Map<string, Entry>();
  /** Keys that changed since the last {@link takeChanges}, with what the switch had been told before. Undefined while nobody wants to know. */
  #changed: Map<string, Flow | undefined> | undefined = new Map();

  get size(): number {
    return this.#entries.size;
  }

  /** The flows of one source: `next` come, `previous` go. */
  replace(next: readonly Flow[] | undefined, previous: readonly Flow[] | undefined): void {
    // In before out, so that an entry that stays never looks as if it had gone.
    for (const flow of next ?? []) this.#add(flow);
    for (const flow of previous ?? []) this.#remove(flow);
  }

  *flows(): IterableIterator<readonly [string, Flow]> {
    for (const [key, entry] of this.#entries) yield [key, chosen(entry)];
  }

  /** What changed since the last call. What came and went in between is not in it. */
  takeChanges(): FlowChanges {
    const put = new Map<string, Flow>();
    const removed = new Map<string, Flow>();
    for (const [key, before] of this.#changed ?? []) {
      const entry = this.#entries.get(key);
      const now = entry && chosen(entry);
      if (now === undefined) {
        if (before !== undefined) removed.set(key, before);
      } else if (before === undefined || !sameEffect(before, now)) put.set(key, now);
    }
    this.#changed = new Map();
    return { put, removed };
  }

  /** Changes from before now need not be told; those from now on are noted. */
  forgetChanges(): void {
    this.#changed = new Map();
  }

  /** Notes no changes until the next {@link forgetChanges}: whoever reads the whole table next needs none, and a first fill is all changes. */
  ignoreChanges(): void {
    this.#changed = undefined;
  }

  #add(flow: Flow): void {
    const key = flowKey(flow);
    const entry = this.#entries.get(key);
    this.#note(key, entry);
    if (entry === undefined) this.#entries.set(key, flow);
    else this.#entries.set(key, Array.isArray(entry) ? [...entry, flow] : [entry, flow]);
  }

  #remove(flow: Flow): void {
    const key = flowKey(flow);
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#note(key, entry);
    if (!Array.isArray(entry)) {
      this.#entries.delete(key);
      return;
    }
    const at = entry.indexOf(flow);
    const rest = at < 0 ? entry : entry.toSpliced(at, 1);
    this.#entries.set(key, rest.length === 1 ? (rest[0] as Flow) : rest);
  }

  #note(key: string, entry: Entry | undefined): void {
    const changed = this.#changed;
    if (changed !== undefined && !changed.has(key)) changed.set(key, entry === undefined ? undefined : chosen(entry));
  }
}

function chosen(entry: Entry): Flow {
  if (!Array.isArray(entry)) return entry;
  const sorted = entry.toSorted((a, b) => (a.cookie < b.cookie ? -1 : a.cookie > b.cookie ? 1 : compareActions(a, b)));
  const first = sorted[0] as Flow;
  // A flow that matches whole wins over clauses of conjunctive matches.
  const whole = sorted.find((flow) => !isConjunctive(flow));
  if (whole !== undefined) return whole;
  const clauses = new Map(
    sorted.flatMap((flow) => [...flow.actions].map((action) => [textOf(action), action] as const)),
  );
  if (clauses.size === first.actions.length) return first;
  return { ...first, actions: [...clauses].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, action]) => action) };
}

const isConjunctive = (flow: Flow): boolean =>
  flow.actions.length > 0 && [...flow.actions].every((action) => action.type === 'conjunction');

/** Two lists of actions are alike if their texts are. Fields are compared by identity, so their number stands for them. */
export const textOf = (actions: unknown): string =>
  JSON.stringify(actions, (_key, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
    return typeof value === 'object' && value !== null && 'oxm' in value ? (value as { id?: unknown }).id : value;
  });

const compareActions = (a: Flow, b: Flow): number => {
  const [left, right] = [actionsWire(a.actions), actionsWire(b.actions)];
  return left < right ? -1 : left > right ? 1 : 0;
};

/** Same cookie and actions: nothing to tell the switch. */
export const sameEffect = (a: Flow, b: Flow): boolean =>
  a === b || (a.cookie === b.cookie && (a.actions === b.actions || actionsWire(a.actions) === actionsWire(b.actions)));
