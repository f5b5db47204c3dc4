import type { Graph } from './graph.ts';
import { Source } from './graph.ts';
import { KeyedSources } from './keyed-sources.ts';
import { lowerBound } from './sorted.ts';

export type Member = string | number;

const identity = <M>(member: M): M => member;

/** A group's members with how many contributions each has; the sorted array is made when it is read. */
interface Group<M> {
  readonly counts: Map<M, number>;
  sorted: readonly M[] | undefined;
}

/**
 * A counted many-to-many relation that derivations contribute to and other derivations read: group → members. A member is in a group as long
 * as at least one contribution says so. Readers of a group run again when its membership changes, not when a count does.
 */
export class Relation<G, M extends Member> {
  readonly #graph: Graph;
  readonly #groups = new Map<G, Group<M>>();
  readonly #sources: KeyedSources<G>;
  readonly #membership = new Source();

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#sources = new KeyedSources(graph);
  }

  /** The members of a group, ascending. */
  get(key: G): readonly M[] {
    this.#sources.read(key);
    const group = this.#groups.get(key);
    if (group === undefined) return [];
    group.sorted ??= [...group.counts.keys()].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    return group.sorted;
  }

  has(key: G, member: M): boolean {
    this.#sources.read(key);
    return this.#groups.get(key)?.counts.has(member) ?? false;
  }

  /** The groups that have members. The reader runs again when one comes or goes. */
  groups(): Iterable<G> {
    this.#graph.read(this.#membership);
    return this.#groups.keys();
  }

  /** The sink of the relation's forEach: takes the new contributions of one key in, and the old ones out. */
  replace(next: readonly (readonly [G, M])[] | undefined, previous: readonly (readonly [G, M])[] | undefined): void {
    // In before out, so that what stays never drops to zero in between.
    for (const [group, member] of next ?? []) this.#insert(group, member);
    for (const [group, member] of previous ?? []) this.#delete(group, member);
  }

  #insert(key: G, member: M): void {
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = { counts: new Map(), sorted: undefined };
      this.#groups.set(key, group);
      this.#graph.changed(this.#membership);
    }
    const count = group.counts.get(member) ?? 0;
    group.counts.set(member, count + 1);
    if (count > 0) return;
    if (group.sorted !== undefined) {
      const sorted = group.sorted.slice();
      sorted.splice(lowerBound(sorted, member, identity), 0, member);
      group.sorted = sorted;
    }
    this.#sources.changed(key);
  }

  #delete(key: G, member: M): void {
    const group = this.#groups.get(key);
    const count = group?.counts.get(member);
    if (group === undefined || count === undefined) return;
    if (count > 1) {
      group.counts.set(member, count - 1);
      return;
    }
    group.counts.delete(member);
    if (group.counts.size === 0) {
      this.#groups.delete(key);
      this.#graph.changed(this.#membership);
    } else if (group.sorted !== undefined) group.sorted = group.sorted.filter((other) => other !== member);
    this.#sources.changed(key);
  }
}
