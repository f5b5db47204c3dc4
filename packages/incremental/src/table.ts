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
export interface MembershipListener<V> {
  added(row: V): void;
  removed(row: V): void;
}

/** A set of rows that changes: what a derivation for each of them needs of a table. */
export interface RowSet<V> {
  rows(): Iterable<V>;
  holds(row: V): boolean;
  listen(listener: MembershipListener<V>): void;
}

const current = Symbol('current');
const replace = Symbol('replace');
const cells = Symbol('cells');

/** What a table keeps of each row: something that looks like the row to readers, and the row's present version. */
interface View extends TableRow {
  readonly [current]: TableRow;
  /** Takes the next version, and tells the readers of what is different in it. */
  [replace](next: TableRow): void;
}

/**
 * A row that is tracked in one piece. For tables of many rows that are hardly ever modified: a source for each column of each row would cost more
 * than it saves.
 */
export interface Whole<R extends TableRow> extends TableRow {
  readonly row: R;
}

/**
 * A table of rows `R` whose reads are tracked: {@link get} by row, what a view `V` shows piece by piece, {@link rows} by membership.
 *
 * Views look like rows. A view stays the same object while its row lives, whatever its columns become, so a derivation that only passes a row
 * along does not run again when a column changes that it never looked at.
 */
export class TrackedTable<V extends TableRow, R extends TableRow = V> implements RowSet<V> {
  readonly name: string;
  readonly #graph: Graph;
  readonly #views = new Map<string, View>();
  readonly #existence: KeyedSources<string>;
  readonly #membership = new Source();
  readonly #listeners: MembershipListener<V>[] = [];
  readonly #indexes: TrackedIndex<V, never, R>[] = [];
  readonly #makeView: (row: TableRow) => View;

  /** `columns` are tracked one by one; `whole` makes views of {@link Whole} rows. */
  constructor(graph: Graph, name: string, columns: readonly string[] | 'whole') {
    this.#graph = graph;
    this.name = name;
    this.#existence = new KeyedSources(graph);
    this.#makeView =
      columns === 'whole'
        ? wholeViewMaker(graph)
        : viewMaker(
            graph,
            columns.filter((column) => column !== '_uuid'),
          );
  }

  /** The number of rows. Not tracked. */
  get size(): number {
    return this.#views.size;
  }

  /** The row, or undefined. The reader runs again when the row comes or goes, and for each column that it reads from it. */
  get(uuid: string): V | undefined {
    this.#existence.read(uuid);
    return this.#views.get(uuid) as V | undefined;
  }

  /** Whether this view is that of a row that is there. Not tracked. */
  holds(row: V): boolean {
    return (this.#views.get(row._uuid) as unknown) === row;
  }

  /** All rows, in no order that means anything. The reader runs again when any row comes or goes: for sets that stay small. */
  rows(): Iterable<V> {
    this.#graph.read(this.#membership);
    return this.#views.values() as Iterable<unknown> as Iterable<V>;
  }

  /**
   * An index by what `key` makes of a row: one key, several (`[]` for a set-valued column), or undefined for a row that is not in the index.
   * `key` gets the plain row and may read only `columns`.
   */
  index<K extends IndexKey>(
    name: string,
    columns: readonly (keyof R & string)[],
    key: (row: R) => K | readonly K[] | undefined,
  ): TrackedIndex<V, K, R> {
    const index = new TrackedIndex<V, K, R>(this.#graph, name, columns, key);
    for (const view of this.#views.values()) index.update(view as unknown as V, undefined, view[current] as R);
    this.#indexes.push(index as unknown as TrackedIndex<V, never, R>);
    return index;
  }

  /** Hears of each row that is added or removed from now on. */
  listen(listener: MembershipListener<V>): void {
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
    const asRow = view as unknown as V;
    for (const index of this.#indexes) index.update(asRow, undefined, row);
    this.#existence.changed(uuid);
    this.#graph.changed(this.#membership);
    for (const listener of this.#listeners) listener.added(asRow);
  }

  #remove(uuid: string, view: View): void {
    this.#views.delete(uuid);
    const asRow = view as unknown as V;
    for (const index of this.#indexes) index.update(asRow, view[current] as R, undefined);
    this.#existence.changed(uuid);
    this.#graph.changed(this.#membership);
    for (const listener of this.#listeners) listener.removed(asRow);
  }

  #modify(view: View, next: R): void {
    const old = view[current] as R;
    if (old === next) return;
    view[replace](next);
    for (const index of this.#indexes) index.update(view as unknown as V, old, next);
  }
}

/** What is behind a view of a row that is tracked column by column. */
abstract class RowView implements View {
  readonly _uuid: string;
  [current]: TableRow;
  /** A source for each column that somebody reads. */
  [cells]: (Source | undefined)[] | undefined = undefined;

  constructor(row: TableRow) {
    this._uuid = row._uuid;
    this[current] = row;
  }

  abstract [replace](next: TableRow): void;
}

/** Makes a class of views with a tracked getter for each column. */
function viewMaker(graph: Graph, columns: readonly string[]): (row: TableRow) => View {
  class TableView extends RowView {
    [replace](next: TableRow): void {
      const old = this[current];
      this[current] = next;
      this[cells]?.forEach((cell, i) => {
        const column = columns[i] as keyof TableRow;
        if (cell !== undefined && old[column] !== next[column]) graph.changed(cell);
      });
    }
  }
  Object.defineProperties(TableView.prototype, Object.getOwnPropertyDescriptors(columnGetters(graph, columns)));
  return (row) => new TableView(row);
}

/**
 * An object with a getter for each column, compiled for that column. Closures that one piece of code makes for all columns of all tables share what V8
 * learns of the rows that they see; it then looks properties up in hash tables, which took a tenth of the time of a large start.
 */
function columnGetters(graph: Graph, columns: readonly string[]): object {
  const getters = columns.map(
    (column, i) => `get ${JSON.stringify(column)}() {
      if (graph.tracking) {
        const sources = (this[cells] ??= []);
        graph.read((sources[${i}] ??= new Source()));
      }
      return this[current][${JSON.stringify(column)}];
    }`,
  );
  const make = new Function('graph', 'Source', 'current', 'cells', `return { ${getters.join(',\n')} };`);
  return make(graph, Source, current, cells) as object;
}

/** Views that are their own only source. */
function wholeViewMaker(graph: Graph): (row: TableRow) => View {
  class WholeView extends Source implements View, Whole<TableRow> {
    readonly _uuid: string;
    [current]: TableRow;

    constructor(row: TableRow) {
      super();
      this._uuid = row._uuid;
      this[current] = row;
    }

    get row(): TableRow {
      graph.read(this);
      return this[current];
    }

    [replace](next: TableRow): void {
      this[current] = next;
      graph.changed(this);
    }
  }
  return (row) => new WholeView(row);
}
