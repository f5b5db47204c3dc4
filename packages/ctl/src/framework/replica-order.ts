/**
 * The order in which the C programs print the rows of a table and the pairs of some maps. They keep both in hash tables and walk them as they
 * lie, which anyone who compares or parses output sees; so it is computed here, as watching the programs shows it:
 *
 * - the table of rows hashes a uuid to its first 32 bits; names are hashed by MurmurHash3 (A. Appleby, public domain), with the last bytes mixed
 *   in like whole words;
 * - rows get in as the server's answer, an object by uuid, is walked: another hash table, by the uuid's text;
 * - a table chains at the head of a bucket. It begins with one bucket, goes to four, then doubles, when there are two entries for each bucket.
 */
import { compareStrings } from '@weft/ovsdb/atom';
import type { Uuid } from '@weft/ovsdb/uuid';

interface Identified {
  readonly _uuid: Uuid;
}

/** Orders rows as a C client walks them whose server wrote them in this order. */
export function replicaOrder<R extends Identified>(rows: readonly R[]): R[] {
  if (rows.length < 2) return [...rows];
  const received = walk(rows, (row) => hashName(row._uuid));
  return walk(received, (row) => Number.parseInt(row._uuid.slice(0, 8), 16));
}

/** Orders the pairs of a map of strings, given by ascending keys, as a C program walks it. */
export function mapOrder<V>(map: ReadonlyMap<string, V>): [string, V][] {
  return walk([...map], ([key]) => hashName(key));
}

/** Orders entries by name; entries of one name stand as a C program that collects them in a hash table by name finds them. */
export function inNameOrder<T>(entries: readonly T[], name: (entry: T) => string): T[] {
  return walk(entries, (entry) => hashName(name(entry))).sort((a, b) => compareStrings(name(a), name(b)));
}

interface Link<T> {
  readonly hash: number;
  readonly entry: T;
}

/** Puts entries into a chained hash table one after the other, and walks it. */
function walk<T>(entries: readonly T[], hash: (entry: T) => number): T[] {
  let buckets: Link<T>[][] = [[]];
  let count = 0;
  for (const entry of entries) {
    const h = hash(entry);
    // Chains grow at their head; here that is an array's end.
    buckets[(h & (buckets.length - 1)) >>> 0]!.push({ hash: h, entry });
    count++;
    if (count >> 1 >= buckets.length) buckets = grown(buckets);
  }
  return buckets.flatMap((chain) => chain.reverse().map((link) => link.entry));
}

function grown<T>(buckets: readonly Link<T>[][]): Link<T>[][] {
  const larger: Link<T>[][] = Array.from({ length: Math.max(4, buckets.length * 2) }, () => []);
  for (const chain of buckets) {
    for (let i = chain.length - 1; i >= 0; i--) larger[(chain[i]!.hash & (larger.length - 1)) >>> 0]!.push(chain[i]!);
  }
  return larger;
}

/** MurmurHash3, 32 bits, seed 0, of the text's UTF-8; what remains after the last whole word is a word padded with zeros. */
export function hashName(text: string): number {
  const bytes = Buffer.from(text);
  let h = 0;
  for (let i = 0; i < bytes.length; i += 4) {
    let k = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    k = Math.imul(k, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  h ^= bytes.length;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
