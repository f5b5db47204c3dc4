import type { Runtime } from '@weft/incremental/runtime';
import type { TrackedTable } from '@weft/incremental/table';
import { stableId } from './stable-id.ts';

interface Entry<S> {
  id: number;
  readonly spec: S;
  users: number;
}

/** What has another number than it was first given. */
interface Moved {
  /** The key. */
  readonly _uuid: string;
  readonly id: number;
}

/**
 * Numbers for what flows refer to by number: groups, meters, conjunctive matches. An allocation: a thing keeps its number as long as a flow wants
 * it, but for what {@link renumber} moves to the numbers that a switch already has.
 */
export class Numbers<S> {
  readonly #first: number;
  readonly #last: number;
  readonly #byKey = new Map<string, Entry<S>>();
  readonly #taken = new Set<number>();
  /** Allocated since the last {@link sweep}, and held by nobody yet. */
  readonly #unheld = new Set<string>();
  /** Whoever asked for the number of one of these works again when it changes. */
  readonly #moved: TrackedTable<Moved>;
  /** Grows with each change of what is there. */
  version = 0;

  /** Numbers are given from `first` to `last`; those of a switch may be others. */
  constructor(runtime: Runtime, name: string, first: number, last: number) {
    this.#moved = runtime.table<Moved>(`moved ${name}`, ['id']);
    this.#first = first;
    this.#last = last;
  }

  /**
   * The number of what `key` names: `wish` if it is free. A restarted controller that wishes the same is likely to find its own numbers in the switch.
   * It is kept until the last {@link release}; hold it before that. Tracked.
   */
  allocate(key: string, spec: S, wish: number = stableId(key)): number {
    const moved = this.#moved.get(key)?.id;
    const known = this.#byKey.get(key);
    if (known !== undefined) return moved ?? known.id;
    const id = this.#free(wish);
    this.#taken.add(id);
    this.#byKey.set(key, { id, spec, users: 0 });
    this.#unheld.add(key);
    return id;
  }

  hold(key: string): void {
    const entry = this.#byKey.get(key);
    if (entry === undefined) return;
    this.#unheld.delete(key);
    if (entry.users++ === 0) this.version++;
  }

  release(key: string): void {
    const entry = this.#byKey.get(key);
    if (entry === undefined || --entry.users > 0) return;
    this.version++;
    this.#forget(key, entry.id);
  }

  /** What was allocated, and then not held, is no more: logical flows that turned out to be wrong, or to have no flows here. */
  sweep(): void {
    for (const key of this.#unheld) {
      const entry = this.#byKey.get(key);
      if (entry !== undefined) this.#forget(key, entry.id);
    }
    this.#unheld.clear();
  }

  /**
   * Gives what has the one number the other. What is in the way goes elsewhere. True if anything has another number now: whoever asked for it works
   * again at the next flush.
   */
  renumber(numbers: ReadonlyMap<number, number>): boolean {
    const moving = [...this.#byKey].filter(([, { id }]) => numbers.has(id));
    const kept = new Set(moving.map(([, { id }]) => numbers.get(id) as number));
    const displaced = [...this.#byKey].filter(([, { id }]) => !numbers.has(id) && kept.has(id));
    const changed: Moved[] = [];
    const move = (key: string, entry: Entry<S>, id: number) => {
      this.#taken.add(id);
      if (entry.id === id) return;
      entry.id = id;
      changed.push({ _uuid: key, id });
    };
    for (const [, { id }] of [...moving, ...displaced]) this.#taken.delete(id);
    for (const [key, entry] of moving) move(key, entry, numbers.get(entry.id) as number);
    for (const [key, entry] of displaced) move(key, entry, this.#free(entry.id));
    if (changed.length === 0) return false;
    this.version++;
    this.#moved.apply(changed.map((row) => ({ uuid: row._uuid, new: row })));
    return true;
  }

  /** What somebody holds. */
  *entries(): IterableIterator<readonly [key: string, id: number, spec: S]> {
    for (const [key, { id, spec, users }] of this.#byKey) if (users > 0) yield [key, id, spec];
  }

  #forget(key: string, id: number): void {
    this.#byKey.delete(key);
    this.#taken.delete(id);
    this.#moved.apply([{ uuid: key }]);
  }

  #free(wish: number): number {
    const count = this.#last - this.#first + 1;
    // Where there are more things than numbers, a switch may refuse those beyond, and says so; looking for a free one would not end.
    const isFull = this.#taken.size >= count;
    let id = isFull ? this.#last + 1 : this.#first + (wish % count);
    while (this.#taken.has(id)) id = id === this.#last ? this.#first : id + 1;
    return id;
  }
}
