/**
 * The order in which the C programs print the rows of a table and the pairs of some maps. They keep both in hash tables and walk them as they
 * lie, which anyone who compares or parses output sees; so it is computed here, as watching the programs shows it:
 *
 * - the table of rows hashes a uuid to its first 32 bits; names are hashed by MurmurHash3 (A. Appleby, public domain), with the last bytes mixed
 *   in like whole words;
 * - `entry-order.ts` has the order in which rows get in, new ones follow, and a row that is deleted keeps its place until all is done;
 * - a table chains at the head of a bucket. It begins with one bucket, goes to four, then doubles, when there are two entries for each bucket.
 */
import { compareStrings } from '@weft/ovsdb/atom';
import type { Uuid } from '@weft/ovsdb/uuid';

/** Orders uuids as a C program walks rows that got into its replica in this order. */
export function replicaOrder(entered: readonly Uuid[]): Uuid[] {
  return walk(entered, hashUuid);
}

/** Orders rows in the same way. */
export function rowsInReplicaOrder<R extends { readonly _uuid: Uuid }>(entered: readonly R[]): R[] {
  return walk(entered, ({ _uuid }) => hashUuid(_uuid));
}

function hashUuid(uuid: Uuid): number {
  return Number.parseInt(uuid.slice(0, 8), 16);
}

/** Orders the pairs of a map of strings, given by ascending keys, as a C program walks it. */
export function mapOrder<V>(map: ReadonlyMap<string, V>): [string, V][] {
  return walk([...map], ([key]) => hashName(key));
}

/** Orders entries by name; entries of one name stand as a C program that collects them in a hash table by name finds them. */
export function inNameOrder<T>(entries: readonly T[], name: (entry: T) => string): T[] {
  return walk(entries, (entry) => hashName(name(entry))).sort((a, b) => compareStrings(name(a), name(b)));
}

/** Puts entries into a chained hash table one after the other, and walks it. */
export function walk<T>(entries: readonly T[], hash: (entry: T) => number): T[] {
  const hashes = new Uint32Array(entries.length);
  entries.forEach((entry, i) => {
    hashes[i] = hash(entry);
  });
  // Chains are lists of indexes into `entries`; each begins with the head of its bucket.
  const next = new Int32Array(entries.length);
  let heads = new Int32Array(1).fill(none);
  const link = (i: number): void => {
    const bucket = hashes[i]! & (heads.length - 1);
    next[i] = heads[bucket]!;
    heads[bucket] = i;
  };
  for (let i = 0; i < entries.length; i++) {
    link(i);
    if ((i + 1) >> 1 < heads.length) continue;
    const old = heads;
    heads = new Int32Array(Math.max(4, old.length * 2)).fill(none);
    for (const head of old) {
      for (let at = head, after: number; at !== none; at = after) {
        after = next[at]!;
        link(at);
      }
    }
  }
  const walked: T[] = [];
  for (const head of heads) for (let at = head; at !== none; at = next[at]!) walked.push(entries[at]!);
  return walked;
}

const none = -1;

/** MurmurHash3, 32 bits, seed 0, of the text's UTF-8; what remains after the last whole word is a word padded with zeros. */
export function hashName(text: string): number {
  return hashBytes(ascii.test(text) ? text : Buffer.from(text).toString('latin1'));
}

const ascii = /^\p{ASCII}*$/u;

/** The hash of bytes, each of which is a character. */
function hashBytes(bytes: string): number {
  const { length } = bytes;
  let h = 0;
  for (let i = 0; i < length; i += 4) {
    let k = 0;
    for (let j = Math.min(i + 4, length) - 1; j >= i; j--) k = (k << 8) | bytes.charCodeAt(j);
    k = Math.imul(k, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  h ^= length;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
