import { type Graph, Source } from './graph.ts';
import { KeyedSources } from './keyed-sources.ts';
import { type IndexKey, TrackedIndex } from './tracked-index.ts';

/** A row as the tables of a replica hold it: immutable, unchanged column values shared (`===`) between versions. */
export interface TableRow {
  readonly _uuid: string;
}

/** One row's change: without `old` an insertion, without `new` a deletion. */
export interface TableChange<R> {
  readonly uuid: string;
  readonly old?: R | undefined;
  readonly new?: R | undefined;
}

/** Hears of rows that come and go. */
export interface MembershipListener<R> {
  added(row: R): void;
  removed(row: R): void;
}

/** What is behind a view: the row's present version, and a source for each column that somebody reads. */
class ViewState {
  row: TableRow;
  readonly cells: (Source | undefined)[] = [];

  constructor(row: TableRow) {
    this.row = row;
  }
}

const state = Symbol('state');
interface View extends TableRow {
  readonly [state]: ViewState;
}

/**
 * A table whose reads are tracked: {@link get} by row, a view's columns one by one, {@link rows} by membership.
 *
 * Views look like rows. A view stays the same object while its row lives, whatever its columns become, so a derivation that only passes a row
 * along does not run again when a column changes that it never looked at.
 */
export class TrackedTable<R extends TableRow> {
  readonly name: string;
  readonly #graph: Graph;
  readonly #columns: readonly string[];
  readonly #views = new Map<string, View>();
  readonly #existence: KeyedSources<string>;
  readonly #membership = new Source();
  readonly #listeners: MembershipListener<R>[] = [];
  readonly #indexes: TrackedIndex<R, never>[] = [];
  readonly #makeView: (row: TableRow) => View;

  constructor(graph: Graph, name: string, columns: readonly string[]) {
    this.#graph = graph;
    this.name = name;
    this.#columns = columns.filter((column) => column !== '_uuid');
    this.#existence = new KeyedSources(graph);
    this.#makeView = viewMaker(graph, this.#columns);
  }

  /** The number of rows. Not tracked. */
  get size(): number {
    return this.#views.size;
  }

  /** The row, or undefined. The reader runs again when the row comes or goes, and for each column that it reads from it. */
  get(uuid: string): R | undefined {
    this.#existence.read(uuid);
    return this.#views.get(uuid) as R | undefined;
  }

  /** Whether this view is that of a row that is there. Not tracked. */
  holds(row: R): boolean {
    return (this.#views.get(row._uuid) as unknown) === row;
  }

  /** All rows, in no order that means anything. The reader runs again when any row comes or goes: for sets that stay small. */
  rows(): Iterable<R> {
    this.#graph.read(this.#membership);
    return this.#views.values() as Iterable<unknown> as Iterable<R>;
  }

  /**
   * An index by what `key` makes of a row: one key, several (`[]` for a set-valued column), or undefined for a row that is not in the index.
   * `key` gets the plain row and may read only `columns`.
   */
  index<K extends IndexKey>(
    name: string,
    columns: readonly (keyof R & string)[],
    key: (row: R) => K | readonly K[] | undefined,
  ): TrackedIndex<R, K> {
    const index = new TrackedIndex<R, K>(this.#graph, name, columns, key);
    for (const view of this.#views.values()) index.update(view as unknown as R, undefined, view[state].row as R);
    this.#indexes.push(index as unknown as TrackedIndex<R, never>);
    return index;
  }

  /** Hears of each row that is added or removed from now on. */
  listen(listener: MembershipListener<R>): void {
    this.#listeners.push(listener);
  }

  /** Takes changes in. A change whose row is in no known state (insert of a present row, change of an absent one) is taken by its `new`. */
  apply(changes: Iterable<TableChange<R>>): void {
    for (const { uuid, new: next } of changes) {
      const view = this.#views.get(uuid);
      if (next === undefined) {
        if (view !== undefined) this.#remove(uuid, view);
      } else if (view === undefined) this.#add(uuid, next);
      else this.#modify(view, next);
    }
  }

  #add(uuid: string, row: R): void {
    const view = this.#makeView(row);
    this.#views.set(uuid, view);
    const asRow = view as unknown as R;
    for (const index of this.#indexes) index.update(asRow, undefined, row);
    this.#existence.changed(uuid);
    this.#graph.changed(this.#membership);
    for (const listener of this.#listeners) listener.added(asRow);
  }

  #remove(uuid: string, view: View): void {
    this.#views.delete(uuid);
    const asRow = view as unknown as R;
    for (const index of this.#indexes) index.update(asRow, view[state].row as R, undefined);
    this.#existence.changed(uuid);
    this.#graph.changed(this.#membership);
    for (const listener of this.#listeners) listener.removed(asRow);
  }

  #modify(view: View, next: R): void {
    const inner = view[state];
    const old = inner.row as R;
    if (old === next) return;
    inner.row = next;
    inner.cells.forEach((cell, i) => {
      const column = this.#columns[i] as keyof R;
      if (cell !== undefined && old[column] !== next[column]) this.#graph.changed(cell);
    });
    for (const index of this.#indexes) index.update(view as unknown as R, old, next);
  }
}

/** Makes a class of views with a tracked getter for each column; one class a table keeps V8's property look-ups monomorphic. */
function viewMaker(graph: Graph, columns: readonly string[]): (row: TableRow) => View {
  class RowView implements View {
    readonly _uuid: string;
    readonly [state]: ViewState;

    constructor(row: TableRow) {
      this._uuid = row._uuid;
      this[state] = new ViewState(row);
    }
  }
  columns.forEach((column, i) => {
    Object.defineProperty(RowView.prototype, column, {
      enumerable: true,
      get(this: RowView): unknown {
        const inner = this[state];
        if (graph.tracking) {
          let cell = inner.cells[i];
          if (cell === undefined) {
            cell = new Source();
            inner.cells[i] = cell;
          }
          graph.read(cell);
        }
        return (inner.row as unknown as Record<string, unknown>)[column];
      },
    });
  });
  return (row) => new RowView(row);
}
