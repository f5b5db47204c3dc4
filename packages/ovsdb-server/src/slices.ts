/** Lets clients to which much is to be sent take turns: together they get one slice of time between two looks at what has come, however many there are. */

/** Does some of it, until that time at best; what is left it adds again. */
export type SliceOfWork = (until: number) => void;

/** Work between two looks at other clients. */
const sliceMs = 10;

export class Slices {
  readonly #now: () => number;
  readonly #soon: (run: () => void) => void;
  #waiting: SliceOfWork[] = [];
  #next = 0;
  #scheduled = false;
  /** When the time of this turn is over; undefined: nobody has worked yet. */
  #end: number | undefined;

  constructor(now: () => number = () => performance.now(), soon: (run: () => void) => void = setImmediate) {
    this.#now = now;
    this.#soon = soon;
  }

  /** Works at once if nobody waits and there is time, else as `add`. */
  start(work: SliceOfWork): void {
    const now = this.#now();
    if (this.#end === undefined) {
      this.#end = now + sliceMs;
      this.#schedule();
    }
    if (this.#next === this.#waiting.length && now < this.#end) work(this.#end);
    else this.#waiting.push(work);
  }

  /** Works in a later turn, after those that wait. */
  add(work: SliceOfWork): void {
    this.#waiting.push(work);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#soon(this.#run);
  }

  readonly #run = (): void => {
    this.#scheduled = false;
    this.#end = this.#now() + sliceMs;
    // What is added meanwhile waits for its turn.
    const last = this.#waiting.length;
    while (this.#next < last) {
      this.#waiting[this.#next++]!(this.#end);
      if (this.#now() >= this.#end) break;
    }
    if (this.#next < this.#waiting.length) this.#schedule();
    else this.#end = undefined;
    if (this.#next * 2 < this.#waiting.length) return;
    this.#waiting = this.#waiting.slice(this.#next);
    this.#next = 0;
  };
}
