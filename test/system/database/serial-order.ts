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

/** Somebody found, in the database, that this version of the item was written by the transaction with that id. */
export interface Witness {
  readonly item: string;
  readonly version: number;
  readonly writer: string;
}

/**
 * What is wrong with the history, or undefined. `initial` and `final` are the versions of all items before and after it. Transactions without an end
 * may have happened or not: one that a witness names has, with all that it writes; of others we ask only to account for versions that nobody else wrote.
 */
export function anomaly(
  initial: ReadonlyMap<string, number>,
  transactions: readonly Transaction[],
  final: ReadonlyMap<string, number>,
  witnesses: readonly Witness[] = [],
): string | undefined {
  const testimony = hear(transactions, witnesses);
  if (typeof testimony === 'string') return testimony;
  const answered = transactions.filter(({ end }) => end !== undefined);
  const unanswered = transactions.filter(({ end }) => end === undefined);
  /** Of those without an answer, who happened. */
  const found = unanswered.flatMap((transaction): Transaction[] => {
    const versions = testimony.get(transaction.id);
    return versions === undefined ? [] : [{ ...transaction, writes: new Map([...transaction.writes, ...versions]) }];
  });
  const missing = unanswered.filter(({ id }) => !testimony.has(id));
  const happened = [...answered, ...found];
  const writers = new Map<string, Map<number, Transaction>>();
  for (const item of initial.keys()) writers.set(item, new Map());
  for (const transaction of happened) {
    for (const [item, version] of transaction.writes) {
      const versions = writers.get(item);
      if (versions === undefined || (version === undefined && transaction.end !== undefined)) {
        return `${transaction.id} wrote ${item}: what?`;
      }
      if (version === undefined) continue;
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
    const open = new Set<number>();
    for (let version = first + 1; version <= last; version++) if (!versions.has(version)) open.add(version);
    const half = found.filter(({ writes }) => writes.has(item) && writes.get(item) === undefined);
    if (half.length > open.size) return `half of ${half.map(({ id }) => id).join(' or ')}: it did not write ${item}`;
    let anyVersion = half.length;
    for (const { writes } of missing) {
      if (!writes.has(item)) continue;
      const version = writes.get(item);
      if (version === undefined) anyVersion++;
      else open.delete(version);
    }
    if (open.size > anyVersion) return `nobody wrote ${item} ${[...open].join(' or ')}`;
    for (const { id, reads } of answered) {
      const version = reads.get(item);
      if (version !== undefined && (version < first || version > last))
        return `${id} read ${item} ${version}, which never was`;
    }
  }
  return circle(happened, writers);
}

/** Which versions each transaction without an answer wrote, as far as there are witnesses; what is wrong if they contradict each other, or an answer. */
function hear(
  transactions: readonly Transaction[],
  witnesses: readonly Witness[],
): ReadonlyMap<string, ReadonlyMap<string, number>> | string {
  const byId = new Map(transactions.map((transaction) => [transaction.id, transaction]));
  const writerOf = new Map<string, string>();
  const versions = new Map<string, Map<string, number>>();
  for (const { item, version, writer } of witnesses) {
    const other = writerOf.get(`${item} ${version}`);
    if (other !== undefined && other !== writer) return `${item} ${version} is of ${other}, and of ${writer}`;
    writerOf.set(`${item} ${version}`, writer);
    const transaction = byId.get(writer);
    if (transaction?.writes.has(item) !== true) return `${item} ${version} is of ${writer}, which did not write it`;
    const told = transaction.end === undefined ? versions.get(writer)?.get(item) : transaction.writes.get(item);
    if (told !== undefined && told !== version) return `${item} ${version} is of ${writer}, and so is ${told}`;
    if (transaction.end !== undefined) continue;
    const own = versions.get(writer) ?? new Map<string, number>();
    versions.set(writer, own.set(item, version));
  }
  return versions;
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
    // One that was not answered may have happened at any time after it was sent.
    ...(end === undefined ? [] : [{ time: end, at, ends: true }]),
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
