/**
 * What one monitor sees of one table: which columns, for which kinds of change, in which format. Views are interned, so that the text of a row's
 * change is made once for all the monitors that see the same of it.
 */
import type { Row } from '@weft/ovsdb/row';
import type { Uuid } from '@weft/ovsdb/uuid';
import { bucketOf, type MemoryTable } from '../memory-table.ts';

/** 1: `update`. 2: `update2` and `update3`. */
export type Format = 1 | 2;

export interface Select {
  readonly initial: boolean;
  readonly insert: boolean;
  readonly delete: boolean;
  readonly modify: boolean;
}

export interface MonitoredColumn {
  readonly name: string;
  readonly select: Select;
}

export class TableView {
  readonly table: MemoryTable;
  /** No other view of the database has it. */
  readonly key: number;
  /** What it shows of the table. */
  readonly text: string;
  readonly selects: Select;
  /** It shows columns that are not stored. */
  readonly ephemeral: boolean;
  readonly #format: Format;
  readonly #initial: readonly string[];
  readonly #insert: readonly string[];
  readonly #delete: readonly string[];
  readonly #modify: readonly string[];
  /** Monitors' views that show it, by which `TableViews` knows whether anybody needs it. */
  users = 0;
  /** When somebody asked for its initial rows last, in milliseconds. */
  asked = Number.NEGATIVE_INFINITY;
  /** The initial rows of each bucket, as long as they are those of the table. */
  #dump: (DumpPart | undefined)[] | undefined;

  constructor(
    table: MemoryTable,
    format: Format,
    columns: readonly MonitoredColumn[],
    selects: Select,
    key: number,
    text = '',
  ) {
    this.table = table;
    this.key = key;
    this.text = text;
    this.#format = format;
    const having = (kind: keyof Select) => columns.filter(({ select }) => select[kind]).map(({ name }) => name);
    this.#initial = having('initial');
    this.#insert = having('insert');
    this.#delete = having('delete');
    this.#modify = having('modify');
    // Of the requests, not of the columns: one without columns still wants to hear of rows.
    this.selects = selects;
    this.ephemeral = columns.some(({ name }) => table.schema.columns[name]?.ephemeral === true);
  }

  initial(row: Row): string {
    const { text } = this.table;
    return this.#format === 1
      ? `{"new":${text.object(row, this.#initial, false)}}`
      : `{"initial":${text.object(row, this.#initial, true)}}`;
  }

  /** Undefined: the monitor does not want to hear of it. So for the other two. Columns that are not in `given` have their defaults. */
  insert(row: Row, given: readonly string[] = this.table.columns): string | undefined {
    if (!this.selects.insert) return undefined;
    const { text } = this.table;
    return this.#format === 1
      ? `{"new":${text.object(row, this.#insert, false)}}`
      : `{"insert":${text.inserted(row, given, this.#insert)}}`;
  }

  delete(row: Row): string | undefined {
    if (!this.selects.delete) return undefined;
    return this.#format === 1 ? `{"old":${this.table.text.object(row, this.#delete, false)}}` : '{"delete":null}';
  }

  /** The states agree in all columns that are not in `changed`. */
  modify(old: Row, next: Row, changed: readonly string[]): string | undefined {
    if (!this.selects.modify) return undefined;
    const { text } = this.table;
    if (this.#format === 2) {
      const difference = text.difference(old, next, changed, this.#modify);
      return difference === undefined ? undefined : `{"modify":${difference}}`;
    }
    const columns = text.changed(old, next, changed, this.#modify);
    if (columns.length === 0) return undefined;
    return `{"old":${text.object(old, columns, false)},"new":${text.object(next, this.#modify, false)}}`;
  }

  /** A row of the table has changed: its part of the kept dump is no longer true. */
  forget(uuid: Uuid): void {
    if (this.#dump === undefined) return;
    const bucket = bucketOf(uuid);
    this.#dump[bucket]?.forget();
    this.#dump[bucket] = undefined;
  }

  get keepsDump(): boolean {
    return this.#dump !== undefined;
  }

  /** Gives back the memory that the kept dump takes. */
  forgetAll(): void {
    for (const part of this.#dump ?? []) part?.forget();
    this.#dump = undefined;
  }

  /**
   * The initial rows in pieces, each of which is a kept buffer or a function that makes it. The state is that of now, whenever the functions are
   * called; what all want who come before it is made, is made once.
   */
  pieces(): (Buffer | (() => Buffer))[] {
    const { table } = this;
    this.#dump ??= new Array<DumpPart | undefined>(256);
    const dump = this.#dump;
    const pieces: (Buffer | (() => Buffer))[] = [];
    for (const [bucket, present] of table.buckets().entries()) {
      if (present.size === 0) continue;
      dump[bucket] ??= new DumpPart([...present.values()], (row) => this.initial(row));
      pieces.push(dump[bucket].text ?? dump[bucket].make);
    }
    return pieces;
  }
}

/** Some rows of a dump, whose text is kept until one of them changes. Whoever comes by then, and sends them later, makes the text anew. */
class DumpPart {
  readonly #rows: readonly Row[];
  readonly #initial: (row: Row) => string;
  #forgotten = false;
  text: Buffer | undefined;

  constructor(rows: readonly Row[], initial: (row: Row) => string) {
    this.#rows = rows;
    this.#initial = initial;
  }

  readonly make = (): Buffer => {
    if (this.text !== undefined) return this.text;
    const text = Buffer.from(this.#rows.map((row) => `"${row._uuid}":${this.#initial(row)}`).join(','));
    if (!this.#forgotten) this.text = text;
    return text;
  };

  forget(): void {
    this.#forgotten = true;
    this.text = undefined;
  }
}

const none: readonly TableView[] = [];

/**
 * Views that nobody has any more are kept for the next client that asks for the same, with their dumps, but not more than so many of a table: each costs
 * memory and, with each change of the table, time, and clients can ask for any choice of columns.
 */
const maxUnused = 4;

interface ViewsOfTable {
  readonly all: Set<TableView>;
  readonly byText: Map<string, TableView>;
  /** The one that has been unused for longest comes first. */
  readonly unused: Set<TableView>;
}

/** The views of one database, one for each distinct thing to see. */
export class TableViews {
  readonly #byTable = new Map<MemoryTable, ViewsOfTable>();
  #made = 0;

  /** The caller says `use` if it keeps it. */
  get(table: MemoryTable, format: Format, columns: readonly MonitoredColumn[], selects: Select): TableView {
    let views = this.#byTable.get(table);
    if (views === undefined) {
      views = { all: new Set(), byText: new Map(), unused: new Set() };
      this.#byTable.set(table, views);
    }
    const text = JSON.stringify([
      Object.values(selects),
      format,
      columns.map(({ name, select }) => [name, ...Object.values(select)]),
    ]);
    let view = views.byText.get(text);
    if (view === undefined) {
      view = new TableView(table, format, columns, selects, this.#made++, text);
      views.byText.set(text, view);
      views.all.add(view);
    }
    return view;
  }

  use(view: TableView): void {
    view.users++;
    this.#byTable.get(view.table)?.unused.delete(view);
  }

  release(view: TableView): void {
    const views = this.#byTable.get(view.table);
    // Those of tables that have been replaced are not known any more.
    if (--view.users > 0 || views?.byText.get(view.text) !== view) return;
    views.unused.add(view);
    if (views.unused.size > maxUnused) this.#forget(views.unused.values().next().value!);
  }

  of(table: MemoryTable): Iterable<TableView> {
    return this.#byTable.get(table)?.all ?? none;
  }

  /** How many there are. */
  get size(): number {
    let size = 0;
    for (const { all } of this.#byTable.values()) size += all.size;
    return size;
  }

  get keptDumps(): number {
    let kept = 0;
    for (const { all } of this.#byTable.values()) for (const view of all) if (view.keepsDump) kept++;
    return kept;
  }

  /** Forgets dumps that nobody has asked for since `time`, and with them views that nobody has. Returns when the oldest of the others was asked for. */
  forgetDumps(time: number): number | undefined {
    let oldest: number | undefined;
    for (const { all, unused } of [...this.#byTable.values()]) {
      for (const view of [...all]) {
        if (view.asked > time) oldest = Math.min(oldest ?? view.asked, view.asked);
        else if (unused.has(view)) this.#forget(view);
        else view.forgetAll();
      }
    }
    return oldest;
  }

  clear(): void {
    this.#byTable.clear();
  }

  #forget(view: TableView): void {
    const views = this.#byTable.get(view.table);
    if (views === undefined) return;
    views.unused.delete(view);
    views.byText.delete(view.text);
    views.all.delete(view);
    if (views.all.size === 0) this.#byTable.delete(view.table);
  }
}
