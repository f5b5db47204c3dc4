/**
 * Who wants to hear of which change. A row's change is looked up by the values that conditions name, so its cost grows with the monitors that want it,
 * and its text is made once for all that see the same.
 */
import type { Atom } from '@weft/ovsdb/atom';
import type { Condition } from '@weft/ovsdb/condition';
import type { Datum } from '@weft/ovsdb/datum';
import type { Row } from '@weft/ovsdb/row';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { TableChange } from '../changes.ts';
import type { Timers } from '../database.ts';
import type { MemoryTable } from '../memory-table.ts';
import { type Piece, sendAround } from '../pieces.ts';
import { rowPieces, tablePieces } from './dump.ts';
import { TableFilter } from './filter.ts';
import { Member, type Method, type MonitorSink } from './member.ts';
import type { TableRequest } from './request.ts';
import { TableViews } from './table-view.ts';
import { ChangeTexts, MonitorView, Updates, type UpdatesText, type ViewedTable } from './view.ts';

/** Dumps are kept for the next client that asks for the same, for that long after the last one asked. */
const keepDumpsMs = 60_000;

interface Subscribers {
  /** Views that want every row, and views of which a condition cannot be looked up. */
  readonly always: Set<MonitorView>;
  readonly byAtom: Map<string, Map<Atom, Set<MonitorView>>>;
}

export class MonitorHub {
  readonly #views = new Map<string, MonitorView>();
  readonly #subscribers = new Map<MemoryTable, Subscribers>();
  readonly #tableViews = new TableViews();
  readonly #timers: Timers;
  #cancelForget: (() => void) | undefined;
  #members = 0;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  get size(): number {
    return this.#members;
  }

  /** How many distinct things to see of a table it knows, some of which nobody may look at any more. */
  get tableViews(): number {
    return this.#tableViews.size;
  }

  /** Registers a monitor. The caller sends the initial contents, of the state at this moment. */
  add(requests: readonly TableRequest[], method: Method, id: string, sink: MonitorSink): Member {
    const format = method === 'update' ? 1 : 2;
    const tables = new Map<MemoryTable, ViewedTable>();
    for (const { table, columns, selects, condition } of requests) {
      tables.set(table, {
        view: this.#tableViews.get(table, format, columns, selects),
        filter: new TableFilter(table, condition),
      });
    }
    const view = this.#intern(tables);
    const member = new Member(method, sink, id, view);
    view.members.add(member);
    this.#members++;
    return member;
  }

  remove(member: Member): void {
    if (!member.view.members.delete(member)) return;
    this.#members--;
    if (member.view.members.size === 0) this.#drop(member.view);
  }

  /**
   * Changes conditions, and returns the `<table-updates2>` that lead from what the old ones showed to what the new ones show, if there are any, in
   * pieces: a client may ask for most of the database this way. What the member is behind with must have been sent.
   */
  change(member: Member, conditions: ReadonlyMap<MemoryTable, Condition>): Piece[] | undefined {
    const tables = new Map(member.view.tables);
    const updates: Piece[] = [];
    for (const [table, condition] of conditions) {
      const viewed = tables.get(table);
      if (viewed === undefined) continue;
      const filter = new TableFilter(table, condition);
      const rows = rowUpdates(viewed, filter);
      if (rows.length > 0) updates.push(updates.length === 0 ? '{' : ',', ...tablePieces(table, rows));
      tables.set(table, { view: viewed.view, filter });
    }
    // The new one first: what both show of a table is in use throughout.
    const view = this.#intern(tables);
    if (view !== member.view) {
      this.remove(member);
      member.view = view;
      view.members.add(member);
      this.#members++;
    }
    if (updates.length === 0) return undefined;
    updates.push('}');
    return updates;
  }

  /** Tells everybody who wants to know. */
  publish(id: Uuid, changes: readonly TableChange[]): void {
    let touched: Map<MonitorView, Updates> | undefined;
    for (const change of changes) {
      for (const tableView of this.#tableViews.of(change.at)) tableView.forget(change.uuid);
      const subscribers = this.#subscribers.get(change.at);
      if (subscribers === undefined) continue;
      const views = interested(subscribers, change);
      if (views.size === 0) continue;
      touched ??= new Map();
      const texts = new ChangeTexts(change);
      for (const view of views) {
        const text = texts.get(view.tables.get(change.at)!);
        if (text === undefined) continue;
        let updates = touched.get(view);
        if (updates === undefined) {
          updates = new Updates();
          touched.set(view, updates);
        }
        updates.add(change.at, text);
      }
    }
    if (touched === undefined) return;
    for (const [view, updates] of touched) deliver(view, id, changes, updates.text()!);
  }

  /** The database has other tables now. Who still monitors the old ones hears nothing more. */
  tablesReplaced(): void {
    this.#tableViews.clear();
    this.#subscribers.clear();
  }

  /** Somebody asks for what the view shows: what that needs is forgotten some time after the last who did, whatever others ask for. */
  touchDumps(view: MonitorView): void {
    const now = this.#timers.now();
    for (const { view: tableView } of view.tables.values()) tableView.asked = now;
    if (this.#cancelForget === undefined) this.#forgetIn(keepDumpsMs);
  }

  /** Of how many table views a dump is kept. */
  get keptDumps(): number {
    return this.#tableViews.keptDumps;
  }

  #forgetIn(milliseconds: number): void {
    this.#cancelForget = this.#timers.after(milliseconds, () => {
      this.#cancelForget = undefined;
      const now = this.#timers.now();
      const oldest = this.#tableViews.forgetDumps(now - keepDumpsMs);
      if (oldest !== undefined) this.#forgetIn(Math.max(1, oldest + keepDumpsMs - now));
    });
  }

  stop(): void {
    this.#cancelForget?.();
    this.#cancelForget = undefined;
  }

  #intern(tables: ReadonlyMap<MemoryTable, ViewedTable>): MonitorView {
    const key = MonitorView.keyOf(tables);
    let view = this.#views.get(key);
    if (view === undefined) {
      view = new MonitorView(tables, key);
      this.#views.set(key, view);
      for (const [table, viewed] of tables) {
        this.#tableViews.use(viewed.view);
        this.#subscribe(table, viewed, view);
      }
    }
    return view;
  }

  #drop(view: MonitorView): void {
    this.#views.delete(view.key);
    for (const [table, { view: tableView, filter }] of view.tables) {
      this.#tableViews.release(tableView);
      const subscribers = this.#subscribers.get(table);
      if (subscribers === undefined) continue;
      subscribers.always.delete(view);
      if (filter.everything) continue;
      for (const { clause, atom } of filter.clauses.values()) {
        if (atom === undefined) continue;
        const atoms = subscribers.byAtom.get(clause.column);
        const views = atoms?.get(atom);
        views?.delete(view);
        if (views?.size === 0) atoms?.delete(atom);
        if (atoms?.size === 0) subscribers.byAtom.delete(clause.column);
      }
    }
  }

  #subscribe(table: MemoryTable, { filter }: ViewedTable, view: MonitorView): void {
    let subscribers = this.#subscribers.get(table);
    if (subscribers === undefined) {
      subscribers = { always: new Set(), byAtom: new Map() };
      this.#subscribers.set(table, subscribers);
    }
    if (filter.everything) {
      subscribers.always.add(view);
      return;
    }
    for (const { clause, atom } of filter.clauses.values()) {
      if (atom === undefined) {
        subscribers.always.add(view);
        continue;
      }
      const atoms = subscribers.byAtom.get(clause.column) ?? new Map<Atom, Set<MonitorView>>();
      subscribers.byAtom.set(clause.column, atoms);
      const views = atoms.get(atom) ?? new Set();
      atoms.set(atom, views);
      views.add(view);
    }
  }
}

/** A superset of the views that the change concerns. */
function interested({ always, byAtom }: Subscribers, { old, new: next }: TableChange): ReadonlySet<MonitorView> {
  if (byAtom.size === 0) return always;
  let views: Set<MonitorView> | undefined;
  const addAll = (atoms: ReadonlyMap<Atom, ReadonlySet<MonitorView>>, datum: Datum): void => {
    if (datum === undefined) return;
    const keys = Array.isArray(datum)
      ? (datum as readonly Atom[])
      : datum instanceof Map
        ? datum.keys()
        : [datum as Atom];
    for (const key of keys) {
      const found = atoms.get(key as Atom);
      if (found === undefined) continue;
      views ??= new Set(always);
      for (const view of found) views.add(view);
    }
  };
  for (const [column, atoms] of byAtom) {
    const before = old?.[column];
    const after = next?.[column];
    addAll(atoms, before);
    if (after !== before) addAll(atoms, after);
  }
  return views ?? always;
}

function deliver(view: MonitorView, id: Uuid, changes: readonly TableChange[], updates: UpdatesText): void {
  let last: Member | undefined;
  let message = '';
  for (const member of view.members) {
    if (member.isBehind || !member.sink.ready) {
      member.postpone({ id, changes });
      continue;
    }
    if (typeof updates !== 'string') {
      member.told = id;
      sendAround(member.sink, member.head(id), updates, ']}');
      continue;
    }
    // Most clients choose the same id for their monitor, and then the whole message is the same.
    if (last?.id !== member.id || last.method !== member.method) message = `${member.head(id)}${updates}]}`;
    last = member;
    member.told = id;
    member.sink.send(message);
  }
}

/** Rows that only one of two filters wants are deleted or inserted. */
function rowUpdates({ view, filter: before }: ViewedTable, after: TableFilter): Piece[] {
  if (before.everything && after.everything) return [];
  const only = (one: TableFilter, other: TableFilter): Row[] => {
    if (one.everything) return [...view.table.rows()].filter((row) => !other.matches(row));
    const clauses = [...one.clauses.values()].filter(({ key }) => !other.clauses.has(key));
    const wanted = (row: Row): boolean => one.matches(row) && !other.matches(row);
    return [...(other.everything ? [] : one.rowsOf(clauses, wanted))];
  };
  return [
    ...(view.selects.delete ? rowPieces(only(before, after), (row) => view.delete(row)) : []),
    ...(view.selects.insert ? rowPieces(only(after, before), (row) => view.insert(row)) : []),
  ];
}
