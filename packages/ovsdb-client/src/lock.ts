/** A lock of the server (RFC 7047 section 4.1.8), asked for again on each connection. At most one client holds it. */
import type { Peer } from '@weft/jsonrpc/peer';
import { isObject } from '@weft/ovsdb/json';
import { tell } from './listeners.ts';

export class Lock {
  readonly name: string;
  readonly #listeners = new Set<(held: boolean) => void>();
  #held = false;
  #peer: Peer | undefined;

  constructor(name: string) {
    this.name = name;
  }

  get held(): boolean {
    return this.#held;
  }

  /** Calls `listener` when the lock is won or lost; the returned function ends that. */
  onChange(listener: (held: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** For the replica: the connection can be used. */
  request(peer: Peer, onError: (error: Error) => void): void {
    this.#peer = peer;
    const answered = (held: boolean): void => {
      // It may have been given back, or lost, meanwhile.
      if (this.#peer === peer) this.#set(held);
    };
    peer.request('lock', [this.name], (result) => answered(isObject(result) && result.locked === true), onError);
  }

  /** For the replica: the server notified us. */
  notified(method: 'locked' | 'stolen'): void {
    this.#set(method === 'locked');
  }

  /** For the replica: the connection is lost, and the lock with it. */
  lost(): void {
    this.#peer = undefined;
    this.#set(false);
  }

  /** For the replica: gives the lock, or the place in its queue, back. */
  release(): void {
    this.#peer?.request(
      'unlock',
      [this.name],
      () => {},
      () => {},
    );
    this.lost();
  }

  #set(held: boolean): void {
    if (held === this.#held) return;
    this.#held = held;
    tell(this.#listeners, held);
  }
}
