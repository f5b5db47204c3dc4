import { type Actions, actionsWire } from '@weft/openflow/action-list';
import type { Action } from '@weft/openflow/actions';
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
  /** Keys that changed since the last {@link takeChanges}, with what was there before. Undefined while nobody wants to know. */
  #changed: Map<string, Entry | undefined> | undefined = new Map();

  get size(): number {
    return this.#entries.size;
  }

  /** How many entries are noted as changed. */
  get noted(): number {
    return this.#changed?.size ?? 0;
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
    for (const [key, old] of this.#changed ?? []) {
      const entry = this.#entries.get(key);
      const before = old && chosen(old);
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
    else if (isShared(entry)) entry.push(flow);
    else this.#entries.set(key, [entry, flow]);
  }

  #remove(flow: Flow): void {
    const key = flowKey(flow);
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#note(key, entry);
    if (!isShared(entry)) {
      this.#entries.delete(key);
      // It came since the last look: of what comes and goes while nobody looks, nothing stays.
      if (this.#changed?.get(key) === undefined) this.#changed?.delete(key);
      return;
    }
    const at = entry.indexOf(flow);
    if (at >= 0) entry.splice(at, 1);
    if (entry.length === 1) this.#entries.set(key, entry[0] as Flow);
  }

  #note(key: string, entry: Entry | undefined): void {
    const changed = this.#changed;
    if (changed !== undefined && !changed.has(key)) changed.set(key, isShared(entry) ? [...entry] : entry);
  }
}

const isShared = (entry: Entry | undefined): entry is Flow[] => Array.isArray(entry);

function chosen(entry: Entry): Flow {
  if (!isShared(entry)) return entry;
  // A flow that matches whole wins over clauses of conjunctive matches.
  const whole = entry.filter((flow) => !isConjunctive(flow));
  return whole.length === 0 ? joined(entry) : whole.reduce((a, b) => (isBefore(b, a) ? b : a));
}

/** One flow with the clauses of all. Where a thousand ACLs share a set, each of its addresses has such a flow: telling clauses apart must be cheap. */
function joined(flows: readonly Flow[]): Flow {
  const clauses = new Map<number, Action>();
  for (const { actions } of flows)
    for (const action of actions)
      if (action.type === 'conjunction') clauses.set(maxClauses * action.id + action.clause, action);
  const actions = [...clauses].sort(([a], [b]) => a - b).map(([, action]) => action);
  return { ...(flows[0] as Flow), actions };
}

/** More than the switch allows (ovs-actions(7), "The conjunction action"). */
const maxClauses = 256;

function isConjunctive(flow: Flow): boolean {
  const actions = [...flow.actions];
  return actions.length > 0 && actions.every((action) => action.type === 'conjunction');
}

function isBefore(a: Flow, b: Flow): boolean {
  return a.cookie === b.cookie ? actionsWire(a.actions) < actionsWire(b.actions) : a.cookie < b.cookie;
}

/** Same cookie and actions: nothing to tell the switch. */
export const sameEffect = (a: Flow, b: Flow): boolean =>
  a === b || (a.cookie === b.cookie && sameActions(a.actions, b.actions));

function sameActions(a: Actions, b: Actions): boolean {
  if (a === b) return true;
  // Before a thousand clauses are encoded.
  if (Array.isArray(a) && Array.isArray(b) && a.length !== b.length) return false;
  return actionsWire(a) === actionsWire(b);
}
