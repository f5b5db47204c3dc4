/** Which free number is next: the lowest, or the one after the last that was given, so that a number rests before it is used again. */
export type Order = 'lowest' | 'round';

/** Hands out numbers, each to one owner. */
export class NumberPool {
  readonly #order: Order;
  readonly #first: number;
  readonly #owners = new Map<number, string>();
  readonly #numbers = new Map<string, number>();
  #last: number;

  constructor(first: number, order: Order = 'round') {
    this.#order = order;
    this.#first = first;
    this.#last = first - 1;
  }

  /** How many numbers have an owner. */
  get size(): number {
    return this.#numbers.size;
  }

  /** The number that the owner has. */
  get(owner: string): number | undefined {
    return this.#numbers.get(owner);
  }

  ownerOf(number: number): string | undefined {
    return this.#owners.get(number);
  }

  /** Gives this very number to the owner, taking it from whoever has it; what the owner had is free then. */
  assign(owner: string, number: number): void {
    const previous = this.#owners.get(number);
    if (previous === owner) return;
    if (previous !== undefined) this.#numbers.delete(previous);
    this.release(owner);
    this.#owners.set(number, owner);
    this.#numbers.set(owner, number);
    if (number > this.#last) this.#last = number;
  }

  /** The owner's number, chosen now if it has none, up to `max` and not one that `reserved` refuses; undefined if all are taken. */
  allocate(owner: string, max: number, reserved: (number: number) => boolean = () => false): number | undefined {
    const present = this.#numbers.get(owner);
    if (present !== undefined && present <= max && !reserved(present)) return present;
    const count = max - this.#first + 1;
    const last = this.#order === 'lowest' ? this.#first - 1 : Math.min(this.#last, max);
    for (let i = 1; i <= count; i++) {
      const number = this.#first + ((last - this.#first + i) % count);
      if (this.#owners.has(number) || reserved(number)) continue;
      this.assign(owner, number);
      this.#last = number;
      return number;
    }
    return undefined;
  }

  release(owner: string): void {
    const number = this.#numbers.get(owner);
    if (number === undefined) return;
    this.#numbers.delete(owner);
    this.#owners.delete(number);
  }
}
