/** What a monitor sees of the database: a view and a filter for each table. Monitors that see the same share one. */
import { compareStrings } from '@weft/ovsdb/atom';
import type { TableChange } from '../changes.ts';
import type { MemoryTable } from '../memory-table.ts';
import type { TableFilter } from './filter.ts';
import type { Member } from './member.ts';
import type { TableView } from './table-view.ts';

export interface ViewedTable {
  readonly view: TableView;
  readonly filter: TableFilter;
}

/** The texts of one change, one for each table view and kind of event. */
export class ChangeTexts {
  readonly #texts = new Map<
    TableView,
    { insert?: string | undefined; delete?: string | undefined; modify?: string | undefined }
  >();
  readonly #change: TableChange;

  constructor(change: TableChange) {
    this.#change = change;
  }

  /** `"uuid":update`, or undefined if the monitor is told nothing. */
  get({ view, filter }: ViewedTable): string | undefined {
    const { old, new: next, uuid, columns } = this.#change;
    const before = old !== undefined && filter.matches(old);
    const after = next !== undefined && filter.matches(next);
    if (!before && !after) return undefined;
    const kind = before ? (after ? 'modify' : 'delete') : 'insert';
    let texts = this.#texts.get(view);
    if (texts === undefined) {
      texts = {};
      this.#texts.set(view, texts);
    }
    if (!(kind in texts)) {
      const text =
        kind === 'modify'
          ? view.modify(old!, next!, columns)
          : kind === 'delete'
            ? view.delete(old!)
            : view.insert(next!, old === undefined ? columns : undefined);
      texts[kind] = text === undefined ? undefined : `"${uuid}":${text}`;
    }
    return texts[kind];
  }
}

export class MonitorView {
  readonly tables: ReadonlyMap<MemoryTable, ViewedTable>;
  readonly key: string;
  readonly members = new Set<Member>();

  constructor(tables: ReadonlyMap<MemoryTable, ViewedTable>, key: string) {
    this.tables = tables;
    this.key = key;
  }

  static keyOf(tables: ReadonlyMap<MemoryTable, ViewedTable>): string {
    return [...tables.values()].map(({ view, filter }) => `${view.key} ${filter.key}`).join('\n');
  }

  /** Does it show the row, before the change or after it? */
  concerns({ at, old, new: next }: TableChange): boolean {
    const filter = this.tables.get(at)?.filter;
    if (filter === undefined) return false;
    return (old !== undefined && filter.matches(old)) || (next !== undefined && filter.matches(next));
  }

  /** `<table-updates>` for these changes, or undefined if they concern nobody here. */
  updates(changes: readonly TableChange[]): UpdatesText | undefined {
    const updates = new Updates();
    for (const change of changes) {
      const viewed = this.tables.get(change.at);
      if (viewed !== undefined) updates.add(change.at, new ChangeTexts(change).get(viewed));
    }
    return updates.text();
  }
}

/**
 * `<table-updates>`: a text or, if it is long, its parts as bytes. Those are the same for all that get it, and together may be longer than V8's longest
 * string: a transaction may change all rows of a large database.
 */
export type UpdatesText = string | readonly Buffer[];

/** A longer text is cut into parts of that many characters, about. */
const partLength = 65_536;

/** Row updates, gathered by table. */
export class Updates {
  readonly #byTable = new Map<MemoryTable, { readonly parts: Buffer[]; text: string }>();

  add(table: MemoryTable, rowUpdate: string | undefined): void {
    if (rowUpdate === undefined) return;
    const rows = this.#byTable.get(table);
    if (rows === undefined) {
      this.#byTable.set(table, { parts: [], text: rowUpdate });
      return;
    }
    rows.text = `${rows.text},${rowUpdate}`;
    if (rows.text.length < partLength) return;
    rows.parts.push(Buffer.from(rows.text));
    rows.text = '';
  }

  /**
   * In the order of the tables' names, as the C server says it, not in that of the operations: what clients make of references between rows of one update
   * depends on which row they see first, and must not be another each time.
   */
  text(): UpdatesText | undefined {
    if (this.#byTable.size === 0) return undefined;
    const tables = this.#byTable.size === 1 ? this.#byTable : [...this.#byTable].sort(byName);
    const parts: Buffer[] = [];
    let text = '';
    for (const [table, rows] of tables) {
      text += `${text === '' && parts.length === 0 ? '{' : ','}"${table.name}":{`;
      if (rows.parts.length > 0) {
        parts.push(Buffer.from(text));
        for (const part of rows.parts) parts.push(part);
        text = '';
      }
      text += `${rows.text}}`;
    }
    text += '}';
    if (parts.length === 0) return text;
    parts.push(Buffer.from(text));
    return parts;
  }
}

const byName = ([a]: readonly [MemoryTable, unknown], [b]: readonly [MemoryTable, unknown]): number =>
  compareStrings(a.name, b.name);
