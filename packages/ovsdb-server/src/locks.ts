/** Named locks, shared by all databases of a server (RFC 7047 sections 4.1.8 to 4.1.10). The first in line owns the lock. */

/** Whoever can hold a lock; it is told what happens to it. */
export interface LockHolder {
  locked(name: string): void;
  stolen(name: string): void;
}

interface Place {
  readonly holder: LockHolder;
  /** It came to the lock by `steal`, which does not wait: stolen from, it is out. */
  readonly stole: boolean;
}

export class Locks {
  readonly #lines = new Map<string, Place[]>();

  /** Queues up. Returns true if the lock is granted at once; else `locked` is called when it is. */
  lock(name: string, holder: LockHolder): boolean {
    const place = { holder, stole: false };
    const line = this.#lines.get(name);
    if (line === undefined) this.#lines.set(name, [place]);
    else line.push(place);
    return line === undefined;
  }

  /** Takes the lock from its owner, who is the next in line if it waited for the lock, and out if it stole it. */
  steal(name: string, holder: LockHolder): void {
    const [owner, ...waiting] = this.#lines.get(name) ?? [];
    const behind = owner === undefined || owner.stole ? waiting : [owner, ...waiting];
    this.#lines.set(name, [{ holder, stole: true }, ...behind]);
    owner?.holder.stolen(name);
  }

  /** Leaves the line. The next one gets the lock if the holder owned it. */
  unlock(name: string, holder: LockHolder): void {
    const line = this.#lines.get(name);
    if (line === undefined) return;
    const owned = line[0]?.holder === holder;
    const rest = line.filter((place) => place.holder !== holder);
    if (rest.length === 0) this.#lines.delete(name);
    else {
      this.#lines.set(name, rest);
      if (owned) rest[0]!.holder.locked(name);
    }
  }

  owns(name: string, holder: LockHolder): boolean {
    return this.#lines.get(name)?.[0]?.holder === holder;
  }
}
