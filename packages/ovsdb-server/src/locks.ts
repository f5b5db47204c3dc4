/** Named locks, shared by all databases of a server (RFC 7047 sections 4.1.8 to 4.1.10). The first in line owns the lock. */

/** Whoever can hold a lock; it is told what happens to it. */
export interface LockHolder {
  locked(name: string): void;
  stolen(name: string): void;
}

export class Locks {
  readonly #lines = new Map<string, LockHolder[]>();

  /** Queues up. Returns true if the lock is granted at once; else `locked` is called when it is. */
  lock(name: string, holder: LockHolder): boolean {
    const line = this.#lines.get(name);
    if (line === undefined) {
      this.#lines.set(name, [holder]);
      return true;
    }
    line.push(holder);
    return line[0] === holder;
  }

  /** Takes the lock from its owner, who stays in line behind. */
  steal(name: string, holder: LockHolder): void {
    const line = this.#lines.get(name) ?? [];
    const owner = line[0];
    this.#lines.set(name, [holder, ...line.filter((other) => other !== holder)]);
    if (owner !== undefined && owner !== holder) owner.stolen(name);
  }

  /** Leaves the line. The next one gets the lock if the holder owned it. */
  unlock(name: string, holder: LockHolder): void {
    const line = this.#lines.get(name);
    if (line === undefined) return;
    const owned = line[0] === holder;
    const rest = line.filter((other) => other !== holder);
    if (rest.length === 0) this.#lines.delete(name);
    else {
      this.#lines.set(name, rest);
      if (owned) rest[0]!.locked(name);
    }
  }

  owns(name: string, holder: LockHolder): boolean {
    return this.#lines.get(name)?.[0] === holder;
  }

  inLine(name: string, holder: LockHolder): boolean {
    return this.#lines.get(name)?.includes(holder) === true;
  }
}
