/**
 * Sets of datapaths that can be compared in constant time: each set keeps the exclusive or of its members' hashes, so two sets are equal (but for
 * an accident of 96 bits) exactly if their `id`s are. The hashes are salted, so nobody can choose uuids that collide.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Uuid } from '@weft/ovsdb/uuid';

type Hash = readonly [number, number, number];

/** The hashes of datapaths; sets can be compared if they share it. */
export class DatapathHashes {
  readonly #salt = randomBytes(16);
  readonly #hashes = new Map<Uuid, Hash>();

  get size(): number {
    return this.#hashes.size;
  }

  /** The datapath is gone. If somebody asks all the same, the hash is the same again. */
  forget(datapath: Uuid): void {
    this.#hashes.delete(datapath);
  }

  of(datapath: Uuid): Hash {
    let hash = this.#hashes.get(datapath);
    if (hash === undefined) {
      const digest = createHash('sha1').update(this.#salt).update(datapath).digest();
      hash = [digest.readInt32LE(0), digest.readInt32LE(4), digest.readInt32LE(8)];
      this.#hashes.set(datapath, hash);
    }
    return hash;
  }
}

/** A set of datapaths with an identity of its content. Small sets are the rule: most flows are on one datapath. */
export class DatapathSet {
  readonly #hashes: DatapathHashes;
  #one: Uuid | undefined;
  #many: Set<Uuid> | undefined;
  #a = 0;
  #b = 0;
  #c = 0;

  constructor(hashes: DatapathHashes) {
    this.#hashes = hashes;
  }

  get size(): number {
    return this.#many?.size ?? (this.#one === undefined ? 0 : 1);
  }

  /** Equal for sets of equal content. */
  get id(): string {
    return `${this.size}:${this.#a}:${this.#b}:${this.#c}`;
  }

  /** The only member of a set of one. */
  get only(): Uuid | undefined {
    return this.#one;
  }

  has(datapath: Uuid): boolean {
    return this.#many?.has(datapath) ?? this.#one === datapath;
  }

  add(datapath: Uuid): void {
    if (this.has(datapath)) return;
    this.#toggle(datapath);
    if (this.#many !== undefined) this.#many.add(datapath);
    else if (this.#one === undefined) this.#one = datapath;
    else {
      this.#many = new Set([this.#one, datapath]);
      this.#one = undefined;
    }
  }

  delete(datapath: Uuid): void {
    if (!this.has(datapath)) return;
    this.#toggle(datapath);
    if (this.#many === undefined) {
      this.#one = undefined;
      return;
    }
    this.#many.delete(datapath);
    if (this.#many.size > 1) return;
    [this.#one] = this.#many;
    this.#many = undefined;
  }

  *[Symbol.iterator](): Iterator<Uuid> {
    if (this.#one !== undefined) yield this.#one;
    if (this.#many !== undefined) yield* this.#many;
  }

  #toggle(datapath: Uuid): void {
    const [a, b, c] = this.#hashes.of(datapath);
    this.#a ^= a;
    this.#b ^= b;
    this.#c ^= c;
  }
}
