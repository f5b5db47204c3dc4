/**
 * Is a history of concurrent transactions equivalent to some serial order, one that respects real time? (Strict serializability, by the graph of
 * dependencies: Adya, "Weak Consistency", 1999, section 3.) Pure.
 *
 * Every item has a version, a number that each write of it makes larger by one, so that the order of its writes is known. A transaction comes after
 * those whose versions it read or overwrote, and before those that overwrote what it read. There is a serial order if this never leads in a circle.
 */

export interface Transaction {
  readonly id: string;
  /** Version that was read of each item. */
  readonly reads: ReadonlyMap<string, number>;
  /** Version that was written of each item; undefined if nobody could tell, because no answer came. */
  readonly writes: ReadonlyMap<string, number | undefined>;
  /** When it was sent, and when its answer came, in ticks of one clock. Without `end` nobody knows whether it happened. */
  readonly start: number;
  readonly end?: number;
}

/**
 * What is wrong with the history, or undefined. `initial` and `final` are the versions of all items before and after it. Transactions without an end
 * may have happened or not; they are asked only to account for versions that nobody else wrote.
 */
export function anomaly(
  initial: ReadonlyMap<string, number>,
  transactions: readonly Transaction[],
  final: ReadonlyMap<string, number>,
): string | undefined {
  const known = transactions.filter(({ end }) => end !== undefined);
  const unknown = transactions.filter(({ end }) => end === undefined);
  const writers = new Map<string, Map<number, Transaction>>();
  for (const item of initial.keys()) writers.set(item, new Map());
  for (const transaction of known) {
    for (const [item, version] of transaction.writes) {
      const versions = writers.get(item);
      if (versions === undefined || version === undefined) return `${transaction.id} wrote ${item}: what?`;
      const other = versions.get(version);
      if (other !== undefined) return `lost update: ${other.id} and ${transaction.id} both wrote ${item} ${version}`;
      versions.set(version, transaction);
    }
  }
  for (const [item, versions] of writers) {
    const first = initial.get(item)!;
    const last = final.get(item);
    if (last === undefined) return `${item} is gone`;
    for (const [version, { id }] of versions) {
      if (version > last) return `lost write: ${id} wrote ${item} ${version}, but in the end it is ${last}`;
      if (version <= first) return `${id} wrote ${item} ${version}, which is older than the history`;
    }
    const candidates = unknown.filter(({ writes }) => writes.has(item));
    let anyVersion = candidates.filter(({ writes }) => writes.get(item) === undefined).length;
    for (let version = first + 1; version <= last; version++) {
      if (versions.has(version) || candidates.some(({ writes }) => writes.get(item) === version)) continue;
      if (--anyVersion < 0) return `nobody wrote ${item} ${version}`;
    }
    for (const { id, reads } of known) {
      const version = reads.get(item);
      if (version !== undefined && (version < first || version > last))
        return `${id} read ${item} ${version}, which never was`;
    }
  }
  return circle(known, writers);
}

function circle(
  transactions: readonly Transaction[],
  writers: ReadonlyMap<string, ReadonlyMap<number, Transaction>>,
): string | undefined {
  const names: string[] = [];
  const next: number[][] = [];
  const node = (name: string): number => {
    next.push([]);
    return names.push(name) - 1;
  };
  const nodes = new Map(transactions.map((transaction) => [transaction, node(transaction.id)]));
  const edge = (before: number, after: number): void => {
    if (before !== after) next[before]!.push(after);
  };
  for (const [item, byVersion] of writers) {
    const order = [...byVersion].sort(([a], [b]) => a - b);
    for (let i = 1; i < order.length; i++) edge(nodes.get(order[i - 1]![1])!, nodes.get(order[i]![1])!);
    for (const [transaction, reader] of nodes) {
      const version = transaction.reads.get(item);
      if (version === undefined) continue;
      const writer = byVersion.get(version);
      if (writer !== undefined) edge(nodes.get(writer)!, reader);
      // The next whose writer is known: a reader comes before all of them. A transaction may overwrite what it read.
      const after = order.find(([v, w]) => v > version && w !== transaction);
      if (after !== undefined) edge(reader, nodes.get(after[1])!);
    }
  }
  // What was answered comes before what was sent later. Points in time are nodes too, so that not every pair needs an edge.
  const events = [...nodes].flatMap(([{ start, end }, at]) => [
    { time: start, at, ends: false },
    { time: end!, at, ends: true },
  ]);
  events.sort((a, b) => a.time - b.time || Number(a.ends) - Number(b.ends));
  let now = node('');
  for (const { at, ends } of events) {
    if (!ends) {
      edge(now, at);
      continue;
    }
    const later = node('');
    edge(now, later);
    edge(at, later);
    now = later;
  }
  const found = findCircle(next);
  return (
    found &&
    `no serial order: ${found
      .map((at) => names[at])
      .filter((name) => name !== '')
      .join(' → ')}`
  );
}

/** A circle in a directed graph, without recursion. */
function findCircle(next: readonly (readonly number[])[]): number[] | undefined {
  const state = new Uint8Array(next.length);
  for (let root = 0; root < next.length; root++) {
    if (state[root] !== 0) continue;
    const path = [root];
    const position = [0];
    state[root] = 1;
    while (path.length > 0) {
      const at = path.at(-1)!;
      const to = next[at]![position[position.length - 1]!++];
      if (to === undefined) {
        state[at] = 2;
        path.pop();
        position.pop();
      } else if (state[to] === 1) return [...path.slice(path.indexOf(to)), to];
      else if (state[to] === 0) {
        state[to] = 1;
        path.push(to);
        position.push(0);
      }
    }
  }
  return undefined;
}
