/** Packets that wait until the MAC of their next hop is known. Bounded in number and in time: who waits too long is dropped, as if it had been lost. */

/** What a waiting packet needs to go on. */
export interface Waiting<P> {
  readonly packet: P;
  readonly since: number;
}

const maxPerHop = 4;
const maxHops = 1000;
const maxAgeMs = 3000;

export class BufferedPackets<P> {
  readonly #byHop = new Map<string, Waiting<P>[]>();

  get size(): number {
    return this.#byHop.size;
  }

  add(hop: string, packet: P, now: number): void {
    const waiting = (this.#byHop.get(hop) ?? []).filter((entry) => now - entry.since < maxAgeMs);
    waiting.push({ packet, since: now });
    this.#byHop.delete(hop);
    this.#byHop.set(hop, waiting.slice(-maxPerHop));
    // The hop that has waited longest goes first.
    const oldest = this.#byHop.keys().next();
    if (this.#byHop.size > maxHops && oldest.done !== true) this.#byHop.delete(oldest.value);
  }

  hops(): readonly string[] {
    return [...this.#byHop.keys()];
  }

  /** The packets that wait for a hop, which wait no longer. */
  take(hop: string, now: number): readonly P[] {
    const waiting = this.#byHop.get(hop) ?? [];
    this.#byHop.delete(hop);
    return waiting.filter((entry) => now - entry.since < maxAgeMs).map((entry) => entry.packet);
  }

  /** Forgets who has waited too long. */
  expire(now: number): void {
    for (const [hop, waiting] of this.#byHop)
      if (waiting.every((entry) => now - entry.since >= maxAgeMs)) this.#byHop.delete(hop);
  }

  clear(): void {
    this.#byHop.clear();
  }
}
