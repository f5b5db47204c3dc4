/** Takes the databases' changes into the tables: few at once, many in slices, so that the snapshot of a large network does not keep the event loop. */
import type { RowChange } from '@weft/ovsdb/row';
import { applyChanges, type OvsTables, type SbTables } from './tables.ts';

/** Changes that are applied at a stretch: a few milliseconds' work. */
const sliceSize = 1000;

/** What waits to be applied: `changes` from `next` on, to one database's tables. */
interface Waiting {
  readonly tables: SbTables | OvsTables;
  readonly changes: readonly RowChange[];
  next: number;
}

/** Changes are applied in the order in which they came. While some wait, the tables are between two states: nothing may be derived from them. */
export class Intake {
  #waiting: Waiting[] = [];

  /** Everything that was given is in the tables. */
  get empty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Changes of one update. They are in the tables at once if they are few and nothing waits before them. */
  add(tables: SbTables | OvsTables, changes: readonly RowChange[]): void {
    if (this.empty && changes.length <= sliceSize) applyChanges(tables, changes);
    else if (changes.length > 0) this.#waiting.push({ tables, changes, next: 0 });
  }

  /** Applies a slice of what waits. */
  step(): void {
    const first = this.#waiting[0];
    if (first === undefined) return;
    const { tables, changes, next } = first;
    first.next = next + sliceSize;
    // Before they are applied: what fails must not come again and again.
    if (first.next >= changes.length) this.#waiting = this.#waiting.slice(1);
    applyChanges(tables, changes.slice(next, next + sliceSize));
  }

  /** Applies all of it. */
  finish(): void {
    while (!this.empty) this.step();
  }
}
